"""What is learnt of durations, and what looks are made of it."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import ConfigurationError, Datalab, Durations, Execution, Status
from datalab_facade.testing import (
    ExecutionScript,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
)
from datalab_facade.waiting.learning import Curve
from tests.secrets_for_tests import API_KEY

START = datetime(2025, 10, 22, tzinfo=UTC)
lengths = st.lists(st.floats(1, 1e5), min_size=1, max_size=50)
ages = st.floats(0, 1e6)


def ended(seconds: float, *, seen_after: float = 0.0, workflow_id: int = 1) -> Execution:
    return Execution(
        id=1,
        workflow_id=workflow_id,
        status=Status.COMPLETED,
        created=START,
        updated=START + timedelta(seconds=seconds),
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
    age = curve.age_of_lateness(lateness, since=since, longest=longest)
    assert since <= age <= since + longest
    if age < since + longest * 0.999:
        assert curve.lateness(since=since, age=age) >= lateness * 0.99 - 1e-6 * (1 + since)


def test_one_that_outlasts_all_that_is_known_is_not_given_up() -> None:
    curve = Curve.of([60.0] * 20)
    assert curve.age_of_lateness(1.0, since=600.0, longest=1e4) < 700


def test_the_clocks_may_be_hours_apart() -> None:
    durations = Durations()
    ahead = 3 * 3600.0
    for seconds in (50.0, 60.0, 70.0):
        last = START + timedelta(seconds=seconds + ahead - 2)
        durations.learn(ended(seconds, seen_after=ahead + 1), last_seen_running=last)
    running = Execution(
        id=2,
        workflow_id=1,
        status=Status.IN_PROGRESS,
        created=START,
        observed_at=START + timedelta(seconds=20 + ahead),
    )
    assert durations.age(running) == pytest.approx(20, abs=2)


def test_only_what_completed_and_has_times_teaches() -> None:
    durations = Durations()
    told = ended(60.0)
    for changes in (
        {"status": Status.FAILED},
        {"created": None},
        {"updated": None},
        {"workflow_id": None},
        {"updated": START - timedelta(seconds=1)},
    ):
        import attrs

        useless: Execution = attrs.evolve(told, **changes)
        durations.learn(useless, last_seen_running=None)
    assert durations.curve(1) is None
    durations.learn(told, last_seen_running=None)
    assert durations.curve(1) is not None
    assert durations.curve(2) is None


def test_memory_is_bounded() -> None:
    durations = Durations()
    for workflow_id in range(300):
        for seconds in range(1, 4):
            durations.learn(ended(float(seconds), workflow_id=workflow_id), last_seen_running=None)
    for seconds in range(1, 1_000):
        durations.learn(ended(float(seconds), workflow_id=999), last_seen_running=None)
    kept: Any = durations.to_dict()["durations"]
    assert len(kept) <= 100
    assert len(kept["999"]) <= 200


def test_it_can_be_kept_and_passed_in() -> None:
    durations = Durations()
    durations.learn(ended(60.0), last_seen_running=None)
    again = Durations.from_dict(json.loads(json.dumps(durations.to_dict())))
    assert again.curve(1) == durations.curve(1)


@pytest.mark.parametrize(
    "wrong", [{}, {"durations": 1}, {"durations": {"a": [1]}}, {"durations": {"1": ["x"]}}]
)
def test_something_else_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Durations.from_dict(wrong)


class _World:
    def __init__(self, durations: Durations | None) -> None:
        self.clock = VirtualClock()
        self.simulator = Simulator(self.clock, API_KEY)
        http = httpx.Client(transport=SimulatorTransport(self.simulator))
        self.client = Datalab(API_KEY, clock=self.clock, http_client=http, durations=durations)

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
        world = _World(Durations())
        firsts.append(world.run(29 + trial / 20))
        seconds.append(world.run(30))
    looks, late = zip(*seconds, strict=True)
    assert sorted(looks)[20] <= 8
    assert sorted(late)[20] <= 0.7
    assert sum(looks) < sum(asked for asked, _ in firsts)


def test_what_is_known_may_be_wrong_and_the_end_is_still_seen() -> None:
    world = _World(Durations())
    world.run(30)
    _, late = world.run(3_000)
    assert late <= 60
    world.run(3_000)
    _, late = world.run(10)
    assert late <= 60


def test_whoever_watches_still_sees_the_changes_on_the_way() -> None:
    world = _World(Durations())
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
    assert world.client.durations is None


@pytest.mark.parametrize("missing", ["created", "observed_at"])
def test_an_execution_whose_times_are_not_told_is_of_no_age(missing: str) -> None:
    without: dict[str, Any] = {missing: None}
    assert Durations().age(attrs.evolve(ended(30), **without)) is None
    assert Durations().age(ended(30)) == 30


def test_what_a_client_learns_is_found_in_it_or_none_where_that_is_off() -> None:
    with Datalab(API_KEY) as client, Datalab(API_KEY, durations=None) as forgetful:
        assert isinstance(client.durations, Durations)
        assert forgetful.durations is None
