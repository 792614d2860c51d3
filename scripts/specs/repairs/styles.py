"""Headers and queries that the generator would write in another way than the API reads."""

from collections.abc import Iterator

from specs import wire_forms
from specs.documents import Document, Json, array, reference, resolve, schema_of, table
from specs.repairs import wires
from specs.repairs.made import Made, Result
from specs.repairs.operations import Owner, by_parameter
from specs.repairs.types import wording
from specs.schemas import Schema

NULL = "null"


def headers(document: Document) -> Result:
    """Take a header of a type that is no text as a string, to be given as it is sent."""
    made = list[Made]()

    def change(parameter: Json, place: str) -> Json:
        about = table(parameter)
        if about.get("in") != "header" or _fits_header(document, about):
            return parameter
        nullable = NULL in kinds_of(document, about.get("schema"))
        text: Schema = {"type": "string"}
        schema: Schema = {"anyOf": [text, {"type": "null"}]} if nullable else text
        rest = {key: value for key, value in about.items() if key != "content"}
        why = "the generator would not write its type as the API reads it"
        place = f"{place}: header {about.get('name')!r}"
        made.append(Made("took it for a string, to be given as it is sent", place, why))
        return {**rest, "schema": {**schema, **words_of(about.get("schema"))}}

    return by_parameter(document, change), made


def query_forms(document: Document) -> Result:
    """Have those parameters written by code of ours that the generator would write otherwise."""
    made = list[Made]()
    noted = dict(wires.wires(document))

    def change(parameter: Json, place: str) -> Json:
        about = table(parameter)
        form = _form(document, about) if about.get("in") == "query" else ""
        if not form:
            return parameter
        name = str(about.get("name"))
        why = "the generator knows one way to write a query"
        made.append(Made(f"written by wire_forms.{form}", f"{place}: parameter {name!r}", why))
        rest = {k: v for k, v in about.items() if k not in ("content", "style", "explode")}
        return {
            **rest,
            "name": wires.stand_in(noted, wires.in_code(name), name, form),
            "schema": _no_model(document, schema_of(about)),
        }

    return wires.with_wires(by_parameter(document, change), noted), made


def words_of(schema: Json) -> Schema:
    """What a schema says for people, and its default if that is a text."""
    about = {key: value for key, value in wording(table(schema)).items() if key != "default"}
    default = table(schema).get("default")
    return {**about, "default": default} if isinstance(default, str) else about


def kinds_of(document: Document, schema: Json, ring: frozenset[str] = frozenset()) -> set[str]:
    """The types of the values of a schema, with the format of a string, and ? for anything."""
    pointer = reference(schema)
    if pointer is not None:
        if pointer in ring:
            return {"?"}
        return kinds_of(document, resolve(document, schema), ring | {pointer})
    about = table(schema)
    nothing = {NULL} if about.get("nullable") is True else set[str]()
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in array(about.get(key))]
    if parts:
        return nothing.union(*(kinds_of(document, part, ring) for part in parts))
    values = about.get("enum")
    if isinstance(values, list) and about.get("type") != "boolean":
        return nothing | {NULL if value is None else "enum" for value in values}
    kinds = [about.get("type"), *array(about.get("type"))]
    found = {str(kind) for kind in kinds if isinstance(kind, str)}
    if not found:
        found = {"object"} if "properties" in about else {"?"}
    if "const" in about and found - {"string"}:
        found = {"const"}
    if "string" in found and about.get("format") in ("date-time", "date", "uuid", "binary"):
        found = found - {"string"} | {str(about["format"])}
    return nothing | found


def _fits_header(document: Document, parameter: Owner) -> bool:
    kinds = kinds_of(document, parameter.get("schema"))
    if "content" in parameter or "const" in table(resolve(document, parameter.get("schema"))):
        return False
    if len(kinds) == 1:
        return kinds <= {"string", "integer", "number", "boolean", "enum"}
    # The code for a union passes on what it is given.
    return kinds <= {"string", NULL} and not _has_constant(document, parameter.get("schema"))


def _alternatives(
    document: Document, schema: Json, ring: frozenset[str] = frozenset()
) -> Iterator[Schema]:
    """A schema and those that it is put together from, through references, but no ring twice."""
    pointer = reference(schema)
    if pointer is not None:
        if pointer in ring:
            return
        ring |= {pointer}
    about = table(resolve(document, schema))
    yield about
    for key in ("anyOf", "oneOf", "allOf"):
        for part in array(about.get(key)):
            yield from _alternatives(document, part, ring)


def _has_constant(document: Document, schema: Json) -> bool:
    return any("const" in about for about in _alternatives(document, schema))


def _form(document: Document, parameter: Owner) -> str:
    """Which function has to write a parameter of a query; empty if the generator can do it."""
    if wires.MARK in str(parameter.get("name")):
        return ""
    if "content" in parameter and "schema" not in parameter:
        return wire_forms.as_json.__name__
    kinds = kinds_of(document, parameter.get("schema"))
    many = kinds & {"object", "array", "?"}
    style = str(parameter.get("style", "form"))
    explode = parameter.get("explode", style == "form")
    if style == "deepObject":
        return wire_forms.deep_object.__name__
    if style == "form" and explode is not False:
        single = kinds == {"object"} and _is_model(document, parameter.get("schema"))
        inside = _has_objects_in_lists(document, parameter.get("schema"))
        odd = ("object" in kinds and not single) or inside
        return wire_forms.exploded.__name__ if odd else ""
    separators = {"form": "commas", "spaceDelimited": "spaces", "pipeDelimited": "pipes"}
    if explode is not False and style != "form":
        return wire_forms.exploded.__name__ if "object" in kinds else ""
    return separators.get(style, "") if many else ""


def _has_objects_in_lists(document: Document, schema: Json) -> bool:
    lists = (about.get("items") for about in _alternatives(document, schema))
    return any(isinstance(items, dict) and "object" in kinds_of(document, items) for items in lists)


def _is_model(document: Document, schema: Json) -> bool:
    about = table(resolve(document, schema))
    return not (about.get("anyOf") or about.get("oneOf") or isinstance(about.get("type"), list))


def _no_model(document: Document, schema: Json) -> Json:
    """The schema so that the generator does not spread an object over the whole query."""
    kinds = kinds_of(document, schema)
    if "object" in kinds and _is_model(document, schema):
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
