"""Lists of values that would come out as fewer values, or not at all."""

import itertools
import json
import unicodedata
from collections.abc import Iterator, Sequence

from openapi_python_client.strings import in_double_quote_literal, snake_case

from specs.documents import Document, Json, array
from specs.repairs.made import Mended
from specs.schemas import Place, Schema

_NAMES = "x-enum-varnames"


def repeated_values(_: Document, schema: Schema, __: Place) -> Mended | None:
    """List each value once."""
    values = schema.get("enum")
    if not isinstance(values, list):
        return None
    once = list[Json]()
    for value in values:
        if not any(type(value) is type(other) and value == other for other in once):
            once.append(value)
    if not once:
        rest = {key: value for key, value in schema.items() if key != "enum"}
        return rest, "left out the empty list of values", "it allows nothing"
    if len(once) == len(values):
        return None
    return {**schema, "enum": once}, "listed each value once", "a value is there twice"


def mixed_values(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Make a list of values of several types a union of lists of one type each."""
    values = schema.get("enum")
    if not isinstance(values, list) or schema.get("type") == "boolean":
        return None
    kinds = {_kind(value) for value in values}
    if kinds <= {"string", "null"} or kinds <= {"integer", "null"}:
        return None
    rest = {key: value for key, value in schema.items() if key not in {"enum", "type", _NAMES}}
    parts = list[Json]()
    for kind in sorted(kinds):
        alike: list[Json] = [value for value in values if _kind(value) == kind]
        if kind in ("string", "integer"):
            parts.append({"type": kind, "enum": alike})
        else:
            parts.append({} if kind == "anything" else {"type": kind})
    new = {**rest, **parts[0]} if isinstance(parts[0], dict) and len(parts) == 1 else None
    listed = ", ".join(map(str, values))
    if new is not None:
        what = f"took any {min(kinds)} for its values {listed}"
        return new, what, "the generator has enums of strings and of integers only"
    what = "made it a union of one list for each type"
    return {**rest, "anyOf": parts}, what, "its values are of several types"


def values_that_no_literal_holds(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Take values with control characters, which the generator would drop, for any string."""
    values = schema.get("enum")
    if not isinstance(values, list):
        return None
    words = [value for value in values if isinstance(value, str)]
    default = schema.get("default")
    lost = [word for word in words if _unescaped(in_double_quote_literal(word)) != word]
    if not lost and isinstance(default, str) and in_double_quote_literal(default) != default:
        new = {key: value for key, value in schema.items() if key != "default"}
        return new, f"left out the default {default!r}", "the generator does not find it"
    if not lost:
        return None
    rest = {key: value for key, value in schema.items() if key not in {"enum", _NAMES}}
    kind: Json = ["string", "null"] if None in values else "string"
    what = f"took any string for its values {', '.join(map(repr, words))}"
    return {**rest, "type": kind}, what, "the generator would lose characters of them"


def names_that_fold(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Name the values of an enum whose names the generator would make the same, or no names."""
    values = schema.get("enum")
    if not isinstance(values, list) or schema.get("type") == "boolean":
        return None
    kept = [value for value in values if value is not None]
    if {_kind(value) for value in kept} not in ({"string"}, {"integer"}):
        return None
    given = [name for name in array(schema.get(_NAMES)) if isinstance(name, str)]
    usual = _usual(kept, given)
    if usual is not None and len(set(usual)) == len(kept) and all(map(_is_name, usual)):
        return None
    names = list[Json]()
    for value in kept:
        name = _spelled(value)
        names.append(next(one for one in _numbered(name) if one not in names))
    what = f"named them {', '.join(map(str, names))}"
    return {**schema, _NAMES: names}, what, "names made in the usual way would be the same"


def _kind(value: Json) -> str:
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
    return names.get(type(value), "anything")


def _usual(values: Sequence[Json], given: Sequence[str]) -> list[str] | None:
    """The names that the generator makes of values, or nothing where it gives up."""
    keys = list[str]()
    for index, value in enumerate(values):
        if len(given) == len(values):
            keys.append(given[index])
        elif isinstance(value, int):
            keys.append(f"VALUE_NEGATIVE_{-value}" if value < 0 else f"VALUE_{value}")
        else:
            word = str(value)
            keys.append(word.upper() if word[:1].isalpha() else f"VALUE_{index}")
    names = list[str]()
    for key, value in zip(keys, values, strict=True):
        if isinstance(value, str) and key in names:
            return None
        plain = isinstance(value, int) and len(given) != len(values)
        names.append(key if plain else snake_case(key).upper())
    return names


def _spelled(value: Json) -> str:
    """A name with all characters of a value in it, spelled out where a name cannot have them."""
    if isinstance(value, int):
        return f"VALUE_NEGATIVE_{-value}" if value < 0 else f"VALUE_{value}"
    spelled = "".join(
        character if character.isalnum() and character.isascii() else f" {_name(character)} "
        for character in str(value)
    )
    name = "_".join(spelled.upper().split())
    return name if name[:1].isalpha() else f"VALUE_{name}".rstrip("_")


def _name(character: str) -> str:
    if character in "_- .":
        return " "
    name = unicodedata.name(character, f"U{ord(character):04X}")
    return "".join(one if one.isalnum() else " " for one in name.removesuffix(" SIGN"))


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))


def _is_name(name: str) -> bool:
    return name.isidentifier()


def _unescaped(literal: str) -> str:
    text: str = json.loads(f'"{literal}"', strict=False)
    return text
