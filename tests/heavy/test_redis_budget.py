"""One budget for several processes, kept by a real Redis that comes and goes."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from datalab_facade import ConfigurationError, Datalab
from datalab_facade.integrations.redis_budget import RedisBudget, RedisBudgetStore
from datalab_facade.pacing.leasing import Ask, Brake, Ledger, Pace, StoreLost
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Simulator,
    SimulatorServer,
    StepScript,
)
from tests.conftest import leaks_in
from tests.heavy.conftest import RedisServer
from tests.secrets_for_tests import API_KEY, COOKIE

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]

NEVER_ENDS = ExecutionScript([StepScript("parse", ends=None)])
PER_MINUTE = 1_200
# The pace of so many a minute leaves no six seconds with more than this.
IN_SIX_SECONDS = int(6 / Pace.of(PER_MINUTE).spacing) + Pace.of(PER_MINUTE).at_once + 21

_WAITER = """
import asyncio, json, sys
from datalab_facade import AsyncDatalab, Datalab, WaitPolicy
from datalab_facade.integrations.redis_budget import RedisBudget

told = json.loads(sys.argv[1])
budget = RedisBudget(told["redis"], told["per_minute"]) if told["redis"] else None
options = {"budget": budget} if budget else {"requests_per_minute": told["per_minute"]}
wait = {
    "timeout": told["seconds"],
    "policy": WaitPolicy(interval=0.2, max_interval=0.2, max_faults=told["max_faults"]),
}

def blocking():
    with Datalab(told["key"], base_url=told["url"], **options) as client:
        return client.executions.wait_many(told["ids"], **wait)

async def asynchronous():
    async with AsyncDatalab(told["key"], base_url=told["url"], **options) as client:
        return await client.executions.wait_many(told["ids"], **wait)

