"""A document cut down to some of its paths, and to what they need."""

from collections.abc import Sequence

from specs.documents import Document, Json, array, operations, pointed_to, references, steps, table
from specs.problems import ScriptError


def narrow(document: Document, prefixes: Sequence[str]) -> Document:
    """The document with only the paths at or below a prefix, and only the components they need.

    Prefixes count whole segments: `/api/v1/files` has `/api/v1/files/{file_id}` below it, but not
    `/api/v1/filesystem`. A prefix that matches nothing is a `ScriptError`.
    """
    every_path = table(document.get("paths"))
    paths = {
        path: item
        for path, item in every_path.items()
        if path.startswith("x-") or any(_covers(prefix, path) for prefix in prefixes)
    }
    for prefix in prefixes:
        if not any(_covers(prefix, path) for path in paths):
            raise ScriptError(f"--only {prefix}: the document has no path there")

    narrowed: Document = {**document}
    narrowed["paths"] = paths
    _ = narrowed.pop("webhooks", None)
    narrowed = prune(narrowed)
    if "tags" in document:
        used = {tag for operation in operations(narrowed) for tag in _tags(operation.body)}
        narrowed["tags"] = [
            tag for tag in array(document["tags"]) if table(tag).get("name") in used
        ]
    return narrowed


def _covers(prefix: str, path: str) -> bool:
    return prefix.startswith("/") and f"{path}/".startswith(f"{prefix.rstrip('/')}/")


def _tags(operation: dict[str, Json]) -> list[str]:
    return [tag for tag in array(operation.get("tags")) if isinstance(tag, str)]


def prune(document: Document) -> Document:
    """The document with only those of its components that its operations need, in their order."""
    if "components" not in document:
        return document
    needed = _needed(document)
    components: dict[str, Json] = {}
    for section, entries in table(document["components"]).items():
        if section.startswith("x-"):
            components[section] = entries
            continue
        kept = {name: entry for name, entry in table(entries).items() if (section, name) in needed}
        if kept:
            components[section] = kept
    return {**document, "components": components}


def _needed(document: Document) -> set[tuple[str, str]]:
    """The components, as (section, name), that everything else in the document leads to."""
    everything_else = {key: value for key, value in document.items() if key != "components"}
    waiting = [*references(everything_else), *_security_schemes(document)]
    passed = set[str]()
    while waiting:
        pointer = waiting.pop()
        if pointer not in passed:
            passed.add(pointer)
            waiting += _references_behind(document, pointer)
    needed = set[tuple[str, str]]()
    for pointer in passed:
        match steps(pointer):
            case ["components", section, name, *_]:
                needed.add((section, name))
            case _:
                pass
    return needed


def _references_behind(document: Document, pointer: str) -> list[str]:
    # A pointer into the inside of a component keeps all of it, so all of it is looked through.
    whole = "/".join(pointer.split("/")[:4])
    return list(references(pointed_to(document, whole)))


def _security_schemes(document: Document) -> list[str]:
    """Pointers to the schemes that the document or one of its operations asks for, by name."""
    asked = [*array(document.get("security"))]
    for operation in operations(document):
        asked += array(operation.body.get("security"))
    return [f"#/components/securitySchemes/{name}" for entry in asked for name in table(entry)]
