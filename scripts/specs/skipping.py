"""Operations that are left out because nothing can be generated for them, and why."""

import json
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from specs import narrowing
from specs.causes import UnsupportedError
from specs.documents import METHODS, Document, Json, array, table

FILE = "left-out.json"


@frozen
class LeftOut:
    """One operation that there is no code for."""

    operation: str
    """Its method and path."""
    reason: str


def to_leave_out(unsupported: UnsupportedError) -> list[LeftOut]:
    """What to leave out for the rest to be had; nothing if no operation is to blame."""
    found = dict[str, LeftOut]()
    for cause in unsupported.causes:
        for operation in cause.operations:
            same = cause.subject == operation
            reason = cause.reason if same else f"{cause.subject}: {cause.reason}"
            _ = found.setdefault(operation, LeftOut(operation, reason))
    return list(found.values())


def without(document: Document, left_out: Sequence[LeftOut]) -> Document:
    """The document without some of its operations, and without what only they need."""
    if not left_out:
        return document
    gone = {one.operation for one in left_out}
    paths = dict[str, Json]()
    for path, item in table(document.get("paths")).items():
        kept = {
            key: value for key, value in table(item).items() if f"{key.upper()} {path}" not in gone
        }
        if any(method in kept for method in METHODS) or not table(item).keys() & set(METHODS):
            paths[path] = kept if isinstance(item, dict) else item
    return narrowing.prune({**document, "paths": paths})


def records(left_out: Sequence[LeftOut]) -> list[Json]:
    """The same for machines."""
    return [{"operation": one.operation, "reason": one.reason} for one in left_out]


def record(folder: Path, left_out: Sequence[LeftOut]) -> None:
    """Write down beside the generated package what is left out; nothing if all is there."""
    if left_out:
        ordered = sorted(left_out, key=lambda one: one.operation)
        text = json.dumps(records(ordered), indent=2, ensure_ascii=False)
        _ = (folder / FILE).write_text(f"{text}\n", encoding="utf-8")


def read_record(folder: Path) -> list[LeftOut]:
    """What is written down beside a generated package."""
    try:
        found: Json = json.loads((folder / FILE).read_bytes())
    except (OSError, ValueError):
        return []
    return [
        LeftOut(str(table(one).get("operation")), str(table(one).get("reason")))
        for one in array(found)
    ]
