"""The end of a whole request, which every wait for the network inside it obeys.

httpx bounds the silence between two pieces of an answer, not the answer: a
server that sends a byte a second never times out. So each wait of a blocking
client's sockets is cut to what is left until the end of the whole request. Async
code needs none of it, since :func:`asyncio.timeout` ends a request anywhere.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

_end: ContextVar[float | None] = ContextVar("datalab_facade_request_end", default=None)


class Deadline:
    """Bounds everything that the bounded connections of this thread do inside."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = _end.set(time.monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _end.reset(self._token)


def left_of(timeout: float | None, error: type[Exception]) -> float | None:
    """Give what is left of a timeout, and raise the error when nothing is."""
    end = _end.get()
    if end is None:
        return timeout
    left = end - time.monotonic()
    if left <= 0:
        raise error("the time for the whole request is over")
    return left if timeout is None else min(left, timeout)
