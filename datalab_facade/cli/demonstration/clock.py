"""A clock that runs faster than real time, so that the demo takes seconds."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class FastClock:
    """A clock that runs faster than real time.

    Args:
        speed: Seconds of this clock per second of real time.
    """

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._started = time.monotonic()
        self._date = datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return (time.monotonic() - self._started) * self.speed

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        return self._date + timedelta(seconds=self.monotonic())

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds / self.speed)

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the calling task."""
        await asyncio.sleep(seconds / self.speed)
