"""What callers may say of outputs; whatever else they say is told before anything is sent."""

from __future__ import annotations

import math
import os
from numbers import Real
from pathlib import Path

from datalab_facade.errors import ConfigurationError
from datalab_facade.models import Execution, Output


def checked_seconds(name: str, value: object) -> float:
    """Give a time back if it can be one; ``math.inf`` is for ever.

    >>> checked_seconds("timeout", 30)
    30.0

    Raises:
        ConfigurationError: It is no number, or not more than 0.
    """
    seconds = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            seconds = float(value)
        except OverflowError:
            seconds = math.nan
    if not seconds > 0:
        raise ConfigurationError(f"{name} must be more than 0 seconds, not {value!r:.50}")
    return seconds


def checked_count(name: str, value: object, *, least: int) -> int:
    """Give a count back if it can be one.

    >>> checked_count("concurrency", 8, least=1)
    8

    Raises:
        ConfigurationError: It is no whole number, or too small.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(
            f"{name} must be a whole number from {least} on, not {value!r:.50}"
        )
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
    if isinstance(value, (Execution, int)) and not isinstance(value, bool):
        return value
    raise ConfigurationError(f"An execution or its id is needed, and not a {type(value).__name__}")


def checked_path(name: str, value: object) -> Path:
    """Give a path back if some system could have it.

    Raises:
        ConfigurationError: It is no path, or holds what no name can hold.
    """
    if not isinstance(value, (str, os.PathLike)) or "\0" in str(os.fspath(value)):
        raise ConfigurationError(f"{name} must be a path, not {value!r:.50}")
    try:
        return Path(value)
    except TypeError:
        # Paths of bytes are none for pathlib.
        raise ConfigurationError(f"{name} must be a path in text, not {value!r:.50}") from None


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
    except (LookupError, TypeError, ValueError):
        raise ConfigurationError(
            f"encoding must be one of text, such as 'utf-8', not {name!r:.50}"
        ) from None
    return name
