"""The waiting machine on its own: no clock, no IO, only what it decides."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Change,
    DatalabError,
    DurationModel,
    Execution,
    InternalServerError,
    InvalidArgumentError,
    InvalidResponseError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    RateLimitTimeoutError,
    Status,
    Step,
    StepRun,
    Steps,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.errors import status_error_class
from datalab_facade.executions.kind import EXECUTIONS, timing_of
from datalab_facade.jobs.async_driving import drive_async
from datalab_facade.jobs.changes import changes_of
from datalab_facade.jobs.commands import Call, Plan, Report, Result, Sleep
from datalab_facade.jobs.driving import drive
from datalab_facade.jobs.learning import Curve
from datalab_facade.jobs.retries import RetryState, may_pass, retrying
from datalab_facade.jobs.wait import Wait, checked_policy, waiting
from datalab_facade.testing import VirtualClock

STEADY = WaitPolicy(min_interval=2, interval_growth=0, jitter=0, max_interval=100)


def snapshot(status: str = "IN_PROGRESS", **steps: str) -> Execution:
    return Execution(
        id=7,
        status=Status.parse(status),
        steps=Steps(
            [
                Step(name=name, runs=(StepRun(file_key=None, status=Status.parse(s)),))
                for name, s in steps.items()
            ]
        ),
        observed_at=datetime(2025, 10, 22, tzinfo=UTC),
    )


def refusal(status: int, retry_after: float | None = None) -> APIStatusError:
    return status_error_class(status)(
        status=status, method="GET", url="https://a.example/7", retry_after=retry_after
    )


DROPPED = APIConnectionError("dropped", method="GET", url="u", may_have_arrived=True)
LATE = APITimeoutError("late", method="GET", url="u", may_have_arrived=True, timeout=1)
HTML = InvalidResponseError("html")

Poll = Callable[[float, float], tuple[float, Execution | DatalabError]]
"""(time, allowed seconds) -> (seconds it took, what came)"""


@attrs.define
class Story:
    """What a wait did: its commands with their times, and how it ended."""

    commands: list[tuple[float, Call | Sleep | Report[Change[Execution]]]] = attrs.field(
        factory=list
    )
    end: float = 0.0
    error: DatalabError | None = None

    @property
    def looks(self) -> list[float]:
        return [at for at, command in self.commands if isinstance(command, Call)]

    @property
    def changes(self) -> list[Change[Execution]]:
        return [c.value for _, c in self.commands if isinstance(c, Report)]

    @property
    def sleeps(self) -> list[float]:
        return [c.seconds for _, c in self.commands if isinstance(c, Sleep)]


def play(poll: Poll, policy: WaitPolicy = STEADY, *, seed: int = 0, start: float = 0.0) -> Story:
    """Run the machine against a world in which only its own commands take time."""
    story, now = Story(), start
    wait = Wait(EXECUTIONS, 7, policy, now=now, random=Random(seed).random)
    machine = waiting(wait, now=now)
    try:
        command = next(machine)
        while True:
            story.commands.append((now, command))
            answer: Result[Execution]
            if isinstance(command, Call):
                took, came = poll(now, min(command.timeout, command.deadline - now))
                now += took
                if isinstance(came, DatalabError):
                    answer = Result(now, error=came)
                else:
                    answer = Result(now, value=came)
            else:
                now += command.seconds if isinstance(command, Sleep) else 0.0
                answer = Result(now)
            command = machine.send(answer)
    except StopIteration:
        pass
    except DatalabError as error:
        story.error = error
    story.end = now
    return story


def script(*answers: Execution | DatalabError, took: float = 0.0) -> Poll:
    """Give the answers in turn, the last one for ever."""
    left = list(answers)

    def poll(now: float, allowed: float) -> tuple[float, Execution | DatalabError]:
        return took, left.pop(0) if len(left) > 1 else left[0]

    return poll


def ends_at(when: float) -> Poll:
    def poll(now: float, allowed: float) -> tuple[float, Execution]:
        return 0.05, snapshot("COMPLETED" if now >= when else "IN_PROGRESS")

    return poll


def test_a_wait_looks_at_once_and_ends_with_the_end() -> None:
    story = play(script(snapshot("COMPLETED")))
    assert story.looks == [0.0]
    assert story.error is None
    assert [str(change) for change in story.changes] == ["execution 7: COMPLETED"]


def test_a_wait_looks_again_after_the_interval() -> None:
    story = play(script(snapshot(), snapshot(), snapshot("FAILED")))
    assert story.looks == [0.0, 2.0, 4.0]
    assert story.error is None


def test_the_interval_grows_with_the_time_waited_up_to_its_cap() -> None:
    policy = WaitPolicy(min_interval=2, interval_growth=0.5, jitter=0, max_interval=10)
    story = play(ends_at(60), policy)
    assert story.sleeps[0] == pytest.approx(2)
    assert max(story.sleeps) == pytest.approx(10)
    assert [round(s, 6) for s in story.sleeps] == sorted(round(s, 6) for s in story.sleeps)


def test_a_change_brings_the_looks_closer_again() -> None:
    def poll(now: float, allowed: float) -> tuple[float, Execution]:
        return 0.0, snapshot("COMPLETED" if now > 600 else "IN_PROGRESS", parse=_at(now))

    def _at(now: float) -> str:
        return "COMPLETED" if now > 300 else "IN_PROGRESS"

    policy = WaitPolicy(min_interval=2, interval_growth=0.1, jitter=0, speedup_on_change=3)
    story = play(poll, policy)
    before = max(gap for at, gap in _gaps(story) if at < 300)
    after = min(gap for at, gap in _gaps(story) if at > 300)
    assert after < before / 2


def _gaps(story: Story) -> Iterator[tuple[float, float]]:
    for earlier, later in zip(story.looks, story.looks[1:], strict=False):
        yield earlier, later - earlier


def test_jitter_strays_either_way_and_also_at_the_cap() -> None:
    policy = WaitPolicy(min_interval=2, interval_growth=0.5, jitter=0.1, max_interval=10)
    at_cap = {gap for at, gap in _gaps(play(ends_at(300), policy)) if at > 60}
    assert len(at_cap) > 5
    assert min(at_cap) >= 9
    assert max(at_cap) <= 11.1


def test_the_defaults_see_half_a_minute_with_a_dozen_looks() -> None:
    looks, late = [], []
    for seed in range(50):
        story = play(ends_at(30 + seed / 50), WaitPolicy(), seed=seed)
        looks.append(len(story.looks))
        late.append(story.end - (30 + seed / 50))
    assert max(looks) <= 13
    assert sorted(looks)[25] <= 12
    assert sorted(late)[25] <= 1.5


def test_the_defaults_see_two_hours_with_two_hundred_looks() -> None:
    story = play(ends_at(7_100), WaitPolicy(timeout=math.inf))
    assert len(story.looks) <= 200
    assert story.end - 7_100 <= 60


def test_a_sleep_that_lasts_beyond_the_deadline_is_the_end_of_a_wait() -> None:
    """As when a computer is closed meanwhile."""
    wait = Wait(EXECUTIONS, 7, STEADY, now=0.0, random=Random(0).random)
    machine = waiting(wait, now=0.0)
    assert isinstance(next(machine), Call)
    assert isinstance(machine.send(Result(1.0, snapshot())), Report)
    command: object = machine.send(Result(1.0))
    while isinstance(command, Report):
        command = machine.send(Result(1.0))
    assert isinstance(command, Sleep)
    with pytest.raises(WaitTimeoutError):
        machine.send(Result(1e9))


def test_a_sleep_that_lasts_beyond_the_deadline_is_the_end_of_a_call() -> None:
    machine: Plan[Call, Execution, Execution] = retrying(
        WaitPolicy(), may_pass, timeout=60, request_timeout=30, now=0.0, random=Random(0).random
    )
    assert isinstance(next(machine), Call)
    assert isinstance(machine.send(Result(1.0, error=DROPPED)), Sleep)
    with pytest.raises(APIConnectionError, match="dropped"):
        machine.send(Result(1e9))


def test_the_deadline_is_told_with_everything_that_is_needed_to_go_on() -> None:
    story = play(
        script(snapshot(parse="COMPLETED", extract="PENDING")), attrs.evolve(STEADY, timeout=9)
    )
    error = story.error
    assert isinstance(error, WaitTimeoutError)
    assert error.id == 7
    assert error.snapshot is not None
    assert error.timeout == 9
    assert error.elapsed <= 9
    assert "wait for 7 again" in str(error)
    assert "1/2 steps done" in str(error)


def test_the_last_look_is_brought_forward_so_that_it_can_still_be_answered() -> None:
    story = play(ends_at(8.5), attrs.evolve(STEADY, timeout=9, min_interval=4))
    assert story.error is None
    assert story.end <= 9


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 405, 409, 301])
def test_what_the_server_means_ends_the_wait_at_once(status: int) -> None:
    story = play(script(snapshot(), refusal(status)))
    assert isinstance(story.error, APIStatusError)
    assert story.error.status == status
    assert len(story.looks) == 2


def test_a_slot_that_comes_too_late_will_not_come_sooner() -> None:
    assert not may_pass(RateLimitTimeoutError(wait=5.0, left=1.0))


@pytest.mark.parametrize(
    "fault",
    [
        *(refusal(status) for status in (408, 425, 429, 500, 502, 503, 504, 520, 523, 529, 530)),
        DROPPED,
        LATE,
        HTML,
    ],
)
def test_what_may_pass_is_forgiven(fault: DatalabError) -> None:
    story = play(script(snapshot(), *[fault] * 10, snapshot("COMPLETED")))
    assert story.error is None
    assert len(story.looks) == 12


def test_faults_are_counted_in_a_row_only() -> None:
    policy = attrs.evolve(STEADY, max_retries=2)
    story = play(
        script(DROPPED, DROPPED, snapshot(), LATE, HTML, snapshot(), DROPPED, snapshot("FAILED")),
        policy,
    )
    assert story.error is None


def test_the_fault_too_many_is_raised_with_the_others_noted() -> None:
    story = play(script(DROPPED, LATE, refusal(503)), attrs.evolve(STEADY, max_retries=3))
    assert isinstance(story.error, InternalServerError)
    assert len(story.looks) == 4
    [note] = story.error.__notes__
    assert "1. dropped" in note
    assert "2. late" in note
    assert "3. " in note


def test_faults_are_spaced_out_by_a_doubling_backoff_up_to_its_cap() -> None:
    policy = attrs.evolve(STEADY, retry_backoff=1, max_retry_backoff=8, max_retries=8)
    sleeps = play(script(DROPPED), policy).sleeps
    for sleep, most in zip(sleeps, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert most / 2 <= sleep <= most


@pytest.mark.parametrize("kind", [429, 503, 529])
def test_retry_after_is_obeyed_up_to_its_cap(kind: int) -> None:
    policy = attrs.evolve(STEADY, max_retry_after=60)
    modest = play(script(refusal(kind, retry_after=30), snapshot("COMPLETED")), policy)
    assert 30 <= modest.sleeps[0] <= 33
    absurd = play(script(refusal(kind, retry_after=86_400), snapshot("COMPLETED")), policy)
    assert 60 <= absurd.sleeps[0] <= 66


def test_an_execution_that_is_not_there_yet_is_given_a_little_time() -> None:
    policy = attrs.evolve(STEADY, not_found_grace=5)
    appears = play(script(refusal(404), refusal(404), snapshot("COMPLETED")), policy)
    assert appears.error is None
    never = play(script(refusal(404)), policy)
    assert isinstance(never.error, NotFoundError)
    assert 5 <= never.end <= 7


def test_an_execution_that_was_there_and_is_gone_ends_the_wait_at_once() -> None:
    story = play(script(snapshot(), refusal(404)))
    assert isinstance(story.error, NotFoundError)
    assert len(story.looks) == 2


def begun(policy: WaitPolicy = STEADY, **options: Any) -> Wait[Execution, int]:
    """Begin a wait at 1000 seconds, in which chance is always in the middle."""
    return Wait(EXECUTIONS, 7, policy, now=1_000.0, random=lambda: 0.5, **options)


def test_a_change_leaves_a_third_of_the_time_waited_to_count() -> None:
    wait = begun(attrs.evolve(STEADY, interval_growth=0.1, speedup_on_change=3))
    wait.answered(snapshot("QUEUED"), now=1_000.0, took=0.0)
    wait.answered(snapshot("IN_PROGRESS"), now=1_300.0, took=0.0)
    wait.schedule(1_300.0)
    assert wait.due == 1_310


def test_a_timeout_tells_the_time_spent_and_the_last_fault() -> None:
    wait = begun()
    wait.failed(DROPPED, now=1_003.0)
    error = wait.timed_out(1_009.0)
    assert error.elapsed == 9
    assert error.__cause__ is DROPPED


def test_no_look_begins_at_the_deadline() -> None:
    with pytest.raises(WaitTimeoutError) as raised:
        begun(attrs.evolve(STEADY, timeout=9)).poll(1_009.0)
    assert raised.value.elapsed == 9


def test_a_timeout_after_all_went_well_has_no_fault() -> None:
    wait = begun()
    assert wait.timed_out(1_002.0).__cause__ is None
    wait.failed(DROPPED, now=1_003.0)
    wait.answered(snapshot(), now=1_004.0, took=0.0)
    assert wait.timed_out(1_009.0).__cause__ is None


def test_a_rate_limiter_that_admits_no_poll_in_time_is_a_timeout() -> None:
    exhausted = RateLimitTimeoutError(wait=9, left=1)
    with pytest.raises(WaitTimeoutError) as raised:
        begun().failed(exhausted, now=1_005.0)
    assert raised.value.elapsed == 5
    assert raised.value.__cause__ is exhausted


def test_what_is_not_there_yet_is_asked_for_as_the_grace_ends_and_not_after_it() -> None:
    policy = attrs.evolve(STEADY, not_found_grace=5, retry_backoff=40)
    wait = begun(policy)
    wait.failed(refusal(404), now=1_000.0)
    assert wait.due == 1_005
    wait.failed(refusal(404), now=1_004.9)
    assert wait.due == pytest.approx(1_005.4)
    with pytest.raises(NotFoundError):
        begun(policy).failed(refusal(404), now=1_005.0)


@pytest.mark.parametrize(
    ("timeout", "took", "due"),
    [(100, 0.01, 1_099.9), (100, 0.5, 1_099), (100, 5, 1_098), (4, 5, 1_003)],
)
def test_the_last_look_has_twice_the_time_of_the_one_before_within_limits(
    timeout: float, took: float, due: float
) -> None:
    wait = begun(attrs.evolve(STEADY, min_interval=99, timeout=timeout))
    wait.answered(snapshot(), now=1_001.5, took=took)
    wait.schedule(1_001.5)
    assert wait.due == due


def test_a_first_look_that_failed_is_repeated_a_moment_before_the_deadline_at_the_latest() -> None:
    wait = begun(attrs.evolve(STEADY, timeout=10))
    wait.failed(refusal(503, retry_after=60), now=1_001.0)
    assert wait.due == 1_009.9


KNOWN_600 = {"durations": {"workflow 1": [600.0]}}


def test_of_a_workflow_not_known_half_the_time_since_the_last_look_counts_as_half_likely() -> None:
    wait = begun(duration_model=DurationModel())
    wait.answered(snapshot(), now=1_010.0, took=0.0)
    assert wait.lateness(1_018.0) == 2


@pytest.mark.parametrize("created_before", [None, 30])
def test_of_a_known_workflow_the_lateness_is_that_of_its_age(created_before: int | None) -> None:
    wait = begun(duration_model=DurationModel.from_dict(KNOWN_600))
    seen = attrs.evolve(snapshot(), workflow_id=1)
    if created_before is not None:
        assert seen.observed_at is not None
        seen = attrs.evolve(seen, created_at=seen.observed_at - timedelta(seconds=created_before))
    wait.answered(seen, now=1_010.0, took=0.0)
    since = 10 if created_before is None else created_before
    expected = Curve.of([600.0]).lateness(since=since, age=since + 650)
    assert wait.lateness(1_660.0) == pytest.approx(expected)
    assert expected > 40


@pytest.mark.parametrize("options", [{}, {"watched": False}, {"watched": True}])
def test_only_whoever_watches_looks_before_an_end_is_likely(options: dict[str, bool]) -> None:
    """The end counts as likely where a look would be late by 0.4 % of the usual time."""
    policy = attrs.evolve(STEADY, max_interval=10_000)
    wait = begun(policy, duration_model=DurationModel.from_dict(KNOWN_600), **options)
    wait.answered(attrs.evolve(snapshot(), workflow_id=1), now=1_010.0, took=0.0)
    wait.schedule(1_010.0)
    late = Curve.of([600.0]).age_at_lateness(2.4, since=10, longest=10_000)
    assert wait.due == pytest.approx(1_012 if options.get("watched") else 1_000 + late)
    assert late > 300


def test_a_wait_learns_by_how_much_the_clocks_differ() -> None:
    durations = DurationModel()
    wait = begun(duration_model=durations)
    ours, ahead = datetime(2025, 10, 22, tzinfo=UTC), timedelta(hours=3)
    running = attrs.evolve(snapshot(), workflow_id=1, created_at=ours - ahead, observed_at=ours)
    ended = attrs.evolve(
        running,
        status=Status.COMPLETED,
        steps=Steps(),
        updated_at=ours - ahead + timedelta(seconds=1),
        observed_at=ours + timedelta(seconds=2),
    )
    wait.answered(running, now=1_000.0, took=0.0)
    wait.answered(ended, now=1_002.0, took=0.0)
    fresh = attrs.evolve(running, observed_at=ours + timedelta(seconds=40))
    timing = timing_of(fresh)
    assert timing is not None
    assert durations.age(timing) == pytest.approx(40, abs=1)


def test_changes_are_told_once_in_order_and_numbered() -> None:
    story = play(
        script(
            snapshot("QUEUED", parse="PENDING"),
            snapshot("IN_PROGRESS", parse="IN_PROGRESS"),
            snapshot("IN_PROGRESS", parse="IN_PROGRESS"),
            snapshot("COMPLETED", parse="COMPLETED"),
        )
    )
    assert [change.sequence for change in story.changes] == [1, 2, 3, 4, 5, 6]
    assert [str(change) for change in story.changes] == [
        "execution 7: QUEUED",
        "parse: PENDING",
        "execution 7: QUEUED → IN_PROGRESS",
        "parse: PENDING → IN_PROGRESS",
        "parse: IN_PROGRESS → COMPLETED",
        "execution 7: IN_PROGRESS → COMPLETED",
    ]
    assert story.changes[-1].snapshot.is_terminal


def test_files_are_told_before_their_step() -> None:
    def of(*statuses: Status) -> Execution:
        runs = tuple(StepRun(file_key=str(n), status=status) for n, status in enumerate(statuses))
        whole = Status.COMPLETED if all(s.is_terminal for s in statuses) else Status.IN_PROGRESS
        return Execution(id=7, status=whole, steps=Steps([Step(name="parse", runs=runs)]))

    story = play(script(of(Status.COMPLETED, Status.PENDING), of(Status.COMPLETED, Status.FAILED)))
    assert [(c.kind, c.file_key, str(c.after)) for c in story.changes[-3:]] == [
        ("file", "1", "FAILED"),
        ("step", None, "FAILED"),
        ("job", None, "COMPLETED"),
    ]


faults = st.sampled_from([DROPPED, LATE, HTML]) | st.builds(
    refusal,
    st.sampled_from([404, 408, 425, 429, 500, 503, 520, 529, 401, 422]),
    st.none() | st.floats(0, 1e6),
)
answers = st.one_of(
    st.just(snapshot("COMPLETED", parse="COMPLETED")),
    st.builds(
        lambda status, parse: snapshot(status, parse=parse),
        st.sampled_from(["IN_PROGRESS", "QUEUED", "UNHEARD_OF", "???"]),
        st.text(max_size=5),
    ),
    faults,
    faults,
)
delays = st.floats(0, 100)


def _policy(**settings: Any) -> WaitPolicy:
    settings["max_interval"] = max(settings["max_interval"], settings["min_interval"])
    return WaitPolicy(**settings)


policies = st.builds(
    _policy,
    timeout=st.floats(0.5, 5_000),
    min_interval=st.floats(0.1, 100),
    interval_growth=st.floats(0, 2),
    max_interval=st.floats(0.1, 200),
    jitter=st.floats(0, 0.9),
    speedup_on_change=st.floats(0.5, 10),
    max_retries=st.integers(0, 5),
    retry_backoff=st.floats(0.1, 30),
    max_retry_backoff=st.floats(0.1, 120),
    max_retry_after=st.floats(0.1, 600),
    not_found_grace=st.floats(0, 30),
    request_timeout=st.floats(0.1, 60),
)
worlds = st.lists(st.tuples(delays, answers), min_size=1, max_size=30)


def world(events: list[tuple[float, Any]]) -> Poll:
    """Play the events in turn, the last one for ever; a look never takes longer than allowed."""
    left = list(events)

    def poll(now: float, allowed: float) -> tuple[float, Execution | DatalabError]:
        took, came = left.pop(0) if len(left) > 1 else left[0]
        return (allowed, LATE) if took >= allowed else (took, came)

    return poll


@given(policies, worlds, st.integers(), st.floats(-1e6, 1e6))
def test_a_wait_keeps_its_promises_in_every_world(
    policy: WaitPolicy, events: list[tuple[float, Any]], seed: int, start: float
) -> None:
    # A world that never ends is cut off by the deadline; very short intervals
    # over a long time only make the test slow.
    policy = attrs.evolve(policy, timeout=min(policy.timeout, 200 * policy.min_interval))
    story = play(world(events), policy, seed=seed, start=start)

    assert story.end <= start + policy.timeout + 1e-3
    for at, command in story.commands:
        if isinstance(command, Call):
            assert 0 < command.timeout <= policy.request_timeout
            assert at < command.deadline <= start + policy.timeout + 1e-3
        if isinstance(command, Sleep):
            assert command.seconds > 0
    kinds = [type(command) for _, command in story.commands if not isinstance(command, Report)]
    assert all(pair != (Call, Call) for pair in itertools.pairwise(kinds))
    assert [c.sequence for c in story.changes] == list(range(1, len(story.changes) + 1))
    if story.error is None:
        assert story.changes[-1].kind == "job"
        assert story.changes[-1].after.is_terminal
    else:
        assert not any(change.snapshot.is_terminal for change in story.changes)


@given(policies, worlds, st.integers())
def test_the_blocking_and_the_async_driver_do_exactly_the_same(
    policy: WaitPolicy, events: list[tuple[float, Any]], seed: int
) -> None:
    policy = attrs.evolve(policy, timeout=min(policy.timeout, 100 * policy.min_interval))

    def machine(clock: VirtualClock) -> Any:
        now = clock.monotonic()
        return waiting(Wait(EXECUTIONS, 7, policy, now=now, random=Random(seed).random), now=now)

    def looking(clock: VirtualClock, trace: list[Any]) -> Callable[[Call], Execution]:
        poll = world(events)

        def call(command: Call) -> Execution:
            allowed = min(command.timeout, command.deadline - clock.monotonic())
            took, came = poll(clock.monotonic(), allowed)
            trace.append((clock.monotonic(), allowed, came))
            clock.advance(took)
            if isinstance(came, DatalabError):
                raise came
            return came

        return call

    def sync() -> list[Any]:
        clock, trace = VirtualClock(), list[Any]()
        try:
            reports: Iterator[object] = drive(
                machine(clock), looking(clock, trace), clock=clock, subject="7"
            )
            trace.extend(reports)
        except DatalabError as error:
            trace.append(repr(error))
        return [*trace, clock.monotonic()]

    async def asynchronous() -> list[Any]:
        clock, trace = VirtualClock(), list[Any]()
        poll = looking(clock, trace)

        async def call(command: Call) -> Execution:
            return poll(command)

        try:
            reports: AsyncIterator[object] = drive_async(
                machine(clock), call, clock=clock, subject="7"
            )
            async for change in reports:
                trace.append(change)
        except DatalabError as error:
            trace.append(repr(error))
        return [*trace, clock.monotonic()]

    ours, theirs = sync(), asyncio.run(asynchronous())
    assert ours == theirs


@given(
    st.lists(st.tuples(delays, faults | st.just(snapshot())), min_size=1, max_size=8),
    st.floats(0.5, 500),
    st.integers(0, 4),
    st.integers(),
)
def test_a_single_call_is_repeated_within_its_time_and_its_faults(
    events: list[tuple[float, Any]], timeout: float, max_retries: int, seed: int
) -> None:
    poll, now, calls = world(events), 0.0, 0
    machine: Plan[Call, Execution, Execution] = retrying(
        WaitPolicy(max_retries=max_retries),
        may_pass,
        timeout=timeout,
        request_timeout=30,
        now=0.0,
        random=Random(seed).random,
    )
    reports: list[Any] = []
    error: DatalabError | None = None
    try:
        command = next(machine)
        while True:
            answer: Result[Any] = Result(now)
            if isinstance(command, Call):
                calls += 1
                took, came = poll(now, min(command.timeout, command.deadline - now))
                now += took
                if isinstance(came, DatalabError):
                    answer = Result(now, error=came)
                else:
                    answer = Result(now, value=came)
            elif isinstance(command, Sleep):
                now += command.seconds
                answer = Result(now)
            else:
                reports.append(command.value)
            command = machine.send(answer)
    except StopIteration:
        pass
    except DatalabError as caught:
        error = caught
    assert now <= timeout + 1e-6
    assert 1 <= calls <= max_retries + 1
    assert (error is None) == (len(reports) == 1)


def retried() -> Plan[Call, Execution, Execution]:
    """Begin a call at 1000 seconds with ten seconds of time."""
    return retrying(
        STEADY, may_pass, timeout=10, request_timeout=30, now=1_000.0, random=lambda: 0.5
    )


def test_a_call_that_failed_is_repeated_as_long_as_there_is_time() -> None:
    machine = retried()
    assert next(machine) == Call(30, 1_010.0)
    assert machine.send(Result(1_001.0, error=DROPPED)) == Sleep(0.75, retry=1, max_retries=10)
    assert machine.send(Result(1_001.75)) == Call(30, 1_010.0)
    assert machine.send(Result(1_002.0, error=refusal(503, retry_after=4))) == Sleep(
        4.2, retry=2, max_retries=10
    )
    assert machine.send(Result(1_006.2)) == Call(30, 1_010.0)
    with pytest.raises(NotFoundError):
        machine.send(Result(1_007.0, error=refusal(404)))


def test_a_call_is_not_repeated_at_its_deadline() -> None:
    machine = retried()
    next(machine)
    with pytest.raises(APIConnectionError):
        machine.send(Result(1_009.25, error=DROPPED))
    machine = retried()
    next(machine)
    machine.send(Result(1_009.0, error=DROPPED))
    with pytest.raises(APIConnectionError):
        machine.send(Result(1_010.0))


def test_of_many_faults_the_first_and_the_last_are_noted() -> None:
    faults = RetryState(attrs.evolve(STEADY, max_retries=8), lambda: 0.5)
    away = [faults.record_failure(HTML if number else DROPPED) for number in range(8)]
    assert away == [0.75, 1.5, 3, 6, 12, 24, 45, 45]
    with pytest.raises(APIStatusError) as raised:
        faults.record_failure(refusal(503))
    [note] = raised.value.__notes__
    assert note.splitlines() == [
        "Failures before this one, each retried:",
        *("1. dropped", "2. html", "3. html", "…", "7. html", "8. html"),
    ]


@pytest.mark.parametrize(("many", "lines"), [(6, 7), (7, 7)])
def test_up_to_six_faults_are_noted_in_full(many: int, lines: int) -> None:
    faults, error = RetryState(STEADY, lambda: 0.5), refusal(503)
    for _ in range(many):
        faults.record_failure(HTML)
    faults.explain(error)
    [note] = error.__notes__
    assert len(note.splitlines()) == lines
    assert ("…" in note) == (many > 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": math.nan},
        {"min_interval": 0},
        {"request_timeout": math.inf},
        {"interval_growth": -0.1},
        {"max_interval": 0},
        {"jitter": 1},
        {"jitter": -0.1},
        {"speedup_on_change": 0},
        {"max_retries": -1},
        {"retry_backoff": 0},
        {"max_retry_after": -5},
        {"not_found_grace": math.inf},
        {"request_timeout": 0},
        {"min_interval": 100},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(InvalidArgumentError, match=name):
        WaitPolicy(**wrong)  # type: ignore[arg-type]


def test_every_status_of_the_server_may_pass_and_no_other_number() -> None:
    assert [status for status in (499, 500, 599, 600) if may_pass(refusal(status))] == [500, 599]


def test_what_is_overloaded_is_a_server_that_failed() -> None:
    assert isinstance(refusal(529), OverloadedError)
    assert isinstance(refusal(529), InternalServerError)
    assert isinstance(refusal(429), RateLimitError)


def test_a_step_that_the_server_tells_of_no_more_is_told_as_unknown() -> None:
    both = Steps(
        [
            Step(name="parse", runs=(StepRun(file_key=None, status=Status.COMPLETED),)),
            Step(name="extract"),
        ]
    )
    before = Execution(id=7, status=Status.IN_PROGRESS, steps=both)
    after = attrs.evolve(before, steps=Steps([both["extract"]]))
    [change] = changes_of(
        EXECUTIONS.differences(before, after), after, job="execution 7", sequence=1
    )
    assert (change.step, change.before, change.after) == (
        "parse",
        Status.COMPLETED,
        Status.UNKNOWN,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jitter": 1}, "jitter must be from 0 to below 1, not 1"),
        ({"jitter": "x"}, "jitter must be a number, not 'x'"),
        ({"max_retries": -1}, "max_retries must be 0 or more, not -1"),
        ({"max_retries": "x"}, "max_retries must be a number, not 'x'"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_what_came(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        WaitPolicy(**options)
    assert str(caught.value) == message


def test_what_is_passed_for_a_policy_is_named() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        checked_policy("policy", 30)
    assert str(caught.value) == "policy must be a WaitPolicy, not 30"


def test_a_pause_after_a_failed_poll_says_which_retry_comes() -> None:
    story = play(script(snapshot(), DROPPED, DROPPED, snapshot("COMPLETED")))
    pauses = [command for _, command in story.commands if isinstance(command, Sleep)]
    assert [(pause.retry, pause.max_retries) for pause in pauses] == [(0, 10), (1, 10), (2, 10)]
