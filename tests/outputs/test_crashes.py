"""Whatever fails, ends or is cancelled at whatever moment: nothing saved is lost or doubted.

Each place is tried, or every so manieth; ``DATALAB_FUZZ=long`` tries all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import gzip
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from hashlib import sha256
from pathlib import Path
from types import coroutine
from typing import Any

import httpx
import pytest

from datalab_facade import DatalabError, Manifest
from tests.fuzzing import LONG
from tests.outputs.conftest import execution_of
from tests.outputs.crashing import Crash, Disk, crashing, disk_below, failing
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

_STRIDE = 1 if LONG else 23
pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3_600 if LONG else 60)]

SMALL, LARGE = b"[1, 2]", os.urandom(100_000)
STORED = {"/small": SMALL, "/large": LARGE, "/packed": gzip.compress(SMALL)}
BODIES = {"small": SMALL, "large": LARGE, "packed": SMALL}
EXECUTION = execution_of(*[("parse", name, f"https://a.example/{name}") for name in BODIES])


def answer(request: httpx.Request) -> httpx.Response:
    packed = {"Content-Encoding": "gzip"} if request.url.path == "/packed" else {}
    body = STORED[request.url.path]
    found = request.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
    headers = {"ETag": '"v1"', **packed}
    if not found:
        return httpx.Response(200, headers=headers, stream=Pieces(body))
    headers["Content-Range"] = f"bytes {found}-{len(body) - 1}/{len(body)}"
    return httpx.Response(206, headers=headers, stream=Pieces(body[int(found) :]))


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, body: bytes) -> None:
        self._pieces = [body[at : at + 40_000] for at in range(0, len(body), 40_000)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await asyncio.sleep(0)
            yield piece


class Transport(httpx.MockTransport):
    """Answers an async client only when others have had their turn."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return answer(request)


def save(way: Way, folder: Path, **options: Any) -> Any:
    """Call ``save_all``; what is async is run to its end, and so are its threads."""
    with Way(way.kind) as again:
        client = again.client_over(Transport(answer))
        try:
            return again.done(client.outputs.save_all(EXECUTION, folder, **options))
        finally:
            again.done(client.close())


def check_whole(manifest: Manifest, folder: Path, *, tidy: bool = True) -> None:
    """See that everything is saved, and nothing else is left behind."""
    home = folder / "execution-1001"
    assert manifest.failed == ()
    assert Manifest.read(home) == manifest
    digests = {saved.file_key: saved.sha256 for saved in manifest.saved}
    assert digests == {name: sha256(body).hexdigest() for name, body in BODIES.items()}
    left = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}
    assert left >= {"manifest.json", *(saved.path for saved in manifest.saved)}
    assert not tidy or len(left) == len(manifest.saved) + 1


def check_honest(manifest: Manifest, folder: Path) -> None:
    """See that what is told is true, and that no file of ours is taken for somebody else's."""
    for saved in manifest.saved:
        body = (folder / "execution-1001" / saved.path).read_bytes()
        assert sha256(body).hexdigest() == saved.sha256
    assert not [missed for missed in manifest.failed if "exists" in missed.error]


def places(way: Way) -> range:
    """Give the numbers of all that is done on disk when nothing goes wrong, or of some of it."""
    with tempfile.TemporaryDirectory() as room, disk_below(Path(room)) as disk:
        save(way, Path(room), concurrency=1)
        return range(1 + disk.count % _STRIDE, disk.count + 1, _STRIDE)


# Whoever is gone closes nothing.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("sign", [1, -1], ids=["before", "after"])
def test_a_process_that_ends_at_any_moment_leaves_nobody_in_doubt(way: Way, sign: int) -> None:
    for at in places(way):
        with tempfile.TemporaryDirectory() as room:
            folder = Path(room)
            with (
                contextlib.suppress(Crash, BaseExceptionGroup),
                disk_below(folder, crashing(sign * at)),
            ):
                save(way, folder, concurrency=1)
            # The files of a process that is gone are closed.
            gc.collect()
            check_whole(save(way, folder, concurrency=1), folder)


