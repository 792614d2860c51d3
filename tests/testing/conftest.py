"""A simulator on a virtual clock, and four ways for a request to reach it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datalab_facade.testing import (
    ExecutionScript,
    Simulator,
    SimulatorServer,
    StepScript,
    VirtualClock,
)
from tests.ways import Way

from .carriers import Carrier


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def simulator(clock: VirtualClock) -> Simulator:
    return Simulator(clock)


@pytest.fixture
def execution_path(simulator: Simulator, clock: VirtualClock) -> str:
    """The path of the status endpoint of a complete execution."""
    execution_id = simulator.start(ExecutionScript([StepScript("parse", ends=120)]))
    clock.advance(120)
    return f"/api/v1/workflows/executions/{execution_id}"


@pytest.fixture(params=["in process", "socket"])
def carrier(request: pytest.FixtureRequest, simulator: Simulator, way: Way) -> Iterator[Carrier]:
    if request.param == "in process":
        yield Carrier(simulator, None, way)
        return
    with SimulatorServer(simulator) as server:
        yield Carrier(simulator, server, way)
