"""A disk of which an operation fails, is the last one, or takes its time."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_BY_PATH = ("open", "mkdir", "link", "unlink", "replace", "listdir", "stat", "lstat", "readlink")


class Crash(BaseException):
    """The process is gone; nothing that it meant to do is done any more."""


class _Watched(io.FileIO):
    """A file whose writing is an operation of the disk."""

    disk: Disk

    def write(self, data: Any) -> int:
        if self.disk.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written: int = self.disk.does(lambda: io.FileIO.write(self, data))
        return written

    def truncate(self, size: int | None = None) -> int:
        left: int = self.disk.does(lambda: io.FileIO.truncate(self, size))
        return left


class Disk:
    """What this process does below a folder, one operation after the other.

    Attributes:
        count: How many operations there were.
        full: Whether nothing can be written any more.
        happens: Called before each of them with its number, and afterwards with its negative.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.full = False
        self.happens: Callable[[int], None] = lambda _: None
        self._folder = os.fspath(folder)
        self._lock = threading.Lock()
        self._open = io.open
        kind = type("Watched", (_Watched,), {"disk": self})
        for name in _BY_PATH:
            monkeypatch.setattr(os, name, self._watched(getattr(os, name)))
        fsync = os.fsync
        monkeypatch.setattr(os, "fsync", lambda file: self.does(lambda: fsync(file)))

        def opened(file: Any, mode: str = "r", buffering: int = -1, *args: Any, **kw: Any) -> Any:
            if not self._is_below(file):
                return self._open(file, mode, buffering, *args, **kw)
            if "b" not in mode:
                return self.does(lambda: self._open(file, mode, buffering, *args, **kw))
            raw = self.does(lambda: kind(file, mode.replace("b", "")))
            if buffering == 0:
                return raw
            return io.BufferedReader(raw) if mode == "rb" else io.BufferedWriter(raw)

        monkeypatch.setattr(io, "open", opened)

    def does(self, work: Callable[[], Any]) -> Any:
        """Carry out an operation."""
        with self._lock:
            self.count += 1
            number = self.count
        self.happens(number)
        result = work()
        try:
            self.happens(-number)
        except BaseException:
            if isinstance(result, io.IOBase):
                result.close()
            raise
        return result

    def _is_below(self, path: Any) -> bool:
        try:
            return os.fsdecode(path).startswith(self._folder)
        except TypeError:
            return False

    def _watched(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def do(path: Any = ".", *args: Any, **options: Any) -> Any:
            if not self._is_below(path):
                return work(path, *args, **options)
            return self.does(lambda: work(path, *args, **options))

        return do


def failing(at: int, trouble: int = errno.EIO) -> Callable[[int], None]:
    """Let one operation fail: a positive number before it is done, a negative one afterwards."""

    def happens(number: int) -> None:
        if number == at:
            raise OSError(trouble, os.strerror(trouble))

    return happens


def crashing(at: int) -> Callable[[int], None]:
    """Let the process end with an operation."""
    gone: list[int] = []

    def happens(number: int) -> None:
        if gone or number == at:
            gone.append(number)
            raise Crash

    return happens


@contextmanager
def disk_below(folder: Path, happens: Callable[[int], None] | None = None) -> Iterator[Disk]:
    """Watch what is done below a folder."""
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(folder, patch)
        if happens is not None:
            disk.happens = happens
        yield disk
