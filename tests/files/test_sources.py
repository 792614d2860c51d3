"""What can be told of a file before anything is sent, is told before anything is sent."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest

from datalab_facade import InvalidArgumentError, UploadError
from datalab_facade.files.descriptions import MAX_FILE_BYTES, describe
from datalab_facade.files.media_types import MEDIA_TYPES
from datalab_facade.interrupting import Interrupted, Interruption
from datalab_facade.testing import Simulator
from datalab_facade.transfers.sources import open_source
from tests.in_process import asynchronous
from tests.outputs.conftest import until
from tests.ways import Way

PDF = b"%PDF-1.7 and so on"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with one of everything that cannot be uploaded."""
    (tmp_path / "folder.pdf").mkdir()
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "large.pdf").touch()
    os.truncate(tmp_path / "large.pdf", MAX_FILE_BYTES + 1)
    os.mkfifo(tmp_path / "pipe.pdf")
    (tmp_path / "notes.txt").write_bytes(b"text")
    (tmp_path / "evil\n.pdf").write_bytes(PDF)
    (tmp_path / "good.pdf").write_bytes(PDF)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.pdf", "missing"),
        ("folder.pdf", "unreadable"),
        ("pipe.pdf", "unreadable"),
        ("good.pdf/inside.pdf", "unreadable"),
        ("null\0.pdf", None),
        ("empty.pdf", "empty"),
        ("large.pdf", "too_large"),
        ("notes.txt", None),
        ("evil\n.pdf", None),
    ],
)
def test_a_path_that_cannot_be_uploaded_is_told_before_any_request(
    way: Way, simulator: Simulator, folder: Path, name: str, reason: str | None
) -> None:
    client = way.client(simulator)
    with pytest.raises((UploadError, InvalidArgumentError)) as caught:
        way.done(client.files.upload(folder / name))
    if reason is None:
        assert isinstance(caught.value, InvalidArgumentError)
    else:
        assert isinstance(caught.value, UploadError)
        assert (caught.value.reason, caught.value.status) == (reason, None)
        assert caught.value.file_name == Path(name).name
    assert len(simulator.requests) == 0


@pytest.mark.parametrize(
    ("source", "given", "words"),
    [
        (PDF, {}, "pass name"),
        (PDF, {"name": ""}, "must be a name"),
        (PDF, {"name": ".."}, "must be a name"),
        (PDF, {"name": "a/b.pdf"}, "folder"),
        (PDF, {"name": "a\\b.pdf"}, "folder"),
        (PDF, {"name": "a\x00b.pdf"}, "control character"),
        (PDF, {"name": "a\udc80.pdf"}, "not text"),
        (PDF, {"name": "notes.md"}, "content_type"),
        (PDF, {"name": "pdf"}, "content_type"),
        (PDF, {"name": "a.pdf", "content_type": "pdf"}, "media type"),
        (PDF, {"name": "a.pdf", "content_type": "a/b\r\nX-API-Key: c"}, "media type"),
        (PDF, {"name": "a.pdf", "max_bytes": 0}, "max_bytes"),
        (PDF, {"name": "a.pdf", "timeout": 0}, "timeout"),
        (io.StringIO("text"), {"name": "a.pdf"}, "'rb'"),
        (io.BytesIO(PDF), {}, "pass name"),
        (7, {"name": "a.pdf"}, "not int"),
        (None, {"name": "a.pdf"}, "not NoneType"),
    ],
)
def test_a_wrong_argument_is_told_before_any_request(
    way: Way, simulator: Simulator, source: Any, given: dict[str, Any], words: str
) -> None:
    client = way.client(simulator)
    with pytest.raises(InvalidArgumentError, match=words):
        way.done(client.files.upload(source, **given))
    assert len(simulator.requests) == 0


