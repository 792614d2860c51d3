"""Objects in storage, as a download sees them, and the URLs that lead to them."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlsplit

import attrs

from datalab_facade.errors import DownloadError, DownloadFailure, OutputTooLargeError
from datalab_facade.redaction import printable, redact_url
from datalab_facade.transport.origin import is_this_machine


class ErrorDetails(TypedDict, total=False):
    """The attributes of a :class:`~datalab_facade.DownloadError` that say what it is about."""

    execution_id: int
    step: str
    file_key: str | None
    file_id: int


@attrs.frozen(kw_only=True)
class Remote:
    """An object in storage to download. No name in it is a secret, except for the URL."""

    url: str = attrs.field(repr=redact_url)
    """Its presigned URL, as the API returned it."""
    subject: str = attrs.field(converter=printable)
    """Its name at the beginning of a sentence: ``"The file 'a.pdf' (id 4)"``."""
    label: str
    """Its short name, for progress: ``"a.pdf"``."""
    identity: tuple[int | str | None, ...]
    """What tells it from all other objects, also in another process."""
    error_details: ErrorDetails
    job: tuple[str, int | str] | None = None
    """The kind and the id of the job that left it, for logs and events."""
    why_gone: str = ""
    """A reason why it may be gone."""
    may_be_page: bool = True
    """Whether it may be a web page although its URL or its media type announces JSON."""

    def error(
        self, reason: DownloadFailure | str, message: str, status: int | None = None
    ) -> DownloadError:
        """Create the error that names the object, and says why its download failed."""
        return DownloadError(
            f"{self.subject} {message}", **self.error_details, status=status, reason=reason
        )

    def too_large(self, message: str) -> OutputTooLargeError:
        """Create the error for an object that does not fit into the memory that is allowed."""
        return OutputTooLargeError(
            f"{self.subject} {message}", **self.error_details, reason=DownloadFailure.TOO_LARGE
        )


class InsecureURLError(ValueError):
    """A URL from the server that must not be used; the text says what it is."""


def checked_storage_url(url: str, *, allow_http: bool) -> str:
    """Check a presigned URL, and return it.

    Raises:
        InsecureURLError: It cannot be parsed, is not an HTTP URL, or does without TLS.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InsecureURLError("a URL that cannot be parsed") from None
    if parts.scheme not in ("https", "http") or not host:
        raise InsecureURLError(f"a URL that is not an https URL: {redact_url(url)}")
    if parts.scheme == "http" and not (allow_http or is_this_machine(host)):
        raise InsecureURLError(
            f"a URL without TLS: {redact_url(url)}. Allow it with allow_http=True"
        )
    return url
