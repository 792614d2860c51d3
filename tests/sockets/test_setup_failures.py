"""What will not pass is not waited for: untrusted certificates, unknown hosts, a proxy's 407."""

from __future__ import annotations

import contextlib
import pickle
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest

from datalab_facade import (
    APIConnectionError,
    ConnectionSetupError,
    DownloadError,
    DownloadFailure,
    Output,
    Status,
    SubmissionUncertainError,
)
from datalab_facade.transport.setup_failures import advice_on
from tests.sockets.test_proxies import ANSWER, FAST, RawServer, serve
from tests.sockets.tls import Front, fronted
from tests.ways import KINDS, Way

__all__ = ["serve"]

PROXY_REFUSES = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n"

Call = Callable[[Any], Any]
CALLS: dict[str, Call] = {
    "get": lambda client: client.executions.get(7),
    "wait": lambda client: client.executions.wait(7),
    "wait_many": lambda client: client.executions.wait_many([7]),
    "submit": lambda client: client.workflows.execute(7, "https://a.example/a.pdf"),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
of_both = pytest.mark.parametrize("way", KINDS, indirect=True)


def failure_of(way: Way, client: Any, call: Call) -> ConnectionSetupError:
    """Give the error of a call, which must come at once."""
    try:
        outcome = way.done(call(client))
    except ConnectionSetupError as error:
        found = error
    else:
        [one] = outcome
        assert isinstance(one.error, ConnectionSetupError)
        found = one.error
    assert not found.may_have_arrived
    assert not isinstance(found, SubmissionUncertainError)
    assert type(pickle.loads(pickle.dumps(found))) is ConnectionSetupError
    assert str(pickle.loads(pickle.dumps(found))) == str(found)
    return found


@pytest.fixture
def untrusted(serve: Callable[..., RawServer]) -> Iterator[Front]:
    with fronted(serve(ANSWER).port) as front:
        yield front


@each_call
def test_an_untrusted_certificate_is_raised_at_once(way: Way, untrusted: Front, call: Call) -> None:
    client = way.network_client(base_url=f"https://localhost:{untrusted.port}")
    error = failure_of(way, client, call)
    assert "SSL_CERT_FILE" in str(error)
    assert "verify=" in str(error)
    assert untrusted.accepted == 1


@of_both
def test_it_is_so_with_an_http_client_of_ones_own(way: Way, untrusted: Front) -> None:
    client = way.network_client(
        base_url=f"https://localhost:{untrusted.port}", http_client=way.http_client()
    )
    assert "SSL_CERT_FILE" in str(failure_of(way, client, CALLS["wait"]))
    assert untrusted.accepted == 1


@pytest.mark.parametrize("nested", [False, True], ids=["proxy", "server behind a proxy"])
def test_it_is_so_with_the_certificate_of_a_proxy(
    way: Way, untrusted: Front, monkeypatch: pytest.MonkeyPatch, nested: bool
) -> None:
    with fronted(tls=not nested, proxy=True) as proxy:
        scheme = "http" if nested else "https"
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://localhost:{proxy.port}")
        client = way.network_client(base_url=f"https://localhost:{untrusted.port}")
        assert "SSL_CERT_FILE" in str(failure_of(way, client, CALLS["wait"]))
        assert proxy.accepted == 1


def test_a_download_from_storage_that_is_not_trusted_is_not_tried_again(
    way: Way, untrusted: Front, serve: Callable[..., RawServer]
) -> None:
    client = way.network_client(base_url=f"http://127.0.0.1:{serve(ANSWER).port}")
    way.done(client.executions.get(7))
    output = Output(
        execution_id=7,
        step="parse",
        file_key=None,
        url=f"https://localhost:{untrusted.port}/a.json",
        status=Status.COMPLETED,
    )
    with pytest.raises(DownloadError, match="SSL_CERT_FILE") as caught:
        way.done(client.outputs.read_bytes(output))
    assert caught.value.reason == DownloadFailure.UNREACHABLE
    assert isinstance(caught.value.__cause__, ConnectionSetupError)
    assert "base_url" not in str(caught.value)
    assert untrusted.accepted == 1


def test_a_port_that_speaks_no_tls_is_raised_at_once(way: Way) -> None:
    accepted: list[socket.socket] = []

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                accepted.append(connection)
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=answer)
        serving.start()
        client = way.network_client(base_url=f"https://localhost:{listener.getsockname()[1]}")
        error = failure_of(way, client, CALLS["wait"])
        listener.shutdown(socket.SHUT_RDWR)
        serving.join(10)
    assert "scheme and port of base_url or DATALAB_HOST" in str(error)
    assert len(accepted) == 1
    accepted[0].close()


class Names:
    """A resolver that does not find ``nowhere.test``."""

    def __init__(self) -> None:
        self.code = socket.EAI_NONAME
        self.found = False
        self.asked = 0
        self._real = socket.getaddrinfo

    def find(self, host: Any, *args: Any, **options: Any) -> Any:
        if host not in ("nowhere.test", b"nowhere.test"):
            return self._real(host, *args, **options)
        self.asked += 1
        if not self.found:
            raise socket.gaierror(self.code, "Name or service not known")
        return self._real("127.0.0.1", *args, **options)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.find)
    return names


@each_call
def test_an_unknown_host_is_raised_at_once(way: Way, names: Names, call: Call) -> None:
    client = way.network_client(base_url="https://nowhere.test")
    error = failure_of(way, client, call)
    assert "nowhere.test: " in str(error)
    assert "Check base_url or DATALAB_HOST" in str(error)
    assert names.asked == 1


