"""The queue of a shared rate limiter: when the next request may be sent, whoever sends it.

:class:`SlotQueue` is that queue in the memory of whoever keeps it, such as a Dask scheduler; the
script of :mod:`datalab_facade.integrations.redis_rate_limiter` does the same, line by line.

It is the generic cell rate algorithm (GCRA): the queue is one number, the time up to which it is
full. Each slot moves it on by the spacing. Calls that somebody waits for may be ahead of it by a
burst; so it also knows the slots of the last minute, and gives none that would be one too many for
any minute. In addition it knows a brake (what one process's 429
means for all), the smallest limit in use, and how many processes take part. A store whose clock
steps back moves all its times back by as much, so that nobody waits for the clock to catch up.

Nothing here does IO or knows a clock.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort

import attrs

from datalab_facade.rate_limiting.local import (
    BURST_SHARE,
    MINUTE,
    REPAYING,
    REPAYMENT,
    SLOWEST,
    checked_limit,
)

LIFETIME = 1.0
"""For how many seconds a slot may be used once its time has come."""
RAMP = 30.0
"""The seconds after a pause in which the speed doubles."""
LONGEST_RAMP = RAMP * math.log2(1 / SLOWEST)

STRAY = 0.4
"""By how many seconds requests may come closer together on their way."""


class StoreUnavailableError(Exception):
    """The store of a shared rate limiter cannot be reached, or refuses.

    Stores raise it. No request sees it: requests continue more slowly.
    """


@attrs.frozen
class Pace:
    """How close together requests may be, whoever sends them.

    >>> pace = Pace.of(200)
    >>> round(60 / pace.spacing), pace.burst
    (193, 3)
    """

    spacing: float
    """The seconds between two slots."""
    burst: int
    """How many polls may be sent at once after a pause."""
    most: int
    """How many slots there are in a window at most ..."""
    window: float
    """... and how many seconds it has: a little more than the minute in which they are used."""

    @classmethod
    def of(cls, requests_per_minute: float) -> Pace:
        """Return the pace at which no window of a minute holds more than the limit.

        Raises:
            InvalidArgumentError: The limit is not a positive number.
        """
        limit = math.floor(checked_limit(requests_per_minute)) or requests_per_minute
        burst = 1 + int(limit * BURST_SHARE)
        # What is sent in a minute has slots of a little more than a minute.
        window = MINUTE * max(1.0, 1 / limit) + LIFETIME + STRAY
        spacing = window / max(1.0, limit - burst + 1)
        return cls(spacing, burst, most=max(1, int(limit)), window=window)


@attrs.frozen(kw_only=True)
class SlotRequest:
    """What a process asks the store."""

    member: str
    """A name that no other process has."""
    limit: float
    """The process's own limit, in requests a minute."""
    count: int = 0
    """How many slots it wants for polls; 0 to learn of brakes and limits."""
    urgent: int = 0
    """How many slots it wants for calls, which go before those for polls."""
    burst: int = 1
    """How many calls may go at once after a pause."""
    within: float = MINUTE
    """No slot is taken that is later than so many seconds from now."""
    brake: float | None = None
    """For how many seconds nobody shall send anything, at most a minute; then all are slow for a
    while. None where nothing asked to slow down."""


@attrs.frozen(kw_only=True)
class SlotReply:
    """What the store answers; all times are seconds from the answer on."""

    delays: tuple[float, ...]
    """When the slots are that were taken for polls."""
    next_delay: float
    """When the next one for a poll is."""
    pause: float
    """What is left of the pause after a brake."""
    epoch: float
    """Another number after each brake; slots from before are void."""
    limit: float
    """The smallest limit that a process asked with in the last minute."""
    members: int
    """How many processes asked in the last minute."""
    urgent_delays: tuple[float, ...] = ()
    """When the slots are that were taken for calls."""
    urgent_next_delay: float = 0.0
    """When the next one for a call is."""

    @property
    def times(self) -> tuple[float, ...]:
        """All times in it."""
        nexts = self.next_delay, self.urgent_next_delay
        return (*self.delays, *self.urgent_delays, *nexts, self.pause)


