"""An OpenAPI document as parsed JSON, and the few ways the other modules look into it.

The readers here are total: where a document has something else than expected they see nothing
there, so that only `validating` has to have opinions.
"""

import json
import re
from collections.abc import Iterator
from typing import TypeAlias
from urllib.parse import unquote

from attrs import frozen

from specs.problems import ScriptError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Document: TypeAlias = "dict[str, Json]"

VARIABLE = re.compile(r"{([^{}/]+)}")
"""A variable of a path."""

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@frozen
class Operation:
    """One method of one path, with what its path item says for all of its methods."""

    path: str
    method: str
    body: dict[str, Json]
    shared_parameters: list[Json]

    @property
    def id(self) -> str | None:
        """The operation's id as written, if it has one."""
        written = self.body.get("operationId")
        return written if isinstance(written, str) else None

    @property
    def tag(self) -> str | None:
        """The first tag, which is the one that the generator files the operation under."""
        return next((tag for tag in array(self.body.get("tags")) if isinstance(tag, str)), None)

    def __str__(self) -> str:
        """`GET /api/v1/files`, as a person would call it."""
        return f"{self.method.upper()} {self.path}"


def table(value: Json) -> dict[str, Json]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def array(value: Json) -> list[Json]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def operations(document: Document) -> Iterator[Operation]:
    """Every operation under `paths`, in the order of the document."""
    for path, value in table(document.get("paths")).items():
        item = table(resolve(document, value))
        for method, body in item.items():
            if method in METHODS and isinstance(body, dict):
                yield Operation(path, method, body, array(item.get("parameters")))


def reference(value: Json) -> str | None:
    """Where the value points to, if it is a `$ref`."""
    pointer = table(value).get("$ref")
    return pointer if isinstance(pointer, str) else None


def references(value: Json) -> Iterator[str]:
    """Every `$ref` in the value, however deep, and every target of a discriminator."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for pointer in (value.get("$ref"), value.get("$dynamicRef")):
            if isinstance(pointer, str):
                yield pointer
        for chosen in table(table(value.get("discriminator")).get("mapping")).values():
            if isinstance(chosen, str):
                # A mapping may name a schema by its bare name instead of pointing to it.
                yield chosen if "/" in chosen or "#" in chosen else f"#/components/schemas/{chosen}"
        for item in value.values():
            yield from references(item)


def steps(pointer: str) -> list[str]:
    """The keys that a local `$ref` such as `#/components/schemas/File` goes through."""
    _, *written = pointer.split("/")
    return [unquote(step).replace("~1", "/").replace("~0", "~") for step in written]


def target(document: Document, pointer: str) -> Json:
    """What a local `$ref` points to; LookupError or ValueError if there is no such thing."""
    if pointer != "#" and not pointer.startswith("#/"):
        raise LookupError(pointer)
    value: Json = document
    for step in steps(pointer):
        value = array(value)[int(step)] if isinstance(value, list) else table(value)[step]
    return value


def pointed_to(document: Document, pointer: str) -> Json:
    """What a local `$ref` points to, or nothing."""
    try:
        return target(document, pointer)
    except (LookupError, ValueError):
        return None


def resolve(document: Document, value: Json) -> Json:
    """The value, or what it points to at the end of a chain of `$ref`s; nothing for a ring."""
    passed = set[str]()
    while (pointer := reference(value)) is not None:
        if pointer in passed:
            return None
        passed.add(pointer)
        value = pointed_to(document, pointer)
    return value


def behind(document: Document, value: Json) -> dict[str, Json]:
    """Everything that a value refers to, and what that refers to, by pointer."""
    found = dict[str, Json]()
    waiting = [*references(value)]
    while waiting:
        pointer = waiting.pop()
        if pointer not in found:
            found[pointer] = pointed_to(document, pointer)
            waiting += references(found[pointer])
    return found


def schema_of(parameter: dict[str, Json]) -> Json:
    """The schema of a parameter, or of the only content that it has."""
    if "schema" in parameter:
        return parameter["schema"]
    content = [*table(parameter.get("content")).values()]
    return table(content[0]).get("schema", {}) if content else {}


def render(document: Document) -> bytes:
    """The one way to write a document down. Its keys keep their order."""
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ScriptError(f"the document cannot be written as JSON: {error}") from error
