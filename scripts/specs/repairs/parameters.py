"""Parameters that the generator refuses, forgets, or writes in another way than the API reads."""

import itertools
import re
from collections.abc import Iterator, Mapping

from specs import wire_forms
from specs.documents import Document, Json, array, reference, resolved, table
from specs.repairs import wires
from specs.repairs.made import Made, Result, said
from specs.repairs.operations import Owner, by_operation
from specs.repairs.types import wording
from specs.schemas import Schema

_VARIABLE = re.compile(r"{([^{}/]+)}")
_PLAIN = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*")
_LOCALS = frozenset({"headers", "params", "cookies", "quote"})
"""Names that the code of every operation has a use for."""


def shared_parameters(document: Document) -> Result:
    """Write what a path says for all of its methods out at each; that is no repair."""
    paths = dict[str, Json]()
    for path, item in table(document.get("paths")).items():
        about = dict(table(item))
        shared = array(about.pop("parameters", None))
        if shared:
            about = {
                key: _with_shared(table(value), shared) if isinstance(value, dict) else value
                for key, value in about.items()
            }
        paths[path] = about
    return {**document, "paths": paths}, []


def _with_shared(operation: Owner, shared: list[Json]) -> Owner:
    own = array(operation.get("parameters"))
    keys = {_sign(parameter) for parameter in own}
    return {**operation, "parameters": [*own, *(one for one in shared if _sign(one) not in keys)]}


def _key(parameter: Json) -> tuple[str, str]:
    about = table(parameter)
    return str(about.get("in")), str(about.get("name"))


def _sign(parameter: Json) -> tuple[str, str]:
    """What is the same for two declarations of one parameter: headers have no case."""
    where, name = _key(parameter)
    return where, name.lower() if where == "header" else name


def cookies(document: Document) -> Result:
    """Leave out cookies: whoever calls this API with a key has no session to send.

    The generator would make each one an argument, and httpx warns whenever such one is used.
    """
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        kept = list[Json]()
        for parameter in array(operation.get("parameters")):
            where, name = _key(parameter)
            if where == "cookie":
                place = said(("paths", path, method))
                what = f"left out the cookie {name!r}"
                made.append(Made(what, place, "the SDK sends no cookies"))
            else:
                kept.append(parameter)
        return {**operation, "parameters": kept} if "parameters" in operation else operation

    return by_operation(document, change), made


def repeated_parameters(document: Document) -> Result:
    """Declare each parameter once: the first declaration counts, as it does with the generator."""
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        kept = dict[tuple[str, str], Json]()
        for parameter in array(operation.get("parameters")):
            key = _sign(parameter)
            if key in kept:
                what = f"left out the second declaration of {key[1]!r} ({key[0]})"
                made.append(Made(what, said(("paths", path, method)), "it is declared twice"))
            elif key[0] in ("path", "query", "header", "cookie"):
                kept[key] = parameter
            else:
                what = f"left out the parameter {key[1]!r}"
                why = f"a parameter cannot be in {key[0]!r}"
                made.append(Made(what, said(("paths", path, method)), why))
        return {**operation, "parameters": [*kept.values()]} if kept else operation

    return by_operation(document, change), made


def paths(document: Document) -> Result:
    """Write paths so that they can be filled in: stray braces and odd names of variables."""
    made, new = list[Made](), dict[str, Json]()
    for path, item in table(document.get("paths")).items():
        names = dict[str, str]()
        for variable in dict.fromkeys(_VARIABLE.findall(path)):
            plain = variable.partition(":")[0]
            if not _PLAIN.fullmatch(plain):
                plain = wires.in_code(plain)
            names[variable] = next(one for one in _numbered(plain) if one not in names.values())
        written = _escaped(path, names)
        written = written if written.startswith("/") else f"/{written}"
        if written == path or written in table(document.get("paths")):
            new[path] = item
            continue
        renamed = {old.partition(":")[0]: name for old, name in names.items()} | names
        new[written] = {
            key: _renamed(table(value), renamed) if isinstance(value, dict) else value
            for key, value in table(item).items()
        }
        made.append(Made(f"generated for {written}", path, "the path cannot be filled in as it is"))
    return {**document, "paths": new}, made


def _escaped(path: str, names: Mapping[str, str]) -> str:
    parts = _VARIABLE.split(path)
    return "".join(
        f"{{{names[part]}}}" if index % 2 else part.replace("{", "%7B").replace("}", "%7D")
        for index, part in enumerate(parts)
    )


