"""What one poll of one execution costs, in seconds of CPU, over connections kept alive.

All sides send to the same fast server from one process, in turn, and so often that other
programs on the machine disturb all of them alike. Ours returns a decoded, checked
snapshot; the plain ones return the body as parsed by ``json``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import attrs
import httpx
from datalab_api_client.api.default import get_workflows_executions_id as get_execution_status
from datalab_api_client.client import AuthenticatedClient

from benchmarks.apart import apart
from benchmarks.lean_server import Control, ServerProcess, World, base_url, url_of
from benchmarks.measuring import Goal, Quantity, Section, ratios
from datalab_facade import AsyncDatalab, Datalab

_KEY = "a-key-for-benchmarks"
_HEADERS = {"X-API-Key": _KEY}

_OURS = "ours"
_HTTPX = "plain httpx"
_AIOHTTP = "plain aiohttp"
_FASTER = 'ours, transport="aiohttp"'
_GENERATED = "bare generated client"
_THEIRS = "datalab-python-sdk"

_MOST_TIMES_HTTPX_SYNC = Goal(0.85)
_MOST_TIMES_HTTPX_ASYNC = Goal(0.7)
_MOST_TIMES_AIOHTTP = Goal(2.5)
_LEAST_TIMES_THE_CLIENTS = Goal(at_least=1.5)


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    rounds: int
    calls: int
    """How often each side calls in a round, before the next one has its turn."""
    answering: float
    """Seconds for which the server alone is asked."""


FULL = Scale(rounds=25, calls=150, answering=2.0)
QUICK = Scale(rounds=2, calls=5, answering=0.1)


def measure(scale: Scale) -> Iterator[Section]:
    """Measure a call of each side, blocking and async."""
    with ServerProcess() as server:
        given = {"port": server.port, "rounds": scale.rounds, "calls": scale.calls}
        blocking = apart(__name__, "blocking_sides", **given)
        asynchronous = apart(__name__, "async_sides", **given)
        alone = apart(
            "benchmarks.sides",
            "answering",
            port=server.port,
            seconds=scale.answering,
            connections=1,
            at_once=1,
        )
    yield _section("blocking", blocking, {_HTTPX: (_OURS, _MOST_TIMES_HTTPX_SYNC)})
    yield _section(
        "async",
        asynchronous,
        {_HTTPX: (_OURS, _MOST_TIMES_HTTPX_ASYNC), _AIOHTTP: (_FASTER, _MOST_TIMES_AIOHTTP)},
    )
    rate = alone["requests"] / alone["seconds"]
    yield Section(
        "The server of these calls, asked over one bare socket",
        ["If it answers faster than any client asks, it is not what was measured."],
        [
            Quantity(
                "requests a second, as a multiple of what the side asked for",
                {
                    f"{side}, {way}": [rate * seconds for seconds in result["seconds"][side]]
                    for way, result in (("blocking", blocking), ("async", asynchronous))
                    for side in result["seconds"]
                },
                _LEAST_TIMES_THE_CLIENTS,
            )
        ],
    )


def _section(way: str, result: dict[str, Any], compared: dict[str, tuple[str, Goal]]) -> Section:
    cost: dict[str, list[float]] = result["cpu"]
    quantities: list[Quantity] = []
    for plain, (judged, goal) in compared.items():
        if plain not in cost:
            continue
        multiples = {side: ratios(cost[side], cost[plain]) for side in cost if side != plain}
        mine = {side: multiples.pop(side) for side in (judged,) if side in multiples}
        what = f"CPU of the client, as a multiple of {plain}"
        quantities.append(Quantity(what, mine, goal if mine else None, multiples))
    microseconds = {side: [1e6 * seconds for seconds in each] for side, each in cost.items()}
    quantities.append(Quantity("CPU of the client, µs", microseconds))
    return Section(f"One status call, {way}, keep-alive", [], quantities, result["unmeasured"])


# --- in a process of their own --------------------------------------------------------


def blocking_sides(*, port: int, rounds: int, calls: int) -> dict[str, Any]:
    """Let the blocking sides take turns."""
    [execution_id] = Control(port).begin(World(1))
    url = url_of(port, execution_id)
    unmeasured: list[str] = []
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(Datalab(_KEY, base_url=base_url(port), requests_per_minute=None))
        plain = stack.enter_context(httpx.Client(headers=_HEADERS))
        generated = stack.enter_context(_generated(port))
        sides: dict[str, Callable[[], object]] = {
            _HTTPX: lambda: plain.get(url).json(),
            _OURS: lambda: ours.executions.get(execution_id),
            _GENERATED: lambda: get_execution_status.sync(execution_id, client=generated),
        }
        if (theirs := _official("DatalabClient", port, unmeasured)) is not None:
            sides[_THEIRS] = lambda: theirs.get_execution_status(execution_id)

        meter = _Meter(calls)
        for number in range(rounds + 1):
            for side, call in sides.items():
                with meter.reading(side, counts=number > 0):
                    for _ in range(calls):
                        call()
    return {"cpu": meter.cpu, "seconds": meter.seconds, "unmeasured": unmeasured}


async def async_sides(*, port: int, rounds: int, calls: int) -> dict[str, Any]:
    """Let the async sides take turns, each with one call at a time."""
    [execution_id] = Control(port).begin(World(1))
    url = url_of(port, execution_id)
    unmeasured: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        ours = await stack.enter_async_context(
            AsyncDatalab(_KEY, base_url=base_url(port), requests_per_minute=None)
        )
        plain = await stack.enter_async_context(httpx.AsyncClient(headers=_HEADERS))
        generated = await stack.enter_async_context(_generated(port))

        async def with_httpx() -> object:
            return (await plain.get(url)).json()

        sides: dict[str, Callable[[], Awaitable[object]]] = {
            _HTTPX: with_httpx,
            _OURS: lambda: ours.executions.get(execution_id),
            _GENERATED: lambda: get_execution_status.asyncio(execution_id, client=generated),
        }
        if _installed("aiohttp", unmeasured):
            session = await stack.enter_async_context(
                importlib.import_module("aiohttp").ClientSession(headers=_HEADERS)
            )

            async def with_aiohttp() -> object:
                async with session.get(url) as response:
                    return await response.json()

            sides[_AIOHTTP] = with_aiohttp
            faster = await stack.enter_async_context(
                AsyncDatalab(
                    _KEY,
                    base_url=base_url(port),
                    requests_per_minute=None,
                    transport="aiohttp",
                )
            )
            sides[_FASTER] = lambda: faster.executions.get(execution_id)
        if (theirs := _official("AsyncDatalabClient", port, unmeasured)) is not None:
            await stack.enter_async_context(theirs)
            sides[_THEIRS] = lambda: theirs.get_execution_status(execution_id)

        meter = _Meter(calls)
        for number in range(rounds + 1):
            for side, call in sides.items():
                with meter.reading(side, counts=number > 0):
                    for _ in range(calls):
                        await call()
    return {"cpu": meter.cpu, "seconds": meter.seconds, "unmeasured": unmeasured}


class _Meter:
    """Notes what a call of each side took, in each of its turns."""

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self.cpu: dict[str, list[float]] = {}
        self.seconds: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def reading(self, side: str, *, counts: bool) -> Iterator[None]:
        """Measure a turn; the first one warms up, and does not count."""
        gc.collect()
        began, used = time.perf_counter(), time.process_time()
        yield
        used, took = time.process_time() - used, time.perf_counter() - began
        if counts:
            self.cpu.setdefault(side, []).append(used / self._calls)
            self.seconds.setdefault(side, []).append(took / self._calls)


def _generated(port: int) -> AuthenticatedClient:
    return AuthenticatedClient(
        base_url=base_url(port), token=_KEY, prefix="", auth_header_name="X-API-Key"
    )


def _official(name: str, port: int, unmeasured: list[str]) -> Any:  # noqa: ANN401 - untyped
    if not _installed("datalab_sdk", unmeasured):
        return None
    sdk = importlib.import_module("datalab_sdk")
    return getattr(sdk, name)(api_key=_KEY, base_url=base_url(port))


def _installed(module: str, unmeasured: list[str]) -> bool:
    if importlib.util.find_spec(module) is not None:
        return True
    unmeasured.append(f"{module} is not installed")
    return False
