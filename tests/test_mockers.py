"""What takes the place of httpx's transports in a test reaches clients that were there before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock, create_autospec

import httpcore
import httpx
import pytest
import respx

from datalab_facade import APIConnectionError, AsyncDatalab, Datalab, Output, Status
from datalab_facade.transport.network import mocks
from tests.in_process import FINISHED
from tests.secrets_for_tests import API_KEY

# Nothing of a request that goes to the real network gets anywhere.
BASE = "https://datalab.invalid"
OUTPUT = Output(
    execution_id=7,
    step="parse",
    file_key=None,
    url="https://storage.invalid/out",
    status=Status.COMPLETED,
)


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
    with Datalab(API_KEY, base_url=BASE, max_retries=0, http_client=http) as client:
        assert client.executions is client.executions
        mock()
        for _ in range(3):
            assert client.executions.get(7).succeeded
            assert client.outputs.read_json(OUTPUT) == {"pages": 2}
    if http is not None:
        http.close()


@pytest.mark.parametrize("own", [False, True], ids=["", "own HTTP client"])
async def test_an_async_client_is_reached(mock: Callable[[], None], own: bool) -> None:
    http = httpx.AsyncClient() if own else None
    async with AsyncDatalab(API_KEY, base_url=BASE, max_retries=0, http_client=http) as client:
        mock()
        for _ in range(3):
            assert (await client.executions.get(7)).succeeded
            assert await client.outputs.read_json(OUTPUT) == {"pages": 2}
    if http is not None:
        await http.aclose()


def test_a_client_sends_real_requests_again_when_mocking_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Datalab(API_KEY, base_url="http://127.0.0.1:9", max_retries=0) as client:
        for _ in patched_transports(monkeypatch):
            assert client.executions.get(7).succeeded
        with pytest.raises(APIConnectionError):
            client.executions.get(7)


class Proxy:
    """Stands around a method and looks like it, as the proxies of wrapt do."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    __class__ = property(lambda self: type(self.wrapped))  # pyright: ignore[reportIncompatibleMethodOverride]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    def __get__(self, instance: object, owner: type) -> Any:
        return self.wrapped.__get__(instance, owner)


def test_an_instrument_is_no_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever instruments httpx in production does not change how our requests are sent."""
    for kind in (httpx.HTTPTransport, httpcore.ConnectionPool):
        monkeypatch.setattr(kind, "handle_request", Proxy(vars(kind)["handle_request"]))
    assert not mocks.are_active()


def test_what_replaces_a_public_method_of_a_client_is_no_mock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody calls it."""
    monkeypatch.setattr(httpx.Client, "send", lambda *_, **__: None)
    assert not mocks.are_active()


@pytest.mark.parametrize(
    "make", [Mock, lambda: create_autospec(httpx.HTTPTransport.handle_request)]
)
def test_any_mock_is_noticed_and_its_end_too(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(httpx.HTTPTransport, "handle_request", make())
        assert mocks.are_active()
    assert not mocks.are_active()
