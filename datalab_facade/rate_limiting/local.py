"""One rate limiter for everything that a client sends.

The API allows so many requests a minute for a key and answers 429 to the rest.
A :class:`RateLimiter` gives each request a slot: a time at which it may be sent. Nothing here
does IO or knows a clock. :class:`LocalRateLimiter` is for one process: for one client, or for
several. Rate limiters that processes and machines share are in
:mod:`datalab_facade.rate_limiting.shared`.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections import deque
from itertools import count
from typing import Protocol

from datalab_facade.arguments import checked_number, named
from datalab_facade.errors import InvalidArgumentError, RateLimitTimeoutError
from datalab_facade.forking import renew_after_fork

DEFAULT_REQUESTS_PER_MINUTE = 200.0
"""What the published limits agree on; some copies of them say 400."""

MINUTE = 60.0

# Of each minute's requests, so many may be sent at once after a pause ...
BURST_SHARE = 0.01
# ... and so many are left unused, since what is evenly spaced here may arrive
# a little closer together there.
_SPARE_SHARE = 0.0075

SLOWER = 0.5
SLOWEST = 0.05
_FASTER = 1.02
FIRST_PAUSE = 2.0
LONGEST_PAUSE = MINUTE
EPSILON = 1e-6
_LEAST_LIMIT = 1e-6

_ABSENT_AFTER = 0.5
"""So many seconds after its time, a request that has not asked is passed over until it asks."""


class Slot(Protocol):
    """A request's place in the queue of a rate limiter.

    Call :meth:`delay`, sleep for as long as it returns, call it again; at 0 send the request at
    once. The delay may have become shorter meanwhile, since others were canceled.
    """

    def delay(self, now: float, deadline: float = math.inf) -> float:
        """Return the seconds to sleep before the next call, or 0.

        Raises:
            RateLimitTimeoutError: The slot comes only after the deadline.
        """
        ...

    def cancel(self) -> None:
        """Leave the queue, since the request will not be sent; not after :meth:`delay` gave 0.

        Those behind it move up.
        """
        ...


class RateLimiter(Protocol):
    """What spaces requests. Threads and tasks may share it.

    Times are readings of the clock of the client that uses it.
    """

    @property
    def requests_per_minute(self) -> float | None:
        """The limit; None for no limit."""
        ...

    def reserve(self) -> Slot:
        """Let a request queue. It does not block."""
        ...

    def record_success(self) -> None:
        """Record an answer that was not a refusal. It does not block."""
        ...

    def record_refusal(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Record an answer that asks to slow down. It does not block.

        Args:
            now: When it came.
            sent_at: When the request was sent. Answers to requests from before
                the last slowing down say nothing new.
            retry_after: The seconds that the server asks for, if it does.
        """
        ...

    def remaining(self, now: float) -> int | None:
        """Return how many requests the last minute leaves; None without a limit."""
        ...


def checked_limit(requests_per_minute: float) -> float:
    """Return a limit if it can be one.

    Raises:
        InvalidArgumentError: It is not a positive number.
    """
    limit = checked_number("requests_per_minute", requests_per_minute)
    if not _LEAST_LIMIT <= limit < math.inf:
        raise InvalidArgumentError(
            f"requests_per_minute must be more than 0, or None, not {named(requests_per_minute)}"
        )
    return requests_per_minute


