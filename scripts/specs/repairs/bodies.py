"""Bodies of requests and answers that the generator does not know the content type or schema of."""

import re
from collections.abc import Iterable, Mapping

from specs.documents import Document, Json, array, reference, references, resolve, table
from specs.repairs.made import Made, Result, describe
from specs.repairs.operations import Owner, by_operation
from specs.repairs.types import is_anything, wording
from specs.schemas import Place, Schema, rewrite, within
from specs.shapes import canonical

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
OCTETS = "application/octet-stream"
JSON = "application/json"
_TEXT = "text/x-any"
_KEY = "x-content-types"
_SCHEMA = "#/components/schemas/"
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;.*)?", re.ASCII)


def content_types(document: Document) -> dict[str, Json]:
    """Which content types the generator has to take for which."""
    return table(document.get(_KEY))


def kind(media: str) -> str:
    """A content type without its parameters; empty if it is none."""
    return media.partition(";")[0].strip().lower() if _TYPE.fullmatch(media) else ""


def is_json(media: str) -> bool:
    """Whether what has this content type is JSON."""
    return kind(media) == JSON or kind(media).endswith("+json")


def uploads(document: Document) -> Result:
    """Take what a form says of a file by `contentMediaType`, as FastAPI does, for a file."""
    made = list[Made]()
    marked = set[str]()

    def mark(schema: Json) -> None:
        pointer = reference(schema)
        if pointer is not None and pointer.startswith(_SCHEMA):
            name = pointer.removeprefix(_SCHEMA)
            if name not in marked:
                marked.add(name)
                mark(resolve(document, schema))
        for key in ("anyOf", "oneOf", "allOf"):
            for part in array(table(schema).get(key)):
                mark(part)

    def change(operation: Owner, path: str, method: str) -> Owner:
        body = table(operation.get("requestBody"))
        content = dict(table(body.get("content")))
        for media, about in content.items():
            if kind(media) == MULTIPART:
                schema = table(about).get("schema")
                mark(schema)
                place = ("paths", path, method, "requestBody", "content", media, "schema")
                content[media] = {**table(about), "schema": _with_files(schema, place, made)}
        return {**operation, "requestBody": {**body, "content": content}} if content else operation

    changed = by_operation(document, change)
    components = table(changed.get("components"))
    entries = {
        name: _with_files(schema, ("components", "schemas", name), made)
        if name in marked
        else schema
        for name, schema in table(components.get("schemas")).items()
    }
    if marked:
        changed = {**changed, "components": {**components, "schemas": entries}}
    return changed, made


def _with_files(schema: Json, place: Place, made: list[Made]) -> Json:
    def rule(one: Schema, there: Place) -> Schema:
        if isinstance(one.get("const"), int):
            what, why = "took the constant for any value of its type", "a form is text"
            made.append(Made(what, describe(there), why))
            kinds = {"type": "boolean" if isinstance(one["const"], bool) else "integer"}
            return {**kinds, **{key: value for key, value in one.items() if key != "const"}}
        media = one.get("contentMediaType")
        if not isinstance(media, str) or is_json(media) or one.get("contentEncoding"):
            return one
        if one.get("type") not in ("string", ["string"]):
            return one
        why = f"that is what a form says with contentMediaType {media}"
        made.append(Made("took it for a file", describe(there), why))
        rest = {key: value for key, value in one.items() if key != "contentMediaType"}
        return {**rest, "type": "string", "format": "binary"}

    return within(schema, place, rule) if isinstance(schema, dict) else schema


def files_in_json(document: Document) -> Result:
    """Take what is said to be a file in JSON for a string: JSON has no files."""
    forms, others = list[Json](), list[Json]()

    def change(operation: Owner, _: str, __: str) -> Owner:
        for media, about in table(table(operation.get("requestBody")).get("content")).items():
            (others if is_json(media) or kind(media) == FORM else forms).append(
                table(about).get("schema")
            )
        return operation

    _ = by_operation(document, change)
    names = _reached(document, others) - _reached(document, forms)
    made = list[Made]()

    def rule(schema: Schema, place: Place) -> Schema:
        if schema.get("format") != "binary" or not in_json(place):
            return schema
        made.append(Made("took it for a string", describe(place), "a file cannot be in JSON"))
        return {key: value for key, value in schema.items() if key != "format"}

    def in_json(place: Place) -> bool:
        match place:
            case ["components", "schemas", name, *_]:
                return name in names
            case ["paths", _, _, "requestBody", "content", media, *_]:
                return is_json(media) or kind(media) == FORM
            case _:
                return False

    return rewrite(document, rule), made


