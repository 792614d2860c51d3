"""One execution, waited for by itself: how many requests, and how late its end is seen.

All sides run their real code on virtual time: ours on a clock that is handed to it,
the others over sockets, in an event loop whose time jumps (see :mod:`benchmarks.lapse`).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any, cast

import attrs
from datalab_api_client.api.default import get_workflows_executions_id as get_execution_status
from datalab_api_client.client import AuthenticatedClient

from benchmarks import lapse
from benchmarks.apart import apart
from benchmarks.measuring import Goal, Quantity, Section
from datalab_facade.jobs.learning import DurationModel
from datalab_facade.testing import ExecutionScript, Simulator, StepScript, VirtualClock, connect

_OURS = "ours"
_SHORT, _LONG = 30.0, 7_200.0
_AS_LONG_AS_IT_TAKES = 1_000_000


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    runs: int
    runs_of_others: int
    """Theirs differ less, since no chance is in them."""
    long: float = _LONG
    """Seconds that the long execution takes."""


FULL = Scale(runs=101, runs_of_others=7)
QUICK = Scale(runs=3, runs_of_others=2, long=60.0)


@attrs.frozen
class Seen:
    """What it took to see one execution end."""

    requests: int
    late: float


def measure(scale: Scale) -> Iterator[Section]:
    """Measure waits for executions of half a minute and of two hours."""
    missing = () if importlib.util.find_spec("datalab_sdk") else ("datalab_sdk is not installed",)
    lengths = [_SHORT + more for more in _spread(1, scale.runs)]
    unknown = [_waited([length], seed)[-1] for seed, length in enumerate(lengths)]
    before = [_SHORT - 1 + more for more in _spread(2, scale.runs)]
    known = [_waited([length, _SHORT], seed)[-1] for seed, length in enumerate(before)]
    theirs = _others([_SHORT + more for more in _spread(1, scale.runs_of_others)], [1, 5])
    yield Section(
        f"An execution of {_SHORT:g} s",
        [
            "And up to a second longer, so that no interval fits by chance. A known workflow",
            f"has run once, for up to a second more or less. {scale.runs} runs of ours,",
            f"{scale.runs_of_others} of the others.",
        ],
        [
            *_quantities("nothing known of it", unknown, theirs, Goal(12), Goal(1.5)),
            *_quantities("its workflow has run once", known, {}, Goal(8), Goal(0.7)),
        ],
        missing,
    )
    lengths = [scale.long + more for more in _spread(5, scale.runs)]
    unknown = [_waited([length], seed)[-1] for seed, length in enumerate(lengths)]
    theirs = _others([scale.long + more for more in _spread(5, scale.runs_of_others)], [5])
    yield Section(
        f"An execution of {scale.long / 3_600:.2g} h",
        [
            f"And up to 5 s longer. {scale.runs} runs of ours, {scale.runs_of_others} of others.",
        ],
        _quantities("nothing known of it", unknown, theirs, Goal(200), Goal(60)),
        missing,
    )


def _spread(seconds: float, many: int) -> list[float]:
    return [seconds * (number + 0.5) / many for number in range(many)]


def _quantities(
    known: str, ours: list[Seen], theirs: dict[str, list[Seen]], requests: Goal, late: Goal
) -> list[Quantity]:
    def values(of: Callable[[Seen], float]) -> dict[str, Sequence[float]]:
        return {side: [of(one) for one in seen] for side, seen in theirs.items()}

    def asked(one: Seen) -> float:
        return one.requests

    def lateness(one: Seen) -> float:
        return one.late

    return [
        Quantity(f"requests, {known}", {_OURS: [*map(asked, ours)]}, requests, values(asked)),
        Quantity(
            f"seconds from end to detection, {known}",
            {_OURS: [*map(lateness, ours)]},
            late,
            values(lateness),
        ),
    ]


def _waited(durations: Sequence[float], seed: int) -> list[Seen]:
    """Wait for executions of one workflow, one after the other, with one new client."""
    simulator = Simulator(VirtualClock())
    seen: list[Seen] = []
    with connect(simulator, duration_model=DurationModel(), random=Random(seed).random) as client:
        for seconds in durations:
            execution_id = _started(simulator, seconds)
            before, began = len(simulator.requests), simulator.clock.monotonic()
            client.executions.result(execution_id, timeout=2 * _LONG)
            late = simulator.clock.monotonic() - began - seconds
            seen.append(Seen(len(simulator.requests) - before, late))
    return seen


def _started(simulator: Simulator, seconds: float) -> int:
    return simulator.start(ExecutionScript([StepScript("parse", ends=seconds)]))


# --- the others -----------------------------------------------------------------------

_Wait = Callable[[int], Awaitable[object]]


def _others(lengths: Sequence[float], intervals: Sequence[int]) -> dict[str, list[Seen]]:
    result = apart(__name__, "others", lengths=lengths, intervals=intervals)
    return {side: [Seen(*one) for one in seen] for side, seen in result.items()}


def others(*, lengths: Sequence[float], intervals: Sequence[int]) -> dict[str, object]:
    """Let each of the others wait at its interval; to be called in a process of its own."""
    clock = VirtualClock()
    watched = lapse.run_on(clock, _watched(Simulator(clock), lengths, intervals))
    return {side: [attrs.astuple(one) for one in seen] for side, seen in watched.items()}


async def _watched(
    simulator: Simulator, lengths: Sequence[float], intervals: Sequence[int]
) -> dict[str, list[Seen]]:
    key = simulator.api_key
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(lapse.serving(simulator))
        generated = await stack.enter_async_context(
            AuthenticatedClient(base_url=url, token=key, prefix="", auth_header_name="X-API-Key")
        )
        sides: dict[str, _Wait] = {}
        if importlib.util.find_spec("datalab_sdk") is not None:
            sdk = importlib.import_module("datalab_sdk")
            official = await stack.enter_async_context(
                sdk.AsyncDatalabClient(api_key=key, base_url=url)
            )
            for interval in intervals:
                sides[f"datalab-python-sdk, every {interval} s"] = _polling(official, interval)
        naive = f"bare generated client, a loop of {intervals[0]} s"
        sides[naive] = _looping(generated, intervals[0])
        return {
            side: await asyncio.gather(*(_seen(simulator, wait, length) for length in lengths))
            for side, wait in sides.items()
        }


async def _seen(simulator: Simulator, wait: _Wait, seconds: float) -> Seen:
    execution_id, began = _started(simulator, seconds), simulator.clock.monotonic()
    await wait(execution_id)
    late = simulator.clock.monotonic() - began - seconds
    path = f"/api/v1/workflows/executions/{execution_id}"
    return Seen(sum(one.path == path for one in simulator.requests), late)


def _polling(official: Any, interval: float) -> _Wait:  # noqa: ANN401 - it has no types
    return lambda execution_id: official.get_execution_status(
        execution_id, max_polls=_AS_LONG_AS_IT_TAKES, poll_interval=interval
    )


def _looping(client: AuthenticatedClient, interval: float) -> _Wait:
    async def wait(execution_id: int) -> None:
        while True:
            answer = cast("Any", await get_execution_status.asyncio(execution_id, client=client))
            if answer["status"] in ("COMPLETED", "FAILED"):
                return
            await asyncio.sleep(interval)

    return wait
