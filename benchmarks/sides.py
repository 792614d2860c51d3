"""The clients that are measured, each in a process of its own.

:func:`run` starts one, ``python -m benchmarks.sides NAME ARGUMENTS``, and returns what it
measured. A side warms up first, so imports and connections are not measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any, Literal, cast

import httpx

from benchmarks.lean_server import Control, World, base_url, url_of
from benchmarks.measuring import resident_bytes
from datalab_facade import AsyncDatalab, Datalab, DatalabError, Execution, Outcome, WaitPolicy
from datalab_facade.client_options import ClientOptions
from datalab_facade.transport.permits import MOST_UNDER_WAY

_KEY = "a-key-for-benchmarks"
_HEADERS = {"X-API-Key": _KEY}
_MOST_TO_WARM_UP = 256

Ids = Iterable[int]
Result = dict[str, Any]


def _warm_up(port: int, many: int) -> range:
    """Begin with some executions that end at once."""
    return Control(port).begin(World(min(many, _MOST_TO_WARM_UP), polls=1))


def _every(interval: float) -> WaitPolicy:
    """Return the policy that polls again after so many seconds, whatever was learned."""
    return WaitPolicy(min_interval=interval, max_interval=interval, interval_growth=0.0)


def run(side: str, **arguments: object) -> Result:
    """Run a side in a process of its own, and give what it measured.

    Raises:
        RuntimeError: It failed.
    """
    command = [sys.executable, "-m", __name__, side, json.dumps(arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"The side {side}{arguments} failed:\n{ended.stderr}")
    return cast("Result", json.loads(ended.stdout))


# --- waits that wait ------------------------------------------------------------------


class HastyClock:
    """A clock that first runs fast and then, from one moment on, as clocks do.

    With it a client passes within seconds the hour that its rate limit needs for a first poll of
    every execution, and is then in the state that it would be in after
    that hour.
    """

    def __init__(self, speed: float) -> None:
        now = time.monotonic()
        self._course = (now, now, speed)
        self._date = datetime.now(UTC) - timedelta(seconds=now)

    def calm_down(self) -> None:
        """Run as clocks do from now on."""
        self._course = (time.monotonic(), self.monotonic(), 1.0)

    def monotonic(self) -> float:
        """Read the clock."""
        since, reading, speed = self._course
        return reading + (time.monotonic() - since) * speed

    def now(self) -> datetime:
        """Read the date and time."""
        return self._date + timedelta(seconds=self.monotonic())

    def sleep(self, seconds: float) -> None:
        """Block the thread."""
        time.sleep(seconds / self._course[2])

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the task."""
        await asyncio.sleep(seconds / self._course[2])


# The defaults, but for what would end a wait or a request while the clock runs fast.
_PATIENT: ClientOptions = {
    "timeout": 1e9,
    "request_timeout": 1e6,
    "policy": WaitPolicy(timeout=1e9, request_timeout=1e6),
}
_SPEED = 5_000.0
_LONGEST_FIRST_ROUND = 600.0
_SETTLING = 0.5


class _Parked:
    """Measures a client with many waits, each polled once, that sleep until the next poll."""

    def __init__(self, port: int, many: int, *, trace: bool) -> None:
        self._control = Control(port)
        self._trace = trace
        self._world = World(many)
        self.ids = list(self._world.ids)
        self.clock = HastyClock(_SPEED)
        self.result: Result = {}

    def begin(self) -> None:
        """Take note of what there was before the first wait."""
        self._control.begin(self._world)
        gc.collect()
        if self._trace:
            tracemalloc.start()
        self._resident = resident_bytes()

    def round_over(self) -> bool:
        """Tell whether each execution has been polled."""
        return self._control.stats().seen == self._world.many

    def settled(self) -> None:
        """Measure the memory, and begin with the window."""
        gc.collect()
        many = self._world.many
        self.result["resident"] = (resident_bytes() - self._resident) / many
        if self._trace:
            self.result["allocated"] = tracemalloc.get_traced_memory()[0] / many
            tracemalloc.stop()
        self._polls = self._control.stats().requests
        self._began, self._cpu = time.monotonic(), time.process_time()

    def over(self) -> Result:
        """Measure the CPU that the window took."""
        cpu, took = time.process_time() - self._cpu, time.monotonic() - self._began
        self.result["share"] = cpu / took
        self.result["polls"] = self._control.stats().requests - self._polls
        return self.result


