"""Learning when to poll: how long jobs of one group take, such as those of one workflow.

Jobs that have ended well teach how long such a job takes, by the server's
own timestamps. A poll of the next one is worth most where its end is likely:
see :meth:`Curve.lateness`. Where nothing is known, the policy of the wait
decides alone. What is known may be wrong, so what it can do is bounded: see
:class:`~datalab_facade.jobs.wait.Wait`.
"""

from __future__ import annotations

import functools
import math
import operator
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from datalab_facade.errors import InvalidArgumentError
from datalab_facade.forking import ProcessLock
from datalab_facade.jobs.kinds import Timing

if TYPE_CHECKING:
    from datalab_facade.json_forms import JSON

# Durations change with the documents and over the months: the last few hundred
# tell enough, and of as many groups as anybody runs side by side.
_REMEMBERED_RUNS = 200
_REMEMBERED_GROUPS = 100
# Jobs that this process submitted and has not seen end.
_REMEMBERED_SUBMISSIONS = 20_000

# What is said to have taken less or longer (the zero of some clock, a clock that was
# set) is not a duration.
_SHORTEST = 0.001
_LONGEST = 30 * 86_400.0

# Some runs take unlike all before, of any length at all; without this share for
# them, one that outlasts all that is known would count as long over.
_UNLIKE_SHARE = 0.05
_UNLIKE_LENGTH = 2.0

# How far beyond the shortest and the longest known run the next one may lie,
# as a share of them: much after one run, little after many.
_SPREAD = 0.05
_SPREAD_OF_ONE = 0.1


JobKey: TypeAlias = tuple[str, int | str]
"""The kind of a job, and its id."""


@attrs.frozen
class Submitted:
    """A job that was submitted from here, where the server tells no times."""

    group: str
    """Jobs of one group take about equally long."""
    at: float
    """When it was submitted, of the monotonic clock of this process."""


