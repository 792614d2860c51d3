"""A call may be cancelled or interrupted anywhere, and its client is as good as new afterwards.

Each call is cancelled at one of its steps, or of the steps of the tasks that it began; or,
blocking, interrupted where it reads the clock, sleeps, sends or receives. Some of these places
are tried, and all of them where ``DATALAB_FUZZ=long`` is set.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from datalab_facade import AsyncDatalab, Datalab, StepDefinition
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
)
from tests.fuzzing import LONG
from tests.secrets_for_tests import API_KEY

PLACES = 10_000 if LONG else 16
LATENCY = 0.25
WITH_OUTPUT = ExecutionScript(
    [StepScript("parse", ends=5, output={"pages": [1]}), StepScript("extract", ends=9, output=b"x")]
)


class Pipe(io.BytesIO):
    """Cannot seek, so that it is copied to a temporary file."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


class World:
    """A Datalab in this process, and what a call may use of it."""

    def __init__(self, folder: Path) -> None:
        self.clock: VirtualClock = VirtualClock()
        self.folder = folder
        self.point: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Begin, on the clock that was chosen."""
        self.simulator = Simulator(self.clock, API_KEY)
        self.simulator.inject_always(Fault.delay(LATENCY))
        self.transport = CountingTransport(self.simulator, self)
        self.ids = [self.simulator.start(WITH_OUTPUT) for _ in range(3)]
        step = StepDefinition(step_key="marker_parse", unique_name="parse")
        self.workflow_id = self.simulator.workflows.add("Ours", [step.to_dict()])
        self.papers = [self.folder / name for name in ("a.pdf", "b.pdf")]
        for paper in self.papers:
            paper.write_bytes(b"%PDF " * 40)
        self.output = self.folder / "to"
        self.output.mkdir()


class CountingTransport(SimulatorTransport):
    """Tells how many answers have been begun and not been closed."""

    def __init__(self, simulator: Simulator, world: World) -> None:
        super().__init__(simulator)
        self._world = world
        self.open = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._world.point()
        response = super().handle_request(request)
        self._world.point()
        return self._counted(response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._counted(await super().handle_async_request(request))

    def _counted(self, response: httpx.Response) -> httpx.Response:
        self.open += 1
        stream = _CountedStream(self, response.stream, self._world.point)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=stream,
            extensions=response.extensions,
        )


class _CountedStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, transport: CountingTransport, inner: Any, point: Callable[[], None]) -> None:
        self._transport = transport
        self._inner = inner
        self._point = point
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            self._point()
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            await asyncio.sleep(0)
            yield piece

    def close(self) -> None:
        self._transport.open -= not self._closed
        self._closed = True

    async def aclose(self) -> None:
        self.close()


async def many(updates: Any) -> list[Any]:
    return [update async for update in updates]


CALLS: dict[str, Callable[[Any, World], Any]] = {
    "get": lambda client, world: client.executions.get(world.ids[0]),
    "wait": lambda client, world: client.executions.wait(world.ids[0]),
    "wait_many": lambda client, world: client.executions.wait_many(world.ids),
    "as_completed": lambda client, world: client.executions.as_completed(world.ids),
    "watch_many": lambda client, world: client.executions.watch_many(iter(world.ids)),
    "save_all": lambda client, world: client.outputs.save_all(world.ids[0], world.output),
    "upload": lambda client, world: client.files.upload(Pipe(b"%PDF"), name="a.pdf"),
    "upload_many": lambda client, world: client.files.upload_many(
        [*world.papers, ("c.pdf", Pipe(b"%PDF"))]
    ),
    "run": lambda client, world: client.run(
        world.workflow_id, world.papers, output_dir=world.folder / "run"
    ),
}
each_call = pytest.mark.parametrize("name", CALLS)
pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3_600 if LONG else 60)]


def some_of(steps: int) -> list[int]:
    """Give the places to try of so many, the first and the last ones among them."""
    if steps <= PLACES:
        return list(range(1, steps + 1))
    ends = range(1, PLACES // 4)
    spread = (1 + place * steps // PLACES for place in range(PLACES))
    return sorted({*ends, *spread, *(steps - end for end in ends)})


def descriptors() -> set[tuple[str, str]]:
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add((link.name, str(link.readlink())))
    return found


@pytest.fixture
def world_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], World]:
    """Give a fresh world for each place, and a folder for temporary files that stays empty."""

    def fresh(place: int) -> World:
        folder = tmp_path / str(place)
        (folder / "temporary").mkdir(parents=True)
        monkeypatch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        return World(folder)

    return fresh


def check_as_new(world: World, client: Any, before: set[tuple[str, str]], place: str) -> None:
    gate = client._api.admission
    assert (gate.under_way, gate.waiting) == (0, 0), f"room that is not given back, {place}"
    assert world.transport.open == 0, f"answers that are not closed, {place}"
    assert list((world.folder / "temporary").iterdir()) == [], place
    # A thread that reads a file cannot be stopped; it closes the file soon.
    end = time.monotonic() + 20
    while (left := descriptors() - before) and time.monotonic() < end:
        time.sleep(0.001)
    assert left == set(), place


class _Steps:
    """Counts the steps of all tasks of a loop, and cancels one of them at one step."""

    def __init__(self, place: int) -> None:
        self.taken = 0
        self.target: asyncio.Task[Any] | None = None
        self._place = place

    def factory(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_Stepping(coroutine, self), loop=loop, **options)

    def take(self) -> None:
        if self.target is None or self.target.done():
            return
        self.taken += 1
        if self.taken == self._place:
            self.target.cancel()


class _Stepping(Coroutine[Any, Any, Any]):
    def __init__(self, inner: Any, steps: _Steps) -> None:
        self._inner = inner
        self._steps = steps

    def send(self, value: Any) -> Any:
        self._steps.take()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError


async def cancelled_at(place: int, name: str, world: World) -> int:
    """Cancel a call at a step, check what is left, and give how many steps it took."""
    steps = _Steps(place)
    asyncio.get_running_loop().set_task_factory(steps.factory)
    http = httpx.AsyncClient(transport=world.transport)
    async with AsyncDatalab(API_KEY, clock=world.clock, http_client=http) as client:
        await client.executions.get(world.ids[0])
        before = descriptors()

        async def call() -> None:
            result = CALLS[name](client, world)
            await (many(result) if hasattr(result, "__aiter__") else result)

        task = steps.target = asyncio.create_task(call())
        await asyncio.wait([task])
        for _ in range(5):
            await asyncio.sleep(0)
        told = f"{name} cancelled at step {place}"
        assert task.cancelled() or task.exception() is None, told
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            # A thread that opens a file cannot be stopped; it closes what nobody wants.
            await asyncio.wait(others, timeout=20)
        assert asyncio.all_tasks() == {asyncio.current_task()}, told
        check_as_new(world, client, before, told)
        began = world.clock.monotonic()
        await client.executions.get(world.ids[0])
        assert world.clock.monotonic() - began <= LATENCY + 0.31, told
    return steps.taken


@each_call
def test_cancelled_at_any_step(name: str, world_in: Callable[[int], World]) -> None:
    def attempt(place: int) -> int:
        world = world_in(place)
        world.open()
        return asyncio.run(cancelled_at(place, name, world))

    for place in some_of(attempt(-1)):
        attempt(place)


@each_call
def test_cancelled_twice(name: str, world_in: Callable[[int], World]) -> None:
    """The second time as what the first one left is being cleared up."""

    class Impatient(_Steps):
        def take(self) -> None:
            super().take()
            if self.target is not None and not self.target.done() and self.taken == self._place + 1:
                self.target.cancel()

    def attempt(place: int, monkeypatch: pytest.MonkeyPatch) -> int:
        world = world_in(place)
        world.open()
        monkeypatch.setitem(globals(), "_Steps", Impatient)
        return asyncio.run(cancelled_at(place, name, world))

    with pytest.MonkeyPatch.context() as monkeypatch:
        steps = attempt(-1, monkeypatch)
        for place in some_of(steps)[:: 1 if PLACES > 1_000 else 2]:
            attempt(place, monkeypatch)


class Interrupting(VirtualClock):
    """Is interrupted at one of the moments at which the main thread comes to it."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self._place = place
        self._main = threading.get_ident()
        self.taken = 0
        self.armed = False

    def point(self) -> None:
        if self.armed and threading.get_ident() == self._main:
            self.taken += 1
            if self.taken == self._place:
                raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        self.point()
        super().sleep(seconds)

    def monotonic(self) -> float:
        self.point()
        return super().monotonic()


def interrupted_at(place: int, name: str, world: World) -> int:
    """Interrupt a call, check what is left, and give how many places there were."""
    clock = world.clock = Interrupting(place)
    world.open()
    world.point = clock.point
    http = httpx.Client(transport=world.transport)
    with Datalab(API_KEY, clock=clock, http_client=http) as client:
        client.executions.get(world.ids[0])
        before, threads = descriptors(), threading.active_count()
        clock.armed = True
        with contextlib.suppress(KeyboardInterrupt):
            result = CALLS[name](client, world)
            if hasattr(result, "__next__"):
                with contextlib.closing(result):
                    list(result)
        clock.armed = False
        told = f"{name} interrupted at place {place}"
        assert threading.active_count() == threads, told
        check_as_new(world, client, before, told)
        began = clock.monotonic()
        client.executions.get(world.ids[0])
        assert clock.monotonic() - began <= LATENCY + 0.31, told
    return clock.taken


@each_call
def test_interrupted_anywhere(name: str, world_in: Callable[[int], World]) -> None:
    for place in some_of(interrupted_at(-1, name, world_in(0))):
        interrupted_at(place, name, world_in(place))
