"""Many who wait for executions in one event loop share one client, and so one rate limiter."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from datalab_facade import (
    AsyncDatalab,
    AuthenticationError,
    InvalidArgumentError,
    NotFoundError,
)
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.integrations.airflow.kind_waits import JobOutcome
from datalab_facade.integrations.airflow.settings import ConnectionSettings
from datalab_facade.integrations.airflow.waits import SharedWaits, shared_waits
from datalab_facade.models import JSON
from datalab_facade.testing import DocumentScript, ExecutionScript, Simulator, VirtualClock
from tests.in_process import FAILS, NEVER_ENDS, SOON, asynchronous
from tests.secrets_for_tests import API_KEY

ORIGIN = "https://www.datalab.to"


def handle_of(execution_id: int, origin: str = ORIGIN) -> dict[str, JSON]:
    return {"version": 1, "kind": "execution", "id": execution_id, "origin": origin}


def id_of(handle: dict[str, JSON]) -> int:
    return int(str(handle["id"]))


class World:
    """A simulator on virtual time, and the waits of one connection to it."""

    def __init__(self, per_minute: float = 200, **options: Any) -> None:
        self.clock = VirtualClock()
        self.simulator = Simulator(self.clock, API_KEY, rate_limit=(int(per_minute), 60.0))
        self.settings = ConnectionSettings(API_KEY, requests_per_minute=per_minute)
        self.read = 0
        self.opened = 0
        self.waits = SharedWaits(self.read_settings, open_client=self.open_client, **options)

    async def read_settings(self) -> ConnectionSettings:
        self.read += 1
        return self.settings

    def open_client(self, settings: ConnectionSettings) -> AsyncDatalab:
        self.opened += 1
        return asynchronous(
            self.simulator,
            api_key=settings.api_key,
            base_url=settings.base_url,
            requests_per_minute=settings.requests_per_minute,
        )

    def start(self, *scripts: ExecutionScript) -> list[dict[str, JSON]]:
        return [handle_of(self.simulator.start(script)) for script in scripts]

    async def outcomes(self, *handles: dict[str, JSON]) -> list[JobOutcome]:
        return await asyncio.gather(*(self.waits.outcome(handle) for handle in handles))

    async def until(self, moment: float) -> None:
        await self.clock.sleep_async(moment - self.clock.monotonic())

    @property
    def looks(self) -> Counter[int]:
        return Counter(int(one.path.rpartition("/")[2]) for one in self.simulator.requests)


async def test_each_wait_gets_its_own_outcome() -> None:
    world = World()
    handles = [*world.start(SOON, FAILS), handle_of(99)]
    done, failed, unknown = await world.outcomes(*handles)
    assert done.succeeded
    assert failed.snapshot is not None
    assert failed.snapshot.status == "FAILED"
    assert isinstance(unknown.error, NotFoundError)


async def test_hundreds_of_waits_use_one_client_and_stay_within_its_rate_limit() -> None:
    world = World()
    outcomes = await world.outcomes(*world.start(*[SOON] * 300))
    assert all(outcome.succeeded for outcome in outcomes)
    assert (world.opened, world.read) == (1, 1)
    assert {one.status for one in world.simulator.requests} == {200}


async def test_two_waits_for_one_execution_share_its_looks() -> None:
    alone, both = World(), World()
    [handle] = alone.start(SOON)
    await alone.outcomes(handle)
    [handle] = both.start(SOON)
    first, second = await both.outcomes(handle, handle)
    assert first == second
    assert both.looks.total() <= alone.looks.total() + 2


async def test_a_wait_that_is_cancelled_leaves_the_others_alone() -> None:
    world = World()
    never, soon = world.start(NEVER_ENDS, SOON)
    given_up = asyncio.create_task(world.waits.outcome(never))
    kept = asyncio.create_task(world.waits.outcome(soon))
    await world.until(60)
    given_up.cancel()
    assert (await kept).succeeded
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_an_execution_that_nobody_waits_for_any_more_costs_no_request() -> None:
    world = World()
    [*given_up, kept] = world.start(*[NEVER_ENDS] * 4)
    waiting = [asyncio.create_task(world.waits.outcome(one)) for one in [*given_up, kept]]
    again = asyncio.create_task(world.waits.outcome(given_up[0]))
    await world.until(60)
    for task in waiting[:-1]:
        task.cancel()
    await asyncio.wait(waiting[:-1])
    await world.until(61)
    before = world.looks
    await world.until(3_000)
    more = world.looks - before
    assert more.keys() == {id_of(given_up[0]), id_of(kept)}
    again.cancel()
    await asyncio.wait([again])
    await world.until(3_001)
    before = world.looks
    await world.until(6_000)
    assert (world.looks - before).keys() == {id_of(kept)}
    [late] = world.start(SOON)
    assert (await world.waits.outcome(late)).succeeded
    waiting[-1].cancel()


async def test_an_execution_that_was_given_up_can_be_waited_for_again_at_once() -> None:
    world = World()
    [handle, other] = world.start(SOON, NEVER_ENDS)
    kept = asyncio.create_task(world.waits.outcome(other))
    given_up = asyncio.create_task(world.waits.outcome(handle))
    await world.until(60)
    given_up.cancel()
    await asyncio.wait([given_up])
    assert (await world.waits.outcome(handle)).succeeded
    kept.cancel()


async def test_a_wait_goes_on_beyond_its_lease() -> None:
    world = World(lease=60)
    [outcome] = await world.outcomes(*world.start(SOON))
    assert outcome.succeeded
    assert world.clock.monotonic() >= 300


async def test_the_rate_limiter_outlives_a_pause_between_two_waits() -> None:
    world = World(per_minute=10)
    for _ in range(30):
        [handle] = world.start(ExecutionScript([]))
        await world.waits.outcome(handle)
    assert world.opened == 1
    assert {one.status for one in world.simulator.requests} == {200}


async def test_the_client_is_closed_when_nobody_has_come_for_a_while() -> None:
    idle: list[bool] = []
    world = World(linger=0.01, on_idle=lambda: idle.append(True))
    await world.outcomes(*world.start(SOON))
    async with asyncio.timeout(10):
        while not idle:  # noqa: ASYNC110 - it is told by a plain function
            await asyncio.sleep(0.005)
    await world.outcomes(*world.start(SOON))
    assert (world.opened, world.read) == (2, 2)


async def test_whoever_comes_while_the_client_is_given_up_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    linger, timeout = 0.01, asyncio.timeout
    world = World(linger=linger)
    [handle] = world.start(SOON)
    late: list[asyncio.Task[JobOutcome]] = []

    @asynccontextmanager
    async def ending() -> AsyncIterator[None]:
        async with timeout(linger):
            try:
                yield
            except asyncio.CancelledError:
                # Its time is up, and nobody has seen that yet.
                late.append(asyncio.create_task(world.waits.outcome(handle)))
                while world.read < 2:  # noqa: ASYNC110 - he has come when the settings are read
                    await asyncio.sleep(0)
                raise

    def end(seconds: float | None) -> AbstractAsyncContextManager[object]:
        return ending() if seconds == linger and not late else timeout(seconds)

    monkeypatch.setattr(asyncio, "timeout", end)
    await world.outcomes(*world.start(SOON))
    async with timeout(10):
        while not late:  # noqa: ASYNC110 - it comes by a timer
            await asyncio.sleep(0.005)
        outcome = await late[0]
    assert outcome.snapshot is not None
    assert outcome.snapshot.is_terminal


async def test_a_key_that_is_replaced_is_taken_over_by_those_who_wait() -> None:
    world = World()
    waiting = asyncio.create_task(world.outcomes(*world.start(*[SOON] * 5)))
    await world.until(60)
    world.simulator.api_key = "another-key"
    world.settings = ConnectionSettings("another-key")
    assert all(outcome.succeeded for outcome in await waiting)
    assert world.opened == 2


async def test_a_key_that_is_refused_and_not_replaced_ends_the_waits() -> None:
    world = World()
    world.simulator.api_key = "another-key"
    for outcome in await world.outcomes(*world.start(SOON, SOON)):
        assert isinstance(outcome.error, AuthenticationError)


async def test_a_key_that_is_refused_is_asked_about_once_for_all_who_wait() -> None:
    world = World()
    world.simulator.api_key = "another-key"
    handles = world.start(*[SOON] * 300)
    for outcome in await world.outcomes(*handles):
        assert isinstance(outcome.error, AuthenticationError)
    assert world.looks.total() == 1
    [later] = await world.outcomes(handles[0])
    assert isinstance(later.error, AuthenticationError)
    assert world.looks.total() == 1
    world.settings = ConnectionSettings("another-key")
    [outcome] = await world.outcomes(handles[0])
    assert outcome.succeeded


async def test_a_key_that_is_refused_in_the_middle_ends_all_waits_after_few_polls() -> None:
    world = World()
    waiting = asyncio.create_task(world.outcomes(*world.start(*[NEVER_ENDS] * 100)))
    await world.until(120)
    world.simulator.api_key = "another-key"
    before = world.looks.total()
    assert all(isinstance(one.error, AuthenticationError) for one in await waiting)
    assert world.looks.total() - before < 20


async def test_whoever_comes_after_an_edit_of_the_connection_has_its_new_host_and_key() -> None:
    world = World()
    kept = asyncio.create_task(world.waits.outcome(*world.start(NEVER_ENDS)))
    await world.until(60)
    first = world.simulator
    world.simulator = Simulator(world.clock, "of-another-team", api_origin="https://b.example")
    world.settings = ConnectionSettings("of-another-team", "https://b.example")
    [soon] = world.start(SOON)
    [outcome] = await world.outcomes({**soon, "origin": "https://b.example"})
    assert outcome.succeeded
    assert world.opened == 2
    assert not kept.done()
    before = len(first.requests)
    await world.until(world.clock.monotonic() + 600)
    assert len(first.requests) > before
    kept.cancel()


async def test_all_who_wait_take_over_the_limits_of_an_edited_connection() -> None:
    world = World()
    kept = [
        asyncio.create_task(world.waits.outcome(one)) for one in world.start(*[NEVER_ENDS] * 20)
    ]
    await world.until(120)
    world.settings = ConnectionSettings(API_KEY, requests_per_minute=6)
    assert (await world.waits.outcome(*world.start(ExecutionScript([])))).succeeded
    await world.until(world.clock.monotonic() + 60)
    before = world.looks.total()
    await world.until(world.clock.monotonic() + 600)
    assert world.looks.total() - before <= 66
    assert world.opened == 2
    for one in kept:
        one.cancel()


async def test_jobs_of_all_kinds_are_waited_for_together() -> None:
    world = World()
    [execution] = world.start(SOON)
    document = world.simulator.documents.start(DocumentScript(), endpoint="convert")
    pipeline = world.simulator.pipelines.create([{"type": "convert", "settings": {}}])
    async with world.open_client(world.settings) as client:
        run = await client.pipelines.run(pipeline, "https://a.example/1.pdf")
        request = client.documents.handle(f"convert/{document}")
        handles = [execution, request.to_dict(), run.to_dict()]
    outcomes = await world.outcomes(*handles)
    assert all(outcome.succeeded for outcome in outcomes)
    events = [WaitEvent.of(*pair) for pair in zip(handles, outcomes, strict=True)]
    assert {event.status for event in events} == {"COMPLETED"}
    assert [event.to_result()["job_id"] for event in events] == [one["id"] for one in handles]
    assert world.opened == 2


async def test_a_document_that_failed_has_a_problem_and_its_task_no_retry() -> None:
    world = World()
    failed = world.simulator.documents.start(DocumentScript(error="no pages"), endpoint="convert")
    async with world.open_client(world.settings) as client:
        handle = client.documents.handle(f"convert/{failed}").to_dict()
    [outcome] = await world.outcomes(handle)
    event = WaitEvent.of(handle, outcome)
    assert "no pages" in str(event.problem)
    assert event.is_final(retry_failed=False)
    assert not event.is_final(retry_failed=True)


async def test_a_kind_of_job_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgumentError, match="of the kind 'parcel'"):
        await World().waits.outcome({**handle_of(1), "kind": "parcel"})


async def test_a_handle_of_another_host_is_refused_and_the_others_go_on() -> None:
    world = World()
    elsewhere = asyncio.create_task(world.waits.outcome(handle_of(1, "https://b.example")))
    [outcome] = await world.outcomes(*world.start(SOON))
    assert outcome.succeeded
    with pytest.raises(InvalidArgumentError, match=r"at https://b\.example, but this client talks"):
        await elsewhere


async def test_a_connection_that_cannot_be_read_is_told_to_all_who_wait() -> None:
    async def read() -> ConnectionSettings:
        raise KeyError("no such connection")

    waits = SharedWaits(read)
    told = await asyncio.gather(
        waits.outcome(handle_of(1)), waits.outcome(handle_of(2)), return_exceptions=True
    )
    assert [type(error) for error in told] == [KeyError, KeyError]


def test_a_loop_that_is_over_is_forgotten() -> None:
    world = World()
    [handle] = world.start(SOON)

    async def wait() -> weakref.ref[asyncio.AbstractEventLoop]:
        waits = shared_waits("id", world.read_settings, open_client=world.open_client)
        assert shared_waits("id", world.read_settings) is waits
        assert shared_waits("other", world.read_settings) is not waits
        assert (await waits.outcome(handle)).succeeded
        return weakref.ref(asyncio.get_running_loop())

    with asyncio.Runner() as runner:
        loop = runner.run(wait())
    del runner
    gc.collect()
    assert loop() is None


async def test_an_event_tells_in_plain_json_how_it_ended_without_a_url() -> None:
    world = World()
    handles = world.start(SOON, FAILS)
    done, failed = [
        WaitEvent.of(handle, outcome)
        for handle, outcome in zip(handles, await world.outcomes(*handles), strict=True)
    ]
    assert done.to_dict() == {
        "handle": handles[0],
        "status": "COMPLETED",
        "partially_failed": False,
        "problem": None,
        "kind": None,
        "permanent": False,
    }
    assert (failed.status, failed.kind) == ("FAILED", None)
    assert failed.problem is not None
    assert "no pages" in failed.problem
    assert WaitEvent.from_dict(failed.to_dict()) == failed
