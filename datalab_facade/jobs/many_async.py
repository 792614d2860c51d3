"""The async driver of :mod:`~datalab_facade.jobs.scheduling`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from typing import Generic

from datalab_facade.clock import Clock, running_loop, wait_by
from datalab_facade.concurrency import each_async
from datalab_facade.errors import DatalabError, RateLimitTimeoutError
from datalab_facade.jobs.commands import Result
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.jobs.many import NO_MORE, FeedItem, LikeT, feed_one
from datalab_facade.jobs.outcomes import Settled, Update
from datalab_facade.jobs.scheduling import Poll, Scheduler
from datalab_facade.jobs.wait_activities import WaitActivities
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.transport.async_admission import AsyncAdmissionControl


async def run_many_async(
    scheduler: Scheduler[SnapshotT, IdT],
    jobs: Iterable[FeedItem[LikeT, IdT]] | AsyncIterable[FeedItem[LikeT, IdT]],
    poll: Callable[[Poll[SnapshotT, IdT]], Awaitable[SnapshotT]],
    *,
    resolve: Callable[[LikeT], IdT],
    admission: AsyncAdmissionControl,
    clock: Clock,
    waits: WaitActivities[SnapshotT, IdT],
) -> AsyncGenerator[Update[SnapshotT, IdT] | Settled[object], None]:
    """Wait for all jobs in an event loop, as many polls at once as there are slots.

    Arguments as :func:`~datalab_facade.jobs.many.run_many`; ``jobs``
    may be async. When this is closed, everything that it began is over.
    """
    running_loop()
    run = _AsyncRun(scheduler, poll, resolve, admission, clock=clock, waits=waits)
    tasks = [
        asyncio.create_task(run.feed(jobs), name="datalab-feed"),
        asyncio.create_task(run.dispatch(), name="datalab-dispatch"),
    ]
    try:
        while not (scheduler.finished and run.idle):
            await run.happened.wait()
            run.happened.clear()
            for update in scheduler.events():
                yield update
                # Whoever takes updates may have made room by what it did with this one.
                run.make_room()
            run.raise_crash(tasks)
        scheduler.raise_feed_error()
    finally:
        await run.stop(tasks)


class _AsyncRun(Generic[SnapshotT, IdT, LikeT]):
    """One run of the async driver: a task that feeds, one that dispatches, one for each poll."""

    def __init__(
        self,
        scheduler: Scheduler[SnapshotT, IdT],
        poll: Callable[[Poll[SnapshotT, IdT]], Awaitable[SnapshotT]],
        resolve: Callable[[LikeT], IdT],
        admission: AsyncAdmissionControl,
        *,
        clock: Clock,
        waits: WaitActivities[SnapshotT, IdT],
    ) -> None:
        self.happened = asyncio.Event()
        self._scheduler = scheduler
        self._poll = poll
        self._resolve = resolve
        self._admission = admission
        self._clock = clock
        self._waits = waits
        self._polls: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._alarm: asyncio.Future[None] | None = None
        self._crash: BaseException | None = None

    @property
    def idle(self) -> bool:
        return not self._polls

    async def feed(
        self, jobs: Iterable[FeedItem[LikeT, IdT]] | AsyncIterable[FeedItem[LikeT, IdT]]
    ) -> None:
        scheduler, clock = self._scheduler, self._clock
        try:
            async with contextlib.aclosing(each_async(jobs)) as feed:
                while not scheduler.finished:
                    try:
                        item = await anext(feed, NO_MORE)
                    except Exception as error:  # noqa: BLE001 - raised when all read so far has ended
                        scheduler.feed_failed(error)
                        return
                    feed_one(scheduler, item, self._resolve, clock.monotonic())
                    if item is NO_MORE:
                        return
                    self._wake()
                    # A long list must not keep the polls from being dispatched.
                    await asyncio.sleep(0)
                    while not scheduler.wants_more and not scheduler.finished:
                        self._room.clear()
                        await self._room.wait()
        finally:
            self._wake()

    async def dispatch(self) -> None:
        scheduler, clock = self._scheduler, self._clock
        try:
            while not scheduler.finished:
                away = scheduler.away(clock.monotonic())
                self._wake()
                if away > 0:
                    await self._rest(away)
                    continue
                try:
                    await self._admission.enter(
                        scheduler.next_deadline, RequestPriority.POLL, self._waits.whole
                    )
                except RateLimitTimeoutError:
                    await self._rest(scheduler.next_deadline - clock.monotonic())
                    continue
                due = scheduler.pick(clock.monotonic())
                if due is None:
                    self._admission.leave()
                    continue
                task = asyncio.create_task(self._make(due))
                self._polls.add(task)
                task.add_done_callback(self._over)
        finally:
            self._wake()

    async def _rest(self, seconds: float) -> None:
        """Let time pass; a new job or an answer may bring a poll nearer, and ends it."""
        self._alarm = asyncio.get_running_loop().create_future()
        await wait_by(self._clock, self._alarm, seconds)

    async def _make(self, due: Poll[SnapshotT, IdT]) -> None:
        try:
            snapshot = await self._poll(due)
        except DatalabError as error:
            result: Result[SnapshotT] = Result(self._clock.monotonic(), error=error)
        else:
            result = Result(self._clock.monotonic(), snapshot)
        self._waits.polled(due, self._scheduler.polled(due, result))

    def _over(self, task: asyncio.Task[None]) -> None:
        # A task that is canceled before its first step runs nothing of its own.
        self._admission.leave()
        self._polls.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._crash = task.exception()
        self._wake()

    def make_room(self) -> None:
        """Let the feed go on if there is room for another job."""
        if self._scheduler.wants_more:
            self._room.set()

    def raise_crash(self, tasks: list[asyncio.Task[None]]) -> None:
        """Raise what ended a task before its time: an error of the iterable, or a bug."""
        for task in tasks:
            if task.done():
                task.result()
        if self._crash is not None:
            raise self._crash

    def _wake(self) -> None:
        self.happened.set()
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)
        if self._scheduler.wants_more or self._scheduler.finished:
            self._room.set()

    async def stop(self, tasks: list[asyncio.Task[None]]) -> None:
        """Cancel whatever goes on, and wait until it is over."""
        under_way = {*tasks, *self._polls}
        for task in under_way:
            task.cancel()
        interrupted: asyncio.CancelledError | None = None
        while under_way:
            try:
                ended, under_way = await asyncio.wait(under_way)
            except asyncio.CancelledError as error:
                interrupted = error
            else:
                await asyncio.gather(*ended, return_exceptions=True)
        if interrupted is not None:
            raise interrupted
