"""What a document says at places where OpenAPI 3.1 does not take it, or in another form."""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import unquote

from specs.documents import METHODS, Document, Json, array, table
from specs.repairs.made import Made, Mended, Result, describe
from specs.schemas import Place, Schema

_KNOWN: Mapping[str, frozenset[str]] = {
    "document": frozenset(
        {"openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components"}
        | {"security", "tags", "externalDocs"}
    ),
    "path": frozenset({"$ref", "summary", "description", "servers", "parameters", *METHODS}),
    "operation": frozenset(
        {"tags", "summary", "description", "externalDocs", "operationId", "parameters"}
        | {"requestBody", "responses", "callbacks", "deprecated", "security", "servers"}
    ),
    "parameter": frozenset(
        {"$ref", "name", "in", "description", "required", "deprecated", "allowEmptyValue"}
        | {"style", "explode", "allowReserved", "schema", "content", "example", "examples"}
    ),
    "body": frozenset({"$ref", "description", "content", "required"}),
    "response": frozenset({"$ref", "description", "headers", "content", "links", "summary"}),
    "media type": frozenset({"schema", "example", "examples", "encoding"}),
}

_UNREAD = frozenset({"callbacks", "links", "servers", "externalDocs", "headers", "encoding"}) | {
    "example",
    "examples",
}
"""Beside schemas, what no generated code depends on, so that no fault in it matters."""

_UNREAD_IN_SCHEMAS = frozenset(
    {"examples", "discriminator", "xml", "externalDocs", "not", "if", "then", "else", "contains"}
    | {"propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "pattern"}
    | {"patternProperties", "unevaluatedProperties", "unevaluatedItems", "contentSchema"}
    | {"minContains", "maxContains", "uniqueItems", "multipleOf", "$comment", "$schema", "$id"}
    | {"$anchor", "$dynamicAnchor", "$vocabulary", "minLength", "maxLength", "minItems"}
    | {"maxItems", "minProperties", "maxProperties"}
)

_LIMITS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))


def unread(document: Document) -> Result:
    """Leave out what no generated code depends on; that is no repair, and nobody is told."""
    new = {
        key: value
        for key, value in document.items()
        if key not in {"webhooks", "servers", "tags", "externalDocs", "jsonSchemaDialect"}
    }
    return _each_owner(new, lambda _, owner, __: _without(owner, _UNREAD)), []


def foreign_keys(document: Document) -> Result:
    """Leave out keys that OpenAPI does not know, such as a description in a media type."""
    made = list[Made]()

    def known(kind: str, owner: dict[str, Json], place: Place) -> dict[str, Json]:
        foreign = {key for key in owner if key not in _KNOWN[kind] and not key.startswith("x-")}
        for key in sorted(foreign):
            what = f"left out the key {key!r}"
            made.append(Made(what, describe(place), f"a {kind} of OpenAPI has no such key"))
        return _without(owner, foreign)

    new = known("document", document, ("document",))
    return _each_owner(new, known), made


def version(document: Document) -> Result:
    """Read a document of OpenAPI 3.0 as one of 3.1, which the keywords of many are from anyway."""
    if not str(document.get("openapi")).startswith("3.0"):
        return document, []
    why = "FastAPI says 3.0 of documents whose schemas are those of 3.1, too"
    return {**document, "openapi": "3.1.0"}, [Made("read as OpenAPI 3.1", "document", why)]


def component_names(document: Document) -> Result:
    """Give names that OpenAPI allows to components, and to whatever refers to them."""
    made = list[Made]()
    components = dict(table(document.get("components")))
    renamed = dict[str, str]()
    for section, entries in components.items():
        names = dict[str, Json]()
        taken = set(table(entries))
        for name, entry in table(entries).items():
            chosen = _allowed(name, taken) if re.search(r"[^\w.-]|[^\x00-\x7f]", name) else name
            names[chosen] = entry
            if chosen != name:
                taken.add(chosen)
                renamed[f"#/components/{section}/{name}"] = f"#/components/{section}/{chosen}"
                what = f"called it {chosen}"
                why = "the name of a component is of letters, digits and -._"
                made.append(Made(what, describe(("components", section, name)), why))
        if not section.startswith("x-"):
            components[section] = names
    if not made:
        return document, []
    schemes = {
        old.rpartition("/")[2]: new.rpartition("/")[2]
        for old, new in renamed.items()
        if "/securitySchemes/" in old
    }
    new = _renamed({**document, "components": components}, renamed, schemes)
    return table(new), made


def _allowed(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_") or "unnamed"
    return next(
        candidate
        for candidate in [plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3))]
        if candidate not in taken
    )


