"""How values travel to other processes, machines and days: by the names of their fields.

A pickle of a value of this package holds its class and its fields by name. Versions
one apart read each other's: a field that the reader does not know is left out, one
that the writer did not know has its default. So a new field always has a default,
and a class that travels keeps its name and its module. What this version writes is
kept beside the tests, and later versions must read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

_T = TypeVar("_T", bound=attrs.AttrsInstance)


def picklable(kind: type[_T]) -> type[_T]:
    """Let the values of a frozen attrs class pickle by the names of their fields."""
    names = [field.name for field in attrs.fields(kind) if field.init]

    def reduced(value: _T) -> tuple[Callable[..., object], tuple[type, dict[str, object]]]:
        return rebuilt, (type(value), {name: getattr(value, name) for name in names})

    # A pickle must look the same whatever protocol it is written with.
    kind.__reduce__ = reduced  # type: ignore[method-assign, assignment]
    return kind


def rebuilt(kind: type[_T], values: Mapping[str, object]) -> _T:
    """Make a value of its fields; this name is in pickles, so it stays."""
    return kind(**known_fields(kind, values))


def known_fields(kind: type, values: Mapping[str, object]) -> dict[str, Any]:
    """Give the arguments that make a value, leaving out fields that are not known here."""
    aliases = {field.name: field.alias for field in attrs.fields(kind) if field.init}
    return {aliases[name]: value for name, value in values.items() if name in aliases}
