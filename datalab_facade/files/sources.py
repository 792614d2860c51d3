"""What is uploaded: a file on disk, bytes, or an open file; checked before anything is sent."""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import re
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, TypeAlias, TypeVar, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.errors import InvalidArgumentError, UploadError, UploadFailure
from datalab_facade.files.media_types import MEDIA_TYPES, media_type_of
from datalab_facade.files.uploading import upload_failed

_T = TypeVar("_T")

UploadSource: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes]"
"""A path, bytes, or a file that was opened for reading in binary mode."""

MAX_FILE_BYTES: Final = 200 * 1024 * 1024
"""The most that a file may have: 200 MB, by the limits that Datalab publishes for files."""

_PIECE: Final = 1 << 18
_MOST_IN_MEMORY: Final = 1 << 23
_MEDIA_TYPE: Final = re.compile(r"[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+(;[ -~]*)?")


@attrs.frozen
class Described:
    """What is told of a file before it is sent."""

    name: str
    content_type: str


def describe(source: object, name: str | None, content_type: str | None) -> Described:
    """Find out under which name and as which media type a source is to be uploaded.

    Args:
        source: What is uploaded.
        name: The name that was asked for; by default the last part of the path.
        content_type: The media type that was asked for; by default that of the name's suffix.

    Raises:
        InvalidArgumentError: There is no name, it is none, or tells no media type; or
            the source is none.
    """
    _checked_source(source)
    file_name = _checked_name(name, "name") if name is not None else _name_of(source)
    kind = content_type if content_type is not None else media_type_of(file_name)
    if kind is None:
        known = " ".join(MEDIA_TYPES)
        raise InvalidArgumentError(
            f"The name {file_name!r} does not tell which kind of document it is. Datalab accepts "
            f"{known}; for anything else pass content_type"
        )
    if not isinstance(kind, str) or not _MEDIA_TYPE.fullmatch(kind):
        raise InvalidArgumentError(f"{named(kind)} is no media type such as 'application/pdf'")
    return Described(file_name, kind)


def _checked_source(source: object) -> None:
    readable = callable(getattr(source, "read", None))
    if not (readable or isinstance(source, (str, os.PathLike, bytes))):
        raise InvalidArgumentError(
            "What is uploaded is a path, bytes or a file opened in binary mode, "
            f"not {type(source).__name__}"
        )


def _name_of(source: object) -> str:
    path: object = None
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(cast("str | os.PathLike[str]", source))
        if not isinstance(path, str):
            raise InvalidArgumentError("A path is text; decode it with os.fsdecode")
    elif not isinstance(source, bytes):
        # That of a file opened by number is the number.
        path = getattr(source, "name", None)
    if not isinstance(path, str):
        raise InvalidArgumentError(
            "What has no name of its own needs one: pass name, such as 'report.pdf'"
        )
    # Of a path only the last part is anybody's business.
    return _checked_name(re.split(r"[/\\]", path.rstrip("/\\"))[-1], "name of the file")


def _checked_name(name: str, what: str) -> str:
    if not isinstance(name, str) or not name.strip() or name in (".", ".."):
        raise InvalidArgumentError(
            f"The {what} {named(name)} is none; pass one such as 'report.pdf'"
        )
    if re.search(r"[/\\]", name):
        raise InvalidArgumentError(
            f"The {what} {named(name)} has a folder in it; pass its last part only"
        )
    if any(map(_is_not_text, name)):
        raise InvalidArgumentError(
            f"The {what} {named(name)} has a control character, or one that is no text; "
            "pass another name"
        )
    return name


def harmless_name(name: str) -> str:
    r"""Give a name under which a file can be uploaded, whatever it is called on this machine.

    >>> harmless_name("report.pdf"), harmless_name("caf\udce9\n.pdf")
    ('report.pdf', 'caf__.pdf')
    """
    return "".join("_" if _is_not_text(char) or char in "/\\" else char for char in name)