def _renamed(operation: Owner, names: Mapping[str, str]) -> Owner:
    """An operation whose path parameters have other names, which nobody sees on the wire."""
    return {
        **operation,
        "parameters": [
            {**table(one), "name": names[_key(one)[1]]}
            if _key(one)[0] == "path" and _key(one)[1] in names
            else one
            for one in array(operation.get("parameters"))
        ],
    }


def path_parameters(document: Document) -> Result:
    """Declare what a path has, and nothing else; required, and of a type that it can have."""
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        place = said(("paths", path, method))
        variables, kept = _VARIABLE.findall(path), list[Json]()
        declared = set[str]()
        for one in array(operation.get("parameters")):
            where, name = _key(one)
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
    elif not _kinds(document, schema) <= _IN_PATHS | {_NULL}:
        why = "the generator would not write its type as the API reads it"
    new = {key: value for key, value in parameter.items() if key not in ("content", "style")}
    if why:
        found.append(("took it for a string, to be given as it is sent", why))
        new["schema"] = {"type": "string", **_described(schema)}
    elif _NULL in _kinds(document, schema):
        found.append(("left null out of its types", "a path cannot be without a part of it"))
        new["schema"] = {**_described(schema), **_not_null(table(resolved(document, schema)))}
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


def headers(document: Document) -> Result:
    """Take a header of a type that is no text as a string, to be given as it is sent."""
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        kept = list[Json]()
        for one in array(operation.get("parameters")):
            about = table(one)
            if about.get("in") != "header" or _fits_header(document, about):
                kept.append(one)
            else:
                nullable = _NULL in _kinds(document, about.get("schema"))
                text: Schema = {"type": "string"}
                schema: Schema = {"anyOf": [text, {"type": "null"}]} if nullable else text
                rest = {key: value for key, value in about.items() if key != "content"}
                kept.append({**rest, "schema": {**schema, **_described(about.get("schema"))}})
                place = f"{said(('paths', path, method))}: header {about.get('name')!r}"
                why = "the generator would not write its type as the API reads it"
                made.append(Made("took it for a string, to be given as it is sent", place, why))
        return {**operation, "parameters": kept} if kept else operation

    return by_operation(document, change), made


def query_forms(document: Document) -> Result:
    """Have those parameters written by code of ours that the generator would write otherwise."""
    made = list[Made]()
    noted = dict(wires.wires(document))

    def change(operation: Owner, path: str, method: str) -> Owner:
        kept = list[Json]()
        for one in array(operation.get("parameters")):
            about = table(one)
            form = _form(document, about) if about.get("in") == "query" else ""
            if form:
                name = str(about.get("name"))
                code = wires.in_code(name)
                rest = {k: v for k, v in about.items() if k not in ("content", "style", "explode")}
                kept.append(
                    {
                        **rest,
                        "name": wires.stand_in(noted, code, name, form),
                        "schema": _no_model(document, _schema_of(about)),
                    }
                )
                place = f"{said(('paths', path, method))}: parameter {name!r}"
                why = "the generator knows one way to write a query"
                made.append(Made(f"written by wire_forms.{form}", place, why))
            else:
                kept.append(one)
        return {**operation, "parameters": kept} if kept else operation

    return wires.with_wires(by_operation(document, change), noted), made


def argument_names(document: Document) -> Result:
    """Give arguments names that are no two alike, and that an operation's code has no use for."""
    made = list[Made]()
    noted = dict(wires.wires(document))
    moved = dict[str, dict[str, str]]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        parameters = [table(one) for one in array(operation.get("parameters"))]
        codes = [wires.in_code(str(one.get("name"))) for one in parameters]
        own = _LOCALS | ({"body"} if "requestBody" in operation else set())
        own |= {f"json_{code}" for code in codes}
        kept = list[Json]()
        for one, code in zip(parameters, list(codes), strict=True):
            where, name = _key(one)
            if codes.count(code) == 1 and code not in own and wires.is_kept(name):
                kept.append(one)
                continue
            chosen = next(
                candidate
                for candidate in _numbered(f"{code}_{where}")
                if candidate not in {*codes, *own}
            )
            codes[len(kept)] = chosen
            if where == "path":
                # What a part of a path is called is not sent.
                moved.setdefault(path, {})[name] = chosen
                kept.append({**one, "name": chosen})
            else:
                before = table(noted.get(name))
                wire, form = str(before.get("name", name)), str(before.get("form", ""))
                kept.append({**one, "name": wires.stand_in(noted, chosen, wire, form)})
            shown = str(table(noted.get(name)).get("name", name))
            place = f"{said(('paths', path, method))}: parameter {shown!r} ({where})"
            made.append(Made(f"generated as {chosen}", place, f"{code} is taken in the code"))
        return {**operation, "parameters": kept} if kept else operation

    changed = by_operation(document, change)
    if moved:
        changed = {**changed, "paths": _moved(table(changed.get("paths")), moved)}
    return wires.with_wires(changed, noted), made


