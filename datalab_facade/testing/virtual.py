"""A virtual clock, on which hours pass at once."""

from __future__ import annotations

import asyncio
import math
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from datalab_facade.testing.checking import check_seconds
from datalab_facade.testing.virtual_loop import Sleepers
from datalab_facade.testing.virtual_threads import ThreadScheduler

_T = TypeVar("_T")

DEFAULT_START: Final = datetime(2025, 10, 22, 10, 0, 0, tzinfo=UTC)
"""The default start of a :class:`VirtualClock`; any fixed time would do."""


class VirtualClock:
    """A clock that moves only through sleeps and :meth:`advance`.

    Give the same clock to the code under test and to the simulator. An hour of waiting
    then passes at once, and is the same on every run.

    *Async code:* tasks of an event loop sleep in parallel, as in real time. When
    nothing else in the loop can run, time jumps to the end of the shortest sleep: two
    tasks that sleep a minute each take one minute. A task that waits for a socket,
    another thread or ``asyncio.sleep`` does not stop the clock, so connect to the
    simulator in process, where nothing waits for those. ``asyncio.timeout`` runs in
    real time; timeouts and deadlines of the clients run on this clock.

    *Blocking code:* a thread that sleeps moves the clock at once. The clock cannot know
    which other threads are still at work, so the sleeps of several threads add up. To
    let threads sleep in parallel, use :meth:`run_threads`.

    Safe to use from several threads and event loops.

    Args:
        start: the date and time at the start, aware. :meth:`monotonic` starts at 0.

    Raises:
        ValueError: the start has no time zone.
    """

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        if start.tzinfo is None:
            message = f"start must have a time zone, unlike {start!r}"
            raise ValueError(message)
        self._start: Final = start.astimezone(UTC)
        self._elapsed: float = 0.0
        self._lock: Final = threading.Lock()
        self._sleepers: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Sleepers]] = (
            weakref.WeakKeyDictionary()
        )
        self._scheduler: ThreadScheduler | None = None

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        with self._lock:
            return self._elapsed

    def now(self) -> datetime:
        """Return the date and time, aware, in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def advance(self, seconds: float) -> None:
        """Move the clock forward. Tasks that are due wake in the loop's next iteration.

        Raises:
            ValueError: the number of seconds is negative, not finite, or not a number.
        """
        check_seconds(seconds)
        with self._lock:
            self._elapsed += seconds

    def sleep(self, seconds: float) -> None:
        """Move the clock and return at once; in :meth:`run_threads`, let others run first.

        Raises:
            ValueError: as for :meth:`advance`.
        """
        check_seconds(seconds)
        scheduler = self._scheduler
        if scheduler is None or not scheduler.sleep_until(self.monotonic() + seconds):
            # Add to the current reading: another thread may have moved the clock meanwhile.
            self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the task for some seconds; other tasks run meanwhile."""
        if math.isnan(seconds):
            check_seconds(seconds)
        # As in real time: asyncio.sleep accepts a negative duration, time.sleep raises.
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._loop_sleepers().sleep_until(self.monotonic() + seconds)

    def run_threads(self, *calls: Callable[[], _T]) -> list[_T]:
        """Run each call in its own thread, let them sleep in parallel; return all results in order.

        One thread runs at a time, until it sleeps or ends; then time jumps to the end
        of the shortest sleep. So this is the same on every run, too. A thread must not
        wait for another one except on this clock.

        Raises:
            RuntimeError: a thread neither slept nor ended for 30 seconds of real time,
                so it waits for something that this clock does not move; or the clock
                is already running threads.
            Exception: the exception of the first call that failed, after all have ended.

        >>> clock = VirtualClock()
        >>> clock.run_threads(lambda: clock.sleep(60), lambda: clock.sleep(60))
        [None, None]
        >>> clock.monotonic()
        60.0
        """
        scheduler = ThreadScheduler(self._move_to, self.monotonic())
        with self._lock:
            if self._scheduler is not None:
                message = "this VirtualClock is already running threads: wait until that ends"
                raise RuntimeError(message)
            self._scheduler = scheduler
        try:
            return scheduler.run(calls)
        finally:
            self._scheduler = None

    def _sleep_until(self, due: float) -> None:
        scheduler = self._scheduler
        if scheduler is None or not scheduler.sleep_until(due):
            self._move_to(due)

    def _move_to(self, due: float) -> None:
        with self._lock:
            self._elapsed = max(self._elapsed, due)

    def _loop_sleepers(self) -> Sleepers:
        loop = asyncio.get_running_loop()
        with self._lock:
            sleepers = self._sleepers.get(loop)
            if sleepers is None:
                sleepers = Sleepers(weakref.ref(loop), self.monotonic, self._sleep_until)
                self._sleepers[loop] = sleepers
            return sleepers
