"""A real server on loopback, and both kinds of client for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

import attrs
import pytest

from datalab_facade import AsyncDatalab, Datalab
from datalab_facade.testing import Simulator, SimulatorServer
from tests.secrets_for_tests import API_KEY


@attrs.frozen
class Outcome:
    """How a call ended, and after how many seconds."""

    result: Any
    error: BaseException | None
    seconds: float


Caller: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def simulator() -> Simulator:
    """Give the Datalab behind the sockets."""
    return Simulator(api_key=API_KEY)


@pytest.fixture
def server(simulator: Simulator) -> Iterator[SimulatorServer]:
    """Serve it on loopback."""
    with SimulatorServer(simulator) as server:
        yield server


@pytest.fixture
def datalab(server: SimulatorServer) -> Iterator[Datalab]:
    """Give a blocking client of the server."""
    with Datalab(API_KEY, base_url=server.api_url, requests_per_minute=None) as client:
        yield client


@pytest.fixture(params=["sync", "async", "aiohttp"])
def call(request: pytest.FixtureRequest, server: SimulatorServer) -> Caller:
    """Give a way to call a method of ``client.executions``, blocking or async, and time it."""
    url = server.api_url
    transport: Literal["httpx", "aiohttp"] = "aiohttp" if request.param == "aiohttp" else "httpx"

    def sync(method: str, *args: Any, **options: Any) -> Outcome:
        with Datalab(API_KEY, base_url=url) as client:
            began = time.monotonic()
            try:
                result, error = getattr(client.executions, method)(*args, **options), None
            except Exception as caught:  # noqa: BLE001 - the test looks at it
                result, error = None, caught
            return Outcome(result, error, time.monotonic() - began)

    async def asynchronous(method: str, *args: Any, **options: Any) -> Outcome:
        async with AsyncDatalab(API_KEY, base_url=url, transport=transport) as client:
            began = time.monotonic()
            try:
                result, error = await getattr(client.executions, method)(*args, **options), None
            except Exception as caught:  # noqa: BLE001 - the test looks at it
                result, error = None, caught
            return Outcome(result, error, time.monotonic() - began)

    if request.param == "sync":
        return sync
    return lambda *args, **options: asyncio.run(asynchronous(*args, **options))
