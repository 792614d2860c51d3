"""The deadline is hard, whatever the server does to the socket."""

from __future__ import annotations

import math
from typing import Any

import pytest

from datalab_facade import (
    APIConnectionError,
    APITimeoutError,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.clock import SystemClock
from datalab_facade.testing import ExecutionScript, Fault, Simulator, SimulatorServer, StepScript
from datalab_facade.transport.network.connector import Deadline
from datalab_facade.transport.network.resolving import Resolver
from datalab_facade.transport.network.sockets import Network
from tests.sockets.conftest import Caller

NEVER_ENDS = ExecutionScript([StepScript("parse", ends=None)])
ENDS_SOON = ExecutionScript([StepScript("parse", ends=0.3)])
HASTY = WaitPolicy(min_interval=0.1, retry_backoff=0.05)
# What is not bounded takes seconds more; a busy machine may take a part of one.
GRACE = 0.75

FAULTS = {
    "hangs": Fault.hang(),
    "hangs in the middle of the body": Fault.hang(after=20),
    "drips the body": Fault.slow(1, every=0.2),
    "drips the headers": Fault.slow(1, every=0.2, headers=True),
    "is slow": Fault.delay(5),
    "resets": Fault.reset(),
    "cuts the body": Fault.truncate(20),
    "disconnects": Fault.disconnect(),
    "answers HTML": Fault.html(),
    "answers invalid JSON": Fault.invalid_json(),
    "fails": Fault.status(503),
    "wants an hour": Fault.status(429, headers={"Retry-After": "3600"}),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_wait_is_over_by_its_deadline(simulator: Simulator, call: Caller, fault: Fault) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.inject_always(fault, origin="api")
    outcome = call(
        "wait", execution_id, timeout=0.6, policy=WaitPolicy(min_interval=0.1, max_retries=1_000)
    )
    assert isinstance(outcome.error, WaitTimeoutError)
    assert outcome.error.id == execution_id
    assert outcome.seconds <= 0.6 + GRACE


@pytest.mark.parametrize("name", ["hangs", "drips the body", "drips the headers"])
def test_a_single_look_is_over_by_its_timeout(
    simulator: Simulator, call: Caller, name: str
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.inject_always(FAULTS[name], origin="api")
    outcome = call("get", execution_id, timeout=0.5)
    assert isinstance(outcome.error, APITimeoutError)
    assert outcome.seconds <= 0.5 + GRACE


PASSING = {name: fault for name, fault in FAULTS.items() if name != "wants an hour"}
PASSING["wants half a second"] = Fault.status(429, headers={"Retry-After": "0.5"})


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_wait_outlives_what_goes_wrong_on_the_way(
    simulator: Simulator, call: Caller, fault: Fault
) -> None:
    execution_id = simulator.start(ENDS_SOON)
    simulator.inject(fault, fault)
    outcome = call(
        "wait",
        execution_id,
        timeout=20,
        policy=WaitPolicy(
            min_interval=0.1, retry_backoff=0.05, max_retry_after=0.2, request_timeout=0.3
        ),
    )
    assert outcome.error is None
    assert outcome.result.succeeded


def test_an_answer_that_is_only_slow_is_taken(simulator: Simulator, call: Caller) -> None:
    execution_id = simulator.start(ENDS_SOON)
    simulator.inject(Fault.delay(0.3), Fault.slow(50, every=0.02))
    outcome = call("wait", execution_id, timeout=20, policy=HASTY)
    assert outcome.result.succeeded
    assert len(simulator.requests) <= 6


def test_nobody_there_is_a_connection_that_failed(call: Caller, server: SimulatorServer) -> None:
    server.stop()
    outcome = call("get", 1, max_retries=0)
    assert isinstance(outcome.error, APIConnectionError)
    assert not outcome.error.may_have_arrived


@pytest.mark.parametrize("seconds", [1e10, 1e300])
@pytest.mark.parametrize("method", ["get", "wait"])
def test_a_time_of_centuries_is_as_good_as_any(
    simulator: Simulator, call: Caller, method: str, seconds: float
) -> None:
    execution_id = simulator.start(ENDS_SOON)
    options: dict[str, Any] = {"policy": HASTY} if method == "wait" else {}
    outcome = call(method, execution_id, timeout=seconds, request_timeout=seconds, **options)
    assert outcome.error is None
    assert outcome.result.id == execution_id


def test_the_system_is_asked_for_no_sleep_that_it_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    for seconds in (1.5, 1e10, math.inf):
        SystemClock().sleep(seconds)
    assert slept[0] == 1.5
    assert max(slept) <= 1e7


def test_nothing_is_left_of_a_time_that_is_over() -> None:
    network = Network(Resolver())
    with Deadline(network, -1.0), pytest.raises(TimeoutError, match="is over"):
        network.left_of(5.0, TimeoutError)
    assert network.left_of(5.0, TimeoutError) == 5.0
