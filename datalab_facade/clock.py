"""The one place that tells the time and sleeps.

Everything else in the package asks a :class:`Clock`, so that a test can hand in
a virtual one and an hour of waiting takes no time at all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from datalab_facade.errors import ClientStateError
from datalab_facade.interrupting import current_interruption

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


def running_loop() -> asyncio.AbstractEventLoop:
    """Give the event loop of asyncio that is running.

    Raises:
        ClientStateError: No loop of asyncio is running; trio's is another kind.
    """
    import asyncio  # importing it costs a third of importing httpx

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ClientStateError(
            "AsyncDatalab needs a running asyncio event loop, and none is running. With trio, "
            "use Datalab in a thread: trio.to_thread.run_sync"
        ) from None


class SystemClock:
    """The clock of the machine, and the default everywhere.

    Where a test has stopped it (freezegun), it goes on by what was slept, so that no wait
    for a moment lasts for ever.
    """

    def __init__(self) -> None:
        self._stood_still = 0.0

    def monotonic(self) -> float:
        """Read the clock that never goes back."""
        return time.monotonic() + self._stood_still

    def now(self) -> datetime:
        """Read the date and time, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Block the calling thread, for no more than a month at once."""
        seconds = min(seconds, _LONGEST_SLEEP)
        before = time.monotonic()
        interruption = current_interruption()
        if interruption is None:
            time.sleep(seconds)
        else:
            interruption.sleep(seconds)
        if seconds > 0 and time.monotonic() == before:
            self._stood_still += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the calling task.

        Raises:
            ClientStateError: The event loop's clock stands still, so that nobody in it
                would ever wake up.
        """
        import asyncio  # importing it costs a third of importing httpx

        if seconds > 0 and _stands_still(running_loop().time):
            raise ClientStateError(
                "The clock of this event loop stands still, so a sleep in it would never end. "
                "If freezegun stopped it: freeze_time(..., real_asyncio=True)"
            )
        before = time.monotonic()
        await asyncio.sleep(seconds)
        if seconds > 0 and time.monotonic() == before:
            self._stood_still += seconds


async def wait_by(clock: Clock, future: asyncio.Future[None], seconds: float) -> None:
    """Wait until a future is done, for at most so many seconds of a clock.

    Raises:
        Exception: Whatever the clock raises, if it cannot sleep.
    """
    import asyncio

    waited_for: list[asyncio.Future[None]] = [future]
    timer = None
    if seconds < math.inf:
        timer = asyncio.ensure_future(clock.sleep_async(max(0.0, seconds)))
        waited_for.append(timer)
    try:
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
        if timer is not None and timer.done():
            timer.result()
    finally:
        if timer is not None:
            timer.cancel()


def _stands_still(read: Callable[[], float]) -> bool:
    # A clock that is read twice has nearly always moved; only where it has not is it
    # worth to wait for it.
    before = read()
    if read() != before:
        return False
    time.sleep(2 * time.get_clock_info("monotonic").resolution + 0.001)
    return read() == before