def _reached(document: Document, schemas: Iterable[Json]) -> set[str]:
    waiting = [pointer for schema in schemas for pointer in references(schema)]
    found = set[str]()
    while waiting:
        name = waiting.pop().removeprefix(_SCHEMA)
        if name not in found:
            found.add(name)
            waiting += references(resolve(document, {"$ref": f"{_SCHEMA}{name}"}))
    return found


def request_bodies(document: Document) -> Result:
    """Send what the generator has no code for as the bytes that the caller gives."""
    made = list[Made]()
    taken = dict(content_types(document))

    def change(operation: Owner, path: str, method: str) -> Owner:
        body = operation.get("requestBody")
        if not isinstance(body, dict):
            return operation
        place = ("paths", path, method, "requestBody")
        content = dict[str, Json]()
        optional = False
        for media, about in table(body.get("content")).items():
            schema = table(about).get("schema")
            written, new, (what, why) = _body(document, media, schema)
            if _is_sent_as_bytes(media) and written != OCTETS:
                taken[written] = OCTETS
            optional = optional or (kind(media) in _FORMS and _nullable(document, schema))
            if what:
                made.append(Made(what, describe((*place, "content", media)), why))
            content.setdefault(written, {"schema": new})
        kept = _told_apart(document, content)
        for media in content.keys() - kept.keys():
            why = "nothing tells the values of one from those of another"
            made.append(Made(f"left out the body of type {media}", describe(place), why))
        if not kept:
            made.append(Made("left out the body", describe(place), "it has no content"))
            return {key: value for key, value in operation.items() if key != "requestBody"}
        new_body = {**body, "content": kept}
        if len(kept) > 1 and body.get("required"):
            optional = True
            what, why = "let it be left out", "the code for several types of a body needs that"
            made.append(Made(what, describe(place), why))
        if optional:
            new_body["required"] = False
        return {**operation, "requestBody": new_body}

    changed = by_operation(document, change)
    return ({**changed, _KEY: taken} if taken else changed), made


def optional_unions(document: Document) -> Result:
    """Give a body that may be left out one type, or let it be None: not sent, that is.

    The code for a union that may be left out would send what stands for nothing.
    """
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        body = operation.get("requestBody")
        if not isinstance(body, dict) or body.get("required"):
            return operation
        place = ("paths", path, method, "requestBody")
        content, required = dict[str, Json](), False
        for media, about in table(body.get("content")).items():
            schema = table(about).get("schema")
            parts = _alternatives(document, schema) if is_json(media) else []
            others = [part for part in parts if table(part).get("type") != "null"]
            if len(others) == 1 and not _alternatives(document, others[0]):
                schema = others[0]
                what, why = "left null out of it", "a body that is not sent says the same"
                made.append(Made(what, describe((*place, "content", media)), why))
            elif parts:
                schema = {"anyOf": [*others, {"type": "null"}], **_worded(schema)}
                required = True
                what, why = "made it required, and None not to send it", "it is a union"
                made.append(Made(what, describe((*place, "content", media)), why))
            content[media] = {**table(about), "schema": schema}
        return {**operation, "requestBody": {**body, "content": content, "required": required}}

    return by_operation(document, change), made


def _alternatives(document: Document, schema: Json) -> list[Json]:
    """The alternatives of a union, however it is written."""
    about = table(resolve(document, schema))
    parts = [part for key in ("anyOf", "oneOf") for part in array(about.get(key))]
    if parts:
        return parts if len(parts) > 1 or not reference(parts[0]) else []
    rest = {key: value for key, value in about.items() if key not in ("type", "nullable")}
    kinds = [*array(about.get("type"))]
    if about.get("nullable") and isinstance(about.get("type"), str):
        kinds = [about["type"], "null"]
    if None in array(about.get("enum")):
        values: list[Json] = [value for value in array(about["enum"]) if value is not None]
        return [{**rest, "enum": values}, {"type": "null"}]
    return [{"type": "null"} if one == "null" else {**rest, "type": one} for one in kinds]


def _worded(schema: Json) -> Schema:
    return {key: value for key, value in wording(table(schema)).items() if key != "default"}


_FORMS = (FORM, MULTIPART)


def _is_sent_as_bytes(media: str) -> bool:
    return not is_json(media) and kind(media) not in _FORMS


def _body(document: Document, media: str, schema: Json) -> tuple[str, Json, tuple[str, str]]:
    """A content type and a schema that the generator knows, what was done for that, and why."""
    if is_json(media):
        return media, schema if isinstance(schema, dict) else {}, ("", "")
    if kind(media) in _FORMS:
        new, what, why = _form(document, schema)
        return media, new, (what, why)
    written = OCTETS if not kind(media) or "*" in media else media
    octets: Schema = {**_worded(schema), "type": "string", "format": "binary"}
    known = kind(media) == OCTETS or media in content_types(document)
    if known and _is_binary(schema):
        return written, octets, ("", "")
    return written, octets, ("sent as the bytes that are given", "it is neither JSON nor a form")


