"""What is known of how long one job takes, and what is learned when it ends. No IO."""

from __future__ import annotations

from typing import Final, Generic

from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.learning import Curve, DurationModel

# Where it is known how long such jobs take, a poll is due when it would be late by so many
# seconds on average (for jobs of a few seconds, by such a share of them), or by such a share of
# the usual duration.
_LEAST_LATENESS: Final = 0.1
_LEAST_LATENESS_SHARE: Final = 0.02
_LATENESS_SHARE: Final = 0.004

# Between its last poll and the one before, a job ended at some time; for much longer ones that
# says nothing.
_MOST_UNCERTAINTY: Final = 0.5


class Forecast(Generic[SnapshotT, IdT]):
    """How long one job may take, by what was learned of others like it.

    Where the server tells when a job began and ended, its times count; else those of the
    submission, if it was made from here, and of the polls.
    Times are readings of one monotonic clock.
    """

    def __init__(
        self, kind: JobKind[SnapshotT, IdT], job_id: IdT, model: DurationModel | None, now: float
    ) -> None:
        self._kind = kind
        self._key = (kind.name, job_id)
        self._model = model
        self._started = self._born = now
        self._is_seen = False
        self._group: str | None = None
        self._submitted = None if model is None else model.submission(self._key)
        if self._submitted is not None:
            self._born = min(self._submitted.at, now)
            self._group = self._submitted.group

    @property
    def is_submitted_here(self) -> bool:
        """Whether it is known when the job was submitted."""
        return self._submitted is not None

    def age(self, now: float) -> float:
        """Return the seconds since the job began, or since the wait for it did."""
        return now - self._born

    def lateness(self, *, since: float, now: float) -> float | None:
        """Return the seconds by which a poll now would be late on average, if that is known.

        Args:
            since: When the job was last seen going on.
            now: The time.
        """
        curve = self._curve()
        return None if curve is None else curve.lateness(since=self.age(since), age=self.age(now))

    def next_poll(self, *, since: float | None, longest: float) -> float | None:
        """Return when a poll is worth most, if anything is known.

        Args:
            since: When the job was last seen going on; None if it was not seen yet.
            longest: The most seconds after that.
        """
        curve = self._curve()
        if curve is None:
            return None
        least = min(_LEAST_LATENESS, _LEAST_LATENESS_SHARE * curve.typical)
        allowed = max(least, _LATENESS_SHARE * curve.typical)
        age = 0.0 if since is None else self.age(since)
        return self._born + curve.age_at_lateness(allowed, since=age, longest=longest)

    def learn(
        self, before: SnapshotT | None, snapshot: SnapshotT, *, since: float, now: float
    ) -> None:
        """Take in what a poll found.

        Args:
            before: What the poll before found, if there was one.
            snapshot: What this one found.
            since: When the poll before was answered.
            now: When this one was.
        """
        self._is_seen = True
        if self._model is None:
            return
        if self._submitted is not None:
            if snapshot.is_terminal:
                least = 0.0 if before is None else since - self._submitted.at
                seconds = self._seconds(snapshot, least, now - self._submitted.at)
                self._model.learn_duration(self._key, seconds)
            return
        timing = self._kind.timing(snapshot)
        self._group = timing.group if timing is not None else None
        if timing is None:
            return
        if snapshot.is_terminal:
            seen = before.observed_at if before is not None else None
            if snapshot.succeeded:
                self._model.learn(timing, last_seen_running=seen)
            return
        age = self._model.age(timing)
        if age is not None:
            # Whatever the clocks say, it was there when the wait began.
            self._born = min(now - age, self._started)

    def _seconds(self, snapshot: SnapshotT, least: float, most: float) -> float | None:
        """Return how long a job took that ended at an age between two; None if nobody knows."""
        if not snapshot.succeeded:
            return None
        runtime = self._kind.runtime(snapshot)
        if runtime is not None:
            # It does not count the time in a queue, which the polls do.
            return min(max(runtime, least), most)
        return (least + most) / 2 if most - least <= _MOST_UNCERTAINTY * most else None

    def _curve(self) -> Curve | None:
        if self._model is None:
            return None
        if not self._is_seen and self._submitted is None:
            # Not seen yet: taken to be new, and like those that ended last.
            return self._model.latest_curve
        return self._model.curve(self._group)
