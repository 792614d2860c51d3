"""Checks of what a test passes to the kit: an error names the value and says what is allowed."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from typing import TypeGuard, TypeVar

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


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether a value is a finite number, zero or more."""
    return isinstance(value, (int, float)) and 0 <= value < math.inf


def is_whole(value: object, least: int = 0) -> TypeGuard[int]:
    """Return whether a value is a whole number of at least so much."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_whole(name: str, value: object, least: int) -> None:
    """Check a whole number.

    Raises:
        ValueError: The value is something else, or too small.
    """
    if not is_whole(value, least):
        message = f"{name} must be a whole number from {least} on, not {value!r}"
        raise ValueError(message)


def as_names(values: Iterable[str]) -> tuple[str, ...]:
    """Return names as a tuple; a text is one name, and not a list of its letters."""
    return (values,) if isinstance(values, str) else tuple(values)


def check_keys(keys: Iterable[str]) -> frozenset[str]:
    """Return API keys. Errors do not show them.

    Raises:
        TypeError: They are not a list of texts.
    """
    if isinstance(keys, str):
        message = "more_keys must be a list of keys, not a single one; pass [key]"
        raise TypeError(message)
    found = frozenset(keys)
    for key in found:
        if not isinstance(key, str):
            message = f"an API key must be a text, not {_article(type(key).__name__)}"
            raise TypeError(message)
    return found


def check_seconds(value: object, name: str = "seconds") -> None:
    """Check a number of seconds.

    Raises:
        ValueError: The value is not a finite number, zero or more.
    """
    if not is_finite(value):
        message = f"{name} must be a finite number of seconds, zero or more, not {value!r}"
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


def check_options(url_lifetime: object, bucket: object, clock_skew: object, per: object) -> None:
    """Check options of a simulator.

    Raises:
        ValueError: One of them makes no sense.
    """
    check_whole("url_lifetime", url_lifetime, 1)
    is_number = isinstance(clock_skew, (int, float)) and math.isfinite(clock_skew)
    for is_right, words in (
        (isinstance(bucket, str) and bucket, f"bucket must be a name, not {bucket!r}"),
        (is_number, f"clock_skew must be a finite number of seconds, not {clock_skew!r}"),
        (per in ("key", "endpoint"), f"rate_limit_per must be 'key' or 'endpoint', not {per!r}"),
    ):
        if not is_right:
            raise ValueError(words)


def check_rate_limit(value: object) -> tuple[int, float]:
    """Return a rate limit: a number of requests, and of seconds.

    Raises:
        ValueError: The value is something else.
    """
    match value:
        case (requests, seconds) if is_whole(requests) and is_finite(seconds) and seconds > 0:
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
    if not is_whole(given, 1):
        message = f"the id of {what} must be a whole number above zero, not {given!r}"
        raise ValueError(message)
    if given in taken:
        message = f"there is {what} {given} already; use another id, or leave it out"
        raise ValueError(message)
    return given


def _article(name: str) -> str:
    if name == "bytes":
        return name
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
