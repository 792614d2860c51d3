"""A mocked API whose every exchange is held against the vendored spec."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import respx

from datalab_facade import Datalab
from tests.contract.spec_guard import SpecGuard
from tests.secrets_for_tests import API_KEY

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    """Give the vendored document."""
    document: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text())
    return document


@pytest.fixture(scope="session")
def guard(spec: dict[str, Any]) -> SpecGuard:
    """Give the judge of exchanges."""
    return SpecGuard(spec)


@pytest.fixture
def api(guard: SpecGuard, request: pytest.FixtureRequest) -> Iterator[respx.MockRouter]:
    """Mock the API; at the end, all routes were called and all exchanges are allowed."""
    off_spec = request.node.get_closest_marker("off_spec") is not None
    with respx.mock(base_url="https://www.datalab.to", assert_all_called=True) as router:
        yield router
        for call in router.calls:
            guard.check(call.request, call.optional_response, off_spec=off_spec)


@pytest.fixture
def client() -> Iterator[Datalab]:
    """Give a client that takes no second try."""
    with Datalab(API_KEY, max_retries=0) as client:
        yield client
