"""What is learnt of durations, and what looks are made of it."""

from __future__ import annotations

import json
import math
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import attrs
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    AsyncDatalab,
    Datalab,
    DurationModel,
    Execution,
    InvalidArgumentError,
    Status,
    Step,
    StepRun,
    Steps,
    WaitPolicy,
)
from datalab_facade.executions.kind import EXECUTIONS, timing_of
from datalab_facade.jobs.learning import Curve, Submitted
from datalab_facade.jobs.wait import Wait
from datalab_facade.testing import (
    ExecutionScript,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
)
from tests.secrets_for_tests import API_KEY

START = datetime(2025, 10, 22, tzinfo=UTC)
lengths = st.lists(st.floats(1, 1e5), min_size=1, max_size=50)
ages = st.floats(0, 1e6)


def learn(
    model: DurationModel, execution: Execution, *, last_seen_running: datetime | None
) -> None:
    """Have a model learn from an execution, as a wait does."""
    timing = timing_of(execution)
    if timing is not None and execution.succeeded:
        model.learn(timing, last_seen_running=last_seen_running)


def age(model: DurationModel, execution: Execution) -> float | None:
    timing = timing_of(execution)
    return None if timing is None else model.age(timing)


def ended(seconds: float, *, seen_after: float = 0.0, workflow_id: int = 1) -> Execution:
    return Execution(
        id=1,
        workflow_id=workflow_id,
        status=Status.COMPLETED,
        created_at=START,
        updated_at=START + timedelta(seconds=seconds),
        observed_at=START + timedelta(seconds=seconds + seen_after),
    )


@given(lengths, ages, ages)
def test_lateness_is_between_nothing_and_the_time_since_the_last_look(
    known: list[float], since: float, more: float
) -> None:
    late = Curve.of(known).lateness(since=since, age=since + more)
    assert -1e-6 * (1 + since) <= late <= more * (1 + 1e-9) + 1e-6


@given(lengths, ages, st.floats(0, 1e4), st.floats(0, 1e4))
def test_lateness_only_grows_while_nobody_looks(
    known: list[float], since: float, some: float, more: float
) -> None:
    curve = Curve.of(known)
    early = curve.lateness(since=since, age=since + some)
    late = curve.lateness(since=since, age=since + some + more)
    assert late >= early - 1e-6 * (1 + since + some + more)


@given(lengths, ages, st.floats(0.01, 1e3), st.floats(0.1, 1e4))
def test_the_age_of_a_lateness_is_where_it_is_reached(
    known: list[float], since: float, lateness: float, longest: float
) -> None:
    curve = Curve.of(known)
    age = curve.age_at_lateness(lateness, since=since, longest=longest)
    assert since <= age <= since + longest
    if age < since + longest * 0.999:
        assert curve.lateness(since=since, age=age) >= lateness * 0.99 - 1e-6 * (1 + since)


def test_a_curve_falls_in_straight_lines_through_the_known_durations() -> None:
    curve = Curve.of([20.0, 10.0])
    assert curve.ages == pytest.approx((0, 9, 10, 20, 22))
    assert curve.running == pytest.approx((1, 1, 0.75, 0.25, 0))
    assert curve.running_time == pytest.approx((0, 9, 9.875, 14.875, 15.125))
    assert curve.typical == 15


def going_on(curve: Curve, age: float) -> float:
    """Give the share that goes on at an age, one in twenty being unlike all that is known."""
    if age <= 0:
        return 1.0
    lines = zip(pairwise(curve.ages), pairwise(curve.running), strict=True)
    known = 0.0
    for (start, end), (high, low) in lines:
        if start <= age < end:
            known = high + (low - high) * (age - start) / (end - start)
    length = 2 * curve.typical
    return 0.95 * known + 0.05 * length / (length + age)


@pytest.mark.parametrize("known", [[60.0], [10.0, 20.0], [0.2, 0.5, 3.0]])
@pytest.mark.parametrize(
    ("since", "age"),
    [(0.0, 0.1), (-1e-9, 0.7), (0.0, 12.0), (0.4, 0.6), (9.5, 30.0), (2.0, 100.0), (70.0, 90.0)],
)
def test_lateness_is_the_time_for_which_it_was_over_on_average(
    known: list[float], since: float, age: float
) -> None:
    curve = Curve.of(known)
    many = 20_000
    step = (age - since) / many
    middles = (since + (place + 0.5) * step for place in range(many))
    over = math.fsum(1 - going_on(curve, at) / going_on(curve, since) for at in middles) * step
    assert curve.lateness(since=since, age=age) == pytest.approx(over, rel=1e-4, abs=1e-6)


