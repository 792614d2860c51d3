"""Ways to write a parameter of a query that the generator does not know.

This file is copied into the generated package where an operation needs it.
"""

import json
from collections.abc import Mapping
from typing import Any


def deep_object(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Each field of an object as `name[field]=value`."""
    if not isinstance(value, Mapping):
        return {name: value}
    return {f"{name}[{key}]": item for key, item in value.items() if item is not None}


def exploded(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Each field of an object as a parameter of its own; anything else under the name.

    Objects in a list are written as JSON, since nothing says what else they would be.
    """
    if isinstance(value, list):
        value = [json.dumps(item) if isinstance(item, Mapping) else item for item in value]
    return dict(value) if isinstance(value, Mapping) else {name: value}


def commas(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """All items of a list, or all names and values of an object, with commas between."""
    return {name: _joined(value, ",")}


def spaces(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """All items with spaces between."""
    return {name: _joined(value, " ")}


def pipes(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """All items with vertical lines between."""
    return {name: _joined(value, "|")}


def as_json(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """The value as JSON."""
    return {name: json.dumps(value)}


def _joined(value: Any, separator: str) -> str:  # noqa: ANN401
    if isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair]
    if not isinstance(value, list):
        value = [value]
    return separator.join(map(_text, value))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
