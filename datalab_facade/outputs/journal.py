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
import threading
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import IO

from datalab_facade.outputs.claiming import claim, remove
from datalab_facade.outputs.manifest import PREFIX, SavedOutput
from datalab_facade.outputs.parts import sync

_SUFFIX = ".journal"


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

    def record_intent(self, saved: SavedOutput) -> None:
        """Write down, on the disk itself, what a file will be that has not got its name yet.

        Raises:
            OSError: It cannot be written.
        """
        # A line may be cut off by a kill or a full disk; the next one does not suffer from it.
        line = f"\n{json.dumps(saved.to_dict())}\n".encode()
        with self._lock:
            if self._file is None:
                self.path, self._file = claim(self._folder, PREFIX, _SUFFIX)
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
                remove(self.path)

    def close(self) -> None:
        """Leave the lines to whoever comes next, unless they were removed."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def read_intents(folder: Path, *, but: Journal) -> Iterator[SavedOutput]:
    """Give what the journals of others there tell; what makes no sense is passed over.

    Raises:
        OSError: One that is there cannot be read.
    """
    for path in _journals_in(folder):
        if path == but.path:
            continue
        try:
            lines = path.read_bytes().splitlines()
        except (FileNotFoundError, IsADirectoryError):
            continue
        for line in filter(None, lines):
            with contextlib.suppress(ValueError, RecursionError):
                yield SavedOutput.from_dict(json.loads(line))


def matches_intent(saved: SavedOutput, path: Path) -> bool:
    """Tell whether a file is what was written down of it.

    Raises:
        OSError: It is there, and cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == saved.sha256
    except FileNotFoundError:
        return False


def _journals_in(folder: Path) -> list[Path]:
    names = (path for path in folder.iterdir() if path.name.startswith(PREFIX))
    return [path for path in names if path.suffix == _SUFFIX]
