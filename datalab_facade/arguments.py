"""What callers may pass; whatever else they pass is told before anything is sent."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterable, Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import TypeGuard, TypeVar

from datalab_facade.errors import ConfigurationError
from datalab_facade.models import Execution, Output
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


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def checked_number(name: str, value: object) -> float:
    """Give a number back if it is one: not a bool, not NaN, and not too large to count with.

    Raises:
        ConfigurationError: It is something else.
    """
    number = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except (OverflowError, ValueError):
            number = math.nan
    if math.isnan(number):
        raise ConfigurationError(f"{name} must be a number, not {named(value)}")
    return number


def checked_seconds(name: str, value: object) -> float:
    """Give a time back if it can be one; ``math.inf`` is for ever.

    >>> checked_seconds("timeout", 30)
    30.0

    Raises:
        ConfigurationError: It is no number, or not more than 0.
    """
    seconds = checked_number(name, value)
    if not seconds > 0:
        raise ConfigurationError(f"{name} must be more than 0 seconds, not {named(value)}")
    return seconds


def checked_count(name: str, value: object, *, least: int) -> int:
    """Give a count back if it can be one.

    >>> checked_count("concurrency", 8, least=1)
    8

    Raises:
        ConfigurationError: It is no whole number, too small, or larger than any count.
    """
    if not is_whole(value) or not least <= value <= _MOST:
        raise ConfigurationError(
            f"{name} must be a whole number from {least} on, not {named(value)}"
        )
    return value


def checked_id(value: object, *, of: str = "An execution") -> int:
    """Give an id back if it can be one.

    Raises:
        ConfigurationError: It is no whole number from 0 on, or larger than any id.
    """
    if not is_whole(value) or not 0 <= value <= _MOST_OF_AN_ID:
        raise ConfigurationError(f"{of}'s id is a whole number such as 123, not {named(value)}")
    return value


def checked_callable(name: str, value: _T) -> _T:
    """Give a function back if it is one; None, for none, is one as well.

    Raises:
        ConfigurationError: It cannot be called.
    """
    if value is not None and not callable(value):
        raise ConfigurationError(f"{name} must be a function, not {named(value)}")
    return value


def checked_methods(name: str, value: object, *methods: str) -> None:
    """Accept what has these methods, of whatever class it is.

    Raises:
        ConfigurationError: One of them is missing.
    """
    missing = [method for method in methods if not callable(getattr(value, method, None))]
    if missing:
        raise ConfigurationError(
            f"{name} must be something with the methods {', '.join(methods)}, not {named(value)}"
        )


def checked_iterable(name: str, value: _T, *, or_async: bool = False) -> _T:
    """Give back what can be iterated over; a text is one thing, and not a list of letters.

    Raises:
        ConfigurationError: It cannot.
    """
    iterable = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    if not (iterable or (or_async and isinstance(value, AsyncIterable))):
        raise ConfigurationError(f"{name} must be a list, or another iterable, not {named(value)}")
    return value


def checked_mapping(name: str, value: object) -> Mapping[object, object]:
    """Give a mapping back if it is one.

    Raises:
        ConfigurationError: It is something else.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a dict, not {named(value)}")
    return value


def checked_text(name: str, value: object) -> str:
    """Give a text back if it is one.

    Raises:
        ConfigurationError: It is something else.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a text, not {named(value)}")
    return value


def checked_output(value: object) -> Output:
    """Give an output back if it is one.

    Raises:
        ConfigurationError: It is something else.
    """
    if not isinstance(value, Output):
        raise ConfigurationError(
            f"An output is one of execution.outputs, and not a {type(value).__name__}"
        )
    return value


def checked_execution(value: object) -> Execution | int:
    """Give an execution, or the id of one, back if it may be one.

    Raises:
        ConfigurationError: It is something else.
    """
    if isinstance(value, Execution):
        return value
    if not is_whole(value):
        raise ConfigurationError(
            f"An execution or its id is needed, and not a {type(value).__name__}"
        )
    return checked_id(value)


def checked_path(name: str, value: object, *, of_file: bool = False) -> Path:
    """Give a path back if this system could have it.

    Args:
        name: What the argument is called.
        value: The path.
        of_file: Whether it must have a last part, to be the name of a file.

    Raises:
        ConfigurationError: It is no path, or holds what no name can hold.
    """
    try:
        if not isinstance(value, (str, os.PathLike)) or b"\0" in os.fsencode(value):
            raise ConfigurationError(f"{name} must be a path, not {named(value)}")
        path = Path(value)
    except (TypeError, UnicodeError):
        # Paths of bytes are none for pathlib, and a lone surrogate is no letter.
        raise ConfigurationError(f"{name} must be a path in text, not {named(value)}") from None
    if of_file and not path.name:
        raise ConfigurationError(f"{name} must name a file, not {named(value)}")
    return path


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder; a path that this system cannot even look for is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def checked_encoding(name: str) -> str:
    """Give the name of an encoding back if Python has it, and it makes text of bytes.

    Raises:
        ConfigurationError: It does not.
    """
    try:
        # Of no bytes at all, text is made without a look at the name.
        b" ".decode(name)
    except UnicodeDecodeError:
        return name
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ConfigurationError(
            f"encoding must be one of text, such as 'utf-8', not {named(name)}"
        ) from None
    return name
