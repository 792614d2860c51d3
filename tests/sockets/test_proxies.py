"""Proxies and odd heads of answers: the same through httpx and through aiohttp."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from datalab_facade import APIConnectionError, BadRequestError, DatalabError, WaitPolicy
from datalab_facade.errors import SubmissionUncertainError
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

PASSWORD = "p@ss#w0rd/5"
ENCODED = "p%40ss%23w0rd%2F5"
BODY = b'{"execution_id": 7, "status": "COMPLETED", "steps": {}}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)
FAST = WaitPolicy(min_interval=0.01, max_interval=0.01, retry_backoff=0.01, max_retry_backoff=0.01)


class RawServer:
    """Notes the head of each request, and answers with what it is given, byte for byte."""

    def __init__(self, *answers: bytes) -> None:
        self.heads: list[str] = []
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    head += piece
                if not head:
                    continue
                self.heads.append(head.decode("latin-1"))
                answers = self._answers
                # A client that does not want all of it may leave.
                with contextlib.suppress(ConnectionError):
                    connection.sendall(answers.pop(0) if len(answers) > 1 else answers[0])

    def close(self) -> None:
        # Closing alone does not wake up who waits for a connection.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    servers: list[RawServer] = []

    def make(*answers: bytes) -> RawServer:
        servers.append(RawServer(*answers))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def done(way: Way, call: Callable[[Any], Any], **options: Any) -> Any:
    """Give what a call gave, with a new client."""
    options = {"allow_http": True, "max_retries": 0, "policy": FAST, "timeout": 5, **options}
    return way.done(call(way.network_client(**options)))


ANSWER = WHOLE + b"Connection: close\r\n\r\n" + BODY


@pytest.mark.parametrize("scheme", ["", "http://"])
@pytest.mark.parametrize("user", ["", f"ada:{ENCODED}@"])
def test_a_proxy_of_the_environment_is_asked_with_and_without_a_scheme_and_a_password(
    way: Way,
    scheme: str,
    user: str,
    serve: Callable[..., RawServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = serve(ANSWER)
    monkeypatch.setenv("HTTP_PROXY", f"{scheme}{user}127.0.0.1:{proxy.port}")
    execution = done(
        way, lambda client: client.executions.get(7), base_url="http://datalab.invalid"
    )
    assert execution.id == 7
    [head] = proxy.heads
    assert head.startswith("GET http://datalab.invalid/api/v1/workflows/executions/7 HTTP/1.1")
    basic = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
    assert (f"proxy-authorization: basic {basic}".lower() in head.lower()) is bool(user)


def test_a_tunnel_that_is_refused_tells_no_password_and_leaves_a_submission_unsent(
    way: Way, serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", f"ada:{ENCODED}@127.0.0.1:{proxy.port}")
    with pytest.raises(APIConnectionError) as caught:
        done(
            way,
            lambda client: client.workflows.execute(7, "https://a.example/a.pdf"),
            base_url="https://datalab.invalid",
        )
    assert caught.value.may_have_arrived is False
    assert not isinstance(caught.value, SubmissionUncertainError)
    text = f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
    assert ENCODED not in text
    assert PASSWORD not in text
    [head] = proxy.heads
    assert head.startswith("CONNECT datalab.invalid:443 HTTP/1.1")
    assert "proxy-authorization: basic" in head.lower()
    assert API_KEY not in head


def test_a_submission_through_a_proxy_that_is_not_there_was_certainly_not_sent(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"ada:{ENCODED}@127.0.0.1:1")
    with pytest.raises(APIConnectionError) as caught:
        done(
            way,
            lambda client: client.workflows.execute(7, "https://a.example/a.pdf"),
            base_url="https://datalab.invalid",
        )
    assert caught.value.may_have_arrived is False
    assert ENCODED not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"


def test_a_submission_that_was_sent_and_not_answered_is_unknown(
    way: Way, serve: Callable[..., RawServer]
) -> None:
    server = serve(b"")
    with pytest.raises(SubmissionUncertainError):
        done(
            way,
            lambda client: client.workflows.execute(7, "https://a.example/a.pdf"),
            base_url=f"http://127.0.0.1:{server.port}",
        )
    assert server.heads[0].startswith("POST ")


@pytest.mark.parametrize(
    "more",
    [b"X-Long: " + b"x" * 90_000 + b"\r\n", b"".join(b"X-%d: 1\r\n" % n for n in range(2_000))],
    ids=["one long line", "many lines"],
)
def test_a_long_head_of_an_answer_is_read(
    way: Way, more: bytes, serve: Callable[..., RawServer]
) -> None:
    server = serve(WHOLE + more + b"Connection: close\r\n\r\n" + BODY)
    base_url = f"http://127.0.0.1:{server.port}"
    assert done(way, lambda client: client.executions.get(7), base_url=base_url).id == 7


def test_a_header_that_is_not_utf_8_hides_neither_the_answer_nor_another_header(
    way: Way, serve: Callable[..., RawServer]
) -> None:
    odd = b"Retry-After: 7\r\nX-Note: caf\xe9\r\nX-Request-Id: r\xe9q\r\n"
    server = serve(b"HTTP/1.1 400 Bad\r\n" + odd + b"Content-Length: 2\r\n\r\n{}")
    with pytest.raises(BadRequestError) as caught:
        done(
            way,
            lambda client: client.executions.get(7),
            base_url=f"http://127.0.0.1:{server.port}",
        )
    assert caught.value.headers["retry-after"] == "7"
    assert caught.value.headers["x-request-id"] == "réq"


def test_a_head_without_end_is_not_read(way: Way, serve: Callable[..., RawServer]) -> None:
    server = serve(WHOLE + b"X-Long: " + b"x" * 2_000_000 + b"\r\n\r\n" + BODY)
    with pytest.raises(APIConnectionError):
        done(
            way,
            lambda client: client.executions.get(7),
            base_url=f"http://127.0.0.1:{server.port}",
        )


def test_an_interim_answer_is_passed_over_and_a_switch_of_protocols_is_no_answer(
    way: Way, serve: Callable[..., RawServer]
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
    server = serve(switch, switch, early + ANSWER)
    execution = done(
        way,
        lambda client: client.executions.wait(7),
        base_url=f"http://127.0.0.1:{server.port}",
    )
    assert execution.succeeded
    assert len(server.heads) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"\x05\xff",
        b"\x00" * 100,
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Echo " + API_KEY.encode() + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
    ],
)
def test_whatever_a_server_answers_with_ends_in_an_error_of_ours_without_the_key(
    way: Way, answer: bytes, serve: Callable[..., RawServer]
) -> None:
    server = serve(answer)
    with pytest.raises(DatalabError) as caught:
        done(
            way,
            lambda client: client.executions.get(7),
            base_url=f"http://127.0.0.1:{server.port}",
        )
    error: BaseException | None = caught.value
    while error is not None:
        assert API_KEY not in repr(error)
        error = error.__cause__ or error.__context__
