"""Ten thousand deferred tasks in one triggerer of Airflow, on virtual time.

Run it with ``python -m benchmarks.airflow_waits`` where Airflow is installed. The
triggers run in Airflow's own trigger runner, with neither its database nor its
supervisor; what they wait for is the simulator, which allows 200 requests a minute and
refuses the others. Memory is taken when each execution has been looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
import tempfile
import tracemalloc
from bisect import bisect_right
from pathlib import Path
from random import Random

import attrs
import httpx
import structlog

from benchmarks.measuring import Goal, Quantity, Section, table
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
)

PER_MINUTE = 200
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


def measure(many: int) -> Measured:
    """Wait for so many executions at once."""
    # Airflow reads its configuration when it is imported.
    os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))
    return asyncio.run(_measure(many))


async def _measure(many: int) -> Measured:
    from airflow.jobs.triggerer_job_runner import TriggerRunner

    from datalab_facade.integrations.airflow.triggers import DatalabExecutionTrigger

    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    clock, dice = VirtualClock(), Random(1)
    simulator = Simulator(clock, rate_limit=(PER_MINUTE, 60.0))
    # One round over all takes so long; nothing ends before everything was looked at.
    round_ = many / PER_MINUTE * 60
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
        return ConnectionSettings(TEST_API_KEY, requests_per_minute=PER_MINUTE)

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

    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number, execution_id in enumerate(handles):
        trigger = DatalabExecutionTrigger(
            {"version": 1, "execution_id": execution_id, "origin": origin},
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


def section(many: int, repeats: int) -> Section:
    """Measure, and tell."""
    found = [measure(many) for _ in range(repeats)]
    one = found[0]
    side = "Airflow's trigger runner"
    return Section(
        f"{many:,} deferred waits in one triggerer, {PER_MINUTE} requests a minute",
        [
            f"{one.requests:,} requests in {one.hours:.1f} hours of virtual time",
            f"{one.events:,} events",
        ],
        [
            Quantity(
                "bytes per wait", {side: [each.bytes_per_wait for each in found]}, Goal(16_384)
            ),
            Quantity(
                "most requests in any minute",
                {side: [each.most_in_a_minute for each in found]},
                Goal(PER_MINUTE, each=True),
            ),
            Quantity(
                "refused with 429", {side: [each.refused for each in found]}, Goal(0, each=True)
            ),
        ],
    )


def main() -> int:
    """Measure and show; the exit status tells whether the goals were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    args = parser.parse_args()
    measured = section(args.many, args.repeats)
    print(table(measured, judged=True))
    if args.json is not None:
        args.json.write_text(json.dumps(measured.to_dict(), indent=2) + "\n", encoding="utf-8")
    return 0 if measured.met else 1


if __name__ == "__main__":
    sys.exit(main())
