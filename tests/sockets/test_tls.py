"""TLS, alone, through a proxy, and inside the TLS of a proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from datalab_facade import APIConnectionError, Output, Status
from tests.outputs.bad_storage import Asked, BadStorage, Reply
from tests.outputs.conftest import until
from tests.sockets.tls import CERTIFICATE, Front, fronted
from tests.ways import KINDS, Way

LARGE = bytes(range(256)) * 8_000


def answer(asked: Asked) -> Reply:
    if "executions" not in asked.target:
        return Reply(body=LARGE)
    execution_id = int(asked.target.rsplit("/", 1)[1])
    body = {"execution_id": execution_id, "status": "COMPLETED", "steps": {}}
    return Reply(body=json.dumps(body).encode())


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


def client_at(way: Way, url: str) -> Any:
    return way.network_client(base_url=url, max_retries=0)


def check(way: Way, url: str) -> None:
    """Make some calls one after the other with one client."""
    client = client_at(way, url)
    for number in range(4):
        assert way.done(client.executions.get(number)).id == number
    output = Output(
        execution_id=7, step="parse", file_key=None, url=f"{url}/large", status=Status.COMPLETED
    )
    for _ in range(2):
        assert way.done(client.outputs.read_bytes(output)) == LARGE


def test_one_connection_is_used_again_and_again(way: Way, front: Front) -> None:
    check(way, f"https://localhost:{front.port}")
    assert front.accepted == 2


@pytest.mark.parametrize("tls", [False, True], ids=["http proxy", "https proxy"])
def test_a_proxy_carries_it(
    way: Way, front: Front, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    with fronted(tls=tls, proxy=True) as proxy:
        scheme = "https" if tls else "http"
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://localhost:{proxy.port}")
        check(way, f"https://localhost:{front.port}")
        assert proxy.accepted == front.accepted == 2


@pytest.mark.parametrize("pause", [0.0, 0.01], ids=["at once", "late"])
def test_what_follows_an_answer_is_no_answer_inside_of_tls_either(
    way: Way, front: Front, storage: BadStorage, pause: float
) -> None:
    second = b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"execution_id": 1000}'

    def answer_twice(asked: Asked) -> Reply:
        reply = answer(asked)
        return Reply(body=reply.body, keeps=True, behind=second, pause=pause)

    storage.plays(then=answer_twice)

    client = client_at(way, f"https://localhost:{front.port}")
    assert way.done(client.executions.get(1)).id == 1
    way.call_aside(lambda: until(lambda: storage.idle))
    assert way.done(client.executions.get(2)).id == 2


def test_a_certificate_that_nobody_trusts_is_an_error_that_says_so(
    way: Way, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as raised:
        way.done(client_at(way, f"https://localhost:{front.port}").executions.get(1))
    assert not raised.value.may_have_arrived


@pytest.mark.parametrize("way", KINDS, indirect=True)
def test_a_server_that_speaks_no_tls_is_an_error(way: Way, storage: BadStorage) -> None:
    url = storage.origin.replace("http://127.0.0.1", "https://localhost")
    with pytest.raises(APIConnectionError) as raised:
        way.done(client_at(way, url).executions.get(1, timeout=0.3))
    assert not raised.value.may_have_arrived
