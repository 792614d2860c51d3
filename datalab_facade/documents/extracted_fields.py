"""Separates what was extracted from what the server says about it.

The server puts its remarks on a field beside it, into the same object: ``x_citations``,
``x_meta`` and ``x_score`` are about ``x``. What the caller asked for is the data; the remarks
become :class:`ExtractedField` values, found by the field's path. No IO.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from datalab_facade.codec import AsJSON
from datalab_facade.fields import compact, number
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable

_SUFFIXES: Final = ("_citations", "_meta", "_score")
_PLAIN_NAME: Final = re.compile(r'[^.\[\]"]+')
_MAX_SCORE: Final = 5

_Schema = Mapping[str, object]


@picklable
@attrs.frozen(kw_only=True)
class ExtractedField(AsJSON):
    """One field that was extracted, and what the server says about it."""

    path: str
    """Where it stands in the data, such as ``"items[0].amount"``."""
    value: JSON = attrs.field(default=None, hash=False)
    """Its value, as in the data."""
    citations: tuple[str, ...] = ()
    """The ids of the blocks that the value was read from, as ``json`` and ``chunks`` have them."""
    score: float | None = None
    """How sure the server is, from 1 to 5; None until it is known, and where none is given."""
    reasoning: str | None = None
    """Why the server thinks so."""
    status: str | None = None
    """The server's word for how it came about."""
    verification: JSON = attrs.field(default=None, hash=False)
    """What the server says of its check of the value, as it came."""


class ExtractedFields(Mapping[str, ExtractedField]):
    """The fields of an extraction by their paths, in the order of the answer; immutable.

    >>> _, fields = separate({"items": [{"amount": 5, "amount_score": 4}]}, None)
    >>> fields["items[0].amount"].score
    4
    """

    __slots__ = ("_by_path",)

    def __init__(self, fields: Mapping[str, ExtractedField] | None = None) -> None:
        self._by_path = dict(fields or {})

    def __getitem__(self, path: str) -> ExtractedField:
        try:
            return self._by_path[path]
        except KeyError:
            known = ", ".join(map(repr, list(self._by_path)[:20])) or "none"
            raise KeyError(f"no field {path!r}; the fields are: {known}") from None

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_path)

    def __len__(self) -> int:
        return len(self._by_path)

    def __repr__(self) -> str:
        return f"<ExtractedFields {', '.join(list(self._by_path)[:10])}>"


def separate(
    answer: Mapping[str, JSON], schema: Mapping[str, JSON] | None
) -> tuple[dict[str, JSON], ExtractedFields]:
    """Separate the data from the remarks about it.

    What the schema names is data, whatever it is called. What it does not name is a remark if
    the name is that of a field and one of the endings of remarks; anything else is left out,
    unless the schema allows additional properties. Without a schema everything is data but
    the remarks on fields that are there.

    Args:
        answer: The extraction, as the server sent it.
        schema: The JSON Schema that it was made by, if that is known.

    Returns:
        The data, and the fields by their paths.

    Raises:
        RecursionError: It is nested too deeply.

    >>> separate({"total": 5, "total_citations": ["/page/0/Text/1"]}, None)[0]
    {'total': 5}
    >>> schema = {"properties": {"note": {}, "note_score": {}}}
    >>> separate({"note": "a", "note_score": 3}, schema)[0]
    {'note': 'a', 'note_score': 3}
    """
    fields: dict[str, ExtractedField] = {}
    data = _object(answer, schema, "", fields)
    return data, ExtractedFields(fields)


def join_path(parent: str, name: str) -> str:
    """Return the path of a property; names that would be mistaken are quoted.

    >>> join_path("items[0]", "amount"), join_path("", "a.b")
    ('items[0].amount', '["a.b"]')
    """
    if not _PLAIN_NAME.fullmatch(name):
        return f"{parent}[{json.dumps(name)}]"
    return f"{parent}.{name}" if parent else name


