"""Going through every schema of a document, and through nothing else that only looks like one."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from specs.documents import METHODS, Document, Json, array, table

Schema: TypeAlias = dict[str, Json]
Place: TypeAlias = tuple[str, ...]
Rule: TypeAlias = Callable[[Schema, Place], Schema]

_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_ONE = ("items", "additionalProperties")


def rewrite(document: Document, rule: Rule) -> Document:
    """The document with each schema as the rule wants it, the outer ones before the inner ones."""

    def schema(value: Json, place: Place) -> Json:
        if not isinstance(value, dict):
            return value
        return _inside(rule(value, place), place, schema)

    return _around(document, schema)


def schemas(document: Document) -> Iterator[tuple[Schema, Place]]:
    """Every schema with its place, the outer ones before the inner ones."""
    found = list[tuple[Schema, Place]]()

    def note(schema: Schema, place: Place) -> Schema:
        found.append((schema, place))
        return schema

    _ = rewrite(document, note)
    return iter(found)


def within(schema: Schema, place: Place, rule: Rule) -> Schema:
    """A schema and those inside of it, each as the rule wants it."""

    def visit(value: Json, there: Place) -> Json:
        return _inside(rule(value, there), there, visit) if isinstance(value, dict) else value

    return table(visit(schema, place))


_Visit: TypeAlias = Callable[[Json, Place], Json]


def _inside(schema: Schema, place: Place, visit: _Visit) -> Schema:
    new = dict(schema)
    for keyword in _ONE:
        if isinstance(new.get(keyword), dict):
            new[keyword] = visit(new[keyword], (*place, keyword))
    for keyword in _MANY:
        if isinstance(new.get(keyword), list):
            new[keyword] = [
                visit(part, (*place, keyword, str(index)))
                for index, part in enumerate(array(new[keyword]))
            ]
    if isinstance(new.get("properties"), dict):
        new["properties"] = {
            name: visit(part, (*place, "properties", name))
            for name, part in table(new["properties"]).items()
        }
    return new


def _around(document: Document, visit: _Visit) -> Document:
    new = dict(document)
    if isinstance(new.get("components"), dict):
        components = dict(table(new["components"]))
        for section, step in (
            ("parameters", _parameter),
            ("requestBodies", _content),
            ("responses", _content),
        ):
            if isinstance(components.get(section), dict):
                components[section] = {
                    name: step(entry, ("components", section, name), visit)
                    for name, entry in table(components[section]).items()
                }
        if isinstance(components.get("schemas"), dict):
            components["schemas"] = {
                name: visit(schema, ("components", "schemas", name))
                for name, schema in table(components["schemas"]).items()
            }
        new["components"] = components
    if isinstance(new.get("paths"), dict):
        new["paths"] = {
            path: _item(item, ("paths", path), visit) for path, item in table(new["paths"]).items()
        }
    return new


def _item(item: Json, place: Place, visit: _Visit) -> Json:
    if not isinstance(item, dict):
        return item
    new = _parameters(item, place, visit)
    for method in METHODS:
        operation = item.get(method)
        if isinstance(operation, dict):
            there = (*place, method)
            mended = _parameters(operation, there, visit)
            if isinstance(operation.get("requestBody"), dict):
                body = (*there, "requestBody")
                mended["requestBody"] = _content(operation["requestBody"], body, visit)
            if isinstance(operation.get("responses"), dict):
                mended["responses"] = {
                    status: _content(response, (*there, "responses", status), visit)
                    for status, response in table(operation["responses"]).items()
                }
            new[method] = mended
    return new


def _parameters(owner: Mapping[str, Json], place: Place, visit: _Visit) -> dict[str, Json]:
    new = dict(owner)
    if isinstance(owner.get("parameters"), list):
        new["parameters"] = [
            _parameter(parameter, (*place, "parameters", str(index)), visit)
            for index, parameter in enumerate(array(owner["parameters"]))
        ]
    return new


def _parameter(parameter: Json, place: Place, visit: _Visit) -> Json:
    if isinstance(parameter, dict) and isinstance(parameter.get("schema"), dict):
        schema = visit(parameter["schema"], (*place, "schema"))
        parameter = {**parameter, "schema": schema}
    return _content(parameter, place, visit)


def _content(owner: Json, place: Place, visit: _Visit) -> Json:
    if not isinstance(owner, dict) or not isinstance(owner.get("content"), dict):
        return owner
    content = dict[str, Json]()
    for media, about in table(owner["content"]).items():
        there = (*place, "content", media, "schema")
        content[media] = (
            {**about, "schema": visit(about["schema"], there)}
            if isinstance(about, dict) and isinstance(about.get("schema"), dict)
            else about
        )
    return {**owner, "content": content}
