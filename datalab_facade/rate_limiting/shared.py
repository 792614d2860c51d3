"""A rate limiter that processes and machines share: the part that does IO.

:class:`SharedRateLimiter` works with any store that keeps the queue for all of them; see
:class:`~datalab_facade.integrations.redis_rate_limiter.RedisRateLimiter` and
:class:`~datalab_facade.integrations.dask_rate_limiter.DaskRateLimiter`. It asks its store from a
thread that lives only as long as the question, so that neither an event loop nor a
blocked caller ever waits for a store that is slow or gone; blocking and async clients
may share one rate limiter.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from random import SystemRandom
from typing import Protocol

from datalab_facade.arguments import checked_number, named
from datalab_facade.clock import Clock, SystemClock
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.forking import renew_after_fork
from datalab_facade.rate_limiting.leasing import (
    Ask,
    Brake,
    Errand,
    LeasedTurn,
    Leases,
    Reply,
    StoreLost,
)
from datalab_facade.rate_limiting.local import Turn

logger = logging.getLogger("datalab_facade.rate_limiting")


class RateLimiterStore(Protocol):
    """Keeps the queue of a shared rate limiter where all processes reach it.

    Both methods may block, for a second or two at most; they are called from one
    thread at a time, not always the same one.
    """

    def lease(self, asked: Ask) -> Reply:
        """Queue places, all that were asked for or none.

        Raises:
            StoreLost: The store cannot be reached.
        """
        ...

    def brake(self, brake: Brake) -> None:
        """Pause the queue and slow it down; the longer of two brakes holds.

        Raises:
            StoreLost: The store cannot be reached.
        """
        ...


class SharedRateLimiter:
    """One rate limiter for several processes and machines.

    No minute sees more requests than the limit, whoever sends them. A 429, or a
    ``Retry-After``, that one process sees makes all of them pause, within some two
    seconds, and then go on more slowly for a while.

    Places are leased a few at a time, about once a second. When the store is lost,
    each process goes on with a small share of the limit, and leases again as soon as
    the store is back, which is tried every few seconds. No wait ends because of it.

    Args:
        store: Who keeps the queue.
        requests_per_minute: The limit for all together; the same in all processes.
        fallback_share: The share of the limit that this process takes while the store
            is lost; by default half of the limit divided by the number of processes
            that used the store in the last minute, or a tenth where that is not known.
        clock: What tells the time, the same as that of the clients; for tests.

    Raises:
        InvalidArgumentError: The limit or the share makes no sense.
    """

    def __init__(
        self,
        store: RateLimiterStore,
        requests_per_minute: float,
        *,
        fallback_share: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        if fallback_share is not None and not (
            0 < checked_number("fallback_share", fallback_share) <= 1
        ):
            raise InvalidArgumentError(
                f"fallback_share must be more than 0 and at most 1, not {named(fallback_share)}"
            )
        self._store = store
        self._clock = clock or SystemClock()
        self._limit = requests_per_minute
        self._fallback_share = fallback_share
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Take part as a process of its own."""
        self._lock = threading.Lock()
        self._leases = Leases(
            self._limit,
            member=f"{os.getpid()}-{os.urandom(8).hex()}",
            fallback_share=self._fallback_share,
            random=SystemRandom().random,
        )

    @property
    def requests_per_minute(self) -> float:
        """The limit, for all processes together."""
        return self._leases.limit

    def turn(self) -> Turn:
        """Let a request queue. It does not block."""
        return _SharedTurn(self)

    def wait(self, turn: LeasedTurn, now: float, deadline: float) -> float:
        """Give the seconds for which a turn is to sleep before it asks again, or 0.

        Raises:
            RateLimitTimeoutError: It comes only after the deadline.
        """
        with self._lock:
            try:
                return self._leases.wait(turn, now, deadline)
            finally:
                self._run_errand(now)

    def give_up(self, turn: LeasedTurn) -> None:
        """Take note that a turn will not be used."""
        with self._lock:
            self._leases.give_up(turn, self._clock.monotonic())

    def answered(self) -> None:
        """Take note of an answer that was no refusal."""
        with self._lock:
            self._leases.answered()

    def refused(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Take note of an answer that asks to slow down, and tell the others.

        Args:
            now: When it came.
            sent_at: When the request was sent. Answers to requests from before
                the last slowing down tell nothing new.
            retry_after: The seconds that the server asks for, if it does.
        """
        with self._lock:
            self._leases.refused(now, sent_at=sent_at, retry_after=retry_after)
            self._run_errand(now)

    def left(self, now: float) -> int:
        """Tell how many requests the last minute leaves, counting this process's own."""
        with self._lock:
            return self._leases.left(now)

    def _run_errand(self, now: float) -> None:
        errand = self._leases.errand(now)
        if errand is None:
            return
        runner = threading.Thread(
            target=self._run, args=(errand,), name="datalab-rate-limiter", daemon=True
        )
        try:
            runner.start()
        except RuntimeError:  # no thread can be had, as when the interpreter ends
            self._leases.lost(now)

    def _run(self, errand: Errand | None) -> None:
        while errand is not None:
            reply: Reply | StoreLost | None
            try:
                reply = self._asked(errand)
            except StoreLost as error:
                reply = error
            except BaseException:
                with self._lock:
                    self._leases.lost(self._clock.monotonic())
                raise
            with self._lock:
                errand = self._taken_in(reply)

    def _asked(self, errand: Errand) -> Reply | None:
        if isinstance(errand, Ask):
            return self._store.lease(errand)
        self._store.brake(errand)
        return None

    def _taken_in(self, reply: Reply | StoreLost | None) -> Errand | None:
        now, leases = self._clock.monotonic(), self._leases
        was_lost = leases.is_lost
        if isinstance(reply, StoreLost):
            leases.lost(now)
            if not was_lost:
                logger.warning(
                    "The shared rate limiter cannot be reached; using a share of its limit: %s",
                    reply,
                )
            return None
        if reply is None:
            leases.delivered(now)
        else:
            leases.took(reply, now)
        if was_lost:
            logger.warning("The shared rate limiter can be reached again")
        return leases.errand(now)


class _SharedTurn:
    """A slot of a shared rate limiter."""

    def __init__(self, rate_limiter: SharedRateLimiter) -> None:
        self._rate_limiter = rate_limiter
        self._turn = LeasedTurn()

    def wait(self, now: float, deadline: float = math.inf) -> float:
        return self._rate_limiter.wait(self._turn, now, deadline)

    def give_up(self) -> None:
        self._rate_limiter.give_up(self._turn)
