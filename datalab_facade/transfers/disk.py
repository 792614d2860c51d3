"""Files on disk: written to the end, synced, locked while their writer lives."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import IO, Literal

OPEN_FILES_STAY = os.name == "nt"
"""Whether an open file can neither be renamed nor removed, as on Windows."""

_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.ENOTTY})

_LOCK_POLL_INTERVAL = 0.02
"""Seconds between two attempts to get the lock of a folder."""


def open_without_links(path: Path, flags: int, mode: Literal["r+b", "wb"]) -> IO[bytes]:
    """Open a file without a buffer; never follow a link."""
    for name in ("O_BINARY", "O_NOFOLLOW"):
        flags |= getattr(os, name, 0)
    return os.fdopen(os.open(path, flags, 0o666), mode, buffering=0)


def is_file(path: Path) -> bool:
    """Return whether a regular file is there, not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def is_other(path: Path) -> bool:
    """Return whether something other than a regular file is there: a link, a pipe, a folder."""
    return os.path.lexists(path) and not is_file(path)


def write_all(file: IO[bytes], data: bytes | bytearray) -> None:
    """Write to an open file that has no buffer."""
    # Without a buffer a write may be partial.
    written = file.write(data)
    while written < len(data):
        written += file.write(memoryview(data)[written:])


def begin_writing(file: IO[bytes], start: int, size: int) -> None:
    """Let the system begin to write a part of a file to the disk, without waiting for it."""
    if hasattr(os, "posix_fadvise"):  # pragma: no branch - not every system has it
        # On Linux this starts the write at once; pages that are being written stay in memory.
        with suppress(OSError):
            os.posix_fadvise(file.fileno(), start, size, os.POSIX_FADV_DONTNEED)


def sync(file: IO[bytes]) -> None:
    """Sync an open file's data to the disk, where the file system can."""
    for flush in (_flush_drive, os.fsync):
        try:
            flush(file.fileno())
        except OSError as error:
            if error.errno not in _CANNOT_SYNC:
                raise
        else:
            return


def _flush_drive(descriptor: int) -> None:
    """Sync a file as macOS wants it; no other system has this.

    There, fsync may leave the data in the drive's own cache, to be written after the file's name.
    """
    with suppress(ImportError):
        import fcntl

        command: int | None = getattr(fcntl, "F_FULLFSYNC", None)
        if command is not None:
            fcntl.fcntl(descriptor, command)
            return
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to the disk, where the system can."""
    # Windows cannot open folders, and syncs names without being asked.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_at(path: Path, file: IO[bytes]) -> bool:
    """Return whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def lock(file: IO[bytes]) -> bool:
    """Try to lock an open file until it is closed; return whether this process has it.

    Without a system's locks, as on Windows, only one process may save to a folder.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


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
                with suppress(OSError):
                    if lock(stack.enter_context(path.open("r+b"))):
                        found.append(path)
        yield
    for path in found:
        remove(path)


def remove(path: Path) -> None:
    """Remove a file; errors are ignored."""
    with suppress(OSError):
        path.unlink()


def _new_path(folder: Path, prefix: str, suffix: str) -> Path:
    return folder / f"{prefix}{os.urandom(8).hex()}{suffix}"


@contextlib.contextmanager
def folder_lock(folder: Path, timeout: float) -> Iterator[None]:
    """Hold the lock of a folder, where the system has locks.

    Args:
        folder: The folder.
        timeout: Seconds to wait for the lock.

    Raises:
        TimeoutError: Another process still holds it.
    """
    with contextlib.ExitStack() as stack:
        with suppress(ImportError, PermissionError):
            import fcntl  # noqa: F401 - not every system has it

            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            end = time.monotonic() + timeout
            while not _try_lock(descriptor):
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"another process has held its lock for {timeout:g} s")
                # Another greenlet of this thread may hold it.
                time.sleep(min(left, _LOCK_POLL_INTERVAL))
            # A child process may have inherited the descriptor, and would keep the lock.
            stack.callback(_unlock, descriptor)
        yield


def _try_lock(descriptor: int) -> bool:
    """Try to lock an open file; return whether this process has the lock now."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # The file system has no locks.
        return True
    return True


def _unlock(descriptor: int) -> None:
    import fcntl

    # A file system that has no locks cannot unlock either.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
