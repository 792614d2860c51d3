"""The commands of a sans-IO generator to its driver, and the results that it gets back.

The generators in :mod:`~datalab_facade.waiting.wait` and :mod:`~datalab_facade.waiting.retries`
decide; the drivers in :mod:`~datalab_facade.waiting.driving` act. This is all that they
say to each other.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from datalab_facade.errors import DatalabError

_T_co = TypeVar("_T_co", covariant=True)


@attrs.frozen
class Call:
    """Make the request, as soon as the rate limiter gives it a slot."""

    timeout: float
    """The seconds that it may take, once it is sent."""
    deadline: float
    """When its answer is no longer wanted, of the same clock as the answers' ``now``."""


class Until:
    """A command that may take until a deadline."""

    __slots__ = ()

    deadline: float
    """When it has to be over, of the same clock as the answers' ``now``."""

    def timeout(self, now: float) -> float:
        """Give the seconds that are left; hardly any, but more than none, when it is over."""
        return max(0.01, self.deadline - now)


@attrs.frozen
class Sleep:
    """Let that many seconds pass."""

    seconds: float


@attrs.frozen
class Report(Generic[_T_co]):
    """Hand this to the caller."""

    value: _T_co


@attrs.frozen
class Result(Generic[_T_co]):
    """What became of a command."""

    now: float
    """The time afterwards, of a monotonic clock."""
    value: _T_co | None = None
    """What a call gave."""
    error: DatalabError | None = None
    """What a call raised."""

    @property
    def given(self) -> _T_co:
        """What a call gave, when it is known to have given something."""
        assert self.value is not None, self
        return self.value
