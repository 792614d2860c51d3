"""Keeps whatever carries our requests from logging what must not be shown.

httpx logs each URL with its query, which is where a presigned URL carries its
signature; httpcore logs every header of an answer, and so cookies, and the password of
a SOCKS proxy; and nobody knows what the next library logs. So during a request of ours
only those lines pass that are known to be harmless.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar

_ours: ContextVar[bool] = ContextVar("datalab_facade_exchange", default=False)

_OURSELVES = "datalab_facade."
_HARMLESS_LOGGERS = frozenset({"httpcore.connection", "httpcore.http11", "httpcore.http2"})
# What httpcore tells of these is the host, the port, and how long it waits; of what fails
# it tells the error, which may quote what a server sent.
_HARMLESS_LINES = re.compile(
    r"(connect_tcp|start_tls|send_request_headers|send_request_body|receive_response_body"
    r"|response_closed|close)\.(started|complete)\b"
    r"|receive_response_headers\.started\b"
)


class Ours:
    """Marks a request of this package in this thread or task, as a context."""

    __slots__ = ("_token",)
    _is_ours = True

    def __enter__(self) -> None:
        if not isinstance(logging.getLogRecordFactory(), _QuietAboutOurs):
            logging.setLogRecordFactory(_QuietAboutOurs(logging.getLogRecordFactory()))
        self._token = _ours.set(self._is_ours)

    def __exit__(self, *_: object) -> None:
        _ours.reset(self._token)


class CallersOwn(Ours):
    """Marks code of the caller's that a request of this package runs, likewise."""

    __slots__ = ()
    _is_ours = False


class _QuietAboutOurs:
    """Makes the records of all loggers; those about our requests reach no handler.

    A filter would have to be put on every logger, and on those that are still to come.
    """

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(self, *args: object, **more: object) -> logging.LogRecord:
        record = self._make(*args, **more)
        if _ours.get() and not _is_harmless(record):
            record.msg, record.args = "left out: it may tell a secret", ()
            record.exc_info = record.exc_text = record.stack_info = None
            # Less than any handler listens to.
            record.levelno = logging.NOTSET - 1
        return record


def _is_harmless(record: logging.LogRecord) -> bool:
    if str(record.name).startswith(_OURSELVES):
        return True
    return record.name in _HARMLESS_LOGGERS and bool(_HARMLESS_LINES.match(str(record.msg)))
