"""What is about to get its name, written down before it does.

A manifest tells of files that are there. Between the moment in which a file gets its
name and the one in which the manifest tells of it, a process may be killed; nobody
could say then whose file that is. So each call that saves several outputs keeps a
journal beside the manifest, and writes into it, before a file gets its name, what that
file will be. A later call believes a line if the file has just that SHA-256.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import IO

from datalab_facade.errors import ConfigurationError
from datalab_facade.outputs.manifest import FILE_NAME as MANIFEST_NAME
from datalab_facade.outputs.manifest import SavedOutput
from datalab_facade.outputs.parts import is_at, lock, sync

_PATTERN = f".{MANIFEST_NAME}.*.journal"


class Journal:
    """The lines of one call. Threads may share it.

    Its file is there from the first line on until :meth:`remove`, and is locked that long:
    whoever can lock a journal knows that its writer is gone.

    Attributes:
        path: Where it is, if it has a line already.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0
        self._file: IO[bytes] | None = None
        self.path = folder

    def promise(self, saved: SavedOutput) -> None:
        """Write down, on the disk itself, what a file will be that has not got its name yet.

        Raises:
            OSError: It cannot be written.
        """
        # A line may be cut off by a kill or a full disk; the next one does not suffer from it.
        line = f"\n{json.dumps(saved.to_dict())}\n".encode()
        with self._lock:
            if self._file is None:
                self._file = self._opened()
            file = self._file
            if file.write(line) < len(line):
                raise OSError(f"{self.path} cannot be written to its end")
            self._written += 1
            mine = self._written
        with self._syncing:
            # Whoever waited here meanwhile has been served by the one before.
            if self._synced < mine:
                upto = self._written
                sync(file)
                self._synced = upto

    def remove(self) -> None:
        """Forget the lines, now that the manifest tells all that came true."""
        with self._lock:
            if self._file is not None:
                # Where open files cannot be removed, it is closed first.
                self._file.close()
                self._file = None
                _unlink(self.path)

    def _opened(self) -> IO[bytes]:
        for _ in range(10):
            self.path = self._folder / _PATTERN.replace("*", os.urandom(8).hex())
            file = self.path.open("xb", buffering=0)
            # Another call may have taken it for one whose writer is gone.
            if lock(file) and is_at(self.path, file):
                return file
            file.close()
            _unlink(self.path)
        # This file system has no locks, so nobody will take it for that.
        return self.path.open("xb", buffering=0)


@contextlib.contextmanager
def inherited(folder: Path) -> Iterator[None]:
    """Hold the journals of calls that were killed; they are removed when all went well."""
    with contextlib.ExitStack() as stack:
        orphans: list[Path] = []
        for path in _journals_in(folder):
            with contextlib.suppress(OSError):
                if lock(stack.enter_context(path.open("r+b"))):
                    orphans.append(path)
        yield
    for path in orphans:
        _unlink(path)


def promises_in(folder: Path, *, but: Journal) -> Iterator[SavedOutput]:
    """Give what the journals of others there tell; what makes no sense is passed over."""
    for path in _journals_in(folder):
        if path == but.path:
            continue
        try:
            lines = path.read_bytes().splitlines()
        except OSError:
            continue
        for line in filter(None, lines):
            with contextlib.suppress(ConfigurationError, ValueError, RecursionError):
                yield SavedOutput.from_dict(json.loads(line))


def came_true(saved: SavedOutput, path: Path) -> bool:
    """Tell whether a file is what was written down of it."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == saved.sha256
    except OSError:
        return False


def _journals_in(folder: Path) -> list[Path]:
    return list(folder.glob(_PATTERN))


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
