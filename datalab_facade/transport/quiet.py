"""Keeps httpx and its parts from telling in their logs what must not be told.

httpx logs each URL with its query, which is where a presigned URL carries its
signature; httpcore logs every header of an answer, and so cookies.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

_ours: ContextVar[bool] = ContextVar("datalab_facade_exchange", default=False)

_TELLTALES = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "hpack.hpack",
    "hpack.table",
)


class Ours:
    """Marks a request of this package in this thread or task, as a context."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _ours.set(True)

    def __exit__(self, *_: object) -> None:
        _ours.reset(self._token)


class _QuietAboutOurs(logging.Filter):
    """Drops the telltale lines about our requests; those of the rest of the program stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not _ours.get():
            return True
        return record.name.startswith("httpcore") and "headers.complete" not in str(record.msg)


def keep_secrets_out_of_logs() -> None:
    """Install the filter; doing so again changes nothing."""
    for name in _TELLTALES:
        library = logging.getLogger(name)
        if not any(isinstance(known, _QuietAboutOurs) for known in library.filters):
            library.addFilter(_QuietAboutOurs())
