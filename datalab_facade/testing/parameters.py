"""Read texts from a path, a query or a form as FastAPI does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from datalab_facade.testing.messages import Request
from datalab_facade.testing.refusals import InvalidError, problem

_T = TypeVar("_T")

TRUE: Final = frozenset(("1", "t", "true", "y", "yes", "on"))
"""The texts that mean true, in lower case."""
_FALSE: Final = frozenset(("0", "f", "false", "n", "no", "off"))
_MAX_DIGITS: Final = 4300


def integer(location: tuple[str, ...], text: str) -> int:
    """Read a whole number.

    Raises:
        InvalidError: the text is not a whole number, or has thousands of digits.
    """
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise InvalidError(problem("int_parsing", location, message, text))
    if len(text) > _MAX_DIGITS:
        message = "Unable to parse input string as an integer, exceeded maximum size"
        raise InvalidError(problem("int_parsing_size", location, message, text))
    return int(text)


def boolean(location: tuple[str, ...], text: str) -> bool:
    """Read true or false.

    Raises:
        InvalidError: the text is neither.
    """
    word = text.lower()
    if word not in TRUE | _FALSE:
        message = "Input should be a valid boolean, unable to interpret input"
        raise InvalidError(problem("bool_parsing", location, message, text))
    return word in TRUE


def integer_in_query(
    request: Request, name: str, default: int, *, least: int = 0, most: int | None = None
) -> int:
    """Read a whole number from a query.

    Raises:
        InvalidError: it is not one, or out of range.
    """
    text = request.parameter(name)
    number = default if text is None else integer(("query", name), text)
    if number < least:
        kind, message = "greater_than_equal", f"Input should be greater than or equal to {least}"
        raise InvalidError(problem(kind, ("query", name), message, text, {"ge": least}))
    if most is not None and number > most:
        kind, message = "less_than_equal", f"Input should be less than or equal to {most}"
        raise InvalidError(problem(kind, ("query", name), message, text, {"le": most}))
    return number


def page_of(request: Request, items: Sequence[_T], *, default: int, most: int) -> Sequence[_T]:
    """Return the page of a list that a query asks for.

    Raises:
        InvalidError: limit or offset are out of range.
    """
    limit = integer_in_query(request, "limit", default, least=1, most=most)
    offset = integer_in_query(request, "offset", 0)
    return items[offset : offset + limit]
