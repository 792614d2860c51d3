"""What a document demands to stand for a value in a path, a header or a query."""

import json
from collections.abc import Mapping

from specs.documents import Json
from specs.samples import Sample


def text_of(parameter: Mapping[str, Json], value: Sample) -> str:
    """What stands for a value in a path or a header, by the style of its parameter."""
    if "content" in parameter and "schema" not in parameter:
        return json.dumps(value)
    style, name = parameter.get("style", "simple"), str(parameter.get("name"))
    explode = bool(parameter.get("explode", False))
    items = [_plain(one) for one in value] if isinstance(value, list) else []
    if isinstance(value, dict):
        sign = "=" if explode else ","
        items = [f"{key}{sign}{_plain(one)}" for key, one in value.items()]
    if not isinstance(value, list | dict):
        items = [_plain(value)]
    if style == "label":
        return "." + ("." if explode else ",").join(items)
    if style == "matrix":
        if isinstance(value, dict) and explode:
            return "".join(f";{item}" for item in items)
        if explode:
            return "".join(f";{name}={item}" for item in items)
        return f";{name}={','.join(items)}"
    return ",".join(items)


def _plain(value: Sample) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


def pairs_of(  # noqa: PLR0911 - one way to write a query after the other
    parameter: Mapping[str, Json], value: Sample
) -> list[tuple[str, str]]:
    """What stands for a value in a query, by the style of its parameter."""
    name = str(parameter.get("name"))
    if "content" in parameter and "schema" not in parameter:
        return [(name, json.dumps(value))]
    style = str(parameter.get("style", "form"))
    explode = parameter.get("explode", style == "form")
    if isinstance(value, dict):
        if style == "deepObject":
            return [(f"{name}[{key}]", one) for key, item in value.items() for one in _each(item)]
        if explode is not False:
            return [(key, one) for key, item in value.items() for one in _each(item)]
        parts = [part for pair in value.items() for part in pair]
        return [(name, _SEPARATORS.get(style, ",").join(map(_plain, parts)))]
    if isinstance(value, list):
        if explode is not False:
            return [(name, _plain(item)) for item in value]
        return [(name, _SEPARATORS.get(style, ",").join(map(_plain, value)))]
    return [] if value is None else [(name, _plain(value))]


def _each(value: Sample) -> list[str]:
    return [_plain(one) for one in value] if isinstance(value, list) else [_plain(value)]
