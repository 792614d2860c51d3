"""The requests of one process that wait for slots of a shared rate limiter, and their slots.

Calls and polls have a queue each, since they get slots by rules of their own: calls may go at once
after a pause, polls are evenly spaced.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque

import attrs

from datalab_facade.rate_limiting.local import MINUTE, Slot
from datalab_facade.rate_limiting.priorities import PriorityLine, RequestPriority
from datalab_facade.rate_limiting.slot_queue import LIFETIME

_FIRST_NAP = 0.0003


@attrs.define(eq=False)
class WaitingRequest:
    """A request that waits."""

    number: int
    priority: RequestPriority
    deadline: float = math.inf
    nap: float = _FIRST_NAP
    patience: int = 1
    """How many times as long as others its slot waits for it."""
    fallback: Slot | None = None
    """The slot in this process's share while the store is lost."""


class MemberQueue:
    """Those that wait, and the slots that they have got: the first has the first one."""

    def __init__(self) -> None:
        self._line = PriorityLine()
        self.waiting: dict[int, WaitingRequest] = {}
        self.slots: list[float] = []
        # What the store answered last: when the next slot is, and when to ask for it.
        self.next_slot = -math.inf
        self.ask_again = -math.inf
        self._recent: deque[float] = deque(maxlen=2)

    def join(self, request: WaitingRequest) -> int:
        """Let a request wait, and return its place."""
        self.waiting[request.number] = request
        self._line.join(request.number, request.priority)
        return sum(self._line.ahead(request.number, request.priority))

    def leave(self, request: WaitingRequest) -> None:
        """Let a request wait no longer; nothing if it does not wait."""
        if self.waiting.pop(request.number, None) is not None:
            self._line.leave(request.number, request.priority)

    def use_slot(self, request: WaitingRequest, place: int, now: float) -> None:
        """Send a request in a slot."""
        del self.slots[place]
        self.leave(request)
        self._line.count_passed(request.priority)
        self._recent.append(now)

    def clear(self) -> None:
        """Forget who waits, and all slots."""
        self._line = PriorityLine()
        self.waiting.clear()
        self.slots.clear()

    def add_slots(self, times: list[float]) -> None:
        """Take in slots that the store gave."""
        for at in times:
            insort(self.slots, at)

    def drop_unused(self, now: float, age: float) -> None:
        """Drop slots that nobody came for; a slot is older than it seems, by ``age`` seconds."""
        while self.slots:
            head = self._line.first()
            first = self.waiting[head[0]] if head else None
            if now - self.slots[0] + age <= LIFETIME * (first.patience if first else 1):
                return
            del self.slots[0]
            if first is not None:
                # A request that always wakes late must get through as well.
                first.patience *= 2
                self.leave(first)

    def wanted(self, now: float, lead: float, per_request: int) -> tuple[int, float]:
        """Return how many slots to ask for, and how many seconds ahead at most.

        Args:
            now: The time.
            lead: So many seconds before it is needed, an answer is asked for.
            per_request: How many to ask for with a slow store.
        """
        short = len(self.waiting) - len(self.slots)
        deadlines = (one.deadline for one in self.waiting.values()) if short > 0 else ()
        within = min(max(deadlines, default=now) - now, MINUTE)
        has_slots = bool(self.slots) and self.slots[-1] > now + lead
        is_full = now < self.ask_again and now + within <= self.next_slot
        if has_slots or is_full:
            return 0, within
        # Where one was sent after the other, the next one's is asked for meanwhile.
        lately = sum(at > now - LIFETIME / 2 for at in self._recent)
        if lately == 2 or (lately and per_request > 1):
            return per_request if per_request + short > 0 else 0, max(within, LIFETIME)
        return min(per_request, max(short, 0)), within

    def note_next(self, at: float, ask_again: float) -> None:
        """Note when the store says that the next slot is, and when to ask for it."""
        self.next_slot, self.ask_again = at, ask_again
