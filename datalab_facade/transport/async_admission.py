"""Admission control: every request waits for its slot, and not too many are under way.

httpx's pool slows down with the square of what queues in it, so nothing ever
queues there: whoever has to wait waits here, calls before polls, else in the order of coming.
"""

from __future__ import annotations

from datalab_facade.activities import Activity
from datalab_facade.clock import Clock
from datalab_facade.errors import RateLimitTimeoutError
from datalab_facade.rate_limiting.local import RateLimiter
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.transport.permits import MOST_UNDER_WAY, AsyncPermits

# Whoever waits for a slot asks again so often, since others may have been canceled.
_LONGEST_NAP = 1.0


class AsyncAdmissionControl:
    """Admits requests for async code."""

    def __init__(self, rate_limiter: RateLimiter, clock: Clock) -> None:
        self.rate_limiter = rate_limiter
        self._clock = clock
        self._permits = AsyncPermits(MOST_UNDER_WAY, clock)

    @property
    def under_way(self) -> int:
        """How many requests are admitted and have not left."""
        return MOST_UNDER_WAY - self._permits.free

    @property
    def waiting(self) -> int:
        """How many wait for a permit."""
        return len(self._permits.queue)

    async def enter(
        self, deadline: float, priority: RequestPriority, activity: Activity | None = None
    ) -> None:
        """Wait for a permit and a slot; :meth:`leave` must follow.

        Args:
            deadline: When a slot is no longer wanted.
            priority: Which requests it goes before.
            activity: What the request is a part of, which records how long it waited.

        Raises:
            RateLimitTimeoutError: The slot comes only after the deadline.
        """
        if not await self._permits.acquire(deadline, priority):
            raise RateLimitTimeoutError(
                f"The request was not sent: {MOST_UNDER_WAY} requests are under way, and this "
                "one got no place among them in time. Allow a longer timeout, or make fewer at once"
            )
        try:
            await self.wait_for_slot(deadline, priority, activity)
        except BaseException:
            self.leave()
            raise

    async def wait_for_slot(
        self, deadline: float, priority: RequestPriority, activity: Activity | None = None
    ) -> None:
        """Wait for a slot only; whoever has a permit may send another request with it.

        Arguments and errors as :meth:`enter`.
        """
        began: float | None = None
        place = self.rate_limiter.reserve(priority)
        try:
            while (delay := place.delay(now := self._clock.monotonic(), deadline)) > 0:
                began = now if began is None else began
                if activity is not None:
                    activity.waits_for_slot(delay, self.rate_limiter.requests_per_minute)
                await self._clock.sleep_async(min(delay, _LONGEST_NAP))
        except BaseException:
            place.cancel()
            raise
        if began is not None and activity is not None:
            activity.waited_for_slot(now - began, self.rate_limiter.requests_per_minute)

    def leave(self) -> None:
        """Return the permit."""
        self._permits.release()
