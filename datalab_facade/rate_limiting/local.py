"""One rate limiter for everything that a client sends.

The API allows so many requests a minute for a key and answers 429 to the rest.
A :class:`RateLimiter` gives each request a slot: a time at which it may be sent. Nothing here
does IO or knows a clock. :class:`LocalRateLimiter` is for one process: for one client, or for
several. Rate limiters that processes and machines share are in
:mod:`datalab_facade.rate_limiting.shared`.
"""

from __future__ import annotations

import math
import sys
import threading
from bisect import bisect_right
from collections import deque
from itertools import count
from typing import Protocol

from datalab_facade.arguments import checked_count, checked_number, named
from datalab_facade.errors import InvalidArgumentError, RateLimitTimeoutError
from datalab_facade.forking import renew_after_fork
from datalab_facade.rate_limiting.priorities import PriorityLine, RequestPriority

DEFAULT_REQUESTS_PER_MINUTE = 200.0
"""What the published limits agree on; some copies of them say 400."""

MINUTE = 60.0

# Of each minute's requests, so many polls may be sent at once after a pause ...
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
LEAST_LIMIT = 1e-6

_CALLS_SHARE = 1 / 3
"""Of each minute's requests, so many calls may be sent at once after a pause ..."""
_LARGEST_BURST = 1_000_000
"""... but never more."""
REPAYING = 1.5
"""So many times as far apart are requests while a burst is made up for."""
REPAYMENT = 1 / (1 - 1 / REPAYING)
"""For as many spacings is one request of a burst made up for."""

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

    def reserve(self, priority: RequestPriority = RequestPriority.POLL) -> Slot:
        """Let a request queue. It does not block.

        Args:
            priority: What it is for: calls go before the polls of waits.
        """
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
    if not LEAST_LIMIT <= limit < math.inf:
        raise InvalidArgumentError(
            f"requests_per_minute must be more than 0, or None, not {named(requests_per_minute)}"
        )
    return requests_per_minute


def default_burst(requests_per_minute: float) -> int:
    """Return how many calls may go at once after a pause: a third of the limit, at least one."""
    by_share = 1 + int(requests_per_minute * BURST_SHARE)
    return min(_LARGEST_BURST, max(by_share, int(requests_per_minute * _CALLS_SHARE)))


