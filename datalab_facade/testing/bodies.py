"""The body of a request, read and refused as FastAPI does it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn, TypeAlias, cast

from datalab_facade.testing.jsonvalue import JSON, json_bytes
from datalab_facade.testing.messages import Request
from datalab_facade.testing.refusals import InvalidError, RefusedError

Place: TypeAlias = tuple[str | int, ...]
"""Where in a request something is: ``("body", "steps", 0)``."""

_WORDS: Final[Mapping[type, str]] = {str: "string", list: "list", dict: "dictionary"}


def object_body(request: Request) -> Mapping[str, JSON]:
    """The JSON object that a request brings.

    Raises:
        InvalidError: It brings nothing, something else, or no JSON.
        RefusedError: It cannot be read at all.
    """
    if not request.body:
        raise InvalidError("missing", ("body",), "Field required")
    if not _is_json(request):
        raise not_an_object(("body",), request.body.decode(errors="replace"))
    value = _parsed(request.body)
    if not isinstance(value, Mapping):
        raise not_an_object(("body",), value)
    return value


def not_an_object(place: Place, given: JSON) -> InvalidError:
    """What is said of something where an object is wanted."""
    message = "Input should be a valid dictionary or object to extract fields from"
    return InvalidError("model_attributes_type", place, message, given)


def field_problems(
    body: Mapping[str, JSON],
    name: str,
    kind: type,
    place: Place,
    *,
    required: bool = False,
    nullable: bool = False,
) -> Iterator[JSON]:
    """What is wrong with one field: nothing, or one thing."""
    if name not in body:
        if required:
            yield InvalidError("missing", (*place, name), "Field required", body).error
    elif not (nullable and body[name] is None):
        yield from value_problems(body[name], kind, (*place, name))


def value_problems(value: JSON, kind: type, place: Place) -> Iterator[JSON]:
    """What is wrong with one value: nothing, or one thing."""
    if not isinstance(value, kind):
        message = f"Input should be a valid {_WORDS[kind]}"
        yield InvalidError(f"{kind.__name__}_type", place, message, value).error


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    main, _, sub = kind.partition("/")
    return not kind or (main == "application" and (sub == "json" or sub.endswith("+json")))


def _parsed(body: bytes) -> JSON:
    try:
        value = cast("JSON", json.loads(body, parse_constant=_no_constant))
    except json.JSONDecodeError as error:
        raise InvalidError(
            "json_invalid", ("body", error.pos), "JSON decode error", {}, {"error": error.msg}
        ) from error
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "There was an error parsing the body") from error
    try:
        _ = json_bytes(value)
    except UnicodeEncodeError as error:
        message = "Input should be a valid string, unable to parse raw data as a unicode string"
        raise InvalidError("string_unicode", ("body",), message) from error
    except (ValueError, RecursionError) as error:
        # A number such as 1e999, or depth that can be read but not written.
        raise RefusedError(400, "There was an error parsing the body") from error
    return value


def _no_constant(word: str) -> NoReturn:
    message = "Expecting value"
    raise json.JSONDecodeError(message, word, 0)
