"""Hours of waiting for thousands of executions, while requests fail in all kinds of ways.

One client runs in process, on virtual time. Executions start evenly over two hours. The
client waits for each under the default rate limit, and downloads its output when it has
ended. About every twentieth request, to the API or to storage, fails in a way that may
pass. Memory is measured four times, when all executions so far have ended: what a client
keeps of ended executions must not grow with their number.

The simulator forgets each quarter's executions once they are over, so that its own
memory is not measured.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any, Final, cast

import attrs

from benchmarks.apart import apart
from benchmarks.measuring import Goal, Quantity, Section, resident_bytes
from datalab_facade import AsyncDatalab, DatalabError, Execution, Outcome
from datalab_facade.models import JSON
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Simulator,
    StepScript,
    VirtualClock,
    connect_async,
)
from datalab_facade.testing.messages import Request

_QUARTERS = 4
_NONE = Goal(0, each=True)
_FLAT = Goal(1.05)
_TWO_HOURS = 7_200.0
_OUTPUT: Final[JSON] = {"pages": 3, "text": "x" * 200}

# Faults that may pass, each as likely as the next one. What a server means (401, 404,
# 422, a redirect) reaches the caller, as it should, and is not among them.
_KINDS: dict[str, Fault] = {
    **{f"status {status}": Fault.status(status) for status in (408, 425, 429, 500, 502, 503, 504)},
    "status 529": Fault.status(529),
    "429 with Retry-After": Fault.status(429, headers={"Retry-After": "7"}),
    "503 with Retry-After": Fault.status(503, headers={"Retry-After": "3"}),
    "a page with status 200": Fault.html(),
    "a page with status 502": Fault.html(502),
    "JSON that ends early": Fault.invalid_json(),
    "compressed": Fault.gzip(),
    "late": Fault.delay(5),
    "so late that it counts as never": Fault.delay(45),
    "no answer, ever": Fault.hang(),
    "silence after 20 bytes": Fault.hang(20),
    "reset": Fault.reset(),
    "reset after 20 bytes": Fault.reset(20),
    "closed without an answer": Fault.disconnect(),
    "closed after 20 bytes": Fault.truncate(20),
    "dripping": Fault.slow(50, every=0.1),
}
# A storage that answers 200 with a page has an output that is a page.
_NOT_FOR_STORAGE = {"a page with status 200", "JSON that ends early"}


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    many: int
    seconds: float
    """Virtual seconds over which the executions come."""
    faults: float
    """The share of requests that goes wrong."""
    traced: int
    """How many executions there are in the run in which Python's memory is traced."""


FULL = Scale(many=10_000, seconds=_TWO_HOURS, faults=0.05, traced=2_000)
QUICK = Scale(many=40, seconds=200.0, faults=0.2, traced=40)


def measure(scale: Scale) -> Iterator[Section]:
    """Let a client work for two hours."""
    given = {"faults": scale.faults, "seconds": scale.seconds}
    result = apart(__name__, "soaked", many=scale.many, trace=False, **given)
    share = scale.traced / scale.many
    traced = apart(
        __name__,
        "soaked",
        many=scale.traced,
        trace=True,
        faults=scale.faults,
        seconds=scale.seconds * share,
    )
    resident, allocated = result["resident"], traced["allocated"]
    yield Section(
        f"{scale.many:,} executions in {scale.seconds / 3_600:.2g} h of virtual time, with "
        f"{100 * scale.faults:g} % faults",
        [
            f"{result['requests']:,} requests to the API, {result['fetches']:,} to the storage,",
            f"{result['faults']:,} faults of {result['kinds']} kinds, {result['took']:.0f} s.",
            "Memory when all of a quarter have ended, against that after the first quarter.",
            f"Python's memory is traced in a run of {scale.traced:,} executions.",
        ],
        [
            Quantity("errors that reached the caller", {"ours": [result["errors"]]}, _NONE),
            Quantity("outcomes or outputs that are missing", {"ours": [result["missing"]]}, _NONE),
            Quantity(
                "memory after the later quarters, as a multiple of that after the first",
                {
                    "the process": [each / resident[0] for each in resident[1:]],
                    "allocated by Python": [each / allocated[0] for each in allocated[1:]],
                },
                _FLAT,
            ),
            Quantity(
                "memory after each quarter, MiB",
                {
                    "the process": [each / 2**20 for each in resident],
                    "allocated by Python": [each / 2**20 for each in allocated],
                },
            ),
        ],
        [] if not result["common_errors"] else [f"errors: {result['common_errors']}"],
    )


