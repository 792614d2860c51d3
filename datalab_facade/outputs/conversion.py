"""Conversion of a complete body to text, JSON or a type of the caller's. No IO."""

from __future__ import annotations

from typing import TypeVar

from datalab_facade.decoding import decode_json
from datalab_facade.errors import DownloadFailure, InvalidResponseError
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import excerpt
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transfers.sinks import is_web_page, web_page
from datalab_facade.typed_reading import MismatchError, name_of, read_as

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
    try:
        return read_as(value, into)
    except MismatchError as error:
        raise remote.error(
            DownloadFailure.CORRUPT,
            f"does not fit {name_of(into)}: {excerpt(str(error), limit=500)}",
        ) from error