def _is_not_text(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


class Source:
    """A source that is open, with its length. Use it in a ``with`` statement.

    Attributes:
        size: Its length in bytes.
        in_memory: Whether reading it never takes time.
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, unless it was open before."""
        if self._owned:
            self._file.close()

    def pieces(self) -> Iterator[bytes]:
        """Give all of it, from the start, as many bytes as :attr:`size` says.

        Raises:
            UploadError: It cannot be read, or has changed.
        """
        _convert_errors(self._name, lambda: self._file.seek(self._start))
        left = self.size
        while left:
            piece = _read(self._name, self._file, min(_PIECE, left))
            left -= len(piece)
            # The last piece makes the file whole for storage, so it is held back until
            # it is known that what was sent is one state of the file.
            if not piece or (not left and self._is_another()):
                raise upload_failed(
                    self._name,
                    UploadFailure.CHANGED,
                    f"is no longer the {self.size} bytes that it was when its upload began. "
                    "Upload it again when nobody writes to it",
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
    """Open a source, and check all that can be checked before it is sent.

    Args:
        source: What is uploaded. A path is opened; a file that is open already is read
            from where it stands, and stays open. One that cannot seek (a pipe, a
            download) is first copied to a temporary file, since storage wants to know
            the length before the first byte, and a second try needs all of it again.
        name: What to call it in errors.
        max_bytes: The most that it may have.
        timeout: Seconds within which one that cannot seek must have come to its end.
        abandoned: Tells whether nobody wants it any more; then it is not read on.

    Raises:
        UploadError: It is missing, empty, too large, no file, cannot be read, or did not
            come to its end in time.
        InvalidArgumentError: It is a file opened in text mode.
    """
    if isinstance(source, bytes):
        opened = Source(name, len(source), io.BytesIO(source))
    elif isinstance(source, (str, os.PathLike)):
        opened = _opened(Path(source), name)
    else:
        opened = _use_open_file(source, name, max_bytes, timeout, abandoned)
    try:
        if opened.size == 0:
            raise upload_failed(
                name, UploadFailure.EMPTY, "is empty, so there is nothing to upload"
            )
        if opened.size > max_bytes:
            raise _too_large(name, max_bytes)
    except UploadError:
        opened.close()
        raise
    return opened


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading, and never wait for whoever may write to it.

    Raises:
        OSError: It cannot be read, or is something else than a file, such as a pipe.
    """
    # Opening a device may do something to it, so it is not even tried.
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
    # A pipe may have taken the file's place meanwhile; opening it would wait for its writer.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _opened(path: Path, name: str) -> Source:
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
        # Whoever only claims to be able to seek is read like those who do not.
        pass
    if timeout == math.inf:
        return _spool(file, name, max_bytes, abandoned)
    return _spool_in_time(file, name, max_bytes, timeout)


def in_own_thread(work: Callable[[], _T]) -> Future[_T]:
    """Begin something that may never end, in a thread that holds nobody up at the end."""
    future: Future[_T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            future.set_exception(error)

    threading.Thread(target=run, name="datalab-read", daemon=True).start()
    return future


def _spool_in_time(file: IO[bytes], name: str, max_bytes: int, timeout: float) -> Source:
    """Copy a file, but wait for it no longer than there is time.

    Nothing can stop a thread that waits for a pipe. It is left alone, and reads no more
    than what it waits for.
    """
    left = threading.Event()
    spooling = in_own_thread(lambda: _spool(file, name, max_bytes, left.is_set))
    try:
        return spooling.result(min(timeout, threading.TIMEOUT_MAX))
    except BaseException as error:
        left.set()
        spooling.add_done_callback(_close)
        if isinstance(error, TimeoutError):
            raise not_read_in_time(name) from None
        raise


def _close(spooling: Future[Source]) -> None:
    if spooling.exception() is None:
        spooling.result().close()


def not_read_in_time(name: str) -> UploadError:
    """Give the error for a source that did not come to its end in time."""
    return upload_failed(
        name,
        UploadFailure.UNREADABLE,
        "was not read to its end in time: whoever writes to it is too slow, or has stopped. "
        "Allow more with timeout, or upload what has come as a file",
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
        # From here on it is the source that closes it.
        stack.pop_all()
    return Source(name, size, cast("IO[bytes]", spool))


def _too_large(name: str, max_bytes: int) -> UploadError:
    return upload_failed(
        name,
        UploadFailure.TOO_LARGE,
        f"has more than {max_bytes} bytes. Datalab takes up to 200 MB; "
        "if that has changed, allow more with max_bytes",
    )


def _read(name: str, file: IO[bytes], most: int) -> bytes:
    piece = _convert_errors(name, lambda: file.read(most))
    if not isinstance(piece, bytes):
        raise upload_failed(
            name,
            UploadFailure.UNREADABLE,
            f"gives {type(piece).__name__} instead of bytes when read",
        )
    return piece


def _convert_errors(name: str, read: Callable[[], _T]) -> _T:
    """Read something, and turn what goes wrong into an error that names the file."""
    try:
        return read()
    except FileNotFoundError as error:
        raise upload_failed(
            name, UploadFailure.MISSING, f"is not there: {error.filename}"
        ) from error
    except Exception as error:
        # A file of the caller's raises what it pleases; that of a closed one is a ValueError.
        said = error.strerror if isinstance(error, OSError) else None
        raise upload_failed(
            name, UploadFailure.UNREADABLE, f"cannot be read: {said or error}"
        ) from error


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