def _is_binary(schema: Json) -> bool:
    return table(schema).get("format") == "binary" or not schema


def _nullable(document: Document, schema: Json) -> bool:
    about = table(resolve(document, schema))
    return any(
        table(part).get("type") == "null"
        for key in ("anyOf", "oneOf")
        for part in array(about.get(key))
    )


def _form(document: Document, schema: Json) -> tuple[Json, str, str]:
    """An object for the fields of a form; what was done to have one, and why."""
    about = table(resolve(document, schema))
    parts = [part for key in ("anyOf", "oneOf") for part in array(about.get(key))]
    why = "a form has the fields of one object"
    if not parts:
        if about.get("type") == "object" or about.get("properties") or about.get("allOf"):
            return schema, "", ""
        return {**_worded(schema), "type": "object"}, "took any fields for it", why
    objects = [part for part in parts if table(part).get("type") != "null"]
    if len(objects) == 1:
        return objects[0], "left null out of it", why
    fields = dict[str, Json]()
    for part in objects:
        for name, field in table(table(resolve(document, part)).get("properties")).items():
            fields.setdefault(name, field)
    joined: Schema = {**_worded(schema), "type": "object", "properties": fields}
    return joined, "took the fields of all of its alternatives", why


def _told_apart(document: Document, content: Mapping[str, Json]) -> dict[str, Json]:
    """The bodies whose values the generated code can tell apart, the first of them before all."""
    if len(content) < 2:
        return dict(content)
    kept, seen = dict[str, Json](), set[str]()
    for media, about in content.items():
        schema = table(about).get("schema")
        target = table(resolve(document, schema))
        known = (
            target.get("type") == "object"
            or bool(target.get("properties"))
            or target.get("type") == "string"
        ) and not (target.get("anyOf") or target.get("oneOf") or target.get("enum"))
        sign = reference(schema) or (
            canonical(target.get("format")) if target.get("type") == "string" else media
        )
        if not kept or (known and sign not in seen and _first_is_known(document, kept)):
            kept[media] = about
            seen.add(sign)
    return kept


def _first_is_known(document: Document, kept: Mapping[str, Json]) -> bool:
    schema = table(next(iter(kept.values()))).get("schema")
    target = table(resolve(document, schema))
    return not is_anything(document, schema) and target.get("type") in ("object", "string")


def answers(document: Document) -> Result:
    """Read each answer as what it is: JSON, text, or bytes."""
    made = list[Made]()

    def change(operation: Owner, path: str, method: str) -> Owner:
        responses = dict[str, Json]()
        for status, response in table(operation.get("responses")).items():
            place = ("paths", path, method, "responses", status)
            code = status.upper() if re.fullmatch(r"[1-5]xx", status) else status
            if not re.fullmatch(r"default|[1-5]XX|\d{3}", code):
                what, why = "left it out", f"{status!r} is no status of HTTP"
                made.append(Made(what, describe(place), why))
                continue
            about = {"description": "", **table(response)}
            content = table(about.get("content"))
            if content:
                about["content"], found = _answer(content)
                made.extend(Made(what, describe(place), why) for what, why in found)
            responses[code] = about
        return {**operation, "responses": responses}

    return by_operation(document, change), made


def _answer(content: Mapping[str, Json]) -> tuple[Json, list[tuple[str, str]]]:
    """The content that an answer is read as, and what was done to have it."""
    known = [media for media in content if _is_known(media)]
    others = [media for media in content if not is_json(media)]
    found = list[tuple[str, str]]()
    chosen = known[0] if known else next(iter(content))
    about = table(content[chosen])
    if is_json(chosen) and others and not about.get("schema"):
        chosen = others[0]
        what = f"read as {chosen}, not as JSON"
        found.append((what, "FastAPI puts an empty JSON answer beside the true one"))
    if is_json(chosen):
        return {JSON: about}, found
    if kind(chosen).startswith("text/"):
        schema = about.get("schema")
        text: Json = schema if table(schema).get("type") == "string" else {"type": "string"}
        return {_TEXT: {"schema": text}}, found
    if not _is_known(chosen):
        found.append((f"read {chosen} as bytes", "the generator does not know that content type"))
    return {OCTETS: {"schema": {"type": "string", "format": "binary"}}}, found


def _is_known(media: str) -> bool:
    return is_json(media) or kind(media).startswith("text/") or kind(media) == OCTETS
