"""What the clients cost, and how they behave under load, over real sockets.

The server and each client are processes of their own, so two cores are enough.
The sides are compared in the same run, one after the other, again and again.
aiohttp is measured too if it is installed.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from benchmarks.lean_server import ServerProcess, World
from benchmarks.measuring import Goal, Quantity, Section, ratios
from benchmarks.sides import Result, run
from datalab_facade.rate_limiting.local import DEFAULT_REQUESTS_PER_MINUTE
from datalab_facade.transport.permits import MOST_UNDER_WAY

_MOST_KIB = Goal(8)
_MOST_PERCENT_OF_A_CORE = Goal(5)
_MOST_TIMES_PLAIN_HTTPX = Goal(1.2)
_MOST_TIMES_PLAIN_HTTPX_IN_ONE_THREAD = Goal(1)
_MOST_TIMES_PLAIN_AIOHTTP = Goal(2)
_NONE = Goal(0, each=True)
_LEAST_TIMES_THE_CLIENTS = Goal(at_least=1.5)

_THREADS = 16

_AIOHTTP = "plain aiohttp"
_ONE_THREAD = "sync, one as_completed in one thread"
_FASTER = 'async, one as_completed, transport="aiohttp"'


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
    """Seconds between two polls of each execution on the limited server."""
    default_limit: float
    """The requests a minute that stand for the default rate limit."""
    load: World
    load_interval: float
    answering: float
    """Seconds for which the server alone is measured."""


FULL = Scale(
    repeats=2,
    parked=World(10_000),
    traced=World(1_000),
    window=8.0,
    limited=World(200, lasts=(1.0, 3.0), limit=600, window=60.0),
    limited_interval=0.25,
    default_limit=DEFAULT_REQUESTS_PER_MINUTE,
    load=World(5_000, polls=2),
    load_interval=1.0,
    answering=2.0,
)
QUICK = Scale(
    repeats=1,
    parked=World(100),
    traced=World(100),
    window=0.2,
    limited=World(20, lasts=(0.1, 0.3), limit=30, window=1.0),
    limited_interval=0.1,
    default_limit=1_000.0,
    load=World(100, polls=2),
    load_interval=0.01,
    answering=0.2,
)


@attrs.frozen
class _Entrant:
    """A side, and how it is started."""

    side: str
    arguments: Mapping[str, object] = attrs.field(factory=dict)
    plain: str | None = None
    """The name of the entrant that it is compared with."""

    def run(self, port: int, **given: object) -> Result:
        return run(self.side, port=port, **given, **self.arguments)


_Results = dict[str, list[Result]]


def _taken_in_turn(
    scale: Scale, entrants: Mapping[str, _Entrant], measure: Callable[[_Entrant], Result]
) -> _Results:
    """Let one entrant run after the other, and then all of them again."""
    results: _Results = {name: [] for name in entrants}
    for number in range(scale.repeats):
        for name, entrant in entrants.items():
            _report(f"{name}, {number + 1} of {scale.repeats}")
            results[name].append(measure(entrant))
    return results


def _each(results: _Results, value: Callable[[Result], float]) -> dict[str, list[float]]:
    return {name: [value(result) for result in repeats] for name, repeats in results.items()}


def _per_second(result: Result) -> float:
    return float(result["requests"] / result["seconds"])


def _server_percent(result: Result) -> float:
    return float(100 * result["server_cpu"] / result["seconds"])


def _microseconds(result: Result) -> float:
    return float(1e6 * result["cpu"] / result["requests"])


# --- what is measured -----------------------------------------------------------------


def parked(scale: Scale) -> Iterator[Section]:
    """Measure waits that wait: the memory of each, and the CPU of all."""
    many = scale.parked.many
    entrants = {
        "async, one as_completed": _Entrant("parked_async", {"tasks": False}),
        "sync, one as_completed in one thread": _Entrant("parked_sync"),
    }
    with ServerProcess() as server:

        def measure(entrant: _Entrant) -> Result:
            traced = entrant.run(server.port, many=scale.traced.many, window=0.0, trace=True)
            result = entrant.run(server.port, many=many, window=scale.window, trace=False)
            return {**result, "allocated": traced["allocated"]}

        results = _taken_in_turn(scale, entrants, measure)
    yield Section(
        f"{many:,} executions waited for at {DEFAULT_REQUESTS_PER_MINUTE:g} requests a minute",
        [
            "Each has been polled once; its snapshot is a part of the memory, its id is not.",
            f"CPU and polls are those of the {scale.window:g} s that followed.",
        ],
        [
            Quantity(
                "Growth of the process for each wait, KiB", _each(results, _resident), _MOST_KIB
            ),
            Quantity("Of it allocated by Python, KiB", _each(results, _allocated), _MOST_KIB),
            Quantity(
                "CPU, % of one core",
                _each(results, lambda result: 100 * result["share"]),
                _MOST_PERCENT_OF_A_CORE,
            ),
            Quantity("Polls meanwhile", _each(results, lambda found: found["polls"])),
        ],
    )


def _resident(result: Result) -> float:
    return float(result["resident"] / 1_024)


def _allocated(result: Result) -> float:
    return float(result["allocated"] / 1_024)


def limited(scale: Scale) -> Iterator[Section]:
    """Measure waits on a server that refuses requests."""
    world = scale.limited
    assert world.limit is not None
    assert world.lasts is not None
    limits = {
        "no rate limit": None,
        "the server's limit": world.limit * 60 / world.window,
        "the default rate limit": scale.default_limit,
    }
    entrants = {
        f"{name}, {shape}": _Entrant(
            "limited", {"requests_per_minute": rate_limiter, "tasks": tasks}
        )
        for name, rate_limiter in limits.items()
        for shape, tasks in {"as_completed": False, "tasks with wait": True}.items()
    }

    def measure(entrant: _Entrant) -> Result:
        with ServerProcess() as server:
            return entrant.run(
                server.port, world=attrs.asdict(world), interval=scale.limited_interval
            )

    results: _Results = {name: [] for name in entrants}
    with ThreadPoolExecutor(len(entrants)) as pool:
        for number in range(scale.repeats):
            # They sleep nearly all the time, and so do not disturb each other.
            _report(f"all rate limits at once, {number + 1} of {scale.repeats}")
            for name, result in zip(entrants, pool.map(measure, entrants.values()), strict=True):
                results[name].append(result)
    shortest, longest = world.lasts
    yield Section(
        f"{world.many} executions on a server that allows {world.limit} requests in any "
        f"{world.window:g} s",
        [
            "All others are answered with 429 and Retry-After. The executions last",
            f"{shortest:g} to {longest:g} s; every {scale.limited_interval:g} s a poll is due.",
        ],
        [
            Quantity("Not found, or an error", _each(results, lambda found: found["lost"]), _NONE),
            Quantity("Answers 429", _each(results, lambda found: found["refused"])),
            Quantity("Requests", _each(results, lambda found: found["requests"])),
            Quantity(
                "Time until all have ended, s", _each(results, lambda found: found["seconds"])
            ),
        ],
    )


def load(scale: Scale) -> Iterator[Section]:
    """Measure what a request costs where the CPU alone sets the pace."""
    many, polls = scale.load.many, scale.load.polls
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
        _ONE_THREAD: _Entrant("load_sync", {**waits, "threads": 1, "loop": False}, plain_sync),
        plain_threads: _Entrant("plain_httpx_sync", threads),
        f"sync, an as_completed in each of {_THREADS} threads": _Entrant(
            "load_sync", {**waits, **threads, "loop": False}, plain_threads
        ),
        # A wait sleeps between its polls, and only the other threads work meanwhile.
        f"sync, wait after wait in {_THREADS} threads": _Entrant(
            "load_sync", {"interval": 0.01, **threads, "loop": True}, plain_threads
        ),
    }
    missing: list[str] = []
    if importlib.util.find_spec("aiohttp") is not None:
        entrants[_AIOHTTP] = _Entrant("plain_aiohttp")
        faster = {**waits, "tasks": False, "transport": "aiohttp"}
        entrants[_FASTER] = _Entrant("load_async", faster, _AIOHTTP)
    else:
        missing.append("aiohttp is not installed")
    with ServerProcess() as server:
        results = _taken_in_turn(
            scale, entrants, lambda entrant: entrant.run(server.port, many=many, polls=polls)
        )
    cost = _each(results, _microseconds)
    ours = {name: one.plain for name, one in entrants.items() if one.plain is not None}
    times_plain = {name: ratios(cost[name], cost[plain]) for name, plain in ours.items()}
    times_one_thread = {_ONE_THREAD: times_plain.pop(_ONE_THREAD)}
    times_aiohttp = {name: times_plain.pop(name) for name in (_FASTER,) if name in times_plain}
    yield Section(
        f"{many:,} executions waited for at once, without a rate limit",
        [
            f"Each ends with poll {polls}. One every {scale.load_interval:g} s is due, which is",
            f"more than a core can do. Async sides have {MOST_UNDER_WAY} under way at once.",
        ],
        [
            Quantity(
                "CPU for a request, as a multiple of plain httpx",
                times_plain,
                _MOST_TIMES_PLAIN_HTTPX,
            ),
            Quantity(
                "CPU for a request, as a multiple of plain httpx, in one thread",
                times_one_thread,
                _MOST_TIMES_PLAIN_HTTPX_IN_ONE_THREAD,
            ),
            *(
                Quantity(
                    "CPU for a request, as a multiple of plain aiohttp",
                    {name: times},
                    _MOST_TIMES_PLAIN_AIOHTTP,
                )
                for name, times in times_aiohttp.items()
            ),
            Quantity(
                "Not found, or an error",
                {name: [result["lost"] for result in results[name]] for name in ours},
                _NONE,
            ),
            Quantity("CPU for a request, µs", cost),
            Quantity("Requests a second", _each(results, _per_second)),
            Quantity("The server's CPU meanwhile, % of a core", _each(results, _server_percent)),
        ],
        missing,
    )
    yield _answering(scale, _each(results, _per_second))


def _answering(scale: Scale, asked: Mapping[str, Sequence[float]]) -> Section:
    """Measure how fast the server is, to see that the client is the slower one."""
    alone = _Entrant("answering", {"connections": MOST_UNDER_WAY, "at_once": 1})
    name = f"{MOST_UNDER_WAY} bare sockets"
    with ServerProcess() as server:
        results = _taken_in_turn(
            scale, {name: alone}, lambda one: one.run(server.port, seconds=scale.answering)
        )
    rates = _each(results, _per_second)
    return Section(
        "The server of this load, over bare sockets",
        ["If it answers faster than any client sends, the client was measured."],
        [
            Quantity(
                "Requests a second, as a multiple of what the side sent",
                {side: ratios(rates[name], of) for side, of in asked.items()},
                _LEAST_TIMES_THE_CLIENTS,
            ),
            Quantity("Requests a second", rates),
            Quantity("The server's CPU meanwhile, % of a core", _each(results, _server_percent)),
        ],
    )


def _report(what: str) -> None:
    sys.stderr.write(f"  {what}\n")
