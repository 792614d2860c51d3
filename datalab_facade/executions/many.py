"""The blocking driver of :mod:`~datalab_facade.jobs.scheduling`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import cast

from datalab_facade.clock import Clock
from datalab_facade.errors import DatalabError, InvalidArgumentError, RateLimitTimeoutError
from datalab_facade.executions.handles import ExecutionLike
from datalab_facade.jobs.commands import Result
from datalab_facade.jobs.scheduling import Poll, Scheduler
from datalab_facade.models import Execution
from datalab_facade.outcomes import Outcome, Update
from datalab_facade.transport.admission import AdmissionControl

NO_MORE = object()
"""What is fed in place of an execution when there are no more."""


def run_many(
    scheduler: Scheduler,
    executions: Iterable[ExecutionLike | Outcome],
    poll: Callable[[Poll], Execution],
    *,
    resolve: Callable[[ExecutionLike], int],
    gate: AdmissionControl,
    clock: Clock,
) -> Generator[Update, None, None]:
    """Wait for all executions, blocking, one poll after the other.

    Args:
        scheduler: Decides what is polled next.
        executions: Read one at a time, as there is room; reading may take its time. An
            outcome among them is yielded as it is, and ends the wait for its execution.
            What reading them raises is raised when those that were read have outcomes.
        poll: Makes one request, which has its slot.
        resolve: Gives the id of what stands for an execution.
        gate: Where requests wait for a slot.
        clock: Tells the time and sleeps.
    """
    feed = iter(executions)
    while not scheduler.finished:
        if scheduler.wants_more:
            try:
                execution = next(feed, NO_MORE)
            except Exception as error:  # noqa: BLE001 - it is raised when all read so far has ended
                scheduler.feed_failed(error)
            else:
                feed_one(scheduler, execution, resolve, clock.monotonic())
        away = scheduler.away(clock.monotonic())
        yield from scheduler.news()
        if away > 0:
            if not scheduler.wants_more and not scheduler.finished:
                clock.sleep(away)
            continue
        try:
            with gate.passage(scheduler.next_deadline):
                due = scheduler.pick(clock.monotonic())
                if due is not None:
                    scheduler.polled(due, _result(due, poll, clock))
        except RateLimitTimeoutError:
            clock.sleep(max(0.0, scheduler.next_deadline - clock.monotonic()))
        yield from scheduler.news()
    scheduler.raise_feed_error()


def _result(due: Poll, poll: Callable[[Poll], Execution], clock: Clock) -> Result[Execution]:
    try:
        execution = poll(due)
    except DatalabError as error:
        return Result(clock.monotonic(), error=error)
    return Result(clock.monotonic(), execution)


def feed_one(
    scheduler: Scheduler, execution: object, resolve: Callable[[ExecutionLike], int], now: float
) -> None:
    """Hand one execution to the scheduler, or tell it that there are no more."""
    if execution is NO_MORE:
        scheduler.close_feed()
        return
    if isinstance(execution, Outcome):
        scheduler.end(execution, now)
        return
    try:
        scheduler.add(resolve(cast("ExecutionLike", execution)), now)
    except InvalidArgumentError as error:
        # One wrong id does not end the wait for the others; its outcome shows it as it came.
        shown = cast("int", getattr(execution, "id", execution))
        scheduler.settle(Outcome(execution_id=shown, error=error), now)
