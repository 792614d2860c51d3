"""Schemas for extraction: what the API can use, made of a type, a JSON Schema or a file.

The API refuses or misreads ``$ref`` and nullable unions. So definitions are inlined, and what
may be null becomes optional instead. What it cannot use at all is reported with its place,
before anything is sent and paid.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, cast
from urllib.parse import unquote

import attrs

from datalab_facade.arguments import checked_path, named
from datalab_facade.errors import (
    InvalidArgumentError,
    InvalidSchemaError,
    LocalFileError,
    SchemaIssue,
)
from datalab_facade.json_forms import JSON
from datalab_facade.workflows.checks import find_json_issues

SchemaSource: TypeAlias = "type[object] | Mapping[str, object] | os.PathLike[str]"
"""A pydantic, dataclass, attrs or TypedDict class, a JSON Schema, or the path of one in a file."""


def schema_of(source: SchemaSource) -> dict[str, JSON]:
    """Return the JSON Schema that is sent for a type, a JSON Schema or a file.

    ``$ref``s are inlined, and nullable unions become optional properties. Descriptions stay.

    >>> schema_of({
    ...     "properties": {
    ...         "total": {"$ref": "#/$defs/Money"},
    ...         "note": {"type": ["string", "null"]},
    ...     },
    ...     "required": ["total", "note"],
    ...     "$defs": {"Money": {"type": "number", "description": "in euros"}},
    ... })
    {'type': 'object',
     'properties': {'total': {'type': 'number', 'description': 'in euros'},
                    'note': {'type': 'string'}},
     'required': ['total']}

    Args:
        source: A pydantic, dataclass, attrs or TypedDict class (for these, pydantic must be
            installed), a JSON Schema, or the path of a file that holds one as JSON.

    Raises:
        InvalidSchemaError: The API cannot use it: it is recursive, an object has no
            properties, it refers elsewhere, or it is not a schema. The error names all places.
        ConfigurationError: It is a class, and pydantic is not installed.
        LocalFileError: The file cannot be read, or is not JSON.
        InvalidArgumentError: The source is something else.
    """
    if isinstance(source, Mapping):
        return _normalized(source)
    if isinstance(source, os.PathLike):
        return _normalized(read_json_file(source), source=os.fspath(source))
    if isinstance(source, type):
        from datalab_facade.documents.type_schemas import json_schema_of

        return _normalized(json_schema_of(source), source=source.__name__)
    hint = "; for the path of a file use a Path" if isinstance(source, str) else ""
    raise InvalidArgumentError(
        f"A schema must be a class, a JSON Schema as a dict or a Path, not {named(source)}{hint}"
    )


def read_json_file(path: os.PathLike[str]) -> JSON:
    """Read a file that holds JSON.

    Raises:
        LocalFileError: It cannot be read, or is not JSON.
    """
    checked = checked_path("path", path)
    try:
        return cast("JSON", json.loads(checked.read_bytes()))
    except OSError as error:
        said = error.strerror or error
        raise LocalFileError(f"{checked} cannot be read: {said}") from error
    except (ValueError, RecursionError):
        raise LocalFileError(f"{checked} is not JSON") from None


_MOST_SCHEMAS: Final = 10_000
_MOST_DEPTH: Final = 100
_DEFINITIONS: Final = ("$defs", "definitions")
_OF_NAMES: Final = ("patternProperties", "dependentSchemas")
_OF_ONE: Final = (
    "items",
    "additionalProperties",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_OF_SEVERAL: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_NOTES: Final = ("title", "description", "default", "examples", "deprecated")


def _normalized(schema: object, source: str | None = None) -> dict[str, JSON]:
    issues = [
        SchemaIssue(place=one.place.removeprefix("schema").lstrip("."), message=one.message)
        for one in find_json_issues(_plain(schema), "schema")
    ]
    if issues:
        raise InvalidSchemaError(tuple(issues), source=source)
    normalization = _Normalization(_plain(schema))
    found = normalization.whole()
    if normalization.issues:
        raise InvalidSchemaError(tuple(normalization.issues), source=source)
    return found


def _plain(schema: object) -> object:
    return dict(schema) if isinstance(schema, Mapping) else schema


class _TooLargeError(Exception):
    """The schema is too large, so that checking the rest is of no use."""


@attrs.frozen
class _Where:
    """A place in the data that a schema describes, and how the schema came there."""

    place: str = ""
    refs: tuple[str, ...] = ("#",)
    depth: int = 0

    def field(self, name: str) -> _Where:
        return self._inside(f"{self.place}.{name}" if self.place else name)

    def item(self) -> _Where:
        return self._inside(f"{self.place}[]")

    def part(self) -> _Where:
        return self._inside(self.place)

    def through(self, ref: str) -> _Where:
        return attrs.evolve(self, refs=(*self.refs, ref))

    def _inside(self, place: str) -> _Where:
        return attrs.evolve(self, place=place, depth=self.depth + 1)


class _Normalization:
    """One schema on its way to what the API can use; collects what is wrong with it."""

    def __init__(self, root: object) -> None:
        self.issues: list[SchemaIssue] = []
        self._root = root
        self._count = 0

    def whole(self) -> dict[str, JSON]:
        try:
            found, _ = self._schema(self._root, _Where())
        except _TooLargeError:
            return {}
        if not isinstance(found, dict) or (not self.issues and not found.get("properties")):
            self._add(_Where(), "must describe an object with 'properties'")
            return {}
        if found.setdefault("type", "object") != "object":
            self._add(_Where(), f"must be of type 'object', not {named(found['type'])}")
        return {"type": found.pop("type"), **found}

    def _add(self, where: _Where, message: str) -> None:
        issue = SchemaIssue(place=where.place, message=message)
        if issue not in self.issues:
            self.issues.append(issue)

    def _schema(self, value: object, where: _Where) -> tuple[JSON, bool]:
        """Return a schema as the API can use it, and whether its value may be null."""
        self._count += 1
        if self._count > _MOST_SCHEMAS or where.depth > _MOST_DEPTH:
            self._add(where, "is too large or too deep once its $refs are inlined")
            raise _TooLargeError
        if isinstance(value, bool):
            return value, False
        if not isinstance(value, Mapping):
            self._add(where, f"must be a schema, not {named(value)}")
            return {}, False
        merged, where = self._without_ref(value, where)
        found = {
            name: self._keyword(name, inner, where)
            for name, inner in merged.items()
            if name not in (*_DEFINITIONS, "properties", "anyOf", "oneOf")
        }
        if "properties" in merged:
            self._properties(found, merged["properties"], where)
        nullable = _drop_null(found)
        for union in ("anyOf", "oneOf"):
            if union in merged and self._union(found, union, merged[union], where):
                nullable = True
        _merge_single(found, "allOf")
        if nullable and "default" in found and found["default"] is None:
            del found["default"]
        is_object = found.get("type") == "object" and not any(one in found for one in _OF_SEVERAL)
        if is_object and not found.get("properties"):
            self._add(where, "is an object without properties; name its properties")
        return found, nullable

    def _without_ref(
        self, value: Mapping[str, object], where: _Where
    ) -> tuple[dict[str, object], _Where]:
        merged = dict(value)
        while "$ref" in merged:
            ref = merged.pop("$ref")
            target = self._target(ref)
            if ref in where.refs:
                self._add(where, f"refers to itself through {ref}; recursion cannot be extracted")
                return {}, where
            if not isinstance(target, Mapping):
                self._add(where, f"refers to {named(ref)}, which is not in the schema")
                return {}, where
            where = where.through(cast("str", ref))
            # What stands beside a reference, such as a description, comes first.
            merged = {**target, **merged}
        return merged, where

    def _target(self, ref: object) -> object:
        if not isinstance(ref, str) or not ref.startswith("#"):
            return None
        found = self._root
        for part in unquote(ref[1:]).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping):
                found = found.get(name)
            elif isinstance(found, list) and re.fullmatch("[0-9]{1,6}", name):
                found = dict(enumerate(found)).get(int(name))
            else:
                return None
        return found

    def _keyword(self, name: str, value: object, where: _Where) -> JSON:
        if name in _OF_NAMES and isinstance(value, Mapping):
            return {key: self._schema(one, where.field(key))[0] for key, one in value.items()}
        if name in _OF_SEVERAL or (name == "items" and isinstance(value, list)):
            return [self._schema(one, where.part())[0] for one in self._several(value, where)]
        if name in _OF_ONE:
            inside = where.item() if name in ("items", "contains") else where.part()
            return self._schema(value, inside)[0]
        return cast("JSON", value)

    def _several(self, value: object, where: _Where) -> Iterator[object]:
        if isinstance(value, list):
            yield from value
        else:
            self._add(where, f"has {named(value)} where a list of schemas belongs")

    def _properties(self, found: dict[str, JSON], properties: object, where: _Where) -> None:
        if not isinstance(properties, Mapping):
            self._add(where, f"has properties that are not an object but {named(properties)}")
            return
        kept: dict[str, JSON] = {}
        optional: set[str] = set()
        for name, one in properties.items():
            kept[name], nullable = self._schema(one, where.field(name))
            if nullable:
                optional.add(name)
        required = found.pop("required", None)
        found["properties"] = kept
        if isinstance(required, list) and all(isinstance(name, str) for name in required):
            left: list[JSON] = [name for name in required if name not in optional]
            if left:
                found["required"] = left
        elif required is not None:
            self._add(where, f"has a required that is not a list of names but {named(required)}")

    def _union(self, found: dict[str, JSON], union: str, value: object, where: _Where) -> bool:
        branches: list[JSON] = []
        nullable = False
        for one in self._several(value, where):
            branch, is_nullable = self._schema(one, where.part())
            nullable = nullable or is_nullable or _is_null(branch)
            if not _is_null(branch):
                branches.append(branch)
        if branches:
            found[union] = branches
            _merge_single(found, union)
        elif nullable:
            found["type"] = "null"
        return nullable


def _is_null(schema: JSON) -> bool:
    return isinstance(schema, dict) and (
        schema.get("type") == "null"
        or schema.get("enum") == [None]
        or ("const" in schema and schema["const"] is None)
    )


def _drop_null(schema: dict[str, JSON]) -> bool:
    """Take null out of what a value may be; return whether it was in."""
    nullable = schema.pop("nullable", False) is True
    types = schema.get("type")
    if isinstance(types, list) and "null" in types and len(types) > 1:
        left = [one for one in types if one != "null"]
        schema["type"] = left[0] if len(left) == 1 else left
        nullable = True
    values = schema.get("enum")
    if isinstance(values, list) and None in values and len(values) > 1:
        schema["enum"] = [one for one in values if one is not None]
        nullable = True
    return nullable


def _merge_single(schema: dict[str, JSON], union: str) -> None:
    """Replace a union of one schema by that schema; what stands beside it comes first."""
    branches = schema.get(union)
    branch = branches[0] if isinstance(branches, list) and len(branches) == 1 else None
    if not isinstance(branch, dict):
        return
    beside = {name: value for name, value in schema.items() if name != union}
    both = beside.keys() & branch.keys()
    if all(name in _NOTES or branch[name] == beside[name] for name in both):
        schema.clear()
        schema.update({**branch, **beside})
