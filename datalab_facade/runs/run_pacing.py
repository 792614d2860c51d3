"""How much a run submits: what it may cost, and how much may be in flight. No IO."""

from __future__ import annotations

import math
from typing import Final

from datalab_facade.errors import APIConnectionError, CostLimitError, PaymentRequiredError

_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 60.0
_MAX_REFUSALS: Final = 20
# With the retries of each call, some ten seconds; and some four minutes, as waits sleep through.
_MAX_FAILURES_AT_FIRST: Final = 3
_MAX_FAILURES: Final = 9
_MAX_UNKNOWN: Final = 3


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
        # What counts at the estimate, and of that, what this call will still learn the cost of.
        self._open: set[str] = set()
        self._awaited: set[str] = set()
        # What this call submitted or waited for, and of which the cost is not known.
        self._begun: set[str] = set()

    def load(self, key: str, *, cents: float | None, earlier: float | None, is_open: bool) -> None:
        """Add a file of an earlier call."""
        self._spent += earlier or 0.0
        if cents is not None:
            self._add(cents)
        elif is_open:
            self._open.add(key)

    def open(self, key: str) -> None:
        """Record that a file is under way, or may be."""
        self._open.add(key)
        self._begun.add(key)

    def expect(self, key: str) -> None:
        """Record that this call will learn what a file costs."""
        self._awaited.add(key)

    def stop_expecting(self, key: str) -> None:
        """Record that this call will not learn what a file costs, or has."""
        self._awaited.discard(key)

    def close(self, key: str, cents: float | None, *, succeeded: bool) -> None:
        """Record that a file is no longer under way.

        One that succeeded, and of which the cost is not known, counts as if it were.
        """
        if cents is None and succeeded:
            return
        self.stop_expecting(key)
        self._begun.discard(key)
        if key not in self._open:
            return
        self._open.discard(key)
        if succeeded and cents is not None:
            self._add(cents)
        else:
            self._spent += cents or 0.0

    def give_up(self, key: str) -> None:
        """Record that it will not be known what a file cost, so that it counts as others do."""
        self.stop_expecting(key)
        if key in self._open:
            self._open.discard(key)
            self._spent += self._estimate

    @property
    def committed(self) -> float | None:
        """What is spent and under way, in cents; None if the first cost is still to come."""
        if not self._known_count:
            return None if self._awaited else self._spent
        return self._spent + len(self._open) * self._estimate

    @property
    def awaited_count(self) -> int:
        """Of how many files this call will still learn the cost."""
        return len(self._awaited)

    @property
    def unknown_count(self) -> int:
        """Of how many files this call will not learn the cost, while that of none is known."""
        return 0 if self._known_count else len(self._begun - self._awaited)

    @property
    def fits(self) -> bool:
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
        # With others in flight, it may only be they that left no room for it.
        if not in_flight:
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
        return _pause_after(self._in_row)

    @property
    def is_hopeless(self) -> bool:
        """Whether so many in a row were refused when alone that it makes no sense to go on."""
        return self._in_row > _MAX_REFUSALS


class Outage:
    """How long a run tries on while no connection to Datalab can be made.

    A run that was never connected gives up soon: the address may be wrong, or the network off.
    """

    def __init__(self) -> None:
        self._was_connected = False
        self._in_row = 0

    def connected(self) -> None:
        """Record that Datalab answered."""
        self._was_connected = True
        self._in_row = 0

    def failed(self) -> None:
        """Record that no connection could be made."""
        self._in_row += 1

    @property
    def is_hopeless(self) -> bool:
        """Whether it makes no sense to try on."""
        return self._in_row >= (_MAX_FAILURES if self._was_connected else _MAX_FAILURES_AT_FIRST)

    @property
    def pause(self) -> float:
        """The seconds to wait before the next try."""
        return _pause_after(self._in_row)


def _pause_after(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row, doubled by each."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 10)) if failures else 0.0


class Allowance(Budget):
    """Whether a run may submit another file: within its budget, the account's, and the pages'.

    Args:
        limit: The most in cents; None for no limit.
        concurrency: With a limit, of so many files at most the cost is still to come. They may
            cost more than others did, so this bounds by how much the limit can be exceeded.
    """

    def __init__(self, limit: float | None, concurrency: int) -> None:
        super().__init__(limit)
        self._concurrency = concurrency
        self._pacing = PagePacing()
        self._outage = Outage()
        self._stopped: PaymentRequiredError | APIConnectionError | None = None
        self.under_way: set[str] = set()
        """The files that this call waits for."""

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit of the cost."""
        return self.limit is not None

    def stop(self, error: PaymentRequiredError) -> None:
        """Record that the account has reached its limit."""
        self._stopped = error

    def connected(self) -> None:
        """Record that Datalab answered."""
        self._outage.connected()

    def unconnected(self, error: APIConnectionError) -> None:
        """Record that no connection to Datalab could be made; after several, submitting stops."""
        self._outage.failed()
        if self._outage.is_hopeless:
            self._stopped = APIConnectionError(
                f"Not submitted, since Datalab cannot be reached: {error}. The same call goes on",
                method=error.method,
                url=error.url,
                may_have_arrived=False,
            )

    def begin(self, key: str) -> None:
        """Record that this call waits for a file."""
        self.under_way.add(key)
        self.open(key)
        self.expect(key)

    def end(self, key: str) -> None:
        """Record that this call stopped waiting for a file."""
        self.under_way.discard(key)

    def refused(self) -> None:
        """Record that a job was refused, since too many pages were in flight."""
        self._pacing.refused(len(self.under_way))

    def accepted(self) -> None:
        """Record that a job was not refused."""
        self._pacing.accepted()

    def why_no_more(self) -> PaymentRequiredError | APIConnectionError | CostLimitError | None:
        """Return why no further file may be submitted; None if one may."""
        if self._stopped is not None:
            return self._stopped
        if self.limit is None:
            return None
        if self._is_blind:
            return CostLimitError(
                f"Not submitted, since max_cost_cents={self.limit:g} cannot be kept: Datalab "
                f"does not say what the {self.unknown_count} submitted before cost. The same call "
                f"asks again; without the limit, it submits all that is left",
                limit_cents=self.limit,
            )
        if self.fits:
            return None
        return CostLimitError(limit_cents=self.limit, committed_cents=self.committed)

    @property
    def has_room(self) -> bool:
        """Whether it makes sense to read another file; always so if nothing is under way."""
        if not self.under_way:
            return True
        fits = self._stopped is not None or self._fits_surely
        return fits and self._pacing.has_room(len(self.under_way))

    @property
    def needs_costs(self) -> bool:
        """Whether only what ended files cost can tell whether there is room for more."""
        return not self.under_way and self._stopped is None and not self._fits_surely

    @property
    def _fits_surely(self) -> bool:
        if self.limit is None:
            return True
        return self.fits and not self._is_blind and self.awaited_count < self._concurrency

    @property
    def _is_blind(self) -> bool:
        """Whether nothing tells what files cost, so that no limit can be kept."""
        return self.unknown_count >= min(_MAX_UNKNOWN, self._concurrency)

    @property
    def pause(self) -> float:
        """The seconds to wait before the next file is submitted."""
        return self._outage.pause or (0.0 if self.under_way else self._pacing.pause)

    @property
    def is_hopeless(self) -> bool:
        """Whether so many in a row were refused when alone that it makes no sense to go on."""
        return self._pacing.is_hopeless
