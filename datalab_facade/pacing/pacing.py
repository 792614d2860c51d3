"""One request budget for everything that a client does.

The API allows so many requests a minute for a key and answers 429 to the rest.
A :class:`Budget` gives each request a time at which it may be sent. Nothing here
does IO or knows a clock. :class:`LocalBudget` is for one process: one client's, or
given to several. Budgets that processes and machines share are in
:mod:`datalab_facade.pacing.sharing`.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import Protocol

import attrs

from datalab_facade.arguments import checked_number, named
from datalab_facade.errors import BudgetExhausted, ConfigurationError
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
HAIR = 1e-6
_LEAST_LIMIT = 1e-6


class Turn(Protocol):
    """One request's way through a budget.

    Ask :meth:`wait`, sleep for as long as it says, ask again; at 0 it is the
    request's turn, and it is to be sent at once.
    """

    def wait(self, now: float, deadline: float = math.inf) -> float:
        """Give the seconds to sleep before asking again, or 0.

        Raises:
            BudgetExhausted: The turn comes only after the deadline.
        """
        ...

    def give_up(self) -> None:
        """Take note that the request will not be sent; not after :meth:`wait` gave 0."""
        ...


class Budget(Protocol):
    """What gives requests their turn. Threads and tasks may share it.

    Times are readings of the clock of the client that uses it.
    """

    @property
    def requests_per_minute(self) -> float | None:
        """The limit; None for no limit."""
        ...

    def turn(self) -> Turn:
        """Let a request queue. It does not block."""
        ...

    def answered(self) -> None:
        """Take note of an answer that was no refusal. It does not block."""
        ...

    def refused(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Take note of an answer that asks to slow down. It does not block.

        Args:
            now: When it came.
            sent_at: When the request was sent. Answers to requests from before
                the last slowing down tell nothing new.
            retry_after: The seconds that the server asks for, if it does.
        """
        ...

    def left(self, now: float) -> int | None:
        """Tell how many requests the last minute leaves; None without a limit."""
        ...


def checked_limit(requests_per_minute: float) -> float:
    """Give a limit back if it can be one.

    Raises:
        ConfigurationError: It is not a positive number.
    """
    limit = checked_number("requests_per_minute", requests_per_minute)
    if not _LEAST_LIMIT <= limit < math.inf:
        raise ConfigurationError(
            f"requests_per_minute must be more than 0, or None, not {named(requests_per_minute)}"
        )
    return requests_per_minute


class LocalBudget:
    """Spaces requests so that no window of a minute holds more than the limit.

    When the server says 429 all the same (others may share the key), everything
    pauses for as long as it asks, then goes on at half the rate, evenly spaced,
    and speeds up again by a fiftieth with each answer.

    Args:
        requests_per_minute: The limit; None for no limit.

    Raises:
        ConfigurationError: The limit is not a positive number.

    >>> budget = LocalBudget(60)
    >>> [round(budget.turn().wait(now=0.0), 1) for _ in range(4)]
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
        self._next = -math.inf
        self._plan = 0
        self._plan_since = -math.inf
        self._refused_in_row = 0
        self._sent: deque[float] = deque()

    @property
    def requests_per_minute(self) -> float | None:
        """The limit; None for no limit."""
        return self._limit

    def turn(self) -> Turn:
        """Let a request queue."""
        return _LocalTurn(self)

    def place(self, now: float, deadline: float) -> Place:
        """Give a request its place in the queue.

        Raises:
            BudgetExhausted: The place would be after the deadline; it is left to others.
        """
        with self._lock:
            if self._limit is None:
                return Place(now, self._plan)
            spacing = self._spacing
            at = max(now, self._next - self._at_once * spacing)
            if at > now and at >= deadline:
                raise BudgetExhausted(wait=at - now, left=deadline - now)
            self._next = max(self._next, at) + spacing
            return Place(at, self._plan)

    def holds(self, place: Place) -> bool:
        """Tell whether a place is still good: no refusal has made it void."""
        return place.plan == self._plan

    def sent(self, now: float) -> None:
        """Take note of a request that is being sent."""
        if self._limit is None:
            return
        with self._lock:
            self._sent.append(now)
            self._forget(now)

    def answered(self) -> None:
        """Take note of an answer that was no refusal."""
        with self._lock:
            self._refused_in_row = 0
            self._speed = min(1.0, self._speed * _FASTER)

    def refused(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Take note of an answer that asks to slow down.

        Args:
            now: When it came.
            sent_at: When the request was sent. Answers to requests from before
                the last slowing down tell nothing new.
            retry_after: The seconds that the server asks for, if it does.
        """
        with self._lock:
            if self._limit is None or sent_at < self._plan_since:
                return
            pause = FIRST_PAUSE * 2.0 ** min(self._refused_in_row, 10)
            asked = retry_after if retry_after is not None else pause
            self._refused_in_row += 1
            self._speed = max(SLOWEST, self._speed * SLOWER)
            resume = now + max(min(asked, LONGEST_PAUSE), self._spacing)
            # All places are void: their holders queue again as they come, and
            # get new ones one by one, with nothing saved up for a burst.
            self._plan += 1
            self._plan_since = now
            self._next = resume + self._at_once * self._spacing

    def left(self, now: float) -> int | None:
        """Tell how many requests the last minute leaves; None without a limit."""
        if self._limit is None:
            return None
        with self._lock:
            self._forget(now)
            return max(0, int(self._limit) - len(self._sent))

    @property
    def _spacing(self) -> float:
        return 1 / (self._full_rate * self._speed)

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0] <= now - MINUTE:
            self._sent.popleft()


@attrs.frozen
class Place:
    """A request's place in the queue."""

    at: float
    """When it may be sent."""
    plan: int
    """The plan that it was given under; each refusal makes the budget draw up another."""


class _LocalTurn:
    """A turn in a budget of this process."""

    def __init__(self, budget: LocalBudget) -> None:
        self._budget = budget
        self._place: Place | None = None

    def wait(self, now: float, deadline: float = math.inf) -> float:
        place = self._place
        if place is None or not self._budget.holds(place):
            place = self._place = self._budget.place(now, deadline)
        # A sleep may end a hair early, and a sum of seconds may fall short by as much.
        if place.at > now + HAIR:
            return place.at - now
        self._budget.sent(now)
        return 0.0

    def give_up(self) -> None:
        # Others have queued behind it; its place stays empty.
        self._place = None
