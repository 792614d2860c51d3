"""Arguments for generated code, made of values as JSON has them."""

import types
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from enum import Enum
from io import BytesIO
from typing import Any, cast
from uuid import UUID

from specs.samples import Sample


class MismatchError(Exception):
    """What generated code would do is not what the document demands."""


def alternatives_of(hint: object) -> Iterator[object]:
    """The types that a type may stand for, but that of what is left out."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for one in typing.get_args(hint):
            yield from alternatives_of(one)
    elif getattr(hint, "__name__", "") != "Unset":
        yield hint


def build(hint: object, value: Sample, text: str | None, what: str) -> object:
    """A value of a type of the generated code's, made of a value as JSON has it."""
    kinds = sorted(alternatives_of(hint), key=_rank)
    for kind in kinds:
        built = _as(kind, value)
        if built is not _MISSING:
            return built
    if text is not None and str in kinds:
        return text
    raise MismatchError(f"the {what} does not take {value!r}: it is {hint}")


_MISSING = object()


def _rank(kind: object) -> int:
    return {float: 1, str: 2, Any: 3}.get(cast("type", kind), 0)


def _as(kind: object, value: Sample) -> object:  # noqa: C901, PLR0911 - one type after the other
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if origin is typing.Literal:
        return value if value in typing.get_args(kind) else _MISSING
    if origin is list:
        if not isinstance(value, list):
            return _MISSING
        (inner,) = typing.get_args(kind)
        try:
            return [build(inner, item, None, "item") for item in value]
        except MismatchError:
            return _MISSING
    if not isinstance(kind, type):
        return _MISSING
    if issubclass(kind, Enum):
        with suppress(ValueError):
            return kind(value)
        return _MISSING
    if hasattr(kind, "from_dict"):
        # Which of several classes a value is of shows in which of them takes it.
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            return kind.from_dict(value) if isinstance(value, dict) else _MISSING
        return _MISSING
    if kind.__name__ == "File":
        file = cast("Callable[..., object]", kind)
        return file(payload=BytesIO(value)) if isinstance(value, bytes) else _MISSING
    if isinstance(value, str) and kind in (datetime, date, UUID):
        with suppress(ValueError):
            return kind(value) if kind is UUID else cast("type[date]", kind).fromisoformat(value)
        return _MISSING
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return value
    return value if type(value) is kind else _MISSING
