"""Putting `openapi.json`, what is said of it, and `generated/` in place together, or none of them.

Everything happens by renaming, in one folder of the same filesystem, `.regenerate/`:

    building-…/   where a run writes; worth nothing once that run is over
    incoming/     the new files, whole and on disk
    outgoing/     the old files; as long as this folder exists, the swap is not done
    discarded/    what `outgoing/` is renamed to, and that one step is the moment of the swap

So where a swap was cut off can be told from what exists, and needs no journal. While `outgoing/`
exists, each name is in one of these states, and each is led back to the one before it:

                          in the tree   in incoming/   in outgoing/
    not yet touched           old            new             -
    old one out               -              new             old
    new one in                new            -               old
    nothing was there         -              new             -
    and now is                new            -               -
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from specs.problems import ScriptError

OWNED = ("openapi.json", "openapi.provenance.json", "generated")
STAGING = ".regenerate"


class TornError(ScriptError):
    """They could not be put back as they were; what is missing is in the staging folder."""


@contextmanager
def alone(root: Path) -> Generator[None]:
    """While this lasts no other run works on the same tree. A `ScriptError` if one does already."""
    # The lock is on the root folder itself: there is nothing to create, nor to leave behind.
    descriptor = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ScriptError("another run is at work on this tree") from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def building(root: Path) -> Generator[Path]:
    """A fresh folder to write in, on the filesystem of the tree. It is gone afterwards."""
    staging = root / STAGING
    _clear(staging)
    staging.mkdir(exist_ok=True)
    try:
        yield Path(tempfile.mkdtemp(prefix="building-", dir=staging))
    finally:
        _clear(staging)


def swap(root: Path, built: Path) -> None:
    """Replace what the tree has of `OWNED` by what `built` has, which is no less of it.

    Whatever is raised, the tree is as it was; `TornError` alone says that it is not.
    """
    staging = root / STAGING
    incoming, outgoing = staging / "incoming", staging / "outgoing"
    _sync_everything(built)
    try:
        _ = built.rename(incoming)
        _sync(staging)
        outgoing.mkdir()
        _sync(staging)
        for name in filter(lambda name: _exists(incoming / name), OWNED):
            if _exists(root / name):
                _move(root / name, outgoing / name)
            _move(incoming / name, root / name)
        _ = outgoing.rename(staging / "discarded")
    except BaseException:
        _ = recover(root)
        raise
    # From here on the new files are in place, whatever a last sync has to say.
    with suppress(OSError):
        _sync(staging)


def recover(root: Path) -> bool:
    """Undo a swap that was cut off, if there was one. May be cut off itself, and repeated."""
    staging = root / STAGING
    incoming, outgoing = staging / "incoming", staging / "outgoing"
    if not outgoing.is_dir():
        return False
    _refuse_meddling(root, incoming, outgoing)
    try:
        for name in reversed(OWNED):
            if not _exists(incoming / name) and _exists(root / name):
                _move(root / name, incoming / name)
            if _exists(outgoing / name):
                _move(outgoing / name, root / name)
        outgoing.rmdir()
        _sync(staging)
    except OSError as error:
        raise TornError(
            f"{' and '.join(OWNED)} could not be put back as they were: {error};"
            f" run this again, or take them from {STAGING}/outgoing/"
        ) from error
    return True


def _refuse_meddling(root: Path, incoming: Path, outgoing: Path) -> None:
    """`TornError` for what no swap leaves behind, so that no work is moved out of the tree."""
    for name in OWNED:
        if all(_exists(folder / name) for folder in (root, incoming, outgoing)):
            raise TornError(
                f"a swap was cut off, and since then somebody has put {name} in its place:"
                f" to keep that one delete {STAGING}/outgoing/{name}, else delete it"
            )
    if not incoming.is_dir():
        raise TornError(
            f"a swap was cut off, and somebody has removed {STAGING}/incoming/ since then"
        )


def _exists(path: Path) -> bool:
    # A dangling link is something too.
    return os.path.lexists(path)


def _move(source: Path, goal: Path) -> None:
    _ = source.rename(goal)
    _sync(goal.parent)
    _sync(source.parent)


def _clear(staging: Path) -> None:
    """Remove what a run has left, except a swap that is not undone."""
    if (staging / "outgoing").exists():
        return
    # The generator of a killed run may still be writing; the next run clears what it adds.
    shutil.rmtree(staging, ignore_errors=True)


def _sync_everything(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