@pytest.mark.parametrize(
    ("source", "most", "reason"),
    [
        (b"", 100, "empty"),
        (io.BytesIO(), 100, "empty"),
        (b"x" * 101, 100, "too_large"),
        (io.BytesIO(b"x" * 101), 100, "too_large"),
    ],
)
def test_bytes_and_open_files_have_the_same_limits(
    way: Way, simulator: Simulator, source: Any, most: int, reason: str
) -> None:
    client = way.client(simulator)
    with pytest.raises(UploadError) as caught:
        way.done(client.files.upload(source, name="a.pdf", max_bytes=most))
    assert caught.value.reason == reason
    assert len(simulator.requests) == 0


def test_more_than_the_documented_limit_may_be_allowed(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    with pytest.raises(UploadError, match="200 MB"):
        open_source(io.BytesIO(b"x" * 11), "a.pdf", max_bytes=10)
    file = way.done(client.files.upload(b"x" * 11, name="a.pdf", max_bytes=11))
    assert file.size == 11


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/me/report.pdf", "report.pdf"),
        ("report.pdf", "report.pdf"),
        ("C:\\Users\\me\\report.pdf", "report.pdf"),
        (Path("/a/b/Bericht März.PDF"), "Bericht März.PDF"),
    ],
)
def test_of_a_path_only_the_last_part_is_told(path: str | Path, name: str) -> None:
    assert describe(path, None, None).name == name


def test_the_media_type_does_not_depend_on_the_machine() -> None:
    import mimetypes

    mimetypes.init()
    mimetypes.add_type("application/x-wrong", ".pdf")
    try:
        assert describe("a.pdf", None, None).content_type == "application/pdf"
    finally:
        mimetypes.init()
    assert describe("a.PDF", None, None).content_type == "application/pdf"
    assert describe("a.dat", None, "image/png").content_type == "image/png"


def test_there_is_a_media_type_for_all_that_the_api_says_it_accepts() -> None:
    wanted = "pdf doc docx xls xlsx ppt pptx html png jpg jpeg gif tif tiff webp"
    assert {f".{suffix}" for suffix in wanted.split()} <= MEDIA_TYPES.keys()


class Pipe(io.RawIOBase):
    """A stream that cannot seek, and gives what it likes."""

    def __init__(self, pieces: list[Any], *, claims: bool = False) -> None:
        self._pieces = iter(pieces)
        self._claims = claims

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._claims

    def read(self, size: int = -1) -> Any:
        if size == 0:
            return b""
        piece = next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        return piece


def test_an_open_file_is_read_from_where_it_stands_and_stays_open(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"skipped" + PDF)
    with path.open("rb") as file:
        file.seek(7)
        uploaded = way.done(way.client(simulator).files.upload(file))
        assert not file.closed
    assert simulator.files[uploaded.id].body == PDF
    assert uploaded.filename == "report.pdf"


@pytest.mark.parametrize("claims", [False, True], ids=["cannot seek", "says it could"])
def test_what_cannot_seek_is_uploaded_all_the_same(
    way: Way, simulator: Simulator, claims: bool
) -> None:
    """And sent again, although it can be read once only."""
    simulator.inject(*_refusals(), origin="storage")
    pipe: Any = Pipe([PDF, b"more"], claims=claims)
    uploaded = way.done(way.client(simulator).files.upload(pipe, name="a.pdf"))
    assert simulator.files[uploaded.id].body == PDF + b"more"
    assert not pipe.closed


def _refusals() -> list[Any]:
    from datalab_facade.testing import Fault

    return [Fault.status(503), Fault.reset()]


def test_a_compressed_file_is_uploaded_as_it_reads(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(PDF * 1_000))
    with gzip.open(packed) as file:
        uploaded = way.done(way.client(simulator).files.upload(file, name="a.pdf"))
    assert simulator.files[uploaded.id].body == PDF * 1_000


@pytest.mark.parametrize(
    "pieces",
    [
        [OSError(5, "Input/output error")],
        [b"some", OSError(5, "Input/output error")],
        ["text"],
        [b"some", None],
        [ValueError("I/O operation on closed file")],
    ],
)
def test_a_stream_that_cannot_be_read_is_told_as_such(
    way: Way, simulator: Simulator, pieces: list[Any]
) -> None:
    client = way.client(simulator)
    with pytest.raises(UploadError) as caught:
        way.done(client.files.upload(Pipe(pieces), name="a.pdf"))
    assert caught.value.reason == "unreadable"
    assert len(simulator.requests) == 0


