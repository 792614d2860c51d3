"""Check the fields of a form as FastAPI does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.testing.forms import FormPart, InvalidFormError, parse_form
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.messages import Request
from datalab_facade.testing.parameters import boolean, integer
from datalab_facade.testing.refusals import InvalidError, RefusedError, problem, raise_if_any

FieldKind: TypeAlias = Literal["string", "integer", "number", "boolean"]

FILE: Final = "file"
"""The field of the document itself."""

_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


@attrs.frozen
class FormFields:
    """The fields that a form may have, apart from :data:`FILE`."""

    kinds: Mapping[str, FieldKind]
    required: frozenset[str] = frozenset()


@attrs.frozen
class Form:
    """What came in a form: its fields, of those that are known, and its file."""

    fields: Mapping[str, str]
    file: FormPart | None


def read_form(request: Request, known: FormFields) -> Form:
    """Read a form and check its fields. Unknown fields are ignored, and so are empty ones.

    Of a field that comes several times, only the last one counts.

    Raises:
        InvalidError: fields are missing, or not of their type.
        RefusedError: the body is not a form.
    """
    try:
        parts = parse_form(request.headers.get("content-type", ""), request.body)
    except InvalidFormError as error:
        raise RefusedError(400, str(error)) from error
    last = {part.name: part for part in parts}
    raise_if_any([*_missing(last, known), *_problems(last, known)])
    file = last.get(FILE)
    if file is not None and not file.filename:
        file = None
    fields = {name: part.text for name, part in last.items() if name in known.kinds and part.body}
    return Form(fields, file)


def _missing(last: Mapping[str, FormPart], known: FormFields) -> Iterator[JSON]:
    for name in known.kinds:
        if name in known.required and (name not in last or not last[name].body):
            yield problem("missing", ("body", name), "Field required")


def _problems(last: Mapping[str, FormPart], known: FormFields) -> Iterator[JSON]:
    for name, part in last.items():
        location = ("body", name)
        if name == FILE:
            if part.filename is None and part.body:
                message = "Value error, Expected UploadFile, received: <class 'str'>"
                yield problem("value_error", location, message, part.text, {"error": {}})
        elif name in known.kinds and part.filename:
            yield problem("string_type", location, "Input should be a valid string")
        elif name in known.kinds and part.body:
            yield from _kind_problems(known.kinds[name], location, part.text)


def _kind_problems(kind: FieldKind, location: tuple[str, str], text: str) -> Iterator[JSON]:
    try:
        check_kind(kind, location, text)
    except InvalidError as error:
        yield from error.problems


def check_kind(kind: FieldKind, location: tuple[str, str], text: str) -> None:
    """Check that a text from a form or a query is of a type.

    Raises:
        InvalidError: it is not.
    """
    if kind == "integer":
        _ = integer(location, text.strip())
    elif kind == "number" and not _NUMBER.fullmatch(text.strip()):
        message = "Input should be a valid number, unable to parse string as a number"
        raise InvalidError(problem("float_parsing", location, message, text))
    elif kind == "boolean":
        _ = boolean(location, text)
