"""Whatever the libraries below raise is an error of this package, and tells no secret."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from typing import Any

import attrs
import httpx
import pytest

import datalab_facade
from datalab_facade import (
    APIConnectionError,
    ConfigurationError,
    DatalabError,
    InvalidResponseError,
    SubmissionUncertainError,
    WaitPolicy,
)
from datalab_facade.known_secrets import Echo
from datalab_facade.testing import Fault
from datalab_facade.transfers.commands import Fetch, Renew
from tests.in_process import FINISHED, Recorder
from tests.secrets_for_tests import API_KEY, SIGNATURE, presigned
from tests.ways import Way

FAST = WaitPolicy(min_interval=0.01, max_interval=0.01, retry_backoff=0.01, max_retry_backoff=0.01)


class ProtocolError(Exception):
    """As of a library that nobody here knows."""


RAISED: list[Exception] = [
    ProtocolError("Malformed reply"),
    httpx.ConnectError("refused"),
    httpx.LocalProtocolError("illegal"),
    httpx.CookieConflict("two"),
    httpx.StreamConsumed(),
    UnicodeError("label empty or too long"),
    ValueError("check_hostname requires server_hostname"),
    OverflowError("port must be 0-65535"),
    AttributeError("'NoneType' object has no attribute 'write'"),
    RuntimeError("dictionary changed size"),
    AssertionError(),
    KeyError("x"),
    EOFError(),
    OSError(5, "Input/output error"),
    TimeoutError(),
    RecursionError("too deep"),
]


class Raising(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Raises something, after telling how far it has come; then answers."""

    def __init__(self, error: BaseException, *events: tuple[str, bytes], times: int = 10**6):
        self._error = error
        self._events = events
        self._times = times
        self.asked = 0

    def _answer(self) -> httpx.Response:
        self.asked += 1
        if self.asked <= self._times:
            raise self._error
        return httpx.Response(200, json=FINISHED)

    def _details(self, method: bytes) -> dict[str, Any]:
        return {"request": attrs.make_class("Request", {"method": attrs.field()})(method)}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        trace = request.extensions.get("trace")
        for event, method in self._events:
            if trace is not None:
                trace(event, self._details(method))
        return self._answer()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        trace = request.extensions.get("trace")
        for event, method in self._events:
            if trace is not None:
                await trace(event, self._details(method))
        return self._answer()


def client_of(way: Way, transport: Raising, **options: Any) -> Any:
    return way.client_over(transport, **{"policy": FAST, **options})


@pytest.mark.parametrize("error", RAISED, ids=repr)
def test_whatever_is_raised_becomes_an_error_of_ours_with_its_cause(
    way: Way, error: Exception
) -> None:
    client = client_of(way, Raising(error), max_retries=0)
    with pytest.raises((APIConnectionError, ConfigurationError)) as caught:
        way.done(client.executions.get(7))
    assert caught.value.__cause__ is error
    assert type(error).__name__ in str(caught.value)


@pytest.mark.parametrize(
    "error", [error for error in RAISED if not isinstance(error, UnicodeError)], ids=repr
)
def test_a_wait_goes_on_after_whatever_is_raised(way: Way, error: Exception) -> None:
    transport = Raising(error, times=2)
    assert way.done(client_of(way, transport).executions.wait(7)).succeeded
    assert transport.asked == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_ends_a_program_or_a_task_is_left_alone(way: Way, error: type[BaseException]) -> None:
    with pytest.raises(error):
        way.done(client_of(way, Raising(error())).executions.get(7))


CONNECTING = ("connection.connect_tcp.started", b"")
TUNNEL = ("http11.send_request_headers.started", b"CONNECT")
SENDING = ("http11.send_request_headers.started", b"POST")


@pytest.mark.parametrize("error", RAISED, ids=repr)
@pytest.mark.parametrize("events", [(CONNECTING,), (CONNECTING, TUNNEL)], ids=["direct", "tunnel"])
def test_a_submission_that_was_not_begun_to_be_sent_is_never_unknown(
    way: Way, events: tuple[tuple[str, bytes], ...], error: Exception
) -> None:
    transport = Raising(error, *events)
    client = client_of(way, transport, max_retries=1, timeout=3)
    with pytest.raises(DatalabError) as caught:
        way.done(client.workflows.execute(7, "https://a.example/a.pdf"))
    assert not isinstance(caught.value, SubmissionUncertainError)
    # And so it is sent again, unless it never could be.
    assert transport.asked == (1 if isinstance(error, UnicodeError) else 2)


