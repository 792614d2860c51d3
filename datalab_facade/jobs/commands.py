"""The commands of a sans-IO generator to its driver, and the results that it gets back.

A generator decides: on a wait, on the attempts of a call, on an upload or a download. It yields
one command at a time. The driver (:mod:`~datalab_facade.jobs.async_driving`) sleeps, reports, and
has every other command carried out by a function that it is given; then it sends back the result.
This is all that they say to each other.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeAlias, TypeVar

import attrs

from datalab_facade.errors import DatalabError

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_R = TypeVar("_R")
_C = TypeVar("_C")


class Command:
    """Something to be carried out until a deadline."""

    __slots__ = ()

    deadline: float
    """When it has to be over, of the same clock as the ``now`` of results."""

    def seconds_left(self, now: float) -> float:
        """Return the seconds that are left; hardly any, but more than none, when it is over."""
        return max(0.01, self.deadline - now)


@attrs.frozen
class Call(Command):
    """Make the request, as soon as the rate limiter gives it a slot."""

    timeout: float
    """The seconds that it may take, once it is sent."""
    deadline: float
    """When its answer is no longer wanted."""


@attrs.frozen
class Sleep:
    """Let that many seconds pass."""

    seconds: float
    retry: int = 0
    """Which retry comes next, counted from 1; 0 if nothing failed."""
    max_retries: int = 0
    """How many may come in a row."""
    cause: DatalabError | None = None
    """What failed, where the command before did not raise it."""


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
    """What carrying it out gave."""
    error: DatalabError | None = None
    """What carrying it out raised."""

    @property
    def returned(self) -> _T_co:
        """What carrying it out gave, where it is known to have given something."""
        assert self.value is not None, self
        return self.value


Plan: TypeAlias = Generator[_C | Sleep | Report[_R], Result[_T], None]
"""A generator that decides: the commands it yields, what it reports, what commands give."""
