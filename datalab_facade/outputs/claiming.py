"""Files that belong to whoever has them open, and are found to be orphans once nobody has."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from datalab_facade.outputs.parts import is_at, lock


def claim(folder: Path, prefix: str, suffix: str) -> tuple[Path, FileIO]:
    """Make a file with a name that no other has, open to be written without a buffer.

    As long as it is open, nobody takes it for an orphan.

    Raises:
        OSError: It cannot be made.
    """
    for _ in range(10):
        path = _new_path(folder, prefix, suffix)
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(path.open("xb", buffering=0))
            # Somebody may have taken it for an orphan before it was locked.
            if lock(file) and is_at(path, file):
                stack.pop_all()
                return path, file
        remove(path)
    # This file system has no locks, so nobody will take it for that.
    path = _new_path(folder, prefix, suffix)
    return path, path.open("xb", buffering=0)


@contextlib.contextmanager
def orphans(folder: Path, prefix: str) -> Iterator[None]:
    """Hold the files whose makers are gone; they are removed when all went well.

    Raises:
        OSError: The folder cannot be read.
    """
    with contextlib.ExitStack() as stack:
        found: list[Path] = []
        for path in folder.iterdir():
            if path.name.startswith(prefix):
                with contextlib.suppress(OSError):
                    if lock(stack.enter_context(path.open("r+b"))):
                        found.append(path)
        yield
    for path in found:
        remove(path)


def remove(path: Path) -> None:
    """Remove a file, if that is possible."""
    with contextlib.suppress(OSError):
        path.unlink()


def _new_path(folder: Path, prefix: str, suffix: str) -> Path:
    return folder / f"{prefix}{os.urandom(8).hex()}{suffix}"