@pytest.mark.parametrize("error", RAISED, ids=repr)
def test_a_submission_that_was_begun_to_be_sent_is_unknown_and_not_sent_again(
    way: Way, error: Exception
) -> None:
    transport = Raising(error, CONNECTING, SENDING)
    with pytest.raises(SubmissionUncertainError):
        way.done(client_of(way, transport).workflows.execute(7, "https://a.example/a.pdf"))
    assert transport.asked == 1


@pytest.mark.parametrize(
    "text",
    [
        f"illegal header line: {API_KEY}",
        f"cannot read {presigned()}",
        "no proxy http://ada:hunter2-hunter2@proxy.example",
    ],
)
def test_an_error_that_tells_a_secret_is_no_cause(way: Way, text: str) -> None:
    inner = ProtocolError(text)
    middle = ProtocolError("outer")
    middle.__cause__ = inner
    with pytest.raises(APIConnectionError) as caught:
        way.done(client_of(way, Raising(middle), max_retries=0).executions.get(7))
    error: BaseException | None = caught.value
    while error is not None:
        for secret in (API_KEY, SIGNATURE, "hunter2"):
            assert secret not in f"{error!r}{error}"
        error = error.__cause__ or error.__context__


# A key that is repeated.


@pytest.mark.parametrize("key", ["dl-7", "k3yk3y", "sh0rt-key9", 'a"b\\c/d+e', "0123456789ab"])
def test_a_key_that_a_server_repeats_is_not_shown_however_short_it_is(way: Way, key: str) -> None:
    body = {"detail": f"no such key: {key}", "x": [key, f"key={key}&", f"\n{key}"]}
    execution = {**FINISHED, "status": "FAILED", "error": f"denied for {key}"}
    answers = [Fault.status(400, body, {"X-Request-Id": key}), Fault.status(200, execution)]
    texts: list[str] = []
    for answer in answers:
        client = way.client_over(Recorder(answer), api_key=key, max_retries=0)
        try:
            got = way.done(client.executions.get(7))
            texts += [repr(got), *map(str, got.failures)]
        except DatalabError as error:
            texts += [str(error), repr(error), repr(vars(error))]
    assert not [text for text in texts if key in text or repr(key)[1:-1] in text]
    assert all("***" in text for text in texts)


def test_a_short_key_is_not_looked_for_inside_of_words() -> None:
    echo = Echo("test")
    assert echo.redact("a latest test, testing") == "a latest ***, testing"
    assert echo.redact_bytes(b'"contest": "\\ntest"') == b'"contest": "\\n***"'
    assert Echo("abc").redact("abc") == "abc"
    assert Echo("0123456789ab").redact("x0123456789abx") == "x***x"


# What reporters of errors record.


def test_no_class_shows_a_url_or_headers_as_they_are() -> None:
    shown: list[str] = []
    for found in pkgutil.walk_packages(datalab_facade.__path__, "datalab_facade."):
        if ".testing" in found.name or "integrations" in found.name or "__main__" in found.name:
            continue
        for kind in vars(importlib.import_module(found.name)).values():
            if isinstance(kind, type) and attrs.has(kind) and kind.__module__ == found.name:
                shown += [
                    f"{kind.__name__}.{field.name}"
                    for field in attrs.fields(kind)
                    if field.repr is True
                    and is_telling(field.name)
                    and "Callable" not in str(field.type)
                    and "Secrets" not in str(field.type)
                ]
    assert shown == []


def is_telling(name: str) -> bool:
    words = ("url", "headers", "address", "key", "secret", "refused")
    # Without user and query by the time that they are there.
    return any(word in name for word in words) and name not in HARMLESS


HARMLESS = {"base_url", "file_key", "step_key", "key", "key_file"}
# Names of fields, and what events have without user, query and path.
HARMLESS |= {"urls", "url_template", "server_address"}


@pytest.mark.parametrize(
    "command",
    [
        Fetch(presigned(), {"X-Auth": SIGNATURE}, 1.0, 1.0),
        Renew(presigned(), 1.0),
    ],
)
def test_commands_show_no_signature(command: object) -> None:
    assert SIGNATURE not in repr(command)
    assert "storage.example" in repr(command)


def test_an_unexpected_body_is_no_reason_to_lose_its_cause() -> None:
    recorder = Recorder(Fault.status(200, b"<html>"))
    client = Way("sync").client_over(recorder, max_retries=0)
    with pytest.raises(InvalidResponseError) as caught:
        client.executions.get(7)
    assert isinstance(caught.value.__cause__, ValueError)
