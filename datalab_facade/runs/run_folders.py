"""Which files of a folder a run is over."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from datalab_facade.outputs.manifest import FILE_NAME as MANIFEST_NAME
from datalab_facade.runs.run_records import FILE_NAME
from datalab_facade.transfers.naming import safe_name

_OURS: Final = frozenset({FILE_NAME, MANIFEST_NAME})
# The files that a killed download leaves behind.
_UNFINISHED: Final = (".part", ".part.json", ".part.unpacked")


def files_below(folder: Path, outputs: Path | None) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder and its sub-folders to run over, each with its sub-folder.

    Hidden files and folders are left out, and so is the folder for the outputs.

    Raises:
        OSError: A folder cannot be read.
    """
    for root, folders, files in os.walk(folder, onerror=_raise):
        place = Path(root)
        # The order is the same in each call, and links lead to no second way round.
        folders[:] = sorted(
            name
            for name in folders
            if is_visible(one := place / name) and not is_same(one, outputs)
        )
        subfolder = "/".join(map(safe_name, place.relative_to(folder).parts))
        for path in map(place.joinpath, sorted(files)):
            if is_wanted(path):
                yield path, subfolder


def is_same(folder: Path, outputs: Path | None) -> bool:
    """Return whether a folder is the one for the outputs, which need not exist."""
    try:
        return outputs is not None and folder.samefile(outputs)
    except OSError:
        return False


def is_visible(path: Path) -> bool:
    """Return whether a file or folder is not hidden."""
    return not path.name.startswith(".")


def is_wanted(path: Path) -> bool:
    """Return whether a file in a folder is one to run over: not hidden, and not from a run."""
    name = path.name.casefold()
    if not is_visible(path) or name in _OURS or name.endswith(_UNFINISHED):
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
    except OSError:
        # Its item has the error.
        return True


def _raise(error: OSError) -> None:
    raise error
