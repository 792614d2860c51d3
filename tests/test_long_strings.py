"""A body with long strings is parsed in little memory, to the same values as any other."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import InvalidResponseError
from datalab_facade.decoding import decode_json
from datalab_facade.long_strings import decode_json_parts
from tests.test_decoding import json_values

_LONG = 1 << 16


@st.composite
def strings(draw: st.DrawFn) -> str:
    """Make a string that is about as long as what counts as long, or a short one."""
    if draw(st.booleans()):
        return draw(st.text(max_size=5))
    length = draw(st.sampled_from([_LONG - 1, _LONG, _LONG + 1, 3 * _LONG]))
    odd = draw(st.sampled_from(["", '"', "\\", "é", "\ud83d\ude00", "\n"]))
    at = draw(st.sampled_from([0, 1, _LONG - 1, _LONG, _LONG + 1, length]))
    return "A" * min(at, length) + odd + "B" * max(0, length - at)


values = st.recursive(
    json_values | strings(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings(), inner, max_size=3),
    max_leaves=6,
)


def _cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


sizes = st.sampled_from([997, _LONG - 1, _LONG, _LONG + 1, 10**6])


@settings(deadline=None)
@given(values, sizes, st.booleans())
def test_the_values_are_those_of_the_whole_body(value: Any, size: int, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")
    parts = _cut(body, size)
    assert decode_json_parts(parts) == json.loads(body)
    assert parts == []


@settings(deadline=None)
@given(values, sizes, st.data())
def test_what_is_cut_off_is_an_error_as_for_any_body(
    value: Any, size: int, data: st.DataObject
) -> None:
    body = json.dumps(value).encode()
    body = body[: data.draw(st.integers(0, len(body)))]
    try:
        expected = decode_json(body)
    except InvalidResponseError:
        with pytest.raises(InvalidResponseError):
            decode_json_parts(_cut(body, size))
    else:
        assert decode_json_parts(_cut(body, size)) == expected


@pytest.mark.parametrize("escape", ["", "\\"])
def test_a_long_string_that_is_cut_off_is_an_error(escape: str) -> None:
    body = f'{{"a": "{"A" * 3 * _LONG}{escape}'.encode()
    with pytest.raises(InvalidResponseError, match="not JSON"):
        decode_json_parts(_cut(body, 10_000))
    with pytest.raises(InvalidResponseError, match="not JSON"):
        decode_json_parts(_cut(body + b"n" + b"B" * 10, 10_000))


def test_what_is_not_utf8_is_an_error() -> None:
    with pytest.raises(InvalidResponseError, match="not JSON"):
        decode_json_parts([b'"' + b"A" * 2 * _LONG, b'\xff"'])


def test_secrets_are_taken_out_of_long_strings_and_of_the_rest() -> None:
    body = json.dumps({"key": "a key", "long": "A" * _LONG + "key" + "A" * _LONG}).encode()
    found: Any = decode_json_parts(_cut(body, 1000), lambda body: body.replace(b"key", b"***"))
    assert found == {"***": "a ***", "long": "A" * _LONG + "***" + "A" * _LONG}


def test_parsing_takes_little_more_than_the_values() -> None:
    strings = 40

    def pieces() -> Iterator[bytes]:
        yield b"["
        for number in range(strings):
            yield b'"%d' % number + b"A" * 300_000 + b'", '
        yield b"1]"

    parts = _cut(b"".join(pieces()), 1 << 16)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        found = decode_json_parts(parts)
        grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert isinstance(found, list)
    assert len(found) == strings + 1
    # The parts were there before, so they do not count; each is given up only later.
    assert grown < strings * 300_000 * 1.2
