"""How uploads and downloads retry, and what the statuses of storage mean to them."""

from __future__ import annotations

from typing import Final

import attrs

DEFAULT_TIMEOUT: Final = 3_600.0
"""Seconds for one object, retries included: URLs are valid for about an hour."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""The statuses that name another URL."""

URL_REFUSED: Final = frozenset({400, 401, 403, 410})
"""The statuses with which storage refuses a URL that has expired, or is not valid yet."""


@attrs.frozen(kw_only=True)
class TransferPolicy:
    """How a transfer retries when storage fails. Times in seconds."""

    max_retries: int
    """How many failures in a row are retried."""
    retry_backoff: float = 0.5
    """The pause after a first failure; doubled after each further one."""
    max_retry_backoff: float = 30.0
    """The longest backoff."""
    max_retry_after: float = 60.0
    """The longest ``Retry-After`` that is honored in full."""
    stall_timeout: float
    """How long the connection may be silent before it counts as stalled."""
    max_renewals: int
    """How many times a new URL is requested because storage refuses the current one."""
    renewal_backoff: float = 2.0
    """The pause after the first new URL is refused, too; doubled after each further one."""


@attrs.frozen(kw_only=True)
class DownloadPolicy(TransferPolicy):
    """How a download retries. Bytes that arrive end a row of failures."""

    max_retries: int = 6
    stall_timeout: float = 30.0
    max_renewals: int = 4
    max_redirects: int = 5
    """The number of redirects in a row that are followed."""
    max_restarts: int = 5
    """How many times a download may restart from byte 0 because it cannot be resumed."""


@attrs.frozen(kw_only=True)
class UploadPolicy(TransferPolicy):
    """How an upload retries. Each retry sends the whole file again."""

    max_retries: int = 4
    # Storage answers only once it has stored all.
    stall_timeout: float = 60.0
    max_renewals: int = 3