class SlotQueue:
    """The queue of one shared rate limiter. Times are readings of its keeper's clock."""

    def __init__(self) -> None:
        self._read_at = -math.inf
        self._full_until = -math.inf
        self._paused_until = -math.inf
        self._slow_until = -math.inf
        self._epoch = 0.0
        self._limit = math.inf
        self._limit_at = -math.inf
        self._members: dict[str, float] = {}
        # How many calls may go at once, and until when those that did are made up for.
        self._credit = math.inf
        self._owing_until = -math.inf
        # The slots of the last minute, and those that are to come.
        self._given: list[float] = []

    def acquire(self, request: SlotRequest, now: float) -> SlotReply:
        """Take slots for a process, after the brake that it reports."""
        self._follow_clock(now)
        self._register(request, now)
        pace = Pace.of(self._limit)
        if request.brake is not None:
            self._brake(request.brake, now)
        if self._full_until == -math.inf:
            self._full_until = self._epoch = now
        del self._given[: bisect_right(self._given, now - pace.window)]
        unused = (now - max(self._full_until, self._paused_until)) / pace.spacing
        most_credit = max(0.0, request.burst - pace.burst)
        self._credit = min(most_credit, self._credit + max(0.0, unused))
        urgent_delays, urgent_next = self._take(request, pace, now, urgent=True)
        delays, next_delay = self._take(request, pace, now, urgent=False)
        return SlotReply(
            delays=delays,
            next_delay=next_delay,
            pause=max(0.0, self._paused_until - now),
            epoch=self._epoch,
            limit=self._limit,
            members=len(self._members),
            urgent_delays=urgent_delays,
            urgent_next_delay=urgent_next,
        )

    def _take(
        self, request: SlotRequest, pace: Pace, now: float, *, urgent: bool
    ) -> tuple[tuple[float, ...], float]:
        """Take slots of one sort; return when they are, and when the next one is."""
        wanted, delays = request.urgent if urgent else request.count, list[float]()
        while True:
            start = self._full_until = max(self._full_until, self._paused_until, now)
            slow_for = max(0.0, self._slow_until - start)
            step = pace.spacing * 2 ** (slow_for / RAMP)
            at = max(now, start - (0 if slow_for else (pace.burst - 1) * step))
            in_burst = urgent and not slow_for and at > now and self._credit >= 1
            if in_burst:
                at = now
            if len(self._given) >= pace.most:
                at = max(at, self._given[-pace.most] + pace.window)
            if len(delays) == wanted or at - now > request.within:
                return tuple(delays), at - now
            delays.append(at - now)
            insort(self._given, at)
            if in_burst:
                self._credit -= 1
                self._owing_until = max(self._owing_until, now) + REPAYMENT * pace.spacing
            else:
                owing = REPAYING if now < self._owing_until else 1
                self._full_until = max(start, at) + step * owing

    def _follow_clock(self, now: float) -> None:
        back = self._read_at - now
        self._read_at = now
        if back > 0:
            self._full_until -= back
            self._paused_until -= back
            self._slow_until -= back
            self._limit_at -= back
            self._owing_until -= back
            self._given = [at - back for at in self._given]
            self._members = {member: at - back for member, at in self._members.items()}

    def _register(self, request: SlotRequest, now: float) -> None:
        if request.limit <= self._limit or self._limit_at < now - MINUTE:
            if request.limit < self._limit:
                # What was sent under a larger limit stops nobody; it may fill this one for minutes.
                self._given.clear()
            self._limit, self._limit_at = request.limit, now
        self._members[request.member] = now
        self._members = {name: at for name, at in self._members.items() if at >= now - MINUTE}

    def _brake(self, pause: float, now: float) -> None:
        slow_for = max(0.0, self._slow_until - max(now, self._paused_until))
        # Several refusals during one pause are one event.
        if pause > 0 and now >= self._paused_until:
            slow_for += RAMP
        self._paused_until = max(self._paused_until, now + min(pause, MINUTE))
        self._credit = 0.0
        self._slow_until = self._paused_until + min(max(slow_for, RAMP), LONGEST_RAMP)
        self._epoch = now