def _object(
    answer: Mapping[str, JSON],
    schema: _Schema | None,
    path: str,
    fields: dict[str, ExtractedField],
) -> dict[str, JSON]:
    properties = _properties(schema)
    data: dict[str, JSON] = {}
    for name, value in answer.items():
        if not _is_data(name, answer, schema, properties):
            continue
        place = join_path(path, name)
        # The field comes before those inside of it.
        fields[place] = ExtractedField(path=place)
        inner = None if properties is None else properties.get(name)
        data[name] = _value(value, inner, place, fields)
        fields[place] = _field(place, data[name], answer, properties, name)
    return data


def _value(
    value: JSON, schema: _Schema | None, path: str, fields: dict[str, ExtractedField]
) -> JSON:
    if isinstance(value, dict):
        return _object(value, schema, path, fields)
    if isinstance(value, list):
        inner = _items(schema)
        return [
            _value(item, inner, f"{path}[{number}]", fields) for number, item in enumerate(value)
        ]
    return value


def _is_data(
    name: str,
    answer: Mapping[str, JSON],
    schema: _Schema | None,
    properties: Mapping[str, _Schema | None] | None,
) -> bool:
    if properties is None:
        return not any(
            name.endswith(suffix)
            and name.removesuffix(suffix) in answer
            and _is_remark(suffix, answer[name])
            for suffix in _SUFFIXES
        )
    if name in properties:
        return True
    if any(
        name.endswith(suffix) and name.removesuffix(suffix) in properties for suffix in _SUFFIXES
    ):
        return False
    return schema is not None and bool(schema.get("additionalProperties"))


def _is_remark(suffix: str, value: JSON) -> bool:
    """Tell whether a value may be a remark; where no schema tells, a field may have such a name."""
    if value is None:
        return True
    if suffix == "_citations":
        return isinstance(value, list)
    if suffix == "_meta" or isinstance(value, dict):
        return isinstance(value, dict)
    score = number(value)
    return score is not None and 0 <= score <= _MAX_SCORE


def _field(
    path: str,
    value: JSON,
    answer: Mapping[str, JSON],
    properties: Mapping[str, _Schema | None] | None,
    name: str,
) -> ExtractedField:
    citations, meta, score = (
        None
        if properties is not None and name + suffix in properties
        else answer.get(name + suffix)
        for suffix in _SUFFIXES
    )
    about = meta if isinstance(meta, dict) else {}
    scored = score if isinstance(score, dict) else {"score": score}
    return ExtractedField(
        path=path,
        value=value,
        citations=_texts(citations if citations is not None else about.get("citations")),
        score=number(scored.get("score")),
        reasoning=_text(scored.get("reasoning")) or _text(about.get("reasoning")),
        # The published name, and the one it would have beside "verification".
        status=_text(about.get("extraction_status")) or _text(about.get("status")),
        verification=about.get("verification"),
    )


def _properties(schema: _Schema | None) -> dict[str, _Schema | None] | None:
    """Return the schemas of an object's properties; None where the schema names none."""
    found: dict[str, _Schema | None] = {}
    named = False
    for one in _branches(schema):
        properties = one.get("properties")
        if isinstance(properties, Mapping):
            named = True
            for name, inner in properties.items():
                schemas = [each for each in (found.get(name), inner) if isinstance(each, Mapping)]
                found[name] = {"anyOf": schemas} if len(schemas) > 1 else next(iter(schemas), None)
    return found if named else None


def _items(schema: _Schema | None) -> _Schema | None:
    found = [items for one in _branches(schema) if isinstance(items := one.get("items"), Mapping)]
    return {"anyOf": found} if len(found) > 1 else next(iter(found), None)


def _branches(schema: object) -> Iterator[_Schema]:
    """Yield a schema, and those that it consists of."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(word)
        for branch in branches if isinstance(branches, list) else ():
            yield from _branches(branch)


def _text(value: JSON) -> str | None:
    return value if value is None or isinstance(value, str) else compact(value)


def _texts(value: JSON) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(text for text in map(_text, listed) if text is not None)
