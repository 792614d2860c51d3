"""A number of permits, handed over in the order of coming; for threads and for tasks.

A semaphore lets newcomers overtake those who wait, without end.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from datalab_facade.clock import Clock, wait_by

if TYPE_CHECKING:
    import asyncio

MOST_UNDER_WAY = 64
"""Requests that may be under way at once; httpx's pool has room for 100."""


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
        self.queue: deque[_Waiter] = deque()

    def acquire(self, deadline: float) -> bool:
        """Wait for a permit until the deadline, and tell whether there is one."""
        waiter = _Waiter()
        try:
            with self._lock:
                if self.free > 0:
                    self.free -= 1
                    waiter.has_permit = True
                    return True
                self.queue.append(waiter)
            seconds = deadline - self._clock.monotonic()
            # No lock can be waited for longer than some centuries at once.
            while seconds > threading.TIMEOUT_MAX:
                if waiter.lock.acquire(timeout=threading.TIMEOUT_MAX):
                    return True
                seconds -= threading.TIMEOUT_MAX
            waiter.lock.acquire(timeout=max(0.0, seconds))
            with self._lock:
                if not waiter.has_permit:
                    self.queue.remove(waiter)
                return waiter.has_permit
        except BaseException:
            self._withdraw(waiter)
            raise

    def release(self) -> None:
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

    def _withdraw(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter.has_permit:
                self._hand_over()
            elif waiter in self.queue:
                self.queue.remove(waiter)


class AsyncPermits:
    """Permits for the tasks of an event loop."""

    def __init__(self, count: int, clock: Clock) -> None:
        self.free = count
        self._clock = clock
        self.queue: deque[asyncio.Future[None]] = deque()

    async def acquire(self, deadline: float) -> bool:
        """Wait for a permit until the deadline, and tell whether there is one."""
        if self.free > 0:
            self.free -= 1
            return True
        import asyncio

        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue.append(waiter)
        try:
            await wait_by(self._clock, waiter, deadline - self._clock.monotonic())
        except BaseException:
            if waiter.done():
                self.release()
            else:
                self.queue.remove(waiter)
            raise
        if not waiter.done():
            self.queue.remove(waiter)
        return waiter.done()

    def release(self) -> None:
        """Hand a permit over to whoever has waited longest."""
        if self.queue:
            self.queue.popleft().set_result(None)
        else:
            self.free += 1