@attrs.frozen
class Curve:
    """How likely a run of some age is over: straight lines between the known durations.

    >>> curve = Curve.of([60.0])
    >>> curve.lateness(since=0.0, age=40.0) < 1 < curve.lateness(since=0.0, age=75.0)
    True
    """

    ages: tuple[float, ...]
    running: tuple[float, ...]
    """The share of runs that go on at each of these ages, from 1 to 0."""
    running_time: tuple[float, ...]
    """How long a run has been going on by each of these ages, on average."""
    typical: float
    """The median of the known durations, in seconds; a few odd ones do not move it."""

    @classmethod
    def of(cls, durations: list[float]) -> Curve:
        """Make a curve of at least one duration, in seconds."""
        known = sorted(durations)
        many = len(known)
        spread = _SPREAD + _SPREAD_OF_ONE / many
        ages = (0.0, known[0] * (1 - spread), *known, known[-1] * (1 + spread))
        running, between = _shares_running(many)
        # A curve is made anew after each run that ends, so no loop of Python's own is in here.
        areas = map(operator.mul, map(operator.sub, ages[1:], ages), between)
        typical = (known[(many - 1) // 2] + known[many // 2]) / 2
        return cls(ages, running, (0.0, *accumulate(areas)), typical)

    def lateness(self, *, since: float, age: float) -> float:
        """Give the seconds by which a poll at this age would be late, on average.

        Args:
            since: The age at which the run was last seen going on.
            age: Its age now.
        """
        going_on, before = self._at(since)
        _, until_now = self._at(age)
        return (age - since) - (until_now - before) / going_on

    def age_at_lateness(self, lateness: float, *, since: float, longest: float) -> float:
        """Give the age at which a poll would be so late, at most ``since + longest``."""
        early, late = since, since + longest
        if self.lateness(since=since, age=late) <= lateness:
            return late
        for _ in range(20):
            middle = (early + late) / 2
            if self.lateness(since=since, age=middle) < lateness:
                early = middle
            else:
                late = middle
        return late

    def _at(self, age: float) -> tuple[float, float]:
        """Give the share of runs that go on at an age, and the integral up to it."""
        place = bisect_right(self.ages, age) - 1
        if age <= 0:
            known, area = 1.0, age
        elif place >= len(self.ages) - 1:
            known, area = 0.0, self.running_time[-1]
        else:
            start, end = self.ages[place], self.ages[place + 1]
            high, low = self.running[place], self.running[place + 1]
            known = high + (low - high) * (age - start) / (end - start)
            area = self.running_time[place] + (age - start) * (high + known) / 2
        length = self.typical * _UNLIKE_LENGTH
        unlike = length / (length + max(age, 0.0))
        unlike_area = length * math.log1p(age / length) if age > 0 else age
        return (
            (1 - _UNLIKE_SHARE) * known + _UNLIKE_SHARE * unlike,
            (1 - _UNLIKE_SHARE) * area + _UNLIKE_SHARE * unlike_area,
        )


@functools.lru_cache(maxsize=_REMEMBERED_RUNS)
def _shares_running(many: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the shares of runs that go on at the ages of a curve, and between each two of them."""
    running = (1.0, 1.0, *(1 - (place + 0.5) / many for place in range(many)), 0.0)
    return running, tuple((before + after) / 2 for before, after in pairwise(running))


class DurationModel:
    """What a client has learned about how long jobs take. Threads may share it.

    Nothing is kept beyond the life of the client unless asked for:
    :meth:`to_dict` gives a small JSON to pass to the next one.

    >>> kept = DurationModel().to_dict()
    >>> again = DurationModel.from_dict(kept)
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._runs: OrderedDict[str, deque[float]] = OrderedDict()
        self._curves: dict[str, Curve] = {}
        self._submitted: OrderedDict[JobKey, Submitted] = OrderedDict()
        # Our clock minus the server's, in seconds, lies between these two.
        self._ahead_at_least = -math.inf
        self._ahead_at_most = math.inf

    def learn(self, timing: Timing, *, last_seen_running: datetime | None) -> None:
        """Take in a job that has ended well.

        Args:
            timing: Its times.
            last_seen_running: When it was last seen going on, by this machine's clock.
        """
        created, ended = timing.created_at, timing.ended_at
        if timing.group is None or created is None or ended is None:
            return
        seconds = (ended - created).total_seconds()
        if not _is_usable(seconds):
            return
        with self._lock:
            self._compare_clocks(ended, last_seen_running, timing.observed_at)
            self._remember(timing.group, [seconds])

    def record_submission(self, key: JobKey, submitted: Submitted) -> None:
        """Remember when a job was submitted; the first time that is recorded holds."""
        with self._lock:
            self._submitted.setdefault(key, submitted)
            if len(self._submitted) > _REMEMBERED_SUBMISSIONS:
                self._submitted.popitem(last=False)

    def submission(self, key: JobKey) -> Submitted | None:
        """Return when a job was submitted, if that is known and its end was not seen yet."""
        return self._submitted.get(key)

    def learn_duration(self, key: JobKey, seconds: float | None) -> None:
        """Take in a job that was submitted from here and has ended.

        Args:
            key: Which job.
            seconds: How long it took; None if it did not end well.
        """
        with self._lock:
            submitted = self._submitted.pop(key, None)
            if submitted is not None and seconds is not None and _is_usable(seconds):
                self._remember(submitted.group, [seconds])

    def curve(self, group: str | None) -> Curve | None:
        """Return what is known of a group, if anything is."""
        with self._lock:
            return self._curve(group)

    @property
    def latest_curve(self) -> Curve | None:
        """Return what is known of the group of which a job ended last."""
        with self._lock:
            return self._curve(next(reversed(self._runs), None))

    def age(self, timing: Timing) -> float | None:
        """Return the seconds since a job was created, if they are known."""
        if timing.created_at is None or timing.observed_at is None:
            return None
        by_our_clock = (timing.observed_at - timing.created_at).total_seconds()
        with self._lock:
            return max(0.0, by_our_clock - self._ahead())

    def to_dict(self) -> dict[str, JSON]:
        """Return what was learned as plain JSON: durations in seconds, by group."""
        with self._lock:
            return {
                "version": 1,
                "durations": {group: list(runs) for group, runs in self._runs.items()},
            }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DurationModel:
        """Take back what :meth:`to_dict` gave.

        Raises:
            InvalidArgumentError: If it is something else.
        """
        model = cls()
        try:
            for group, runs in data["durations"].items():
                usable = [run for run in map(float, runs) if _is_usable(run)]
                if usable:
                    model._remember(str(group), usable)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise InvalidArgumentError(
                f"These are no durations as to_dict() writes them: {error!r}"
            ) from error
        return model

    def _remember(self, group: str, seconds: Iterable[float]) -> None:
        self._runs.setdefault(group, deque(maxlen=_REMEMBERED_RUNS)).extend(seconds)
        self._runs.move_to_end(group)
        self._curves.pop(group, None)
        if len(self._runs) > _REMEMBERED_GROUPS:
            forgotten, _ = self._runs.popitem(last=False)
            self._curves.pop(forgotten, None)

    def _curve(self, group: str | None) -> Curve | None:
        if group is None or group not in self._runs:
            return None
        known = self._curves.get(group)
        if known is None:
            known = self._curves[group] = Curve.of(list(self._runs[group]))
        return known

    def _compare_clocks(
        self, ended: datetime, last_seen_running: datetime | None, seen: datetime | None
    ) -> None:
        # It ended after it was last seen running and before it was seen ended, so
        # the two clocks cannot be further apart than these differences.
        if seen is None or last_seen_running is None:
            return
        least = (last_seen_running - ended).total_seconds()
        most = (seen - ended).total_seconds()
        self._ahead_at_least = max(self._ahead_at_least, least)
        self._ahead_at_most = min(self._ahead_at_most, most)
        if self._ahead_at_least > self._ahead_at_most:
            # One of the clocks was set, so what was known is void.
            self._ahead_at_least, self._ahead_at_most = least, most

    def _ahead(self) -> float:
        if self._ahead_at_most == math.inf:
            return 0.0
        if self._ahead_at_least <= 0 <= self._ahead_at_most:
            return 0.0
        return (self._ahead_at_least + self._ahead_at_most) / 2


def _is_usable(seconds: float) -> bool:
    return _SHORTEST <= seconds <= _LONGEST


LEARN = DurationModel()
"""Stands for the default: durations of the client's own, that begin empty."""
