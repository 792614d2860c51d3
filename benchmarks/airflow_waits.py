"""What :mod:`benchmarks.deferred` measures if Airflow is installed.

The triggers run in Airflow's own trigger runner, with neither its database nor its
supervisor; what they wait for is the simulator, which allows so many requests a minute
and refuses the others. Memory is measured when each execution has been polled.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import tempfile
import tracemalloc
from bisect import bisect_right
from random import Random

import attrs
import httpx
import structlog

from datalab_facade import AsyncDatalab
from datalab_facade.integrations.airflow.settings import ConnectionSettings
from datalab_facade.integrations.airflow.waits import shared_waits
from datalab_facade.testing import (
    TEST_API_KEY,
    ExecutionScript,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
    connect_async,
)

CONNECTION_ID = "datalab_default"


@attrs.frozen
class Measured:
    """What it took to wait for all of them."""

    bytes_per_wait: float
    most_in_a_minute: int
    requests: int
    refused: int
    events: int
    hours: float


def measure(many: int, per_minute: int) -> dict[str, float]:
    """Wait for so many executions at once."""
    with tempfile.TemporaryDirectory(prefix="airflow-") as home:
        # Airflow reads its configuration when it is imported.
        os.environ["AIRFLOW_HOME"] = home
        return attrs.asdict(asyncio.run(_measure(many, per_minute)))


async def _measure(many: int, per_minute: int) -> Measured:
    from airflow.jobs.triggerer_job_runner import TriggerRunner

    from datalab_facade.integrations.airflow.triggers import DatalabJobTrigger

    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    clock, dice = VirtualClock(), Random(1)
    simulator = Simulator(clock, rate_limit=(per_minute, 60.0))
    # One round over all takes so long; nothing ends before everything was polled.
    round_ = many / per_minute * 60
    handles = [
        simulator.start(ExecutionScript([StepScript("parse", ends=round_ * dice.uniform(3, 5))]))
        for _ in range(many)
    ]

    def open_client(settings: ConnectionSettings) -> AsyncDatalab:
        return AsyncDatalab(
            settings.api_key,
            base_url=settings.base_url,
            requests_per_minute=settings.requests_per_minute,
            clock=clock,
            http_client=httpx.AsyncClient(transport=SimulatorTransport(simulator)),
        )

    async def read_settings() -> ConnectionSettings:
        return ConnectionSettings(TEST_API_KEY, requests_per_minute=per_minute)

    shared_waits(CONNECTION_ID, read_settings, open_client=open_client)
    origin = (await read_settings()).base_url
    runner = TriggerRunner()
    sent: list[float] = []
    refused = 0

    def count() -> None:
        nonlocal refused
        for request in simulator.requests:
            sent.append(request.at)
            refused += request.status == 429
        simulator.requests.clear()

    # The first request of a process imports modules, which are no part of a wait.
    async with connect_async(simulator) as client:
        await client.executions.get(handles[0])
    simulator.requests.clear()

    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number, execution_id in enumerate(handles):
        trigger = DatalabJobTrigger(
            {"version": 1, "kind": "execution", "id": execution_id, "origin": origin},
            CONNECTION_ID,
            "2999-01-01T00:00:00+00:00",
        )
        runner.triggers[number] = {
            "task": asyncio.create_task(runner.run_trigger(number, trigger)),
            "is_watcher": False,
            "name": f"dag/run/task/-1/1 (ID {number})",
            "events": 0,
        }
    await clock.sleep_async(round_ * 2)
    count()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await asyncio.gather(*(one["task"] for one in runner.triggers.values()))
    hours = clock.monotonic() / 3600
    count()
    sent.sort()
    return Measured(
        bytes_per_wait=(after - before) / many,
        most_in_a_minute=max(
            bisect_right(sent, at + 60 - 1e-6) - number for number, at in enumerate(sent)
        ),
        requests=len(sent),
        refused=refused,
        events=len(runner.events),
        hours=hours,
    )
