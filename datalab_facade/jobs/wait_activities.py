"""What is reported of a wait for many jobs: of the whole, and of each job."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic

from datalab_facade.activities import Activity
from datalab_facade.jobs.commands import Sleep
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.outcomes import Outcome
from datalab_facade.listeners import Reporter

if TYPE_CHECKING:
    from datalab_facade.jobs.scheduling import Poll


class WaitActivities(Generic[SnapshotT, IdT]):
    """The activities of one wait for many jobs."""

    def __init__(self, reporter: Reporter, kind: JobKind[SnapshotT, IdT]) -> None:
        self._reporter = reporter
        self._kind = kind
        self.whole = Activity(reporter, f"wait for many {kind.name}s", name="wait_many")
        """The wait for all of them, to which the time in the queue for a slot belongs."""
        self._of_jobs: dict[IdT, Activity] = {}

    def of(self, due: Poll[SnapshotT, IdT]) -> Activity:
        """Return the activity of the wait for a job; it begins with its first poll."""
        activity = self._of_jobs.get(due.id)
        if activity is None:
            activity = Activity.of_wait(self._reporter, self._kind.name, due.id, self.whole)
            if activity.is_reported:
                self._of_jobs[due.id] = activity
                activity.start()
        activity.attempt = due.entry.wait.retries[0] + 1
        return activity

    def polled(self, due: Poll[SnapshotT, IdT], retry: Sleep | None) -> None:
        """Record a poll that is over.

        Args:
            due: The poll.
            retry: The pause before it is retried; None if it is not.
        """
        if retry is not None and retry.cause is not None:
            self.of(due).retries(retry, retry.cause)

    def ended(self, outcome: Outcome[SnapshotT, IdT]) -> None:
        """Record that the wait for a job is over."""
        activity = self._of_jobs.pop(outcome.id, None)
        if activity is not None:
            activity.finish(outcome.error)

    @contextlib.contextmanager
    def reported(self) -> Iterator[None]:
        """Report the whole, around what is done inside."""
        with self.whole.reported():
            try:
                yield
            finally:
                for activity in self._of_jobs.values():
                    activity.finish()
