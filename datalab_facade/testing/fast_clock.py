"""A clock that runs faster than real time."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from datalab_facade.testing.checking import check_seconds, is_finite


class FastClock:
    """A clock that runs faster than real time, for a simulator that is served.

    Programs that talk to the simulator over sockets keep their own clocks, so its time
    cannot be virtual: nothing tells when they sleep. With ``FastClock(60)`` an execution of
    an hour takes a minute.

    >>> clock = FastClock(60)
    >>> clock.advance(3600)
    >>> clock.monotonic() >= 3600
    True

    Args:
        speed: seconds of this clock per second of real time.

    Raises:
        ValueError: the speed is not a number above zero.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not (is_finite(speed) and speed > 0):
            message = f"speed must be a finite number above zero, not {speed!r}"
            raise ValueError(message)
        self.speed: Final = speed
        self._started: Final = time.monotonic()
        self._date: Final = datetime.now(UTC)
        self._lock: Final = threading.Lock()
        self._skipped = 0.0

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return (time.monotonic() - self._started) * self.speed + self._skipped

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        return self._date + timedelta(seconds=self.monotonic())

    def advance(self, seconds: float) -> None:
        """Move the clock forward; it wakes nobody who sleeps.

        Raises:
            ValueError: the number of seconds is negative, not finite, or not a number.
        """
        check_seconds(seconds)
        with self._lock:
            self._skipped += seconds

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for so many seconds of this clock."""
        time.sleep(seconds / self.speed)

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the calling task for so many seconds of this clock."""
        await asyncio.sleep(seconds / self.speed)
