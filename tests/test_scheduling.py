"""Which of many executions is looked at next, and what is told of them: no IO, no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest

from datalab_facade import (
    APIConnectionError,
    DurationModel,
    Execution,
    Outcome,
    Status,
    Totals,
    Update,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.jobs.commands import Result
from datalab_facade.jobs.outcomes import Abandoned, Settled
from datalab_facade.jobs.scheduling import Poll, Scheduler
from datalab_facade.rate_limiting.local import LocalRateLimiter

STEADY = WaitPolicy(
    min_interval=2, interval_growth=0, jitter=0, max_interval=10_000, timeout=100_000
)
BEGAN = 1_000.0
FAILED = APIConnectionError("dropped", method="GET", url="u", may_have_arrived=True)


def scheduling(policy: WaitPolicy = STEADY, **options: Any) -> Scheduler[Execution, int]:
    """Schedule from 1000 to 20000 seconds, with chance always in the middle."""
    given: dict[str, Any] = {
        "rate_limiter": LocalRateLimiter(200),
        "deadline": 20_000.0,
        "changes": False,
    }
    given |= options
    return Scheduler(EXECUTIONS, policy, concurrency=1_000, random=lambda: 0.5, now=BEGAN, **given)


def picked(scheduler: Scheduler[Execution, int], now: float) -> Poll[Execution, int]:
    poll = scheduler.pick(now)
    assert poll is not None
    return poll


def seen(execution_id: int, status: str = "IN_PROGRESS", age: float | None = None) -> Execution:
    observed = datetime(2025, 10, 22, tzinfo=UTC)
    created = None if age is None else observed - timedelta(seconds=age)
    return Execution(
        id=execution_id,
        workflow_id=1,
        status=Status.parse(status),
        created_at=created,
        observed_at=observed,
    )


def answer(
    scheduler: Scheduler[Execution, int], poll: Poll[Execution, int], now: float, **details: Any
) -> None:
    scheduler.polled(poll, Result(now, value=seen(poll.id, **details)))


def totals(scheduler: Scheduler[Execution, int], now: float = BEGAN) -> Totals:
    """Settle one more that failed, and give the totals that this tells."""
    list(scheduler.events())
    scheduler.settle(Settled(None, succeeded=False), now)
    update, _ = scheduler.events()
    assert isinstance(update, Update)
    return update.totals


# Without a rate limit it does not matter what is known, and the other way round.
@pytest.mark.parametrize(
    ("limit", "duration_model"),
    [(200, None), (None, None), (None, DurationModel()), (200, DurationModel())],
)
def test_those_added_together_are_looked_at_in_the_order_of_adding(
    limit: float | None, duration_model: DurationModel | None
) -> None:
    scheduler = scheduling(rate_limiter=LocalRateLimiter(limit), duration_model=duration_model)
    for execution_id in (1, 2, 3):
        scheduler.add(execution_id, BEGAN)
    looks = [picked(scheduler, BEGAN) for _ in range(3)]
    assert [poll.id for poll in looks] == [1, 2, 3]
    assert scheduler.pick(BEGAN) is None


def test_whoever_was_looked_at_longest_ago_is_looked_at_next() -> None:
    scheduler = scheduling()
    for execution_id in (1, 2, 3):
        scheduler.add(execution_id, BEGAN)
    looks = {poll.id: poll for poll in (picked(scheduler, BEGAN) for _ in range(3))}
    for later, execution_id in enumerate((3, 1, 2), 1):
        answer(scheduler, looks[execution_id], BEGAN + later)
    assert [picked(scheduler, 1_100.0).id for _ in range(3)] == [3, 1, 2]


def test_those_answered_together_stay_in_their_order() -> None:
    scheduler = scheduling()
    for execution_id in (1, 2, 3):
        scheduler.add(execution_id, BEGAN)
    for poll in [picked(scheduler, BEGAN) for _ in range(3)]:
        answer(scheduler, poll, BEGAN)
    assert scheduler.away(BEGAN) == 2
    assert [picked(scheduler, BEGAN + 2).id for _ in range(3)] == [1, 2, 3]


def test_whose_end_has_most_likely_been_missed_is_looked_at_first() -> None:
    known = DurationModel.from_dict({"durations": {"workflow 1": [600.0]}})
    scheduler = scheduling(attrs.evolve(STEADY, max_interval=50), duration_model=known)
    for execution_id in (1, 2):
        scheduler.add(execution_id, BEGAN)
    looks = {poll.id: poll for poll in (picked(scheduler, BEGAN) for _ in range(2))}
    answer(scheduler, looks[1], BEGAN, age=10)
    answer(scheduler, looks[2], BEGAN + 1, age=590)
    assert picked(scheduler, BEGAN + 100).id == 2
    assert picked(scheduler, BEGAN + 100).id == 1


def test_nobody_is_forgotten_whatever_was_learnt() -> None:
    """Of these, one is said to take a day, and the others to be over long since."""
    known = DurationModel.from_dict({"durations": {"workflow 1": [5.0], "workflow 2": [86_400.0]}})
    scheduler = scheduling(WaitPolicy(), duration_model=known)
    for execution_id in range(30):
        scheduler.add(execution_id, BEGAN)
    asked: list[int] = []
    for step in range(400):
        now = BEGAN + 100 + step
        poll = picked(scheduler, now)
        execution = seen(poll.id)
        if poll.id == 7:
            execution = attrs.evolve(execution, workflow_id=2)
        scheduler.polled(poll, Result(now, value=execution))
        asked.append(poll.id)
    places = [place for place, execution_id in enumerate(asked) if execution_id == 7]
    apart = max(later - before for before, later in pairwise([*places, len(asked)]))
    # Until it is due, and then two fair rounds.
    assert apart <= 55 + 2 * 30


def test_of_very_many_the_likeliest_of_a_sample_is_looked_at() -> None:
    """The sample begins anywhere, so that everybody's turn comes."""
    scheduler = scheduling(duration_model=DurationModel())
    for execution_id in range(100):
        scheduler.add(execution_id, BEGAN + execution_id)
    assert picked(scheduler, BEGAN + 100).id == 50


