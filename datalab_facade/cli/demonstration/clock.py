"""A clock that runs faster than time, so that a demo need not take minutes."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class FastClock:
    """A clock whose seconds are shorter than those of the machine.

    Args:
        speed: How many of its seconds pass in one of the machine's.
    """

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._date = datetime.now(UTC)

    def monotonic(self) -> float:
        """Read the clock that never goes back."""
        return (time.monotonic() - self._began) * self.speed

    def now(self) -> datetime:
        """Read the date and time, in UTC."""
        return self._date + timedelta(seconds=self.monotonic())

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds / self.speed)

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the calling task."""
        await asyncio.sleep(seconds / self.speed)