def _renamed(value: Json, pointers: Mapping[str, str], schemes: Mapping[str, str]) -> Json:
    if isinstance(value, list):
        return [_renamed(item, pointers, schemes) for item in value]
    if not isinstance(value, dict):
        return value
    new = {key: _renamed(item, pointers, schemes) for key, item in value.items()}
    pointer = value.get("$ref")
    if isinstance(pointer, str):
        decoded = _decoded(pointer)
        for old, chosen in pointers.items():
            if decoded == old or decoded.startswith(f"{old}/"):
                new["$ref"] = chosen + decoded.removeprefix(old)
    if isinstance(value.get("security"), list):
        new["security"] = [
            {schemes.get(name, name): scopes for name, scopes in table(entry).items()}
            for entry in array(value["security"])
        ]
    return new


def _decoded(pointer: str) -> str:
    return unquote(pointer).replace("~1", "/").replace("~0", "~")


def exclusive_limits(_: Document, schema: Schema, __: Place) -> Mended | None:
    """Say a limit that is excluded as 3.1 does, with a number of its own."""
    new = dict(schema)
    for exclusive, inclusive in _LIMITS:
        flag = new.get(exclusive)
        if isinstance(flag, bool):
            del new[exclusive]
            if flag and inclusive in schema:
                new[exclusive] = schema[inclusive]
                del new[inclusive]
    if new == schema:
        return None
    return new, "wrote the excluded limit as a number", "that is how OpenAPI 3.1 has it"


def without_unread(_: Document, schema: Schema, __: Place) -> Schema:
    """A schema without the keywords that no generated code depends on."""
    return _without(schema, _UNREAD_IN_SCHEMAS)


def repeated_required(_: Document, schema: Schema, __: Place) -> Mended | None:
    """List each required field once."""
    required = schema.get("required")
    if isinstance(required, list):
        names: list[Json] = [*dict.fromkeys(name for name in required if isinstance(name, str))]
        if names == required:
            return None
        return {**schema, "required": names}, "listed each required field once", _TWICE
    if "required" in schema:
        new = _without(schema, {"required"})
        return new, "left out 'required'", "it is a list of names, and this is none"
    return None


_TWICE = "a name is there twice, or is none"

_Owner: TypeAlias = Callable[[str, dict[str, Json], Place], dict[str, Json]]


def _without(owner: Mapping[str, Json], keys: frozenset[str] | set[str]) -> dict[str, Json]:
    return {key: value for key, value in owner.items() if key not in keys}


def _each_owner(document: Document, change: _Owner) -> Document:
    """The document with each of the objects around its schemas changed; in order, outer first."""
    new = dict(document)
    paths = dict[str, Json]()
    for path, item in table(document.get("paths")).items():
        if path.startswith("x-"):
            continue
        paths[path] = _owned_item(change, item, ("paths", path))
    new["paths"] = paths
    if isinstance(document.get("components"), dict):
        components = dict(table(document["components"]))
        for section, kind in (
            ("parameters", "parameter"),
            ("requestBodies", "body"),
            ("responses", "response"),
        ):
            if isinstance(components.get(section), dict):
                components[section] = {
                    name: _owned(change, kind, entry, ("components", section, name))
                    for name, entry in table(components[section]).items()
                }
        new["components"] = components
    return new


def _owned_item(change: _Owner, item: Json, place: Place) -> Json:
    if not isinstance(item, dict):
        return item
    new = change("path", item, place)
    _own_parameters(change, new, place)
    for method in METHODS:
        if isinstance(new.get(method), dict):
            there = (*place, method)
            operation = change("operation", table(new[method]), there)
            _own_parameters(change, operation, there)
            if isinstance(operation.get("requestBody"), dict):
                body = (*there, "requestBody")
                operation["requestBody"] = _owned(change, "body", operation["requestBody"], body)
            if isinstance(operation.get("responses"), dict):
                operation["responses"] = {
                    status: _owned(change, "response", response, (*there, "responses", status))
                    for status, response in table(operation["responses"]).items()
                    if not status.startswith("x-")
                }
            new[method] = operation
    return new


def _own_parameters(change: _Owner, owner: dict[str, Json], place: Place) -> None:
    if isinstance(owner.get("parameters"), list):
        owner["parameters"] = [
            _owned(change, "parameter", parameter, (*place, "parameters", str(index)))
            for index, parameter in enumerate(array(owner["parameters"]))
        ]


def _owned(change: _Owner, kind: str, owner: Json, place: Place) -> Json:
    if not isinstance(owner, dict):
        return owner
    new = change(kind, owner, place)
    if isinstance(new.get("content"), dict):
        new["content"] = {
            media: change("media type", about, (*place, "content", media))
            if isinstance(about, dict)
            else about
            for media, about in table(new["content"]).items()
        }
    return new
