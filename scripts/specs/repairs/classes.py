"""Classes that would have one name, or one module, or a name that the code needs for itself."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from attrs import frozen
from openapi_python_client.strings import ClassName, PythonIdentifier, pascal_case

from specs import naming
from specs.documents import Document, Json, Operation, array, operations, reference, table
from specs.repairs import wires
from specs.repairs.made import Made, Result, describe
from specs.schemas import Place, Schema, rewrite
from specs.shapes import canonical

_PREFIX = "field_"
_ROUNDS = 12
_LONGEST = 120

_TAKEN = frozenset(
    {"UNSET", "Unset", "File", "FileTypes", "FileContent", "RequestFiles", "Response", "Client"}
    | {"AuthenticatedClient", "HTTPStatus", "Any", "TypeVar", "BinaryIO", "TextIO", "Generator"}
    | {"TYPE_CHECKING", "Mapping", "MutableMapping", "BytesIO", "Literal", "UUID", "T", "Generic"}
    | {"Enum", "StrEnum", "IntEnum", "IO", "TypeChecking"}
)
"""What generated modules import or define, and a class of the same name would hide."""

_FIELDS_TAKEN = frozenset(
    {"additional_properties", "additional_keys", "to_dict", "from_dict", "to_multipart"}
    | {"d", "cls", "cast", "field_dict", "prop", "prop_name"}
)
"""What the methods of a generated model use, and a field of the same name would hide."""


@frozen
class _Class:
    """A class that the generator will make, and where its schema is."""

    name: str
    module: str
    place: Place
    label: str
    """What it is called by itself: its title, or what it is a part of."""
    values: str | None
    """The values of an enum; two enums with the same are one."""

    @property
    def component(self) -> str | None:
        """The name of the component that it is, if it is one."""
        match self.place:
            case ["components", "schemas", name]:
                return name
            case _:
                return None


def class_names(document: Document) -> Result:
    """Give titles to schemas, so that each class has a name and a module to itself."""
    made = dict[Place, Made]()
    for _ in range(_ROUNDS):
        titles = _titles(list(_classes(document)), made)
        if not titles:
            break

        def retitled(schema: Schema, place: Place, titles: dict[Place, str] = titles) -> Schema:
            return {**schema, "title": titles[place]} if place in titles else schema

        document = rewrite(document, retitled)
    return document, list(made.values())


def _titles(classes: list[_Class], made: dict[Place, Made]) -> dict[Place, str]:
    by_module = dict[str, list[_Class]]()
    for one in classes:
        by_module.setdefault(one.module, []).append(one)
    modules = set(by_module)
    titles = dict[Place, str]()
    for called, group in by_module.items():
        alike = {(one.name, one.values or str(one.place)) for one in group}
        hidden = group[0].name in _TAKEN
        long = len(called) > _LONGEST
        if len(alike) == 1 and not hidden and not long:
            continue
        keeper = None if hidden or long else _keeper(group)
        why = (
            f"the generated code has a {group[0].name} of its own"
            if hidden
            else "its name is longer than the name of a file may be"
            if long
            else f"{len({one.place for one in group})} schemas would be {group[0].name}"
        )
        for one in group:
            if one is keeper or one.place in titles:
                continue
            if keeper and (one.name, one.values) == (keeper.name, keeper.values) and one.values:
                continue
            title, name = _title(one, modules, shorten=long)
            titles[one.place] = title
            modules.add(module(name))
            made[one.place] = Made(f"generated as {name}", describe(one.place), why)
    return titles


def _keeper(group: list[_Class]) -> _Class | None:
    """Which of them may keep the name: the component that is called like that, or an inner one."""
    components = [one for one in group if one.component is not None]
    for one in components:
        if ClassName(one.component or "", _PREFIX) == one.name:
            return one
    return None if components else group[0]


def _title(one: _Class, modules: set[str], *, shorten: bool) -> tuple[str, str]:
    """A title that gives the class a name of its own, and that name."""
    # Where the name is made of those around it, it begins with theirs.
    own = ClassName(one.label.rpartition("/")[2], _PREFIX)
    outer = one.name.removesuffix(own) if one.component is None else ""
    for label in _labels(one, own, shorten=shorten):
        name = str(ClassName(outer + pascal_case(label), _PREFIX))
        if module(name) not in modules and name not in _TAKEN:
            return label, name
    raise AssertionError(one)


def _labels(one: _Class, own: str, *, shorten: bool) -> Iterator[str]:
    if shorten:
        digest = hashlib.sha256("/".join(one.place).encode()).hexdigest()[:6]
        own = f"{own[:20]} {digest}"
        yield own
    elif one.component is not None:
        yield one.component
    yield f"{own} {'Enum' if one.values else 'Model'}"
    yield from (f"{own} {number}" for number in itertools.count(2))


def made(document: Document) -> Iterator[tuple[str, str, str | None]]:
    """The classes that the generator makes of a document: name, place, and values of an enum."""
    for one in _classes(document):
        yield one.name, describe(one.place), one.values


def module(name: str) -> str:
    """The module that the class of a name is in."""
    return str(PythonIdentifier(name, _PREFIX))


def listed(values: Iterable[Json]) -> str:
    """The values of an enum, in a form that is the same for the same values."""
    return canonical([*sorted(values, key=canonical)])


_Inner: TypeAlias = Iterator[_Class]


def _classes(document: Document) -> Iterator[_Class]:
    """The classes that the generator will make, by the rules that it names them by."""
    entries = table(table(document.get("components")).get("schemas"))
    for name, schema in entries.items():
        yield from _of(schema, f"/components/schemas/{name}", "", ("components", "schemas", name))
    for operation in operations(document):
        yield from _of_operation(operation)


def _of_operation(operation: Operation) -> _Inner:
    place: Place = ("paths", operation.path, operation.method)
    parent = operation.id or naming.function(operation)
    for index, parameter in enumerate(array(operation.body.get("parameters"))):
        there: Place = (*place, "parameters", str(index), "schema")
        about = table(parameter)
        yield from _of(about.get("schema"), str(about.get("name")), parent, there)
    body = table(table(operation.body.get("requestBody")).get("content"))
    for media, content in body.items():
        prefix = f"{parent}_{body_type(media)}" if len(body) > 1 else parent
        there = (*place, "requestBody", "content", media, "schema")
        yield from _of(table(content).get("schema"), "body", prefix, there)
    for status, response in table(operation.body.get("responses")).items():
        for media, content in table(table(response).get("content")).items():
            there = (*place, "responses", status, "content", media, "schema")
            yield from _of(table(content).get("schema"), f"response_{status}", parent, there)


def body_type(media: str) -> str:
    """What the generator calls a kind of body."""
    if media == "application/x-www-form-urlencoded":
        return "data"
    if media == "multipart/form-data":
        return "files"
    return "json" if media == "application/json" or media.endswith("+json") else "content"


def _of(schema: Json, name: str, parent: str, place: Place) -> _Inner:
    about = table(schema)
    parts = [part for key in ("allOf", "anyOf", "oneOf") for part in array(about.get(key))]
    kind = about.get("type")
    if reference(schema) or kind == "boolean" or (len(parts) == 1 and reference(parts[0])):
        return
    if about.get("enum"):
        yield from _of_enum(about, name, parent, place)
    elif (
        about.get("anyOf") or about.get("oneOf") or isinstance(kind, list) or about.get("nullable")
    ):
        yield from _of_union(about, name, parent, place)
    elif about.get("const") is not None or kind in ("string", "number", "integer", "null"):
        return
    elif kind == "array":
        yield from _of_list(about, name, parent, place)
    elif kind == "object" or about.get("allOf") or about.get("properties"):
        yield from _of_model(about, name, parent, place)


def _of_enum(about: Schema, name: str, parent: str, place: Place) -> _Inner:
    values = [value for value in array(about["enum"]) if value is not None]
    if values:
        inner = name if len(values) == len(array(about["enum"])) else f"{name}_type_1"
        yield _named(str(about.get("title") or inner), parent, place, listed(values))


def _of_list(about: Schema, name: str, parent: str, place: Place) -> _Inner:
    items: list[tuple[Json, Place]] = [
        (item, (*place, "prefixItems", str(index)))
        for index, item in enumerate(array(about.get("prefixItems")))
    ]
    if isinstance(about.get("items"), dict):
        items.append((about["items"], (*place, "items")))
    for index, (item, there) in enumerate(items):
        inner = f"{name}_item" if len(items) == 1 else f"{name}_item_{_label(item, index)}"
        yield from _of(item, inner, parent, there)


def _of_model(about: Schema, name: str, parent: str, place: Place) -> _Inner:
    one = _named(str(about.get("title") or name), parent, place, None)
    yield one
    for owner, there in _parts(about, place):
        for key, field in table(owner.get("properties")).items():
            yield from _of(field, key, one.name, (*there, "properties", key))
    if table(about.get("additionalProperties")):
        there = (*place, "additionalProperties")
        yield from _of(about["additionalProperties"], "AdditionalProperty", one.name, there)


def _of_union(about: Schema, name: str, parent: str, place: Place) -> _Inner:
    alternatives = list[tuple[Json, Place]]()
    for key in ("anyOf", "oneOf"):
        alternatives += [
            (part, (*place, key, str(index))) for index, part in enumerate(array(about.get(key)))
        ]
    if not alternatives and about.get("allOf"):
        alternatives = [({"type": "null"}, place), ({"allOf": about["allOf"]}, place)]
    if not alternatives:
        kinds = array(about.get("type")) or [about.get("type")]
        bare = {key: value for key, value in about.items() if key != "nullable"}
        alternatives = [({**bare, "type": kind}, place) for kind in kinds]
    for index, (part, there) in enumerate(alternatives):
        title = table(part).get("title")
        label = _label(part, index) if title != about.get("title") else f"type_{index}"
        yield from _of(part, f"{name}_{label}", parent, there)


def _label(schema: Json, index: int) -> str:
    return str(table(schema).get("title") or f"type_{index}")


def _parts(schema: Schema, place: Place) -> Iterable[tuple[Schema, Place]]:
    yield schema, place
    for index, part in enumerate(array(schema.get("allOf"))):
        if not reference(part):
            yield table(part), (*place, "allOf", str(index))


def _named(label: str, parent: str, place: Place, values: str | None) -> _Class:
    whole = f"{pascal_case(parent)}{pascal_case(label)}" if parent else label
    name = ClassName(whole.rpartition("/")[2], _PREFIX)
    return _Class(str(name), module(name), place, label, values)


def field_names(document: Document) -> Result:
    """Give fields names in the code that are no two alike, and that the code has no use for."""
    made = list[Made]()
    noted = dict(wires.wires(document))

    def rule(schema: Schema, place: Place) -> Schema:
        fields = table(schema.get("properties"))
        codes = [wires.in_code(name) for name in fields]
        chosen = dict[str, str]()
        for name, code in zip(fields, list(codes), strict=True):
            if wires.MARK in name:
                continue
            twice = codes.count(code) > 1 and name != _first(fields, code)
            if not twice and code not in _FIELDS_TAKEN and wires.is_kept(name):
                continue
            free = next(one for one in _codes(code) if one not in codes)
            codes.append(free)
            chosen[name] = wires.stand_in(noted, free, name)
            why = (
                "another field has that name in the code"
                if twice
                else f"generated models use the name {code} themselves"
                if code in _FIELDS_TAKEN
                else "the generator would leave out characters of its name"
            )
            made.append(Made(f"generated as {free}", describe((*place, "properties", name)), why))
        if not chosen:
            return schema
        required = [
            chosen.get(name, name) if isinstance(name, str) else name
            for name in array(schema.get("required"))
        ]
        properties = {chosen.get(name, name): field for name, field in fields.items()}
        new: Schema = {**schema, "properties": properties}
        return {**new, "required": required} if "required" in schema else new

    return wires.with_wires(rewrite(document, rule), noted), made


def _codes(code: str) -> Iterator[str]:
    yield f"{code}_field"
    yield from (f"{code}_{number}" for number in itertools.count(2))


def _first(fields: Iterable[str], code: str) -> str:
    """Which of the fields with one name in the code keeps it."""
    alike = [name for name in fields if wires.in_code(name) == code]
    return code if code in alike else alike[0]
