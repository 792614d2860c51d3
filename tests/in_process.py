"""A Datalab in this process, and clients of it whose hours pass at once."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import attrs
import httpx

from datalab_facade import AsyncDatalab, Change, Datalab, Execution
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Origin,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
)
from datalab_facade.testing.jsonvalue import JSON
from tests.secrets_for_tests import API_KEY

SOON = ExecutionScript([StepScript("parse", ends=60), StepScript("extract", starts=60, ends=300)])
NEVER_ENDS = ExecutionScript([StepScript("parse", ends=None)])
FAILS = ExecutionScript([StepScript("parse", ends=60, outcome="FAILED", error="no pages")])


FINISHED: dict[str, JSON] = {"execution_id": 7, "status": "COMPLETED", "steps": {}}


def new_simulator() -> Simulator:
    """Give a Datalab on a clock of its own that takes the tests' key."""
    return Simulator(VirtualClock(), api_key=API_KEY)


class Recorder(SimulatorTransport):
    """Notes every request as httpx has it, and answers alike wherever it goes.

    Args:
        answer: what is answered in place of a finished execution.
    """

    def __init__(self, answer: Fault | None = None) -> None:
        simulator = new_simulator()
        simulator.inject_always(answer or Fault.status(200, FINISHED))
        super().__init__(simulator)
        self.requests: list[httpx.Request] = []

    def _origin(self, request: httpx.Request) -> Origin:
        self.requests.append(request)
        return "api"


def blocking(simulator: Simulator, **options: Any) -> Datalab:
    """Give a blocking client of it."""
    http = httpx.Client(transport=SimulatorTransport(simulator), follow_redirects=True)
    given: dict[str, Any] = {"api_key": API_KEY, "clock": simulator.clock, **options}
    return Datalab(http_client=http, **given)


def asynchronous(simulator: Simulator, **options: Any) -> AsyncDatalab:
    """Give an async client of it."""
    http = httpx.AsyncClient(transport=SimulatorTransport(simulator), follow_redirects=True)
    given: dict[str, Any] = {"api_key": API_KEY, "clock": simulator.clock, **options}
    return AsyncDatalab(http_client=http, **given)


@attrs.frozen
class Way:
    """One way to use the package, blocking or async, so that a test is written once."""

    runner: asyncio.Runner | None

    def client(self, simulator: Simulator, **options: Any) -> Any:
        """Give a client of a simulator."""
        make = blocking if self.runner is None else asynchronous
        return make(simulator, **options)

    def client_over(self, transport: SimulatorTransport, **options: Any) -> Any:
        """Give a client whose requests go to a transport of the test's own."""
        given = {"api_key": API_KEY, **options}
        if self.runner is None:
            return Datalab(http_client=httpx.Client(transport=transport), **given)
        return AsyncDatalab(http_client=httpx.AsyncClient(transport=transport), **given)

    def done(self, call: Any) -> Any:
        """Give what a call gave; a coroutine is run to its end."""
        if not inspect.iscoroutine(call):
            return call
        assert self.runner is not None
        return self.runner.run(call)

    def changes(self, watched: Any, *, most: int | None = None) -> list[Change[Execution]]:
        """Give the changes of a watch, left after the first so many."""
        told: list[Change[Execution]] = []
        if self.runner is None:
            for change in watched:
                told.append(change)
                if len(told) == most:
                    break
            watched.close()
            return told

        async def follow() -> None:
            async for change in watched:
                told.append(change)
                if len(told) == most:
                    break
            await watched.aclose()

        self.runner.run(follow())
        return told
