"""Storage gets the URL and nothing else: no key, no cookie, nothing of the user's."""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import DownloadError, InvalidArgumentError, Output, Status
from datalab_facade.redaction import redact_name
from datalab_facade.testing import ExecutionScript, Simulator, StepScript
from tests.outputs.bad_storage import BadStorage, cut, moved, refused, stored
from tests.outputs.conftest import Side, execution_of, output_at
from tests.secrets_for_tests import API_KEY, COOKIE, SIGNATURE

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
    assert side.call("read_bytes", output_at(storage.url(), execution_id)) == BODY
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
        follow_redirects=True,
        params={"key": COOKIE},
    )
    side.client(http_client=http)
    # One that it has from the beginning is refused.
    http.auth = ("me", COOKIE)
    assert side.call("read_bytes", output_at(storage.url(), execution_id)) == BODY
    check_innocence(storage, elsewhere)


def test_a_cookie_of_storage_is_not_sent_back(side: Side, storage: BadStorage) -> None:
    """Not in the same download, and not in the next one."""
    cookie = {"Set-Cookie": f"session={COOKIE}; Path=/"}
    storage.plays(cut(stored(BODY, headers=cookie), 100), then=stored(BODY, headers=cookie))
    side.client()
    for _ in range(2):
        assert side.call("read_bytes", output_at(storage.url())) == BODY
    assert len(storage.asked) == 3
    check_innocence(storage)


def test_a_user_in_a_url_is_not_made_a_credential_elsewhere(
    side: Side, storage: BadStorage, elsewhere: BadStorage
) -> None:
    """What a URL says before an @ goes to that host at most."""
    storage.plays(moved(elsewhere.url("over/there")))
    elsewhere.plays(then=stored(BODY))
    url = storage.url().replace("http://", f"http://me:{COOKIE}@")
    assert side.call("read_bytes", output_at(url)) == BODY
    check_innocence(elsewhere)


def test_a_range_is_not_asked_for_with_a_validator_of_another_body(
    side: Side, storage: BadStorage
) -> None:
    """A request that goes on says of which body."""
    storage.plays(cut(stored(BODY, etag='"one"'), 100), then=stored(BODY, etag='"one"'))
    assert side.call("read_bytes", output_at(storage.url())) == BODY
    first, second = storage.asked
    assert "range" not in first.headers
    assert "if-range" not in first.headers
    assert (second.headers["range"], second.headers["if-range"]) == ("bytes=100-", '"one"')
    assert {first.headers["accept-encoding"], second.headers["accept-encoding"]} == {"identity"}


def presigned(name: str) -> str:
    """Give a name that is a presigned URL itself."""
    return f"https://in.example/{name}.pdf?X-Amz-Signature={SIGNATURE}&part={name}"


class TestNamesThatAreUrls:
    def test_are_written_down_without_what_signs_them_and_found_again(
        self,
        side: Side,
        storage: BadStorage,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """In no name, content or log line, and also when some could not be saved."""
        caplog.set_level(logging.DEBUG)
        runs = [(presigned("step"), presigned(name), storage.url(name)) for name in "abc"]
        execution = execution_of(*runs)
        storage.plays(stored(BODY), stored(BODY), then=refused(418))
        manifest = side.call("save_all", execution, tmp_path, concurrency=1)
        assert (len(manifest.saved), len(manifest.failed)) == (2, 1)
        storage.asked.clear()
        storage.plays(then=stored(BODY))
        complete = side.call("save_all", execution, tmp_path)
        assert len(complete.saved) == 3
        assert len(storage.asked) == 1
        assert len({saved.file_key for saved in complete.saved}) == 3
        assert "https://in.example/a.pdf?… [" in str(complete.saved[0].file_key)
        seen = [repr(manifest), repr(complete), repr(execution.outputs), caplog.text]
        for path in tmp_path.rglob("*"):
            seen.append(str(path))
            if path.is_file():
                seen.append(path.read_text())
        assert SIGNATURE not in "".join(seen)

    def test_are_not_told_by_errors(self, side: Side, storage: BadStorage, tmp_path: Path) -> None:
        output = Output(
            execution_id=1001,
            step=presigned("s"),
            file_key=presigned("f"),
            url=storage.url(),
            status=Status.COMPLETED,
        )
        storage.plays(then=refused(418))
        with pytest.raises(DownloadError, match=r"in\.example/f\.pdf") as failed:
            side.call("save", output, tmp_path / "out")
        execution = execution_of((presigned("s"), "1", storage.url()))
        with pytest.raises(InvalidArgumentError, match="does not exist") as unknown:
            side.call("save_all", execution, tmp_path, steps=[presigned("t")])
        for error in (failed.value, unknown.value):
            seen = f"{error} {error!r} {pickle.dumps(error)!r}"
            assert SIGNATURE not in seen

    def test_are_not_told_by_what_a_killed_process_leaves_behind(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        output = Output(
            execution_id=1001,
            step=presigned("s"),
            file_key=presigned("f"),
            url=storage.url(),
            status=Status.COMPLETED,
        )
        storage.plays(cut(stored(BODY * 100), 60_000), then=refused(418))
        with pytest.raises(DownloadError):
            side.call("save", output, tmp_path / "out")
        assert SIGNATURE not in (tmp_path / "out.part.json").read_text()
        storage.plays(then=stored(BODY * 100))
        side.call("save", output, tmp_path / "out")
        assert storage.asked[-1].headers["range"] == "bytes=60000-"

    @given(st.text(max_size=40) | st.text("ab:/?#&= []…@", max_size=40))
    def test_are_shown_the_same_however_often(self, name: str) -> None:
        """What is read back from a manifest is what was written."""
        for text in (name, f"https://a.example/{name}?x={name}"):
            assert redact_name(redact_name(text)) == redact_name(text)
