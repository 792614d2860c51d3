"""Splits the JSON of a large result into its parts, in constant memory. No IO.

The answer of a document request is one object. Most of it is in few places: texts, trees of
blocks and images. :func:`split_json` reads it piece by piece and passes each part on while it
arrives, so that a result of any size can be written to files.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import attrs

from datalab_facade.errors import InvalidResponseError
from datalab_facade.redaction import excerpt

Part: TypeAlias = tuple[str, ...]
"""A part by its name, or, inside of an object that is split as well, by both names."""


@attrs.frozen
class Begin:
    """A part begins; one that comes again replaces the first."""

    part: Part
    is_text: bool
    """Whether it is a string, passed on as what it says, or else a value, passed on as JSON."""


@attrs.frozen
class Data:
    """The next characters of the part."""

    text: str


@attrs.frozen
class End:
    """The part is complete."""


Event: TypeAlias = Begin | Data | End

_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_STRING: Final = re.compile(r'(?:[^"\\]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_RAW_STRING: Final = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_LONGEST_ESCAPE: Final = 6
# The first half of a character that takes two escapes.
_HIGH_SURROGATE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
# Strings that are complete, and whatever else is not a bracket.
_VALUE: Final = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_SCALAR: Final = re.compile(r"[^ \t\n\r,}\]]*+")
_CLOSING: Final = {"{": "}", "[": "]"}


def split_json(pieces: Iterable[bytes], *, nested: frozenset[str]) -> Iterator[Event]:
    """Yield the parts of a JSON object while it arrives.

    Args:
        pieces: The object as UTF-8, in pieces of any size. Inside of values that are passed on
            as JSON, only strings and brackets are checked.
        nested: The names of those objects in it whose members are parts by themselves.

    Raises:
        InvalidResponseError: It is not JSON, is not an object, or is cut off.
    """
    reader = _Reader(pieces)
    if reader.next_char() != "{":
        raise reader.invalid("it is not an object")
    yield from _members(reader, (), nested)
    if reader.next_char():
        raise reader.invalid("something follows it")


def _members(reader: _Reader, outer: Part, nested: frozenset[str]) -> Iterator[Event]:
    """Yield the members of an object whose bracket was read."""
    char = reader.next_char()
    while char != "}":
        if char != '"':
            raise reader.invalid("a name is missing")
        part = (*outer, "".join(reader.string()))
        if reader.next_char() != ":":
            raise reader.invalid("a colon is missing")
        yield from _value(reader, part, nested if not outer else frozenset())
        char = reader.next_char()
        if char == ",":
            char = reader.next_char()
            if char == "}":
                raise reader.invalid("a name is missing")
        elif char != "}":
            raise reader.invalid("a comma is missing")


def _value(reader: _Reader, part: Part, nested: frozenset[str]) -> Iterator[Event]:
    char = reader.next_char()
    if char == "{" and part[-1] in nested:
        yield from _members(reader, part, nested)
        return
    yield Begin(part, is_text=char == '"')
    yield from map(Data, reader.string() if char == '"' else reader.value(char))
    yield End()


class _Reader:
    """The characters that arrived and were not read yet."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0

    def invalid(self, why: str) -> InvalidResponseError:
        """Return the error for what is not the JSON of a result."""
        start = excerpt(self._text[max(0, self._at - 40) : self._at + 40])
        return InvalidResponseError(f"the result is not JSON of a result, {why}: {start}")

    def next_char(self) -> str:
        """Read the next character that is not a space; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._text):
                self._at += 1
                return self._text[self._at - 1]
            if not self._more():
                return ""

    def string(self) -> Iterator[str]:
        """Yield what a string says, whose first quote was read."""
        while True:
            found = _STRING.match(self._text, self._at)
            assert found is not None
            end = found.end()
            ended = self._text[end : end + 1] == '"'
            if not ended:
                if len(self._text) - end >= _LONGEST_ESCAPE:
                    raise self.invalid("an escape is wrong")
                end = self._before_half_a_character(end)
            piece = self._text[self._at : end]
            self._at = end + ended
            if piece:
                yield _unescaped(piece)
            if ended:
                return
            self._need_more()

    def value(self, char: str) -> Iterator[str]:
        """Yield the JSON of a value that is not a string, whose first character was read."""
        if char not in _CLOSING:
            yield self._scalar(char)
            return
        yield char
        open_brackets = [_CLOSING[char]]
        end = self._at
        while open_brackets:
            found = _VALUE.match(self._text, end)
            assert found is not None
            end = found.end()
            bracket = self._text[end : end + 1]
            if bracket in _CLOSING:
                open_brackets.append(_CLOSING[bracket])
            elif bracket not in ("", '"') and bracket != open_brackets.pop():
                raise self.invalid("its brackets do not match")
            end += len(bracket)
            if bracket in ("", '"') or not open_brackets:
                yield self._taken(end)
                if bracket == '"':
                    # It does not end in what arrived so far, and may be long.
                    yield from self._raw_string()
                elif not bracket:
                    self._need_more()
                end = self._at

    def _raw_string(self) -> Iterator[str]:
        while True:
            found = _RAW_STRING.match(self._text, self._at)
            assert found is not None
            end = found.end()
            if self._text[end : end + 1] == '"':
                yield self._taken(end + 1)
                return
            yield self._taken(end)
            self._need_more()

    def _scalar(self, char: str) -> str:
        parts = [char]
        while True:
            found = _SCALAR.match(self._text, self._at)
            assert found is not None
            parts.append(self._taken(found.end()))
            if self._at < len(self._text):
                break
            self._need_more()
        scalar = "".join(parts)
        try:
            json.loads(scalar)
        except ValueError:
            raise self.invalid("a value is wrong") from None
        return scalar

    def _taken(self, end: int) -> str:
        piece = self._text[self._at : end]
        self._at = end
        return piece

    def _before_half_a_character(self, end: int) -> int:
        half = _HIGH_SURROGATE.search(self._text, max(self._at, end - _LONGEST_ESCAPE), end)
        if half is None:
            return end
        before = half.start()
        while before > self._at and self._text[before - 1] == "\\":
            before -= 1
        # A backslash that is escaped itself does not begin an escape.
        return end if (half.start() - before) % 2 else half.start()

    def _need_more(self) -> None:
        if not self._more():
            raise self.invalid("it is cut off")

    def _more(self) -> bool:
        rest = self._text[self._at :]
        try:
            for piece in self._pieces:
                text = self._decoder.decode(piece)
                if text:
                    self._text, self._at = rest + text, 0
                    return True
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise self.invalid("it is not UTF-8") from None
        return False


def _unescaped(piece: str) -> str:
    if "\\" not in piece:
        return piece
    said: str = json.loads(f'"{piece}"', strict=False)
    return said
