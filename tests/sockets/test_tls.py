"""TLS, alone, through a proxy, and inside the TLS of a proxy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from datalab_facade import AsyncDatalab, ConnectionFailed, Datalab, Output, Status
from tests.outputs.bad_storage import Asked, BadStorage, Reply
from tests.outputs.conftest import until
from tests.secrets_for_tests import API_KEY
from tests.sockets.tls import CERTIFICATE, Front, fronted

LARGE = bytes(range(256)) * 8_000


def answer(asked: Asked) -> Reply:
    if "executions" not in asked.target:
        return Reply(body=LARGE)
    execution_id = int(asked.target.rsplit("/", 1)[1])
    told = {"execution_id": execution_id, "status": "COMPLETED", "steps": {}}
    return Reply(body=json.dumps(told).encode())


@pytest.fixture
def storage() -> Iterator[BadStorage]:
    with BadStorage() as storage:
        storage.plays(then=answer)
        yield storage


@pytest.fixture
def front(storage: BadStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """Give TLS in front of it, which clients of this test trust."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with fronted(urlsplit(storage.origin).port or 0) as front:
        yield front


Use = Callable[[str, Callable[[Any], list[Any]]], list[Any]]


def blocking(url: str, calls: Callable[[Any], list[Any]]) -> list[Any]:
    with Datalab(API_KEY, base_url=url, max_faults=0) as client:
        return [call() for call in calls(client)]


def asynchronous(url: str, calls: Callable[[Any], list[Any]]) -> list[Any]:
    async def use() -> list[Any]:
        async with AsyncDatalab(API_KEY, base_url=url, max_faults=0) as client:
            return [await call() for call in calls(client)]

    return asyncio.run(use())


@pytest.fixture(params=[blocking, asynchronous], ids=["sync", "async"])
def use(request: pytest.FixtureRequest) -> Use:
    """Give a way to make some calls one after the other with one client."""
    use: Use = request.param
    return use


def calls_of(url: str) -> Callable[[Any], list[Any]]:
    output = Output(7, "parse", None, f"{url}/large", Status.COMPLETED)

    def calls(client: Any) -> list[Any]:
        get = [lambda n=n: client.executions.get(n) for n in range(4)]
        return [*get, *[lambda: client.outputs.bytes(output)] * 2]

    return calls


def check(done: list[Any]) -> None:
    assert [execution.id for execution in done[:4]] == [0, 1, 2, 3]
    assert done[4:] == [LARGE, LARGE]


def test_one_connection_is_used_again_and_again(use: Use, front: Front) -> None:
    url = f"https://localhost:{front.port}"
    check(use(url, calls_of(url)))
    assert front.accepted == 2


@pytest.mark.parametrize("tls", [False, True], ids=["http proxy", "https proxy"])
def test_a_proxy_carries_it(
    use: Use, front: Front, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    with fronted(tls=tls, proxy=True) as proxy:
        scheme = "https" if tls else "http"
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://localhost:{proxy.port}")
        url = f"https://localhost:{front.port}"
        check(use(url, calls_of(url)))
        assert proxy.accepted == front.accepted == 2


@pytest.mark.parametrize("pause", [0.0, 0.01], ids=["at once", "late"])
def test_what_follows_an_answer_is_no_answer_inside_of_tls_either(
    use: Use, front: Front, storage: BadStorage, pause: float
) -> None:
    second = b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"execution_id": 1000}'

    def answer_twice(asked: Asked) -> Reply:
        reply = answer(asked)
        return Reply(body=reply.body, keeps=True, behind=second, pause=pause)

    storage.plays(then=answer_twice)

    async def idle_async() -> None:
        await asyncio.to_thread(until, lambda: storage.idle)

    def calls(client: Any) -> list[Any]:
        idle = (lambda: until(lambda: storage.idle)) if use is blocking else idle_async
        return [lambda: client.executions.get(1), idle, lambda: client.executions.get(2)]

    first, _, other = use(f"https://localhost:{front.port}", calls)
    assert (first.id, other.id) == (1, 2)


def test_a_certificate_that_nobody_trusts_is_told(
    use: Use, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED") as raised:
        use(f"https://localhost:{front.port}", lambda client: [lambda: client.executions.get(1)])
    assert not raised.value.may_have_arrived


def test_a_server_that_speaks_no_tls_is_told(use: Use, storage: BadStorage) -> None:
    url = storage.origin.replace("http://127.0.0.1", "https://localhost")
    with pytest.raises(ConnectionFailed) as raised:
        use(url, lambda client: [lambda: client.executions.get(1, timeout=0.3)])
    assert not raised.value.may_have_arrived
