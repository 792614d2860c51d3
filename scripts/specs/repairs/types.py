"""Schemas that say a type in a way that the generator has no type for."""

from collections.abc import Mapping

from specs.documents import Document, Json, array, reference, resolve, table
from specs.repairs.made import Mended
from specs.schemas import Place, Schema
from specs.shapes import canonical

_WORDING = frozenset({"title", "description", "default", "example", "deprecated"})
_LIMITS = frozenset({"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_NO_TYPE = "the generator has no type for that"
_ESCAPED = frozenset('"\\')
"""What the generator escapes twice."""


def lists_without_items(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Let a list whose items are not described hold anything."""
    kind = schema.get("type")
    if kind != "array" and not (isinstance(kind, list) and "array" in kind):
        return None
    items = schema.get("items")
    first = array(schema.get("prefixItems"))
    if isinstance(items, dict) or (first and "items" not in schema):
        return None
    new = {key: value for key, value in schema.items() if key != "items"}
    if not first:
        new["items"] = {}
    return new, "let the list hold anything", "nothing is said of its items"


def schemas_that_are_true_or_false(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Write `true` in the place of a schema as the empty one, which means the same."""
    new = dict(schema)
    if isinstance(schema.get("properties"), dict):
        new["properties"] = {
            name: {} if isinstance(part, bool) else part
            for name, part in table(schema["properties"]).items()
        }
    for keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        if isinstance(schema.get(keyword), list):
            new[keyword] = [
                {} if part is True else part for part in array(schema[keyword]) if part is not False
            ]
    if new == schema:
        return None
    return new, "took a schema that is true or false for one of anything", _NO_TYPE


def constants(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Say a constant that is null as its type, and take others that have no literal for any."""
    if "const" not in schema:
        return None
    value = schema["const"]
    rest = {key: item for key, item in schema.items() if key != "const"}
    if value is None:
        return {**rest, "type": "null"}, "wrote the constant as its type", "it is null"
    if isinstance(value, dict | list | float) or (isinstance(value, str) and _ESCAPED & {*value}):
        return rest, "took the constant for any value of its type", _NO_TYPE
    return None


def repeated_types(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Say a list of one type as that type."""
    kinds = schema.get("type")
    if not isinstance(kinds, list):
        return None
    known: list[Json] = [*dict.fromkeys(kind for kind in kinds if isinstance(kind, str))]
    if len(known) == 1:
        return {**schema, "type": known[0]}, "wrote its list of one type as that type", _NO_TYPE
    if known != kinds:
        return {**schema, "type": known}, "listed each type once", _NO_TYPE
    return None


def narrowed_parts(document: Document, schema: Schema, _: Place) -> Mended | None:
    """Join the parts of an `allOf` that the generator cannot: one narrows what another says."""
    parts = array(schema.get("allOf"))
    if not parts:
        return None
    beside = schema.keys() - _WORDING - _LIMITS - {"allOf", "type", "nullable"}
    if not _is_object(document, schema, frozenset()):
        return _joined_values(document, schema)
    if len(parts) == 1 and reference(parts[0]) is not None and beside:
        rest = {key: value for key, value in schema.items() if key in beside}
        kept = {key: value for key, value in schema.items() if key not in beside}
        new: Schema = {**kept, "allOf": [*parts, {"type": "object", **rest}]}
        schema, parts = new, array(new["allOf"])
    if len(parts) == 1 and reference(parts[0]) is not None:
        return None
    flat = _flatten(document, schema, frozenset())
    if flat is None or not (flat[1] or _hidden(document, parts)):
        return (
            (schema, "joined it with what stands beside it", "both hold")
            if beside
            & {
                "properties",
                "required",
                "additionalProperties",
            }
            and len(array(schema["allOf"])) != len(parts)
            else None
        )
    wording = {key: schema[key] for key in schema.keys() & (_WORDING | {"nullable"})}
    return (
        {**flat[0], **wording},
        "joined its parts into one object",
        "one of them narrows what another says of the same field",
    )


def _hidden(document: Document, parts: list[Json]) -> bool:
    """Whether a part has parts of its own, or something that is not looked for in a part."""
    return any(
        table(part).keys() & {"allOf", "anyOf", "oneOf", "additionalProperties"}
        for part in parts
        if reference(part) is None
    ) or any(
        table(resolve(document, part)).keys() & {"anyOf", "oneOf"}
        for part in parts
        if reference(part) is not None
    )


def _is_object(document: Document, schema: Json, ring: frozenset[str]) -> bool:
    """Whether all parts are objects, so that the generator makes a class of them."""
    about = table(schema)
    pointer = reference(schema)
    if pointer is not None:
        return pointer not in ring and _is_object(
            document, resolve(document, schema), ring | {pointer}
        )
    if about.get("enum") or "const" in about or about.get("anyOf") or about.get("oneOf"):
        return False
    if about.get("allOf"):
        described = [part for part in array(about["allOf"]) if table(part).keys() - _WORDING]
        return bool(described) and all(_is_object(document, part, ring) for part in described)
    return about.get("type") == "object" or (
        "type" not in about and bool(about.keys() & {"properties", "required"})
    )


def _joined_values(document: Document, schema: Schema) -> Mended | None:
    """An `allOf` of values that are no objects: the one part that says most of them."""
    parts = [part for part in array(schema["allOf"]) if table(part).keys() - _WORDING - _LIMITS]
    wording = {key: schema[key] for key in schema.keys() & (_WORDING | {"nullable"})}
    described = [part for part in parts if table(part).keys() - {"type"}] or parts
    if len(array(schema["allOf"])) == 1 and reference(array(schema["allOf"])[0]) is not None:
        return None
    if len(described) == 1:
        only = described[0]
        joined: Schema = (
            {**wording, "allOf": [only]} if reference(only) else {**table(only), **wording}
        )
        return joined, "took the part of its allOf that says its type", _NO_TYPE
    merged = dict[str, Json]()
    for part in described:
        merged.update(table(resolve(document, part)))
    if any(reference(part) is not None for part in described) or merged.keys() & {"anyOf", "oneOf"}:
        return wording, "took it for anything", "no type is all of its parts at once"
    return {**merged, **wording}, "joined the parts of its allOf", _NO_TYPE


def flatten(document: Document, schema: Json) -> Schema | None:
    """One object with the fields of all parts of a schema; nothing where that has no end."""
    flat = _flatten(document, schema, frozenset())
    return None if flat is None else flat[0]


_Flat = tuple[Schema, bool]


def _flatten(document: Document, schema: Json, ring: frozenset[str]) -> _Flat | None:
    """One object of all parts, and whether they say different things of a field."""
    pointer = reference(schema)
    if pointer is not None:
        if pointer in ring:
            return None
        return _flatten(document, resolve(document, schema), ring | {pointer})
    about = table(schema)
    if about.get("anyOf") or about.get("oneOf"):
        return {"type": "object"}, False
    properties, required, narrowed = dict[str, Json](), list[Json](), False
    additional: Json = None
    own = {key: value for key, value in about.items() if key != "allOf"}
    found = [_flatten(document, part, ring) for part in array(about.get("allOf"))]
    for flat in [*found, (own, False)]:
        if flat is None:
            return None
        part, inside = flat
        narrowed = narrowed or inside
        for name, field in table(part.get("properties")).items():
            if name in properties and _bare(properties[name]) != _bare(field):
                narrowed = True
                properties[name] = _narrower(properties[name], field)
            else:
                properties[name] = field
        required += array(part.get("required"))
        additional = part.get("additionalProperties", additional)
    new: Schema = {"type": "object", "properties": properties}
    if required:
        new["required"] = [*dict.fromkeys(name for name in required if isinstance(name, str))]
    if additional is not None:
        new["additionalProperties"] = additional
    return new, narrowed


def _narrower(first: Json, second: Json) -> Json:
    """The later of two descriptions of a field, unless it says nothing."""
    return second if table(second).keys() - _WORDING else {**table(first), **table(second)}


def _bare(schema: Json) -> str:
    return canonical({key: value for key, value in table(schema).items() if key not in _WORDING})


def is_anything(document: Document, schema: Json) -> bool:
    """Whether a schema says nothing of its values, as it stands or in one of its alternatives."""
    about = table(resolve(document, schema))
    if not about.keys() - _WORDING - {"nullable"}:
        return True
    return any(
        is_anything(document, part)
        for keyword in ("anyOf", "oneOf")
        for part in array(about.get(keyword))
        if reference(part) is None
    )


def wording(schema: Mapping[str, Json]) -> Schema:
    """What a schema says besides which values it has."""
    return {key: value for key, value in schema.items() if key in _WORDING}


def unions_with_anything(document: Document, schema: Schema, place: Place) -> Mended | None:
    """Take a body that is anything or null for anything; only a body, since others pass."""
    if "requestBody" not in place or place[-1] != "schema":
        return None
    if not (schema.get("anyOf") or schema.get("oneOf")) or not is_anything(document, schema):
        return None
    new = {key: value for key, value in wording(schema).items() if key != "default"}
    return new, "took it for anything", "one of its alternatives is anything"


def empty_unions(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Leave out an alternative list without alternatives, and one that stands beside another."""
    empty = {key for key in ("allOf", "anyOf", "oneOf") if schema.get(key) == []}
    if not empty:
        return None
    new = {key: value for key, value in schema.items() if key not in empty}
    return new, f"left out the empty {' and '.join(sorted(empty))}", "it allows nothing"
