"""The blocking driver of :mod:`~datalab_facade.waiting.scheduling`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import cast

from datalab_facade.arguments import checked_id
from datalab_facade.clock import Clock
from datalab_facade.errors import BudgetExhausted, ConfigurationError, DatalabError
from datalab_facade.models import Execution
from datalab_facade.outcomes import Outcome, Update
from datalab_facade.transport.gate import Gate
from datalab_facade.waiting.commands import Answer
from datalab_facade.waiting.scheduling import Look, Scheduler

NO_MORE = object()
"""What is fed in place of an id when there are no more."""


def run_many(
    scheduler: Scheduler,
    ids: Iterable[int | Outcome],
    look: Callable[[Look], Execution],
    *,
    gate: Gate,
    clock: Clock,
) -> Generator[Update, None, None]:
    """Wait for all executions, blocking, one look after the other.

    Args:
        scheduler: What decides.
        ids: Read one at a time, as there is room; reading may take its time. An
            outcome among them is told as it is, and ends the wait for its execution.
            What reading them raises is raised when those that were read have outcomes.
        look: Makes one request, which has passed the gate.
        gate: Where requests wait for the budget.
        clock: Tells the time and sleeps.
    """
    feed = iter(ids)
    while not scheduler.finished:
        if scheduler.wants_more:
            try:
                execution_id = next(feed, NO_MORE)
            except Exception as error:  # noqa: BLE001 - it is raised when all that was read is told
                scheduler.feed_failed(error)
            else:
                feed_one(scheduler, execution_id, clock.monotonic())
        away = scheduler.away(clock.monotonic())
        yield from scheduler.news()
        if away > 0:
            if not scheduler.wants_more and not scheduler.finished:
                clock.sleep(away)
            continue
        try:
            with gate.passage(scheduler.next_deadline):
                taken = scheduler.pick(clock.monotonic())
                if taken is not None:
                    scheduler.looked(taken, _answer(taken, look, clock))
        except BudgetExhausted:
            clock.sleep(max(0.0, scheduler.next_deadline - clock.monotonic()))
        yield from scheduler.news()
    scheduler.raise_feed_error()


def _answer(taken: Look, look: Callable[[Look], Execution], clock: Clock) -> Answer[Execution]:
    try:
        execution = look(taken)
    except DatalabError as error:
        return Answer(clock.monotonic(), error=error)
    return Answer(clock.monotonic(), execution)


def feed_one(scheduler: Scheduler, execution_id: object, now: float) -> None:
    """Hand one id to the scheduler, or the news that there are no more."""
    if execution_id is NO_MORE:
        scheduler.close_feed()
        return
    if isinstance(execution_id, Outcome):
        scheduler.end(execution_id, now)
        return
    try:
        scheduler.add(checked_id(execution_id), now)
    except ConfigurationError as error:
        # One wrong id does not end the wait for the others; its outcome shows it as it came.
        scheduler.settle(Outcome(cast("int", execution_id), error=error), now)