@of_both
def test_an_unknown_host_is_so_with_an_http_client_of_ones_own(way: Way, names: Names) -> None:
    client = way.network_client(base_url="https://nowhere.test", http_client=way.http_client())
    assert "DATALAB_HOST" in str(failure_of(way, client, CALLS["wait"]))
    assert names.asked == 1


def test_a_proxy_that_is_not_known_is_named_by_its_variable(
    way: Way, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://nowhere.test:3128")
    client = way.network_client(base_url="https://localhost:1")
    assert "and HTTPS_PROXY" in str(failure_of(way, client, CALLS["wait"]))
    assert names.asked == 1


def test_a_name_server_that_does_not_answer_is_asked_again(way: Way, names: Names) -> None:
    names.code = socket.EAI_AGAIN
    client = way.network_client(base_url="https://nowhere.test", policy=FAST, max_retries=2)
    with pytest.raises(APIConnectionError) as caught:
        way.done(client.executions.get(7))
    assert type(caught.value) is APIConnectionError
    assert names.asked == 3


@of_both
def test_a_host_that_has_answered_before_is_asked_again(
    way: Way, names: Names, serve: Callable[..., RawServer]
) -> None:
    """A laptop in a tunnel does not lose a wait of hours."""
    names.found = True
    server = serve(ANSWER)
    client = way.network_client(
        base_url=f"http://nowhere.test:{server.port}", allow_http=True, policy=FAST
    )
    way.done(client.executions.get(7))
    names.found = False
    with pytest.raises(APIConnectionError, match="DATALAB_HOST") as caught:
        way.done(client.executions.get(7))
    assert type(caught.value) is APIConnectionError
    assert names.asked == 1 + 3
    with pytest.raises(APIConnectionError) as caught:
        way.done(client.with_options(api_key="other").executions.get(7))
    assert type(caught.value) is APIConnectionError


@pytest.mark.parametrize(
    ("status", "advice"), [(407, "user or password. Check HTTPS_PROXY"), (403, "and NO_PROXY")]
)
def test_a_proxy_that_refuses_is_not_asked_again(
    way: Way,
    serve: Callable[..., RawServer],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    advice: str,
) -> None:
    proxy = serve(PROXY_REFUSES % status)
    monkeypatch.setenv("HTTPS_PROXY", f"http://ada:hunter2@127.0.0.1:{proxy.port}")
    for number, call in enumerate(CALLS.values(), 1):
        error = failure_of(way, way.network_client(base_url="https://datalab.invalid"), call)
        assert advice in str(error)
        assert "hunter2" not in str(error)
        assert len(proxy.heads) == number


def test_a_proxy_that_cannot_reach_the_host_is_asked_again(
    way: Way, serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(PROXY_REFUSES % 502)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    client = way.network_client(base_url="https://datalab.invalid", policy=FAST)
    with pytest.raises(APIConnectionError) as caught:
        way.done(client.executions.get(7))
    assert type(caught.value) is APIConnectionError
    assert len(proxy.heads) == 3


# What is told of failures that are hard to bring about.


def of_certificate(code: int) -> Exception:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = code
    return error


def of_tls(reason: str) -> Exception:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (of_certificate(9), "clock of this machine"),
        (of_certificate(10), "clock of this machine"),
        (of_certificate(62), "another host. Check base_url"),
        (of_certificate(64), "another host. Check base_url"),
        (of_certificate(18), "SSL_CERT_FILE"),
        (of_certificate(20), "SSL_CERT_FILE"),
        (of_tls("WRONG_VERSION_NUMBER"), "scheme and port"),
        (of_tls("HTTP_REQUEST"), "scheme and port"),
        (of_tls("UNSUPPORTED_PROTOCOL"), "version of TLS"),
        (of_tls("TLSV1_ALERT_PROTOCOL_VERSION"), "version of TLS"),
        (of_tls("SSLV3_ALERT_HANDSHAKE_FAILURE"), "version of TLS"),
        (of_tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "certificate of the client"),
        (of_tls("SSLV3_ALERT_BAD_CERTIFICATE"), "certificate of the client"),
        (of_tls("UNEXPECTED_EOF_WHILE_READING"), None),
        (of_tls("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), None),
        (ssl.SSLEOFError(8, "EOF"), None),
        (httpcore.ProxyError("407 Proxy Authentication Required"), "user or password"),
        (httpx.ProxyError("Invalid username/password"), "user or password"),
        (httpx.ProxyError("403 Forbidden"), "refuses to connect"),
        (httpx.ProxyError("429 Too Many Requests"), None),
        (httpx.ProxyError("504 Gateway Timeout"), None),
        (httpx.ProxyError("Proxy Server could not connect: Host unreachable."), None),
        (ConnectionResetError("reset"), None),
    ],
    ids=repr,
)
def test_each_failure_has_its_advice_and_those_that_may_pass_have_none(
    error: Exception, advice: str | None
) -> None:
    outer = httpx.ConnectError("failed")
    outer.__cause__ = error
    for one in (error, outer):
        found = advice_on(one, "https://datalab.example/a", is_api=True)
        assert (found is None) if advice is None else (advice in (found or ""))


def test_advice_for_storage_names_no_setting_of_the_api() -> None:
    found = advice_on(of_certificate(62), "https://storage.example/a", is_api=False)
    assert found == "The certificate is that of another host. Check the network"


def test_a_chain_without_end_is_left() -> None:
    one, other = ValueError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert advice_on(one, "https://datalab.example/", is_api=True) is None


def test_an_environment_that_cannot_be_read_does_not_hide_the_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://a proxy")
    monkeypatch.setenv("NO_PROXY", "http://x:port")
    found = advice_on(of_certificate(62), "https://datalab.example/", is_api=True)
    assert found == "The certificate is that of another host. Check base_url or DATALAB_HOST"
