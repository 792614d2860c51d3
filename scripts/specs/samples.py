"""Values made up for a schema, to try with what generated code would send."""

from typing import TypeAlias

from specs.documents import Document, Json, array, reference, resolved, table

Sample: TypeAlias = "bytes | bool | int | float | str | list[Sample] | dict[str, Sample] | None"

_WHOLE = 2
_DEEPEST = 10
TEXT = "a b/ü&1"


def sample(document: Document, schema: Json, depth: int = 0) -> Sample:
    """A value that the schema allows, with all of its fields as far as a few steps down."""
    if depth > _DEEPEST:
        return None
    if reference(schema) is not None:
        return sample(document, resolved(document, schema), depth + 1)
    about = table(schema)
    values = [value for value in array(about.get("enum")) if value is not None]
    if values:
        return _copied(values[-1])
    if about.get("const") is not None:
        return _copied(about["const"])
    for keyword in ("anyOf", "oneOf"):
        parts = array(about.get(keyword))
        if parts:
            return sample(document, _chosen(document, parts), depth + 1)
    if array(about.get("allOf")):
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
        if table(resolved(document, part)).get("type") != "null":
            return part
    return parts[0]


def _of_all(document: Document, schema: dict[str, Json], depth: int) -> Sample:
    own = {key: value for key, value in schema.items() if key != "allOf"}
    found = [sample(document, part, depth + 1) for part in array(schema["allOf"])]
    objects = [one for one in found if isinstance(one, dict)]
    if objects:
        fields: dict[str, Sample] = {}
        for one in [*objects, _of_fields(document, own, depth) if "properties" in own else {}]:
            fields.update(one)
        return fields
    return next((one for one in found if one != TEXT), TEXT)


def _of_fields(document: Document, schema: dict[str, Json], depth: int) -> dict[str, Sample]:
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


def _of_items(document: Document, schema: dict[str, Json], depth: int) -> list[Sample]:
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
