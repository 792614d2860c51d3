"""What an endpoint says of a request that it cannot read."""

from __future__ import annotations

import re
from typing import Final

from datalab_facade.testing.jsonvalue import JSON

_MOST_DIGITS: Final = 4300


class InvalidError(Exception):
    """A part of the request is not what it has to be; the answer is a 422."""

    def __init__(
        self,
        kind: str,
        place: tuple[str | int, ...],
        message: str,
        given: JSON = None,
        context: JSON = None,
    ) -> None:
        super().__init__(message)
        self.error: dict[str, JSON] = {"type": kind, "loc": place, "msg": message, "input": given}
        if context is not None:
            self.error["ctx"] = context


class RefusedError(Exception):
    """The request is refused with a status and one sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status: Final = status


def integer(place: tuple[str, ...], text: str) -> int:
    """The whole number that a path or a query says.

    Raises:
        InvalidError: It says something else, or one with thousands of digits.
    """
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise InvalidError("int_parsing", place, message, text)
    if len(text) > _MOST_DIGITS:
        message = "Unable to parse input string as an integer, exceeded maximum size"
        raise InvalidError("int_parsing_size", place, message, text)
    return int(text)
