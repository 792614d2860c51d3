"""How a public name goes: it warns first, and says what to use and when it is gone."""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

_VERSION = re.compile(r"(\d+)\.(\d+)")


def deprecated(
    *, since: str, gone_in: str, use: str
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let a function or method warn that it will go; it works as before until then.

    Args:
        since: The version that deprecates it, such as ``"0.2"``.
        gone_in: The version that has it no more: at least two minor versions later,
            or a later major version.
        use: What to use in its place, as it is to be read: ``"wait(timeout=...)"``.

    Returns:
        A decorator. What it decorates emits a :class:`DeprecationWarning` at each call,
        which points at the caller, and its docstring says so.

    Raises:
        ValueError: There is too little time between the two versions.

    >>> @deprecated(since="0.2", gone_in="0.4", use="wait()")
    ... def poll(execution_id):
    ...     return execution_id
    >>> print(poll.__doc__)
    Deprecated since 0.2, gone in 0.4: use wait().
    """
    _check_time(since, gone_in)

    def decorator(function: Callable[_P, _R]) -> Callable[_P, _R]:
        name = function.__qualname__
        note = f"Deprecated since {since}, gone in {gone_in}: use {use}."

        @functools.wraps(function)
        def warning(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            warnings.warn(
                f"{name} is deprecated since {since} and gone in {gone_in}; use {use}",
                DeprecationWarning,
                stacklevel=2,
            )
            return function(*args, **kwargs)

        docstring = inspect.getdoc(function)
        warning.__doc__ = f"{docstring}\n\n{note}" if docstring else note
        return warning

    return decorator


def _check_time(since: str, gone_in: str) -> None:
    (major, minor), (goal_major, goal_minor) = _parts(since), _parts(gone_in)
    if goal_major > major or (goal_major == major and goal_minor >= minor + 2):
        return
    raise ValueError(
        f"between {since} and {gone_in} are fewer than two minor versions: "
        f"gone_in may be {major}.{minor + 2} at the earliest"
    )


def _parts(version: str) -> tuple[int, int]:
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"a version here is written as '0.2', not {version!r}")
    return int(found[1]), int(found[2])