@pytest.mark.parametrize("trouble", [errno.EIO, errno.ENOSPC], ids=["broken", "full"])
@pytest.mark.parametrize("sign", [1, -1], ids=["before", "after"])
def test_an_operation_that_fails_at_any_moment_is_told_and_mended_by_the_next_call(
    way: Way, sign: int, trouble: int
) -> None:
    for at in places(way):
        with tempfile.TemporaryDirectory() as room:
            folder = Path(room)
            with disk_below(folder, failing(sign * at, trouble)):
                try:
                    told = save(way, folder, concurrency=1)
                except DatalabError as error:
                    told = getattr(error, "manifest", None)
            if told is not None:
                check_honest(told, folder)
            # What failed may have been to remove something.
            check_whole(save(way, folder, concurrency=1), folder, tidy=False)


class Cancelled:
    """An async ``save_all`` that is cancelled, once or twice, at some moment."""

    def __init__(self, folder: Path, times: int) -> None:
        self._folder = folder
        self._times = times
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[Any]
        self.suspended = 0
        self.at_await = 0

    def run(self, at: int, disk: Disk) -> int:
        """Cancel it at an operation of the disk. Give how many there had been at its end."""

        def happens(number: int) -> None:
            if number == at:
                self.cancel()

        if at:
            disk.happens = happens
        return asyncio.run(self._run(disk))

    async def _run(self, disk: Disk) -> int:
        from datalab_facade import AsyncDatalab

        self._loop = asyncio.get_running_loop()
        new_task: Any = self._new_task
        self._loop.set_task_factory(new_task)
        http = httpx.AsyncClient(transport=Transport(answer))
        async with AsyncDatalab(API_KEY, http_client=http) as client:
            saving = client.outputs.save_all(EXECUTION, self._folder, concurrency=2)
            self._task = asyncio.ensure_future(saving)
            try:
                await asyncio.wait([self._task])
                return disk.count
            finally:
                if not self._task.cancelled():
                    self._task.exception()

    def cancel(self) -> None:
        """Cancel it, and come back when it knows."""
        for _ in range(self._times):
            if threading.current_thread() is threading.main_thread():
                self._loop.call_soon(self._task.cancel)
            else:
                known = threading.Event()

                self._loop.call_soon_threadsafe(self._cancel_and_tell, known)
                assert known.wait(10)

    def _cancel_and_tell(self, known: threading.Event, turns: int = 5) -> None:
        """Cancel it, and tell when it waits again."""
        if turns == 5:
            self._task.cancel()
        if turns:
            self._loop.call_soon(self._cancel_and_tell, known, turns - 1)
        else:
            known.set()

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        watched: Any = self._watched(work)
        return asyncio.Task(watched, loop=loop, **options)

    @coroutine
    def _watched(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Count how often a task waits, and cancel at one of these moments."""
        raised: BaseException | None = None
        while True:
            try:
                awaited = work.send(None) if raised is None else work.throw(raised)
            except StopIteration as end:
                return end.value
            raised = None
            self.suspended += 1
            if self.suspended == self.at_await:
                self.cancel()
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001 - it goes on to where it belongs
                raised = error


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("moment", ["on disk", "waiting"])
def test_a_call_that_is_cancelled_at_any_moment_is_over_when_it_ends_and_loses_nothing(
    moment: str, times: int
) -> None:
    way = Way("async")
    with tempfile.TemporaryDirectory() as room, disk_below(Path(room)) as disk:
        whole = Cancelled(Path(room), 1)
        whole.run(0, disk)
        many = disk.count if moment == "on disk" else whole.suspended
    for at in range(1 + many % _STRIDE, many + 1, _STRIDE):
        with tempfile.TemporaryDirectory() as room:
            folder = Path(room)
            call = Cancelled(folder, times)
            call.at_await = at if moment == "waiting" else 0
            with disk_below(folder) as disk:
                at_its_end = call.run(at if moment == "on disk" else 0, disk)
                # All threads are over now; none has done anything since.
                assert disk.count == at_its_end
            check_whole(save(way, folder), folder)
