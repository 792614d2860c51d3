from __future__ import annotations

from typing import Any

import pytest
from specs import provenance

from tests.contract.conftest import ROOT
from tests.contract.documented import EXECUTION_PATH, published_document


@pytest.fixture
def compiled(spec: dict[str, Any]) -> dict[str, Any]:
    """Give the vendored document if it was put together here, from pages among others.

    One that was fetched is the truth itself, and has no page to follow.
    """
    if not provenance.is_compiled(spec, ROOT):
        pytest.skip("the vendored document was fetched, and follows no page")
    return spec


def test_the_status_operation_is_the_published_one(compiled: dict[str, Any]) -> None:
    published = published_document()
    assert compiled["paths"][EXECUTION_PATH]["get"] == published["paths"][EXECUTION_PATH]["get"]


def test_what_the_status_operation_needs_is_the_published_one(compiled: dict[str, Any]) -> None:
    published = published_document()
    for part in ("openapi", "info", "servers", "security"):
        assert compiled[part] == published[part]
    for kind, parts in published["components"].items():
        for name, part in parts.items():
            assert compiled["components"][kind][name] == part
