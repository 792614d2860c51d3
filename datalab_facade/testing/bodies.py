"""Read and validate request bodies as FastAPI does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn, TypeAlias, cast

from datalab_facade.testing.jsonvalue import JSON, json_bytes
from datalab_facade.testing.messages import Request
from datalab_facade.testing.refusals import InvalidError, RefusedError, problem

Location: TypeAlias = tuple[str | int, ...]
"""A location within a request: ``("body", "steps", 0)``."""

_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    list: "list",
    dict: "dictionary",
}


def object_body(request: Request) -> Mapping[str, JSON]:
    """Read the JSON object in a request's body.

    Raises:
        InvalidError: the body is empty, not JSON, or not an object.
        RefusedError: the body cannot be parsed at all.
    """
    if not request.body:
        raise InvalidError(problem("missing", ("body",), "Field required"))
    if not _is_json(request):
        raise InvalidError(not_an_object(("body",), request.body.decode(errors="replace")))
    value = _parse(request.body)
    if not isinstance(value, Mapping):
        raise InvalidError(not_an_object(("body",), value))
    return value


def not_an_object(location: Location, value: JSON) -> JSON:
    """Make the problem of a value that is not an object."""
    message = "Input should be a valid dictionary or object to extract fields from"
    return problem("model_attributes_type", location, message, value)


def field_problems(
    body: Mapping[str, JSON],
    name: str,
    kind: type,
    location: Location,
    *,
    required: bool = False,
    nullable: bool = False,
) -> Iterator[JSON]:
    """Check one field; yield at most one problem."""
    if name not in body:
        if required:
            yield problem("missing", (*location, name), "Field required", body)
    elif not (nullable and body[name] is None):
        yield from value_problems(body[name], kind, (*location, name))


def value_problems(value: JSON, kind: type, location: Location) -> Iterator[JSON]:
    """Check one value; yield at most one problem."""
    # In Python true is a whole number as well.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        message = f"Input should be a valid {_TYPE_NAMES[kind]}"
        yield problem(f"{kind.__name__}_type", location, message, value)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    main, _, sub = kind.partition("/")
    return not kind or (main == "application" and (sub == "json" or sub.endswith("+json")))


def _parse(body: bytes) -> JSON:
    try:
        value = cast("JSON", json.loads(body, parse_constant=_refuse_constant))
    except json.JSONDecodeError as error:
        context: JSON = {"error": error.msg}
        raise InvalidError(
            problem("json_invalid", ("body", error.pos), "JSON decode error", {}, context)
        ) from error
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "There was an error parsing the body") from error
    try:
        _ = json_bytes(value)
    except UnicodeEncodeError as error:
        message = "Input should be a valid string, unable to parse raw data as a unicode string"
        raise InvalidError(problem("string_unicode", ("body",), message)) from error
    except (ValueError, RecursionError) as error:
        # A number such as 1e999, or nesting too deep to write.
        raise RefusedError(400, "There was an error parsing the body") from error
    return value


def _refuse_constant(word: str) -> NoReturn:
    message = "Expecting value"
    raise json.JSONDecodeError(message, word, 0)
