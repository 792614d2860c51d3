"""A real server on loopback, and every kind of client for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from datalab_facade import Datalab
from datalab_facade.testing import Simulator, SimulatorServer
from tests.secrets_for_tests import API_KEY
from tests.ways import KINDS_ON_SOCKETS, Kind, Way


@attrs.frozen
class Outcome:
    """How a call ended, and after how many seconds."""

    result: Any
    error: BaseException | None
    seconds: float


@attrs.frozen
class Caller:
    """Calls methods of ``client.executions``, each with a new client, and times them.

    The time includes the end of the client and of its event loop.
    """

    kind: Kind
    options: dict[str, Any]

    def __call__(self, method: str, *args: Any, **options: Any) -> Outcome:
        result, error = None, None
        began = time.monotonic()
        try:
            with Way(self.kind) as way:
                client = way.network_client(**self.options)
                began = time.monotonic()
                result = way.done(getattr(client.executions, method)(*args, **options))
        except Exception as caught:  # noqa: BLE001 - the test checks it
            error = caught
        return Outcome(result, error, time.monotonic() - began)


@pytest.fixture(params=KINDS_ON_SOCKETS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Do what the test says with both clients, and with each transport there is."""
    with Way(request.param) as way:
        yield way


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


@pytest.fixture
def call(way: Way, server: SimulatorServer) -> Caller:
    """Give a way to call a method of ``client.executions`` at the server, and time it."""
    return Caller(way.kind, {"base_url": server.api_url})
