"""Sleeping tasks of one event loop on a virtual clock."""

from __future__ import annotations

import asyncio
import heapq
import math
import weakref
from collections.abc import Callable, Sized
from typing import Final, cast

# Once with nothing ready, and again after the loop has checked sockets and timers.
_IDLE_TICKS: Final = 2
# For a loop that does not show its ready callbacks: far more than any request needs.
_IDLE_TICKS_UNSEEN: Final = 100


class Sleepers:
    """Wakes the tasks of one loop in the order of time, when nothing else can run.

    While a task sleeps, one callback of ours, a tick, runs in each iteration of the
    loop. It checks whether other callbacks are ready. When there are none twice in a
    row, it moves the clock to the end of the next sleep.

    Args:
        loop: the loop; held weakly, because the clock outlives it.
        now: reads the clock.
        move_to: moves the clock to a time.
    """

    def __init__(
        self,
        loop: weakref.ref[asyncio.AbstractEventLoop],
        now: Callable[[], float],
        move_to: Callable[[float], None],
    ) -> None:
        self._loop: Final = loop
        self._now: Final = now
        self._move_to: Final = move_to
        self._queue: Final[list[tuple[float, int, asyncio.Future[None]]]] = []
        self._order: int = 0
        self._idle_ticks: int = 0
        self._ticking: bool = False

    async def sleep_until(self, due: float) -> None:
        """Suspend the running task until the clock reads at least ``due``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if due < math.inf:
            self._order += 1
            heapq.heappush(self._queue, (due, self._order, future))
            if not self._ticking:
                self._ticking = True
                self._schedule_tick(loop)
        await future

    def _schedule_tick(self, loop: asyncio.AbstractEventLoop) -> None:
        _ = loop.call_soon(self._tick)

    def _tick(self) -> None:
        loop = self._loop()
        assert loop is not None, "a loop that runs callbacks exists"
        if not self._wake() and self._queue and self._is_idle(loop):
            self._move_to(self._queue[0][0])
            _ = self._wake()
        self._ticking = bool(self._queue)
        if self._ticking:
            self._schedule_tick(loop)

    def _wake(self) -> bool:
        """Wake the tasks that are due, drop the canceled ones; return whether a task woke."""
        queue, now, any_woken = self._queue, self._now(), False
        while queue and (queue[0][0] <= now or queue[0][2].done()):
            future = heapq.heappop(queue)[2]
            if not future.done():
                future.set_result(None)
                any_woken = True
        if any_woken:
            self._idle_ticks = 0
        return any_woken

    def _is_idle(self, loop: asyncio.AbstractEventLoop) -> bool:
        # There is no public API for this; a test fails if asyncio's loops lose this name.
        ready = cast("Sized | None", getattr(loop, "_ready", None))
        needed_ticks = _IDLE_TICKS_UNSEEN if ready is None else _IDLE_TICKS
        self._idle_ticks = 0 if ready else self._idle_ticks + 1
        if self._idle_ticks < needed_ticks:
            return False
        self._idle_ticks = 0
        return True
