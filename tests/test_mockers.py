"""What takes the place of httpx's transports in a test reaches clients that were there before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import respx

from datalab_facade import AsyncDatalab, ConnectionFailed, Datalab, Output, Status
from tests.in_process import FINISHED
from tests.secrets_for_tests import API_KEY

# Nothing of a request that goes to the real network gets anywhere.
BASE = "https://datalab.invalid"
OUTPUT = Output(7, "parse", None, "https://storage.invalid/out", Status.COMPLETED)


def answer(request: httpx.Request) -> httpx.Response:
    body = FINISHED if request.url.path.startswith("/api/") else {"pages": 2}
    return httpx.Response(200, json=body)


def patched_transports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Do as pytest-httpx does."""

    async def answer_async(_: object, request: httpx.Request) -> httpx.Response:
        return answer(request)

    with monkeypatch.context() as patch:
        patch.setattr(httpx.HTTPTransport, "handle_request", lambda _, request: answer(request))
        patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer_async)
        yield


def respx_of(using: str) -> Callable[[pytest.MonkeyPatch], Iterator[None]]:
    def mock(_: pytest.MonkeyPatch) -> Iterator[None]:
        with respx.mock(using=using, assert_all_called=False) as router:
            router.route().mock(side_effect=answer)
            yield

    return mock


MOCKERS = {
    "pytest-httpx": patched_transports,
    "respx in httpcore": respx_of("httpcore"),
    "respx in httpx": respx_of("httpx"),
}


@pytest.fixture(params=list(MOCKERS.values()), ids=list(MOCKERS))
def mock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a way to mock from some moment on."""
    mocking = request.param(monkeypatch)
    yield lambda: next(mocking)
    assert next(mocking, None) is None


@pytest.mark.parametrize("own", [False, True], ids=["", "own HTTP client"])
def test_a_blocking_client_is_reached(mock: Callable[[], None], own: bool) -> None:
    http = httpx.Client() if own else None
    with Datalab(API_KEY, base_url=BASE, max_faults=0, http_client=http) as client:
        assert client.executions is client.executions
        mock()
        for _ in range(3):
            assert client.executions.get(7).succeeded
            assert client.outputs.json(OUTPUT) == {"pages": 2}
    if http is not None:
        http.close()


@pytest.mark.parametrize("own", [False, True], ids=["", "own HTTP client"])
async def test_an_async_client_is_reached(mock: Callable[[], None], own: bool) -> None:
    http = httpx.AsyncClient() if own else None
    async with AsyncDatalab(API_KEY, base_url=BASE, max_faults=0, http_client=http) as client:
        mock()
        for _ in range(3):
            assert (await client.executions.get(7)).succeeded
            assert await client.outputs.json(OUTPUT) == {"pages": 2}
    if http is not None:
        await http.aclose()


def test_a_client_sends_real_requests_again_when_mocking_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Datalab(API_KEY, base_url="http://127.0.0.1:9", max_faults=0) as client:
        for _ in patched_transports(monkeypatch):
            assert client.executions.get(7).succeeded
        with pytest.raises(ConnectionFailed):
            client.executions.get(7)
