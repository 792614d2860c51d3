"""Checks of what a test passes to the kit: an error names the value and says what is allowed."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import TypeVar

_T = TypeVar("_T")


def check_type(value: object, kind: type[_T], what: str, example: str) -> _T:
    """Return a value of this type.

    Raises:
        TypeError: The value has another type.
    """
    if isinstance(value, kind):
        return value
    message = f"{what} must be {_article(kind.__name__)}, such as {example}, not {value!r}"
    raise TypeError(message)


def is_finite(value: object) -> bool:
    """Return whether a value is a finite number, zero or more."""
    return isinstance(value, (int, float)) and 0 <= value < math.inf


def check_seconds(value: object) -> None:
    """Check a number of seconds.

    Raises:
        ValueError: The value is not a finite number, zero or more.
    """
    if not is_finite(value):
        message = f"seconds must be a finite number, zero or more, not {value!r}"
        raise ValueError(message)


def check_clock(value: object) -> None:
    """Check a clock; ``None`` stands for the machine's.

    Raises:
        TypeError: The value is not a clock.
    """
    names = ("monotonic", "now", "sleep", "sleep_async")
    if value is not None and not all(callable(getattr(value, name, None)) for name in names):
        message = f"clock must be a clock, such as VirtualClock() or FastClock(60), not {value!r}"
        raise TypeError(message)


def check_rate_limit(value: object) -> tuple[int, float]:
    """Return a rate limit: a number of requests, and of seconds.

    Raises:
        ValueError: The value is something else.
    """
    match value:
        case (int(requests), int() | float() as seconds) if requests >= 0 and seconds > 0:
            return requests, seconds
        case _:
            message = (
                "rate_limit must be a number of requests and the seconds in which they are "
                f"allowed, such as (200, 60), not {value!r}"
            )
            raise ValueError(message)


def new_id(given: int | None, following: int, taken: Container[int], what: str) -> int:
    """Return the id of something new: that of the tester's choice, or the one that follows.

    Raises:
        ValueError: The id is taken, or not a whole number above zero.
    """
    if given is None:
        return following
    value: object = given
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        message = f"the id of {what} must be a whole number above zero, not {value!r}"
        raise ValueError(message)
    if given in taken:
        message = f"there is {what} {given} already; use another id, or leave it out"
        raise ValueError(message)
    return given


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
