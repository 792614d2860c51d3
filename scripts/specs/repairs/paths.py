"""Paths that cannot be filled in as they are, and what stands in them."""

import re
from collections.abc import Mapping

from specs.documents import VARIABLE, Document, Json, array, reference, resolve, table
from specs.repairs import wires
from specs.repairs.made import Made, Result, describe
from specs.repairs.operations import Owner, by_operation
from specs.repairs.parameters import candidates, key_of, rename
from specs.repairs.styles import NULL, kinds_of, words_of
from specs.schemas import Schema

_PLAIN = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*")
_IN_PATHS = frozenset({"string", "integer", "number", "uuid", "date", "enum", "?"})


def paths(document: Document) -> Result:
    """Write paths so that they can be filled in: stray braces and odd names of variables."""
    made, new = list[Made](), dict[str, Json]()
    for path, item in table(document.get("paths")).items():
        names = dict[str, str]()
        for variable in dict.fromkeys(VARIABLE.findall(path)):
            plain = variable.partition(":")[0]
            if not _PLAIN.fullmatch(plain):
                plain = wires.in_code(plain)
            names[variable] = next(one for one in candidates(plain) if one not in names.values())
        written = _escaped(path, names)
        written = written if written.startswith("/") else f"/{written}"
        if written == path or written in table(document.get("paths")):
            new[path] = item
            continue
        renamed = {old.partition(":")[0]: name for old, name in names.items()} | names
        new[written] = {
            key: rename(table(value), renamed) if isinstance(value, dict) else value
            for key, value in table(item).items()
        }
        made.append(Made(f"generated for {written}", path, "the path cannot be filled in as it is"))
    return {**document, "paths": new}, made


def _escaped(path: str, names: Mapping[str, str]) -> str:
    parts = VARIABLE.split(path)
    return "".join(
        f"{{{names[part]}}}" if index % 2 else part.replace("{", "%7B").replace("}", "%7D")
        for index, part in enumerate(parts)
    )


def path_parameters(document: Document) -> Result:
    """Declare what a path has, and nothing else; required, and of a type that it can have."""
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        place = describe(("paths", path, method))
        variables, kept = VARIABLE.findall(path), list[Json]()
        declared = set[str]()
        for one in array(operation.get("parameters")):
            where, name = key_of(one)
            if where == "path":
                if name not in variables:
                    what = f"left out the parameter {name!r} (path)"
                    made.append(Made(what, place, "the path has no such variable"))
                    continue
                declared.add(name)
                written, found = _in_path(document, table(one))
                made.extend(Made(what, f"{place}: parameter {name!r}", why) for what, why in found)
                kept.append(written)
            else:
                kept.append(one)
        for name in dict.fromkeys(variables):
            if name not in declared:
                kept.append(
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                )
                made.append(Made(f"declared {name!r} as a string", place, "the path has it"))
        return {**operation, "parameters": kept} if kept else operation

    return by_operation(document, change), made


def _in_path(document: Document, parameter: Owner) -> tuple[Owner, list[tuple[str, str]]]:
    found = list[tuple[str, str]]()
    schema, why = parameter.get("schema"), ""
    if parameter.get("style", "simple") != "simple" or "content" in parameter:
        why = "the generator knows one way to write a path"
    elif not kinds_of(document, schema) <= _IN_PATHS | {NULL}:
        why = "the generator would not write its type as the API reads it"
    new = {key: value for key, value in parameter.items() if key not in ("content", "style")}
    if why:
        found.append(("took it for a string, to be given as it is sent", why))
        new["schema"] = {"type": "string", **words_of(schema)}
    elif NULL in kinds_of(document, schema):
        found.append(("left null out of its types", "a path cannot be without a part of it"))
        new["schema"] = {**words_of(schema), **_not_null(table(resolve(document, schema)))}
    if "default" in table(new.get("schema")):
        found.append(("left out its default", "a part of a path is always given"))
        new["schema"] = {k: v for k, v in table(new["schema"]).items() if k != "default"}
    if parameter.get("required") is not True:
        found.append(("made it required", "a path cannot be without a part of it"))
    return {**new, "required": True}, found


def _not_null(schema: Schema) -> Schema:
    """A schema without null among its alternatives."""
    new = {key: value for key, value in schema.items() if key != "nullable"}
    for keyword in ("anyOf", "oneOf"):
        if isinstance(schema.get(keyword), list):
            parts = [one for one in array(schema[keyword]) if table(one).get("type") != "null"]
            if len(parts) == 1:
                rest = {key: value for key, value in new.items() if key not in (keyword, "default")}
                return {**table(parts[0]), **rest} if not reference(parts[0]) else table(parts[0])
            new[keyword] = parts
    kinds = [kind for kind in array(schema.get("type")) if kind != "null"]
    if kinds:
        new["type"] = kinds[0] if len(kinds) == 1 else kinds
    if isinstance(schema.get("enum"), list):
        new["enum"] = [value for value in array(schema["enum"]) if value is not None]
    return new