def test_one_that_outlasts_all_that_is_known_is_not_given_up() -> None:
    curve = Curve.of([60.0] * 20)
    assert curve.age_at_lateness(1.0, since=600.0, longest=1e4) < 700


def test_the_clocks_may_be_hours_apart() -> None:
    durations = DurationModel()
    ahead = 3 * 3600.0
    for seconds in (50.0, 60.0, 70.0):
        last = START + timedelta(seconds=seconds + ahead - 2)
        learn(durations, ended(seconds, seen_after=ahead + 1), last_seen_running=last)
    running = Execution(
        id=2,
        workflow_id=1,
        status=Status.IN_PROGRESS,
        created_at=START,
        observed_at=START + timedelta(seconds=20 + ahead),
    )
    assert age(durations, running) == pytest.approx(20, abs=2)


@pytest.mark.parametrize(
    ("seen", "ahead"),
    [
        # The clocks may be the same, so they are taken to be.
        ([(-1.0, 1.0)], 0.0),
        ([(0.0, 5.0)], 0.0),
        ([(-5.0, 0.0)], 0.0),
        # They are not, and differ by something in between.
        ([(0.5, 5.0)], 2.75),
        ([(-5.0, -1.0)], -3.0),
        ([(1.0, 9.0), (0.0, 3.0)], 2.0),
        ([(-2.0, 1.0), (1.0, 5.0)], 1.0),
        # One of them was set.
        ([(1.0, 2.0), (10.0, 12.0)], 11.0),
    ],
)
def test_what_was_seen_running_and_ended_tells_how_far_the_clocks_are_apart(
    seen: list[tuple[float, float]], ahead: float
) -> None:
    durations = DurationModel()
    for running, over in seen:
        last = START + timedelta(seconds=60 + running)
        learn(durations, ended(60.0, seen_after=over), last_seen_running=last)
    observed = START + timedelta(seconds=100)
    fresh = Execution(id=2, status=Status.IN_PROGRESS, created_at=START, observed_at=observed)
    assert age(durations, fresh) == 100 - ahead


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 0.5), (0.0, 0.0), (-5.0, 0.0)])
def test_an_age_is_never_below_nothing(seconds: float, expected: float) -> None:
    observed = START + timedelta(seconds=seconds)
    fresh = Execution(id=2, status=Status.IN_PROGRESS, created_at=START, observed_at=observed)
    assert age(DurationModel(), fresh) == expected


@pytest.mark.parametrize(("last_ends", "learnt"), [(50.0, 50.0), (None, 60.0)])
def test_a_run_ends_with_its_last_step_if_that_is_told(
    last_ends: float | None, learnt: float
) -> None:
    def step(name: str, end: float | None) -> Step:
        at = None if end is None else START + timedelta(seconds=end)
        return Step(
            name=name,
            runs=(
                StepRun(file_key=None, status=Status.COMPLETED, started_at=START, finished_at=at),
            ),
        )

    durations = DurationModel()
    steps = Steps([step("parse", 20.0), step("extract", last_ends)])
    learn(durations, attrs.evolve(ended(60.0), steps=steps), last_seen_running=None)
    assert durations.to_dict() == {"version": 1, "durations": {"workflow 1": [learnt]}}


def test_what_is_learnt_later_counts_at_once() -> None:
    durations = DurationModel()
    learn(durations, ended(60.0), last_seen_running=None)
    assert durations.curve("workflow 1") == Curve.of([60.0])
    assert durations.curve("workflow 1") is durations.curve("workflow 1")
    learn(durations, ended(120.0), last_seen_running=None)
    assert durations.curve("workflow 1") == Curve.of([60.0, 120.0])


def test_only_what_completed_and_has_times_teaches() -> None:
    durations = DurationModel()
    told = ended(60.0)
    for changes in (
        {"status": Status.FAILED},
        {"created_at": None},
        {"updated_at": None},
        {"workflow_id": None},
        {"updated_at": START - timedelta(seconds=1)},
    ):
        useless: Execution = attrs.evolve(told, **changes)
        learn(durations, useless, last_seen_running=None)
    assert durations.curve("workflow 1") is None
    learn(durations, told, last_seen_running=None)
    assert durations.curve("workflow 1") is not None
    assert durations.curve("workflow 2") is None


def test_memory_is_bounded() -> None:
    durations = DurationModel()
    for workflow_id in range(300):
        for seconds in range(1, 4):
            learn(durations, ended(float(seconds), workflow_id=workflow_id), last_seen_running=None)
        if workflow_id % 3:
            durations.curve(f"workflow {workflow_id}")
        assert len(durations._curves) <= 100
    for seconds in range(1, 1_000):
        learn(durations, ended(float(seconds), workflow_id=999), last_seen_running=None)
    kept: Any = durations.to_dict()["durations"]
    assert len(kept) == 100
    assert kept["workflow 999"] == [float(seconds) for seconds in range(800, 1_000)]


