"""Uploads over real sockets, to a storage that breaks off, refuses, stalls and remembers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import threading
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from datalab_facade import AsyncDatalab, File, Progress, UploadError
from datalab_facade.models import JSON
from datalab_facade.testing import Fault, SimulatorServer
from datalab_facade.transfers import sources
from tests.files.slow_taker import Act, Arrival, SlowTaker
from tests.outputs.bad_storage import is_open
from tests.outputs.conftest import Side, until
from tests.secrets_for_tests import API_KEY, COOKIE, SIGNATURE

OURS = {"host", "user-agent", "content-type", "content-length"}


def upload(side: Side, source: Any, **options: Any) -> File:
    file: File = side.way.done(side._client.files.upload(source, **options))
    return file


def failure(side: Side, source: Any, **options: Any) -> UploadError:
    with pytest.raises(UploadError) as caught:
        upload(side, source, **options)
    return caught.value


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_a_document_arrives_whole_with_its_length_and_type(
    side: Side, taker: SlowTaker, real: SimulatorServer, document: Path
) -> None:
    file = upload(side, document)
    [arrival] = taker.arrivals
    assert (arrival.method, arrival.md5) == ("PUT", md5(document))
    assert arrival.headers["content-length"] == str(document.stat().st_size)
    assert arrival.headers["content-type"] == "application/pdf"
    assert "transfer-encoding" not in arrival.headers
    assert (file.filename, file.size) == ("report.pdf", document.stat().st_size)
    assert file.is_uploaded
    stored = real.simulator.files[file.id]
    assert (stored.reference, stored.upload_status) == (file.reference, "completed")


def test_nothing_but_the_document_reaches_storage(
    side: Side, taker: SlowTaker, document: Path
) -> None:
    """No key, no cookie, no header of the user's or of the user's own client, on any try."""
    cookie = {"Set-Cookie": f"session={COOKIE}; Path=/"}
    taker.does(
        Act(status=503, headers=cookie),
        Act(status=403, headers=cookie),
        Act(read=1_000_000, status=None),
        Act(headers=cookie),
    )
    http = side.http(
        headers={"X-Mine": "1", "Authorization": f"Bearer {COOKIE}"},
        cookies={"session": COOKIE},
        follow_redirects=True,
        params={"key": COOKIE},
    )
    side.client(http_client=http, headers={"X-Mine": COOKIE})
    # One that it has from the beginning is refused.
    http.auth = ("me", COOKIE)
    upload(side, document)
    assert len(taker.arrivals) == 4
    for arrival in taker.arrivals:
        assert set(arrival.headers) == OURS
        assert not re.search(rb"(?i)x-api-key|authorization|cookie|x-mine", arrival.head)
        assert API_KEY.encode() not in arrival.head
        assert COOKIE.encode() not in arrival.head


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("read", [0, 1_000_000, None])
def test_a_connection_that_is_killed_is_made_again_and_all_is_sent_again(
    side: Side, taker: SlowTaker, document: Path, ending: Any, read: int | None
) -> None:
    taker.does(Act(read=read, status=None, ending=ending))
    upload(side, document)
    broken, whole = taker.arrivals
    assert broken.length == (document.stat().st_size if read is None else read)
    assert whole.md5 == md5(document)
    assert broken.target == whole.target


def test_a_url_that_has_expired_is_replaced(
    side: Side, taker: SlowTaker, real: SimulatorServer, document: Path
) -> None:
    """Also when storage says so before it has read anything; the second time after a pause."""
    taker.does(Act(status=403), Act(status=400, read=0))
    file = upload(side, document)
    first, second, third = (arrival.target for arrival in taker.arrivals)
    assert len({first, second, third}) == 3
    assert taker.arrivals[2].md5 == md5(document)
    assert [one.upload_status for one in real.simulator.files.values()] == [
        "pending",
        "pending",
        "completed",
    ]
    assert file.id == 3
    [pause] = side.clock.slept
    assert 1 <= pause <= 2


def test_storage_that_fails_or_is_busy_is_asked_again_later(
    side: Side, taker: SlowTaker, document: Path
) -> None:
    taker.does(Act(status=500), Act(status=503, headers={"Retry-After": "9"}), Act(status=429))
    upload(side, document)
    assert len(taker.arrivals) == 4
    assert max(side.clock.slept) >= 9


def test_storage_that_never_gets_better_is_told_as_such(
    side: Side, taker: SlowTaker, document: Path
) -> None:
    taker.does(*[Act(status=502)] * 5)
    failed = failure(side, document)
    assert (failed.reason, failed.status, failed.file_name) == ("unreachable", 502, "report.pdf")
    assert len(taker.arrivals) == 5


def test_a_redirect_is_not_followed(side: Side, taker: SlowTaker, document: Path) -> None:
    with SlowTaker() as elsewhere:
        taker.does(Act(status=307, headers={"Location": f"{elsewhere.origin}/there"}))
        failed = failure(side, document)
        assert (failed.reason, failed.status) == ("refused", 307)
        assert not elsewhere.arrivals


def test_a_refusal_before_the_body_was_read_is_heard(
    side: Side, taker: SlowTaker, tmp_path: Path
) -> None:
    """Although the client was still sending."""
    large = tmp_path / "large.pdf"
    large.write_bytes(bytes(20_000_000))
    taker.does(Act(status=413, read=0))
    failed = failure(side, large)
    assert (failed.reason, failed.status) == ("refused", 413)


@pytest.mark.parametrize("act", [Act(status=None, ending="silence")])
def test_the_deadline_ends_an_upload_that_gets_no_answer(
    side: Side, taker: SlowTaker, document: Path, act: Act
) -> None:
    taker.does(act)
    failed = failure(side, document, timeout=1.5)
    assert failed.reason == "unreachable"
    assert "in time" in str(failed)


WRONG = {
    "x-goog-hash": "crc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA==",
    "x-amz-checksum-crc32": "AAAAAA==",
    "x-amz-checksum-sha1": "A" * 27 + "=",
    "x-amz-checksum-sha256": "A" * 43 + "=",
}


@pytest.mark.parametrize("header", WRONG)
def test_bytes_that_arrive_changed_are_sent_again(
    side: Side, taker: SlowTaker, document: Path, header: str
) -> None:
    wrong = Act(headers={header: WRONG[header]})
    taker.does(wrong)
    upload(side, document)
    assert len(taker.arrivals) == 2
    taker.does(*[wrong] * 5)
    assert failure(side, document).reason == "corrupt"


def test_bytes_that_arrive_as_they_were_sent_are_sent_once(
    side: Side, taker: SlowTaker, document: Path
) -> None:
    body = document.read_bytes()
    digests = {name: hashlib.new(name, body).digest() for name in ("md5", "sha1", "sha256")}
    digests["crc32"] = zlib.crc32(body).to_bytes(4, "big")
    told = {name: base64.b64encode(digest).decode() for name, digest in digests.items()}
    right = {f"x-amz-checksum-{name}": told[name] for name in ("crc32", "sha1", "sha256")}
    taker.does(Act(headers={**right, "x-goog-hash": f"md5={told['md5']}"}))
    assert upload(side, document).is_uploaded
    assert len(taker.arrivals) == 1


@pytest.mark.parametrize("etag", ['"abc-2"', f'"{"0" * 32}"', "0" * 32, f'W/"{"0" * 32}"'])
def test_an_etag_is_no_reason_to_worry_whatever_it_looks_like(
    side: Side, taker: SlowTaker, document: Path, etag: str
) -> None:
    taker.does(Act(headers={"ETag": etag}), Act(etag=False))
    upload(side, document)
    upload(side, document)
    assert len(taker.arrivals) == 2


def test_a_file_that_changes_meanwhile_is_not_confirmed(
    side: Side, taker: SlowTaker, real: SimulatorServer, document: Path
) -> None:
    """And storage never has it whole."""

    def grow(_: Any) -> None:
        with document.open("ab") as file:
            file.write(b"more")

    failed = failure(side, document, on_progress=_once(grow))
    assert failed.reason == "changed"
    assert real.simulator.files[1].body is None
    assert all(one.path.endswith("/upload") for one in real.simulator.requests)


def _once(call: Any) -> Any:
    """Call something the first time that progress is told, which is before the first byte."""
    done: list[Any] = []

    def told(progress: Any) -> None:
        if not done:
            done.append(call(progress))

    return told


def test_a_confirmation_is_repeated_until_it_is_heard(
    side: Side, real: SimulatorServer, document: Path
) -> None:
    """It may be: a second one changes nothing."""
    real.simulator.inject(Fault.reset(), Fault.status(503), path="/api/v1/files/1/confirm")
    assert upload(side, document).is_uploaded
    paths = [one.path for one in real.simulator.requests.of("api")]
    assert paths == ["/api/v1/files/upload", *["/api/v1/files/1/confirm"] * 3]


def test_an_upload_that_is_never_confirmed_says_so(
    side: Side, real: SimulatorServer, document: Path
) -> None:
    real.simulator.inject_always(Fault.status(500), path="/api/v1/files/1/confirm")
    failed = failure(side, document)
    assert (failed.reason, failed.status) == ("unconfirmed", 500)
    assert "file 1" in str(failed)


def test_asking_for_a_url_is_repeated_since_an_unused_one_costs_nothing(
    side: Side, real: SimulatorServer, document: Path
) -> None:
    real.simulator.inject(Fault.reset(), path="/api/v1/files/upload")
    assert upload(side, document).id == 2
    assert real.simulator.files[1].upload_status == "pending"


def test_progress_grows_to_the_whole_and_falls_back_only_when_begun_anew(
    side: Side, taker: SlowTaker, document: Path
) -> None:
    size = document.stat().st_size
    told: list[Any] = []
    upload(side, document, on_progress=told.append)
    assert [one.bytes_done for one in told] == sorted(one.bytes_done for one in told)
    assert (told[-1].bytes_done, told[-1].bytes_total, told[-1].fraction) == (size, size, 1.0)
    assert (told[0].name, told[0].bytes_done, told[-1].rate > 0) == ("report.pdf", 0, True)
    taker.does(Act(status=503))
    again: list[Any] = []
    upload(side, document, on_progress=again.append)
    assert [one.bytes_done for one in again].count(0) == 2
    assert [one.bytes_done for one in again].count(size) == 2


def test_an_error_of_whoever_is_told_ends_the_upload(side: Side, document: Path) -> None:
    """And leaves no connection busy."""

    def fail(_: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        upload(side, document, on_progress=fail)
    assert side.busy_connections() == 0


def test_30_mb_take_little_memory(side: Side, taker: SlowTaker, tmp_path: Path) -> None:
    large = tmp_path / "large.pdf"
    with large.open("wb") as file:
        for number in range(30):
            file.write(bytes([number]) * 1_000_000)
    upload(side, b"first", name="warm.pdf")
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        upload(side, large)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taker.arrivals[-1].length == 30_000_000
    assert peak - before < 4_000_000


async def test_a_cancelled_upload_leaves_nothing_behind(
    real: SimulatorServer, taker: SlowTaker, document: Path
) -> None:
    taker.does(Act(status=None, ending="silence"))
    underway = asyncio.Event()

    def tell(progress: Progress) -> None:
        if progress.bytes_done == progress.bytes_total:
            underway.set()

    async with AsyncDatalab(API_KEY, base_url=real.api_url) as client:
        task = asyncio.create_task(client.files.upload(document, on_progress=tell))
        await underway.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # Its lane was closed, and with it the connection.
        await asyncio.to_thread(until, lambda: not any(map(is_open, taker._connections)))
        assert (await client.files.upload(document)).is_uploaded


def test_many_uploads_are_under_way_at_once_but_not_too_many(
    side: Side, taker: SlowTaker, tmp_path: Path
) -> None:
    together, most, now = threading.Barrier(3), 0, 0
    lock = threading.Lock()
    store = taker.on_stored

    def wait_for_two_others(arrival: Arrival) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        together.wait(10)
        with lock:
            now -= 1
        store(arrival)

    taker.on_stored = wait_for_two_others
    documents = [(f"{number}.pdf", b"%PDF") for number in range(9)]
    outcomes = side.way.collect(side._client.files.upload_many(documents, concurrency=3))
    assert [one.succeeded for one in outcomes] == [True] * 9
    assert most == 3


def test_what_is_uploaded_comes_back_over_sockets(
    side: Side, tmp_path: Path, document: Path
) -> None:
    """With the simulator's own storage on both ways."""
    simulator = _fresh_simulator()
    with SimulatorServer(simulator) as server:
        client: Any = side.client(base_url=server.api_url)
        file = side.way.done(client.files.upload(document))
        assert simulator.files[file.id].body == document.read_bytes()
        path = side.way.done(client.files.download(file, tmp_path / "back.pdf"))
        assert path.read_bytes() == document.read_bytes()
        side.way.done(client.files.delete(file))
        assert len(simulator.files) == 0
        side.way.done(client.close())


