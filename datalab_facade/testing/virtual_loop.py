"""Tasks of one event loop that sleep on a virtual clock."""

from __future__ import annotations

import asyncio
import heapq
import math
import weakref
from collections.abc import Callable, Sized
from typing import Final, cast

# Once with nothing ready, a second time after the loop has looked at sockets and timers.
_QUIET_TURNS: Final = 2
# For a loop that does not show what is ready. Far more than any step of a request needs.
_BLIND_TURNS: Final = 100


class Sleepers:
    """Wakes the tasks of one loop in the order of time, when nothing else can run.

    As long as somebody sleeps, the loop gets one callback more in each of its turns.
    It sees whether others are ready; when none are, twice in a row, it moves time on
    to the next sleeper.

    Args:
        loop: the loop; held weakly, since the clock outlives it.
        now: the clock's reading.
        move: lets time pass until a moment.
    """

    def __init__(
        self,
        loop: weakref.ref[asyncio.AbstractEventLoop],
        now: Callable[[], float],
        move: Callable[[float], None],
    ) -> None:
        self._loop: Final = loop
        self._now: Final = now
        self._move: Final = move
        self._asleep: Final[list[tuple[float, int, asyncio.Future[None]]]] = []
        self._order: int = 0
        self._quiet: int = 0
        self._watching: bool = False

    async def sleep_until(self, due: float) -> None:
        """Suspend the running task until the clock reads at least ``due``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if due < math.inf:
            self._order += 1
            heapq.heappush(self._asleep, (due, self._order, future))
            if not self._watching:
                self._watching = True
                self._again(loop)
        await future

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        _ = loop.call_soon(self._watch)

    def _watch(self) -> None:
        loop = self._loop()
        assert loop is not None, "a loop that runs callbacks exists"
        if not self._wake() and self._asleep and self._is_quiet(loop):
            self._move(self._asleep[0][0])
            _ = self._wake()
        self._watching = bool(self._asleep)
        if self._watching:
            self._again(loop)

    def _wake(self) -> bool:
        """Wake whose time has come, and forget who was cancelled; whether anybody woke."""
        asleep, now, woken = self._asleep, self._now(), False
        while asleep and (asleep[0][0] <= now or asleep[0][2].done()):
            future = heapq.heappop(asleep)[2]
            if not future.done():
                future.set_result(None)
                woken = True
        if woken:
            self._quiet = 0
        return woken

    def _is_quiet(self, loop: asyncio.AbstractEventLoop) -> bool:
        # There is no public way to ask; a test tells when asyncio's loops lose this name.
        ready = cast("Sized | None", getattr(loop, "_ready", None))
        enough = _BLIND_TURNS if ready is None else _QUIET_TURNS
        self._quiet = 0 if ready else self._quiet + 1
        if self._quiet < enough:
            return False
        self._quiet = 0
        return True
