"""The source of the API key: a file or the environment, never an argument."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from datalab_facade.errors import ConfigurationError

KEY_VARIABLE = "DATALAB_API_KEY"
KEY_FILE_VARIABLE = "DATALAB_API_KEY_FILE"
HOST_VARIABLE = "DATALAB_HOST"


@attrs.frozen
class FoundKey:
    """An API key, and where it was found."""

    key: str = attrs.field(repr=False)
    source: str
    """Where it was found, such as ``"the environment variable DATALAB_API_KEY"``."""
    path: Path | None = None
    """The file that holds the key; None if it came from the environment."""


def find_key(key_file: str | None, environment: Mapping[str, str] = os.environ) -> FoundKey:
    """Find the API key: in the named file, or else in the environment.

    Raises:
        ConfigurationError: There is no key, or the file does not hold exactly one.
    """
    if key_file is not None:
        return _from_file(Path(key_file))
    if key := environment.get(KEY_VARIABLE, "").strip():
        return FoundKey(key, f"the environment variable {KEY_VARIABLE}")
    raise ConfigurationError(
        f"There is no API key. Set {KEY_VARIABLE}, or pass a file that holds it: --key-file FILE"
    )


def _from_file(path: Path) -> FoundKey:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"The key file {path} cannot be read: {reason}") from None
    filled = [line.strip() for line in lines if line.strip()]
    if len(filled) != 1:
        # A wrong file may hold any secret, so nothing of it is quoted.
        raise ConfigurationError(
            f"The key file {path} must hold the API key on one line and nothing else; "
            f"it has {len(filled)} lines with text"
        )
    return FoundKey(filled[0], f"the file {path}", path)


def is_open_to_others(path: Path) -> bool:
    """Check whether other users of this machine may read a file; False where this is unknown."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o077)
    except OSError:  # pragma: no cover - it was deleted after it was read
        return False
