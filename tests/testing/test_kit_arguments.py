"""What a test passes to the kit: ids of its choice, and clear words where it is wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from datalab_facade import APIConnectionError, NotFoundError
from datalab_facade.testing import (
    ExecutionScript,
    FastClock,
    Fault,
    Simulator,
    SimulatorServer,
    StepScript,
    VirtualClock,
    connect,
)

FRACTION: Any = 314.15
PARSE = ExecutionScript([StepScript("parse", ends=60)])


def test_an_execution_has_the_id_that_a_test_chooses(simulator: Simulator) -> None:
    assert simulator.start(PARSE, execution_id=7770) == 7770
    assert simulator.start(PARSE) == 7771
    assert simulator.start(PARSE, execution_id=5) == 5
    assert simulator.start(PARSE) == 7772
    with connect(simulator) as client:
        assert client.executions.wait(7770).id == 7770


def test_a_submission_gets_the_id_that_a_test_chooses(simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Invoices", [], workflow_id=88)
    simulator.workflows.script_for(workflow_id, PARSE)
    simulator.next_execution_id = 5001
    with connect(simulator) as client:
        assert client.workflows.execute(88, "https://a.example/1.pdf").id == 5001
        assert client.workflows.execute(88, "https://a.example/1.pdf").id == 5002
    assert simulator.next_execution_id == 5003
    assert simulator.workflows.add("Next", []) == 89


def test_ids_that_count_up_leave_out_those_that_are_taken(simulator: Simulator) -> None:
    taken = [simulator.start(PARSE, execution_id=1001), simulator.start(PARSE, execution_id=1002)]
    simulator.next_execution_id = 1000
    ids = [simulator.start(PARSE) for _ in range(3)]
    assert ids == [1000, 1003, 1004]
    assert simulator.execution_ids == (*taken, *ids)


def test_a_file_has_the_id_that_a_test_chooses(simulator: Simulator) -> None:
    assert simulator.files.add("a.pdf", b"%PDF", file_id=41) == 41
    assert simulator.files.add("b.pdf", b"%PDF") == 42
    with connect(simulator) as client:
        assert client.files.get(41).filename == "a.pdf"
        with pytest.raises(NotFoundError):
            client.files.get(40)


@pytest.mark.parametrize(
    ("add", "words"),
    [
        (lambda it: it.start(PARSE, execution_id=1001), "there is an execution 1001 already"),
        (lambda it: setattr(it, "next_execution_id", 1001), "an execution 1001 already"),
        (lambda it: it.files.add("a.pdf", b"", file_id=7), "there is a file 7 already"),
        (lambda it: it.workflows.add("x", [], workflow_id=9), "there is a workflow 9 already"),
        (lambda it: it.start(PARSE, execution_id=0), "whole number above zero, not 0"),
        (lambda it: it.start(PARSE, execution_id="7"), "whole number above zero, not '7'"),
        (lambda it: it.files.add("a.pdf", b"", file_id=True), "above zero, not True"),
    ],
)
def test_an_id_is_used_once(
    simulator: Simulator, add: Callable[[Simulator], object], words: str
) -> None:
    assert simulator.start(PARSE) == 1001
    simulator.files.add("a.pdf", b"", file_id=7)
    simulator.workflows.add("x", [], workflow_id=9)
    with pytest.raises(ValueError, match=words):
        add(simulator)


WRONG_FAULTS: list[tuple[object, str]] = [
    (503, r"Fault.status\(503\), Fault.reset\(\) or Fault.hang\(\), not 503"),
    ("hang", r"a fault must be a Fault, such as Fault.status\(503\).*, not 'hang'"),
    ([Fault.hang()], r"not \[Fault"),
    (Fault.hang, "a fault must be a Fault"),
    (NotFoundError("x"), "a fault must be a Fault"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG_FAULTS)
def test_a_wrong_fault_is_an_error_where_it_is_injected(
    simulator: Simulator, wrong: Any, words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        simulator.inject(Fault.none(), wrong)
    with pytest.raises(TypeError, match=words):
        simulator.inject_always(wrong)
    execution_id = simulator.start(PARSE)
    with connect(simulator) as client:
        client.executions.get(execution_id)
    assert [request.status for request in simulator.requests] == [200]


def test_a_fault_that_no_request_can_meet_is_an_error(simulator: Simulator) -> None:
    options: list[dict[str, Any]] = [
        {"path": "api/v1/files"},
        {"path": "https://www.datalab.to/api/v1"},
        {"path": ""},
        {"path": 7},
        {"origin": "moon"},
    ]
    for wrong in options:
        for inject in (simulator.inject, simulator.inject_always):
            with pytest.raises(ValueError, match=r"must be (the beginning|'api' or 'storage')"):
                inject(Fault.hang(), **wrong)


def test_a_hook_is_a_function_that_gives_faults(simulator: Simulator) -> None:
    wrong: Any = Fault.hang()
    with pytest.raises(TypeError, match="a hook must be a function"):
        simulator.inject_with(wrong)
    status: Any = 503
    simulator.inject_with(lambda _request, _count: status)
    with (
        connect(simulator) as client,
        pytest.raises(APIConnectionError, match=r"Fault.status\(503\)"),
    ):
        client.executions.get(1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Fault.status, "status must be a final status .* not '5'"),
        (lambda _: Fault.status(FRACTION), "status must be a final status .* not 314"),
        (lambda _: Fault.hang(after=FRACTION), "after must be .* not 314"),
        (lambda _: Fault.slow(FRACTION, 1), "size must be .* not 314"),
        (FastClock, "speed must be .* not '5'"),
        (Fault.delay, "seconds must be .* not '5'"),
        (Fault.hang, "after must be .* not '5'"),
        (lambda text: Fault.slow(text, 1), "size must be .* not '5'"),
        (lambda text: StepScript("parse", ends=text), "ends must be .* not '5'"),
        (lambda text: VirtualClock().advance(text), "seconds must be .* not '5'"),
        (lambda _: FastClock(0), "speed must be .* not 0"),
        (lambda _: FastClock(math.inf), "speed must be .* not inf"),
    ],
)
def test_a_wrong_number_is_named(make: Callable[[Any], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make("5")


def test_a_script_is_a_script(simulator: Simulator) -> None:
    text: Any = "parse"
    with pytest.raises(TypeError, match=r"a script must be an ExecutionScript, such as"):
        simulator.start(text)
    with pytest.raises(TypeError, match=r"a step must be a StepScript, such as StepScript\("):
        ExecutionScript([text])


@pytest.mark.parametrize("limit", [60, (60,), (60, 0), ("200", 60), (1.5, 60), "ab", (1, 2, 3)])
def test_a_rate_limit_is_a_pair(limit: Any) -> None:
    with pytest.raises(ValueError, match=r"rate_limit must be .*, such as \(200, 60\), not"):
        Simulator(rate_limit=limit)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"more_keys": "another"}, r"more_keys must be a list of keys, .* pass \[key\]"),
        ({"more_keys": [5]}, "an API key must be a text, not an int"),
        ({"api_key": None}, "an API key must be a text, not a NoneType"),
        ({"url_lifetime": 0}, "url_lifetime must be a whole number from 1 on, not 0"),
        ({"url_lifetime": 1.5}, "url_lifetime must be a whole number from 1 on, not 1.5"),
        ({"first_execution_id": -3}, "id of an execution must be a whole number above zero"),
        ({"clock_skew": math.nan}, "clock_skew must be a finite number of seconds, not nan"),
        ({"clock_skew": "1h"}, "clock_skew must be a finite number of seconds, not '1h'"),
        ({"rate_limit_per": "team"}, "rate_limit_per must be 'key' or 'endpoint', not 'team'"),
        ({"rate_limit": (1, math.inf)}, "rate_limit must be"),
        ({"rate_limit": (True, 60)}, "rate_limit must be"),
        ({"bucket": ""}, "bucket must be a name, not ''"),
    ],
)
def test_an_option_of_a_simulator_that_makes_no_sense_is_an_error(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Simulator(**options)


def test_a_key_that_is_wrong_is_not_shown(simulator: Simulator) -> None:
    key: Any = b"s3cr3t-key"
    calls: list[Callable[[], object]] = [
        lambda: Simulator(api_key=key),
        lambda: Simulator(more_keys=[key]),
        lambda: Simulator(more_keys="s3cr3t-key"),
        lambda: setattr(simulator, "api_key", key),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"keys? must be a (text|list)") as caught:
            call()
        assert "s3cr3t" not in str(caught.value)


def test_only_faults_can_be_joined() -> None:
    status: Any = 503
    with pytest.raises(TypeError, match=r"unsupported operand .* 'Fault' and 'int'"):
        _ = Fault.delay(1) & status


def test_a_script_of_a_workflow_is_a_script(simulator: Simulator) -> None:
    wrong: Any = "parse"
    workflow_id = simulator.workflows.add("Ours", [])
    for script_for in (simulator.script_for, simulator.workflows.script_for):
        with pytest.raises(TypeError, match=r"a script must be an ExecutionScript, such as"):
            script_for(workflow_id, wrong)
        with pytest.raises(KeyError):
            script_for(99, PARSE)


def test_the_body_of_a_file_is_bytes(simulator: Simulator) -> None:
    body: Any = "text"
    file_id = simulator.files.add("a.pdf", b"%PDF")
    with pytest.raises(TypeError, match="the body of a file must be bytes"):
        simulator.files.store(file_id, body)
    with pytest.raises(KeyError):
        simulator.files.remove(99)


def test_a_run_is_a_run_script() -> None:
    run: Any = {"file_key": "1"}
    with pytest.raises(TypeError, match=r"a run must be a RunScript, such as RunScript\("):
        StepScript("parse", runs=[run])


def test_a_key_is_in_no_repr_of_what_was_received(simulator: Simulator) -> None:
    with connect(simulator) as client, pytest.raises(NotFoundError):
        client.executions.get(5)
    [request] = simulator.requests
    assert request.headers["x-api-key"] == simulator.api_key
    for shown in (repr(request), repr(simulator.requests), repr(request.headers)):
        assert simulator.api_key not in shown


def test_what_is_no_clock_and_no_bytes_is_named(simulator: Simulator) -> None:
    text: Any = "a key"
    with pytest.raises(TypeError, match=r"clock must be a clock, such as VirtualClock\(\)"):
        Simulator(text)
    with pytest.raises(TypeError, match="the body of a file must be bytes, such as"):
        simulator.files.add("a.pdf", text)


def test_a_workflow_is_added_by_a_control_request() -> None:
    with SimulatorServer(Simulator(VirtualClock()), control=True) as server:
        with httpx.Client(base_url=server.control_url) as control:
            script = {"steps": [{"name": "parse", "ends": 60}]}
            body = {"name": "Invoices", "workflow_id": 88, "script": script}
            assert control.post("workflows", json=body).json() == {"workflow_id": 88}
            assert control.post("workflows", json={}).json() == {"workflow_id": 89}
            assert control.post("workflows", json=body).status_code == 422
        with connect(server.simulator) as client:
            execution = client.workflows.execute(88, "https://a.example/1.pdf").result()
    assert list(execution.steps) == ["parse"]


def test_a_fast_clock_runs_faster_and_can_be_advanced() -> None:
    clock = FastClock(1_000)
    began, real = clock.monotonic(), time.monotonic()
    clock.sleep(20)
    assert time.monotonic() - real >= 0.02
    assert clock.monotonic() - began >= 20
    now = clock.now()
    clock.advance(3_600)
    assert clock.monotonic() - began >= 3_620
    assert (clock.now() - now).total_seconds() >= 3_600


def test_a_served_execution_on_a_fast_clock_ends_early() -> None:
    with SimulatorServer(Simulator(FastClock(3600)), control=True) as server:
        control = httpx.Client(base_url=server.control_url)
        with control:
            body = {"steps": [{"name": "parse", "ends": 86_400}], "execution_id": 777}
            assert control.post("executions", json=body).json() == {"execution_id": 777}
            assert control.post("executions", json=body).status_code == 422
            reading = control.post("clock", json={"advance": 86_400}).json()
        assert reading["monotonic"] >= 86_400
        assert reading["virtual"] is False
        with connect(server.simulator) as client:
            # An hour on this clock is a second.
            found = client.executions.get(777, timeout=36_000, request_timeout=36_000)
            assert found.succeeded
