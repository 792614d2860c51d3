"""Placeholders for secrets in the settings of a definition: find, check and fill them.

``${env:NAME}`` is filled from the environment, ``${secret:name}`` from a mapping that
the caller passes. ``$${`` is an escaped ``${``. The API's own templates, such as
``{{_internal.file_url}}``, have another form and stay as they are, as does any other ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from datalab_facade.errors import DefinitionIssue
from datalab_facade.json_forms import JSON

_PLACEHOLDER: Final = re.compile(r"\$(?P<escape>\$)?\{(?P<kind>[A-Za-z_]+):(?P<name>[^{}]*)\}")
_NAMES: Final = {"env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "secret": re.compile(r"[\w.-]+")}


@attrs.frozen
class Filled:
    """JSON with its placeholders filled."""

    value: JSON = attrs.field(repr=False)
    used: tuple[str, ...] = attrs.field(default=(), repr=False)
    """The values that were filled in."""
    missing: tuple[DefinitionIssue, ...] = ()


def find_placeholders(text: str) -> Iterator[tuple[str, str]]:
    """Yield kind and name of each placeholder in a text, wrong ones included.

    >>> list(find_placeholders("Bearer ${env:TOKEN}, not $${env:ME}"))
    [('env', 'TOKEN')]
    """
    for match in _PLACEHOLDER.finditer(text):
        if not match["escape"]:
            yield match["kind"], match["name"]


def placeholder_error(kind: str, name: str) -> str | None:
    """Return the message for a wrong placeholder; None if it is right."""
    pattern = _NAMES.get(kind)
    text = f"${{{kind}:{name}}}"
    if pattern is None:
        return (
            f"{text} is not a placeholder; write ${{env:…}} or ${{secret:…}}, or $${text[1:]} "
            f"for the text itself"
        )
    if not pattern.fullmatch(name):
        return f"{text} has a name that a placeholder cannot have"
    return None


def fill(value: JSON, place: str, secrets: Mapping[str, str], environ: Mapping[str, str]) -> Filled:
    """Fill the placeholders in all strings of a JSON value.

    An empty value counts as missing.

    Args:
        value: The JSON value.
        place: Its place in the definition, for the issues.
        secrets: The values for ``${secret:…}``, by name.
        environ: The values for ``${env:…}``, by name.
    """
    filling = _Filling(secrets, environ)
    result = filling.fill(value, place)
    return Filled(result, tuple(filling.used), tuple(filling.missing))


class _Filling:
    def __init__(self, secrets: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._values = {"env": environ, "secret": secrets}
        self.used: list[str] = []
        self.missing: list[DefinitionIssue] = []

    def fill(self, value: JSON, place: str) -> JSON:
        if isinstance(value, str):
            return _PLACEHOLDER.sub(lambda match: self._replace(match, place), value)
        if isinstance(value, list):
            return [self.fill(inner, f"{place}[{n}]") for n, inner in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.fill(inner, f"{place}.{name}") for name, inner in value.items()}
        return value

    def _replace(self, match: re.Match[str], place: str) -> str:
        kind, name = match["kind"], match["name"]
        if match["escape"]:
            return match[0][1:]
        text = self._values[kind].get(name)
        if text:
            self.used.append(text)
            return text
        state = "is empty" if text is not None else "is not set" if kind == "env" else "is missing"
        what = f"the environment variable {name}" if kind == "env" else f"secrets[{name!r}]"
        self.missing.append(DefinitionIssue(place=place, message=f"{what} {state}"))
        return ""
