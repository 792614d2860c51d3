"""Defaults that the generator cannot write down, or that their own schema refuses."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from uuid import UUID

from openapi_schema_validator import OAS31Validator, oas31_format_checker

from specs.documents import Document, Json, array, reference, resolve, table
from specs.repairs.made import Mended
from specs.schemas import Place, Schema


def defaults(document: Document, schema: Schema, _: Place) -> Mended | None:
    """Leave out a default that no argument can have: then the one of the server counts."""
    if "default" not in schema:
        return None
    why = _fault(document, schema, schema["default"])
    if why is None:
        return None
    rest = {key: value for key, value in schema.items() if key != "default"}
    shown = str(schema["default"])
    what = f"left out the default {shown if len(shown) < _LONG else shown[:_LONG] + '…'}"
    return rest, what, why


_LONG = 60


def _fault(document: Document, schema: Schema, value: Json) -> str | None:
    if isinstance(value, dict):
        return "the generator has no argument with an object for its default"
    if isinstance(value, str) and {'"', "\\"} & {*value}:
        return "the generator would escape its quotes or backslashes twice"
    if value is not None and not _taken(document, schema, value, frozenset()):
        return "the generator finds no type of the schema that it has"
    rest = {key: about for key, about in schema.items() if key != "default"}
    whole = {**rest, "components": document.get("components")}
    validator = OAS31Validator(whole, format_checker=oas31_format_checker)
    return None if validator.is_valid(value) else "its own schema refuses it"


def _taken(  # noqa: C901, PLR0911 - the questions of the generator, in its order
    document: Document, schema: Json, value: Json, ring: frozenset[str]
) -> bool:
    """Whether the generator can write the value as one of a schema."""
    pointer = reference(schema)
    if pointer is not None:
        return pointer not in ring and _taken(
            document, resolve(document, schema), value, ring | {pointer}
        )
    about = table(schema)
    parts = [part for key in ("allOf", "anyOf", "oneOf") for part in array(about.get(key))]
    kind = about.get("type")
    if len(parts) == 1 and reference(parts[0]) is not None:
        return _taken(document, parts[0], value, ring)
    if kind == "boolean":
        return isinstance(value, bool)
    if about.get("enum"):
        return any(type(value) is type(one) and value == one for one in array(about["enum"]))
    if about.get("anyOf") or about.get("oneOf"):
        return any(_taken(document, part, value, ring) for part in parts)
    if isinstance(kind, list):
        return any(_taken(document, {**about, "type": one}, value, ring) for one in kind)
    if about.get("const") is not None:
        return type(value) is type(about["const"]) and value == about["const"]
    if kind == "object" or about.get("allOf") or (kind is None and about.get("properties")):
        return False
    if kind == "string":
        return isinstance(value, str) and _spells(about, value)
    if kind in ("integer", "number"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return kind != "null"


def _spells(schema: Mapping[str, Json], value: str) -> bool:
    with suppress(ValueError):
        match schema.get("format"):
            case "date-time":
                _ = datetime.fromisoformat(value)
            case "date":
                _ = date.fromisoformat(value)
            case "uuid":
                _ = UUID(value)
            case "binary":
                return False
            case _:
                pass
        return True
    return False