outcomes = blocking() if told["how"] == "sync" else asyncio.run(asynchronous())
print(json.dumps([type(outcome.error).__name__ for outcome in outcomes]))
"""


@contextmanager
def served(*, limit: tuple[int, float] | None = None) -> Iterator[SimulatorServer]:
    with SimulatorServer(Simulator(api_key=API_KEY, rate_limit=limit)) as server:
        yield server


class Waiters:
    """Processes that wait for executions which never end, one blocking, one async."""

    def __init__(
        self,
        server: SimulatorServer,
        redis_url: str | None,
        *,
        seconds: float,
        max_faults: int = 0,
    ) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self._seconds = seconds
        for how in ("sync", "async"):
            told: dict[str, Any] = {
                "how": how,
                "redis": redis_url,
                "per_minute": PER_MINUTE,
                "seconds": seconds,
                "max_faults": max_faults,
                "key": API_KEY,
                "url": server.api_url,
                "ids": [server.simulator.start(NEVER_ENDS) for _ in range(40)],
            }
            command = [sys.executable, "-c", _WAITER, json.dumps(told)]
            self.children.append(subprocess.Popen(command, stdout=subprocess.PIPE))

    def outcomes(self) -> list[str]:
        told = [child.communicate(timeout=self._seconds + 60)[0] for child in self.children]
        return [outcome for one in told for outcome in json.loads(one)]


def statuses(server: SimulatorServer) -> list[int | None]:
    return [request.status for request in server.simulator.requests]


def test_two_processes_that_share_a_budget_see_no_429(redis_server: RedisServer) -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        outcomes = Waiters(server, redis_server.url, seconds=12).outcomes()
        seen = statuses(server)
    assert set(outcomes) == {"WaitTimedOut"}
    assert 429 not in seen
    # And they get nearly all there is.
    assert len(seen) >= 0.8 * PER_MINUTE * 12 / 60


def test_two_processes_with_budgets_of_their_own_do_see_429() -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        Waiters(server, None, seconds=8, max_faults=10).outcomes()
        assert 429 in statuses(server)


def test_redis_may_stop_and_start_meanwhile(redis_server: RedisServer) -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        waiters = Waiters(server, redis_server.url, seconds=25)
        clock, requests = time.monotonic, server.simulator.requests
        _until(lambda: len(requests) > 60)
        redis_server.stop()
        lost = clock()
        time.sleep(8)
        redis_server.start()
        back = clock()
        outcomes = waiters.outcomes()
        times = [request.at for request in requests]
        seen = statuses(server)
    assert set(outcomes) == {"WaitTimedOut"}
    assert 429 not in seen
    alone = [at for at in times if lost + 3 <= at < back]
    # Half of the limit, for both together, or less.
    assert 3 <= len(alone) <= 0.6 * PER_MINUTE * (back - lost - 3) / 60
    # All begin at half the speed.
    later = [at for at in times if back + 8 <= at < back + 11]
    assert len(later) >= 0.4 * PER_MINUTE * 3 / 60


def test_a_refusal_that_one_process_sees_slows_down_both(redis_server: RedisServer) -> None:
    with served() as server:
        waiters = Waiters(server, redis_server.url, seconds=16, max_faults=10)
        requests = server.simulator.requests
        _until(lambda: len(requests) > 60)
        server.simulator.fault_next(Fault.status(429, headers={"Retry-After": "6"}))
        _until(lambda: 429 in statuses(server))
        [refused] = [request.at for request in requests if request.status == 429]
        outcomes = waiters.outcomes()
        times = [request.at for request in requests]
    assert set(outcomes) == {"WaitTimedOut"}
    assert not [at for at in times if refused + 3.5 <= at < refused + 5.9]
    after = [at for at in times if refused + 6 <= at < refused + 8]
    assert 1 <= len(after) <= 0.75 * PER_MINUTE * 2 / 60


def _until(holds: Any) -> None:
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to hold")


def test_redis_is_asked_for_several_places_at_a_time(redis_server: RedisServer) -> None:
    with served() as server:
        execution_id = server.simulator.start(NEVER_ENDS)
        budget = RedisBudget(redis_server.url, 1_200)
        with Datalab(API_KEY, base_url=server.api_url, budget=budget) as client:
            for _ in range(120):
                client.executions.get(execution_id)
    with redis.Redis(port=redis_server.port) as client_of_redis:
        told = client_of_redis.info("commandstats")
    assert isinstance(told, dict)
    scripts = sum(
        told.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval")
    )
    assert scripts <= 50


def test_threads_of_one_process_share_one_budget(
    redis_server: RedisServer,
) -> None:
    with served() as server:
        execution_id = server.simulator.start(NEVER_ENDS)
        budget = RedisBudget(redis_server.url, 600)
        with Datalab(API_KEY, base_url=server.api_url, budget=budget) as client:
            threads = [
                threading.Thread(
                    target=lambda: [client.executions.get(execution_id) for _ in range(10)]
                )
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(server.simulator.requests) == 40
        assert budget.left(time.monotonic()) <= 560


def test_redis_and_a_ledger_in_memory_keep_the_same_queue(redis_server: RedisServer) -> None:
    store, ledger = RedisBudgetStore(redis_server.url, name="same"), Ledger()
    pace = Pace.of(200)
    counts = [1, 3, 2, 4, 1, 6, 2]
    kept = [store.lease(Ask("a", count, pace)) for count in counts]
    like = [ledger.lease(Ask("a", count, pace), 0.0) for count in counts]
    for one, other in zip(kept, like, strict=True):
        assert one.places == pytest.approx(other.places, abs=0.1)
        assert one.retry == pytest.approx(other.retry, abs=0.1)
    assert any(not reply.places for reply in kept)


def test_a_brake_is_kept_until_it_is_over_and_the_longer_one_holds(
    redis_server: RedisServer,
) -> None:
    store, pace = RedisBudgetStore(redis_server.url, name="brake"), Pace.of(200)
    store.brake(Brake(30.0, 60.0))
    store.brake(Brake(1.0, 30.0))
    reply = store.lease(Ask("a", 1, pace))
    assert reply.places == ()
    assert reply.retry == pytest.approx(30, abs=0.5)
    other = RedisBudgetStore(redis_server.url, name="another")
    assert other.lease(Ask("a", 1, pace)).places == (0.0,)
    other.brake(Brake(0.0, 60.0))
    slow = other.lease(Ask("b", 2, pace))
    assert slow.members == 2
    assert slow.places[1] - slow.places[0] == pytest.approx(4 * pace.spacing, rel=0.05)


def test_at_the_lowest_speed_there_is_still_a_place(redis_server: RedisServer) -> None:
    store, pace = RedisBudgetStore(redis_server.url, name="slow"), Pace.of(200)
    store.brake(Brake(0.0, 130.0))
    first = store.lease(Ask("a", 1, pace))
    assert first.places
    second = store.lease(Ask("a", 1, pace))
    assert second.places or 0 < second.retry < 30 * pace.spacing


def test_a_redis_that_is_not_there_is_lost_and_its_password_is_told_to_nobody() -> None:
    url = f"redis://user:{COOKIE}@127.0.0.1:1/0"
    with pytest.raises(StoreLost, match=r"redis://127\.0\.0\.1:1/0") as caught:
        RedisBudgetStore(url, name="x").lease(Ask("a", 1, Pace.of(60)))
    assert not leaks_in(str(caught.value) + repr(RedisBudget(url)))


def test_a_budget_on_redis_pickles(redis_server: RedisServer) -> None:
    budget = pickle.loads(pickle.dumps(RedisBudget(redis_server.url, 60, name="a")))
    assert repr(budget) == f"RedisBudget({redis_server.url!r}, 60, 'a')"
    assert budget.requests_per_minute == 60


@pytest.mark.parametrize("wrong", ["localhost:6379", "http://localhost", ""])
def test_what_is_no_address_of_redis_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="redis://"):
        RedisBudget(wrong)


@pytest.mark.parametrize("wrong", [0.0, 1.5, -1.0])
def test_a_share_that_makes_no_sense_is_refused(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match="fallback_share"):
        RedisBudget("redis://localhost", fallback_share=wrong)
