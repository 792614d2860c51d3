"""Conversion of a complete body to text, JSON or a type of the caller's. No IO."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.decoding import decode_json
from datalab_facade.errors import (
    ConfigurationError,
    DownloadFailure,
    InvalidResponseError,
)
from datalab_facade.models import JSON
from datalab_facade.redaction import excerpt
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transfers.sinks import is_web_page, web_page

_T = TypeVar("_T")


def as_text(remote: Remote, body: bytes, encoding: str) -> str:
    """Decode a body.

    Raises:
        DownloadError: The body is not in that encoding.
    """
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise remote.error(DownloadFailure.CORRUPT, f"is not {encoding} text: {error}") from error


def as_json(remote: Remote, body: bytes) -> JSON:
    """Parse a body.

    Raises:
        DownloadError: The body is not JSON.
    """
    try:
        return decode_json(body)
    except InvalidResponseError as error:
        raise (
            web_page(remote, body)
            if is_web_page(body)
            else remote.error(DownloadFailure.CORRUPT, f"is not JSON: {error}")
        ) from error


def as_type(remote: Remote, value: JSON, into: type[_T]) -> _T:
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
        raise remote.error(
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
