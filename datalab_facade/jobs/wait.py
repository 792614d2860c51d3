"""Waiting as a value: when to poll next, when to give up, what changed.

Nothing here knows a clock, an event loop or HTTP. :func:`waiting` is a
generator that yields a command at a time and is sent what became of it; a sync
and an async driver carry the commands out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Generic, TypeVar

import attrs

from datalab_facade.arguments import checked_number, checked_seconds, in_seconds, named
from datalab_facade.codec import ToJSON
from datalab_facade.errors import (
    DatalabError,
    InvalidArgumentError,
    NotFoundError,
    RateLimitTimeoutError,
    WaitTimeoutError,
)
from datalab_facade.jobs.changes import Change, changes_of
from datalab_facade.jobs.commands import Call, Plan, Report, Sleep
from datalab_facade.jobs.forecasts import Forecast
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.learning import DurationModel
from datalab_facade.jobs.retries import Randomness, RetryState, may_pass
from datalab_facade.pickling import picklable

_NumberT = TypeVar("_NumberT", int, float)

_SHORTEST_SLEEP = 0.1

# Where it is known how long such jobs take, polls may be closer together than the policy's
# interval, by this share.
_CLOSEST_SHARE = 0.25

# What is known may be odd, so this share of the policy's longest interval, besides what
# has been waited already times its growth, is the most that it can keep polls apart.
_TRUSTED_SHARE = 0.2


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    checked_seconds(attribute.name, value)


def _limited(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if checked_seconds(attribute.name, value) == math.inf:
        raise InvalidArgumentError(f"{attribute.name} must have an end; it cannot be infinite")


def _finite(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 < checked_number(attribute.name, value) < math.inf:
        raise InvalidArgumentError(f"{attribute.name} must be more than 0, not {named(value)}")


def _not_negative(_: object, attribute: attrs.Attribute[_NumberT], value: _NumberT) -> None:
    if not 0 <= checked_number(attribute.name, value) < math.inf:
        raise InvalidArgumentError(f"{attribute.name} must be 0 or more, not {named(value)}")


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= checked_number(attribute.name, value) < 1:
        raise InvalidArgumentError(
            f"{attribute.name} must be from 0 to below 1, not {named(value)}"
        )


@picklable
@attrs.frozen(kw_only=True)
class WaitPolicy(ToJSON):
    """Settings of a wait: how often to poll, what to retry and when to give up, in seconds.

    How often to poll, what to retry, what the server may ask for and when to
    give up are settings of their own; none stands in for another.

    >>> WaitPolicy(timeout=600, max_interval=20).min_interval
    2.85
    """

    timeout: float = attrs.field(default=7_200.0, converter=in_seconds, validator=_positive)
    """The deadline, from the start of the wait; ``math.inf`` waits without end.

    Two hours: the longest documents take tens of minutes, and a wait without an
    end is how a nightly job hangs until somebody checks."""

    min_interval: float = attrs.field(default=2.85, validator=_finite)
    """The shortest time between two polls.

    A 30-second job then costs a dozen requests of the 200 or so that a
    key has in a minute, and its end is seen 1.4 seconds late in the middle."""

    interval_growth: float = attrs.field(default=0.1, validator=_not_negative)
    """The time between polls as a share of the time waited so far.

    A tenth: whatever takes long is seen at most a tenth later than it ended."""

    max_interval: float = attrs.field(default=50.0, validator=_finite)
    """The longest time between two polls.

    With jitter still less than a minute: nobody who waited two hours minds one."""

    initial_delay: float = attrs.field(default=0.0, validator=_not_negative)
    """How long after its submission a job is first polled; only where the client submitted it.

    None: most jobs that somebody waits for are not new. Documents have a delay of their own."""

    steady_interval: float = attrs.field(default=0.0, validator=_not_negative)
    """How far apart polls are, once a job has outlasted the shortest, until ``interval_growth``
    asks for more.

    It is reached gradually: the interval is at most the time waited so far, less two initial
    delays. 0 leaves it to the other settings."""

    jitter: float = attrs.field(default=0.1, validator=_share)
    """How far each interval strays by chance, as a share of it, either way.

    Applied after the cap, so that clients started together drift apart."""

    speedup_on_change: float = attrs.field(default=3.0, validator=_finite)
    """When a status changed, the interval is divided by this (never below ``min_interval``).

    One step that has moved announces the next; the interval grows back soon."""

    max_retries: int = attrs.field(default=10, validator=_not_negative)
    """How many polls in a row may fail before the last one's error is raised.

    With the backoff below, an outage of some four minutes is slept through."""

    retry_backoff: float = attrs.field(default=1.0, validator=_finite)
    """Seconds before the first retry; doubled by each further failure."""

    max_retry_backoff: float = attrs.field(default=60.0, validator=_finite)
    """The longest backoff; the API counts its limits by the minute."""

    max_retry_after: float = attrs.field(default=300.0, validator=_finite)
    """The longest ``Retry-After`` that is obeyed in full; longer ones are cut to it."""

    not_found_grace: float = attrs.field(default=5.0, validator=_not_negative)
    """How long a 404 is retried from the start, until a first poll succeeded.

    A fresh submission may not be visible at once; a wrong id shall not cost more."""

    request_timeout: float = attrs.field(default=30.0, converter=in_seconds, validator=_limited)
    """The longest that one poll may take; the deadline shortens it further."""

    def __attrs_post_init__(self) -> None:
        if self.min_interval > self.max_interval:
            raise InvalidArgumentError(
                f"min_interval ({float(self.min_interval):g} s) is longer than max_interval "
                f"({float(self.max_interval):g} s); set both"
            )


_DEFAULTS = WaitPolicy()
_PACE = ("min_interval", "interval_growth", "initial_delay", "steady_interval")


@functools.lru_cache(64)
def adapted_policy(policy: WaitPolicy, family: WaitPolicy | None) -> WaitPolicy:
    """Return a policy whose settings are those of a family of jobs where they are defaults.

    How often to poll is one thing: whoever sets a part of it sets all of it.
    """
    if family is None:
        return policy
    settings = {
        field.name: value
        for field in attrs.fields(WaitPolicy)
        if (value := getattr(policy, field.name)) != getattr(_DEFAULTS, field.name)
    }
    if not settings.keys().isdisjoint(_PACE):
        settings.update((name, getattr(policy, name)) for name in _PACE)
    return attrs.evolve(family, **settings)


def checked_policy(name: str, value: object) -> WaitPolicy:
    """Give a policy back if it is one.

    Raises:
        InvalidArgumentError: It is something else.
    """
    if not isinstance(value, WaitPolicy):
        raise InvalidArgumentError(f"{name} must be a WaitPolicy, not {named(value)}")
    return value


class Wait(Generic[SnapshotT, IdT]):
    """The wait for one job: it takes in each result and decides what comes next.

    What was learned of other jobs says where polls are worth most. It may be odd,
    so there is a bound: whatever was learned, an end is seen at most ``growth`` times what
    was waited, plus a fifth of ``max_interval`` (or ``min_interval``, if that is longer), later
    than it would be without it. By default that is a tenth of the time and 10 s.

    Times are readings of one monotonic clock.

    Attributes:
        kind: What kind of job it is.
        id: The job.
        due: When to poll next.
        polled_at: When it was last polled; at first, when the wait began.
        last: The last snapshot, if any poll succeeded.
    """

    def __init__(
        self,
        kind: JobKind[SnapshotT, IdT],
        job_id: IdT,
        policy: WaitPolicy,
        *,
        now: float,
        random: Randomness,
        duration_model: DurationModel | None = None,
        watched: bool = False,
    ) -> None:
        self.kind = kind
        self.id = job_id
        self.due = now
        self.polled_at = now
        self.last: SnapshotT | None = None
        self._policy = policy
        self._random = random
        self._retries = RetryState(policy, random)
        self._last_failure: DatalabError | None = None
        self._started = now
        self._deadline = now + policy.timeout
        # The time that counts for the growth of the interval; a change cuts it.
        self._patience_since = now
        self._poll_took = 0.0
        self._next_sequence = 1
        self._watched = watched
        self._forecast = Forecast(kind, job_id, duration_model, now)
        if self._forecast.is_submitted_here:
            self.due = self._first_poll(now)

    @property
    def retries(self) -> tuple[int, int]:
        """How many polls in a row have failed, and how many may."""
        return self._retries.count

    def poll(self, now: float) -> Call:
        """Give the command for a poll that is due now.

        Raises:
            WaitTimeoutError: If there is no time left for a poll.
        """
        if now >= self._deadline:
            raise self.timed_out(now)
        return Call(self._policy.request_timeout, self._deadline)

    def answered(
        self, snapshot: SnapshotT, *, now: float, took: float
    ) -> Iterator[Change[SnapshotT]]:
        """Take in a snapshot and return what changed since the last one."""
        differences = list(self.kind.differences(self.last, snapshot))
        changes = changes_of(
            differences,
            snapshot,
            job=self.kind.describe(self.id),
            sequence=self._next_sequence,
        )
        before, since = self.last, self.polled_at
        self.polled_at = now
        self._next_sequence += len(differences)
        self._retries.clear()
        self._last_failure = None
        self._poll_took = took
        self.last = snapshot
        self._forecast.learn(before, snapshot, since=since, now=now)
        if differences and before is not None:
            self._patience_since = (
                now - (now - self._patience_since) / self._policy.speedup_on_change
            )
        return changes

    def schedule(self, now: float) -> None:
        """Set :attr:`due` after a poll that found the job still running.

        Raises:
            WaitTimeoutError: If there is no time for another poll.
        """
        policy = self._policy
        waited = now - self._patience_since
        steady = min(policy.steady_interval, waited - 2 * policy.initial_delay)
        interval = max(policy.min_interval, policy.interval_growth * waited, steady)
        furthest = math.inf
        due = self._forecast.next_poll(since=now, longest=policy.max_interval)
        if due is not None:
            learned = max(due - now, policy.min_interval * _CLOSEST_SHARE)
            # Whoever watches wants to see the changes on the way, too.
            interval = min(interval, learned) if self._watched else learned
            furthest = policy.interval_growth * (now - self._started) + self._trusted
        stray = 1 + policy.jitter * (2 * self._random() - 1)
        self._poll_after(min(min(interval, policy.max_interval) * stray, furthest), now)

    @property
    def _trusted(self) -> float:
        """How many seconds later than without it a poll may be for what was learned."""
        return max(self._policy.min_interval, _TRUSTED_SHARE * self._policy.max_interval)

    def _first_poll(self, now: float) -> float:
        """Return when to poll for the first time a job that was submitted from here."""
        policy = self._policy
        if policy.initial_delay == 0:
            return now
        due = self._forecast.next_poll(since=None, longest=policy.max_interval)
        if due is None:
            due = now + policy.initial_delay - self._forecast.age(now)
        return max(now, min(due, now + self._trusted, now + policy.timeout / 4))

    def lateness(self, now: float) -> float:
        """Give the seconds by which a poll now would be late on average, by what is known.

        Where nothing is known, a quarter of the time since the last poll: as if it
        were as likely over as not, and if so, had ended in the middle.
        """
        known = self._forecast.lateness(since=self.polled_at, now=now)
        return (now - self.polled_at) / 4 if known is None else known

    def failed(self, error: DatalabError, *, now: float) -> None:
        """Record a poll that failed and set :attr:`due`.

        Raises:
            DatalabError: The error itself, if it will not pass or too many came in a row.
            WaitTimeoutError: If there is no time for another poll.
        """
        if isinstance(error, RateLimitTimeoutError):
            raise self.timed_out(now) from error
        fresh = (
            isinstance(error, NotFoundError)
            and self.last is None
            and now - self._started < self._policy.not_found_grace
        )
        if not (fresh or may_pass(error)):
            raise error
        pause = self._retries.record_failure(error)
        self._last_failure = error
        if fresh:
            pause = min(pause, max(self._started + self._policy.not_found_grace - now, 0.5))
        self._poll_after(pause, now)

    def _poll_after(self, seconds: float, now: float) -> None:
        # The last poll is brought forward so that its answer can still arrive in
        # time; without that, up to a whole interval before the deadline is lost.
        margin = min(max(2 * self._poll_took, 0.1), 2.0, self._policy.timeout / 4)
        last_chance = self._deadline - margin
        if last_chance - now < _SHORTEST_SLEEP:
            raise self.timed_out(now)
        self.due = min(now + seconds, last_chance)

    def timed_out(self, now: float) -> WaitTimeoutError:
        """Give the error that tells that the deadline came first."""
        error = WaitTimeoutError(
            kind=self.kind.name,
            job_id=self.id,
            snapshot=self.last,
            stage=None if self.last is None else self.kind.stage(self.last),
            timeout=self._policy.timeout,
            elapsed=now - self._started,
        )
        self._retries.explain(error)
        error.__cause__ = self._last_failure
        return error


def waiting(wait: Wait[SnapshotT, IdT], *, now: float) -> Plan[Call, Change[SnapshotT], SnapshotT]:
    """Decide on one whole wait, from the first poll to the end of the job.

    Yields a :mod:`command <datalab_facade.jobs.commands>` at a time and is sent what
    became of it. A call is a poll of the job; what it reports are changes,
    and the last one is that of the job to a terminal status.

    Raises:
        WaitTimeoutError: The deadline came first.
        DatalabError: What a poll raised that will not pass, or that came too often.
    """
    while True:
        if now < wait.due:
            now = (yield Sleep(wait.due - now, *wait.retries)).now
        began = now
        answer = yield wait.poll(now)
        now = answer.now
        if answer.error is not None:
            wait.failed(answer.error, now=now)
            continue
        snapshot = answer.returned
        for change in wait.answered(snapshot, now=now, took=now - began):
            now = (yield Report(change)).now
        if snapshot.is_terminal:
            return
        wait.schedule(now)
