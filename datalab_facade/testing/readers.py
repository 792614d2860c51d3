"""Read scripts and faults from plain JSON, and write bodies back.

A reader takes a value and its place in the JSON, such as ``steps[0].ends``. It returns
what the value means, or raises a ``ValueError`` that names the place.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from datalab_facade.testing.jsonvalue import JSON

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")

Reader: TypeAlias = Callable[[object, str], object]
"""Checks the value at a place; raises ``ValueError`` with the place."""


def read_fields(value: object, place: str, readers: Mapping[str, Reader]) -> dict[str, object]:
    """Read an object with known fields, all of them optional."""
    if not isinstance(value, Mapping):
        raise _type_error(place, "an object", value)
    values = cast("Mapping[object, object]", value)
    for name in values:
        if name not in readers:
            known = ", ".join(readers) or "none"
            message = f"{_prefix(place)}unknown field {name!r}; known fields: {known}"
            raise ValueError(message)
    return {
        name: reader(values[name], f"{place}.{name}" if place else name)
        for name, reader in readers.items()
        if name in values
    }


def build(place: str, factory: Callable[..., _T], values: Mapping[str, object]) -> _T:
    """Call a factory with the values read; its errors name the place."""
    with prefix_errors(place):
        return factory(**values)


@contextmanager
def prefix_errors(place: str) -> Iterator[None]:
    """Turn errors raised inside into a ``ValueError`` that begins with the place."""
    try:
        yield
    except ValueError as error:
        message = f"{_prefix(place)}{error}"
        raise ValueError(message) from error
    except TypeError as error:
        # Python raises this for a missing argument, with the function's name in front.
        message = f"{_prefix(place)}{str(error).partition('() ')[2] or error}"
        raise ValueError(message) from error


def text(value: object, place: str) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise _type_error(place, "a string", value)
    return value


def number(value: object, place: str) -> float:
    """Read a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _type_error(place, "a number", value)
    return value


def integer(value: object, place: str) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _type_error(place, "a whole number", value)
    return value


def boolean(value: object, place: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise _type_error(place, "true or false", value)
    return value


def one_of(*words: str) -> Reader:
    """Make a reader of one of several words."""

    def read(value: object, place: str) -> str:
        if value not in words:
            raise _type_error(place, " or ".join(map(repr, words)), value)
        return text(value, place)

    return read


def json_object(value: object, place: str) -> Mapping[str, object]:
    """Read an object with any fields."""
    if not isinstance(value, Mapping):
        raise _type_error(place, "an object", value)
    return cast("Mapping[str, object]", value)


def or_null(reader: Reader) -> Reader:
    """Make a reader that also accepts null."""
    return lambda value, place: None if value is None else reader(value, place)


def list_of(reader: Reader) -> Reader:
    """Make a reader of a list."""

    def read(value: object, place: str) -> list[object]:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise _type_error(place, "a list", value)
        items = cast("Sequence[object]", value)
        return [reader(item, f"{place}[{index}]") for index, item in enumerate(items)]

    return read


def pair_of(first: Reader, second: Reader) -> Reader:
    """Make a reader of a list of two."""

    def read(value: object, place: str) -> tuple[object, object]:
        items = list_of(lambda item, _: item)(value, place)
        if not isinstance(items, list) or len(items) != 2:
            raise _type_error(place, "a list of two", value)
        return first(items[0], f"{place}[0]"), second(items[1], f"{place}[1]")

    return read


def headers(value: object, place: str) -> list[tuple[str, str]]:
    """Read headers: an object, or a list of pairs where a name repeats."""
    if isinstance(value, Mapping):
        named = cast("Mapping[object, object]", value)
        return [(text(k, place), text(v, f"{place}.{k}")) for k, v in named.items()]
    return cast("list[tuple[str, str]]", list_of(pair_of(text, text))(value, place))


def content(value: object, place: str) -> JSON | bytes:
    """Read a body: ``{"json": ...}``, ``{"text": "..."}`` or ``{"base64": "..."}``."""
    values = read_fields(value, place, {"json": lambda item, _: item, "text": text, "base64": text})
    if len(values) != 1:
        message = (
            f"{_prefix(place)}a body must be exactly one of json, text and base64, "
            f"not {sorted(values)}"
        )
        raise ValueError(message)
    [(kind, body)] = values.items()
    if kind == "json":
        return cast("JSON", body) if body is not None else b"null"
    if kind == "text":
        return cast("str", body).encode()
    try:
        return base64.b64decode(cast("str", body), validate=True)
    except binascii.Error as error:
        message = f"{place}.base64 cannot be decoded: {error}"
        raise ValueError(message) from error


def write_content(body: JSON | bytes) -> dict[str, JSON]:
    """Write what :func:`content` reads."""
    if not isinstance(body, bytes):
        return {"json": body}
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _type_error(place: str, expected: str, value: object) -> ValueError:
    return ValueError(f"{place or 'the value'} must be {expected}, not {repr(value)[:80]}")


def _prefix(place: str) -> str:
    return f"{place}: " if place else ""
