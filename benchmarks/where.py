"""Where the CPU goes in the benchmarks nearest to their goals: shares by package and module.

Each runs once more, under Python's profiler, in a process of its own. The profiler makes
calls seem slower than they are, so the shares say what to examine, not what would be saved.
The time of a C function counts for the module that called it.
"""

from __future__ import annotations

import asyncio
import cProfile
import importlib
import pstats
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import attrs

from benchmarks import decoding
from benchmarks.apart import apart
from benchmarks.lean_server import ServerProcess
from benchmarks.measuring import Quantity, Section
from datalab_facade.decoding import decode_json
from datalab_facade.executions.decoding import decode_execution

_OURS = Path(importlib.import_module("datalab_facade").__file__ or "").parent
_LIBRARY = Path(sysconfig.get_path("stdlib"))
_SHOWN = 8


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    runs: int
    rounds: int
    waits: int


FULL = Scale(runs=5_000, rounds=20, waits=2_000)
QUICK = Scale(runs=50, rounds=2, waits=50)


def measure(scale: Scale) -> Iterator[Section]:
    """Measure the shares."""
    quantities = [
        _shares(
            f"decoding {scale.runs:,} step runs, one a step",
            apart(__name__, "decoded", runs=scale.runs, rounds=scale.rounds),
        )
    ]
    missing: list[str] = []
    if find_spec("aiohttp") is not None:
        with ServerProcess() as server:
            result = apart(__name__, "waited", port=server.port, many=scale.waits)
        quantities.append(_shares('as_completed with transport="aiohttp", 64 at once', result))
    else:
        missing.append("aiohttp is not installed")
    yield Section("Where the CPU goes", ["% of the CPU, under a profiler"], quantities, missing)


def _shares(what: str, result: dict[str, float]) -> Quantity:
    return Quantity(what, {room: [share] for room, share in result.items()})


# --- in a process of its own ----------------------------------------------------------


def decoded(*, runs: int, rounds: int) -> dict[str, float]:
    """Decode under the profiler."""
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    body = decoding.body_of(decoding.flat(runs), now)

    def work() -> None:
        for _ in range(rounds):
            decode_execution(decode_json(body), requested_id=1_001, observed_at=now)

    return _profiled(work)


def waited(*, port: int, many: int) -> dict[str, float]:
    """Wait under the profiler."""
    load = importlib.import_module("benchmarks.sides").load_async
    settings = {"polls": 2, "interval": 1.0, "tasks": False, "transport": "aiohttp"}
    # Once without, so that imports and connections are not in it.
    asyncio.run(load(port=port, many=50, **settings))
    return _profiled(lambda: asyncio.run(load(port=port, many=many, **settings)))


def _profiled(work: Callable[[], object]) -> dict[str, float]:
    profile = cProfile.Profile(time.process_time, builtins=False)
    profile.runcall(work)
    own: Counter[str] = Counter()
    for (path, _, name), figures in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        own[_room(path, name)] += figures[2]
    everything = sum(own.values())
    shown = {room: 100 * seconds / everything for room, seconds in own.most_common(_SHOWN)}
    return {**shown, "all else": max(0.0, 100 - sum(shown.values()))}


def _room(path: str, name: str) -> str:
    """Name what a function belongs to: a module of ours, another package, or neither."""
    if path.startswith("<attrs generated"):
        return "making frozen values (attrs)"
    where = Path(path)
    if where.is_relative_to(_OURS):
        return ".".join(where.relative_to(_OURS.parent).with_suffix("").parts)
    if "site-packages" in where.parts:
        package = where.parts[where.parts.index("site-packages") + 1]
        return package.removesuffix(".py")
    if where.is_relative_to(_LIBRARY):
        return where.relative_to(_LIBRARY).parts[0].removesuffix(".py")
    return f"{where.stem}: {name}"
