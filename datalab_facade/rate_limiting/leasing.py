"""Sharing one rate limit among processes: leases of times, decided without IO.

A store that all processes reach keeps one queue for all of them. A process leases a
few places of it at a time, each a moment at which one request may be sent, so that it
asks the store about once a second and not for each request. :class:`Ledger` is that
queue, for whoever keeps it in memory; :class:`Leases` is the process's side. A refusal
that one process sees brakes the queue, and so all of them.

When the store is lost, each process goes on with a small share of its own, so that
all together stay below the limit, and leases again when the store is back.

Nothing here does IO or knows a clock; :mod:`~datalab_facade.rate_limiting.shared` does both.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TypeAlias

import attrs

from datalab_facade.errors import RateLimitTimeoutError
from datalab_facade.rate_limiting.local import (
    BURST_SHARE,
    EPSILON,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MINUTE,
    SLOWEST,
    LocalRateLimiter,
    Turn,
    checked_limit,
)

_LIFETIME = 1.0
"""For how many seconds a place is good once its time has come."""
_STRAY = 0.45
"""By how many seconds requests may come closer together on their way."""
_HORIZON = 2.0
"""How far ahead places are given out; a brake is noticed as late as that."""
_RAMP = 30.0
"""Seconds in which the speed doubles again after a refusal."""
_LONGEST_RAMP = _RAMP * math.log2(1 / SLOWEST)
_MOST_AT_ONCE = 1_000

_MEMBER_SECONDS = 60.0
_MOST_MEMBERS = 100_000

_FALLBACK_SHARE = 0.1
"""The share of the limit for a process that never reached the store."""
_CAREFUL = 0.5
"""What all processes together take of the limit while the store is lost."""

_FIRST_NAP = 0.001
_LONGEST_NAP = 0.05
_PATIENCE = 2.0
"""For how many seconds the store may be silent before it counts as lost."""
_FIRST_RETRY = 0.5
_LONGEST_RETRY = 5.0

Randomness: TypeAlias = Callable[[], float]


class StoreLost(Exception):
    """The store of a shared rate limiter cannot be reached, or refuses.

    Raised by stores; waits never see it, they go on more slowly.
    """


@attrs.frozen
class Pace:
    """How close together requests may be, whoever sends them.

    >>> pace = Pace.of(200)
    >>> round(60 / pace.spacing), pace.at_once
    (193, 3)
    """

    spacing: float
    """The seconds between two places."""
    at_once: int
    """How many requests may be sent at once after a pause."""

    @classmethod
    def of(cls, requests_per_minute: float) -> Pace:
        """Choose a pace at which no window of a minute holds more than the limit.

        Raises:
            InvalidArgumentError: The limit is not a positive number.
        """
        limit = math.floor(checked_limit(requests_per_minute)) or requests_per_minute
        at_once = 1 + int(limit * BURST_SHARE)
        # A place may be used for as long as it is good, so a minute of requests
        # comes from the places of a little more than a minute.
        window = MINUTE * max(1.0, 1 / limit) + _LIFETIME + _STRAY
        return cls(window / max(1.0, limit - at_once + 1), at_once)

    @property
    def horizon(self) -> float:
        """How many seconds ahead places are given out."""
        return max(_HORIZON, 3 * self.spacing)

    def places(self, ahead: float, count: int, speed: float) -> tuple[float, ...]:
        """Give the times of places that were just queued, in seconds from now.

        Args:
            ahead: How far the queue was ahead of now before, in seconds.
            count: How many were queued.
            speed: From above 0 to 1; below 1 nothing goes at once.
        """
        spacing = self.spacing / speed
        credit = (self.at_once if speed >= 1 else 1) * spacing
        return tuple(max(0.0, ahead + nth * spacing - credit) for nth in range(1, count + 1))


@attrs.frozen
class Ask:
    """A wish for places."""

    member: str
    """Which process asks."""
    count: int
    pace: Pace


@attrs.frozen
class Brake:
    """News of a refusal: nobody is to send for a while, and then slowly for a while."""

    pause: float
    ramp: float
    """The seconds in which the speed comes back, from ``2 ** -(ramp / 30)`` to 1."""


Errand: TypeAlias = Ask | Brake
"""What a process has to tell or to ask its store."""


@attrs.frozen
class Reply:
    """What a store answers to an :class:`Ask`. All times are seconds from the answer on."""

    places: tuple[float, ...] = ()
    """When each of the places is; empty if none is free."""
    retry: float = 0.0
    """When to ask again, where there are none."""
    brake: Brake | None = None
    """What is left of the last brake."""
    members: int = 1
    """How many processes have asked lately."""


def speed_after(brake: Brake | None) -> float:
    """Give the speed at which a braked queue moves, once its pause is over."""
    return 1.0 if brake is None else 2.0 ** -(brake.ramp / _RAMP)


class Ledger:
    """The queue of a shared rate limiter, in the memory of whoever keeps it.

    Times are readings of the keeper's clock.
    """

    def __init__(self) -> None:
        self._queued_until = -math.inf
        self._paused_until = -math.inf
        self._braked_until = -math.inf
        self._members: OrderedDict[str, float] = OrderedDict()

    def lease(self, asked: Ask, now: float) -> Reply:
        """Queue places, all that were asked for or none."""
        brake, members = self._brake_left(now), self._seen(asked.member, now)
        if brake is not None and brake.pause > 0:
            return Reply(retry=brake.pause, brake=brake, members=members)
        pace, speed = asked.pace, speed_after(brake)
        ahead = max(0.0, self._queued_until - now)
        longer = ahead + asked.count * pace.spacing / speed
        most = pace.horizon + pace.at_once * pace.spacing
        if longer > most and ahead > 0:
            return Reply(retry=min(longer - most, ahead), brake=brake, members=members)
        self._queued_until = now + longer
        return Reply(pace.places(ahead, asked.count, speed), 0.0, brake, members)

    def brake(self, brake: Brake, now: float) -> None:
        """Pause the queue, and slow it down; the longer of two brakes holds."""
        if now + brake.pause + brake.ramp > self._braked_until:
            self._paused_until = now + brake.pause
            self._braked_until = self._paused_until + brake.ramp

    def _brake_left(self, now: float) -> Brake | None:
        if now >= self._braked_until:
            return None
        pause = max(0.0, self._paused_until - now)
        return Brake(pause, self._braked_until - now - pause)

    def _seen(self, member: str, now: float) -> int:
        members = self._members
        members[member] = now
        members.move_to_end(member)
        while len(members) > _MOST_MEMBERS or members[next(iter(members))] < now - _MEMBER_SECONDS:
            members.popitem(last=False)
        return len(members)


class LeasedTurn:
    """A slot of a shared rate limiter: what :class:`Leases` knows of a request that waits."""

    def __init__(self) -> None:
        self.at: float | None = None
        """When it may be sent; None while it has no place."""
        self.plan = 0
        self.good_for = _LIFETIME
        self.nap = _FIRST_NAP
        self.queued = False
        self.alone: Turn | None = None
        """The turn in the small share that is gone by while the store is lost."""


class Leases:
    """A process's side of a shared rate limiter: who of those that wait gets which place.

    Tell it everything that happens; :meth:`errand` says what to ask the store. One
    errand is under way at a time. Times are readings of one monotonic clock.

    Args:
        requests_per_minute: The limit, for all processes together.
        member: A name that no other process has.
        fallback_share: The share of the limit that this process takes while the store
            is lost; by default half of the limit divided by the number of processes
            that used the store lately, or a tenth where that was never known.
        random: Spreads processes out that would ask at once.

    Raises:
        InvalidArgumentError: The limit is not a positive number.
    """

    def __init__(
        self,
        requests_per_minute: float,
        *,
        member: str,
        fallback_share: float | None,
        random: Randomness,
    ) -> None:
        self.pace = Pace.of(requests_per_minute)
        self.limit = requests_per_minute
        self._member = member
        self._share = fallback_share
        self._random = random
        self._queue: deque[LeasedTurn] = deque()
        self._places: deque[float] = deque()
        self._sent: deque[float] = deque()
        self._members: int | None = None
        self._alone: LocalRateLimiter | None = None
        self._sent_alone = 0
        self._errand: Errand | None = None
        self._errand_since = 0.0
        self._told_lost = False
        self._ask_at = -math.inf
        self._lost_until = -math.inf
        self._denied = False
        self._losses = 0
        self._untold = False
        self._braked_until = -math.inf
        self._paused_until = -math.inf
        self._plan = 0
        self._plan_since = -math.inf
        self._refused_in_row = 0

    @property
    def is_lost(self) -> bool:
        """Whether the store is lost, so that this process goes by its own share."""
        return self._alone is not None

    def wait(self, turn: LeasedTurn, now: float, deadline: float) -> float:
        """Give the seconds for which a turn is to sleep before it asks again, or 0.

        Raises:
            RateLimitTimeoutError: It comes only after the deadline.
        """
        self._watch_errand(now)
        if turn.at is not None and turn.plan != self._plan:
            turn.at = None
        if turn.at is None and self._alone is not None:
            return self._wait_alone(turn, now, deadline, self._alone)
        turn.alone = None
        if turn.at is not None and now > turn.at + turn.good_for:
            # A process that always wakes late must get through as well.
            turn.good_for *= 2
            turn.at = None
        if turn.at is None:
            self._enqueue(turn)
            self._hand_out(now)
        if turn.at is None:
            return self._nap(turn, now, deadline)
        if turn.at <= now + EPSILON:
            return self._goes(now)
        if turn.at >= deadline:
            away = turn.at - now
            self.give_up(turn, now)
            raise RateLimitTimeoutError(wait=away, left=deadline - now)
        return turn.at - now

    def give_up(self, turn: LeasedTurn, now: float) -> None:
        """Take note that a turn will not be used; its place is for the next one."""
        if turn.queued:
            self._queue.remove(turn)
            turn.queued = False
        elif turn.at is not None and turn.plan == self._plan:
            insort(self._places, turn.at)
            self._hand_out(now)
        turn.at = None
        if turn.alone is not None:
            turn.alone.give_up()
            turn.alone = None

    def answered(self) -> None:
        """Take note of an answer that was no refusal."""
        self._refused_in_row = 0
        if self._alone is not None:
            self._alone.answered()

    def refused(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Record an answer that asks to slow down, for the store."""
        if sent_at < self._plan_since:
            return
        pause = FIRST_PAUSE * 2.0 ** min(self._refused_in_row, 10)
        asked = retry_after if retry_after is not None else pause
        self._refused_in_row += 1
        slow_for = max(0.0, self._braked_until - max(now, self._paused_until))
        ramp = min(slow_for + _RAMP, _LONGEST_RAMP)
        brake = Brake(max(min(asked, LONGEST_PAUSE), self.pace.spacing), ramp)
        self._apply(brake, now)
        self._untold = True
        if self._alone is not None:
            self._alone.refused(now, sent_at=sent_at, retry_after=brake.pause)

    def left(self, now: float) -> int:
        """Tell how many requests the last minute leaves, counting this process's own."""
        self._forget(now)
        return max(0, int(self.limit) - len(self._sent))

    def errand(self, now: float) -> Errand | None:
        """Give the next message to the store, if any.

        Its result must be reported: :meth:`delivered`, :meth:`took` or :meth:`lost`.
        """
        if self._errand is not None or now < self._lost_until:
            return None
        if self._untold and now < self._braked_until:
            # Told late, it has less left to say.
            pause = max(0.0, self._paused_until - now)
            self._errand = Brake(pause, self._braked_until - now - pause)
        elif (self._queue or self._alone is not None) and now >= max(
            self._ask_at, self._paused_until
        ):
            self._errand = Ask(self._member, self._wanted(now), self.pace)
        self._errand_since = now
        self._told_lost = False
        return self._errand

    def delivered(self, now: float) -> None:
        """Take note that the store knows of the brake."""
        self._errand = None
        self._untold = False
        self._found(now)

    def took(self, reply: Reply, now: float) -> None:
        """Take in what the store answered."""
        self._errand = None
        self._members = reply.members
        self._found(now)
        brake = reply.brake
        if brake is not None and now + brake.pause + brake.ramp > self._braked_until + _LIFETIME:
            self._apply(brake, now)
        self._denied = not reply.places
        if now > self._errand_since + _PATIENCE:
            # Nobody knows how old the answer is; its places go to nobody.
            self._ask_at = now
        elif reply.places:
            self._places.extend(now + away for away in reply.places)
            self._hand_out(now)
        else:
            self._ask_at = now + reply.retry * (1 + 0.1 * self._random()) + _FIRST_NAP

    def lost(self, now: float) -> None:
        """Take note that the store could not be reached."""
        self._errand = None
        self._lose(now)

    def _lose(self, now: float) -> None:
        retry = min(_FIRST_RETRY * 2.0 ** min(self._losses, 10), _LONGEST_RETRY)
        self._losses += 1
        self._lost_until = now + retry * (0.5 + self._random())
        if self._alone is None:
            share = self._share
            if share is None:
                share = _CAREFUL / self._members if self._members else _FALLBACK_SHARE
            limit = self.limit * share
            # Others may hold places as far ahead as the horizon, and processes that
            # lost the store together are not to send together.
            start = now + self.pace.horizon + MINUTE / limit * self._random()
            self._alone, self._sent_alone = LocalRateLimiter(limit), 0
            self._alone.turn().wait(start)
            for turn in self._queue:
                turn.queued, turn.alone = False, self._alone.turn()
            self._queue.clear()
            if now < self._paused_until:
                self._alone.refused(now, sent_at=now, retry_after=self._paused_until - now)

    def _found(self, now: float) -> None:
        self._losses = 0
        self._lost_until = -math.inf
        if self._alone is None:
            return
        # Those that queued for the small share queue again.
        self._alone = None
        self._plan += 1
        if self._sent_alone:
            # Others may go by their share for some seconds yet, which the store knows
            # nothing of; so all begin at half the speed.
            pause = max(0.0, self._paused_until - now)
            slow_for = max(0.0, self._braked_until - now - pause)
            self._apply(Brake(pause, max(slow_for, _RAMP)), now)
            self._untold = True

    def _watch_errand(self, now: float) -> None:
        overdue = self._errand is not None and now > self._errand_since + _PATIENCE
        if overdue and not self._told_lost:
            self._told_lost = True
            self._lose(now)

    def _apply(self, brake: Brake, now: float) -> None:
        # All places are void: their holders queue again as they come.
        self._plan += 1
        self._plan_since = now
        self._places.clear()
        self._paused_until = now + brake.pause
        self._braked_until = self._paused_until + brake.ramp

    def _wanted(self, now: float) -> int:
        """How many places to ask for: as many as are wanted within about a second."""
        if self._denied:
            return 1
        self._forget(now)
        lately = sum(1 for at in self._sent if at > now - _LIFETIME)
        # More than a share on suspicion would keep those who came later where they are.
        share = math.ceil(_LIFETIME / self.pace.spacing / (self._members or 1))
        lately = min(lately, share)
        within = int(self.pace.horizon / self.pace.spacing)
        return max(1, min(max(len(self._queue), lately), within, _MOST_AT_ONCE))

    def _enqueue(self, turn: LeasedTurn) -> None:
        if not turn.queued:
            turn.queued = True
            self._queue.append(turn)

    def _hand_out(self, now: float) -> None:
        queue = self._queue
        while queue and (at := self._next_place(now)) is not None:
            turn = queue.popleft()
            turn.queued = False
            turn.at, turn.plan, turn.nap = at, self._plan, _FIRST_NAP

    def _next_place(self, now: float) -> float | None:
        while self._places:
            at = self._places.popleft()
            if now <= at + _LIFETIME:
                return at
        return None

    def _wait_alone(
        self, turn: LeasedTurn, now: float, deadline: float, alone: LocalRateLimiter
    ) -> float:
        if turn.alone is None:
            turn.alone = alone.turn()
        away = turn.alone.wait(now, deadline)
        if away > 0:
            # Whoever sleeps for long shall notice that the store is back.
            return min(away, _LIFETIME)
        self._sent_alone += 1
        return self._goes(now)

    def _goes(self, now: float) -> float:
        self._sent.append(now)
        self._forget(now)
        return 0.0

    def _nap(self, turn: LeasedTurn, now: float, deadline: float) -> float:
        known = max(self._paused_until, now if self._errand is not None else self._ask_at) - now
        if known > 0:
            away = known
        else:
            away, turn.nap = turn.nap, min(2 * turn.nap, _LONGEST_NAP)
        if now >= deadline or (now < self._paused_until and self._paused_until >= deadline):
            self.give_up(turn, now)
            raise RateLimitTimeoutError(wait=away, left=deadline - now)
        return min(away, deadline - now)

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0] <= now - MINUTE:
            self._sent.popleft()
