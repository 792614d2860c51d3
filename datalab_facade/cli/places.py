"""What stands at a path that the user wrote; where no file can have that name, nothing does."""

from __future__ import annotations

import os

# A Path's own methods raise for a name that is too long, up to Python 3.13.


def is_there(path: str) -> bool:
    """Return whether anything is at a path."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_folder(path: str) -> bool:
    """Return whether a folder, or a link to one, is at a path."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def is_file(path: str) -> bool:
    """Return whether a file, or a link to one, is at a path."""
    return os.path.isfile(path)  # noqa: PTH113 - see above
