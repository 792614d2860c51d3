"""Time that passes only when someone lets it."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from datalab_facade.clock import Clock
from datalab_facade.testing import VirtualClock


def test_sleeping_takes_no_time(clock: VirtualClock) -> None:
    """A day passes on the clock and not outside."""
    begun = time.monotonic()
    as_clock: Clock = clock
    before = clock.now()
    as_clock.sleep(86_400)
    assert as_clock.monotonic() == 86_400
    assert as_clock.now() - before == timedelta(days=1)
    assert time.monotonic() - begun < 5


async def test_sleeping_gives_other_tasks_a_turn(clock: VirtualClock) -> None:
    """One turn for each sleep, and the time has passed before it."""
    seen: list[float] = []

    async def watcher() -> None:
        seen.append(clock.monotonic())

    task = asyncio.create_task(watcher())
    await clock.sleep_async(3)
    assert seen == [3]
    await task


def test_a_virtual_clock_begins_where_it_is_told() -> None:
    """At any aware moment, which comes out in UTC."""
    start = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    clock = VirtualClock(start)
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.now().utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_time_does_not_go_back(clock: VirtualClock) -> None:
    """As ``time.sleep`` refuses, and ``asyncio.sleep`` shrugs."""
    with pytest.raises(ValueError, match="zero seconds or more"):
        clock.sleep(-1)
    with pytest.raises(ValueError, match="zero seconds or more"):
        clock.advance(float("nan"))
    asyncio.run(clock.sleep_async(-1))
    assert clock.monotonic() == 0


def test_sleepers_in_several_threads_add_up(clock: VirtualClock) -> None:
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
