"""Checks of what callers pass: a wrong value raises an error before anything is sent."""

from __future__ import annotations

import contextlib
import inspect
import math
import operator
import os
from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import timedelta
from numbers import Real
from pathlib import Path
from typing import SupportsIndex, TypeVar

from datalab_facade.errors import InvalidArgumentError
from datalab_facade.redaction import excerpt

_T = TypeVar("_T")

_MOST = 2**63 - 1
# Whatever the API counts its ids in; a longer one would not even be printed.
_MOST_OF_AN_ID = 10**100


def named(value: object) -> str:
    """Give a value as an error names it: its repr, cut, whatever making that one raises.

    >>> named("5"), named(10**5000)
    ("'5'", 'a huge int')
    """
    try:
        return excerpt(repr(value), limit=50)
    except ValueError:
        # Python writes no number of more than some thousand digits.
        return f"a huge {type(value).__name__}"
    except Exception:  # noqa: BLE001 - it is code of the caller's
        return f"something of type {type(value).__name__}"


def whole_number(value: object) -> int | None:
    """Give a whole number as an int, whatever its type: NumPy's, too. A bool is not a number.

    >>> whole_number(5), whole_number(True), whole_number("5")
    (5, None, None)
    """
    if type(value) is int:
        # Asking a protocol takes a hundred times as long.
        return value
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except Exception:  # noqa: BLE001 - it is code of the caller's
        return None


def _float(value: object) -> float:
    """Give a number as a float; NaN for a bool, NaN, and what is too large to count with."""
    if isinstance(value, Real) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError, ValueError):
            return float(value)
    return math.nan


def checked_number(name: str, value: object) -> float:
    """Give a number back as a float.

    Raises:
        InvalidArgumentError: It is a bool, NaN, too large to count with, or not a number.
    """
    number = _float(value)
    if math.isnan(number):
        raise InvalidArgumentError(f"{name} must be a number, not {named(value)}")
    return number


def in_seconds(value: float | timedelta) -> float:
    """Convert a timedelta to seconds; a number already counts seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def checked_seconds(name: str, value: object) -> float:
    """Give a time in seconds, of a number or a timedelta; ``math.inf`` never ends.

    >>> checked_seconds("timeout", 30), checked_seconds("timeout", timedelta(minutes=2))
    (30.0, 120.0)

    Raises:
        InvalidArgumentError: It is not a time, or not more than 0 seconds.
    """
    seconds = _float(in_seconds(value) if isinstance(value, timedelta) else value)
    if math.isnan(seconds):
        raise InvalidArgumentError(
            f"{name} must be a number of seconds or a timedelta, not {named(value)}"
        )
    if not seconds > 0:
        raise InvalidArgumentError(f"{name} must be more than 0 seconds, not {named(value)}")
    return seconds


def checked_count(name: str, value: object, *, least: int) -> int:
    """Give a count back if it can be one.

    >>> checked_count("concurrency", 8, least=1)
    8

    Raises:
        InvalidArgumentError: It is not a whole number, too small, or larger than any count.
    """
    count = whole_number(value)
    if count is None or not least <= count <= _MOST:
        raise InvalidArgumentError(
            f"{name} must be a whole number from {least} on, not {named(value)}"
        )
    return count


def checked_id(value: object, *, of: str = "An execution") -> int:
    """Give an id back as an int.

    Raises:
        InvalidArgumentError: It is not a whole number from 0 on, or larger than any id.
    """
    number = whole_number(value)
    if number is None or not 0 <= number <= _MOST_OF_AN_ID:
        raise InvalidArgumentError(f"{of}'s id is a whole number such as 123, not {named(value)}")
    return number


def checked_callable(name: str, value: _T) -> _T:
    """Give a function back if it is one; None, for none, is one as well.

    Raises:
        InvalidArgumentError: It cannot be called.
    """
    if value is not None and not callable(value):
        raise InvalidArgumentError(f"{name} must be a function, not {named(value)}")
    return value


def checked_plain_function(name: str, value: _T) -> _T:
    """Do the same; an async function is refused, since nobody would await what it returns.

    Raises:
        InvalidArgumentError: It cannot be called, or is async.
    """
    # An object is async where its class says so.
    if any(map(inspect.iscoroutinefunction, (value, getattr(value, "__call__", None)))):  # noqa: B004 - as is said
        raise InvalidArgumentError(
            f"{name} must be a plain function, not an async one: {named(value)}"
        )
    return checked_callable(name, value)


def checked_methods(name: str, value: object, *methods: str) -> None:
    """Accept what has these methods, of whatever class it is.

    Raises:
        InvalidArgumentError: One of them is missing.
    """
    missing = [method for method in methods if not callable(getattr(value, method, None))]
    if missing:
        raise InvalidArgumentError(
            f"{name} must be something with the methods {', '.join(methods)}, not {named(value)}"
        )


def checked_iterable(name: str, value: _T) -> _T:
    """Give back what can be iterated over; a text is one thing, and not a list of letters.

    Raises:
        InvalidArgumentError: It cannot.
    """
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise InvalidArgumentError(
            f"{name} must be a list, or another iterable, not {named(value)}"
        )
    return value


def checked_iterable_async(name: str, value: _T) -> _T:
    """Do the same; the iterable may be async."""
    return value if isinstance(value, AsyncIterable) else checked_iterable(name, value)


def checked_mapping(name: str, value: object) -> Mapping[object, object]:
    """Give a mapping back if it is one.

    Raises:
        InvalidArgumentError: It is something else.
    """
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f"{name} must be a dict, not {named(value)}")
    return value


def checked_text(name: str, value: object) -> str:
    """Give a text back if it is one.

    Raises:
        InvalidArgumentError: It is something else.
    """
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{name} must be a text, not {named(value)}")
    return value


def checked_path(name: str, value: object, *, of_file: bool = False) -> Path:
    """Give a path back if this system could have it.

    Args:
        name: What the argument is called.
        value: The path.
        of_file: Whether it must have a last part, to be the name of a file.

    Raises:
        InvalidArgumentError: It is not a path, or holds what no name can hold.
    """
    try:
        if not isinstance(value, (str, os.PathLike)) or b"\0" in os.fsencode(value):
            raise InvalidArgumentError(f"{name} must be a path, not {named(value)}")
        path = Path(value)
    except (TypeError, UnicodeError):
        # pathlib takes no paths of bytes, and a lone surrogate is not a letter.
        raise InvalidArgumentError(f"{name} must be a path in text, not {named(value)}") from None
    if of_file and not path.name:
        raise InvalidArgumentError(f"{name} must name a file, not {named(value)}")
    return path


# The methods of a Path raise where this system cannot have such a name: one that is too long.


def is_there(path: str | os.PathLike[str]) -> bool:
    """Tell whether anything is at a path; at one that this system cannot have is nothing."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a folder; a path that this system cannot have is not."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def is_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a file; a path that this system cannot have is not."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def checked_encoding(name: str) -> str:
    """Give the name of an encoding back if Python has it, and it makes text of bytes.

    Raises:
        InvalidArgumentError: It does not.
    """
    try:
        # Of no bytes at all, text is made whatever the name is.
        b" ".decode(name)
    except UnicodeDecodeError:
        return name
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InvalidArgumentError(
            f"encoding must be one of text, such as 'utf-8', not {named(name)}"
        ) from None
    return name