def test_of_very_many_submissions_those_that_were_made_first_are_forgotten() -> None:
    durations = DurationModel()
    submitted = Submitted("convert", at=0.0)
    for number in range(20_010):
        durations.record_submission(("document", str(number)), submitted)
    remembered = [
        number
        for number in range(20_010)
        if durations.submission(("document", str(number))) is not None
    ]
    assert remembered == list(range(10, 20_010))


def test_it_can_be_kept_and_passed_in() -> None:
    durations = DurationModel()
    learn(durations, ended(60.0), last_seen_running=None)
    again = DurationModel.from_dict(json.loads(json.dumps(durations.to_dict())))
    assert again.curve("workflow 1") == durations.curve("workflow 1")


def test_what_is_passed_in_is_as_bounded_and_as_usable_as_what_is_learnt() -> None:
    runs = [0.5, 0.0, -1.0, math.inf, math.nan, *range(1, 200)]
    again = DurationModel.from_dict(
        {"durations": {"workflow 1": runs, "workflow 2": range(1, 300)}}
    )
    assert again.to_dict()["durations"] == {
        "workflow 1": [0.5, *map(float, range(1, 200))],
        "workflow 2": [float(run) for run in range(100, 300)],
    }


def test_a_workflow_of_which_no_duration_is_usable_is_not_known() -> None:
    durations = DurationModel.from_dict({"durations": {"workflow 1": [], "workflow 2": [0.0]}})
    assert durations.curve("workflow 1") is None
    assert durations.curve("workflow 2") is None
    assert durations.latest_curve is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"durations": 1},
        {"durations": {"workflow 1": ["x"]}},
        {"durations": {"workflow 1": [10**400]}},
    ],
)
def test_something_else_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        DurationModel.from_dict(wrong)


moments = st.one_of(
    st.none(),
    st.floats(-1e4, 1e4).map(lambda seconds: START + timedelta(seconds=seconds)),
    # The zero of a clock, a bare date, and the far ends of the calendar.
    st.sampled_from(
        [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(2025, 10, 21, tzinfo=UTC),
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(9999, 12, 30, tzinfo=UTC),
        ]
    ),
)
histories = st.lists(
    st.tuples(
        st.builds(
            Execution,
            id=st.just(1),
            workflow_id=st.sampled_from([1, 2]),
            status=st.sampled_from([Status.COMPLETED, Status.FAILED]),
            created_at=moments,
            updated_at=moments,
            observed_at=moments,
        ),
        moments,
    ),
    max_size=12,
)


@given(
    histories,
    st.lists(st.floats(1e-300, 1e300), max_size=3),
    moments,
    st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=5),
    st.tuples(st.floats(0, 6_000), st.randoms(use_true_random=False)),
)
def test_no_history_and_no_step_of_a_clock_makes_an_end_be_seen_late(
    history: list[tuple[Execution, datetime | None]],
    kept: list[float],
    created: datetime | None,
    steps: list[float],
    course: tuple[float, Random],
) -> None:
    """Later than by the policy alone, and by more than is said."""
    end, chance = course
    durations = DurationModel.from_dict({"durations": {"workflow 1": kept}})
    for execution, last_seen in history:
        learn(durations, execution, last_seen_running=last_seen)

    def seen_at(known: DurationModel | None) -> float:
        policy = WaitPolicy()
        wait = Wait(EXECUTIONS, 7, policy, now=0.0, random=chance.random, duration_model=known)
        looks = 0
        while wait.due < end:
            now, looks = wait.due, looks + 1
            # The wall clock is set now and then.
            observed = START + timedelta(seconds=now + steps[looks % len(steps)])
            running = Execution(
                id=7,
                workflow_id=1,
                status=Status.IN_PROGRESS,
                created_at=created,
                observed_at=observed,
            )
            wait.answered(running, now=now, took=0.0)
            wait.schedule(now)
            assert wait.due > now
        assert looks <= 12 + end / 0.7
        return wait.due

    assert seen_at(durations) <= seen_at(None) + 0.1 * end + 10


