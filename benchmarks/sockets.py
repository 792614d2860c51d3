"""What the clients cost and what they hold out, over real sockets.

::

    python -m benchmarks.sockets                        # everything: half an hour
    python -m benchmarks.sockets --quick                # a tiny version, without a verdict
    python -m benchmarks.sockets --only load --repeats 5 --json results.json

The server and each client are processes of their own, so two cores are enough.
What is compared is measured in the same run, one side after the other, again and
again. aiohttp is measured too where it is installed. The exit code is 1 when a
goal is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs

from benchmarks.lean_server import ServerProcess, World
from benchmarks.measuring import Goal, Quantity, Section, table
from benchmarks.sides import Told, run
from datalab_facade.pacing import DEFAULT_REQUESTS_PER_MINUTE
from datalab_facade.transport.gate import MOST_UNDER_WAY

_MOST_KIB = Goal(8)
_MOST_PERCENT_OF_A_CORE = Goal(5)
_MOST_TIMES_PLAIN_HTTPX = Goal(1.2)
_NONE = Goal(0, each=True)

_THREADS = 16


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    repeats: int
    parked: World
    traced: World
    """The same with fewer executions, since tracing Python's memory is slow."""
    window: float
    """Seconds for which the CPU is watched while nothing but waiting happens."""
    limited: World
    limited_interval: float
    """Seconds between two looks at each execution of the limited server."""
    default_budget: float
    """The requests a minute that stand for the default budget."""
    load: World
    load_interval: float
    answering: float
    """Seconds for which the server alone is measured."""
    imports: int


_FULL = Scale(
    repeats=3,
    parked=World(10_000),
    traced=World(2_000),
    window=20.0,
    limited=World(200, lasts=(1.0, 3.0), limit=600, window=60.0),
    limited_interval=0.25,
    default_budget=DEFAULT_REQUESTS_PER_MINUTE,
    load=World(5_000, looks=3),
    load_interval=1.0,
    answering=3.0,
    imports=10,
)
_QUICK = Scale(
    repeats=1,
    parked=World(100),
    traced=World(100),
    window=0.2,
    limited=World(20, lasts=(0.1, 0.3), limit=30, window=1.0),
    limited_interval=0.1,
    default_budget=1_000.0,
    load=World(100, looks=2),
    load_interval=0.01,
    answering=0.2,
    imports=1,
)


@attrs.frozen
class _Entrant:
    """A side, and how it is started."""

    side: str
    arguments: Mapping[str, object] = attrs.field(factory=dict)
    plain: str | None = None
    """The name of the entrant that it is compared with."""

    def run(self, port: int, **given: object) -> Told:
        return run(self.side, port=port, **given, **self.arguments)


_Results = dict[str, list[Told]]


def _taken_in_turn(
    scale: Scale, entrants: Mapping[str, _Entrant], measure: Callable[[_Entrant], Told]
) -> _Results:
    """Let one entrant run after the other, and then all of them again."""
    results: _Results = {name: [] for name in entrants}
    for number in range(scale.repeats):
        for name, entrant in entrants.items():
            _report(f"{name}, {number + 1} of {scale.repeats}")
            results[name].append(measure(entrant))
    return results


def _each(results: _Results, value: Callable[[Told], float]) -> dict[str, list[float]]:
    return {name: [value(told) for told in repeats] for name, repeats in results.items()}


def _per_second(told: Told) -> float:
    return float(told["requests"] / told["seconds"])


def _server_percent(told: Told) -> float:
    return float(100 * told["server_cpu"] / told["seconds"])


def _microseconds(told: Told) -> float:
    return float(1e6 * told["cpu"] / told["requests"])


# --- what is measured -----------------------------------------------------------------


def parked(scale: Scale) -> Section:
    """Measure waits that wait: the memory of each, and the CPU of all."""
    many = scale.parked.many
    entrants = {
        "async, one as_completed": _Entrant("parked_async", {"tasks": False}),
        "sync, one as_completed in one thread": _Entrant("parked_sync"),
    }
    tasks = {f"async, {many:,} tasks with wait": _Entrant("parked_async", {"tasks": True})}
    with ServerProcess() as server:

        def measure(entrant: _Entrant) -> Told:
            traced = entrant.run(server.port, many=scale.traced.many, window=0.0, trace=True)
            told = entrant.run(server.port, many=many, window=scale.window, trace=False)
            return {**told, "allocated": traced["allocated"]}

        results = _taken_in_turn(scale, {**entrants, **tasks}, measure)
    judged: _Results = {name: results[name] for name in entrants}
    others: _Results = {name: results[name] for name in tasks}
    return Section(
        f"{many:,} executions waited for at {DEFAULT_REQUESTS_PER_MINUTE:g} requests a minute",
        [
            "Each has been looked at once; its snapshot is a part of the memory, its id is not.",
            f"CPU and looks are those of the {scale.window:g} s that followed.",
        ],
        [
            Quantity(
                "Growth of the process for each wait, KiB", _each(judged, _resident), _MOST_KIB
            ),
            Quantity("The same, for the record", _each(others, _resident)),
            Quantity("Of it allocated by Python, KiB", _each(judged, _allocated), _MOST_KIB),
            Quantity("The same, for the record", _each(others, _allocated)),
            Quantity(
                "CPU, % of one core",
                _each(results, lambda told: 100 * told["share"]),
                _MOST_PERCENT_OF_A_CORE,
            ),
            Quantity("Looks meanwhile", _each(results, lambda told: told["looks"])),
        ],
    )


