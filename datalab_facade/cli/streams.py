"""Standard output and standard error: a terminal, a pipe, a full disk, or closed."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_OUT: Final = 1
_ERR: Final = 2


class OutputLostError(Exception):
    """The output cannot be written, so the command ends."""


class _GuardedOutput(io.RawIOBase):
    """The raw end of a stream: it keeps an error of writing instead of raising it.

    So nothing above it has to handle the error: click, rich and its threads, logging, and
    Python itself, which flushes the stream when it exits.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__()
        self._raw = raw
        self.failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        while self.failure is None:
            try:
                written = self._raw.write(data)
            except OSError as error:
                self.failure = error
                break
            if written is not None:
                return written
            # The other end is in non-blocking mode and full; wait until it takes more.
            select.select([], [self._raw], [])
        return memoryview(data).nbytes

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()


def guard_streams() -> None:
    """Open missing streams, and keep a stream that cannot be written to from ending the process."""
    _fill_gaps()
    sys.stdout = _guard(sys.stdout, _OUT)
    sys.stderr = _guard(sys.stderr, _ERR)


def failure_of(stream: TextIO) -> OSError | None:
    """Return the error that keeps a guarded stream from being written to; None if there is none."""
    raw = _raw_of(stream)
    return raw.failure if isinstance(raw, _GuardedOutput) else None


def _raw_of(stream: TextIO) -> object:
    buffer = getattr(stream, "buffer", None)
    # With ``python -u`` there is no buffer in between.
    return getattr(buffer, "raw", buffer)


def _fill_gaps() -> None:
    # Otherwise the next file or connection would get the number of a closed stream, and
    # receive whatever is written to that stream.
    number = -1
    while number <= _ERR:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)


def _guard(stream: TextIO | None, number: int) -> TextIO:
    raw = io.FileIO(number, "w", closefd=False) if stream is None else _raw_of(stream)
    if not isinstance(raw, io.RawIOBase):
        assert stream is not None
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_GuardedOutput(raw)),
        encoding="utf-8" if stream is None else stream.encoding,
        errors=None if stream is None else stream.errors,
        line_buffering=True,
    )
