"""Files that are locked while their writer lives, and are orphans once it has ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from datalab_facade.outputs.parts import is_at, lock


def claim(folder: Path, prefix: str, suffix: str) -> tuple[Path, FileIO]:
    """Create a locked file with a unique name, open for unbuffered writing.

    It is not an orphan as long as it is open.

    Raises:
        OSError: The file cannot be created.
    """
    for _ in range(10):
        path = _new_path(folder, prefix, suffix)
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(path.open("xb", buffering=0))
            # Another process may have removed it as an orphan before it was locked.
            if lock(file) and is_at(path, file):
                stack.pop_all()
                return path, file
        remove(path)
    # The file system has no locks, so no process can take it for an orphan.
    path = _new_path(folder, prefix, suffix)
    return path, path.open("xb", buffering=0)


@contextlib.contextmanager
def orphans(folder: Path, prefix: str) -> Iterator[None]:
    """Lock the orphans in a folder, and remove them if no error is raised inside.

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
    """Remove a file; errors are ignored."""
    with contextlib.suppress(OSError):
        path.unlink()


def _new_path(folder: Path, prefix: str, suffix: str) -> Path:
    return folder / f"{prefix}{os.urandom(8).hex()}{suffix}"
