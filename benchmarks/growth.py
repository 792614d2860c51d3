"""What waits cost as they become more: polls, CPU and memory, on virtual time.

Jobs wait at the same time in one process, without a rate limit, and take log-normally long (median
120 s, sigma 0.5). All that decides and waits is that of the client; a poll is answered with a
snapshot that is made at once, so that HTTP, which costs the same each time, is not in it. Each
number of jobs has a process of its own.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from random import Random

import attrs

from benchmarks.apart import apart
from benchmarks.measuring import Goal, Quantity, Section, resident_bytes
from datalab_facade import DurationModel, Execution, Status, WaitPolicy
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.jobs.many import run_many
from datalab_facade.jobs.outcomes import Update
from datalab_facade.jobs.scheduling import Poll, Scheduler
from datalab_facade.jobs.wait_activities import WaitActivities
from datalab_facade.listeners import Reporter
from datalab_facade.rate_limiting.local import LocalRateLimiter
from datalab_facade.testing import VirtualClock
from datalab_facade.transport.admission import AdmissionControl

_LINEAR = Goal(1.5, each=True)
"""The most that one job may cost, as a multiple of what it costs among a hundredth of them.

A job in a queue takes as many steps as the length of the queue has digits, and caches of the
processor hold some thousand jobs; a cost that grows with the number of jobs would be 100."""


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    many: Sequence[int]


FULL = Scale(many=(100, 1_000, 10_000, 100_000))
QUICK = Scale(many=(10, 100))


def measure(scale: Scale) -> Iterator[Section]:
    """Wait for more and more jobs."""
    results = {many: apart(__name__, "waited", many=many) for many in scale.many}

    def each(figure: Callable[[dict[str, float]], float]) -> dict[str, list[float]]:
        return {f"{many:,} jobs": [figure(result)] for many, result in results.items()}

    def of_a_job(name: str, unit: float) -> dict[str, list[float]]:
        return each(lambda result: result[name] / result["jobs"] * unit)

    least, most = results[scale.many[-2]], results[scale.many[-1]]
    times = {
        what: [most[name] / most["jobs"] / (least[name] / least["jobs"])]
        for what, name in {"polls": "polls", "CPU": "cpu", "memory": "resident"}.items()
    }
    yield Section(
        "Waits, from few to many",
        ["No rate limit, no HTTP; time is virtual."],
        [
            Quantity(
                f"of one job among {scale.many[-1]:,}, against one among {scale.many[-2]:,}",
                times,
                _LINEAR,
            ),
            Quantity("polls of each job", of_a_job("polls", 1)),
            Quantity("CPU of each job, ms", of_a_job("cpu", 1e3)),
            Quantity("memory of each job, KiB", of_a_job("resident", 1 / 1024)),
            Quantity("CPU of all, s", each(lambda result: result["cpu"])),
            Quantity("memory of all, MiB", each(lambda result: result["resident"] / 2**20)),
        ],
    )


def waited(*, many: int) -> dict[str, float]:
    """Wait for so many jobs; to be called in a process of its own."""
    # Once with few, so that imports are not in it.
    _Waits(10).run()
    waits = _Waits(many)
    gc.collect()
    resident, cpu = resident_bytes(), time.process_time()
    waits.run()
    return {
        "jobs": many,
        "polls": waits.polls,
        "cpu": time.process_time() - cpu,
        # A few jobs fit into what the process has already.
        "resident": max(waits.most_resident - resident, 1),
    }


class _Waits:
    """Jobs, and one wait for all of them."""

    def __init__(self, many: int) -> None:
        self._clock = VirtualClock()
        self._random = Random(0)
        self._ends = [self._random.lognormvariate(math.log(120), 0.5) for _ in range(many)]
        self.polls = 0
        self.most_resident = 0

    def run(self) -> None:
        rate_limiter, many = LocalRateLimiter(None), len(self._ends)
        scheduler = Scheduler(
            EXECUTIONS,
            # Few polls of each, so that a hundred thousand take a minute.
            WaitPolicy(min_interval=20.0, max_interval=60.0),
            concurrency=many,
            deadline=math.inf,
            rate_limiter=rate_limiter,
            random=self._random.random,
            now=self._clock.monotonic(),
            changes=False,
            duration_model=DurationModel(),
            expected=many,
        )
        updates = run_many(
            scheduler,
            range(many),
            self._poll,
            resolve=lambda job_id: job_id,
            admission=AdmissionControl(rate_limiter, self._clock),
            clock=self._clock,
            waits=WaitActivities(Reporter((), self._clock), EXECUTIONS),
        )
        ended = 0
        for update in updates:
            assert isinstance(update, Update)
            assert update.outcome is not None
            assert update.outcome.succeeded
            ended += 1
            if ended == many // 2:
                self.most_resident = resident_bytes()
        assert ended == many

    def _poll(self, due: Poll[Execution, int]) -> Execution:
        self.polls += 1
        seconds, now = self._clock.monotonic(), self._clock.now()
        is_over = self._ends[due.id] <= seconds
        return Execution(
            id=due.id,
            workflow_id=1,
            status=Status.COMPLETED if is_over else Status.IN_PROGRESS,
            created_at=now - timedelta(seconds=seconds),
            updated_at=now - timedelta(seconds=seconds),
            observed_at=now,
        )
