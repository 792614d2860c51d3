"""The clients and the simulator share one virtual clock, and hours pass at once."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from random import Random
from typing import Any

import pytest

from datalab_facade import APITimeoutError, ExecutionFailedError, WaitPolicy, WaitTimeoutError
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript, VirtualClock
from tests.in_process import NEVER_ENDS, asynchronous, blocking
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

HOUR = 3600.0


def one_that_ends(at: float) -> ExecutionScript:
    return ExecutionScript([StepScript("parse", ends=at)])


def an_hour_of_a_thousand(way: Way, seed: int) -> tuple[Simulator, list[Any]]:
    simulator = Simulator(VirtualClock(), API_KEY, rate_limit=(60, 60))
    ids = [simulator.start(one_that_ends(HOUR * n / 1000)) for n in range(1, 1001)]
    # With learning, each poll goes through all due executions, and that takes the time.
    client = way.client(
        simulator, requests_per_minute=60, duration_model=None, random=Random(seed).random
    )
    return simulator, way.collect(client.executions.as_completed(ids))


def test_an_hour_over_a_thousand_executions_takes_seconds(way: Way) -> None:
    """Polls take the time: here one a second."""
    begun = time.monotonic()
    simulator, outcomes = an_hour_of_a_thousand(way, 1)
    assert time.monotonic() - begun < 20
    assert len(outcomes) == 1000
    assert all(outcome.succeeded for outcome in outcomes)
    assert {request.status for request in simulator.requests} == {200}
    assert HOUR <= simulator.clock.monotonic() < HOUR * 1.5


def test_every_run_is_the_same_to_the_microsecond(way: Way) -> None:
    """With the same clock, the same script and the same chance."""

    def story() -> list[Any]:
        simulator = Simulator(VirtualClock(), API_KEY)
        ids = [simulator.start(one_that_ends(37.0 * n)) for n in range(1, 30)]
        simulator.inject(Fault.reset(), Fault.delay(3), Fault.status(429), Fault.truncate(9))
        client = way.client(simulator, random=Random(7).random)
        way.collect(client.executions.as_completed(ids))
        return [(request.at, request.path, request.status) for request in simulator.requests]

    first = story()
    assert len(first) > 100
    assert story() == first


def test_sixteen_threads_share_a_clock(simulator: Simulator, clock: VirtualClock) -> None:
    """Their waits overlap: together they take as long as the longest."""
    simulator.api_key = API_KEY
    client = blocking(simulator, random=Random(3).random)
    ids = [simulator.start(one_that_ends(60.0 * n)) for n in range(1, 17)]
    waits = [partial(client.executions.wait, one, timeout=1100) for one in ids]
    found = clock.run_threads(*waits)
    assert [execution.id for execution in found] == ids
    assert all(execution.succeeded for execution in found)
    assert 960 <= clock.monotonic() < 1020


async def test_async_waits_side_by_side_take_as_long_as_the_longest(
    simulator: Simulator, clock: VirtualClock
) -> None:
    simulator.api_key = API_KEY
    client = asynchronous(simulator)
    ids = [simulator.start(one_that_ends(60.0 * n)) for n in range(1, 17)]
    found = await asyncio.gather(*(client.executions.wait(one, timeout=1100) for one in ids))
    assert all(execution.succeeded for execution in found)
    assert 960 <= clock.monotonic() < 1020


async def test_one_that_fails_does_not_hold_up_a_group_of_tasks(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """The others are cancelled in their sleep, and time stands where it failed."""
    simulator.api_key = API_KEY
    client = asynchronous(simulator)
    failing = ExecutionScript([StepScript("parse", ends=100, outcome="FAILED")])

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for script in (NEVER_ENDS, failing, NEVER_ENDS):
                group.create_task(client.executions.result(simulator.start(script)))

    with pytest.raises(ExceptionGroup) as caught:
        await all_of_them()
    assert caught.group_contains(ExecutionFailedError)
    assert clock.monotonic() < 150


@pytest.mark.parametrize(
    "fault",
    [Fault.hang(), Fault.hang(after=10), Fault.delay(HOUR), Fault.slow(1, every=2)],
    ids=["hangs", "hangs in the body", "is slow", "drips"],
)
def test_a_deadline_holds_on_virtual_time(way: Way, fault: Fault) -> None:
    """Whatever comes too late, the wait is over in time, and no real time is spent."""
    simulator = Simulator(VirtualClock(), API_KEY)
    simulator.inject_always(fault)
    client = way.client(simulator)
    begun = time.monotonic()
    policy = WaitPolicy(max_retries=1000)
    with pytest.raises(WaitTimeoutError):
        way.done(client.executions.wait(simulator.start(NEVER_ENDS), timeout=600, policy=policy))
    assert 595 <= simulator.clock.monotonic() <= 602.5
    assert time.monotonic() - begun < 10


def test_a_single_poll_times_out_on_virtual_time(way: Way) -> None:
    simulator = Simulator(VirtualClock(), API_KEY)
    simulator.inject_always(Fault.hang())
    client = way.client(simulator, max_retries=0, request_timeout=7)
    with pytest.raises(APITimeoutError):
        way.done(client.executions.get(simulator.start(NEVER_ENDS)))
    assert simulator.clock.monotonic() == 7


async def test_hanging_answers_hold_each_other_up_no_longer_than_side_by_side(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """Ten polls that hang time out together."""
    simulator.api_key = API_KEY
    simulator.inject_always(Fault.hang())
    client = asynchronous(simulator, max_retries=0, request_timeout=30, requests_per_minute=None)
    ids = [simulator.start(NEVER_ENDS) for _ in range(10)]
    errors = await asyncio.gather(*map(client.executions.get, ids), return_exceptions=True)
    assert [type(error) for error in errors] == [APITimeoutError] * 10
    assert clock.monotonic() == 30