@pytest.mark.parametrize(
    "odd",
    [
        {"created_at": datetime(1970, 1, 1, tzinfo=UTC)},
        {"created_at": START - timedelta(hours=10)},
        {"updated_at": datetime(9999, 12, 30, tzinfo=UTC)},
        {"updated_at": START + timedelta(microseconds=1)},
    ],
)
def test_one_odd_duration_moves_nothing(odd: dict[str, Any]) -> None:
    durations = DurationModel()
    for _ in range(3):
        learn(durations, ended(60.0), last_seen_running=None)
    learn(durations, attrs.evolve(ended(60.0), **odd), last_seen_running=None)
    curve = durations.curve("workflow 1")
    assert curve is not None
    assert curve.typical == 60


def test_threads_learn_and_ask_at_once_about_more_workflows_than_are_remembered() -> None:
    durations, wrong = DurationModel(), []

    def work(first: int) -> None:
        try:
            for workflow_id in range(first, first + 400):
                learn(durations, ended(60.0, workflow_id=workflow_id), last_seen_running=None)
                for near in range(workflow_id - 150, workflow_id, 7):
                    durations.curve(f"workflow {near}")
                assert durations.latest_curve is not None
        except Exception as error:  # noqa: BLE001 - it is told in the main thread
            wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number * 30,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong


def test_no_more_workflows_are_passed_in_than_are_remembered() -> None:
    kept = DurationModel.from_dict({"durations": {str(name): [1.0] for name in range(150)}})
    durations: Any = kept.to_dict()["durations"]
    assert list(durations) == [str(name) for name in range(50, 150)]


class _World:
    def __init__(self, durations: DurationModel | None) -> None:
        self.clock = VirtualClock()
        self.simulator = Simulator(self.clock, API_KEY)
        http = httpx.Client(transport=SimulatorTransport(self.simulator))
        self.client = Datalab(API_KEY, clock=self.clock, http_client=http, duration_model=durations)

    def run(self, seconds: float) -> tuple[int, float]:
        script = ExecutionScript([StepScript("parse", ends=seconds)])
        execution_id = self.simulator.start(script)
        before, began = len(self.simulator.requests), self.clock.monotonic()
        assert self.client.executions.wait(execution_id, timeout=math.inf).succeeded
        asked = len(self.simulator.requests) - before
        return asked, self.clock.monotonic() - began - seconds


def test_a_second_run_of_a_known_workflow_takes_fewer_looks_and_is_seen_sooner() -> None:
    firsts, seconds = [], []
    for trial in range(40):
        world = _World(DurationModel())
        firsts.append(world.run(29 + trial / 20))
        seconds.append(world.run(30))
    looks, late = zip(*seconds, strict=True)
    assert sorted(looks)[20] <= 8
    assert sorted(late)[20] <= 0.7
    assert sum(looks) < sum(asked for asked, _ in firsts)


def test_what_is_known_may_be_wrong_and_the_end_is_still_seen() -> None:
    world = _World(DurationModel())
    world.run(30)
    _, late = world.run(3_000)
    assert late <= 60
    world.run(3_000)
    _, late = world.run(10)
    assert late <= 11


def test_whoever_watches_still_sees_the_changes_on_the_way() -> None:
    world = _World(DurationModel())
    world.run(40)
    script = ExecutionScript(
        [StepScript("parse", ends=20), StepScript("extract", starts=20, ends=40)]
    )
    changes = list(world.client.executions.watch(world.simulator.start(script)))
    assert "parse: IN_PROGRESS → COMPLETED" in map(str, changes)
    assert "extract: PENDING → IN_PROGRESS" in map(str, changes)
    asked, _ = world.run(40)
    assert asked <= 8


def test_learning_can_be_switched_off() -> None:
    world = _World(None)
    world.run(30)
    assert world.client.duration_model is None


@pytest.mark.parametrize("missing", ["created_at", "observed_at"])
def test_an_execution_whose_times_are_not_told_is_of_no_age(missing: str) -> None:
    without: dict[str, Any] = {missing: None}
    assert age(DurationModel(), attrs.evolve(ended(30), **without)) is None
    assert age(DurationModel(), ended(30)) == 30


def test_what_a_client_learns_is_found_in_it_or_none_where_that_is_off() -> None:
    with Datalab(API_KEY) as client, Datalab(API_KEY, duration_model=None) as forgetful:
        assert isinstance(client.duration_model, DurationModel)
        assert forgetful.duration_model is None
    assert isinstance(AsyncDatalab(API_KEY).duration_model, DurationModel)
    assert AsyncDatalab(API_KEY, duration_model=None).duration_model is None


def test_an_execution_of_no_known_age_is_waited_for_as_if_it_were_new() -> None:
    world = _World(DurationModel())
    script = ExecutionScript([StepScript("parse", ends=30)], extra={"created": None})
    execution_id = world.simulator.start(script)
    assert world.client.executions.wait(execution_id).created_at is None
