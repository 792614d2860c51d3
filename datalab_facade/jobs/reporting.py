# Generated from async_reporting.py by scripts/unasync.py; change that file, not this one.
"""Reports to listeners what polls find, and the activities that are iterators."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from datalab_facade.activities import Activity, error_name
from datalab_facade.concurrency import as_they_end
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.outcomes import Settled, Update
from datalab_facade.jobs.wait_activities import WaitActivities
from datalab_facade.listeners import Reporter

_T = TypeVar("_T")
_R = TypeVar("_R")


def report_polls(
    poll: Callable[[_T], SnapshotT],
    kind: JobKind[SnapshotT, IdT],
    activity_of: Callable[[_T], Activity],
    whole: Activity,
) -> Callable[[_T], SnapshotT]:
    """Return a function that polls and reports it; the same one if nobody listens.

    Args:
        poll: Makes a poll.
        kind: The kind of the jobs.
        activity_of: Returns the wait that a poll is a part of.
        whole: The wait for one job or for many.
    """
    if not whole.is_reported:
        return poll

    def poll_and_report(due: _T) -> SnapshotT:
        activity = activity_of(due)
        began = activity.now
        try:
            with activity.active():
                snapshot = poll(due)
        except BaseException as error:
            activity.polled(began, None, error_name(error))
            raise
        activity.polled(began, snapshot, None)
        if snapshot.is_terminal:
            activity.job_ended(snapshot, kind.timing(snapshot))
        return snapshot

    return poll_and_report


def report_waits(
    updates: Generator[Update[SnapshotT, IdT] | Settled[object], None, None],
    waits: WaitActivities[SnapshotT, IdT],
) -> Generator[Update[SnapshotT, IdT] | Settled[object], None, None]:
    """Yield updates, and report the wait for all jobs and the wait for each."""
    with waits.reported(), contextlib.closing(updates):
        for update in updates:
            if isinstance(update, Update) and update.outcome is not None:
                waits.ended(update.outcome)
            yield update


def report_each(
    reporter: Reporter,
    name: str,
    items: Iterable[_T],
    work: Callable[[_T], _R],
    *,
    concurrency: int,
) -> Generator[_R, None, None]:
    """Do something with each item, yield what it returns as it ends, and report all of it.

    Args:
        reporter: To whom.
        name: The activity's name.
        items: As for :func:`~datalab_facade.concurrency.as_they_end`, and so is all else.
        work: What to do with an item.
        concurrency: The most items at once.
    """
    activity = Activity(reporter, name=name)
    results = as_they_end(
        items, inside(activity, work), concurrency=concurrency, name=f"datalab-{name}"
    )
    return _report_all(activity, results) if activity.is_reported else results


def inside(activity: Activity, work: Callable[[_T], _R]) -> Callable[[_T], _R]:
    """Have work done inside an activity, so that it is the parent of what is begun there."""
    if not activity.is_reported:
        return work

    def work_inside(item: _T) -> _R:
        with activity.active():
            return work(item)

    return work_inside


def _report_all(activity: Activity, items: Generator[_R, None, None]) -> Generator[_R, None, None]:
    with activity.reported(), contextlib.closing(items):
        yield from items
