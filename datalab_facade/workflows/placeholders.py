"""Placeholders for secrets in the settings of a definition, and how they are filled.

``${env:NAME}`` is filled from the environment, ``${secret:name}`` from a mapping that
the caller passes. ``$${`` stands for ``${`` itself. The API's own templates, such as
``{{_internal.file_url}}``, have another form and are left alone, as is any other ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from datalab_facade.errors import DefinitionIssue
from datalab_facade.models import JSON

_PLACEHOLDER: Final = re.compile(r"\$(?P<escape>\$)?\{(?P<kind>[A-Za-z_]+):(?P<name>[^{}]*)\}")
_NAMES: Final = {"env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "secret": re.compile(r"[\w.-]+")}


@attrs.frozen
class Filled:
    """JSON whose placeholders are filled."""

    value: JSON = attrs.field(repr=False)
    used: tuple[str, ...] = attrs.field(default=(), repr=False)
    """What was filled in."""
    missing: tuple[DefinitionIssue, ...] = ()


def placeholders_in(text: str) -> Iterator[tuple[str, str]]:
    """Give kind and name of each placeholder in a text, also of those that are wrong.

    >>> list(placeholders_in("Bearer ${env:TOKEN}, not $${env:ME}"))
    [('env', 'TOKEN')]
    """
    for found in _PLACEHOLDER.finditer(text):
        if not found["escape"]:
            yield found["kind"], found["name"]


def wrong_placeholder(kind: str, name: str) -> str | None:
    """Say what is wrong with a placeholder; None if nothing is."""
    pattern = _NAMES.get(kind)
    shown = f"${{{kind}:{name}}}"
    if pattern is None:
        return f"{shown} is no placeholder: write ${{env:…}} or ${{secret:…}}, or $${shown[1:]}"
    if not pattern.fullmatch(name):
        return f"{shown} names nothing that can be filled in"
    return None


def filled(
    value: JSON, place: str, secrets: Mapping[str, str], environ: Mapping[str, str]
) -> Filled:
    """Fill the placeholders in all texts of a piece of JSON.

    An empty value is as good as none.

    Args:
        value: The JSON.
        place: Where it is, to tell the place of what is missing.
        secrets: From what ``${secret:…}`` is filled.
        environ: From what ``${env:…}`` is filled.
    """
    filling = _Filling(secrets, environ)
    done = filling.fill(value, place)
    return Filled(done, tuple(filling.used), tuple(filling.missing))


class _Filling:
    def __init__(self, secrets: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._from = {"env": environ, "secret": secrets}
        self.used: list[str] = []
        self.missing: list[DefinitionIssue] = []

    def fill(self, value: JSON, place: str) -> JSON:
        if isinstance(value, str):
            return _PLACEHOLDER.sub(lambda found: self._one(found, place), value)
        if isinstance(value, list):
            return [self.fill(inner, f"{place}[{n}]") for n, inner in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.fill(inner, f"{place}.{name}") for name, inner in value.items()}
        return value

    def _one(self, found: re.Match[str], place: str) -> str:
        kind, name = found["kind"], found["name"]
        if found["escape"]:
            return found[0][1:]
        given = self._from[kind].get(name)
        if given:
            self.used.append(given)
            return given
        state = "is empty" if given is not None else "is not set" if kind == "env" else "is missing"
        what = f"the environment variable {name}" if kind == "env" else f"secrets[{name!r}]"
        self.missing.append(DefinitionIssue(place=place, message=f"{what} {state}"))
        return ""
