"""Storage gets the URL and nothing else: no key, no cookie, nothing of the user's."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from datalab_facade.testing import ExecutionScript, Simulator, StepScript
from tests.outputs.bad_storage import BadStorage, cut, moved, refused, stored
from tests.outputs.conftest import Side, output_at
from tests.secrets_for_tests import API_KEY, COOKIE

BODY = b'{"a": 1}' * 100
OURS = {"host", "accept-encoding", "user-agent", "range", "if-range", "connection", "accept"}


@pytest.fixture
def elsewhere() -> Iterator[BadStorage]:
    """Give a second storage, on another origin."""
    with BadStorage() as storage:
        yield storage


def check_innocence(*storages: BadStorage) -> None:
    for storage in storages:
        assert storage.asked
        for asked in storage.asked:
            assert set(asked.headers) <= OURS
            assert not re.search(rb"(?i)x-api-key|authorization|cookie|x-mine", asked.head)
            assert API_KEY.encode() not in asked.head
            assert COOKIE.encode() not in asked.head


def eventful(storage: BadStorage, elsewhere: BadStorage, simulator: Simulator) -> int:
    """Let a download meet everything on its way that makes a client ask again."""
    cookie = {"Set-Cookie": f"session={COOKIE}; Path=/"}
    storage.plays(
        refused(503, Set_Cookie=f"session={COOKIE}; Path=/"),
        cut(stored(BODY, headers=cookie), 100),
        refused(403),
        moved(elsewhere.url("over/there"), Set_Cookie=f"session={COOKIE}; Path=/"),
    )
    elsewhere.plays(cut(stored(BODY, headers=cookie), 100), then=stored(BODY, headers=cookie))
    return simulator.start(ExecutionScript([StepScript("parse")]))


def test_no_header_of_a_client_reaches_storage(
    side: Side, storage: BadStorage, elsewhere: BadStorage, simulator: Simulator
) -> None:
    """Whatever happens on the way, and wherever it leads."""
    execution_id = eventful(storage, elsewhere, simulator)
    side.client(headers={"X-Mine": COOKIE})
    assert side.call("bytes", output_at(storage.url(), execution_id)) == BODY
    assert [len(storage.asked), len(elsewhere.asked)] == [4, 2]
    [renewal] = simulator.requests.of("api")
    assert renewal.headers["x-mine"] == COOKIE
    check_innocence(storage, elsewhere)


def test_nothing_of_a_users_own_client_reaches_storage(
    side: Side, storage: BadStorage, elsewhere: BadStorage, simulator: Simulator
) -> None:
    """Neither its default headers nor its cookies nor its auth, also after redirects."""
    execution_id = eventful(storage, elsewhere, simulator)
    http = side.http(
        headers={"X-Mine": "1", "Authorization": f"Bearer {COOKIE}"},
        cookies={"session": COOKIE},
        auth=("me", COOKIE),
        follow_redirects=True,
        params={"key": COOKIE},
    )
    side.client(http_client=http)
    assert side.call("bytes", output_at(storage.url(), execution_id)) == BODY
    check_innocence(storage, elsewhere)


def test_a_cookie_of_storage_is_not_sent_back(side: Side, storage: BadStorage) -> None:
    """Not in the same download, and not in the next one."""
    cookie = {"Set-Cookie": f"session={COOKIE}; Path=/"}
    storage.plays(cut(stored(BODY, headers=cookie), 100), then=stored(BODY, headers=cookie))
    side.client()
    for _ in range(2):
        assert side.call("bytes", output_at(storage.url())) == BODY
    assert len(storage.asked) == 3
    check_innocence(storage)


def test_a_user_in_a_url_is_not_made_a_credential_elsewhere(
    side: Side, storage: BadStorage, elsewhere: BadStorage
) -> None:
    """What a URL says before an @ goes to that host at most."""
    storage.plays(moved(elsewhere.url("over/there")))
    elsewhere.plays(then=stored(BODY))
    url = storage.url().replace("http://", f"http://me:{COOKIE}@")
    assert side.call("bytes", output_at(url)) == BODY
    check_innocence(elsewhere)


def test_a_range_is_not_asked_for_with_a_validator_of_another_body(
    side: Side, storage: BadStorage
) -> None:
    """A request that goes on says of which body."""
    storage.plays(cut(stored(BODY, etag='"one"'), 100), then=stored(BODY, etag='"one"'))
    assert side.call("bytes", output_at(storage.url())) == BODY
    first, second = storage.asked
    assert "range" not in first.headers
    assert "if-range" not in first.headers
    assert (second.headers["range"], second.headers["if-range"]) == ("bytes=100-", '"one"')
    assert {first.headers["accept-encoding"], second.headers["accept-encoding"]} == {"identity"}
