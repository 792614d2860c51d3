"""The one place that tells the time and sleeps.

Everything else in the package asks a :class:`Clock`, so that a test can hand in
a virtual one and an hour of waiting takes no time at all.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

# The system refuses centuries; whoever sleeps so long asks for more when it is over.
_LONGEST_SLEEP = 2.6e6


class Clock(Protocol):
    """What the package needs of time. All durations are seconds."""

    def monotonic(self) -> float:
        """A reading that never goes back; only differences mean something."""
        ...

    def now(self) -> datetime:
        """The date and time, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        ...

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the calling task."""
        ...


class SystemClock:
    """The clock of the machine, and the default everywhere."""

    def monotonic(self) -> float:
        """Read the clock that never goes back."""
        return time.monotonic()

    def now(self) -> datetime:
        """Read the date and time, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Block the calling thread, for no more than a month at once."""
        time.sleep(min(seconds, _LONGEST_SLEEP))

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the calling task."""
        import asyncio  # importing it costs a third of importing httpx

        await asyncio.sleep(seconds)


async def wait_by(clock: Clock, future: asyncio.Future[None], seconds: float) -> None:
    """Wait until a future is done, for at most so many seconds of a clock."""
    import asyncio

    waited_for: list[asyncio.Future[None]] = [future]
    timer = None
    if seconds < math.inf:
        timer = asyncio.ensure_future(clock.sleep_async(max(0.0, seconds)))
        waited_for.append(timer)
    try:
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if timer is not None:
            timer.cancel()
