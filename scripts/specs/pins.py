"""The tools that shape the bytes in `generated/`, and the versions of them that may."""

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import cast

from specs.problems import ScriptError

GROUP = "regenerate"
ADVICE = "run: pip install -r requirements/dev.txt"

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:==\s*(?P<pin>[^\s;,*]+))?")


def verify(pyproject: Path) -> None:
    """A `ScriptError` unless all that the dependency group asks for is here, as pinned.

    The group in `pyproject.toml` is the only place that names these versions.
    """
    for requirement in _requirements(pyproject):
        found = _REQUIREMENT.match(requirement)
        if found is None:
            raise ScriptError(
                f"{pyproject.name}: cannot read {requirement!r} in the group {GROUP!r}"
            )
        name, pin = found["name"], found["pin"]
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError as error:
            raise ScriptError(f"{name} is not installed; {ADVICE}") from error
        if pin and installed != pin:
            raise ScriptError(f"{name} is {installed}, and has to be {pin}; {ADVICE}")


def _requirements(pyproject: Path) -> list[str]:
    try:
        settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
        group = cast("list[str]", settings["dependency-groups"][GROUP])
    except (OSError, ValueError, LookupError) as error:
        raise ScriptError(f"{pyproject.name} has no dependency group {GROUP!r} to go by") from error
    return group
