"""Conversion of a complete body to text, JSON or a type of the caller's. No IO."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.decoding import decode_json
from datalab_facade.errors import (
    ConfigurationError,
    DownloadError,
    DownloadFailure,
    InvalidResponseError,
)
from datalab_facade.models import JSON, Output
from datalab_facade.outputs.downloading import Remote, download_error
from datalab_facade.redaction import excerpt

_T = TypeVar("_T")

PAGE_BEGINS_WITHIN = 4_096
"""The number of bytes that suffice to recognize a web page."""

_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|body|title)\b",
    re.IGNORECASE | re.DOTALL,
)


def as_text(output: Output, body: bytes, encoding: str) -> str:
    """Decode a body.

    Raises:
        DownloadError: The body is not in that encoding.
    """
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise download_error(
            output, DownloadFailure.CORRUPT, f"is not {encoding} text: {error}"
        ) from error


def as_json(output: Output, body: bytes) -> JSON:
    """Parse a body.

    Raises:
        DownloadError: The body is not JSON.
    """
    try:
        return decode_json(body)
    except InvalidResponseError as error:
        raise (
            web_page(output, body)
            if is_web_page(body)
            else download_error(output, DownloadFailure.CORRUPT, f"is not JSON: {error}")
        ) from error


def is_web_page(start: bytes) -> bool:
    """Return whether a body begins like HTML.

    >>> is_web_page(b"<!DOCTYPE html><title>Sign in"), is_web_page(b'{"a": "<html>"}')
    (True, False)
    """
    return _PAGE.match(start[:PAGE_BEGINS_WITHIN]) is not None


def web_page(remote: Remote, start: bytes) -> DownloadError:
    """Create the error for a web page that arrived instead of JSON."""
    return download_error(
        remote,
        DownloadFailure.CORRUPT,
        f"is not JSON but a web page: {excerpt(start)}. A proxy or a login page may have "
        "answered instead of storage",
    )


def as_type(output: Output, value: JSON, into: type[_T]) -> _T:
    """Convert a value to a type of the caller's, by its own validator or by cattrs.

    Raises:
        DownloadError: The value does not fit.
        ConfigurationError: The type needs cattrs, which is not installed.
    """
    type_name = _name_of(into)
    validate = cast("Callable[[JSON], _T] | None", getattr(into, "model_validate", None))
    try:
        return validate(value) if validate is not None else _convert(value, into)
    except ConfigurationError:
        raise
    except Exception as error:
        # Each validator raises exceptions of its own.
        raise download_error(
            output,
            DownloadFailure.CORRUPT,
            f"does not fit {type_name}: {excerpt(str(error), limit=500)}",
        ) from error


def _name_of(into: object) -> str:
    return getattr(into, "__name__", named(into))


def _convert(value: JSON, into: type[_T]) -> _T:
    try:
        import cattrs
    except ImportError:
        raise ConfigurationError(
            f"Converting JSON to {_name_of(into)} needs cattrs: install datalab-facade[cattrs]"
        ) from None
    if (attrs.has(into) or dataclasses.is_dataclass(into)) and not isinstance(value, dict):
        # cattrs would accept an empty list for a class whose fields all have defaults.
        raise TypeError(f"it is not an object but {excerpt(repr(value), limit=50)}")
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(
        datetime, lambda text, _: datetime.fromisoformat(cast("str", text))
    )
    try:
        structured: _T = converter.structure(value, into)
    except cattrs.BaseValidationError as error:
        raise ValueError("; ".join(cattrs.transform_error(error))) from error
    return structured
