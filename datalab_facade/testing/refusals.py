"""The errors of an endpoint that refuses a request."""

from __future__ import annotations

import re
from typing import Final

from datalab_facade.testing.jsonvalue import JSON

_MAX_DIGITS: Final = 4300


class InvalidError(Exception):
    """A part of the request is invalid; the answer is a 422."""

    def __init__(
        self,
        kind: str,
        location: tuple[str | int, ...],
        message: str,
        value: JSON = None,
        context: JSON = None,
    ) -> None:
        super().__init__(message)
        self.error: dict[str, JSON] = {
            "type": kind,
            "loc": location,
            "msg": message,
            "input": value,
        }
        if context is not None:
            self.error["ctx"] = context


class RefusedError(Exception):
    """The request is refused with a status and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status: Final = status


def integer(location: tuple[str, ...], text: str) -> int:
    """Read a whole number from a path or a query.

    Raises:
        InvalidError: the text is not a whole number, or has thousands of digits.
    """
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise InvalidError("int_parsing", location, message, text)
    if len(text) > _MAX_DIGITS:
        message = "Unable to parse input string as an integer, exceeded maximum size"
        raise InvalidError("int_parsing_size", location, message, text)
    return int(text)
