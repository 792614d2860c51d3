"""Each request under way has a connection of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import httpcore
import httpx
import pytest

from datalab_facade import AsyncDatalab, ClientStateError, ConfigurationError, Datalab
from datalab_facade.testing import ExecutionScript, Fault, Simulator, SimulatorServer, StepScript
from datalab_facade.transport.origin import Server
from datalab_facade.transport.permits import MOST_UNDER_WAY
from tests.in_process import NEVER_ENDS
from tests.secrets_for_tests import API_KEY


def idle(client: Datalab | AsyncDatalab) -> list[Any]:
    return list(client._api._pool._idle)


def sockets(client: Datalab | AsyncDatalab) -> list[Any]:
    return [stream for one in idle(client) for stream in one.network.streams]


def take(client: Datalab | AsyncDatalab) -> Any:
    return client._api._pool.take(client._api._server)


def is_open(connection: Any) -> bool:
    return bool(connection.network.streams)


def test_one_after_the_other_requests_share_one_connection(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    with Datalab(API_KEY, base_url=server.api_url) as client:
        client.executions.get(execution_id)
        [first] = sockets(client)
        for _ in range(4):
            client.executions.get(execution_id)
        assert sockets(client) == [first]


def test_threads_that_ask_at_once_get_a_connection_each(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id, many = simulator.start(NEVER_ENDS), 8
    with (
        Datalab(API_KEY, base_url=server.api_url, requests_per_minute=None) as client,
        ThreadPoolExecutor(many) as threads,
    ):
        together = threading.Barrier(many)

        def ask(_: int) -> None:
            connection = take(client)
            together.wait(20)
            client._api._pool.put_back(connection)
            client.executions.get(execution_id)

        list(threads.map(ask, range(many)))
        assert len(idle(client)) == many
        assert 1 <= len(sockets(client)) <= many


async def test_tasks_never_open_more_connections_than_requests_may_be_under_way(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.inject_always(Fault.delay(0.05))
    async with AsyncDatalab(API_KEY, base_url=server.api_url, requests_per_minute=None) as client:
        looks = [client.executions.get(execution_id) for _ in range(3 * MOST_UNDER_WAY)]
        await asyncio.gather(*looks)
        assert len(sockets(client)) == len(idle(client)) <= MOST_UNDER_WAY


def test_a_connection_that_nobody_needed_for_long_is_closed(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    with Datalab(API_KEY, base_url=server.api_url) as client:
        client.executions.get(execution_id)
        pool = client._api._pool
        spare, used = take(client), take(client)
        assert is_open(spare)
        pool.put_back(spare)
        pool.put_back(used)
        spare.idle_since -= 3600
        client.executions.get(execution_id)
        assert idle(client) == [used]
        assert not is_open(spare)


async def test_a_connection_that_no_task_needed_for_long_is_closed(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    async with AsyncDatalab(API_KEY, base_url=server.api_url) as client:
        await client.executions.get(execution_id)
        pool = client._api._pool
        spare, used = take(client), take(client)
        assert is_open(spare)
        pool.put_back(spare)
        pool.put_back(used)
        spare.idle_since -= 3600
        await client.executions.get(execution_id)
        assert idle(client) == [used]
        assert not is_open(spare)


def test_a_connection_in_use_while_the_client_is_closed_is_closed_when_put_back(
    simulator: Simulator, server: SimulatorServer
) -> None:
    client = Datalab(API_KEY, base_url=server.api_url)
    client.executions.get(simulator.start(NEVER_ENDS))
    connection = take(client)
    client.close()
    assert is_open(connection)
    client._api._pool.put_back(connection)
    assert not is_open(connection)
    assert idle(client) == []


@pytest.mark.parametrize("make", [Datalab, AsyncDatalab])
@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTPS_PROXY", "nonsense://user:hunter2@proxy:1"), ("SSL_CERT_FILE", "/no/such/file.pem")],
)
def test_an_environment_that_cannot_be_used_is_an_error_at_once(
    make: Callable[[str], object], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises((ClientStateError, ConfigurationError), match=name) as caught:
        make(API_KEY)
    assert "hunter2" not in str(caught.value)


def test_a_connection_is_kept_for_its_own_server_only(server: SimulatorServer) -> None:
    here = Server.of(httpx.URL(server.api_url))
    elsewhere = Server.of(httpx.URL("https://storage.example"))
    with Datalab(API_KEY, base_url=server.api_url) as client:
        pool = client._storage._pool
        first, other = pool.take(here), pool.take(elsewhere)
        pool.put_back(first)
        pool.put_back(other)
        assert pool.take(Server.of(httpx.URL(server.api_url))) is first
        assert pool.take(elsewhere) is other
        assert pool.take(elsewhere) is not other


def test_no_more_connections_are_kept_than_anybody_needs(server: SimulatorServer) -> None:
    servers = [Server.of(httpx.URL(f"https://storage-{n}.example")) for n in range(150)]
    with Datalab(API_KEY, base_url=server.api_url) as client:
        pool = client._storage._pool
        taken = [pool.take(one) for one in servers]
        for one in taken:
            pool.put_back(one)
        assert pool._idle == taken[-100:]


def test_a_request_passes_few_frames_of_ours_on_its_way(
    simulator: Simulator, server: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[str] = []
    handle = httpcore.HTTPConnection.handle_request

    def look(connection: Any, request: Any) -> Any:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if "/datalab_facade/" in frame.f_code.co_filename:
                frames.append(f"{Path(frame.f_code.co_filename).name} {frame.f_code.co_name}")
            frame = frame.f_back
        return handle(connection, request)

    monkeypatch.setattr(httpcore.HTTPConnection, "handle_request", look)
    execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
    with Datalab(API_KEY, base_url=server.api_url) as client:
        client.executions.wait(execution_id)
    assert frames[:4] == [
        "connection_pool.py send",
        "connection_pool.py fetch",
        "api.py send",
        "api.py call",
    ]
    assert len(frames) <= 8