def _resident(told: Told) -> float:
    return float(told["resident"] / 1_024)


def _allocated(told: Told) -> float:
    return float(told["allocated"] / 1_024)


def limited(scale: Scale) -> Section:
    """Measure what comes of a server that refuses requests."""
    world = scale.limited
    assert world.limit is not None
    assert world.lasts is not None
    budgets = {
        "no budget": None,
        "the server's limit as budget": world.limit * 60 / world.window,
        "the default budget": scale.default_budget,
    }
    entrants = {
        f"{name}, {shape}": _Entrant("limited", {"requests_per_minute": budget, "tasks": tasks})
        for name, budget in budgets.items()
        for shape, tasks in {"as_completed": False, "tasks with wait": True}.items()
    }

    def measure(entrant: _Entrant) -> Told:
        with ServerProcess() as server:
            return entrant.run(
                server.port, world=attrs.asdict(world), interval=scale.limited_interval
            )

    results: _Results = {name: [] for name in entrants}
    with ThreadPoolExecutor(len(entrants)) as pool:
        for number in range(scale.repeats):
            # They sleep nearly all the time, and so do not disturb each other.
            _report(f"all budgets at once, {number + 1} of {scale.repeats}")
            for name, told in zip(entrants, pool.map(measure, entrants.values()), strict=True):
                results[name].append(told)
    shortest, longest = world.lasts
    return Section(
        f"{world.many} executions on a server that allows {world.limit} requests in any "
        f"{world.window:g} s",
        [
            "All others are answered with 429 and Retry-After. The executions last",
            f"{shortest:g} to {longest:g} s; every {scale.limited_interval:g} s a look is wanted.",
        ],
        [
            Quantity("Not found, or an error", _each(results, lambda told: told["lost"]), _NONE),
            Quantity("Answers 429", _each(results, lambda told: told["refused"])),
            Quantity("Requests", _each(results, lambda told: told["requests"])),
            Quantity("Time until all have ended, s", _each(results, lambda told: told["seconds"])),
        ],
    )


def load(scale: Scale) -> Section:
    """Measure what a request costs where the CPU alone sets the pace."""
    many, looks = scale.load.many, scale.load.looks
    plain_async, plain_sync, plain_threads = (
        "plain httpx, async",
        "plain httpx, sync in one thread",
        f"plain httpx, sync in {_THREADS} threads",
    )
    waits = {"interval": scale.load_interval}
    threads = {"threads": _THREADS}
    entrants = {
        plain_async: _Entrant("plain_httpx_async"),
        "async, one as_completed": _Entrant("load_async", {**waits, "tasks": False}, plain_async),
        f"async, {many:,} tasks with wait": _Entrant(
            "load_async", {**waits, "tasks": True}, plain_async
        ),
        plain_sync: _Entrant("plain_httpx_sync", {"threads": 1}),
        "sync, one as_completed in one thread": _Entrant(
            "load_sync", {**waits, "threads": 1, "loop": False}, plain_sync
        ),
        plain_threads: _Entrant("plain_httpx_sync", threads),
        f"sync, an as_completed in each of {_THREADS} threads": _Entrant(
            "load_sync", {**waits, **threads, "loop": False}, plain_threads
        ),
        # A wait sleeps between its looks, and only the other threads work meanwhile.
        f"sync, wait after wait in {_THREADS} threads": _Entrant(
            "load_sync", {"interval": 0.01, **threads, "loop": True}, plain_threads
        ),
    }
    if importlib.util.find_spec("aiohttp") is not None:
        entrants["plain aiohttp"] = _Entrant("plain_aiohttp")
    with ServerProcess() as server:
        results = _taken_in_turn(
            scale, entrants, lambda entrant: entrant.run(server.port, many=many, looks=looks)
        )
    cost = _each(results, _microseconds)
    ours = {name: one.plain for name, one in entrants.items() if one.plain is not None}
    times_plain = {
        name: [mine / theirs for mine, theirs in zip(cost[name], cost[plain], strict=True)]
        for name, plain in ours.items()
    }
    return Section(
        f"{many:,} executions waited for at once, without a budget",
        [
            f"Each ends with look {looks}. One every {scale.load_interval:g} s is wanted, which is",
            f"more than a core can do. Async sides have {MOST_UNDER_WAY} under way at once.",
        ],
        [
            Quantity(
                "CPU for a request, as a multiple of plain httpx",
                times_plain,
                _MOST_TIMES_PLAIN_HTTPX,
            ),
            Quantity(
                "Not found, or an error",
                {name: [told["lost"] for told in results[name]] for name in ours},
                _NONE,
            ),
            Quantity("CPU for a request, µs", cost),
            Quantity("Requests a second", _each(results, _per_second)),
            Quantity("The server's CPU meanwhile, % of a core", _each(results, _server_percent)),
        ],
    )


