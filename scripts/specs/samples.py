"""Values made up for a schema, to try with what generated code would send."""

from collections.abc import Callable
from typing import TypeAlias

from specs.documents import Document, Json, array, reference, resolve, table
from specs.repairs import types

Sample: TypeAlias = "bytes | bool | int | float | str | list[Sample] | dict[str, Sample] | None"

_WHOLE = 2
_DEEPEST = 10
_HOP = 1 / 64
"""What a reference counts for, which is no step down, so that a ring of them has an end."""
TEXT = "a b/ü&1"


def sample(  # noqa: C901, PLR0911 - a kind of schema after the other
    document: Document, schema: Json, depth: float = 0
) -> Sample:
    """A value that the schema allows, with all of its fields as far as a few steps down."""
    if depth > _DEEPEST:
        return None
    if reference(schema) is not None:
        return sample(document, resolve(document, schema), depth + _HOP)
    about = table(schema)
    values = [value for value in array(about.get("enum")) if value is not None]
    if values:
        return _copied(values[-1])
    if about.get("const") is not None:
        return _copied(about["const"])
    for keyword in ("anyOf", "oneOf"):
        parts = array(about.get(keyword))
        if parts:
            return sample(document, _chosen(document, parts), depth + _HOP)
    if array(about.get("allOf")):
        joined = types.flatten(document, about)
        if joined is not None and joined.get("properties"):
            return _of_fields(document, joined, depth)
        return _of_all(document, about, depth)
    kinds = [kind for kind in [about.get("type"), *array(about.get("type"))] if kind != "null"]
    kind = next((one for one in kinds if isinstance(one, str)), None)
    if kind == "object" or (kind is None and about.get("properties")):
        return _of_fields(document, about, depth)
    if kind == "array":
        return _of_items(document, about, depth)
    if kind == "string":
        return _of_text(about)
    plain: dict[str | None, Sample] = {"integer": 7, "number": 2.5, "boolean": True}
    if kind is None and about.get("type") in ("null", ["null"]):
        return None
    return plain.get(kind, TEXT)


def _copied(value: Json) -> Sample:
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value


def _chosen(document: Document, parts: list[Json]) -> Json:
    """The first alternative that is not null."""
    for part in parts:
        if table(resolve(document, part)).get("type") != "null":
            return part
    return parts[0]


def _of_all(document: Document, schema: dict[str, Json], depth: float) -> Sample:
    found = [sample(document, part, depth + _HOP) for part in array(schema["allOf"])]
    return next((one for one in found if one != TEXT), TEXT)


def _of_fields(document: Document, schema: dict[str, Json], depth: float) -> dict[str, Sample]:
    fields = table(schema.get("properties"))
    required = array(schema.get("required"))
    found: dict[str, Sample] = {
        name: sample(document, field, depth + 1)
        for name, field in fields.items()
        if depth < _WHOLE or name in required
    }
    more = schema.get("additionalProperties")
    if more is not False and not fields and depth < _WHOLE:
        found["key"] = sample(document, more, depth + 1) if table(more) else TEXT
    return found


def _of_items(document: Document, schema: dict[str, Json], depth: float) -> list[Sample]:
    first = [sample(document, item, depth + 1) for item in array(schema.get("prefixItems"))]
    if first or schema.get("maxItems") == 0:
        return first
    return [sample(document, schema.get("items", {}), depth + 1)] if depth < _DEEPEST - 2 else []


def _of_text(schema: dict[str, Json]) -> Sample:
    media = schema.get("contentMediaType")
    if media is not None and not schema.get("contentEncoding") and "json" not in str(media):
        return b"made up"
    formats: dict[str, Sample] = {
        "date-time": "2031-02-03T04:05:06+00:00",
        "date": "2031-02-03",
        "uuid": "12345678-1234-5678-1234-567812345678",
        "binary": b"made up",
    }
    return formats.get(str(schema.get("format")), TEXT)


def without_files(value: Sample) -> Sample:
    """The value with text in place of files, as JSON has to have it."""
    return _each(value, lambda one: TEXT if isinstance(one, bytes) else one)


def ascii_only(value: Sample) -> Sample:
    """The value with the characters alone that a header can have."""
    return _each(
        value, lambda one: one.encode("ascii", "ignore").decode() if isinstance(one, str) else one
    )


def _each(value: Sample, change: Callable[[Sample], Sample]) -> Sample:
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _each(item, change) for key, item in value.items()}
    return change(value)
