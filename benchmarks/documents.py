"""Documents: how often one is polled, how fast and in how much memory a file goes, and the cost.

How often is polled is counted on virtual time. Files and short conversions go over real sockets to
a server that does next to nothing, each side in a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import attrs
import httpx

from benchmarks.apart import apart
from benchmarks.form_server import FormServer
from benchmarks.measuring import Goal, Quantity, Section, forget_peak, peak_bytes, ratios
from datalab_facade import AsyncDatalab, Convert, Datalab, WaitPolicy
from datalab_facade.testing import Simulator, VirtualClock, connect
from datalab_facade.testing.document_scripts import DocumentScript

_KEY = "a-key-for-benchmarks"
_OURS, _HTTPX = "ours", "plain httpx"
_PDF = b"%PDF-1.7"
_MIB = 1 << 20
_LIMIT = 400


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    runs: int
    repeats: int
    size: int
    """Bytes of the large file."""
    rounds: int
    calls: int
    documents: int


FULL = Scale(runs=101, repeats=9, size=200_000_000, rounds=15, calls=60, documents=200)
QUICK = Scale(runs=3, repeats=1, size=2_000_000, rounds=2, calls=3, documents=10)


def measure(scale: Scale) -> Iterator[Section]:
    """Measure polling, sending and short conversions."""
    yield _cadence(3.0, scale.runs, (Goal(5), Goal(0.4)), (Goal(3), Goal(0.2)))
    yield _cadence(60.0, scale.runs, (Goal(16), Goal(2.5)), (None, None))
    yield _many(scale)
    with FormServer() as server:
        yield _upload(server, scale)
        yield _conversion(server, scale)


def _cadence(
    seconds: float,
    runs: int,
    unknown: tuple[Goal | None, Goal | None],
    learned: tuple[Goal | None, Goal | None],
) -> Section:
    quantities: list[Quantity] = []
    for known, goals in ((0, unknown), (3, learned)):
        seen = [_waited(seconds, known, seed) for seed in range(runs)]
        what = f"its kind was seen {known} times" if known else "nothing known of it"
        polls, lateness = zip(*seen, strict=True)
        quantities += [
            Quantity(f"requests after the submission, {what}", {_OURS: polls}, goals[0]),
            Quantity(f"seconds from its end to the result, {what}", {_OURS: lateness}, goals[1]),
        ]
    notes = [f"It takes up to a tenth more or less, as those before it did. {runs} runs."]
    return Section(f"A conversion of {seconds:g} s", notes, quantities)


def _waited(seconds: float, known: int, seed: int) -> tuple[float, float]:
    random = Random(seed)
    simulator = Simulator(VirtualClock())
    with connect(simulator, random=random.random) as client:
        for last in range(known + 1):
            takes = seconds * random.uniform(0.9, 1.1)
            simulator.documents.script(DocumentScript(seconds=takes))
            before, began = len(simulator.requests), simulator.clock.monotonic()
            client.documents.submit(Convert(), _PDF).wait()
            if last == known:
                late = simulator.clock.monotonic() - began - takes
                return len(simulator.requests) - before - 1, late
    raise AssertionError


def _many(scale: Scale) -> Section:
    refused: list[float] = []
    multiples: list[float] = []
    # Each document takes two requests at least, and the limit spaces them.
    ideal = max(2 * scale.documents / _LIMIT * 60, 3.0)
    for seed in range(scale.repeats):
        simulator = Simulator(VirtualClock(), rate_limit=(_LIMIT, 60.0))
        simulator.documents.script_always(DocumentScript(seconds=3.0))
        document = _PDF + bytes(1_000_000)
        random = Random(seed)
        with connect(simulator, requests_per_minute=_LIMIT, random=random.random) as client:
            documents = client.documents
            began = simulator.clock.monotonic()
            handles = (documents.submit(Convert(), document) for _ in range(scale.documents))
            outcomes = list(documents.as_completed(handles, concurrency=scale.documents))
            assert all(outcome.succeeded for outcome in outcomes)
            multiples.append((simulator.clock.monotonic() - began) / ideal)
        refused.append(sum(request.status == 429 for request in simulator.requests))
    return Section(
        f"{scale.documents} documents of 1 MB, 3 s each, at an enforced {_LIMIT} requests a minute",
        ["The ideal is a submission and a poll for each, as fast as the limit allows."],
        [
            Quantity("refused with 429", {_OURS: refused}, Goal(0)),
            Quantity("time, as a multiple of the ideal", {_OURS: multiples}, Goal(1.15)),
        ],
    )


def _upload(server: FormServer, scale: Scale) -> Section:
    seconds: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    stalls: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.pdf"
        path.write_bytes(_PDF + bytes(scale.size - len(_PDF)))
        for _ in range(scale.repeats):
            for way in ("blocking", "async"):
                for side in (_HTTPX, _OURS):
                    given = {"url": server.url, "path": str(path), "side": side}
                    sent = apart(__name__, f"{way}_upload", **given)
                    seconds.setdefault(f"{side}, {way}", []).append(sent["seconds"])
                    memory.setdefault(f"{side}, {way}", []).append(sent["memory"] / _MIB)
                    if side == _OURS and way == "async":
                        stalls.append(1e3 * sent["stall"])
    speeds = {
        f"{_OURS}, {way}": ratios(seconds[f"{_HTTPX}, {way}"], seconds[f"{_OURS}, {way}"])
        for way in ("blocking", "async")
    }
    plain = {side: values for side, values in memory.items() if side.startswith(_HTTPX)}
    mine = {side: values for side, values in memory.items() if side not in plain}
    return Section(
        f"A file of {scale.size / 1e6:g} MB in a form",
        ["Both stream the same file to the same server, and are alone in a process."],
        [
            Quantity("speed, as a multiple of plain httpx", speeds, Goal(at_least=0.9)),
            Quantity("memory above idle, MiB", mine, Goal(16), plain),
            Quantity("longest stall of the event loop, ms", {f"{_OURS}, async": stalls}),
        ],
    )


def _conversion(server: FormServer, scale: Scale) -> Section:
    given = {"url": server.url, "rounds": scale.rounds, "calls": scale.calls}
    cost = apart(__name__, "conversions", **given)
    multiples = {_OURS: ratios(cost[_OURS], cost[_HTTPX])}
    microseconds = {side: [1e6 * value for value in values] for side, values in cost.items()}
    return Section(
        "A short conversion, from the submission to the result",
        ["One form and one poll each; the plain side returns the body as parsed by json."],
        [
            Quantity("CPU of the client, as a multiple of plain httpx", multiples, Goal(1.3)),
            Quantity("CPU of the client, µs", microseconds),
        ],
    )


# --- in a process of their own --------------------------------------------------------


def blocking_upload(*, url: str, path: str, side: str) -> dict[str, float]:
    """Send a file in a form, blocking."""
    with contextlib.ExitStack() as stack:
        if side == _OURS:
            client = stack.enter_context(Datalab(_KEY, base_url=url))

            def send(source: Any) -> None:  # noqa: ANN401 - either side's
                client.documents.submit(Convert(mode="fast"), source)
        else:
            http = stack.enter_context(httpx.Client(trust_env=False, timeout=600))

            def send(source: Any) -> None:  # noqa: ANN401 - either side's
                http.post(f"{url}/api/v1/convert", data={"mode": "fast"}, files=_files(source))

        send(_PDF)
        forget_peak()
        idle, began = peak_bytes(), time.perf_counter()
        if side == _OURS:
            send(path)
        else:
            with Path(path).open("rb") as file:
                send(file)
        return {"seconds": time.perf_counter() - began, "memory": peak_bytes() - idle}


async def async_upload(*, url: str, path: str, side: str) -> dict[str, float]:
    """Send a file in a form, in an event loop."""
    async with contextlib.AsyncExitStack() as stack:
        if side == _OURS:
            client = await stack.enter_async_context(AsyncDatalab(_KEY, base_url=url))

            async def send(source: Any) -> None:  # noqa: ANN401 - either side's
                await client.documents.submit(Convert(mode="fast"), source)
        else:
            http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=600))

            async def send(source: Any) -> None:  # noqa: ANN401 - either side's
                form = {"data": {"mode": "fast"}, "files": _files(source)}
                await http.post(f"{url}/api/v1/convert", **form)

        await send(_PDF)
        forget_peak()
        watching = asyncio.create_task(_longest_stall())
        idle, began = peak_bytes(), time.perf_counter()
        if side == _OURS:
            await send(path)
        else:
            with Path(path).open("rb") as file:  # noqa: ASYNC230 - as plain code does it
                await send(file)
        seconds, memory = time.perf_counter() - began, peak_bytes() - idle
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        return {"seconds": seconds, "memory": memory, "stall": _STALLS[-1]}


_STALLS = [0.0]


async def _longest_stall() -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        _STALLS[-1] = max(_STALLS[-1], time.perf_counter() - began - 0.005)


def conversions(*, url: str, rounds: int, calls: int) -> dict[str, list[float]]:
    """Let both sides convert, in turns."""
    cost: dict[str, list[float]] = {_HTTPX: [], _OURS: []}
    policy = WaitPolicy(min_interval=0.001, jitter=0.0)
    options: Any = {"requests_per_minute": None, "duration_model": None, "policy": policy}
    with (
        Datalab(_KEY, base_url=url, **options) as ours,
        httpx.Client(headers={"X-API-Key": _KEY}) as plain,
    ):

        def with_httpx() -> object:
            form = {"data": {"mode": "fast"}, "files": _files(_PDF)}
            started = plain.post(f"{url}/api/v1/convert", **form).json()
            return plain.get(f"{url}/api/v1/convert/{started['request_id']}").json()

        sides: dict[str, Callable[[], object]] = {
            _HTTPX: with_httpx,
            _OURS: lambda: ours.documents.convert(_PDF, mode="fast"),
        }
        for number in range(rounds + 1):
            for side, convert in sides.items():
                began = time.process_time()
                for _ in range(calls):
                    convert()
                if number:
                    cost[side].append((time.process_time() - began) / calls)
    return cost


def _files(source: object) -> Any:  # noqa: ANN401 - as httpx takes them
    return {"file": ("a.pdf", source, "application/pdf")}