def answering(scale: Scale) -> Section:
    """Measure what the server is able to, to see that it is not what was measured."""
    entrants = {
        f"{connections} connections, {at_once} at once on each": _Entrant(
            "answering", {"connections": connections, "at_once": at_once}
        )
        for connections, at_once in ((MOST_UNDER_WAY, 1), (4, 64))
    }
    with ServerProcess() as server:
        results = _taken_in_turn(
            scale, entrants, lambda entrant: entrant.run(server.port, seconds=scale.answering)
        )
    return Section(
        "The server alone, asked over bare sockets",
        ["What it can do, to be compared with what the clients above asked of it."],
        [
            Quantity("Requests a second", _each(results, _per_second)),
            Quantity("The server's CPU meanwhile, % of a core", _each(results, _server_percent)),
        ],
    )


def imports(scale: Scale) -> Section:
    """Measure how long a fresh interpreter takes to import the package."""
    programs = {
        "nothing": "pass",
        "httpx": "import httpx",
        "datalab_facade": "import datalab_facade",
    }
    took: dict[str, list[float]] = {name: [] for name in programs}
    _report(f"{scale.imports} times each")
    for number in range(scale.imports + 1):
        for name, program in programs.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            if number:  # the first round fills the caches
                took[name].append(1_000 * (time.perf_counter() - began))
    ratios = [
        ours / theirs for ours, theirs in zip(took["datalab_facade"], took["httpx"], strict=True)
    ]
    return Section(
        "A fresh interpreter that imports one thing and ends",
        [],
        [
            Quantity("Time, ms", took),
            Quantity("As a multiple of httpx", {"datalab_facade": ratios}),
        ],
    )


_SECTIONS = {section.__name__: section for section in (parked, limited, load, answering, imports)}


# --- the command ----------------------------------------------------------------------


def _circumstances() -> dict[str, object]:
    versions: dict[str, object] = {}
    for name in ("datalab-facade", "httpx", "httpcore", "anyio", "sniffio", "aiohttp"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "versions": versions,
    }


def _report(what: str) -> None:
    sys.stderr.write(f"  {what}\n")


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.sockets", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a tiny version, without a verdict")
    parser.add_argument("--only", metavar="NAME,...", help=f"some of: {', '.join(_SECTIONS)}")
    parser.add_argument("--repeats", type=int, metavar="N", help="how often to repeat everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there, too")
    arguments = parser.parse_args(given)
    wanted = arguments.only.split(",") if arguments.only else list(_SECTIONS)
    unknown = set(wanted) - set(_SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    arguments.only = [name for name in _SECTIONS if name in wanted]
    return arguments


def main(given: Sequence[str] | None = None) -> int:
    """Measure, show, and tell whether all goals were reached."""
    arguments = _arguments(given)
    scale = _QUICK if arguments.quick else _FULL
    if arguments.repeats:
        scale = attrs.evolve(scale, repeats=arguments.repeats)
    circumstances = _circumstances()
    sys.stdout.write(_heading(circumstances))
    sections: dict[str, Section] = {}
    for name in arguments.only:
        sys.stderr.write(f"{name} ...\n")
        sections[name] = _SECTIONS[name](scale)
        sys.stdout.write(f"\n{table(sections[name], judged=not arguments.quick)}\n")
        sys.stdout.flush()
    if arguments.json:
        told = {
            "circumstances": circumstances,
            "scale": attrs.asdict(scale),
            "judged": not arguments.quick,
            "sections": {name: section.to_dict() for name, section in sections.items()},
        }
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    missed = not all(section.met for section in sections.values())
    return int(missed and not arguments.quick)


def _heading(circumstances: dict[str, object]) -> str:
    versions = circumstances["versions"]
    assert isinstance(versions, dict)
    known = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return (
        f"Python {circumstances['python']}, {known}\n"
        f"{circumstances['cores']} cores, load average {circumstances['load_average']:.2f} before\n"
    )


if __name__ == "__main__":
    sys.exit(main())
