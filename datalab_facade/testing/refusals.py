"""What an endpoint says of a request that it cannot read."""

from __future__ import annotations

import re

from datalab_facade.testing.jsonvalue import JSON


class InvalidError(Exception):
    """A part of the request is not what it has to be; the answer is a 422."""

    def __init__(
        self, kind: str, place: tuple[str | int, ...], message: str, given: JSON = None
    ) -> None:
        super().__init__(message)
        self.error: dict[str, JSON] = {"type": kind, "loc": place, "msg": message, "input": given}


def integer(place: tuple[str, ...], text: str) -> int:
    """The whole number that a path or a query says.

    Raises:
        InvalidError: It says something else.
    """
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    message = "Input should be a valid integer, unable to parse string as an integer"
    raise InvalidError("int_parsing", place, message, text)
