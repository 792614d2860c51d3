"""Finds the Pythons of this machine on which the tests can run.

    python scripts/pythons.py          # a line for each: its version and its path
    python scripts/pythons.py --all    # with the Python that runs this

Left out are versions that the package does not support or that are not released yet, and
the version of the Python that runs this, on which all tests run anyway. Of those of the
same minor version there is one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

_OLDEST = (3, 11)
_NEWEST_TO_LOOK_FOR = 30
_ABOUT = "import sys; print(*sys.version_info[:2], sys.version_info.releaselevel)"


def main() -> None:
    """Print what is found."""
    pythons = found()
    if "--all" in sys.argv[1:]:
        pythons[sys.version_info[:2]] = sys.executable
    elif not pythons:
        print("No other Python was found, so no test ran on one.", file=sys.stderr)
    for version, path in sorted(pythons.items()):
        print("{}.{}".format(*version), path)


def found() -> dict[tuple[int, int], str]:
    """Give the path of a Python of each version."""
    pythons: dict[tuple[int, int], str] = {}
    for path in _candidates():
        version = _version_of(path)
        if version is not None and _OLDEST <= version != sys.version_info[:2]:
            pythons.setdefault(version, path)
    return pythons


def _candidates() -> Iterator[str]:
    for minor in range(_OLDEST[1], _NEWEST_TO_LOOK_FOR):
        path = shutil.which(f"python3.{minor}")
        if path is not None:
            yield path
    if shutil.which("pyenv") is not None:
        for version in reversed(_said("pyenv", "versions", "--bare").split()):
            yield f"{_said('pyenv', 'prefix', version)}/bin/python"


def _version_of(path: str) -> tuple[int, int] | None:
    # What is on the path may be of pyenv, and say only that it is not in use.
    match _said(path, "-c", _ABOUT).split():
        case [major, minor, "final"]:
            return int(major), int(minor)
        case _:
            return None


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    main()
