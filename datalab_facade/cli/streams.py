"""Standard output and standard error, whatever they are: a terminal, a full disk, closed."""

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


class OutputLost(Exception):
    """The output cannot be written, so that the command need not go on."""


class _Outlet(io.RawIOBase):
    """What a stream writes to: it raises nothing, but keeps why it could not be written to.

    So nobody on the way has to know what to do about it: click, rich and its threads,
    logging, and Python itself, which writes at its end what is left in the stream.
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
            # Whoever has the other end does not want to be blocked by it.
            select.select([], [self._raw], [])
        return memoryview(data).nbytes

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()


def guard_streams() -> None:
    """Let this process have its streams, and let none end it that cannot be written to."""
    _fill_gaps()
    sys.stdout = _guarded(sys.stdout, _OUT)
    sys.stderr = _guarded(sys.stderr, _ERR)


def failure_of(stream: TextIO) -> OSError | None:
    """Tell why a guarded stream could not be written to, if that is so."""
    raw = _raw_of(stream)
    return raw.failure if isinstance(raw, _Outlet) else None


def _raw_of(stream: TextIO) -> object:
    buffer = getattr(stream, "buffer", None)
    # Python that was told to buffer nothing has none in between.
    return getattr(buffer, "raw", buffer)


def _fill_gaps() -> None:
    # A file or a connection would get the number of a stream that is closed, and with it
    # whatever is written there.
    number = -1
    while number <= _ERR:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)


def _guarded(stream: TextIO | None, number: int) -> TextIO:
    raw = io.FileIO(number, "w", closefd=False) if stream is None else _raw_of(stream)
    if not isinstance(raw, io.RawIOBase):
        assert stream is not None
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(raw)),
        encoding="utf-8" if stream is None else stream.encoding,
        errors=None if stream is None else stream.errors,
        line_buffering=True,
    )
