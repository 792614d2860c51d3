"""The shape of an answer without its values: names, types, status words.

Only what is known to be harmless is kept; everything else is described by its kind. So no text
that a person wrote, no id, no file name and no URL is kept, wherever it stands.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.json_forms import JSON
from datalab_facade.statuses import AGGREGATED

StepShape: TypeAlias = Literal["flat", "nested"]

_KEY: Final = "<key>"
_MAX_PATHS: Final = 2_000
_MAX_DEPTH: Final = 20

# What is in these is the users' own; not even its names are recorded.
_USER_CONTENT: Final = frozenset(
    {
        "chunks",
        "config_snapshot",
        "extraction_schema_json",
        "field_data",
        "input_config",
        "json",
        "metadata",
        "page_schema",
        "segmentation_results",
        "segmentation_schema",
        "settings",
    }
)
# Users choose the keys of these objects.
_USER_NAMED: Final = frozenset({"files", "images", "outputs", "results", "steps"})
_KNOWN: Final = frozenset({"output_base64", "sha256", "md5"})
_STATUS_NAMES: Final = frozenset({"status", "state", "upload_status"})
_STATUS: Final = re.compile(r"[A-Z]{2,16}(_[A-Z]{2,16}){0,3}|[a-z]{2,16}(_[a-z]{2,16}){0,3}")

_WORD: Final = re.compile(r"[a-z]{1,16}")
_UNPRONOUNCEABLE: Final = re.compile(r"[^aeiouy]{5}")
_KNOWN_ABBREVIATIONS: Final = frozenset({"html", "http", "id", "ms", "pdf", "ttl", "url", "xml"})

_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(?P<fraction>[.,]\d+)?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "whole number",
    float: "number",
}
_SIGNED: Final = re.compile(r"[?&](X-Amz-Signature|Signature|sig|token)=", re.IGNORECASE)


@attrs.frozen
class Shape:
    """The structure of an answer."""

    kinds: dict[str, list[str]]
    """The kinds of values at each path, such as ``body.steps.<key>.started_at``."""
    words: dict[str, list[str]]
    """The status words at each path."""
    keys: dict[str, list[str]] = attrs.field(repr=False)
    """At each path whose keys are not recorded, the forms of those keys."""
    step_shape: StepShape | None
    is_complete: bool
    """Whether the shape is complete; False if the answer was too large."""


def shape_of(body: JSON) -> Shape:
    """Return the shape of an answer.

    >>> shape_of({"status": "FAILED", "steps": {"parse": {"b7.pdf": {"id": 5}}}}).kinds
    {'body': ['object'], 'body.status': ['text'], 'body.steps': ['object'],
    'body.steps.<key>': ['object'], 'body.steps.<key>.<key>': ['object'],
    'body.steps.<key>.<key>.id': ['whole number']}
    """
    collector = _Collector()
    collector.visit(body, "body", 0)
    return Shape(
        kinds=_sorted(collector.kinds),
        words=_sorted(collector.words),
        keys=_sorted(collector.keys),
        step_shape=_step_shape(body),
        is_complete=not collector.is_truncated,
    )


@attrs.define
class _Collector:
    kinds: defaultdict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set))
    words: defaultdict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set))
    keys: defaultdict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set), repr=False)
    is_truncated: bool = False

    def visit(self, value: JSON, path: str, depth: int) -> None:
        if depth > _MAX_DEPTH or (path not in self.kinds and len(self.kinds) >= _MAX_PATHS):
            self.is_truncated = True
            return
        self.kinds[path].add(kind_of(value))
        name = path.rpartition(".")[2]
        if name in _STATUS_NAMES and isinstance(value, str) and _is_status(value):
            self.words[path].add(value)
        if name in _USER_CONTENT:
            return
        if isinstance(value, list):
            for item in value:
                self.visit(item, f"{path}[]", depth + 1)
        elif isinstance(value, dict):
            for key, inner in self._children(value, path):
                self.visit(inner, f"{path}.{key}", depth + 1)

    def _children(self, value: Mapping[str, JSON], path: str) -> Iterator[tuple[str, JSON]]:
        names = path.split(".")
        of_files = names[-2:-1] == ["steps"] and not isinstance(value.get("status"), str)
        hidden = names[-1] in _USER_NAMED or of_files
        for key, inner in value.items():
            if not hidden and may_be_shown(key):
                yield key, inner
            else:
                self.keys[f"{path}.{_KEY}"].add(_form(key))
                yield _KEY, inner


def may_be_shown(name: str) -> bool:
    """Check whether a name is certainly that of a field, and not an id or a file name.

    >>> [name for name in ("output_url", "npl94jxy", "b7.pdf", "xkqzvbnm") if may_be_shown(name)]
    ['output_url']
    """
    return name in _KNOWN or (len(name) <= 40 and all(map(_is_word, name.split("_"))))


def header_may_be_shown(name: str) -> bool:
    """Check the same for the name of a header, in lower case."""
    parts = name.split("-")
    short = all(len(part) <= 3 and part.isascii() and part.isalpha() for part in parts)
    return len(name) <= 40 and (short or all(_is_word(p) or p in ("x", "cf") for p in parts))


def _is_status(text: str) -> bool:
    return bool(_STATUS.fullmatch(text)) and all(map(_is_word, text.lower().split("_")))


def _is_word(part: str) -> bool:
    if not _WORD.fullmatch(part) or _UNPRONOUNCEABLE.search(part):
        return False
    return part in _KNOWN_ABBREVIATIONS or bool(re.search("[aeiouy]", part))


def kind_of(value: JSON) -> str:
    """Return the kind of a value, and nothing of the value itself.

    >>> [kind_of(value) for value in (None, True, 5, "2025-10-22T10:00:00", "4", "a.pdf")]
    ['null', 'boolean', 'whole number', 'time without zone', 'digits', 'text']
    """
    if isinstance(value, str):
        return _kind_of_text(value)
    if isinstance(value, dict | list):
        kind = "object" if isinstance(value, dict) else "list"
        return kind if value else f"empty {kind}"
    return _KINDS[type(value)]


def _kind_of_text(text: str) -> str:
    if not text.strip():
        return "empty text"
    time = _TIME.fullmatch(text)
    if time is not None:
        zone = {None: "without zone", "Z": "in UTC"}.get(time["zone"], "with an offset")
        return f"time {zone}" + (", with fractions" if time["fraction"] else "")
    if text.startswith(("https://", "http://")):
        return "signed URL" if _SIGNED.search(text) else "URL"
    if text.startswith("datalab://"):
        return "reference"
    return "digits" if text.isascii() and text.isdigit() else "text"


def _form(key: str) -> str:
    if key == AGGREGATED:
        return AGGREGATED
    if key.isascii() and key.isdigit():
        return "digits"
    if re.search(r"\.[A-Za-z0-9]{1,5}$", key):
        return "name of a file"
    if key.isascii() and key.isalpha():
        return "letters"
    return "letters and digits" if key.isascii() and key.isalnum() else "text"


def _step_shape(body: JSON) -> StepShape | None:
    steps = body.get("steps") if isinstance(body, dict) else None
    if not isinstance(steps, dict):
        return None
    for step in steps.values():
        if isinstance(step, dict) and step:
            return "flat" if isinstance(step.get("status"), str) else "nested"
    return None


def _sorted(found: Mapping[str, set[str]]) -> dict[str, list[str]]:
    return {path: sorted(kinds) for path, kinds in found.items()}
