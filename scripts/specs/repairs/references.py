"""References that the generator cannot follow, and components that are nothing but references."""

import re
from collections.abc import Iterable, Mapping

from specs.documents import (
    METHODS,
    Document,
    Json,
    array,
    pointed_to,
    reference,
    references,
    resolve,
    steps,
    table,
)
from specs.repairs.made import Made, Mended, Result
from specs.schemas import Place, Schema, schemas

_SCHEMA = "#/components/schemas/"
_ANNOTATIONS = frozenset({"title", "description", "default", "example", "deprecated", "nullable"})
_SECTIONS = frozenset(
    {"parameters", "requestBodies", "responses", "pathItems", "headers", "examples", "links"}
    | {"callbacks"}
)


def shared_parts(document: Document) -> Result:
    """Write out what lies in components and is no schema where it is used.

    The generator follows some of these references, one step far; this is a way of writing, so it is
    no repair.
    """
    paths = dict[str, Json]()
    for path, item in table(document.get("paths")).items():
        new = dict(table(resolve(document, item)))
        _write_out_parameters(document, new)
        for method in METHODS:
            if isinstance(new.get(method), dict):
                operation = dict(table(new[method]))
                _write_out_parameters(document, operation)
                if "requestBody" in operation:
                    operation["requestBody"] = resolve(document, operation["requestBody"])
                if isinstance(operation.get("responses"), dict):
                    operation["responses"] = {
                        status: resolve(document, response)
                        for status, response in table(operation["responses"]).items()
                    }
                new[method] = operation
        paths[path] = new
    new_document = {**document, "paths": paths}
    if "components" in document:
        new_document["components"] = {
            section: entries
            for section, entries in table(document["components"]).items()
            if section not in _SECTIONS
        }
    return new_document, []


def _write_out_parameters(document: Document, owner: dict[str, Json]) -> None:
    if "parameters" in owner:
        owner["parameters"] = [
            resolve(document, parameter) for parameter in array(owner["parameters"])
        ]


def inner_targets(document: Document) -> Result:
    """Make a component of what a reference points to that is none, so that it has a name."""
    found = sorted(
        pointer
        for pointer in {reference(schema) for schema, _ in schemas(document)}
        if pointer is not None and pointer.startswith("#/") and not _is_component(pointer)
    )
    if not found:
        return document, []
    made = list[Made]()
    components = dict(table(document.get("components")))
    entries = dict(table(components.get("schemas")))
    renamed = dict[str, str]()
    for pointer in found:
        words = re.findall(r"[A-Za-z0-9]+", " ".join(steps(pointer)[-3:]))
        name = _free("".join(word[:1].upper() + word[1:] for word in words), entries)
        entries[name] = pointed_to(document, pointer)
        renamed[pointer] = f"{_SCHEMA}{name}"
        why = "the generator knows a schema by the name of its component only"
        made.append(Made(f"made a component {name} of it", pointer, why))
    new = {**document, "components": {**components, "schemas": entries}}
    return table(repoint(new, renamed)), made


def only_references(document: Document) -> Result:
    """Take the target of a component that is only a reference for it."""
    entries = table(table(document.get("components")).get("schemas"))
    alias = dict[str, str]()
    for name, schema in entries.items():
        target = _target(schema)
        if target is not None:
            alias[f"{_SCHEMA}{name}"] = target
    if not alias:
        return document, []
    made, renamed = list[Made](), dict[str, str]()
    for pointer in alias:
        seen, target = {pointer}, alias[pointer]
        while target in alias and target not in seen:
            seen.add(target)
            target = alias[target]
        if target in alias or pointed_to(document, target) is None:
            continue
        renamed[pointer] = target
        what = f"took {target.rpartition('/')[2]} for it"
        name = pointer.removeprefix(_SCHEMA)
        made.append(Made(what, f"schema {name}", "it is only another name for that"))
    kept = {name: schema for name, schema in entries.items() if f"{_SCHEMA}{name}" not in renamed}
    components = {**table(document["components"]), "schemas": kept}
    return table(repoint({**document, "components": components}, renamed)), made


