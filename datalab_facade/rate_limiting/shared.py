"""A rate limiter that processes and machines share.

:class:`SharedRateLimiter` works with any store that keeps the queue for all of them; see
:class:`~datalab_facade.integrations.redis_rate_limiter.RedisRateLimiter` and
:class:`~datalab_facade.integrations.dask_rate_limiter.DaskRateLimiter`. It asks its store from a
thread that lives only as long as the question, so that neither an event loop nor a blocked caller
ever waits for a store that is slow or gone; blocking and async clients may share one rate limiter.
"""

from __future__ import annotations

import threading
from random import SystemRandom
from typing import Protocol

from datalab_facade.arguments import checked_methods, checked_number, named
from datalab_facade.clock import Clock, SystemClock
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.rate_limiting.queue_member import QueueMember
from datalab_facade.rate_limiting.slot_queue import SlotReply, SlotRequest, StoreUnavailableError


class RateLimiterStore(Protocol):
    """Keeps the queue of a shared rate limiter where all processes reach it."""

    def acquire(self, request: SlotRequest) -> SlotReply:
        """Take slots; it may block, and is called from one thread at a time.

        Raises:
            StoreUnavailableError: The store cannot be reached, or refuses.
        """
        ...


class SharedRateLimiter(QueueMember):
    """One rate limiter for several processes and machines.

    No minute sees more requests than the limit, whoever sends them. A 429, or a
    ``Retry-After``, that one process sees makes all of them pause, within some two
    seconds, and then go on more slowly for a while. Where processes have different
    limits, the smallest holds for all of them, and the others log it.

    Calls go before polls, and a number of them at once after a pause. A slot that the store gave is
    kept: so a call waits at most for the polls that have slots already, one of each process
    (more where the store is slow), and no call moves the slot of a poll.

    The store is asked for each slot. When it is lost, or takes longer than a second, each process
    goes on with a small share of the limit, and asks again every few seconds until the store is
    back. No wait ends because of it, and no answer of the store holds anybody for longer than a
    minute.

    Args:
        store: Who keeps the queue.
        requests_per_minute: The limit for all together; the same in all processes.
        fallback_share: The share of the limit that this process takes while the store
            is lost; by default half of the limit divided by the number of processes
            that used the store in the last minute, or a tenth where that is not known.
        burst: How many calls may go at once after a pause, of all processes together; by default a
            third of the limit, as of :class:`~datalab_facade.LocalRateLimiter`.
        clock: What tells the time, the same as that of the clients; for tests.

    Raises:
        InvalidArgumentError: The store, the limit, the share or the burst makes no sense.
    """

    def __init__(
        self,
        store: RateLimiterStore,
        requests_per_minute: float,
        *,
        fallback_share: float | None = None,
        burst: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        checked_methods("store", store, "acquire")
        if fallback_share is not None and not (
            0 < checked_number("fallback_share", fallback_share) <= 1
        ):
            raise InvalidArgumentError(
                f"fallback_share must be more than 0 and at most 1, not {named(fallback_share)}"
            )
        self._store = store
        self._clock = clock or SystemClock()
        super().__init__(requests_per_minute, fallback_share, SystemRandom().random, burst)

    def ask(self, request: SlotRequest) -> None:
        """Ask the store, without blocking; the answer goes to :meth:`take`."""
        thread = threading.Thread(
            target=self._run, args=(request,), name="datalab-rate-limiter", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # no thread can be had, as when the interpreter ends
            self.take(StoreUnavailableError(str(error)), self._asked_at)

    def _run(self, request: SlotRequest) -> None:
        # Also what a store should not raise must not leave the question open.
        answer: SlotReply | StoreUnavailableError = StoreUnavailableError("its thread has failed")
        try:
            answer = self._store.acquire(request)
        except StoreUnavailableError as error:
            answer = error
        finally:
            with self._lock:
                self.take(answer, self._clock.monotonic())
