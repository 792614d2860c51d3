"""Scripts and faults as plain JSON, and back; whatever does not fit is named with its place."""

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
"""Checks a value found at a place; raises ``ValueError`` that names it."""


def fields(value: object, place: str, readers: Mapping[str, Reader]) -> dict[str, object]:
    """Read an object with known fields, all of them optional."""
    if not isinstance(value, Mapping):
        raise _wrong(place, "an object", value)
    given = cast("Mapping[object, object]", value)
    for name in given:
        if name not in readers:
            known = ", ".join(readers) or "none"
            message = f"{_at(place)}there is no field {name!r}; there are: {known}"
            raise ValueError(message)
    return {
        name: reader(given[name], f"{place}.{name}" if place else name)
        for name, reader in readers.items()
        if name in given
    }


def made(place: str, make: Callable[..., _T], given: Mapping[str, object]) -> _T:
    """Make a thing of what was read; its own complaints get the place in front."""
    with complaints_from(place):
        return make(**given)


@contextmanager
def complaints_from(place: str) -> Iterator[None]:
    """Put a place in front of what is raised inside, and make it a ``ValueError``."""
    try:
        yield
    except ValueError as error:
        message = f"{_at(place)}{error}"
        raise ValueError(message) from error
    except TypeError as error:
        # A Python call says this of an argument that is not there.
        message = f"{_at(place)}{str(error).partition('() ')[2] or error}"
        raise ValueError(message) from error


def text(value: object, place: str) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise _wrong(place, "a string", value)
    return value


def number(value: object, place: str) -> float:
    """Read a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(place, "a number", value)
    return value


def whole(value: object, place: str) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(place, "a whole number", value)
    return value


def truth(value: object, place: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise _wrong(place, "true or false", value)
    return value


def one_of(*words: str) -> Reader:
    """Read one of some words."""

    def read(value: object, place: str) -> str:
        if value not in words:
            raise _wrong(place, " or ".join(map(repr, words)), value)
        return text(value, place)

    return read


def an_object(value: object, place: str) -> Mapping[str, object]:
    """Read an object with any fields."""
    if not isinstance(value, Mapping):
        raise _wrong(place, "an object", value)
    return cast("Mapping[str, object]", value)


def or_null(reader: Reader) -> Reader:
    """Let null through."""
    return lambda value, place: None if value is None else reader(value, place)


def each(reader: Reader) -> Reader:
    """Read a list."""

    def read(value: object, place: str) -> list[object]:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise _wrong(place, "a list", value)
        items = cast("Sequence[object]", value)
        return [reader(item, f"{place}[{index}]") for index, item in enumerate(items)]

    return read


def pair(first: Reader, second: Reader) -> Reader:
    """Read a list of two."""

    def read(value: object, place: str) -> tuple[object, object]:
        items = each(lambda item, _: item)(value, place)
        if not isinstance(items, list) or len(items) != 2:
            raise _wrong(place, "a list of two", value)
        return first(items[0], f"{place}[0]"), second(items[1], f"{place}[1]")

    return read


def headers(value: object, place: str) -> list[tuple[str, str]]:
    """Read headers: an object, or a list of pairs where a name comes twice."""
    if isinstance(value, Mapping):
        named = cast("Mapping[object, object]", value)
        return [(text(k, place), text(v, f"{place}.{k}")) for k, v in named.items()]
    return cast("list[tuple[str, str]]", each(pair(text, text))(value, place))


def content(value: object, place: str) -> JSON | bytes:
    """Read a body: ``{"json": ...}``, ``{"text": "..."}`` or ``{"base64": "..."}``."""
    given = fields(value, place, {"json": lambda one, _: one, "text": text, "base64": text})
    if len(given) != 1:
        message = f"{_at(place)}a body is one of json, text and base64, not {sorted(given)}"
        raise ValueError(message)
    [(kind, found)] = given.items()
    if kind == "json":
        return cast("JSON", found) if found is not None else b"null"
    if kind == "text":
        return cast("str", found).encode()
    try:
        return base64.b64decode(cast("str", found), validate=True)
    except binascii.Error as error:
        message = f"{place}.base64: {error}"
        raise ValueError(message) from error


def written(body: JSON | bytes) -> dict[str, JSON]:
    """Write what :func:`content` reads."""
    if not isinstance(body, bytes):
        return {"json": body}
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _wrong(place: str, wanted: str, value: object) -> ValueError:
    shown = repr(value)
    return ValueError(f"{_at(place)}{wanted} is wanted, not {shown[:80]}")


def _at(place: str) -> str:
    return f"{place}: " if place else ""
