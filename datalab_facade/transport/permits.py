"""A number of permits, handed over by priority and in the order of coming; for threads and tasks.

A semaphore lets newcomers overtake those who wait, without end.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

from datalab_facade.clock import Clock, wait_by
from datalab_facade.interrupting import acquire_in_time
from datalab_facade.rate_limiting.priorities import PriorityLine, RequestPriority

if TYPE_CHECKING:
    import asyncio

MOST_UNDER_WAY = 64
"""Requests that may be under way at once; httpx's pool has room for 100."""


_W = TypeVar("_W")


class PermitQueue(Generic[_W]):
    """Those that wait for a permit."""

    def __init__(self) -> None:
        self._numbers = count()
        self._line = PriorityLine()
        self._waiters: dict[int, _W] = {}

    def __len__(self) -> int:
        return len(self._waiters)

    def number(self) -> int:
        """Return a number for one that may have to wait."""
        return next(self._numbers)

    def add(self, number: int, waiter: _W, priority: RequestPriority) -> None:
        """Let one wait."""
        self._waiters[number] = waiter
        self._line.join(number, priority)

    def remove(self, number: int, priority: RequestPriority) -> None:
        """Let one wait no longer; nothing if it does not wait."""
        if self._waiters.pop(number, None) is not None:
            self._line.leave(number, priority)

    def take(self) -> _W | None:
        """Take out whose turn it is; None if nobody waits."""
        first = self._line.first() if self._waiters else None
        if first is None:
            return None
        self._line.leave(*first)
        self._line.count_passed(first[1])
        return self._waiters.pop(first[0])


class _Waiter:
    """A thread that waits for a permit."""

    def __init__(self) -> None:
        self.has_permit = False
        # Locked until a permit is handed over.
        self.lock = threading.Lock()
        self.lock.acquire()


class Permits:
    """Permits for the threads of a process."""

    def __init__(self, count: int, clock: Clock) -> None:
        self.free = count
        self._clock = clock
        self._lock = threading.Lock()
        self.queue = PermitQueue[_Waiter]()

    def acquire(self, deadline: float, priority: RequestPriority) -> bool:
        """Wait for a permit until the deadline, and tell whether there is one."""
        waiter, number = _Waiter(), self.queue.number()
        try:
            with self._lock:
                if self.free > 0:
                    self.free -= 1
                    waiter.has_permit = True
                    return True
                self.queue.add(number, waiter, priority)
            acquire_in_time(waiter.lock, deadline - self._clock.monotonic())
            with self._lock:
                self.queue.remove(number, priority)
                return waiter.has_permit
        except BaseException:
            with self._lock:
                self.queue.remove(number, priority)
                if waiter.has_permit:
                    self._hand_over()
            raise

    def release(self) -> None:
        """Hand a permit over to whose turn it is."""
        with self._lock:
            self._hand_over()

    def _hand_over(self) -> None:
        first = self.queue.take()
        if first is None:
            self.free += 1
        else:
            first.has_permit = True
            first.lock.release()


class AsyncPermits:
    """Permits for the tasks of an event loop."""

    def __init__(self, count: int, clock: Clock) -> None:
        self.free = count
        self._clock = clock
        self.queue = PermitQueue["asyncio.Future[None]"]()

    async def acquire(self, deadline: float, priority: RequestPriority) -> bool:
        """Wait for a permit until the deadline, and tell whether there is one."""
        if self.free > 0:
            self.free -= 1
            return True
        import asyncio

        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        number = self.queue.number()
        self.queue.add(number, waiter, priority)
        try:
            await wait_by(self._clock, waiter, deadline - self._clock.monotonic())
        except BaseException:
            if waiter.done():
                self.release()
            else:
                self.queue.remove(number, priority)
            raise
        self.queue.remove(number, priority)
        return waiter.done()

    def release(self) -> None:
        """Hand a permit over to whose turn it is."""
        waiter = self.queue.take()
        if waiter is None:
            self.free += 1
        else:
            waiter.set_result(None)
