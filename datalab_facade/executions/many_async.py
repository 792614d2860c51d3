"""The async driver of :mod:`~datalab_facade.waiting.scheduling`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable

from datalab_facade.clock import Clock, running_loop
from datalab_facade.errors import BudgetExhausted, DatalabError
from datalab_facade.executions.many import feed_one
from datalab_facade.models import Execution
from datalab_facade.outcomes import Outcome, Update
from datalab_facade.transport.gate import AsyncGate
from datalab_facade.waiting.commands import Answer
from datalab_facade.waiting.scheduling import Look, Scheduler

# A new id or an answer may bring a look nearer than the one that is slept for.
_LONGEST_NAP = 1.0


async def run_many_async(
    scheduler: Scheduler,
    ids: Iterable[int | Outcome] | AsyncIterable[int | Outcome],
    look: Callable[[Look], Awaitable[Execution]],
    *,
    gate: AsyncGate,
    clock: Clock,
) -> AsyncGenerator[Update, None]:
    """Wait for all executions in an event loop, as many looks at once as the gate lets through.

    Arguments as :func:`~datalab_facade.executions.many.run_many`; ``ids`` may be async. An error
    of the iterable is raised as it comes. When this is closed, everything that it
    began is over.
    """
    running_loop()
    run = _AsyncRun(scheduler, look, gate, clock)
    tasks = [
        asyncio.create_task(run.feed(ids), name="datalab-feed"),
        asyncio.create_task(run.dispatch(), name="datalab-dispatch"),
    ]
    try:
        while not (scheduler.finished and run.idle):
            await run.news.wait()
            run.news.clear()
            for update in scheduler.news():
                yield update
            run.raise_crash(tasks)
    finally:
        await run.stop(tasks)


class _AsyncRun:
    """One run of the async driver: a task that feeds, one that dispatches, one for each look."""

    def __init__(
        self,
        scheduler: Scheduler,
        look: Callable[[Look], Awaitable[Execution]],
        gate: AsyncGate,
        clock: Clock,
    ) -> None:
        self.news = asyncio.Event()
        self._scheduler = scheduler
        self._look = look
        self._gate = gate
        self._clock = clock
        self._looks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._crash: BaseException | None = None

    @property
    def idle(self) -> bool:
        return not self._looks

    async def feed(self, ids: Iterable[int | Outcome] | AsyncIterable[int | Outcome]) -> None:
        scheduler, clock = self._scheduler, self._clock
        try:
            async with contextlib.aclosing(_each(ids)) as feed:
                async for execution_id in feed:
                    feed_one(scheduler, execution_id, clock.monotonic())
                    self._wake()
                    while not scheduler.wants_more and not scheduler.finished:
                        self._room.clear()
                        await self._room.wait()
                    if scheduler.finished:
                        return
            scheduler.close_feed()
        finally:
            self._wake()

    async def dispatch(self) -> None:
        scheduler, clock = self._scheduler, self._clock
        try:
            while not scheduler.finished:
                away = scheduler.away(clock.monotonic())
                self._wake()
                if away > 0:
                    await clock.sleep_async(min(away, _LONGEST_NAP))
                    continue
                try:
                    await self._gate.enter(scheduler.next_deadline)
                except BudgetExhausted:
                    left = scheduler.next_deadline - clock.monotonic()
                    await clock.sleep_async(max(0.0, min(left, _LONGEST_NAP)))
                    continue
                taken = scheduler.pick(clock.monotonic())
                if taken is None:
                    self._gate.leave()
                    continue
                task = asyncio.create_task(self._take(taken))
                self._looks.add(task)
                task.add_done_callback(self._over)
        finally:
            self._wake()

    async def _take(self, taken: Look) -> None:
        try:
            try:
                execution = await self._look(taken)
            except DatalabError as error:
                answer: Answer[Execution] = Answer(self._clock.monotonic(), error=error)
            else:
                answer = Answer(self._clock.monotonic(), execution)
            self._scheduler.looked(taken, answer)
        finally:
            self._gate.leave()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._looks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._crash = task.exception()
        self._wake()

    def raise_crash(self, tasks: list[asyncio.Task[None]]) -> None:
        """Raise what ended a task before its time: an error of the iterable, or a bug."""
        for task in tasks:
            if task.done():
                task.result()
        if self._crash is not None:
            raise self._crash

    def _wake(self) -> None:
        self.news.set()
        if self._scheduler.wants_more or self._scheduler.finished:
            self._room.set()

    async def stop(self, tasks: list[asyncio.Task[None]]) -> None:
        """Cancel whatever goes on, and wait until it is over."""
        under_way = [*tasks, *self._looks]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _each(
    ids: Iterable[int | Outcome] | AsyncIterable[int | Outcome],
) -> AsyncGenerator[int | Outcome, None]:
    if isinstance(ids, AsyncIterable):
        async for execution_id in ids:
            yield execution_id
    else:
        for execution_id in ids:
            yield execution_id
            # A long list must not keep the looks from being dispatched.
            await asyncio.sleep(0)
