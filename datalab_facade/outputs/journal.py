"""Write-ahead journal: each file is recorded before it is renamed into place.

A manifest lists files that are saved. A process may be killed after a file got its name
and before the manifest lists it; then nothing would say which output the file is. So each
call that saves several outputs keeps a journal beside the manifest, and records each file
in it before the file gets its name. A later call accepts a line if the file has exactly
that SHA-256.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import IO

from datalab_facade.outputs.manifest import PREFIX, SavedOutput
from datalab_facade.transfers.disk import claim, remove, sync

_SUFFIX = ".journal"


class Journal:
    """The journal of one call. Threads may share it.

    Its file exists from the first line until :meth:`remove`, and is locked that long: a
    process that can lock a journal knows that its writer has ended.

    Attributes:
        path: The journal's file once it has a line; the folder before.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0
        self._file: IO[bytes] | None = None
        self.path = folder

    def record_intent(self, saved: SavedOutput) -> None:
        """Record a file before it gets its name; the line is synced to the disk.

        Raises:
            OSError: The journal cannot be written.
        """
        # A kill or a full disk may cut a line off; the newline before the next one ends it.
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
            # One sync serves all threads that wait here meanwhile.
            if self._synced < mine:
                upto = self._written
                sync(file)
                self._synced = upto

    def remove(self) -> None:
        """Remove the file, since the manifest lists all that was saved."""
        with self._lock:
            if self._file is not None:
                # Where open files cannot be removed, it is closed first.
                self._file.close()
                self._file = None
                remove(self.path)

    def close(self) -> None:
        """Close the file, and leave it to later calls unless it was removed."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def read_intents(folder: Path, *, but: Journal) -> Iterator[SavedOutput]:
    """Yield what other calls recorded in their journals; invalid lines are skipped.

    Raises:
        OSError: A journal cannot be read.
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
    """Return whether a file has the SHA-256 that was recorded for it.

    Raises:
        OSError: It exists, and cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == saved.sha256
    except FileNotFoundError:
        return False


def _journals_in(folder: Path) -> list[Path]:
    names = (path for path in folder.iterdir() if path.name.startswith(PREFIX))
    return [path for path in names if path.suffix == _SUFFIX]
