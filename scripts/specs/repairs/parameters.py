"""Parameters that are declared otherwise than the generator reads, and their names."""

import itertools
from collections.abc import Iterator, Mapping

from specs.documents import VARIABLE, Document, Json, array, table
from specs.repairs import wires
from specs.repairs.made import Made, Result, describe
from specs.repairs.operations import Owner, by_operation, by_parameter

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


def key_of(parameter: Json) -> tuple[str, str]:
    """Where a parameter is, and what it is called."""
    about = table(parameter)
    return str(about.get("in")), str(about.get("name"))


def _sign(parameter: Json) -> tuple[str, str]:
    """What is the same for two declarations of one parameter: headers have no case."""
    where, name = key_of(parameter)
    return where, name.lower() if where == "header" else name


def cookies(document: Document) -> Result:
    """Leave out cookies: whoever calls this API with a key has no session to send.

    The generator would make each one an argument, and httpx warns whenever such one is used.
    """
    made = list[Made]()

    def change(parameter: Json, place: str) -> Json:
        where, name = key_of(parameter)
        if where != "cookie":
            return parameter
        made.append(Made(f"left out the cookie {name!r}", place, "the SDK sends no cookies"))
        return None

    return by_parameter(document, change), made


def repeated_parameters(document: Document) -> Result:
    """Declare each parameter once: the first declaration counts, as it does with the generator."""
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        kept = dict[tuple[str, str], Json]()
        for parameter in array(operation.get("parameters")):
            key = _sign(parameter)
            if key in kept:
                what = f"left out the second declaration of {key[1]!r} ({key[0]})"
                made.append(Made(what, describe(("paths", path, method)), "it is declared twice"))
            elif key[0] in ("path", "query", "header", "cookie"):
                kept[key] = parameter
            else:
                what = f"left out the parameter {key[1]!r}"
                why = f"a parameter cannot be in {key[0]!r}"
                made.append(Made(what, describe(("paths", path, method)), why))
        return {**operation, "parameters": [*kept.values()]} if kept else operation

    return by_operation(document, change), made


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
            where, name = key_of(one)
            if codes.count(code) == 1 and code not in own and wires.is_kept(name):
                kept.append(one)
                continue
            chosen = next(
                candidate
                for candidate in candidates(f"{code}_{where}")
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
            place = f"{describe(('paths', path, method))}: parameter {shown!r} ({where})"
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
            key: rename(table(value), names) if isinstance(value, dict) else value
            for key, value in table(item).items()
        }
    return new


def _filled(path: str, names: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: f"{{{names.get(found[1], found[1])}}}", path)


def rename(operation: Owner, names: Mapping[str, str]) -> Owner:
    """An operation whose path parameters have other names, which nobody sees on the wire."""
    return {
        **operation,
        "parameters": [
            {**table(one), "name": names[key_of(one)[1]]}
            if key_of(one)[0] == "path" and key_of(one)[1] in names
            else one
            for one in array(operation.get("parameters"))
        ],
    }


def candidates(name: str) -> Iterator[str]:
    """A name, and as many as it takes with a number after it."""
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))
