"""The blocking driver of :mod:`~datalab_facade.jobs.scheduling`: one poll after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeAlias, TypeVar, cast

from datalab_facade.clock import Clock
from datalab_facade.errors import DatalabError, InvalidArgumentError, RateLimitTimeoutError
from datalab_facade.jobs.commands import Result
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.jobs.outcomes import Abandoned, NothingYet, Settled, Update
from datalab_facade.jobs.scheduling import Poll, Scheduler
from datalab_facade.jobs.wait_activities import WaitActivities
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.transport.admission import AdmissionControl

LikeT = TypeVar("LikeT")

FeedItem: TypeAlias = LikeT | Settled[object] | Abandoned[IdT] | NothingYet
"""What is fed: what stands for a job, a result that is known, a job to forget, or nothing yet."""

NO_MORE = object()
"""What is fed when there are no more."""


def run_many(
    scheduler: Scheduler[SnapshotT, IdT],
    jobs: Iterable[FeedItem[LikeT, IdT]],
    poll: Callable[[Poll[SnapshotT, IdT]], SnapshotT],
    *,
    resolve: Callable[[LikeT], IdT],
    admission: AdmissionControl,
    clock: Clock,
    waits: WaitActivities[SnapshotT, IdT],
) -> Generator[Update[SnapshotT, IdT] | Settled[object], None, None]:
    """Wait for all jobs, blocking.

    Args:
        scheduler: Decides what is polled next.
        jobs: Read one at a time, as there is room; reading may take its time. What reading
            them raises is raised when those that were read have outcomes.
        poll: Makes one request, which has its slot.
        resolve: Returns the id of what stands for a job.
        admission: Where requests wait for a slot.
        clock: Tells the time and sleeps.
        waits: Records how long was waited for slots, and what is retried.
    """
    feed = iter(jobs)
    while not scheduler.finished:
        if scheduler.wants_more:
            try:
                item = next(feed, NO_MORE)
            except Exception as error:  # noqa: BLE001 - it is raised when all read so far has ended
                scheduler.feed_failed(error)
            else:
                feed_one(scheduler, item, resolve, clock.monotonic())
        away = scheduler.away(clock.monotonic())
        yield from scheduler.events()
        if away > 0:
            if not scheduler.wants_more and not scheduler.finished:
                clock.sleep(away)
            continue
        try:
            admission.enter(scheduler.next_deadline, RequestPriority.POLL, waits.whole)
            try:
                due = scheduler.pick(clock.monotonic())
                if due is not None:
                    waits.polled(due, scheduler.polled(due, _result(due, poll, clock)))
            finally:
                admission.leave()
        except RateLimitTimeoutError:
            clock.sleep(max(0.0, scheduler.next_deadline - clock.monotonic()))
        yield from scheduler.events()
    scheduler.raise_feed_error()


def _result(
    due: Poll[SnapshotT, IdT], poll: Callable[[Poll[SnapshotT, IdT]], SnapshotT], clock: Clock
) -> Result[SnapshotT]:
    try:
        snapshot = poll(due)
    except DatalabError as error:
        return Result(clock.monotonic(), error=error)
    return Result(clock.monotonic(), snapshot)


def feed_one(
    scheduler: Scheduler[SnapshotT, IdT],
    item: FeedItem[LikeT, IdT] | object,
    resolve: Callable[[LikeT], IdT],
    now: float,
) -> None:
    """Hand one item of the feed to the scheduler, or say that there are no more."""
    if item is NO_MORE:
        scheduler.close_feed()
    elif isinstance(item, Settled):
        scheduler.settle(item, now)
    elif isinstance(item, NothingYet):
        return
    elif isinstance(item, Abandoned):
        scheduler.abandon(item)
    else:
        try:
            job_id = resolve(cast("LikeT", item))
        except InvalidArgumentError as error:
            # One wrong id does not end the wait for the others; its outcome shows it as it came.
            scheduler.refuse(cast("IdT", getattr(item, "id", item)), error, now)
        else:
            scheduler.add(job_id, now)
