"""How much a run submits: what it may cost, and how much may be in flight. No IO."""

from __future__ import annotations

import math
from typing import Final

_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 60.0
_MAX_REFUSALS: Final = 20


class Budget:
    """What the files of a run cost, what those under way will cost about, and whether more fit.

    Args:
        limit: The most in cents; None for no limit.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._spent = 0.0
        self._known_count = 0
        self._known_cents = 0.0
        self._open: set[str] = set()

    def load(self, key: str, *, cents: float | None, earlier: float | None, is_open: bool) -> None:
        """Add a file of an earlier call."""
        self._spent += earlier or 0.0
        if cents is not None:
            self._add(cents)
        elif is_open:
            self._open.add(key)

    def open(self, key: str) -> None:
        """Record that a file is under way."""
        self._open.add(key)

    def close(self, key: str, cents: float | None, *, succeeded: bool) -> None:
        """Record that a file is not under way any more.

        One that succeeded, and of which the cost is not known, counts as if it were.
        """
        if key not in self._open or (cents is None and succeeded):
            return
        self._open.discard(key)
        if succeeded and cents is not None:
            self._add(cents)
        else:
            self._spent += cents or 0.0

    def give_up(self, key: str) -> None:
        """Record that it will not be known what a file cost, so that it counts as others do."""
        if key in self._open:
            self._open.discard(key)
            self._spent += self._estimate

    @property
    def committed(self) -> float | None:
        """What is spent and under way, in cents; None if no file tells what one costs."""
        if not self._open:
            return self._spent
        if not self._known_count:
            return None
        return self._spent + len(self._open) * self._estimate

    @property
    def has_room(self) -> bool:
        """Whether another file may be submitted.

        As long as no file tells what one costs, one at a time is under way.
        """
        if self.limit is None:
            return True
        committed = self.committed
        if committed is None or committed >= self.limit:
            return False
        return committed + self._estimate <= self.limit

    @property
    def _estimate(self) -> float:
        return self._known_cents / self._known_count if self._known_count else 0.0

    def _add(self, cents: float) -> None:
        self._spent += cents
        self._known_cents += cents
        self._known_count += 1


class PagePacing:
    """How many jobs may be in flight, where the server refuses those that have too many pages.

    Half as many after a refusal, and slowly more again with each job that is not refused.
    """

    def __init__(self) -> None:
        self._limit = math.inf
        self._in_row = 0

    def refused(self, in_flight: int) -> None:
        """Record a refusal while so many others were in flight."""
        self._limit = max(1.0, min(self._limit, in_flight // 2))
        self._in_row += 1

    def accepted(self) -> None:
        """Record that a job was not refused."""
        self._in_row = 0
        self._limit += 1 / self._limit

    def has_room(self, in_flight: int) -> bool:
        """Whether another may be submitted while so many are in flight."""
        return in_flight < self._limit

    @property
    def pause(self) -> float:
        """The seconds to wait before the next one if nothing is in flight."""
        if not self._in_row:
            return 0.0
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._in_row - 1, 10))

    @property
    def is_hopeless(self) -> bool:
        """Whether so many were refused in a row that it makes no sense to go on."""
        return self._in_row > _MAX_REFUSALS
