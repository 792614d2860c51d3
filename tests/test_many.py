"""Many executions at once: each has its outcome, and the rate limit holds."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import re
import weakref
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import (
    AsyncDatalab,
    ConfigurationError,
    Datalab,
    Execution,
    InvalidArgumentError,
    NotFoundError,
    Outcome,
    Totals,
    Update,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.jobs.outcomes import Abandoned, Settled
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
)
from tests.in_process import SOON, new_simulator
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

ENDED = ExecutionScript([StepScript("p", ends=1)])


class World:
    """A simulator on virtual time, and a client of it."""

    def __init__(self, per_minute: float | None = 200, **options: Any) -> None:
        self.clock = VirtualClock()
        limit = None if per_minute is None else (int(per_minute), 60.0)
        self.simulator = Simulator(self.clock, API_KEY, rate_limit=options.pop("limit", limit))
        self.client = Datalab(
            API_KEY,
            clock=self.clock,
            requests_per_minute=per_minute,
            http_client=httpx.Client(transport=SimulatorTransport(self.simulator)),
            **options,
        )

    def start(self, *lengths: float, outcome: str = "COMPLETED") -> list[int]:
        return [
            self.simulator.start(ExecutionScript([StepScript("p", ends=ends, outcome=outcome)]))
            for ends in lengths
        ]

    @property
    def statuses(self) -> list[int | None]:
        return [request.status for request in self.simulator.requests.of("api")]

    @property
    def look_times(self) -> list[float]:
        return [request.at for request in self.simulator.requests.of("api")]

    def looks_at(self, execution_id: int) -> list[float]:
        path = f"/api/v1/workflows/executions/{execution_id}"
        return [r.at for r in self.simulator.requests.of("api") if r.path == path]


def test_each_execution_has_an_outcome_as_it_ends() -> None:
    world = World()
    slow, quick = world.start(60, 10)
    outcomes = list(world.client.executions.as_completed([slow, quick]))
    assert [outcome.id for outcome in outcomes] == [quick, slow]
    assert all(outcome.result().succeeded for outcome in outcomes)


def test_one_that_fails_or_is_unknown_does_not_end_the_rest() -> None:
    world = World()
    [good] = world.start(20)
    [failing] = world.start(10, outcome="FAILED")
    found = {o.id: o for o in world.client.executions.as_completed([failing, 9, good])}
    assert found[good].succeeded
    assert found[failing].result().failed
    assert isinstance(found[9].error, NotFoundError)
    with pytest.raises(NotFoundError):
        found[9].result()


def test_an_id_that_is_none_has_an_outcome_that_says_so() -> None:
    world = World()
    [good] = world.start(5)
    ids: list[Any] = ["../../files/77", good, None, -1]
    outcomes = list(world.client.executions.as_completed(ids))
    assert sum(isinstance(o.error, InvalidArgumentError) for o in outcomes) == 3
    assert [o.id for o in outcomes if o.succeeded] == [good]


def test_wait_many_gives_all_in_the_order_of_the_ids() -> None:
    world = World()
    ids = world.start(30, 10, 20)
    assert [o.id for o in world.client.executions.wait_many(ids)] == ids


def test_nothing_to_wait_for_is_no_trouble() -> None:
    world = World()
    assert list(world.client.executions.as_completed([])) == []
    assert world.client.executions.wait_many([]) == []
    assert world.statuses == []


def test_an_id_that_comes_twice_has_two_outcomes_and_is_asked_for_once() -> None:
    world = World()
    [once] = world.start(20)
    outcomes = list(world.client.executions.as_completed([once, once, once]))
    assert [o.id for o in outcomes] == [once] * 3
    alone = World()
    [single] = alone.start(20)
    list(alone.client.executions.as_completed([single]))
    # Jitter makes a look more or less.
    assert len(world.statuses) <= len(alone.statuses) + 2
    in_order = world.client.executions.wait_many([once, once])
    assert [o.succeeded for o in in_order] == [True, True]


def test_nobody_polls_any_more_for_what_is_abandoned_and_what_is_settled_comes_out() -> None:
    world = World()
    never, soon = world.start(1e6, 60)

    def ids() -> Iterator[int | Settled[str] | Abandoned[int]]:
        yield from (never, soon)
        yield Settled("known", succeeded=False)
        assert world.looks_at(never)
        yield Abandoned(never)

    events = list(world.client.executions._follow(ids(), None, 100, None, {}, changes=True))
    settled = [event for event in events if isinstance(event, Settled)]
    assert {event.value for event in settled} == {"known"}
    updates = [event for event in events if isinstance(event, Update)]
    outcomes = [update.outcome for update in updates if update.outcome is not None]
    assert [one.id for one in outcomes] == [soon]
    assert len(world.looks_at(never)) == 1
    totals = updates[-1].totals
    assert (totals.queued, totals.running, totals.succeeded) == (0, 0, 1)
    assert totals.failed == len(settled)


def test_an_iterable_that_raises_half_way_is_told_as_it_is() -> None:
    world = World()
    ids = world.start(5, 5)

    def broken() -> Iterator[int]:
        yield ids[0]
        raise LookupError("the list ends here")

    with pytest.raises(LookupError, match="the list ends here"):
        list(world.client.executions.as_completed(broken()))


def pass_a_minute(simulator: Simulator) -> None:
    simulator.clock.sleep(60)


def drained(way: Way, updates: Any) -> tuple[list[Any], BaseException | None]:
    """Give all that comes of many, and what ended it before its time."""
    seen: list[Any] = []
    try:
        way.collect_into(seen, updates)
    except (LookupError, ConfigurationError) as error:
        return seen, error
    return seen, None


@pytest.mark.parametrize("method", ["as_completed", "watch_many"])
def test_what_has_ended_already_is_told_at_once(way: Way, method: str) -> None:
    simulator = new_simulator()
    ids = [simulator.start(ENDED) for _ in range(3)]
    pass_a_minute(simulator)
    client = way.client(simulator, requests_per_minute=None)
    told, error = drained(way, getattr(client.executions, method)(ids))
    assert error is None
    assert {one.id for one in told if isinstance(one, Outcome)} <= set(ids)
    assert len(told) >= 3
    assert simulator.clock.monotonic() == 60


def test_all_that_have_ended_already_are_given_at_once(way: Way) -> None:
    simulator = new_simulator()
    ids = [simulator.start(ENDED) for _ in range(3)]
    pass_a_minute(simulator)
    client = way.client(simulator, requests_per_minute=None)
    assert all(outcome.succeeded for outcome in way.done(client.executions.wait_many(ids)))
    assert simulator.clock.monotonic() == 60


@pytest.mark.parametrize("method", ["as_completed", "watch_many"])
@pytest.mark.parametrize("many", [0, 1, 5])
def test_an_iterable_that_raises_costs_no_outcome_of_those_that_were_read(
    way: Way, method: str, many: int, caplog: pytest.LogCaptureFixture
) -> None:
    simulator = new_simulator()
    ids = [simulator.start(script) for script in [ENDED, SOON] * 3][:many]
    pass_a_minute(simulator)

    def broken() -> Iterator[int]:
        yield from ids
        raise LookupError("the list ends here")

    client = way.client(simulator)
    told, error = drained(way, getattr(client.executions, method)(broken()))
    assert isinstance(error, LookupError)
    outcomes = [one if method == "as_completed" else one.outcome for one in told]
    ended = [outcome.id for outcome in outcomes if outcome is not None]
    assert sorted(ended) == sorted(ids)
    assert re.search(
        r"Reading the jobs raised LookupError; it is raised again when the \d+ jobs that were read "
        r"have their outcomes$",
        caplog.text,
        re.MULTILINE,
    )


async def test_async_what_comes_later_is_looked_at_when_it_comes() -> None:
    world = AsyncWorld()
    slow, ended = world.start(500, 1)

    async def ids() -> AsyncIterator[int]:
        yield slow
        await world.clock.sleep_async(50)
        yield ended

    outcomes = world.asynchronous.executions.as_completed(ids())
    assert (await anext(outcomes)).id == ended
    assert world.clock.monotonic() == 50
    await outcomes.aclose()


def test_one_that_is_slow_keeps_nothing_of_those_that_ended_after_it(way: Way) -> None:
    simulator = new_simulator()
    script = ExecutionScript([StepScript("p", ends=None)])
    slow = simulator.start(script)

    def ids() -> Iterator[int]:
        yield slow
        for _ in range(150):
            yield simulator.start(ENDED)

    client = way.client(simulator, requests_per_minute=None)
    outcomes = client.executions.as_completed(ids(), concurrency=20)
    kept: list[weakref.ref[Execution]] = []

    async def drain() -> None:
        async for outcome in outcomes:
            kept.append(weakref.ref(outcome.result()))
            if len(kept) == 150:
                break

    if not way.is_async:
        kept.extend(weakref.ref(outcome.result()) for outcome in itertools.islice(outcomes, 150))
    else:
        way.done(drain())
    gc.collect()
    assert sum(one() is not None for one in kept) <= 50


def test_ids_are_read_only_as_there_is_room() -> None:
    world = World()
    read: list[int] = []

    def ids() -> Iterator[int]:
        for execution_id in world.start(*[50.0] * 20):
            read.append(execution_id)
            yield execution_id

    outcomes = world.client.executions.as_completed(ids(), concurrency=3)
    next(outcomes)
    assert len(read) <= 4
    assert len([next(outcomes) for _ in range(19)]) == 19


def test_a_slow_producer_is_waited_for_and_all_are_found() -> None:
    world = World()

    def produced() -> Iterator[int]:
        for length in (5, 60, 5, 5):
            world.clock.advance(30)
            yield from world.start(length)

    outcomes = list(world.client.executions.as_completed(produced()))
    assert len(outcomes) == 4
    assert all(o.succeeded for o in outcomes)


def test_the_time_for_all_of_it_is_hard() -> None:
    world = World()
    quick, never = world.start(5, 1e9)
    began = world.clock.monotonic()
    given = world.client.executions.as_completed([quick, never], timeout=30)
    outcomes = {outcome.id: outcome for outcome in given}
    assert outcomes[quick].succeeded
    assert isinstance(outcomes[never].error, WaitTimeoutError)
    assert world.clock.monotonic() - began <= 30.25


def test_what_nobody_got_round_to_has_timed_out_too() -> None:
    world = World()
    ids = world.start(1e9, 1e9, 1e9)
    outcomes = world.client.executions.wait_many(ids, timeout=10, concurrency=1)
    assert [type(outcome.error) for outcome in outcomes] == [WaitTimeoutError] * 3


def test_those_whose_turn_never_came_have_timed_out_after_all_of_the_time() -> None:
    world = World()
    ids = world.start(1e9, 1e9, 1e9)
    world.simulator.inject_always(Fault.hang())
    outcomes = world.client.executions.wait_many(ids, timeout=10, concurrency=1)
    errors = [outcome.error for outcome in outcomes]
    assert [type(error) for error in errors] == [WaitTimeoutError] * 3
    assert "after 10.0 s of at most 10 s" in str(errors[2])
    assert world.looks_at(ids[2]) == []


def test_an_id_that_comes_after_the_deadline_is_not_asked_about() -> None:
    world = World()
    soon, late = world.start(5, 5)

    def produced() -> Iterator[int]:
        yield soon
        world.clock.advance(60)
        yield late

    outcomes = list(world.client.executions.as_completed(produced(), timeout=30))
    assert [type(outcome.error) for outcome in outcomes] == [WaitTimeoutError]
    assert world.looks_at(late) == []


def test_a_deadline_that_rounding_makes_later_holds_up_no_other() -> None:
    assert 0.71 + (10.1 - 0.71) > 10.1
    world = World()
    scheduler = world.client._context.scheduler(
        EXECUTIONS,
        WaitPolicy(),
        timeout=10.1,
        concurrency=5,
        rate_limiter=world.client._api.admission.rate_limiter,
        changes=False,
    )
    scheduler.add(1, 0.71)
    scheduler.add(2, 2.0)
    poll = scheduler.pick(10.1)
    assert poll is not None
    assert poll.id == 1
    assert scheduler.pick(10.1) is None
    [update] = scheduler.events()
    assert isinstance(update, Update)
    assert update.outcome is not None
    assert (update.outcome.id, type(update.outcome.error)) == (2, WaitTimeoutError)


@pytest.mark.parametrize(
    ("totals", "told"),
    [
        (
            Totals(
                queued=2,
                running=1,
                succeeded=0,
                failed=0,
                requests=5,
                requests_left=None,
                eta_seconds=None,
            ),
            "0/3 finished, 1 running, 2 queued",
        ),
        (
            Totals(
                queued=2,
                running=1,
                succeeded=3,
                failed=4,
                requests=5,
                requests_left=6,
                eta_seconds=7.4,
            ),
            "7/10 finished, 1 running, 2 queued, 4 failed, about 7 s to go",
        ),
    ],
)
def test_totals_are_told_in_a_line(totals: Totals, told: str) -> None:
    assert str(totals) == told


def test_each_has_the_deadline_of_its_policy_too() -> None:
    world = World(policy=WaitPolicy(timeout=20))
    quick, never = world.start(5, 1e9)
    outcomes = {o.id: o for o in world.client.executions.as_completed([quick, never])}
    assert outcomes[quick].succeeded
    assert isinstance(outcomes[never].error, WaitTimeoutError)


def test_the_server_never_has_to_refuse() -> None:
    world = World()
    ids = world.start(*[100.0 + n for n in range(150)])
    outcomes = list(world.client.executions.as_completed(ids))
    assert all(o.succeeded for o in outcomes)
    assert set(world.statuses) == {200}


def test_no_execution_waits_more_than_twice_the_fair_round() -> None:
    world = World()
    ids = world.start(*[600.0] * 150)
    list(world.client.executions.as_completed(ids))
    fair_round = 150 / (200 / 60)
    for execution_id in ids:
        looks = world.looks_at(execution_id)
        assert max(b - a for a, b in itertools.pairwise(looks)) <= 2 * fair_round


def test_a_server_that_allows_less_is_got_along_with() -> None:
    world = World(limit=(60, 60.0))
    ids = world.start(*[30.0] * 40)
    outcomes = list(world.client.executions.as_completed(ids))
    assert all(o.succeeded for o in outcomes)
    assert world.statuses.count(429) < 20


def test_faults_of_every_kind_reach_nobody() -> None:
    world = World()
    dice = Random(3)
    faults = [
        Fault.status(503),
        Fault.status(529),
        Fault.html(),
        Fault.invalid_json(),
        Fault.reset(),
        Fault.truncate(10),
        Fault.delay(3),
    ]
    world.simulator.inject_with(
        lambda request, number: dice.choice(faults) if dice.random() < 0.05 else None
    )
    ids = world.start(*[dice.uniform(1, 300) for _ in range(200)])
    assert all(o.succeeded for o in world.client.executions.as_completed(ids))


def test_a_watch_over_many_tells_changes_outcomes_and_totals() -> None:
    world = World()
    ids = world.start(20, 40) + world.start(30, outcome="FAILED")
    updates = list(world.client.executions.watch_many(ids))
    assert all((u.change is None) != (u.outcome is None) for u in updates)
    last = updates[-1].totals
    assert (last.queued, last.running, last.succeeded, last.failed) == (0, 0, 2, 1)
    assert last.requests == len(world.statuses)
    assert last.requests_left is not None
    assert last.eta_seconds == 0
    assert str(last).startswith("3/3 finished")
    for execution_id in ids:
        told = [u.change for u in updates if u.change and u.change.snapshot.id == execution_id]
        assert told[-1].kind == "job"
        assert told[-1].after.is_terminal
    assert {u.totals.total for u in updates} <= {1, 2, 3}


@settings(max_examples=40)
@given(
    st.lists(st.floats(0, 900), min_size=1, max_size=60),
    st.dictionaries(st.integers(0, 300), st.sampled_from([None, "1", "30"]), max_size=10),
    st.integers(1, 50),
    st.sampled_from([30.0, 200.0, 600.0]),
)
def test_whatever_happens_the_rate_limit_holds_and_everybody_is_found(
    lengths: list[float], refusals: dict[int, str | None], concurrency: int, limit: float
) -> None:
    world = World(limit, limit=None)

    looks = itertools.count()

    def refuse(_request: object, _number: int) -> Fault | None:
        poll = next(looks)
        if poll not in refusals:
            return None
        asked = refusals[poll]
        return Fault.status(429, headers={"Retry-After": asked} if asked else {})

    world.simulator.inject_with(refuse)
    ids = world.start(*lengths)
    outcomes = list(world.client.executions.as_completed(ids, concurrency=concurrency))
    assert sorted(o.id for o in outcomes) == sorted(ids)
    assert all(o.succeeded for o in outcomes)
    times = world.look_times
    assert times == sorted(times)
    for first, at in enumerate(times):
        assert bisect_left(times, at + 60) - first <= limit


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"concurrency": 0}, {"timeout": math.nan}])
def test_arguments_that_make_no_sense_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        World().client.executions.as_completed([1], **wrong)


# The same, async: over the same simulator, in process.


class AsyncWorld(World):
    """The same world with an async client."""

    def __init__(self, per_minute: float | None = 200, **options: Any) -> None:
        super().__init__(per_minute)
        self.asynchronous = AsyncDatalab(
            API_KEY,
            clock=self.clock,
            requests_per_minute=per_minute,
            http_client=httpx.AsyncClient(transport=SimulatorTransport(self.simulator)),
            **options,
        )


async def _ids(ids: Iterable[int], between: Callable[[], Any] = lambda: None) -> AsyncIterator[int]:
    for execution_id in ids:
        between()
        await asyncio.sleep(0)
        yield execution_id


@pytest.mark.parametrize("kind", ["list", "async"])
async def test_async_each_execution_has_an_outcome(kind: str) -> None:
    world = AsyncWorld()
    ids = world.start(*[float(n) for n in range(40)])
    given = ids if kind == "list" else _ids(ids)
    outcomes = [o async for o in world.asynchronous.executions.as_completed(given)]
    assert sorted(o.id for o in outcomes) == ids
    assert all(o.succeeded for o in outcomes)
    assert set(world.statuses) == {200}


async def test_async_wait_many_gives_all_in_the_order_of_the_ids() -> None:
    world = AsyncWorld()
    ids = world.start(30, 10, 20)
    for wanted in (ids, _ids(ids)):
        found = await world.asynchronous.executions.wait_many(wanted)
        assert [o.id for o in found] == ids


async def test_async_nobody_polls_any_more_for_what_is_abandoned() -> None:
    world = AsyncWorld()
    never, soon = world.start(1e6, 60)

    async def ids() -> AsyncIterator[int | Settled[str] | Abandoned[int]]:
        yield never
        yield soon
        await world.clock.sleep_async(30)
        yield Abandoned(never)
        yield Settled("known")

    events = [
        event
        async for event in world.asynchronous.executions._follow(
            ids(), None, 100, None, {}, changes=False
        )
    ]
    assert [event.value for event in events if isinstance(event, Settled)] == ["known"]
    outcomes = [e.outcome for e in events if isinstance(e, Update) and e.outcome is not None]
    assert [one.id for one in outcomes] == [soon]
    assert max(world.looks_at(never)) <= 30 < max(world.looks_at(soon))


async def test_async_what_is_abandoned_during_a_poll_is_over_at_once() -> None:
    world = AsyncWorld()
    [never] = world.start(1e6)
    world.simulator.inject(Fault.delay(20))

    async def ids() -> AsyncIterator[int | Abandoned[int]]:
        yield never
        await world.clock.sleep_async(5)
        yield Abandoned(never)

    follow = world.asynchronous.executions._follow(ids(), None, 100, None, {}, changes=False)
    assert [event async for event in follow] == []
    assert len(world.looks_at(never)) == 1


async def test_async_an_id_that_comes_after_the_deadline_is_not_asked_about() -> None:
    world = AsyncWorld()
    [late] = world.start(5)

    async def ids() -> AsyncIterator[int]:
        world.clock.advance(60)
        yield late
        raise AssertionError

    given = world.asynchronous.executions.as_completed(ids(), timeout=30)
    assert [one async for one in given] == []
    assert world.looks_at(late) == []


async def test_async_an_iterable_that_raises_half_way_is_told_and_nothing_goes_on() -> None:
    world = AsyncWorld()
    ids = world.start(1e6, 1e6)

    async def broken() -> AsyncIterator[int]:
        yield ids[0]
        await asyncio.sleep(0)
        raise LookupError("the list ends here")

    with pytest.raises(LookupError, match="the list ends here"):
        async for _ in world.asynchronous.executions.as_completed(broken()):
            pass
    assert len(asyncio.all_tasks()) == 1


async def test_async_leaving_early_leaves_nothing_behind() -> None:
    world = AsyncWorld()
    ids = world.start(5, 1e6, 1e6)
    outcomes = world.asynchronous.executions.as_completed(ids)
    assert (await anext(outcomes)).id == ids[0]
    await outcomes.aclose()
    assert len(asyncio.all_tasks()) == 1


async def test_async_a_bug_while_looking_is_raised_and_not_waited_for() -> None:
    world = AsyncWorld()
    [endless] = world.start(1e6)

    class Bug(BaseException):
        pass

    def bug(request: object, number: int) -> Fault | None:
        raise Bug

    world.simulator.inject_with(bug)
    with pytest.raises(Bug):
        async for _ in world.asynchronous.executions.as_completed([endless]):
            pass
    assert len(asyncio.all_tasks()) == 1


async def test_async_room_is_kept_and_all_are_found() -> None:
    world = AsyncWorld()
    ids = world.start(*[20.0] * 30)
    read: list[int] = []

    async def counted() -> AsyncIterator[int]:
        for execution_id in ids:
            read.append(execution_id)
            yield execution_id

    outcomes: list[Outcome[Execution, int]] = []
    async for outcome in world.asynchronous.executions.as_completed(counted(), concurrency=4):
        outcomes.append(outcome)
        assert len(read) <= len(outcomes) + 8
    assert len(outcomes) == 30


async def test_async_the_time_for_all_of_it_is_hard() -> None:
    world = AsyncWorld()
    ids = world.start(5, 1e9)
    found = await world.asynchronous.executions.wait_many(ids, timeout=30)
    assert found[0].succeeded
    assert isinstance(found[1].error, WaitTimeoutError)


async def test_async_a_watch_over_many_tells_totals() -> None:
    world = AsyncWorld()
    ids = world.start(10, 20)
    updates: list[Update[Execution, int]] = [
        u async for u in world.asynchronous.executions.watch_many(ids)
    ]
    assert updates[-1].totals.succeeded == 2
    assert any(u.change for u in updates)


async def test_a_loop_whose_requests_are_all_under_way_is_waited_for_until_the_deadline() -> None:
    clock = VirtualClock()
    simulator = Simulator(clock, API_KEY)
    execution_id = simulator.start(ExecutionScript([StepScript("p", ends=None)]))
    simulator.inject_always(Fault.hang())
    http = httpx.AsyncClient(transport=SimulatorTransport(simulator))
    async with AsyncDatalab(API_KEY, clock=clock, http_client=http) as client:
        [outcome] = await client.executions.wait_many([execution_id], timeout=30)
    assert isinstance(outcome.error, WaitTimeoutError)
    assert clock.monotonic() <= 31


@pytest.mark.parametrize("many", [1, 40])
async def test_the_time_for_all_of_it_is_hard_for_the_async_client_too(many: int) -> None:
    clock = VirtualClock()
    simulator = Simulator(clock, API_KEY)
    ids = [simulator.start(ExecutionScript([StepScript("p", ends=None)])) for _ in range(many)]
    http = httpx.AsyncClient(transport=SimulatorTransport(simulator))
    options: dict[str, Any] = {"http_client": http, "requests_per_minute": 10}
    async with AsyncDatalab(API_KEY, clock=clock, **options) as client:

        async def endless() -> AsyncIterator[int]:
            for execution_id in itertools.cycle(ids):
                yield execution_id

        outcomes = [
            outcome
            async for outcome in client.executions.as_completed(
                endless(), timeout=30, concurrency=many
            )
        ]
    assert len(outcomes) >= many
    assert all(isinstance(outcome.error, WaitTimeoutError) for outcome in outcomes)
    assert clock.monotonic() <= 31


def test_where_the_rate_limit_leaves_no_turn_before_the_deadline_all_have_timed_out_by_then(
    way: Way,
) -> None:
    simulator = new_simulator()
    ids = [simulator.start(ExecutionScript([StepScript("p", ends=None)])) for _ in range(3)]
    client = way.client(simulator, requests_per_minute=1)
    way.done(client.executions.get(ids[0]))
    simulator.requests.clear()
    began = simulator.clock.monotonic()
    outcomes = way.done(client.executions.wait_many(ids, timeout=30))
    assert [type(outcome.error) for outcome in outcomes] == [WaitTimeoutError] * 3
    assert 30 <= simulator.clock.monotonic() - began <= 31
    assert not simulator.requests
    way.done(client.close())


async def test_async_those_whose_turn_never_came_have_timed_out_after_all_of_the_time() -> None:
    world = AsyncWorld()
    ids = world.start(1e9, 1e9, 1e9)
    world.simulator.inject_always(Fault.hang())
    outcomes = await world.asynchronous.executions.wait_many(ids, timeout=10, concurrency=1)
    errors = [outcome.error for outcome in outcomes]
    assert [type(error) for error in errors] == [WaitTimeoutError] * 3
    assert "after 10.0 s of at most 10 s" in str(errors[2])
    assert world.looks_at(ids[2]) == []


async def test_async_what_is_abandoned_before_its_turn_takes_no_turn_from_others() -> None:
    world = AsyncWorld(per_minute=1)
    never, soon = world.start(1e6, 0)
    executions = world.asynchronous.executions
    await executions.get(soon)

    async def ids() -> AsyncIterator[int | Abandoned[int]]:
        yield never
        await world.clock.sleep_async(5)
        yield Abandoned(never)
        await world.clock.sleep_async(120)
        yield soon

    began = world.clock.monotonic()
    follow = executions._follow(ids(), None, 100, None, {}, changes=False)
    events = [event async for event in follow]
    outcomes = [e.outcome for e in events if isinstance(e, Update) and e.outcome is not None]
    assert [one.id for one in outcomes] == [soon]
    assert world.looks_at(never) == []
    assert world.clock.monotonic() - began < 190
