"""Sources of uploads: a path, bytes, or an open file, checked before anything is sent.

Reading from a pipe may never end, so it happens in a thread that can be abandoned.
"""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self, TypeAlias, TypeVar, cast

from datalab_facade.errors import InvalidArgumentError, UploadError, UploadFailure
from datalab_facade.interrupting import wait_until_done
from datalab_facade.transfers.uploading import upload_error

if TYPE_CHECKING:
    import asyncio

_T = TypeVar("_T")

UploadSource: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes]"
"""A path, bytes, or a file that was opened for reading in binary mode."""

_PIECE: Final = 1 << 18
_MOST_IN_MEMORY: Final = 1 << 23


class Source:
    """An open source of known size. Use it in a ``with`` statement.

    Attributes:
        size: The size in bytes.
        in_memory: Whether reading never blocks.
    """

    def __init__(
        self,
        name: str,
        size: int,
        file: IO[bytes],
        *,
        start: int = 0,
        owned: bool = True,
        stamp: tuple[int, int] | None = None,
    ) -> None:
        self.size = size
        self.in_memory = isinstance(file, io.BytesIO)
        self._name = name
        self._file = file
        self._start = start
        self._owned = owned
        self._stamp = stamp

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, unless the caller opened it."""
        if self._owned:
            self._file.close()

    def pieces(self) -> Iterator[bytes]:
        """Yield exactly :attr:`size` bytes, from the start.

        Raises:
            UploadError: The source cannot be read, or has changed.
        """
        _convert_errors(self._name, lambda: self._file.seek(self._start))
        left = self.size
        while left:
            piece = _read(self._name, self._file, min(_PIECE, left))
            left -= len(piece)
            # Storage accepts the file with its last piece, so that is held back until a
            # check shows that the file did not change while it was sent.
            if not piece or (not left and self._is_another()):
                raise upload_error(
                    self._name,
                    UploadFailure.CHANGED,
                    f"changed since its upload began with {self.size} bytes. "
                    "Upload it again when no other program writes to it",
                )
            yield piece

    def _is_another(self) -> bool:
        if _read(self._name, self._file, 1):
            return True
        if self._stamp is None:
            return False
        return _convert_errors(self._name, lambda: _stamp(self._file)) != self._stamp


def open_source(
    source: UploadSource,
    name: str,
    *,
    max_bytes: int,
    timeout: float = math.inf,
    abandoned: Callable[[], bool] = lambda: False,
) -> Source:
    """Open a source, and check it before anything is sent.

    Args:
        source: A path is opened; a file that is open already is read from its current
            position, and stays open. One that cannot seek (a pipe, a download) is first
            copied to a temporary file, since storage needs the size before the first
            byte, and a retry needs all bytes again.
        name: The name for error messages.
        max_bytes: The largest size in bytes.
        timeout: Seconds within which a source that cannot seek must end.
        abandoned: Returns whether the caller has given up; then reading stops.

    Raises:
        UploadError: The source is missing, empty, too large, not a file, unreadable, or
            did not end in time.
        InvalidArgumentError: The file was opened in text mode.
    """
    if isinstance(source, bytes):
        opened = Source(name, len(source), io.BytesIO(source))
    elif isinstance(source, (str, os.PathLike)):
        opened = _open_path(Path(source), name)
    else:
        opened = _use_open_file(source, name, max_bytes, timeout, abandoned)
    try:
        if opened.size == 0:
            raise upload_error(name, UploadFailure.EMPTY, "is empty, so there is nothing to upload")
        if opened.size > max_bytes:
            raise _too_large(name, max_bytes)
    except UploadError:
        opened.close()
        raise
    return opened


async def open_source_async(
    source: UploadSource, name: str, *, max_bytes: int, timeout: float = math.inf
) -> Source:
    """Open a source in an event loop, which a slow disk or a long pipe does not block.

    Arguments and errors as :func:`open_source`.
    """
    import asyncio  # importing it costs a third of importing httpx

    left = threading.Event()

    def work() -> Source:
        opened = open_source(source, name, max_bytes=max_bytes, abandoned=left.is_set)
        if left.is_set():
            # The event loop may have ended, so nothing else would close it.
            opened.close()
        return opened

    async def wait() -> Source:
        # The loop waits for its own threads when it ends; this one may never end.
        return await asyncio.wrap_future(_in_own_thread(name, work))

    opening = asyncio.create_task(wait())
    try:
        async with asyncio.timeout(None if timeout == math.inf else timeout):
            return await asyncio.shield(opening)
    except (asyncio.CancelledError, TimeoutError) as error:
        # The thread continues, and nothing else would close what it opens.
        left.set()
        opening.add_done_callback(_close_opened)
        if isinstance(error, TimeoutError):
            raise _not_read_in_time(name) from None
        raise


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading, without waiting for a pipe's writer.

    Raises:
        OSError: It cannot be read, or is not a regular file.
    """
    # Opening a device may have effects, so its kind is checked before.
    _check_regular(path.stat(), path)
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    try:
        _check_regular(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def _check_regular(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a socket or a device"
        raise OSError(errno.EINVAL, f"it is {kind}, and not a file", str(path))


def _open_at_once(path: str, flags: int) -> int:
    # A pipe may have replaced the file meanwhile; opening it would wait for its writer.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _open_path(path: Path, name: str) -> Source:
    file = _convert_errors(name, lambda: open_regular(path))
    stamp = _stamp(file)
    return Source(name, stamp[0], file, stamp=stamp)


def _use_open_file(
    file: IO[bytes],
    name: str,
    max_bytes: int,
    timeout: float,
    abandoned: Callable[[], bool],
) -> Source:
    if isinstance(file, io.TextIOBase) or isinstance(
        _convert_errors(name, lambda: file.read(0)), str
    ):
        raise InvalidArgumentError(f"{name!r} was opened in text mode; open it with mode 'rb'")
    try:
        if file.seekable():
            start = file.tell()
            end = file.seek(0, os.SEEK_END)
            file.seek(start)
            return Source(name, max(0, end - start), file, start=start, owned=False)
    except Exception:  # noqa: BLE001, S110
        # A file that only claims to be seekable is read like one that is not.
        pass
    if timeout == math.inf:
        return _spool(file, name, max_bytes, abandoned)
    return _spool_in_time(file, name, max_bytes, timeout)


def _in_own_thread(name: str, work: Callable[[], _T]) -> Future[_T]:
    """Run work that may never end in a thread that does not delay the end of the program.

    Raises:
        UploadError: The system has no thread, as in a container that allows few.
    """
    future: Future[_T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            future.set_exception(error)

    try:
        threading.Thread(target=run, name="datalab-read", daemon=True).start()
    except RuntimeError as error:
        raise upload_error(
            name,
            UploadFailure.UNREADABLE,
            f"cannot be read: {error}. Allow this process more threads, and call again",
        ) from error
    return future


def _spool_in_time(file: IO[bytes], name: str, max_bytes: int, timeout: float) -> Source:
    """Copy a file, but wait no longer than ``timeout`` seconds.

    A thread that waits for a pipe cannot be stopped. It is abandoned, and reads nothing
    after the piece that it waits for.
    """
    left = threading.Event()
    spooling = _in_own_thread(name, lambda: _spool(file, name, max_bytes, left.is_set))
    is_done = False
    try:
        is_done = wait_until_done(spooling, timeout)
    finally:
        if not is_done:
            left.set()
            spooling.add_done_callback(_close)
    if not is_done:
        raise _not_read_in_time(name)
    return spooling.result()


def _close(spooling: Future[Source]) -> None:
    if spooling.exception() is None:
        spooling.result().close()


def _not_read_in_time(name: str) -> UploadError:
    """Create the error for a source that did not end in time."""
    return upload_error(
        name,
        UploadFailure.UNREADABLE,
        "was not read to its end in time: its writer is too slow, or has stopped. "
        "Allow a longer timeout, or save the data to a file and upload that",
    )


def _spool(file: IO[bytes], name: str, max_bytes: int, abandoned: Callable[[], bool]) -> Source:
    import tempfile  # rarely needed, and slow to import

    size = 0
    with contextlib.ExitStack() as stack:
        spool = stack.enter_context(tempfile.SpooledTemporaryFile(_MOST_IN_MEMORY))
        while not abandoned() and (piece := _read(name, file, _PIECE)):
            size += len(piece)
            if size > max_bytes:
                raise _too_large(name, max_bytes)
            _convert_errors(name, partial(spool.write, piece))
        # From here on the source closes it.
        stack.pop_all()
    return Source(name, size, cast("IO[bytes]", spool))


def _too_large(name: str, max_bytes: int) -> UploadError:
    return upload_error(
        name,
        UploadFailure.TOO_LARGE,
        f"is larger than {max_bytes} bytes. Datalab accepts up to 200 MB; "
        "if that has changed, allow more with max_bytes",
    )


def _read(name: str, file: IO[bytes], most: int) -> bytes:
    piece = _convert_errors(name, lambda: file.read(most))
    if not isinstance(piece, bytes):
        raise upload_error(
            name,
            UploadFailure.UNREADABLE,
            f"returns {type(piece).__name__} instead of bytes when it is read",
        )
    return piece


def _convert_errors(name: str, read: Callable[[], _T]) -> _T:
    """Call a function, and turn its errors into ones that name the file."""
    try:
        return read()
    except FileNotFoundError as error:
        raise upload_error(
            name, UploadFailure.MISSING, f"does not exist: {error.filename}"
        ) from error
    except Exception as error:
        # The caller's file object may raise anything; a closed one raises ValueError.
        said = error.strerror if isinstance(error, OSError) else None
        raise upload_error(
            name, UploadFailure.UNREADABLE, f"cannot be read: {said or error}"
        ) from error


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _close_opened(opening: asyncio.Task[Source]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