def _target(schema: Json) -> str | None:
    pointer = reference(schema)
    if pointer is not None:
        return pointer if _is_component(pointer) else None
    keys = table(schema).keys() - _ANNOTATIONS
    for keyword in ("allOf", "anyOf", "oneOf"):
        parts = array(table(schema).get(keyword))
        if keys == {keyword} and len(parts) == 1 and not table(schema).get("nullable"):
            only = reference(parts[0])
            return only if only is not None and _is_component(only) else None
    return None


def endless_aliases(document: Document) -> Result:
    """Let a union or list that contains itself contain anything instead.

    A class of the generator's may contain itself; these are no classes, only names for types.
    """
    entries = table(table(document.get("components")).get("schemas"))
    names = {f"{_SCHEMA}{name}" for name, schema in entries.items() if not is_class(schema)}
    made = list[Made]()
    done = set[str]()
    cut = dict[str, set[str]]()

    def follow(pointer: str, path: tuple[str, ...]) -> None:
        if pointer in done:
            return
        for other in dict.fromkeys(references(entries[pointer.removeprefix(_SCHEMA)])):
            if other not in names:
                continue
            if other == pointer or other in path:
                cut.setdefault(pointer, set()).add(other)
            else:
                follow(other, (*path, pointer))
        done.add(pointer)

    for pointer in sorted(names):
        follow(pointer, ())
    if not cut:
        return document, []
    new = dict(entries)
    for pointer, targets in cut.items():
        name = pointer.removeprefix(_SCHEMA)
        new[name] = _opened(entries[name], targets)
        what = "let it contain anything where it would contain itself"
        made.append(Made(what, f"schema {name}", "the generator has no type for what has no end"))
    return {**document, "components": {**table(document["components"]), "schemas": new}}, made


def is_class(schema: Json) -> bool:
    """Whether the generator makes a class of a component, which others can refer to at once."""
    about = table(schema)
    if any(about.get(keyword) for keyword in ("anyOf", "oneOf")) or isinstance(
        about.get("type"), list
    ):
        return False
    if about.get("enum"):
        return about.get("type") != "boolean"
    return about.get("type") == "object" or bool(about.get("allOf")) or "properties" in about


def _opened(value: Json, targets: set[str]) -> Json:
    if isinstance(value, list):
        return [_opened(item, targets) for item in value]
    if isinstance(value, dict):
        if value.get("$ref") in targets:
            return {}
        return {key: _opened(item, targets) for key, item in value.items()}
    return value


def siblings_of_references(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Leave what stands beside a `$ref` out, if it is a default or a wording: nobody reads it."""
    if "$ref" not in schema or schema.keys() == {"$ref"}:
        return None
    beside = schema.keys() - _ANNOTATIONS - {"$ref"}
    if {"properties", "required", "additionalProperties"} & beside:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        new: Schema = {"allOf": [{"$ref": schema["$ref"]}, rest]}
        return new, "joined it with what stands beside its $ref", "both hold"
    return None


def repoint(value: Json, pointers: Mapping[str, str]) -> Json:
    """The value with each `$ref` that is named pointing elsewhere."""
    if isinstance(value, list):
        return [repoint(item, pointers) for item in value]
    if not isinstance(value, dict):
        return value
    new = {key: repoint(item, pointers) for key, item in value.items()}
    pointer = value.get("$ref")
    if isinstance(pointer, str) and pointer in pointers:
        new["$ref"] = pointers[pointer]
    return new


def _is_component(pointer: str) -> bool:
    return pointer.startswith(_SCHEMA) and "/" not in pointer.removeprefix(_SCHEMA)


def _free(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number, chosen = 1, name or "Part"
    while chosen in names:
        number += 1
        chosen = f"{name or 'Part'}{number}"
    return chosen
