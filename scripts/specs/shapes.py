"""A schema as the set of JSON values that it allows, in a form that two schemas can be compared in.

`$ref`, `allOf`, `anyOf`, `oneOf`, lists of types, `nullable` and `const` are ways of writing; here
they are gone. What is left is a list of branches, each of one JSON type.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from attrs import define, evolve, field, frozen

from specs.documents import Document, Json, array, pointed_to, reference, table

_DOCUMENTATION = frozenset(
    {"title", "description", "example", "examples", "externalDocs", "xml", "discriminator"}
    | {"$comment", "$schema", "$id", "$anchor", "$dynamicAnchor", "$defs", "definitions"}
)
_COMBINING = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_STRUCTURAL = frozenset(
    {"type", "nullable", "enum", "const", "properties", "required", "items"}
    | {"additionalProperties"}
)

_MOST_ALTERNATIVES = 500
_MOST_VISITS = 10_000


class _TooManyError(Exception):
    """A schema has more alternatives than anybody would read about."""


@frozen
class Branch:
    """One kind of value that a schema allows."""

    type: str | None
    """The JSON type; None if every value will do."""
    name: str | None = None
    """What the document calls this kind of value, where it has a name for it."""
    enum: tuple[Json, ...] | None = None
    properties: Mapping[str, Json] = field(factory=dict[str, Json])
    required: frozenset[str] = frozenset()
    additional: Json = None
    """The schema of the fields without a name of their own; None if nothing is said of them."""
    items: Json = None
    keywords: Mapping[str, Json] = field(factory=dict[str, Json])
    """Every other keyword that says something about values."""

    def __str__(self) -> str:
        """The kind of value, as a message may call it."""
        return self.name or self.type or "anything"


@frozen
class Shape:
    """What a schema allows: any value that fits one of the branches, and null where it says so."""

    branches: tuple[Branch, ...]
    nullable: bool

    @property
    def anything(self) -> bool:
        """Whether the schema says nothing at all about the type of the value."""
        return any(branch.type is None for branch in self.branches)

    def __str__(self) -> str:
        """All the kinds of values, as a message may call them."""
        kinds = dict.fromkeys(map(str, self.branches))
        return " or ".join([*kinds, "null"] if self.nullable and not self.anything else kinds)


def shape(document: Document, schema: Json) -> Shape:
    """What a schema of the document allows."""
    try:
        flats = _Flattening(document).of(schema)
    except _TooManyError:
        # Of a schema like this one it is only told whether it is the same.
        flats = [_Flat({"schema": schema})]
    branches = [branch for flat in flats for branch in _typed(flat)]
    return Shape(
        branches=tuple(_joined(branch for branch in branches if branch.type != "null")),
        nullable=any(branch.type in ("null", None) for branch in branches),
    )


def canonical(value: Json) -> str:
    """The same text for equal JSON."""
    return json.dumps(value, sort_keys=True)


def _joined(branches: Iterable[Branch]) -> list[Branch]:
    """The branches, with those made one that differ in nothing but the values they list."""
    joined = list[Branch]()
    for branch in branches:
        for index, other in enumerate(joined):
            if evolve(other, enum=branch.enum) == branch:
                values = dict.fromkeys(map(canonical, (*(other.enum or ()), *(branch.enum or ()))))
                unlimited = other.enum is None or branch.enum is None
                enum = None if unlimited else tuple(map(json.loads, values))
                joined[index] = evolve(other, enum=enum)
                break
        else:
            joined.append(branch)
    return joined


@frozen
class _Flat:
    """One alternative of a schema: keywords that hold together, with no `$ref` among them."""

    keywords: Mapping[str, Json]
    name: str | None = None


@define
class _Flattening:
    """Works out the alternatives of one schema, as long as that is a bearable task.

    Each `anyOf` inside an `allOf` multiplies them, and each `$ref` that is used twice doubles the
    work, so that a document of a few hundred bytes can ask for more than there is time for.
    """

    document: Document
    _visits: int = 0

    def of(self, schema: Json, ring: frozenset[str] = frozenset()) -> list[_Flat]:
        """The alternatives of a schema, with everything that holds for all of them merged in."""
        self._visits += 1
        if self._visits > _MOST_VISITS:
            raise _TooManyError
        if schema is False:
            return []
        own = {
            key: value
            for key, value in table(schema).items()
            if key not in _DOCUMENTATION | _COMBINING and not key.startswith("x-")
        }
        flats = [_Flat(own)]
        pointer = reference(schema)
        if pointer is not None and pointer not in ring:
            behind = self.of(pointed_to(self.document, pointer), ring | {pointer})
            flats = _both(flats, _named(behind, pointer.rpartition("/")[2]))
        for part in array(table(schema).get("allOf")):
            flats = _both(flats, self.of(part, ring))
        for keyword in ("anyOf", "oneOf"):
            options = array(table(schema).get(keyword))
            if options:
                flats = _both(flats, [flat for option in options for flat in self.of(option, ring)])
        return flats


def _named(flats: list[_Flat], name: str) -> list[_Flat]:
    """The alternatives behind a `$ref`, under its name if that can only mean one of them."""
    only = len(flats) == 1
    return [evolve(flat, name=name if only else flat.name or name) for flat in flats]


def _both(left: list[_Flat], right: list[_Flat]) -> list[_Flat]:
    """Every way to fit one of the left alternatives and one of the right ones at the same time."""
    if len(left) * len(right) > _MOST_ALTERNATIVES:
        raise _TooManyError
    return [
        _Flat(_merged(a.keywords, b.keywords), a.name or b.name)
        for a in left
        for b in right
        if not (_types(a.keywords) and _types(b.keywords))
        or _types(a.keywords) & _types(b.keywords)
    ]


def _merged(left: Mapping[str, Json], right: Mapping[str, Json]) -> dict[str, Json]:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        properties = dict(table(left["properties"]))
        for name, schema in table(right["properties"]).items():
            properties[name] = _all_of(properties[name], schema) if name in properties else schema
        merged["properties"] = properties
    if "required" in left and "required" in right:
        merged["required"] = array(left["required"]) + array(right["required"])
    if "enum" in left and "enum" in right:
        merged["enum"] = [value for value in array(left["enum"]) if value in array(right["enum"])]
    if _types(left) and _types(right):
        common: list[Json] = list[Json](sorted(_types(left) & _types(right)))
        merged["type"] = common
        _ = merged.pop("nullable", None)
    return merged


def _all_of(left: Json, right: Json) -> Json:
    """A schema for what fits both. Repeated, it adds each schema once, so that rings end."""
    parts = dict[str, Json]()
    for schema in (left, right):
        inner = table(schema)
        for part in array(inner["allOf"]) if inner.keys() == {"allOf"} else [schema]:
            parts[canonical(part)] = part
    return {"allOf": [parts[key] for key in sorted(parts)]}


def _types(keywords: Mapping[str, Json]) -> frozenset[str]:
    written = keywords.get("type")
    types = {kind for kind in [written, *array(written)] if isinstance(kind, str)}
    return frozenset(types | {"null"} if types and keywords.get("nullable") is True else types)


def _typed(flat: _Flat) -> Iterator[Branch]:
    """The branches of an alternative: one for each type that it allows."""
    keywords = flat.keywords
    values = [keywords["const"]] if "const" in keywords else array(keywords.get("enum"))
    kinds: Iterable[str | None] = sorted(_types(keywords)) or _implied(keywords, values)
    additional = keywords.get("additionalProperties")
    for kind in kinds:
        fitting = tuple(value for value in values if kind in _kinds_of(value))
        if values and not fitting:
            continue
        yield Branch(
            type=kind,
            name=flat.name,
            enum=fitting or None,
            properties=table(keywords.get("properties")),
            required=frozenset(n for n in array(keywords.get("required")) if isinstance(n, str)),
            additional=None if additional is True else additional,
            items=keywords.get("items"),
            keywords={key: keywords[key] for key in keywords.keys() - _STRUCTURAL},
        )


def _implied(keywords: Mapping[str, Json], values: list[Json]) -> Iterable[str | None]:
    """The types of a schema that names none, as its other keywords tell them."""
    if values:
        return sorted({_kinds_of(value)[0] for value in values})
    if keywords.keys() & {"properties", "required", "additionalProperties"}:
        return ["object"]
    return ["array"] if "items" in keywords else [None]


def _kinds_of(value: Json) -> tuple[str, ...]:
    """The types that a value has, the narrowest first."""
    if value is None:
        return ("null",)
    # In Python a boolean is an integer too; in JSON it is not.
    if isinstance(value, int) and not isinstance(value, bool):
        return ("integer", "number")
    names = {bool: "boolean", float: "number", str: "string", list: "array", dict: "object"}
    return (names[type(value)],)