async def parked_async(*, port: int, many: int, window: float, trace: bool, tasks: bool) -> Result:
    """Let one call of ``as_completed``, or a task for each execution, wait."""
    parked = _Parked(port, many, trace=trace)
    async with AsyncDatalab(
        _KEY, base_url=base_url(port), clock=parked.clock, **_PATIENT
    ) as client:

        async def all_of(ids: Ids) -> None:
            if tasks:
                await asyncio.gather(*map(client.executions.wait, ids))
            else:
                async for outcome in client.executions.as_completed(ids, concurrency=many):
                    outcome.result()

        await asyncio.gather(*map(client.executions.get, _warm_up(port, many)))
        parked.begin()
        waiting = asyncio.create_task(all_of(parked.ids))
        async with asyncio.timeout(_LONGEST_FIRST_ROUND):
            while not (waiting.done() or parked.round_over()):  # noqa: ASYNC110 - server knows
                await asyncio.sleep(0.1)
        parked.clock.calm_down()
        await asyncio.sleep(_SETTLING)
        parked.settled()
        await asyncio.wait([waiting], timeout=window)
        result = parked.over()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
            raise RuntimeError("A wait ended, although its execution never does")
    return result


def parked_sync(*, port: int, many: int, window: float, trace: bool) -> Result:
    """The same in one thread, without an event loop."""
    parked = _Parked(port, many, trace=trace)
    client = Datalab(_KEY, base_url=base_url(port), clock=parked.clock, **_PATIENT)

    def all_of(ids: Ids) -> None:
        for outcome in client.executions.as_completed(ids, concurrency=many):
            outcome.result()

    for execution_id in _warm_up(port, many):
        client.executions.get(execution_id)
    parked.begin()
    # It cannot be stopped, and ends with the process.
    waiting = threading.Thread(target=all_of, args=(parked.ids,), daemon=True)
    waiting.start()
    give_up = time.monotonic() + _LONGEST_FIRST_ROUND
    while not parked.round_over():
        if not waiting.is_alive() or time.monotonic() > give_up:
            raise RuntimeError("Some executions were not polled")
        time.sleep(0.1)
    parked.clock.calm_down()
    time.sleep(_SETTLING)
    parked.settled()
    time.sleep(window)
    return parked.over()


# --- a server that says no ------------------------------------------------------------


async def limited(
    *, port: int, world: Result, interval: float, requests_per_minute: float | None, tasks: bool
) -> Result:
    """Wait for executions on a server that refuses what goes beyond its limit."""
    async with AsyncDatalab(
        _KEY,
        base_url=base_url(port),
        requests_per_minute=requests_per_minute,
        policy=_every(interval),
    ) as client:
        for execution_id in _warm_up(port, 1):
            await client.executions.get(execution_id)
        ids = Control(port).begin(World(**world))
        with _measured(port, len(ids)) as measured:
            find = _by_tasks if tasks else _by_scheduler
            measured.found = await find(client, ids)
    return measured.result


# --- as much as there is --------------------------------------------------------------


class _Measured:
    """What a load took."""

    def __init__(self, many: int) -> None:
        self._many = many
        self.found = 0
        self.result: Result = {}


@contextlib.contextmanager
def _measured(port: int, many: int) -> Iterator[_Measured]:
    control, measured = Control(port), _Measured(many)
    gc.collect()
    before = control.stats()
    began, cpu = time.monotonic(), time.process_time()
    yield measured
    cpu, took = time.process_time() - cpu, time.monotonic() - began
    after = control.stats()
    measured.result = {
        "cpu": cpu,
        "seconds": took,
        "requests": after.requests - before.requests,
        "refused": after.refused - before.refused,
        "server_cpu": after.cpu - before.cpu,
        "lost": many - measured.found,
    }


async def _by_scheduler(client: AsyncDatalab, ids: Ids) -> int:
    wanted = list(ids)
    outcomes = client.executions.as_completed(wanted, concurrency=len(wanted))
    return len({outcome.id async for outcome in outcomes if outcome.succeeded})


async def _by_tasks(client: AsyncDatalab, ids: Ids) -> int:
    waits = await asyncio.gather(*map(client.executions.wait, ids), return_exceptions=True)
    return sum(not isinstance(one, BaseException) and one.succeeded for one in waits)


async def load_async(
    *,
    port: int,
    many: int,
    polls: int,
    interval: float,
    tasks: bool,
    transport: Literal["httpx", "aiohttp"] = "httpx",
) -> Result:
    """Wait with AsyncDatalab: in one call of ``as_completed``, or in a task for each."""
    find = _by_tasks if tasks else _by_scheduler
    async with AsyncDatalab(
        _KEY,
        base_url=base_url(port),
        requests_per_minute=None,
        policy=_every(interval),
        transport=transport,
    ) as client:
        await asyncio.gather(*map(client.executions.get, _warm_up(port, many)))
        ids = Control(port).begin(World(many, polls))
        with _measured(port, many) as measured:
            measured.found = await find(client, ids)
    return measured.result