@pytest.mark.parametrize("many", [3, 48])
def test_of_no_more_than_a_sample_all_are_compared(many: int) -> None:
    scheduler = scheduling(duration_model=DurationModel())
    for execution_id in range(many):
        scheduler.add(execution_id, BEGAN)
    assert picked(scheduler, BEGAN + 100).id == 0


def test_whoever_watches_looks_before_an_end_is_likely() -> None:
    known = DurationModel.from_dict({"durations": {"workflow 1": [600.0]}})
    away = []
    for changes in (True, False):
        scheduler = scheduling(duration_model=known, changes=changes)
        scheduler.add(1, BEGAN)
        answer(scheduler, picked(scheduler, BEGAN), BEGAN, age=10)
        away.append(scheduler.away(BEGAN))
    assert away[0] == 2
    assert away[1] > 300


def test_nothing_is_added_once_time_is_up() -> None:
    scheduler = scheduling()
    scheduler.add(1, 20_000.0)
    assert not scheduler.wants_more
    assert scheduler.finished
    assert scheduler.pick(20_000.0) is None


def test_no_more_are_waited_for_once_time_is_up() -> None:
    scheduler = scheduling()
    scheduler.away(20_000.0)
    assert scheduler.finished


def test_the_deadline_of_all_is_that_of_each() -> None:
    scheduler = scheduling(deadline=2_000.0)
    scheduler.add(1, 1_500.0)
    assert scheduler.next_deadline == 2_000
    assert picked(scheduler, 1_500.0).call.deadline == 2_000


def test_the_last_look_has_the_time_that_looks_take() -> None:
    scheduler = scheduling(attrs.evolve(STEADY, min_interval=900), deadline=1_100.0)
    scheduler.add(1, BEGAN)
    answer(scheduler, picked(scheduler, BEGAN), BEGAN + 0.25)
    assert scheduler.away(BEGAN + 0.25) == 99.25


def test_one_that_nobody_waits_for_any_more_is_not_polled() -> None:
    scheduler = scheduling()
    for execution_id in (1, 2):
        scheduler.add(execution_id, BEGAN)
    scheduler.abandon(Abandoned(1))
    assert picked(scheduler, BEGAN).id == 2


def test_one_that_nobody_waits_for_any_more_counts_no_more() -> None:
    scheduler = scheduling()
    for execution_id in (1, 2, 3, 1):
        scheduler.add(execution_id, BEGAN)
    scheduler.abandon(Abandoned(1))
    scheduler.abandon(Abandoned(1))
    scheduler.abandon(Abandoned(98))
    found = totals(scheduler)
    assert (found.queued, found.running, found.succeeded, found.failed) == (2, 0, 0, 1)


def test_what_stands_for_no_job_has_an_outcome_and_counts_as_failed() -> None:
    scheduler = scheduling()
    for wrong in (-5, -6):
        scheduler.refuse(wrong, FAILED, BEGAN)
    updates = [update for update in scheduler.events() if isinstance(update, Update)]
    assert [update.outcome for update in updates] == [
        Outcome(id=-5, error=FAILED),
        Outcome(id=-6, error=FAILED),
    ]
    assert [update.totals.failed for update in updates] == [1, 2]


def test_one_deadline_that_was_rounded_up_holds_up_no_other() -> None:
    """Each deadline is a start and what is left, and a sum of the two may be off by a hair."""
    deadline, first, second = 13490.042124216043, 5054.7595306381145, 8757.524927801613
    hair_late = first + (deadline - first)
    assert deadline < hair_late
    scheduler = scheduling(deadline=deadline, policy=attrs.evolve(STEADY, timeout=90_000))
    scheduler.add(1, first)
    scheduler.add(2, second)
    scheduler.add(3, second)
    assert picked(scheduler, deadline).id == 1
    assert scheduler.pick(deadline) is None
    outcomes = [
        update.outcome
        for update in scheduler.events()
        if isinstance(update, Update) and update.outcome is not None
    ]
    assert [outcome.id for outcome in outcomes] == [2, 3]
    for outcome in outcomes:
        assert isinstance(outcome.error, WaitTimeoutError)
        assert outcome.error.elapsed == deadline - second
    assert totals(scheduler, deadline).failed == 3


def test_totals_tell_how_all_of_them_stand() -> None:
    scheduler = scheduling(rate_limiter=LocalRateLimiter(None))
    for execution_id in range(5):
        scheduler.add(execution_id, BEGAN)
    looks = [picked(scheduler, BEGAN) for _ in range(4)]
    answer(scheduler, looks[0], BEGAN, status="QUEUED")
    answer(scheduler, looks[1], BEGAN)
    scheduler.settle(Settled("known"), BEGAN)
    answer(scheduler, looks[2], BEGAN, status="COMPLETED")
    told = totals(scheduler, BEGAN + 30)
    assert (told.queued, told.running, told.succeeded, told.failed) == (3, 1, 2, 1)
    assert told.requests == 4
    assert told.requests_left is None
    assert told.eta_seconds == 30 / 3 * 4


def test_how_long_it_will_take_is_not_told_before_any_has_ended() -> None:
    scheduler = scheduling(changes=True)
    scheduler.add(1, BEGAN)
    answer(scheduler, picked(scheduler, BEGAN), BEGAN + 1)
    [update] = scheduler.events()
    assert isinstance(update, Update)
    assert update.totals.eta_seconds is None
