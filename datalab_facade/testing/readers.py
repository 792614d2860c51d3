"""Bodies, headers and calls in plain JSON, as scripts and faults hold them."""

from __future__ import annotations

import base64
import binascii
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, get_type_hints

from datalab_facade.codec import form_of_field
from datalab_facade.json_forms import Form, InvalidJSONError, check_names, read_inside
from datalab_facade.testing.jsonvalue import JSON

_T = TypeVar("_T")

# What is read in its own way, or not at all.
_ANYTHING = {"JSON": object, "HeadersLike": object}
_TEXT = form_of_field(str)
_PAIRS = form_of_field(tuple[tuple[str, str], ...])


def call(function: Callable[..., _T], value: object, own: Mapping[str, Form]) -> _T:
    """Call a function with the arguments that an object in JSON holds.

    Args:
        function: The function; its annotations say how its arguments are read.
        value: The object.
        own: The forms of arguments that are read in their own way.

    Raises:
        InvalidJSONError: The value is not an object with such arguments, or they are refused.
    """
    if not isinstance(value, Mapping):
        raise InvalidJSONError("must be an object", value)
    hints = get_type_hints(function, localns=_ANYTHING)
    parameters = inspect.signature(function).parameters
    check_names(value, parameters)
    arguments: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name in value:
            form = own.get(name) or form_of_field(hints[name])
            arguments[name] = read_inside(f".{name}", form.read, value[name])
        elif parameter.default is inspect.Parameter.empty:
            raise InvalidJSONError(f"has no {name}")
    try:
        return function(**arguments)
    except ValueError as error:
        raise InvalidJSONError(str(error)) from error


def _read_headers(value: object) -> list[tuple[str, str]]:
    """Read headers: an object, or a list of pairs where a name repeats."""
    if isinstance(value, Mapping):
        return [
            (_TEXT.read(name), read_inside(f".{name}", _TEXT.read, item))
            for name, item in value.items()
        ]
    return list(_PAIRS.read(value))


def _read_body(value: object) -> JSON | bytes:
    """Read a body: ``{"json": ...}``, ``{"text": "..."}`` or ``{"base64": "..."}``."""
    if not isinstance(value, Mapping):
        raise InvalidJSONError("must be an object", value)
    check_names(value, ("json", "text", "base64"))
    if len(value) != 1:
        raise InvalidJSONError(
            f"a body must be exactly one of json, text and base64, not {sorted(value)}"
        )
    [(kind, body)] = cast("Mapping[str, JSON]", value).items()
    if kind == "json":
        return body if body is not None else b"null"
    text: str = read_inside(f".{kind}", _TEXT.read, body)
    if kind == "text":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidJSONError(f"cannot be decoded: {error}").inside(".base64") from error


def _write_body(body: JSON | bytes) -> dict[str, Any]:
    if not isinstance(body, bytes):
        return {"json": body}
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


BODY = Form(_write_body, _read_body)
"""A body; None is not written."""
BODY_OR_NONE = Form(_write_body, lambda value: None if value is None else _read_body(value))
"""The same, which may be left out."""
HEADERS = Form(None, _read_headers)
"""Headers."""