class LocalRateLimiter:
    """Spaces requests so that no window of a minute holds more than the limit.

    Calls that somebody waits for go before the polls of waits; see
    :class:`~datalab_facade.RequestPriority`. After a pause a number of calls go at once; that is
    made up for by a pace of two thirds afterwards, for at most a minute by default, so that
    nothing has to stand still. Polls are evenly spaced.

    When the server says 429 all the same (others may share the key), everything
    pauses for as long as it asks, then goes on at half the rate, evenly spaced,
    and speeds up again by a fiftieth with each answer.

    Args:
        requests_per_minute: The limit; None for no limit.
        burst: How many calls may go at once after a pause. The API counts requests per
            minute ("You can make 400 requests every 60 seconds"), and nothing
            published limits what comes within a second; so this may be as much as the
            limit. The default is a third of it, 66 of 200: enough for a page of calls
            or the requests of a service, while two thirds of the minute remain
            for whoever comes next. 1 spaces calls evenly too.

    Raises:
        InvalidArgumentError: The limit is not a positive number, or the burst makes no sense.

    >>> rate_limiter = LocalRateLimiter(60)
    >>> [round(rate_limiter.reserve().delay(now=0.0), 1) for _ in range(4)]
    [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(
        self,
        requests_per_minute: float | None = DEFAULT_REQUESTS_PER_MINUTE,
        *,
        burst: int | None = None,
    ) -> None:
        if requests_per_minute is not None:
            checked_limit(requests_per_minute)
        self._limit = requests_per_minute
        # A minute cannot hold half a request.
        limit = math.floor(requests_per_minute or 0.0) or requests_per_minute or 0.0
        self._at_once = int(limit * BURST_SHARE)
        self._full_rate = (limit - self._at_once) * (1 - _SPARE_SHARE) / MINUTE
        at_once = default_burst(limit) if burst is None else checked_count("burst", burst, least=1)
        self._most_credit = max(0, at_once - 1 - self._at_once)
        # However they come: so many within so many seconds.
        self._most = max(1, int(limit))
        self._window = MINUTE / (1 - _SPARE_SHARE) * max(1.0, 1 / (limit or 1.0))
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Begin anew in a forked process, which has sent nothing yet."""
        self._lock = threading.Lock()
        self._speed = 1.0
        # When the next request may be sent; some of the time before now is good for a few polls.
        self._next = -math.inf
        # How many calls may go at once besides, and until when these are made up for.
        self._credit = float(self._most_credit)
        self._owing_until = -math.inf
        self._slowed_at = -math.inf
        self._refused_in_row = 0
        # When the last ones were sent, as many as a minute may hold.
        self._sent: deque[float] = deque(maxlen=min(self._most, sys.maxsize))
        self._numbers = count()
        # Who waits, and when each is due.
        self._line = PriorityLine()
        self._due: dict[int, float] = {}

    @property
    def requests_per_minute(self) -> float | None:
        """The limit; None for no limit."""
        return self._limit

    def reserve(self, priority: RequestPriority = RequestPriority.POLL) -> Slot:
        """Let a request queue."""
        return _LocalSlot(self, next(self._numbers), priority)

    def delay(self, number: int, priority: RequestPriority, now: float, deadline: float) -> float:
        """Return the seconds until a request is due, or 0, which takes it out of the queue.

        Raises:
            RateLimitTimeoutError: It comes only after the deadline; it waits no longer.
        """
        if self._limit is None:
            return 0.0
        with self._lock:
            self._pass_over_absent(number, now)
            before, lower = self._line.ahead(number, priority)
            spacing = self._refresh(now)
            credit = 0
            if priority is not RequestPriority.POLL and self._speed == 1:
                credit = int(self._credit)
            in_burst = credit > before and self._next > now + EPSILON
            start = now if in_burst else self._next + max(0, before + lower - credit) * spacing
            at = max(now, start, self._opens(before + lower))
            if before:
                # Those before it may have yet to take their slots.
                previous = self._line.previous(number, priority)
                at = max(at, max(now, now if previous is None else self._due[previous]) + spacing)
            # A sleep may end a hair early, and a sum of seconds may fall short by as much. There
            # may be room also for those who are to go first and are not there yet.
            elif at <= now + EPSILON:
                self._leave(number, priority)
                self._sent.append(now)
                if in_burst:
                    self._credit -= 1
                    owed_from = max(self._owing_until, now)
                    self._owing_until = owed_from + REPAYMENT / self._full_rate
                else:
                    self._line.count_passed(priority)
                    self._next += spacing
                return 0.0
            if at >= deadline:
                self._leave(number, priority)
                raise RateLimitTimeoutError(wait=at - now, left=deadline - now)
            self._line.join(number, priority)
            self._due[number] = at
            return at - now

    def cancel(self, number: int, priority: RequestPriority) -> None:
        """Take a request out of the queue; those behind it move up."""
        with self._lock:
            if number in self._due:
                queue = self._line.queue_from(number, priority)
                times = [self._due[one] for one in queue]
                self._due.update(zip(queue[1:], times, strict=False))
            self._leave(number, priority)

    def record_success(self) -> None:
        """Record an answer that was not a refusal."""
        with self._lock:
            self._refused_in_row = 0
            self._speed = min(1.0, self._speed * _FASTER)

    def record_refusal(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Record an answer that asks to slow down.

        Arguments as of :meth:`RateLimiter.record_refusal`.
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
            self._credit = 0.0

    def remaining(self, now: float) -> int | None:
        """Return how many requests the last minute leaves; None without a limit."""
        if self._limit is None:
            return None
        with self._lock:
            lately = len(self._sent) - bisect_right(self._sent, now - MINUTE)
            return max(0, int(self._limit) - lately)

    @property
    def _spacing(self) -> float:
        return 1 / (self._full_rate * self._speed)

    def _refresh(self, now: float) -> float:
        """Turn time in which nothing was sent into credit; return the spacing that holds now."""
        spacing = self._spacing * (REPAYING if now < self._owing_until else 1)
        latest = now - self._at_once * spacing
        if self._next < latest:
            unused = (latest - self._next) / spacing
            self._credit = min(self._most_credit, self._credit + unused)
            self._next = latest
        return spacing

    def _opens(self, ahead: int) -> float:
        """Return when there is room in the window for one more after so many others."""
        place = len(self._sent) + ahead - self._most
        if place < 0 or not self._sent:
            return -math.inf
        return self._sent[min(place, len(self._sent) - 1)] + self._window

    def _pass_over_absent(self, number: int, now: float) -> None:
        """Let whoever is not there when its time has come hold nobody up."""
        for priority in RequestPriority:
            head = self._line.head(priority)
            while head is not None and head != number and self._due[head] + _ABSENT_AFTER < now:
                self._leave(head, priority)
                head = self._line.head(priority)

    def _leave(self, number: int, priority: RequestPriority) -> None:
        if self._due.pop(number, None) is not None:
            self._line.leave(number, priority)


class _LocalSlot:
    """A slot of a rate limiter of this process."""

    def __init__(
        self, rate_limiter: LocalRateLimiter, number: int, priority: RequestPriority
    ) -> None:
        self._rate_limiter = rate_limiter
        self._number = number
        self._priority = priority

    def delay(self, now: float, deadline: float = math.inf) -> float:
        return self._rate_limiter.delay(self._number, self._priority, now, deadline)

    def cancel(self) -> None:
        self._rate_limiter.cancel(self._number, self._priority)
