"""A Datalab whose storage misbehaves, and both kinds of client for it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import attrs
import pytest

from datalab_facade import Execution, Output, Status, Step, StepRun, Steps
from datalab_facade.testing import Simulator, SimulatorServer
from tests.outputs.bad_storage import BadStorage
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

# Reading all certificates there are takes longer than most tests.
_TLS = ssl.create_default_context()


class HastyClock:
    """The machine's clock, but whoever sleeps by it is set forward in time instead."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.slept)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@attrs.define
class Side:
    """The outputs of a client of the one or of the other kind, at an API on loopback."""

    way: Way
    api_url: str
    clock: HastyClock = attrs.field(factory=HastyClock)
    _client: Any = None

    def __attrs_post_init__(self) -> None:
        self.client()

    def client(self, **options: Any) -> Any:
        """Give a new client; it is closed after the test."""
        options = {"base_url": self.api_url, "clock": self.clock, **options}
        self._client = self.way.network_client(**options)
        return self._client

    def http(self, **options: Any) -> Any:
        """Give a new HTTP client of a user's own; it is closed after the test."""
        return self.way.http_client(verify=_TLS, **options)

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of ``client.outputs``."""
        return self.way.done(getattr(self._client.outputs, method)(*args, **options))

    def streamed(
        self, output: Output, *, most: int | None = None, pause: float = 0, **options: Any
    ) -> list[bytes]:
        """Give the chunks of ``client.outputs.stream``, left after the first so many.

        Before it wants another one, the reader is busy with other things for a while.
        """

        def enough(piece: bytes) -> bool:
            pieces.append(piece)
            time.sleep(pause)
            return len(pieces) == most

        opened, pieces = self.opened(output, **options), list[bytes]()
        if not self.way.is_async:
            with opened as chunks:
                for chunk in chunks:
                    if enough(chunk):
                        break
            return pieces

        async def read() -> list[bytes]:
            async with opened as chunks:
                async for chunk in chunks:
                    if enough(chunk):
                        break
            return pieces

        return self.way.done(read())

    def opened(self, output: Output, **options: Any) -> Any:
        """Call ``client.outputs.stream``."""
        return self._client.outputs.stream(output, **options)

    def busy_connections(self) -> int:
        """Tell how many connections to storage are not idle."""
        storage = self._client._storage._pool
        if storage._shared is None:
            # Those in use are not there.
            return sum(not one._connection.is_idle() for one in storage._idle)
        pool = storage._shared.client._transport._pool
        return sum(not one.is_idle() for one in pool.connections)


@pytest.fixture
def storage() -> Iterator[BadStorage]:
    """Give a storage that does what a test says."""
    with BadStorage() as storage:
        yield storage


@pytest.fixture
def simulator() -> Simulator:
    """Give the Datalab that hands out the URLs."""
    return Simulator(api_key=API_KEY)


@pytest.fixture
def server(simulator: Simulator, storage: BadStorage) -> Iterator[SimulatorServer]:
    """Serve its API; its outputs are in the storage that misbehaves."""
    with SimulatorServer(simulator) as server:
        simulator.storage_origin = storage.origin
        yield server


@pytest.fixture
def side(server: SimulatorServer, way: Way) -> Side:
    """Give one way to use outputs."""
    return Side(way, server.api_url)


def output_at(url: str, execution_id: int = 1001, step: str = "parse") -> Output:
    """Give an output as an execution tells of it."""
    return Output(
        execution_id=execution_id, step=step, file_key=None, url=url, status=Status.COMPLETED
    )


RunAt: TypeAlias = tuple[str, str, str]
"""A run: its step, its file, and where its output is."""


def execution_of(*runs: RunAt, status: Status = Status.COMPLETED) -> Execution:
    """Give an execution whose outputs are anywhere."""
    steps: dict[str, list[StepRun]] = {}
    for step, file_key, url in runs:
        steps.setdefault(step, []).append(StepRun(file_key=file_key, status=status, output_url=url))
    return Execution(
        id=1001,
        status=status,
        steps=Steps([Step(name=name, runs=tuple(runs)) for name, runs in steps.items()]),
    )


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for something that happens elsewhere, and fail if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)
