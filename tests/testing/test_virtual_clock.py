"""Time that passes only when someone lets it."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from datalab_facade.clock import Clock
from datalab_facade.testing import VirtualClock, virtual_threads


def test_sleeping_takes_no_time(clock: VirtualClock) -> None:
    """A day passes on the clock and not outside."""
    begun = time.monotonic()
    as_clock: Clock = clock
    before = clock.now()
    as_clock.sleep(86_400)
    assert as_clock.monotonic() == 86_400
    assert as_clock.now() - before == timedelta(days=1)
    assert time.monotonic() - begun < 5


def test_a_virtual_clock_begins_at_its_start() -> None:
    """At any aware moment, which comes out in UTC."""
    start = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    clock = VirtualClock(start)
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.now().utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_time_passes_by_what_can_pass(clock: VirtualClock, seconds: float) -> None:
    with pytest.raises(ValueError, match="zero or more"):
        clock.sleep(seconds)
    with pytest.raises(ValueError, match="zero or more"):
        clock.advance(seconds)
    assert clock.monotonic() == 0


async def test_async_sleep_takes_what_asyncio_takes(clock: VirtualClock) -> None:
    """A negative duration counts as zero; NaN is refused."""
    await clock.sleep_async(-1)
    await clock.sleep_async(0)
    with pytest.raises(ValueError, match="zero or more"):
        await clock.sleep_async(float("nan"))
    assert clock.monotonic() == 0


# Tasks of one event loop.


async def test_tasks_sleep_side_by_side(clock: VirtualClock) -> None:
    """Two that sleep a minute each make it one minute later."""
    await asyncio.gather(clock.sleep_async(60), clock.sleep_async(60))
    assert clock.monotonic() == 60


async def test_tasks_wake_in_the_order_of_time_and_then_of_falling_asleep(
    clock: VirtualClock,
) -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep_async(nap)
            woken.append((name, clock.monotonic()))

    await asyncio.gather(sleeper("a", 3, 3), sleeper("b", 1, 1, 1), sleeper("c", 2))
    assert woken == [("b", 1), ("c", 2), ("b", 2), ("a", 3), ("b", 3), ("a", 6)]


async def test_time_stands_still_while_anybody_can_run(clock: VirtualClock) -> None:
    """However many iterations of the loop it takes."""
    seen: list[float] = []

    async def worker() -> None:
        for _ in range(500):
            await asyncio.sleep(0)
        seen.append(clock.monotonic())

    await asyncio.gather(clock.sleep_async(1), worker(), worker())
    assert seen == [0, 0]


async def test_what_a_socket_already_brought_is_heard_before_time_passes(
    clock: VirtualClock,
) -> None:
    """The loop checks its sockets once more before the jump."""
    here, there = socket.socketpair()
    heard_at: list[float] = []

    async def listens() -> None:
        await asyncio.get_running_loop().sock_recv(here, 1)
        heard_at.append(clock.monotonic())

    async def sends() -> None:
        there.send(b"x")

    with here, there:
        here.setblocking(False)
        await asyncio.gather(listens(), clock.sleep_async(5), sends())
    assert heard_at == [0]
    assert clock.monotonic() == 5


async def test_a_cancelled_sleep_does_not_move_time(clock: VirtualClock) -> None:
    long = asyncio.create_task(clock.sleep_async(10))
    longer = asyncio.create_task(clock.sleep_async(20))
    await asyncio.sleep(0)
    long.cancel()
    await longer
    assert long.cancelled()
    alone = asyncio.create_task(clock.sleep_async(1000))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.sleep(0.01)
    assert clock.monotonic() == 20


async def test_advancing_wakes_those_whose_time_has_come(clock: VirtualClock) -> None:
    """All of them, at the new time."""
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep_async(seconds)
        woken.append(clock.monotonic())

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (1, 2, 30)]
    await asyncio.sleep(0)
    clock.advance(10)
    await asyncio.gather(*tasks)
    assert woken == [10, 10, 30]


async def test_a_sleep_without_end_is_only_left_by_cancelling(clock: VirtualClock) -> None:
    """As with asyncio's own; time does not jump to infinity."""
    endless = asyncio.create_task(clock.sleep_async(float("inf")))
    await clock.sleep_async(3600)
    assert not endless.done()
    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless
    assert clock.monotonic() == 3600


async def test_a_real_timeout_around_a_virtual_sleep_changes_nothing(clock: VirtualClock) -> None:
    async with asyncio.timeout(20):
        await clock.sleep_async(86_400)
    assert clock.monotonic() == 86_400


def test_a_clock_outlives_event_loops(clock: VirtualClock) -> None:
    """Sleepers of a loop that ended are forgotten with it."""

    async def leaves_one_asleep() -> None:
        clock.monotonic()
        asyncio.ensure_future(clock.sleep_async(1e6)).add_done_callback(lambda _: None)
        await clock.sleep_async(1)

    for _ in range(3):
        asyncio.run(leaves_one_asleep())
    assert clock.monotonic() == 3


