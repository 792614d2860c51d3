"""The gate to the API: every request passes the budget, and not too many are under way.

httpx's pool slows down with the square of what queues in it, so nothing ever
queues there: whoever has to wait waits here, in the order of coming.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from datalab_facade.clock import Clock
from datalab_facade.errors import BudgetExhausted
from datalab_facade.pacing.pacing import Budget

if TYPE_CHECKING:
    import asyncio

MOST_UNDER_WAY = 64
"""Requests that may be under way at once; httpx's pool has room for 100."""


class Gate:
    """The gate for blocking code; threads share it."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self.budget = budget
        self._clock = clock
        self._room = threading.BoundedSemaphore(MOST_UNDER_WAY)

    @contextlib.contextmanager
    def passage(self, deadline: float) -> Iterator[None]:
        """Wait for room and budget, and hold the room while inside.

        Raises:
            BudgetExhausted: The turn comes only after the deadline.
        """
        self.enter(deadline)
        try:
            yield
        finally:
            self.leave()

    def enter(self, deadline: float) -> None:
        """Wait for room and budget; :meth:`leave` must follow."""
        now = self._clock.monotonic()
        left = None if deadline == math.inf else max(0.0, deadline - now)
        if not self._room.acquire(timeout=left):
            raise BudgetExhausted(wait=math.inf, left=0.0)
        try:
            turn = self.budget.turn()
            try:
                while (away := turn.wait(self._clock.monotonic(), deadline)) > 0:
                    self._clock.sleep(away)
            except BaseException:
                turn.give_up()
                raise
        except BaseException:
            self._room.release()
            raise

    def leave(self) -> None:
        """Make room."""
        self._room.release()


class AsyncGate:
    """The gate for async code, in one event loop."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self.budget = budget
        self._clock = clock
        self._room: asyncio.Semaphore | None = None

    @contextlib.asynccontextmanager
    async def passage(self, deadline: float) -> AsyncIterator[None]:
        """Wait for room and budget, and hold the room while inside.

        Raises:
            BudgetExhausted: The turn comes only after the deadline.
        """
        await self.enter(deadline)
        try:
            yield
        finally:
            self.leave()

    async def enter(self, deadline: float) -> None:
        """Wait for room and budget; :meth:`leave` must follow."""
        import asyncio

        if self._room is None:
            self._room = asyncio.Semaphore(MOST_UNDER_WAY)
        if self._room.locked():
            left = None if deadline == math.inf else deadline - self._clock.monotonic()
            try:
                async with asyncio.timeout(left):
                    await self._room.acquire()
            except TimeoutError:
                raise BudgetExhausted(wait=math.inf, left=0.0) from None
        else:
            await self._room.acquire()
        try:
            turn = self.budget.turn()
            try:
                while (away := turn.wait(self._clock.monotonic(), deadline)) > 0:
                    await self._clock.sleep_async(away)
            except BaseException:
                turn.give_up()
                raise
        except BaseException:
            self._room.release()
            raise

    def leave(self) -> None:
        """Make room."""
        assert self._room is not None
        self._room.release()
