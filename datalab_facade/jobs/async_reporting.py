"""Reports to listeners what polls find, and the activities that are iterators."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from typing import TypeVar

from datalab_facade.activities import Activity, error_name
from datalab_facade.concurrency import as_they_end_async
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.outcomes import Settled, Update
from datalab_facade.jobs.wait_activities import WaitActivities
from datalab_facade.listeners import Reporter

_T = TypeVar("_T")
_R = TypeVar("_R")


def report_polls_async(
    poll: Callable[[_T], Awaitable[SnapshotT]],
    kind: JobKind[SnapshotT, IdT],
    activity_of: Callable[[_T], Activity],
    whole: Activity,
) -> Callable[[_T], Awaitable[SnapshotT]]:
    """Return a function that polls and reports it; the same one if nobody listens.

    Args:
        poll: Makes a poll.
        kind: The kind of the jobs.
        activity_of: Returns the wait that a poll is a part of.
        whole: The wait for one job or for many.
    """
    if not whole.is_reported:
        return poll

    async def poll_and_report(due: _T) -> SnapshotT:
        activity = activity_of(due)
        began = activity.now
        try:
            with activity.active():
                snapshot = await poll(due)
        except BaseException as error:
            activity.polled(began, None, error_name(error))
            raise
        activity.polled(began, snapshot, None)
        if snapshot.is_terminal:
            activity.job_ended(snapshot, kind.timing(snapshot))
        return snapshot

    return poll_and_report


async def report_waits_async(
    updates: AsyncGenerator[Update[SnapshotT, IdT] | Settled[object], None],
    waits: WaitActivities[SnapshotT, IdT],
) -> AsyncGenerator[Update[SnapshotT, IdT] | Settled[object], None]:
    """Yield updates, and report the wait for all jobs and the wait for each."""
    with waits.reported():
        async with contextlib.aclosing(updates):
            async for update in updates:
                if isinstance(update, Update) and update.outcome is not None:
                    waits.ended(update.outcome)
                yield update


def report_each_async(
    reporter: Reporter,
    name: str,
    items: Iterable[_T] | AsyncIterable[_T],
    work: Callable[[_T], Awaitable[_R]],
    *,
    concurrency: int,
) -> AsyncGenerator[_R, None]:
    """Do something with each item, yield what it returns as it ends, and report all of it.

    Args:
        reporter: To whom.
        name: The activity's name.
        items: As for :func:`~datalab_facade.concurrency.as_they_end`, and so is all else.
        work: What to do with an item.
        concurrency: The most items at once.
    """
    activity = Activity(reporter, name=name)
    results = as_they_end_async(
        items, inside_async(activity, work), concurrency=concurrency, name=f"datalab-{name}"
    )
    return _report_all_async(activity, results) if activity.is_reported else results


def inside_async(
    activity: Activity, work: Callable[[_T], Awaitable[_R]]
) -> Callable[[_T], Awaitable[_R]]:
    """Have work done inside an activity, so that it is the parent of what is begun there."""
    if not activity.is_reported:
        return work

    async def work_inside(item: _T) -> _R:
        with activity.active():
            return await work(item)

    return work_inside


async def _report_all_async(
    activity: Activity, items: AsyncGenerator[_R, None]
) -> AsyncGenerator[_R, None]:
    with activity.reported():
        async with contextlib.aclosing(items):
            async for item in items:
                yield item
