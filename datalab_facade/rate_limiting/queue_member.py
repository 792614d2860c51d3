"""A process's part in a shared rate limiter: what it asks the store, and who gets which slot.

Nothing here does IO or knows a clock; :mod:`~datalab_facade.rate_limiting.shared` does both.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from itertools import chain, count

import attrs

from datalab_facade.arguments import checked_count
from datalab_facade.errors import RateLimitTimeoutError
from datalab_facade.forking import renew_after_fork
from datalab_facade.rate_limiting.local import (
    EPSILON,
    FIRST_PAUSE,
    LEAST_LIMIT,
    LONGEST_PAUSE,
    MINUTE,
    LocalRateLimiter,
    Slot,
    checked_limit,
    default_burst,
)
from datalab_facade.rate_limiting.member_queue import MemberQueue, WaitingRequest
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.rate_limiting.slot_queue import (
    LIFETIME,
    Pace,
    SlotReply,
    SlotRequest,
    StoreUnavailableError,
)

logger = logging.getLogger("datalab_facade.rate_limiting")

_FRESH = 2.0
"""A slot is used if the store answered in the seconds before it: so late is a brake seen."""
_FALLBACK_SHARE = 0.1
"""The share of the limit for a process that never reached the store."""
_CAREFUL = 0.5
"""What all processes together take of the limit while the store is lost."""
_MOST_AHEAD = 100
"""How many slots may be taken at once for requests that are still to come."""
_LONGEST_NAP = 0.01
_FIRST_RETRY = 0.5
_LONGEST_RETRY = 5.0


class QueueMember(ABC):
    """Takes part in a queue that a store keeps, for the requests of one process.

    The store is asked for each slot, in the order in which requests came. For a process that
    sends one request after the other, the next slot is asked for while a request is under way.
    One question is under way at a time.

    Args:
        requests_per_minute: The limit for all processes together.
        fallback_share: The share of the limit that this process takes while the store is lost.
        random: What spreads processes out, from 0 to 1.
        burst: How many calls may go at once after a pause; None for a third of the limit.
    """

    def __init__(
        self,
        requests_per_minute: float,
        fallback_share: float | None,
        random: Callable[[], float],
        burst: int | None = None,
    ) -> None:
        self.requests_per_minute = checked_limit(requests_per_minute)
        self._burst = (
            default_burst(requests_per_minute)
            if burst is None
            else checked_count("burst", burst, least=1)
        )
        self._fallback_share = fallback_share
        self._random = random
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Take part as a process of its own."""
        self._lock = threading.Lock()
        self._member = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._numbers = count()
        self._polls, self._calls = self._queues = MemberQueue(), MemberQueue()
        self._sent: deque[float] = deque()
        # The question that is under way.
        self._question: SlotRequest | None = None
        self._asked_at = -math.inf
        # What the store answered last.
        self._answered_at = -math.inf
        self._epoch: float | None = None
        self._limit = self.requests_per_minute
        self._pace = Pace.of(self._limit)
        self._members: int | None = None
        self._round_trip = 0.0
        # What the API said.
        self._refused_at = -math.inf
        self._paused_until = -math.inf
        self._refused_in_row = 0
        self._unreported = False
        # While the store is lost.
        self._fallback: LocalRateLimiter | None = None
        self._used_fallback = False
        self._losses, self._retry_at = 0, -math.inf

    @property
    def is_lost(self) -> bool:
        """Whether the store is lost, so that this process goes by its own share."""
        return self._fallback is not None

    def reserve(self, priority: RequestPriority = RequestPriority.POLL) -> Slot:
        """Let a request queue. It does not block."""
        queue = self._polls if priority is RequestPriority.POLL else self._calls
        return _SharedSlot(self, queue, WaitingRequest(next(self._numbers), priority))

    def record_success(self) -> None:
        """Record an answer that was not a refusal."""
        with self._lock:
            self._refused_in_row = 0
            if self._fallback is not None:
                self._fallback.record_success()

    def record_refusal(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """Record an answer that asks to slow down, and report it to the others.

        Arguments as of :meth:`RateLimiter.record_refusal`.
        """
        with self._lock:
            if sent_at < self._refused_at:
                return
            pause = FIRST_PAUSE * 2.0 ** min(self._refused_in_row, 10)
            pause = min(pause if retry_after is None else retry_after, LONGEST_PAUSE)
            self._refused_in_row += 1
            self._refused_at, self._unreported = now, True
            self._paused_until = now + max(pause, self._pace.spacing)
            self._void_slots()
            if self._fallback is not None:
                self._fallback.record_refusal(
                    now, sent_at=now, retry_after=self._paused_until - now
                )
            self._ask_if_needed(now)

    def remaining(self, now: float) -> int:
        """Return how many requests the last minute leaves, counting this process's own."""
        with self._lock:
            while self._sent and self._sent[0] <= now - MINUTE:
                self._sent.popleft()
            return max(0, int(self.requests_per_minute) - len(self._sent))

    def delay(self, slot: _SharedSlot, now: float, deadline: float) -> float:
        """Return the seconds for which a request is to sleep before it asks again, or 0.

        Raises:
            RateLimitTimeoutError: Its slot comes only after the deadline.
        """
        with self._lock:
            is_late = self._question is not None and now > self._asked_at + LIFETIME
            if is_late and not self.is_lost:
                self._lose(now, f"no answer within {LIFETIME:g} s")
            try:
                if self._fallback is None:
                    return self._delay(slot.queue, slot.request, now, deadline)
                return self._fallback_delay(slot.request, now, deadline, self._fallback)
            finally:
                self._ask_if_needed(now)

    def cancel(self, slot: _SharedSlot) -> None:
        """Take a request out of the queue; those behind it move up."""
        with self._lock:
            self._leave(slot.queue, slot.request)

    @abstractmethod
    def ask(self, request: SlotRequest) -> None:
        """Ask the store, without blocking; the answer goes to :meth:`take`."""

    def take(self, answer: SlotReply | StoreUnavailableError, now: float) -> None:
        """Take in what the store answered, and ask what is to be asked next."""
        question, self._question = self._question, None
        assert question is not None
        round_trip = now - self._asked_at
        if isinstance(answer, StoreUnavailableError):
            self._lose(now, str(answer))
        elif round_trip > LIFETIME:
            # Nobody knows how old it is, so its slots are for nobody.
            self._lose(now, f"its answer took {round_trip:.2f} s")
        elif not (math.isfinite(sum(answer.times)) and LEAST_LIMIT <= answer.limit < math.inf):
            self._lose(now, f"it answered {answer}")
        else:
            self._round_trip += (round_trip - self._round_trip) / (4 if self._round_trip else 1)
            self._unreported = self._refused_at > self._asked_at or (
                self._unreported and question.brake is None
            )
            self._found()
            self._take_reply(question, answer, now)
        self._ask_if_needed(now)

    def _take_reply(self, question: SlotRequest, reply: SlotReply, now: float) -> None:
        self._answered_at, self._members = now, reply.members
        self._use_limit(reply.limit)
        if reply.epoch != self._epoch:
            self._epoch = reply.epoch
            self._void_slots()
        self._paused_until = max(self._paused_until, now + _seconds(reply.pause))
        for queue, asked, delays, next_delay in (
            (self._polls, question.count, reply.delays, reply.next_delay),
            (self._calls, question.urgent, reply.urgent_delays, reply.urgent_next_delay),
        ):
            # What was asked before a refusal came is void.
            if not self._unreported:
                queue.add_slots([now + _seconds(delay) for delay in delays])
            is_full = asked > 0 and not delays
            again = _seconds(next_delay - MINUTE) + self._random() if is_full else 0.0
            queue.note_next(now + next_delay, now + again)

    def _void_slots(self) -> None:
        for queue in self._queues:
            queue.slots.clear()

    def _use_limit(self, limit: float) -> None:
        if limit == self._limit:
            return
        self._limit, self._pace = limit, Pace.of(limit)
        logger.warning(
            "The shared rate limiter now allows %g requests a minute, the smallest limit of its "
            "processes; this one has %g",
            limit,
            self.requests_per_minute,
        )

    def _delay(
        self, queue: MemberQueue, request: WaitingRequest, now: float, deadline: float
    ) -> float:
        request.fallback = None
        for one in self._queues:
            one.drop_unused(now, self._round_trip / 2)
        request.deadline = deadline
        place, slots = queue.join(request), queue.slots
        if place < len(slots):
            at = slots[place]
            is_fresh = self._answered_at >= at - _FRESH
            if at <= now + EPSILON and is_fresh:
                queue.use_slot(request, place, now)
                self._sent.append(now)
                return 0.0
            # The store is asked once more just before a slot that it gave out long ago.
            nap = at - now if is_fresh else at - self._lead - now
        else:
            at = max(min(queue.next_slot, self._answered_at + MINUTE), self._paused_until)
            nap = slots[-1] - self._lead - now if slots else queue.ask_again - now
        if max(at, now) >= deadline:
            self._leave(queue, request)
            raise RateLimitTimeoutError(wait=max(at - now, 0.0), left=deadline - now)
        if nap <= 0:
            # The answer is awaited; the longer, the more wait before this one.
            nap, request.nap = request.nap, min(2 * request.nap, _LONGEST_NAP * (1 + place))
        return min(nap, deadline - now)

    def _fallback_delay(
        self, request: WaitingRequest, now: float, deadline: float, fallback: LocalRateLimiter
    ) -> float:
        if request.fallback is None:
            request.fallback = fallback.reserve(request.priority)
        delay = request.fallback.delay(now, deadline)
        if delay > 0:
            # Whoever sleeps for long shall notice that the store is back.
            return min(delay, 1.0)
        self._sent.append(now)
        self._used_fallback = True
        return 0.0

    def _leave(self, queue: MemberQueue, request: WaitingRequest) -> None:
        queue.leave(request)
        if request.fallback is not None:
            request.fallback.cancel()
            request.fallback = None

    @property
    def _lead(self) -> float:
        """How many seconds before an answer is needed the store is asked."""
        return 1.5 * self._round_trip

    def _ask_if_needed(self, now: float) -> None:
        if self._question is not None or now < self._retry_at:
            return
        wanted, within, urgent = 0, 0.0, 0
        if not self.is_lost:
            # One for one request; more from a store so slow that others would go by meanwhile.
            many = 1 + min(int(self._round_trip / self._pace.spacing), _MOST_AHEAD)
            wanted, within = self._polls.wanted(now, self._lead + EPSILON, many)
            urgent, soon = self._calls.wanted(now, self._lead + EPSILON, many)
            within = max(within, soon)
        if not (wanted or urgent or self._unreported or self.is_lost or self._must_confirm(now)):
            return
        self._asked_at = now
        self._question = SlotRequest(
            member=self._member,
            limit=self.requests_per_minute,
            count=wanted,
            urgent=urgent,
            burst=self._burst,
            within=within,
            # Reported late, it has less left.
            brake=max(0.0, self._paused_until - now) if self._unreported else None,
        )
        self.ask(self._question)

    def _must_confirm(self, now: float) -> bool:
        """Tell whether the next slot was given out so long ago that a brake may have voided it."""
        first = min(chain(*(queue.slots[:1] for queue in self._queues)), default=math.inf)
        return first <= now + self._lead + EPSILON and self._answered_at < first - _FRESH

    def _lose(self, now: float, reason: str) -> None:
        pause = min(_FIRST_RETRY * 2.0 ** min(self._losses, 10), _LONGEST_RETRY)
        self._retry_at = now + pause * (0.5 + self._random())
        self._losses += 1
        if self._fallback is not None:
            return
        share = self._fallback_share
        if share is None:
            share = _CAREFUL / self._members if self._members else _FALLBACK_SHARE
        limit = max(self._limit * share, LEAST_LIMIT)
        logger.warning(
            "The shared rate limiter cannot be reached, so this process sends %g of %g requests "
            "a minute: %s",
            round(limit, 1),
            self._limit,
            reason,
        )
        # All that was sent in the last minute is known to the store alone, so nothing is saved up.
        fallback, self._used_fallback = LocalRateLimiter(limit, burst=1), False
        # Others may send what they have slots for, and processes that lost the store together
        # are not to send together.
        fallback.reserve().delay(now + _FRESH + MINUTE / limit * self._random())
        if now < self._paused_until:
            fallback.record_refusal(now, sent_at=now, retry_after=self._paused_until - now)
        for queue in self._queues:
            for request in queue.waiting.values():
                request.fallback = fallback.reserve(request.priority)
            queue.clear()
        self._fallback = fallback

    def _found(self) -> None:
        self._losses, self._retry_at = 0, -math.inf
        if self._fallback is None:
            return
        logger.warning("The shared rate limiter can be reached again")
        self._fallback = None
        # Others may go by their share for some seconds yet, of which the store knows nothing; so
        # all begin at half the speed.
        self._unreported = self._unreported or self._used_fallback


@attrs.frozen(eq=False)
class _SharedSlot:
    """A request's place in the queue of a shared rate limiter."""

    _member: QueueMember
    queue: MemberQueue
    request: WaitingRequest

    def delay(self, now: float, deadline: float = math.inf) -> float:
        return self._member.delay(self, now, deadline)

    def cancel(self) -> None:
        self._member.cancel(self)


def _seconds(value: float) -> float:
    """Return a time from 0 to a minute, whatever a store says."""
    return min(max(value, 0.0), MINUTE)
