"""Processes that wait for executions which never end, under a rate limiter that they share."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from datalab_facade.rate_limiting.slot_queue import Pace
from datalab_facade.testing import ExecutionScript, Simulator, SimulatorServer, StepScript
from tests.heavy.conftest import until
from tests.secrets_for_tests import API_KEY

NEVER_ENDS = ExecutionScript([StepScript("parse", ends=None)])
PER_MINUTE = 1_200
# The pace of so many a minute leaves no six seconds with more than this.
IN_SIX_SECONDS = int(6 / Pace.of(PER_MINUTE).spacing) + Pace.of(PER_MINUTE).burst + 21

_WAITER = """
import asyncio, json, sys
from datalab_facade import AsyncDatalab, Datalab, WaitPolicy

arguments = json.loads(sys.argv[1])
if arguments.get("redis"):
    from datalab_facade.integrations.redis_rate_limiter import RedisRateLimiter

    options = {"rate_limiter": RedisRateLimiter(arguments["redis"], arguments["per_minute"])}
elif arguments.get("dask"):
    from distributed import Client
    from datalab_facade.integrations.dask_rate_limiter import DaskRateLimiter

    connected = Client(arguments["dask"])
    options = {"rate_limiter": DaskRateLimiter(arguments["per_minute"])}
else:
    options = {"requests_per_minute": arguments["per_minute"]}
wait = {
    "timeout": arguments["seconds"],
    "policy": WaitPolicy(min_interval=0.2, max_interval=0.2, max_retries=arguments["max_retries"]),
}

def blocking():
    with Datalab(arguments["key"], base_url=arguments["url"], **options) as client:
        return client.executions.wait_many(arguments["ids"], **wait)

async def asynchronous():
    async with AsyncDatalab(arguments["key"], base_url=arguments["url"], **options) as client:
        return await client.executions.wait_many(arguments["ids"], **wait)

outcomes = blocking() if arguments["how"] == "sync" else asyncio.run(asynchronous())
print(json.dumps([type(outcome.error).__name__ for outcome in outcomes]))
"""


@contextmanager
def served(*, limit: tuple[int, float] | None = None) -> Iterator[SimulatorServer]:
    with SimulatorServer(Simulator(api_key=API_KEY, rate_limit=limit)) as server:
        yield server


class Waiters:
    """Two such processes, one blocking, one async.

    Args:
        server: Where the executions are.
        rate_limiter: Where it is kept: ``{"redis": url}``, ``{"dask": address}``, or
            nothing for limiters of their own.
        seconds: How long they wait.
        max_retries: What their policies forgive.
    """

    def __init__(
        self,
        server: SimulatorServer,
        rate_limiter: Mapping[str, str],
        *,
        seconds: float,
        max_retries: int = 0,
    ) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self._seconds = seconds
        for how in ("sync", "async"):
            arguments: dict[str, Any] = {
                **rate_limiter,
                "how": how,
                "per_minute": PER_MINUTE,
                "seconds": seconds,
                "max_retries": max_retries,
                "key": API_KEY,
                "url": server.api_url,
                "ids": [server.simulator.start(NEVER_ENDS) for _ in range(40)],
            }
            command = [sys.executable, "-c", _WAITER, json.dumps(arguments)]
            self.children.append(subprocess.Popen(command, stdout=subprocess.PIPE))

    def outcomes(self) -> list[str]:
        answers = [child.communicate(timeout=self._seconds + 60)[0] for child in self.children]
        return [outcome for one in answers for outcome in json.loads(one)]

    def kill(self) -> None:
        for child in self.children:
            child.kill()
            child.communicate()


def statuses(server: SimulatorServer) -> list[int | None]:
    return [request.status for request in server.simulator.requests]


class Store(Protocol):
    """What keeps the limiter, and can be stopped and started."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


def check_what_an_outage_does(waiters: Waiters, server: SimulatorServer, store: Store) -> None:
    clock, requests = time.monotonic, server.simulator.requests
    until(lambda: len(requests) > 60)
    store.stop()
    lost = clock()
    until(lambda: clock() > lost + 6)
    store.start()
    back = clock()
    outcomes = waiters.outcomes()
    times = [request.at for request in requests]
    assert set(outcomes) == {"WaitTimeoutError"}
    assert 429 not in statuses(server)
    alone = [at for at in times if lost + 3 <= at < back]
    # Half of the limit, for both together, or less.
    assert 3 <= len(alone) <= 0.6 * PER_MINUTE * (back - lost - 3) / 60
    # All begin at half the speed.
    later = [at for at in times if back + 5 <= at < back + 8]
    assert len(later) >= 0.4 * PER_MINUTE * 3 / 60