def _moved(paths: Owner, moved: Mapping[str, Mapping[str, str]]) -> Owner:
    """Paths with other names for their variables, in all of their operations."""
    new = dict[str, Json]()
    for path, item in paths.items():
        names = moved.get(path)
        if names is None:
            new[path] = item
            continue
        written = _filled(path, names)
        new[written] = {
            key: _renamed(table(value), names) if isinstance(value, dict) else value
            for key, value in table(item).items()
        }
    return new


def _filled(path: str, names: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: f"{{{names.get(found[1], found[1])}}}", path)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))


_NULL = "null"


def _described(schema: Json) -> Schema:
    about = {key: value for key, value in wording(table(schema)).items() if key != "default"}
    default = table(schema).get("default")
    return {**about, "default": default} if isinstance(default, str) else about


def _schema_of(parameter: Owner) -> Json:
    if "schema" in parameter:
        return parameter["schema"]
    content = [*table(parameter.get("content")).values()]
    return table(content[0]).get("schema", {}) if content else {}


def _kinds(document: Document, schema: Json, ring: frozenset[str] = frozenset()) -> set[str]:
    """The types of the values of a schema, with the format of a string, and ? for anything."""
    pointer = reference(schema)
    if pointer is not None:
        if pointer in ring:
            return {"?"}
        return _kinds(document, resolved(document, schema), ring | {pointer})
    about = table(schema)
    nothing = {_NULL} if about.get("nullable") is True else set[str]()
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in array(about.get(key))]
    if parts:
        return nothing.union(*(_kinds(document, part, ring) for part in parts))
    values = about.get("enum")
    if isinstance(values, list) and about.get("type") != "boolean":
        return nothing | {_NULL if value is None else "enum" for value in values}
    kinds = [about.get("type"), *array(about.get("type"))]
    found = {str(kind) for kind in kinds if isinstance(kind, str)}
    if not found:
        found = {"object"} if "properties" in about else {"?"}
    if "const" in about and found - {"string"}:
        found = {"const"}
    if "string" in found and about.get("format") in ("date-time", "date", "uuid", "binary"):
        found = found - {"string"} | {str(about["format"])}
    return nothing | found


_IN_PATHS = frozenset({"string", "integer", "number", "uuid", "date", "enum", "?"})


def _fits_header(document: Document, parameter: Owner) -> bool:
    kinds = _kinds(document, parameter.get("schema"))
    if "content" in parameter or "const" in table(resolved(document, parameter.get("schema"))):
        return False
    if len(kinds) == 1:
        return kinds <= {"string", "integer", "number", "boolean", "enum"}
    # The code for a union passes on what it is given.
    return kinds <= {"string", _NULL} and not _has_constant(document, parameter.get("schema"))


def _has_constant(document: Document, schema: Json, ring: frozenset[str] = frozenset()) -> bool:
    pointer = reference(schema)
    if pointer is not None:
        if pointer in ring:
            return False
        ring |= {pointer}
    about = table(resolved(document, schema))
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in array(about.get(key))]
    return "const" in about or any(_has_constant(document, part, ring) for part in parts)


def _form(document: Document, parameter: Owner) -> str:
    """Which function has to write a parameter of a query; empty if the generator can do it."""
    if wires.MARK in str(parameter.get("name")):
        return ""
    if "content" in parameter and "schema" not in parameter:
        return wire_forms.as_json.__name__
    kinds = _kinds(document, parameter.get("schema"))
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


def _has_objects_in_lists(
    document: Document, schema: Json, ring: frozenset[str] = frozenset()
) -> bool:
    pointer = reference(schema)
    if pointer is not None:
        if pointer in ring:
            return False
        ring |= {pointer}
    about = table(resolved(document, schema))
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in array(about.get(key))]
    items = about.get("items")
    return (isinstance(items, dict) and "object" in _kinds(document, items)) or any(
        _has_objects_in_lists(document, part, ring) for part in parts
    )


def _is_model(document: Document, schema: Json) -> bool:
    about = table(resolved(document, schema))
    return not (about.get("anyOf") or about.get("oneOf") or isinstance(about.get("type"), list))


def _no_model(document: Document, schema: Json) -> Json:
    """The schema so that the generator does not spread an object over the whole query."""
    kinds = _kinds(document, schema)
    if "object" in kinds and _is_model(document, schema):
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
