"""Read forms as a server receives them: ``multipart/form-data`` and URL-encoded ones.

A parser of its own, so that a form is not checked by the library that wrote it. It is
strict where a form would mean two things to two servers: RFC 7578, RFC 2046.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import attrs

MAX_PARTS: Final = 1000
"""Parts that a form may have."""
_MAX_HEADERS: Final = 16_384

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(
    rf'[ \t]*;[ \t]*({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))', re.DOTALL
)
_EXTENDED: Final = re.compile(r"(utf-8|iso-8859-1)'[^']*'(.*)", re.IGNORECASE | re.DOTALL)
_PADDING: Final = re.compile(rb"[ \t]*\r\n")


class InvalidFormError(Exception):
    """A body that is not the form that its content type announces."""


@attrs.frozen
class FormPart:
    """A part of a form: a field, or a file."""

    name: str
    body: bytes = attrs.field(repr=lambda body: f"<{len(body)} bytes>")
    filename: str | None = None
    """The name of a file; ``None``: the part is a field."""
    content_type: str | None = None
    """As sent; ``None``: there is no such header."""

    @property
    def text(self) -> str:
        """The body as text: UTF-8, or Latin-1 if it is not."""
        return _decode(self.body)


def parse_form(content_type: str, body: bytes) -> tuple[FormPart, ...]:
    """Read a form; any other type of content has no parts.

    Args:
        content_type: the request's ``Content-Type``.
        body: the request's body.

    Raises:
        InvalidFormError: the body is not such a form, or not all of it.
    """
    kind, parameters = _split_header(content_type)
    if kind == "multipart/form-data":
        if not parameters.get("boundary"):
            raise InvalidFormError("Missing boundary in multipart.")
        parts = _multipart(parameters["boundary"].encode("latin-1", "replace"), body)
    elif kind == "application/x-www-form-urlencoded":
        parts = _url_encoded(body)
    else:
        return ()
    found: list[FormPart] = []
    for part in parts:
        if len(found) == MAX_PARTS:
            message = f"Too many fields. Maximum number of fields is {MAX_PARTS}."
            raise InvalidFormError(message)
        found.append(part)
    return tuple(found)


def _url_encoded(body: bytes) -> Iterator[FormPart]:
    try:
        pairs = parse_qsl(
            _decode(body), keep_blank_values=True, errors="surrogateescape", max_num_fields=10_000
        )
    except ValueError as error:
        raise InvalidFormError("There was an error parsing the body") from error
    for name, value in pairs:
        yield FormPart(
            _decode(name.encode("utf-8", "surrogateescape")),
            value.encode("utf-8", "surrogateescape"),
        )


def _multipart(boundary: bytes, body: bytes) -> Iterator[FormPart]:
    position = _first_delimiter(boundary, body)
    while body[position : position + 2] != b"--":
        padding = _PADDING.match(body, position)
        assert padding is not None, "a delimiter ends a line, or the form"
        start = padding.end()
        end = body.find(b"\r\n\r\n", start, start + _MAX_HEADERS)
        if end < 0:
            raise InvalidFormError("The headers of a part do not end")
        stop = _find_delimiter(boundary, body, end + 4)
        yield _part(body[start:end], body[end + 4 : stop])
        position = stop + len(boundary) + 4


def _first_delimiter(boundary: bytes, body: bytes) -> int:
    """Return the position after the first delimiter; what comes before it means nothing."""
    line = b"--" + boundary
    if body.startswith(line) and _ends_delimiter(body, len(line)):
        return len(line)
    return _find_delimiter(boundary, body, 0) + len(boundary) + 4


def _find_delimiter(boundary: bytes, body: bytes, start: int) -> int:
    """Return where the next delimiter begins, its line break included."""
    delimiter = b"\r\n--" + boundary
    while True:
        found = body.find(delimiter, start)
        if found < 0:
            raise InvalidFormError("The form ends before its last boundary")
        if _ends_delimiter(body, found + len(delimiter)):
            return found
        # A line that only begins like a boundary is content.
        start = found + 2


def _ends_delimiter(body: bytes, position: int) -> bool:
    return body[position : position + 2] == b"--" or _PADDING.match(body, position) is not None


def _part(head: bytes, body: bytes) -> FormPart:
    headers: dict[str, str] = {}
    for line in _decode(head).split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(_WORD, name) or "\r" in value or "\n" in value:
            raise InvalidFormError("A part has a header that is not one")
        if name.lower() in headers:
            message = f"A part has two headers {name}"
            raise InvalidFormError(message)
        headers[name.lower()] = value.strip(" \t")
    kind, parameters = _split_header(headers.get("content-disposition", ""))
    if kind != "form-data":
        raise InvalidFormError("A part has no Content-Disposition of form-data")
    if "name" not in parameters:
        raise InvalidFormError('The Content-Disposition header field "name" must be provided.')
    filename = parameters.get("filename")
    if "filename*" in parameters:
        filename = _extended(parameters["filename*"])
    return FormPart(parameters["name"], body, filename, headers.get("content-type"))


def _split_header(value: str) -> tuple[str, dict[str, str]]:
    """Split a header into its value, in lower case, and its parameters.

    Raises:
        InvalidFormError: the parameters cannot be read, or one comes twice.
    """
    first, semicolon, rest = value.partition(";")
    rest = (semicolon + rest).rstrip(" \t;")
    parameters: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PARAMETER.match(rest, position)
        if match is None:
            raise InvalidFormError("A header has parameters that cannot be read")
        name, quoted, token = match[1].lower(), match[2], match[3]
        if name in parameters:
            message = f"A header has two parameters {name}"
            raise InvalidFormError(message)
        # A backslash escapes only what would end the text: some browsers send whole paths.
        parameters[name] = token if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted)
        position = match.end()
    return first.strip().lower(), parameters


def _extended(value: str) -> str:
    match = _EXTENDED.fullmatch(value)
    if match is None:
        raise InvalidFormError("A file name is encoded in a way that cannot be read")
    if match[1].lower() == "utf-8":
        return _decode(unquote_to_bytes(match[2]))
    return unquote(match[2], encoding="latin-1")


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
