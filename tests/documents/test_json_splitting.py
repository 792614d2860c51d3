"""A large result is split into its parts while it arrives, whatever the pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import InvalidResponseError
from datalab_facade.documents.json_splitting import Begin, Data, Event, split_json
from tests.test_decoding import json_values

_NESTED = frozenset({"images"})

objects = st.dictionaries(
    st.text() | st.just("images"),
    json_values | st.text() | st.dictionaries(st.text(), st.text() | json_values),
)


def _cut(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def _joined(events: Iterator[Event]) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    is_text, texts = False, [""]
    part: tuple[str, ...] = ()
    for event in events:
        if isinstance(event, Begin):
            part, is_text, texts = event.part, event.is_text, []
        elif isinstance(event, Data):
            texts.append(event.text)
        else:
            whole = "".join(texts)
            found[part] = whole if is_text else json.loads(whole)
    return found


def _expected(value: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, inner in value.items():
        if name in _NESTED and isinstance(inner, dict):
            found |= {(name, key): one for key, one in inner.items()}
        else:
            found[name,] = inner
    return found


@given(objects, st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]))
def test_the_parts_are_those_of_the_whole(
    value: dict[str, Any], size: int, ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode(errors="replace")
    again = json.loads(body)
    assert _joined(split_json(_cut(body, size), nested=_NESTED)) == _expected(again)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()), st.integers(1, 9))
def test_what_is_not_an_object_is_an_error(body: bytes, size: int) -> None:
    try:
        value = json.loads(body)
    except (ValueError, UnicodeDecodeError):
        value = None
    if isinstance(value, dict):
        return
    with pytest.raises(InvalidResponseError):
        list(split_json(_cut(body, size), nested=_NESTED))


@given(objects, st.data(), st.integers(1, 40))
def test_what_is_cut_off_is_an_error(value: dict[str, Any], data: st.DataObject, size: int) -> None:
    body = json.dumps(value).encode()
    length = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(InvalidResponseError):
        list(split_json(_cut(body[:length], size), nested=_NESTED))


@pytest.mark.parametrize(
    "body",
    ['{"a" 1}', '{"a": 1 "b": 2}', '{"a": 1,}', "{,}", '{"a": [}', '{"a": "\\x"}', '{"a": ["\\',
     '{"a": nope}', '{"a": 1} 2', "{1: 2}", '{"a": "\\x12345"}', '{"a": }', '{"a": "\\ud83'],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_is_not_json_is_an_error(body: str, size: int) -> None:
    with pytest.raises(InvalidResponseError, match="not JSON of a result"):
        list(split_json(_cut(body.encode(), size), nested=_NESTED))


@pytest.mark.parametrize("size", range(1, 14))
def test_a_character_of_two_escapes_is_never_cut_in_half(size: int) -> None:
    body = rb'{"a": "\ud83d\ude00 \\ud83d \\\ud83d\ude00 \ud83d"}'
    [(_, text)] = _joined(split_json(_cut(body, size), nested=_NESTED)).items()
    assert text == json.loads(body)["a"]
