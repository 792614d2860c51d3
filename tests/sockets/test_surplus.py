"""What comes behind an answer is never taken for the answer to the next request."""

from __future__ import annotations

import json
import select
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from datalab_facade import APIConnectionError
from tests.outputs.bad_storage import Asked, BadStorage, Reply
from tests.outputs.conftest import until
from tests.ways import Way


def body_about(execution_id: int) -> bytes:
    return json.dumps({"execution_id": execution_id, "status": "COMPLETED", "steps": {}}).encode()


def wire_about(execution_id: int) -> bytes:
    body = body_about(execution_id)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def asked_about(asked: Asked) -> int:
    return int(asked.target.rsplit("/", 1)[1])


@pytest.fixture
def server() -> Iterator[BadStorage]:
    with BadStorage() as server:
        yield server


Get = Callable[[int], Any]


@pytest.fixture
def get(way: Way, server: BadStorage) -> Get:
    """Give a way to poll an execution, again and again with one client."""
    client = way.network_client(base_url=server.origin, max_retries=0)
    # A loop runs between the calls only, as it does when nothing happens.
    return lambda execution_id: way.done(client.executions.get(execution_id))


BEHIND = {
    "another answer": wire_about(2),
    "two": wire_about(2) * 2,
    "the start of one": wire_about(2)[:30],
    "a line": b"\r\n",
    "anything": b"\x00\xff",
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND.keys())
@pytest.mark.parametrize("pause", [0.0, 0.01], ids=["at once", "late"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_it_is_thrown_away_with_its_connection(
    server: BadStorage, get: Get, behind: bytes, pause: float, chunked: bool
) -> None:
    def answer(asked: Asked) -> Reply:
        body = body_about(asked_about(asked))
        return Reply(body=body, chunked=chunked, keeps=True, behind=behind, pause=pause)

    server.plays(then=answer)
    for execution_id in (1, 3, 4):
        try:
            assert get(execution_id).id == execution_id
        except APIConnectionError:
            # To aiohttp an answer is none if garbage comes in one piece with it.
            assert behind == BEHIND["anything"]
        until(lambda: server.idle)
    assert [asked_about(asked) for asked in server.asked] == [1, 3, 4]


def test_answers_with_nothing_behind_them_share_a_connection(server: BadStorage, get: Get) -> None:
    server.plays(then=lambda asked: Reply(body=body_about(asked_about(asked))))
    for execution_id in range(1, 6):
        assert get(execution_id).id == execution_id
    assert len(server._connections) == 1


def test_a_system_that_has_only_select_knows_a_spent_connection_as_well(
    server: BadStorage, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(select, "poll", raising=False)
    server.plays(then=lambda asked: Reply(body=body_about(asked_about(asked))))
    assert [get(number).id for number in (1, 2, 3)] == [1, 2, 3]
    assert len(server._connections) == 1

    def answer(asked: Asked) -> Reply:
        return Reply(body=body_about(asked_about(asked)), keeps=True, behind=wire_about(2))

    server.plays(then=answer)
    for number in (4, 5):
        assert get(number).id == number
        until(lambda: server.idle)
    assert len(server._connections) == 2
