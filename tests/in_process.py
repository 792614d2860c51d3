"""A Datalab in this process, and clients of it whose hours pass at once."""

from __future__ import annotations

from typing import Any

import httpx

from datalab_facade import AsyncDatalab, Datalab
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
