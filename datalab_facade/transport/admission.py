"""Admission control: every request waits for its slot, and not too many are under way.

httpx's pool slows down with the square of what queues in it, so nothing ever
queues there: whoever has to wait waits here, in the order of coming.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from datalab_facade.clock import Clock, wait_by
from datalab_facade.errors import RateLimitTimeoutError
from datalab_facade.rate_limiting.local import RateLimiter

if TYPE_CHECKING:
    import asyncio

MOST_UNDER_WAY = 64
"""Requests that may be under way at once; httpx's pool has room for 100."""

# Whoever waits for its turn asks again so often, since others may have given up.
_LONGEST_NAP = 1.0


class AdmissionControl:
    """The gate for blocking code; threads share it."""

    def __init__(self, rate_limiter: RateLimiter, clock: Clock) -> None:
        self.rate_limiter = rate_limiter
        self._clock = clock
        self._permits = _Permits(MOST_UNDER_WAY)

    @property
    def under_way(self) -> int:
        """How many are inside."""
        return MOST_UNDER_WAY - self._permits.free

    @property
    def waiting(self) -> int:
        """How many wait for room."""
        return len(self._permits.queue)

    @contextlib.contextmanager
    def passage(self, deadline: float) -> Iterator[None]:
        """Wait for room and a slot, and hold the room while inside.

        Raises:
            RateLimitTimeoutError: The turn comes only after the deadline.
        """
        self.enter(deadline)
        try:
            yield
        finally:
            self.leave()

    def enter(self, deadline: float) -> None:
        """Wait for room and a slot; :meth:`leave` must follow."""
        if not self._permits.take(deadline - self._clock.monotonic()):
            raise RateLimitTimeoutError(wait=math.inf, left=0.0)
        try:
            slot = self.rate_limiter.reserve()
            try:
                while (delay := slot.delay(self._clock.monotonic(), deadline)) > 0:
                    self._clock.sleep(min(delay, _LONGEST_NAP))
            except BaseException:
                slot.cancel()
                raise
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Make room."""
        self._permits.give_back()


class AsyncAdmissionControl:
    """The gate for async code, in one event loop."""

    def __init__(self, rate_limiter: RateLimiter, clock: Clock) -> None:
        self.rate_limiter = rate_limiter
        self._clock = clock
        self._permits = _AsyncPermits(MOST_UNDER_WAY, clock)

    @property
    def under_way(self) -> int:
        """How many are inside."""
        return MOST_UNDER_WAY - self._permits.free

    @property
    def waiting(self) -> int:
        """How many wait for room."""
        return len(self._permits.queue)

    @contextlib.asynccontextmanager
    async def passage(self, deadline: float) -> AsyncIterator[None]:
        """Wait for room and a slot, and hold the room while inside.

        Raises:
            RateLimitTimeoutError: The turn comes only after the deadline.
        """
        await self.enter(deadline)
        try:
            yield
        finally:
            self.leave()

    async def enter(self, deadline: float) -> None:
        """Wait for room and a slot; :meth:`leave` must follow."""
        if not await self._permits.take(deadline - self._clock.monotonic()):
            raise RateLimitTimeoutError(wait=math.inf, left=0.0)
        try:
            slot = self.rate_limiter.reserve()
            try:
                while (delay := slot.delay(self._clock.monotonic(), deadline)) > 0:
                    await self._clock.sleep_async(min(delay, _LONGEST_NAP))
            except BaseException:
                slot.cancel()
                raise
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Make room."""
        self._permits.give_back()


class _Waiter:
    """A thread that waits for a permit."""

    def __init__(self) -> None:
        self.has_permit = False
        # Locked until a permit is handed over.
        self.lock = threading.Lock()
        self.lock.acquire()


class _Permits:
    """A number of permits, handed over in the order of coming.

    A semaphore lets newcomers overtake those who wait, without end.
    """

    def __init__(self, many: int) -> None:
        self.free = many
        self._lock = threading.Lock()
        self.queue: deque[_Waiter] = deque()

    def take(self, seconds: float) -> bool:
        """Wait for a permit for at most so long, and tell whether there is one."""
        me = _Waiter()
        try:
            with self._lock:
                if self.free > 0:
                    self.free -= 1
                    me.has_permit = True
                    return True
                self.queue.append(me)
            # No lock can be waited for longer than some centuries at once.
            while seconds > threading.TIMEOUT_MAX:
                if me.lock.acquire(timeout=threading.TIMEOUT_MAX):
                    return True
                seconds -= threading.TIMEOUT_MAX
            me.lock.acquire(timeout=max(0.0, seconds))
            with self._lock:
                if not me.has_permit:
                    self.queue.remove(me)
                return me.has_permit
        except BaseException:
            self._withdraw(me)
            raise

    def give_back(self) -> None:
        """Hand a permit over to whoever has waited longest."""
        with self._lock:
            self._hand_over()

    def _hand_over(self) -> None:
        if self.queue:
            first = self.queue.popleft()
            first.has_permit = True
            first.lock.release()
        else:
            self.free += 1

    def _withdraw(self, me: _Waiter) -> None:
        with self._lock:
            if me.has_permit:
                self._hand_over()
            elif me in self.queue:
                self.queue.remove(me)


class _AsyncPermits:
    """The same for the tasks of an event loop."""

    def __init__(self, many: int, clock: Clock) -> None:
        self.free = many
        self._clock = clock
        self.queue: deque[asyncio.Future[None]] = deque()

    async def take(self, seconds: float) -> bool:
        """Wait for a permit for at most so long, and tell whether there is one."""
        if self.free > 0:
            self.free -= 1
            return True
        import asyncio

        me: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue.append(me)
        try:
            await wait_by(self._clock, me, seconds)
        except BaseException:
            if me.done():
                self.give_back()
            else:
                self.queue.remove(me)
            raise
        if not me.done():
            self.queue.remove(me)
        return me.done()

    def give_back(self) -> None:
        """Hand a permit over to whoever has waited longest."""
        if self.queue:
            self.queue.popleft().set_result(None)
        else:
            self.free += 1