# --- in a process of its own ----------------------------------------------------------


async def soaked(*, many: int, seconds: float, faults: float, trace: bool) -> dict[str, Any]:
    """Wait for so many executions, and fetch what they leave behind."""
    simulator = Simulator(VirtualClock())
    trouble = _Trouble(faults)
    simulator.inject_with(trouble.hook)
    began = time.perf_counter()
    resident: list[int] = []
    allocated: list[int] = []
    soak = _Soak(simulator)
    if trace:
        tracemalloc.start()
    async with connect_async(simulator, random=Random(1).random) as client:
        for quarter in range(_QUARTERS):
            share = many // _QUARTERS
            await soak.quarter(client, share, seconds / _QUARTERS, Random(quarter))
            simulator.reset()
            simulator.inject_with(trouble.hook)
            gc.collect()
            resident.append(resident_bytes())
            if trace:
                allocated.append(tracemalloc.get_traced_memory()[0])
    return {
        "resident": resident,
        "allocated": allocated,
        "requests": trouble.asked["api"],
        "fetches": trouble.asked["storage"],
        "faults": trouble.faults,
        "kinds": len(_KINDS),
        "errors": soak.errors.total(),
        "common_errors": [f"{many} x {error}" for error, many in soak.errors.most_common(5)],
        "missing": soak.missing,
        "took": time.perf_counter() - began,
    }


class _Trouble:
    """Decides which requests go wrong, and how."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._dice = Random(0)
        self.asked: Counter[str] = Counter()
        self.faults = 0

    def hook(self, request: Request, _: int) -> Fault | None:
        self.asked[request.origin] += 1
        if self._dice.random() >= self._share:
            return None
        kind = self._dice.choice(list(_KINDS))
        if request.origin == "storage" and kind in _NOT_FOR_STORAGE:
            return None
        self.faults += 1
        return _KINDS[kind]


class _Soak:
    """Starts executions, waits for them, and fetches their outputs."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.errors: Counter[str] = Counter()
        self.missing = 0

    async def quarter(self, client: AsyncDatalab, many: int, seconds: float, dice: Random) -> None:
        outcomes = 0
        fetches: set[asyncio.Task[None]] = set()
        ids = self._coming(many, seconds, dice)
        async for outcome in client.executions.as_completed(ids, concurrency=many):
            outcomes += 1
            fetch = asyncio.create_task(self._fetched(client, outcome))
            fetches.add(fetch)
            fetch.add_done_callback(fetches.discard)
        if fetches:
            await asyncio.wait(fetches)
        self.missing += many - outcomes

    async def _coming(self, many: int, seconds: float, dice: Random) -> AsyncIterator[int]:
        for _ in range(many):
            lasts = dice.lognormvariate(math.log(120), 0.5)
            yield self._simulator.start(
                ExecutionScript([StepScript("parse", ends=lasts, output=_OUTPUT)])
            )
            await cast("VirtualClock", self._simulator.clock).sleep_async(seconds / many)

    async def _fetched(self, client: AsyncDatalab, outcome: Outcome[Execution, int]) -> None:
        try:
            execution = outcome.result()
            [output] = execution.outputs
            if await client.outputs.read_json(output) != _OUTPUT:
                self.missing += 1
        except DatalabError as error:
            self.errors[f"{type(error).__name__}: {str(error)[:160]}"] += 1
