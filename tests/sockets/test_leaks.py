"""Whatever a call is cut off in the middle of, it leaves no connection open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from datalab_facade import AsyncDatalab, Datalab, Output, Status
from datalab_facade.transport.network.sockets import Network, SocketStream
from tests.outputs.bad_storage import Asked, BadStorage, Reply, cut
from tests.outputs.conftest import until
from tests.secrets_for_tests import API_KEY
from tests.ways import KINDS, Way

BODY = b'{"execution_id": 7, "status": "COMPLETED", "steps": {}}'


@pytest.fixture
def server() -> Iterator[BadStorage]:
    """Give a server that answers everything alike, as the API and as storage."""
    with BadStorage() as server:
        server.plays(then=lambda _: Reply(body=BODY))
        yield server


def output(server: BadStorage) -> Output:
    return Output(
        execution_id=7, step="parse", file_key=None, url=server.url(), status=Status.COMPLETED
    )


AsyncCall = Callable[[AsyncDatalab, BadStorage], Awaitable[object]]
CALLS: dict[str, AsyncCall] = {
    "get": lambda client, _: client.executions.get(7),
    "bytes": lambda client, server: client.outputs.read_bytes(output(server)),
}
ROUNDS = 45


def kept(client: Any) -> int:
    idle = [*client._api._pool._idle, *client._storage._pool._idle]
    return sum(len(one.network.streams) for one in idle)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("cancels", [1, 2])
async def test_a_task_that_is_cancelled_anywhere_leaves_no_connection(
    server: BadStorage, call: AsyncCall, cancels: int
) -> None:
    """After any number of steps of the loop, and twice in a row; also when it is too late."""
    ends = set()
    async with AsyncDatalab(API_KEY, base_url=server.origin, requests_per_minute=None) as client:
        for rounds in [*range(ROUNDS), None]:
            for pool in (client._api._pool, client._storage._pool):
                pool.take(client._api._server).close()
            task = asyncio.ensure_future(call(client, server))
            for _ in range(rounds or 0):
                await asyncio.sleep(0)
            if rounds is None:
                await asyncio.wait([task])
            for _ in range(cancels):
                task.cancel()
                await asyncio.sleep(0)
            with contextlib.suppress(asyncio.CancelledError):
                await task
            ends.add(task.cancelled())
            assert kept(client) == (0 if task.cancelled() else 1)
            await asyncio.to_thread(until, lambda: server.open_connections == kept(client))
    assert ends == {True, False}, "no call was cancelled, or all were"


async def test_many_cancels_leave_a_client_that_works(server: BadStorage) -> None:
    async with AsyncDatalab(API_KEY, base_url=server.origin, requests_per_minute=None) as client:
        for rounds in range(150):
            tasks = [asyncio.ensure_future(call(client, server)) for call in CALLS.values()]
            for _ in range(rounds % 30):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert (await client.executions.get(7)).succeeded
        assert await client.outputs.read_bytes(output(server)) == BODY
        await asyncio.to_thread(until, lambda: server.open_connections <= 2)


@pytest.mark.parametrize("name", ["read", "write", "get_extra_info", "connect_tcp"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["get", "bytes"])
def test_a_call_that_is_interrupted_anywhere_leaves_no_connection(
    server: BadStorage, monkeypatch: pytest.MonkeyPatch, name: str, when: str, method: str
) -> None:
    kind: Any = Network if name == "connect_tcp" else SocketStream
    real = getattr(kind, name)

    def interrupted(*args: Any, **options: Any) -> Any:
        if when == "after":
            real(*args, **options)
        raise KeyboardInterrupt

    with Datalab(API_KEY, base_url=server.origin) as client:
        calls: dict[str, Callable[[], object]] = {
            "get": lambda: client.executions.get(7),
            "bytes": lambda: client.outputs.read_bytes(output(server)),
        }
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                calls[method]()
        until(lambda: server.open_connections == 0)
        assert client.executions.get(7).succeeded
        assert client.outputs.read_bytes(output(server)) == BODY


def refuse(_: Asked) -> Reply:
    return Reply(status=403, body=b"<Error/>" * 10_000)


@pytest.mark.parametrize("way", KINDS, indirect=True)
@pytest.mark.parametrize(
    "player",
    [refuse, cut(lambda _: Reply(body=BODY), 20), cut(lambda _: Reply(body=BODY), 20, "silence")],
    ids=["refused", "cut", "silent"],
)
def test_an_answer_that_is_not_read_to_its_end_takes_its_connection_along(
    way: Way, server: BadStorage, player: Any
) -> None:
    server.plays(then=player)
    client = way.network_client(base_url=server.origin, max_retries=0)
    with pytest.raises(Exception):  # noqa: B017, PT011 - other tests say how it ends
        way.done(client.executions.get(7, timeout=0.3))
    with pytest.raises(Exception):  # noqa: B017, PT011 - other tests say how it ends
        way.done(client.outputs.read_bytes(output(server), timeout=0.3))
    way.call_aside(lambda: until(lambda: server.open_connections == kept(client)))