def _fresh_simulator() -> Any:
    from datalab_facade.testing import Simulator

    return Simulator(api_key=API_KEY)


def test_a_proxy_of_the_users_own_client_is_used_for_uploads_too(
    real: SimulatorServer, document: Path
) -> None:
    seen: list[str] = []

    def note(request: httpx.Request) -> None:
        seen.append(request.method)

    from datalab_facade import Datalab

    with (
        httpx.Client(event_hooks={"request": [note]}) as http,
        Datalab(API_KEY, base_url=real.api_url, http_client=http) as client,
    ):
        assert client.files.upload(document).is_uploaded
    assert seen == ["POST", "PUT", "GET"]


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ("https://storage.example/\x00", r"https://storage.example/\x00?… is not a URL: "),
        (" https://storage.example/", "… is not an http or https URL"),
        ("https://a..b/", "https://a..b/?… is not a URL: "),
        ("https://xn--/", "https://xn--/?… is not a URL: "),
    ],
    ids=ascii,
)
def test_a_url_for_the_upload_that_no_http_can_use_is_refused(
    side: Side, real: SimulatorServer, document: Path, start: str, why: str
) -> None:
    ticket: JSON = {
        "file_id": 7,
        "reference": "datalab://file-npl94jxy",
        "upload_url": f"{start}?X-Amz-Signature={SIGNATURE}",
    }
    real.simulator.inject(Fault.status(200, ticket))
    failed = failure(side, document)
    assert failed.reason == "refused"
    assert f"The file 'report.pdf' could not be sent: {why}" in str(failed)
    assert SIGNATURE not in str(failed)


async def test_a_source_that_cannot_be_opened_after_a_cancellation_is_nobodys_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def open_source(*_: object, **__: object) -> sources.Source:
        begun.set()
        may_end.wait(20)
        loop.call_soon_threadsafe(ended.set)
        raise UploadError("cannot be read", file_name="a.pdf", status=None, reason="unreadable")

    monkeypatch.setattr(sources, "open_source", open_source)
    task = asyncio.create_task(sources.open_source_async(b"", "a.pdf", max_bytes=1))
    assert await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [opening] = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    may_end.set()
    await ended.wait()
    await asyncio.wait([opening])