class _Blind(asyncio.SelectorEventLoop):
    """A loop that does not show what is ready, as those written in C do not."""

    def __getattribute__(self, name: str) -> Any:
        if name == "_ready" and not _inside_asyncio():
            raise AttributeError(name)
        return super().__getattribute__(name)


def _inside_asyncio() -> bool:
    return str(sys._getframe(2).f_globals["__name__"]).startswith("asyncio")


def test_an_event_loop_that_hides_what_is_ready_will_do(clock: VirtualClock) -> None:
    """It gets many iterations instead."""
    seen: list[float] = []

    async def worker() -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        seen.append(clock.monotonic())

    async def both() -> None:
        await asyncio.gather(clock.sleep_async(60), clock.sleep_async(60), worker())

    with asyncio.Runner(loop_factory=_Blind) as runner:
        runner.run(both())
    assert (seen, clock.monotonic()) == ([0], 60)


def test_virtual_time_rests_on_a_name_that_asyncio_still_has() -> None:
    with asyncio.Runner() as runner:
        assert len(runner.get_loop()._ready) == 0  # type: ignore[attr-defined]


# Threads.


def test_sleepers_in_threads_that_the_clock_does_not_know_add_up(clock: VirtualClock) -> None:
    """No second is lost."""

    def sleeper() -> None:
        for _ in range(1000):
            clock.sleep(1)

    threads = [threading.Thread(target=sleeper) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.monotonic() == 4000


def test_threads_run_by_the_clock_sleep_side_by_side(clock: VirtualClock) -> None:
    """And in the same order on every run."""
    runs: list[list[tuple[str, float]]] = []
    for _ in range(5):
        fresh, woken = VirtualClock(), list[tuple[str, float]]()

        def sleeper(
            name: str, clock: VirtualClock, woken: list[tuple[str, float]], *naps: float
        ) -> Callable[[], str]:
            def sleep() -> str:
                for nap in naps:
                    clock.sleep(nap)
                    woken.append((name, clock.monotonic()))
                return name

            return sleep

        results = fresh.run_threads(
            sleeper("a", fresh, woken, 3, 3),
            sleeper("b", fresh, woken, 1, 1, 1),
            sleeper("c", fresh, woken, 2),
        )
        assert results == ["a", "b", "c"]
        runs.append(woken)
    assert runs == [[("b", 1), ("c", 2), ("b", 2), ("a", 3), ("b", 3), ("a", 6)]] * 5


def test_a_thread_that_the_clock_does_not_know_sleeps_beside_those_that_it_runs(
    clock: VirtualClock,
) -> None:
    def begins_another() -> float:
        other = threading.Thread(target=lambda: clock.sleep(5))
        other.start()
        other.join()
        return clock.monotonic()

    assert clock.run_threads(begins_another) == [5]


def test_sixteen_threads_leave_no_thread_behind(clock: VirtualClock) -> None:
    before = set(threading.enumerate())

    def sleeper() -> None:
        for _ in range(100):
            clock.sleep(36)

    clock.run_threads(*[sleeper] * 16)
    assert clock.monotonic() == 3600
    assert set(threading.enumerate()) == before


def test_event_loops_in_threads_alternate_too(clock: VirtualClock) -> None:
    seen: list[float] = []

    async def sleeps(seconds: float) -> None:
        for _ in range(3):
            await asyncio.gather(clock.sleep_async(seconds), clock.sleep_async(seconds))
            seen.append(clock.monotonic())

    def in_loop(coroutine: Coroutine[None, None, None]) -> Callable[[], None]:
        return lambda: asyncio.run(coroutine)

    clock.run_threads(in_loop(sleeps(10)), in_loop(sleeps(15)))
    assert seen == [10, 15, 20, 30, 30, 45]


def test_an_error_in_a_thread_is_raised_when_all_have_ended(clock: VirtualClock) -> None:
    def fails() -> None:
        clock.sleep(1)
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        clock.run_threads(fails, lambda: clock.sleep(60), fails)
    assert clock.monotonic() == 60
    assert clock.run_threads(clock.monotonic) == [60]
    assert clock.run_threads() == []


def test_threads_are_not_run_within_threads(clock: VirtualClock) -> None:
    with pytest.raises(RuntimeError, match="already running threads"):
        clock.run_threads(lambda: clock.run_threads(clock.monotonic))


def test_a_thread_that_waits_for_another_is_reported(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can wait for nothing but time: the others do not run."""
    monkeypatch.setattr(virtual_threads, "_STALL_SECONDS", 0.05)
    set_later = threading.Event()

    def sets() -> None:
        clock.sleep(1)
        set_later.set()

    with pytest.raises(RuntimeError, match="datalab-virtual-0 has neither slept"):
        clock.run_threads(lambda: set_later.wait(20), sets)
    set_later.set()
