"""Who goes first where requests queue: what somebody waits for, before the polls of long waits."""

from __future__ import annotations

from bisect import bisect_left
from enum import IntEnum

MOST_PASSED = 3
"""So many requests of higher priority go before one that waits; then it goes."""


class RequestPriority(IntEnum):
    """What a request is for. Where requests queue, a lower number goes first.

    Requests of one priority go in the order of coming. Nobody starves: of those that wait with one
    priority, the first is passed by at most three requests of higher priority; then it goes.
    """

    CALL = 0
    """A single call, such as ``executions.get`` or ``files.get``."""
    SUBMISSION = 1
    """A call that begins a job or creates something."""
    POLL = 2
    """A poll of a wait."""


class PriorityLine:
    """Those that wait, by the numbers that they got in the order of coming."""

    def __init__(self) -> None:
        self._lines: tuple[list[int], ...] = tuple([] for _ in RequestPriority)
        self._passed = [0] * len(self._lines)

    def __len__(self) -> int:
        return sum(map(len, self._lines))

    def head(self, priority: RequestPriority) -> int | None:
        """Return the first of those with a priority."""
        line = self._lines[priority]
        return line[0] if line else None

    def previous(self, number: int, priority: RequestPriority) -> int | None:
        """Return the one of the same priority right before one; None if there is none."""
        line = self._lines[priority]
        place = bisect_left(line, number)
        return line[place - 1] if place else None

    def queue_from(self, number: int, priority: RequestPriority) -> list[int]:
        """Return one that waits, and those of its priority behind it."""
        line = self._lines[priority]
        return line[bisect_left(line, number) :]

    def join(self, number: int, priority: RequestPriority) -> None:
        """Let one wait; nothing if it waits already."""
        line = self._lines[priority]
        place = bisect_left(line, number)
        if line[place : place + 1] != [number]:
            line.insert(place, number)

    def leave(self, number: int, priority: RequestPriority) -> None:
        """Let one wait no longer; nothing if it does not wait."""
        line = self._lines[priority]
        place = bisect_left(line, number)
        if line[place : place + 1] == [number]:
            del line[place]
        if not line:
            self._passed[priority] = 0

    def first(self) -> tuple[int, RequestPriority] | None:
        """Return who goes next; None if nobody waits."""
        waiting = [priority for priority in RequestPriority if self._lines[priority]]
        for priority in reversed(waiting):
            if self._passed[priority] >= MOST_PASSED:
                return self._lines[priority][0], priority
        return (self._lines[waiting[0]][0], waiting[0]) if waiting else None

    def ahead(self, number: int, priority: RequestPriority) -> tuple[int, int]:
        """Return how many go before one, if nobody comes or leaves: at least so many.

        Returns:
            Those of its own and of higher priorities; and those of lower ones, whose turn
            it is since they were passed so often.
        """
        place = bisect_left(self._lines[priority], number)
        higher = sum(len(line) for line in self._lines[:priority])
        passing = max(0, MOST_PASSED * (place + 1) - self._passed[priority])
        before = place + min(higher, passing)
        lower = sum(
            min(len(self._lines[other]), (before + self._passed[other]) // MOST_PASSED)
            for other in range(priority + 1, len(self._lines))
        )
        return before, lower

    def count_passed(self, priority: RequestPriority) -> None:
        """Record that one with a priority went, and so passed those with lower ones."""
        self._passed[priority] = 0
        for other in range(priority + 1, len(self._lines)):
            self._passed[other] += bool(self._lines[other])