def test_a_pipe_that_never_ends_is_left_at_the_limit(way: Way, simulator: Simulator) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(100_000)

    pipe: Any = Pipe([])
    pipe._pieces = endless()
    client = way.client(simulator)
    with pytest.raises(UploadError) as caught:
        way.done(client.files.upload(pipe, name="a.pdf", max_bytes=1_000_000))
    assert caught.value.reason == "too_large"


@contextlib.contextmanager
def stalled_pipe(begin: bytes) -> Iterator[IO[bytes]]:
    """Give a pipe to whose other end nobody writes after the begin."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as pipe:
        os.write(writer, begin)
        try:
            yield pipe
        finally:
            # Whoever still reads comes to the end.
            os.close(writer)
            for thread in threading.enumerate():
                if thread.name == "datalab-read":
                    thread.join(10)


@pytest.mark.parametrize("begin", [b"", PDF, bytes(60_000)], ids=["nothing", "some", "much"])
@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_pipe_that_stalls_is_left_when_the_time_is_over(
    way: Way, simulator: Simulator, begin: bytes, buffering: int
) -> None:
    client = way.client(simulator)
    with stalled_pipe(begin) as pipe:
        given: Any = pipe if buffering else pipe.raw  # type: ignore[attr-defined]
        began = time.monotonic()
        with pytest.raises(UploadError, match="not read to its end in time") as caught:
            way.done(client.files.upload(given, name="a.pdf", timeout=0.2))
        assert time.monotonic() - began < 5
        assert caught.value.reason == "unreadable"
    assert len(simulator.requests) == 0


def test_a_pipe_that_stalls_holds_no_thread_that_is_not_wanted_any_more() -> None:
    interruption = Interruption()

    def read(pipe: IO[bytes]) -> None:
        with interruption:
            open_source(pipe, "a.pdf", max_bytes=MAX_FILE_BYTES, timeout=20)

    with stalled_pipe(PDF) as pipe, ThreadPoolExecutor(1) as thread:
        reading = thread.submit(read, pipe)
        until(lambda: any(one.name == "datalab-read" for one in threading.enumerate()))
        interruption.set_off()
        with pytest.raises(Interrupted):
            reading.result(5)


def test_a_pipe_that_stalls_does_not_keep_the_others_from_being_uploaded(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator)
    with stalled_pipe(PDF) as pipe:
        sources = [("a.pdf", pipe), ("b.pdf", PDF)]
        ended = way.collect(client.files.upload_many(sources, timeout=0.2))
    assert sorted(outcome.succeeded for outcome in ended) == [False, True]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_program_ends_though_a_pipe_of_its_stalls(kind: str) -> None:
    call = {
        "sync": "Datalab('k', base_url='https://a.example').files.upload(pipe, **given)",
        "async": (
            "asyncio.run(AsyncDatalab('k', base_url='https://a.example')"
            ".files.upload(pipe, **given))"
        ),
    }
    program = (
        "import asyncio, sys\n"
        "from datalab_facade import AsyncDatalab, Datalab, UploadError\n"
        "pipe, given = sys.stdin.buffer, {'name': 'a.pdf', 'timeout': 0.2}\n"
        f"try:\n    {call[kind]}\n"
        "except UploadError as error:\n    print(error.reason)\n"
    )
    reader, writer = os.pipe()
    try:
        # By a file without a buffer of its own: the interpreter closes that of standard input,
        # which no thread may be reading then.
        program = program.replace("sys.stdin.buffer", "open(0, 'rb', buffering=0)")
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdin=reader,
            capture_output=True,
            check=True,
            timeout=60,
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert done.stdout.decode().strip() == "unreadable"


async def test_what_a_cancelled_upload_was_about_to_open_is_closed(simulator: Simulator) -> None:
    """Although it is opened in a thread, which nobody can stop."""
    reading, go_on = threading.Event(), threading.Event()
    spools: list[Any] = []

    def slow() -> Iterator[bytes]:
        yield PDF
        reading.set()
        assert go_on.wait(10)

    pipe: Any = Pipe([])
    pipe._pieces = slow()
    make = tempfile.SpooledTemporaryFile

    def noted(*args: Any) -> Any:
        spools.append(make(*args))
        return spools[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "SpooledTemporaryFile", noted)
        task = asyncio.create_task(asynchronous(simulator).files.upload(pipe, name="a.pdf"))
        await asyncio.to_thread(reading.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not spools[0].closed
        go_on.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert spools[0].closed
    assert len(simulator.requests) == 0


def test_a_file_opened_for_writing_is_told_as_such(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    client = way.client(simulator)
    with (tmp_path / "a.pdf").open("wb") as file, pytest.raises(UploadError) as caught:
        way.done(client.files.upload(file))
    assert caught.value.reason == "unreadable"


def test_standard_input_can_be_uploaded(tmp_path: Path) -> None:
    program = (
        "import sys; from datalab_facade.transfers.sources import open_source\n"
        "with open_source(sys.stdin.buffer, 'a.pdf', max_bytes=100) as source:\n"
        "    sys.stdout.write(str((source.size, b''.join(source.pieces()))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=PDF, capture_output=True, check=True
    )
    assert done.stdout.decode() == str((len(PDF), PDF))


def test_a_pipe_that_takes_a_files_place_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, pipe = tmp_path / "a.pdf", tmp_path / "pipe"
    path.write_bytes(PDF)
    os.mkfifo(pipe)
    there = os.stat
    found = there(path)
    # It takes the place just after somebody looked at what is there.
    monkeypatch.setattr(os, "stat", lambda *args, **more: _first(found, there, args, more))
    pipe.replace(path)
    with pytest.raises(UploadError, match="a pipe, a socket or a device") as caught:
        open_source(path, "a.pdf", max_bytes=100)
    assert caught.value.reason == "unreadable"


def _first(found: os.stat_result, there: Any, args: Any, more: Any) -> os.stat_result:
    return found if str(args[0]).endswith("a.pdf") else there(*args, **more)


def test_a_file_that_changes_while_it_is_read_is_told_as_such(tmp_path: Path) -> None:
    """Whether it shrinks, grows, or keeps its length."""
    path = tmp_path / "a.pdf"
    body = bytes(600_000)

    def shrink() -> None:
        os.truncate(path, 300_000)

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"more")

    def rewrite() -> None:
        with path.open("r+b") as file:
            file.write(b"other")
        os.utime(path, (1, 1))

    for change in (shrink, grow, rewrite):
        path.write_bytes(body)
        with open_source(path, "a.pdf", max_bytes=10**6) as source:
            pieces = source.pieces()
            sent = len(next(pieces))
            change()
            more: list[bytes] = []
            with pytest.raises(UploadError) as caught:
                more.extend(pieces)
            assert caught.value.reason == "changed"
            assert sent + sum(map(len, more)) < len(body), "storage must not have it whole"


def test_a_file_that_is_replaced_meanwhile_is_sent_as_it_was(tmp_path: Path) -> None:
    path, other = tmp_path / "a.pdf", tmp_path / "b.pdf"
    path.write_bytes(PDF * 100_000)
    other.write_bytes(b"new")
    with open_source(path, "a.pdf", max_bytes=10**8) as source:
        other.replace(path)
        assert b"".join(source.pieces()) == PDF * 100_000


def test_a_path_of_bytes_is_told_with_what_to_do() -> None:
    class PathOfBytes:
        def __fspath__(self) -> bytes:
            return b"report.pdf"

    with pytest.raises(InvalidArgumentError, match=r"decode it with os\.fsdecode"):
        describe(PathOfBytes(), name=None, content_type=None)