def load_sync(
    *, port: int, many: int, polls: int, interval: float, threads: int, loop: bool
) -> Result:
    """Wait with Datalab, in threads: with ``as_completed``, or for one after the other."""
    with Datalab(
        _KEY, base_url=base_url(port), requests_per_minute=None, policy=_every(interval)
    ) as client:

        def scheduled(ids: Ids) -> int:
            share = list(ids)
            outcomes = client.executions.as_completed(share, concurrency=len(share))
            return sum(outcome.succeeded for outcome in outcomes)

        def in_turn(ids: Ids) -> int:
            return sum(_waited(client, execution_id).succeeded for execution_id in ids)

        def poll(ids: Ids) -> int:
            return sum(client.executions.get(execution_id).succeeded for execution_id in ids)

        find = in_turn if loop else scheduled
        _in_threads(poll, _warm_up(port, many), threads)
        ids = Control(port).begin(World(many, polls))
        with _measured(port, many) as measured:
            measured.found = _in_threads(find, ids, threads)
    return measured.result


def _waited(client: Datalab, execution_id: int) -> Outcome[Execution, int]:
    try:
        return Outcome(id=execution_id, snapshot=client.executions.wait(execution_id))
    except DatalabError as error:
        return Outcome(id=execution_id, error=error)


def _in_threads(find: Callable[[Ids], int], ids: Ids, threads: int) -> int:
    wanted = list(ids)
    if threads == 1:
        return find(wanted)
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(find, (wanted[start::threads] for start in range(threads))))


async def plain_httpx_async(*, port: int, many: int, polls: int) -> Result:
    """Make the same requests with httpx alone."""
    async with httpx.AsyncClient(headers=_HEADERS) as client:

        async def get(url: str) -> bool:
            response = await client.get(url)
            return _ended(response.json())

        return await _plain_async(get, port, many, polls)


async def plain_aiohttp(*, port: int, many: int, polls: int) -> Result:
    """Make the same requests with aiohttp alone."""
    aiohttp = importlib.import_module("aiohttp")
    async with aiohttp.ClientSession(headers=_HEADERS) as session:

        async def get(url: str) -> bool:
            async with session.get(url) as response:
                return _ended(await response.json())

        return await _plain_async(get, port, many, polls)


async def _plain_async(get: Callable[[str], Any], port: int, many: int, polls: int) -> Result:
    async def all_of(ids: Ids, polls: int) -> int:
        urls = _rounds(port, ids, polls)

        async def work() -> int:
            return sum([await get(url) for url in urls])

        return sum(await asyncio.gather(*(work() for _ in range(MOST_UNDER_WAY))))

    await all_of(_warm_up(port, many), 1)
    ids = Control(port).begin(World(many, polls))
    with _measured(port, many) as measured:
        measured.found = await all_of(ids, polls)
    return measured.result


def plain_httpx_sync(*, port: int, many: int, polls: int, threads: int) -> Result:
    """Make the same requests with httpx alone, from threads that share its client."""
    with httpx.Client(headers=_HEADERS) as client:

        def all_of(ids: Ids, polls: int) -> int:
            def work(share: Ids) -> int:
                return sum(_ended(client.get(url).json()) for url in _rounds(port, share, polls))

            return _in_threads(work, ids, threads)

        all_of(_warm_up(port, many), 1)
        ids = Control(port).begin(World(many, polls))
        with _measured(port, many) as measured:
            measured.found = all_of(ids, polls)
    return measured.result


def _rounds(port: int, ids: Ids, polls: int) -> Iterator[str]:
    return (url_of(port, i) for i in chain.from_iterable(repeat(list(ids), polls)))


def _ended(answer: Any) -> bool:  # noqa: ANN401 - JSON
    return bool(answer["status"] == "COMPLETED")


# --- the server alone -----------------------------------------------------------------


def answering(*, port: int, seconds: float, connections: int, at_once: int) -> Result:
    """Ask with bare sockets, so many requests at once on each, to see what the server can do."""
    control = Control(port)
    [execution_id] = control.begin(World(1))
    request = (
        f"GET {httpx.URL(url_of(port, execution_id)).path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nX-API-Key: {_KEY}\r\n\r\n"
    ).encode()
    length = _length_of_answer(port, request)
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(connections)
        ]
        before, began = control.stats(), time.monotonic()
        while time.monotonic() < began + seconds:
            for connection in opened:
                connection.sendall(request * at_once)
            for connection in opened:
                _receive(connection, at_once * length)
        took, after = time.monotonic() - began, control.stats()
    return {
        "seconds": took,
        "requests": after.requests - before.requests,
        "server_cpu": after.cpu - before.cpu,
    }


def _length_of_answer(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        return len(connection.recv(1 << 16))


def _receive(connection: socket.socket, many: int) -> None:
    while many > 0:
        part = connection.recv(1 << 20)
        if not part:
            raise RuntimeError("The server closed the connection")
        many -= len(part)


_SIDES: dict[str, Callable[..., Any]] = {
    side.__name__: side
    for side in (
        parked_async,
        parked_sync,
        limited,
        load_async,
        load_sync,
        plain_httpx_async,
        plain_aiohttp,
        plain_httpx_sync,
        answering,
    )
}


def _main() -> None:
    name, arguments = sys.argv[1:]
    side, given = _SIDES[name], json.loads(arguments)
    result = asyncio.run(side(**given)) if asyncio.iscoroutinefunction(side) else side(**given)
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    _main()