class LocalRateLimiter:
    """Spaces requests so that no window of a minute holds more than the limit.

    When the server says 429 all the same (others may share the key), everything
    pauses for as long as it asks, then goes on at half the rate, evenly spaced,
    and speeds up again by a fiftieth with each answer.

    Args:
        requests_per_minute: The limit; None for no limit.

    Raises:
        InvalidArgumentError: The limit is not a positive number.

    >>> rate_limiter = LocalRateLimiter(60)
    >>> [round(rate_limiter.reserve().delay(now=0.0), 1) for _ in range(4)]
    [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(self, requests_per_minute: float | None = DEFAULT_REQUESTS_PER_MINUTE) -> None:
        if requests_per_minute is not None:
            checked_limit(requests_per_minute)
        self._limit = requests_per_minute
        # A minute cannot hold half a request.
        limit = math.floor(requests_per_minute or 0.0) or requests_per_minute or 0.0
        self._at_once = int(limit * BURST_SHARE)
        self._full_rate = (limit - self._at_once) * (1 - _SPARE_SHARE) / MINUTE
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Begin anew in a forked process, which has sent nothing yet."""
        self._lock = threading.Lock()
        self._speed = 1.0
        # When the next request may be sent; some of the time before now is good for a burst.
        self._next = -math.inf
        self._slowed_at = -math.inf
        self._refused_in_row = 0
        self._sent: deque[float] = deque()
        self._numbers = count()
        # Who waits, by number, so in the order of coming; and when each is due.
        self._queue: list[int] = []
        self._due: dict[int, float] = {}

    @property
    def requests_per_minute(self) -> float | None:
        """The limit; None for no limit."""
        return self._limit

    def reserve(self) -> Slot:
        """Let a request queue."""
        return _LocalSlot(self, next(self._numbers))

    def delay(self, number: int, now: float, deadline: float) -> float:
        """Return the seconds until a request is due, or 0, which takes it out of the queue.

        Raises:
            RateLimitTimeoutError: It comes only after the deadline; it waits no longer.
        """
        if self._limit is None:
            return 0.0
        with self._lock:
            queue = self._queue
            # Whoever is not there when its time has come holds nobody up.
            while queue and queue[0] < number and self._due[queue[0]] + _ABSENT_AFTER < now:
                self._leave(queue[0])
            ahead, spacing = bisect_left(queue, number), self._spacing
            begin = max(self._next, now - self._at_once * spacing)
            at = max(now, begin + ahead * spacing)
            if ahead:
                at = max(at, max(now, self._due[queue[ahead - 1]]) + spacing)
            # A sleep may end a hair early, and a sum of seconds may fall short by as much.
            elif at <= now + EPSILON:
                self._leave(number)
                self._next = begin + spacing
                self._sent.append(now)
                self._forget(now)
                return 0.0
            if at >= deadline:
                self._leave(number)
                raise RateLimitTimeoutError(wait=at - now, left=deadline - now)
            if number not in self._due:
                queue.insert(ahead, number)
            self._due[number] = at
            return at - now

    def cancel(self, number: int) -> None:
        """Take a request out of the queue; those behind it move up."""
        with self._lock:
            queue, due = self._queue, self._due
            if number in due:
                for place in range(len(queue) - 1, bisect_left(queue, number), -1):
                    due[queue[place]] = due[queue[place - 1]]
            self._leave(number)

    def record_success(self) -> None:
        """Record an answer that was not a refusal."""
        with self._lock:
            self._refused_in_row = 0
            self._speed = min(1.0, self._speed * _FASTER)

    def record_refusal(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Record an answer that asks to slow down.

        Args:
            now: When it came.
            sent_at: When the request was sent. Answers to requests from before
                the last slowing down say nothing new.
            retry_after: The seconds that the server asks for, if it does.
        """
        with self._lock:
            if self._limit is None or sent_at < self._slowed_at:
                return
            pause = FIRST_PAUSE * 2.0 ** min(self._refused_in_row, 10)
            asked = retry_after if retry_after is not None else pause
            self._refused_in_row += 1
            self._speed = max(SLOWEST, self._speed * SLOWER)
            self._slowed_at = now
            # Nothing is saved up for a burst meanwhile.
            self._next = now + max(min(asked, LONGEST_PAUSE), self._spacing)

    def remaining(self, now: float) -> int | None:
        """Return how many requests the last minute leaves; None without a limit."""
        if self._limit is None:
            return None
        with self._lock:
            self._forget(now)
            return max(0, int(self._limit) - len(self._sent))

    @property
    def _spacing(self) -> float:
        return 1 / (self._full_rate * self._speed)

    def _leave(self, number: int) -> None:
        if self._due.pop(number, None) is not None:
            del self._queue[bisect_left(self._queue, number)]

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0] <= now - MINUTE:
            self._sent.popleft()


class _LocalSlot:
    """A slot of a rate limiter of this process."""

    def __init__(self, rate_limiter: LocalRateLimiter, number: int) -> None:
        self._rate_limiter = rate_limiter
        self._number = number

    def delay(self, now: float, deadline: float = math.inf) -> float:
        return self._rate_limiter.delay(self._number, now, deadline)

    def cancel(self) -> None:
        self._rate_limiter.cancel(self._number)
