"""A clock whose hours pass at once."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

DEFAULT_START = datetime(2025, 10, 22, 10, 0, 0, tzinfo=UTC)
"""When a :class:`VirtualClock` begins unless told otherwise: any fixed moment will do."""


class VirtualClock:
    """Time that passes only by being slept or by :meth:`advance`.

    Hand the same one to the code under test and to the simulator, and an hour
    of waiting takes no time at all and comes out the same on every run.

    Everyone who sleeps moves the one clock. Two tasks that sleep a minute each,
    side by side, therefore make it two minutes later.

    Args:
        start: the date and time it begins with, aware. :meth:`monotonic` begins with 0.

    Safe to use from several threads.
    """

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        if start.tzinfo is None:
            message = f"the start of a VirtualClock needs a time zone: {start!r}"
            raise ValueError(message)
        self._start: datetime = start.astimezone(UTC)
        self._elapsed: float = 0.0
        self._lock: threading.Lock = threading.Lock()

    def monotonic(self) -> float:
        """Seconds since the start."""
        with self._lock:
            return self._elapsed

    def now(self) -> datetime:
        """The date and time, aware, in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if not seconds >= 0:
            message = f"time passes by zero seconds or more, not by {seconds!r}"
            raise ValueError(message)
        with self._lock:
            self._elapsed += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and return at once."""
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Let time pass, give the other tasks a turn, and return."""
        # asyncio.sleep takes a negative duration where time.sleep raises; so do we.
        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)
