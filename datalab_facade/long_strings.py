"""Parses a JSON body with long strings in it, such as images, in little more memory than they take.

Parsing a body as a whole takes three times its size at once: its parts, all of it, and the
values. Here the long strings are taken out first, part by part, while the parts are given up;
what is left is small, and is parsed as usual.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Final

from datalab_facade.decoding import decode_json
from datalab_facade.errors import InvalidResponseError
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import excerpt

_LONG: Final = 1 << 16

# Up to a long string without escapes, as base64 is, or to one whose end is not there yet.
_SHORT: Final = re.compile(
    rb'(?:[^"]++|"(?![^"\\]{%d})(?:[^"\\]++|\\.)*+")*+' % _LONG,
    re.DOTALL,
)
_LONG_START: Final = re.compile(rb'[^"\\]{%d}' % _LONG)
_UNESCAPED: Final = re.compile(rb'[^"\\]*+')
_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


def decode_json_parts(
    parts: list[bytes], redact: Callable[[bytes], bytes] = lambda body: body
) -> JSON:
    """Parse a body of which the parts are given up meanwhile.

    Args:
        parts: The parts of the body, in order; the list is empty afterwards.
        redact: Takes secrets out of what is parsed.

    Raises:
        InvalidResponseError: It is not JSON, or nested too deeply to read.
    """
    lifting = _Lifting(parts, redact)
    value = decode_json(redact(lifting.rest()))
    return lifting.put_back(value) if lifting.lifted else value


class _Lifting:
    """Takes long strings out of a body, and puts them back into what is parsed of the rest."""

    def __init__(self, parts: list[bytes], redact: Callable[[bytes], bytes]) -> None:
        parts.reverse()
        self._parts = parts
        self._redact = redact
        self._kept: list[bytes] = []
        self._buffer = b""
        self._at = 0
        # Nobody who writes an answer can know it.
        self._mark = f"{os.urandom(16).hex()}:"
        self.lifted: list[str] = []

    def rest(self) -> bytes:
        """Return the body with a mark in place of each long string."""
        while self._find_quote():
            if _LONG_START.match(self._buffer, self._at):
                self._lift()
            else:
                self._pass_string()
        return b"".join(self._kept)

    def put_back(self, value: JSON) -> JSON:
        """Return the values with the long strings in their places."""
        outer: list[JSON] = [value]
        pending: list[list[JSON] | dict[str, JSON]] = [outer]
        while pending:
            inside = pending.pop()
            places = enumerate(inside) if isinstance(inside, list) else list(inside.items())
            for place, one in places:
                if isinstance(one, str):
                    if one.startswith(self._mark):
                        inside[place] = self._string(one)  # type: ignore[index]
                elif isinstance(one, (list, dict)):
                    pending.append(one)
            if isinstance(inside, dict) and any(name.startswith(self._mark) for name in inside):
                items = list(inside.items())
                inside.clear()
                inside.update((self._string(name), one) for name, one in items)
        return outer[0]

    def _string(self, name: str) -> str:
        if not name.startswith(self._mark):
            return name
        return self.lifted[int(name.removeprefix(self._mark))]

    def _find_quote(self) -> bool:
        """Pass what is short; tell whether a string begins whose end is far, or not there yet."""
        while True:
            found = _SHORT.match(self._buffer, self._at)
            assert found is not None
            self._keep(found.end())
            rest = len(self._buffer) - self._at
            if rest > _LONG:
                self._keep(self._at + 1)
                return True
            # Whether a string is long may not be known yet.
            if not self._more():
                self._keep(len(self._buffer))
                return False

    def _lift(self) -> None:
        pieces: list[bytes] = []
        while True:
            found = _UNESCAPED.match(self._buffer, self._at)
            assert found is not None
            pieces.append(self._buffer[self._at : found.end()])
            self._at = found.end()
            if self._at < len(self._buffer):
                break
            if not self._more():
                break
        if self._buffer[self._at : self._at + 1] != b'"':
            # It has an escape after all, or is cut off.
            self._kept += pieces
            self._pass_string()
            return
        self._kept.append(f"{self._mark}{len(self.lifted)}".encode())
        self._keep(self._at + 1)
        self.lifted.append(_text(self._redact(b"".join(pieces))))

    def _pass_string(self) -> None:
        while True:
            found = _STRING.match(self._buffer, self._at)
            assert found is not None
            end = found.end()
            if self._buffer[end : end + 1] == b'"':
                self._keep(end + 1)
                return
            self._keep(end)
            if not self._more():
                return

    def _keep(self, end: int) -> None:
        if end > self._at:
            self._kept.append(self._buffer[self._at : end])
        self._at = end

    def _more(self) -> bool:
        if not self._parts:
            return False
        self._buffer = self._buffer[self._at :] + self._parts.pop()
        self._at = 0
        return True


def _text(string: bytes) -> str:
    try:
        return string.decode()
    except UnicodeDecodeError as error:
        start = excerpt(string)
        raise InvalidResponseError(f"the body is not JSON: {start}", body=start) from error
