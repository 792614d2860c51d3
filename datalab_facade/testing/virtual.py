"""A clock whose hours pass at once."""

from __future__ import annotations

import asyncio
import math
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from datalab_facade.testing.virtual_loop import Sleepers
from datalab_facade.testing.virtual_threads import Turns

_T = TypeVar("_T")

DEFAULT_START: Final = datetime(2025, 10, 22, 10, 0, 0, tzinfo=UTC)
"""When a :class:`VirtualClock` begins unless told otherwise: any fixed moment will do."""


class VirtualClock:
    """Time that passes only by being slept or by :meth:`advance`.

    Hand the same one to the code under test and to the simulator, and an hour
    of waiting takes no time at all and comes out the same on every run.

    *Async code:* tasks of an event loop sleep side by side, as they do in real time.
    When nothing else in the loop can run, time jumps to whoever sleeps the
    shortest, so two tasks that sleep a minute each make it one minute later. A
    task that waits for a socket, another thread or ``asyncio.sleep`` does not hold
    time up: reach the simulator in process, where nothing waits for those.
    ``asyncio.timeout`` goes by real time; timeouts and deadlines of the clients go
    by this clock.

    *Blocking code:* a thread that sleeps moves the clock at once. Threads that are
    to sleep side by side, too, are run by :meth:`run_threads`; of others the clock
    cannot know who is still at work, so their sleeps add up.

    Args:
        start: the date and time it begins with, aware. :meth:`monotonic` begins with 0.

    Safe to use from several threads and event loops.
    """

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        if start.tzinfo is None:
            message = f"the start of a VirtualClock needs a time zone: {start!r}"
            raise ValueError(message)
        self._start: Final = start.astimezone(UTC)
        self._elapsed: float = 0.0
        self._lock: Final = threading.Lock()
        self._sleepers: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Sleepers]] = (
            weakref.WeakKeyDictionary()
        )
        self._turns: Turns | None = None

    def monotonic(self) -> float:
        """Seconds since the start."""
        with self._lock:
            return self._elapsed

    def now(self) -> datetime:
        """The date and time, aware, in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def advance(self, seconds: float) -> None:
        """Let time pass. Tasks that sleep no longer than that wake up in their next turn."""
        _check(seconds)
        with self._lock:
            self._elapsed += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and return at once; in :meth:`run_threads`, let others go first."""
        _check(seconds)
        turns = self._turns
        if turns is None or not turns.sleep_until(self.monotonic() + seconds):
            # Of threads that sleep at once, none may take back what another one let pass.
            self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Let the other tasks run until so much time has passed."""
        if math.isnan(seconds):
            _check(seconds)
        # asyncio.sleep takes a negative duration where time.sleep raises; so do we.
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._sleepers_here().sleep_until(self.monotonic() + seconds)

    def run_threads(self, *calls: Callable[[], _T]) -> list[_T]:
        """Run each call in a thread of its own, and sleep side by side; their results, in order.

        One thread runs at a time, until it sleeps or ends; then time jumps to
        whoever sleeps the shortest. So this, too, comes out the same on every run.
        A thread must not wait for another one but by this clock.

        Raises:
            RuntimeError: a thread neither slept nor ended for half a minute of real
                time, so it waits for something that this clock does not move.
            Exception: what a call raised, the first of them, after all have ended.

        >>> clock = VirtualClock()
        >>> clock.run_threads(lambda: clock.sleep(60), lambda: clock.sleep(60))
        [None, None]
        >>> clock.monotonic()
        60.0
        """
        turns = Turns(self._move_to, self.monotonic())
        with self._lock:
            if self._turns is not None:
                message = "this VirtualClock runs threads already"
                raise RuntimeError(message)
            self._turns = turns
        try:
            return turns.run(calls)
        finally:
            self._turns = None

    def _sleep_until(self, due: float) -> None:
        turns = self._turns
        if turns is None or not turns.sleep_until(due):
            self._move_to(due)

    def _move_to(self, due: float) -> None:
        with self._lock:
            self._elapsed = max(self._elapsed, due)

    def _sleepers_here(self) -> Sleepers:
        loop = asyncio.get_running_loop()
        with self._lock:
            found = self._sleepers.get(loop)
            if found is None:
                found = Sleepers(weakref.ref(loop), self.monotonic, self._sleep_until)
                self._sleepers[loop] = found
            return found


def _check(seconds: float) -> None:
    if not 0 <= seconds < math.inf:
        message = f"time passes by zero seconds or more, not by {seconds!r}"
        raise ValueError(message)
