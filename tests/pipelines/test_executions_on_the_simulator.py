"""What a wait for a pipeline execution promises, whatever fails on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import (
    AuthenticationError,
    Convert,
    Datalab,
    Extract,
    Extraction,
    NotFoundError,
    PipelineExecution,
    PipelineFailedError,
    Status,
    SubmissionUncertainError,
    WaitTimeoutError,
)
from datalab_facade.testing import (
    DocumentScript,
    FastClock,
    Fault,
    Request,
    Simulator,
    SimulatorServer,
    VirtualClock,
)
from tests.in_process import blocking, new_simulator
from tests.markdown import ROOT
from tests.secrets_for_tests import API_KEY
from tests.test_keys import OTHER_KEY
from tests.ways import Way

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}
STEPS: list[Any] = [Convert(), Extract(SCHEMA)]
PDF = b"%PDF-1.7"


@pytest.fixture
def simulator() -> Simulator:
    made = new_simulator()
    made.documents.script_always(DocumentScript(seconds=40))
    made.documents.script_always(
        DocumentScript(seconds=40, extraction={"total": 12.5}), endpoint="extract"
    )
    return made


def started(simulator: Simulator) -> str:
    """Start an execution of two steps; return its id."""
    with blocking(simulator) as client:
        pipeline = client.pipelines.create(STEPS)
        return client.pipelines.run(pipeline, PDF, name="a.pdf").id


@pytest.mark.parametrize(
    "fault",
    [Fault.status(503), Fault.reset(), Fault.html(), Fault.truncate(5), Fault.invalid_json()],
    ids=str,
)
def test_a_poll_that_fails_in_the_middle_does_not_end_a_wait(
    way: Way, simulator: Simulator, fault: Fault
) -> None:
    execution_id = started(simulator)
    client = way.client(simulator)
    failed: list[Request] = []

    def fail_in_the_middle(request: Request, _count: int) -> Fault | None:
        if "/executions/" in request.path and simulator.clock.monotonic() > 30 and not failed:
            failed.append(request)
            return fault
        return None

    simulator.inject_with(fail_in_the_middle)
    execution = way.done(client.pipelines.executions.result(execution_id))
    assert execution.succeeded
    assert len(failed) == 1


def test_a_run_that_was_not_answered_is_looked_for_in_the_executions(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator)
    pipeline = way.done(client.pipelines.create(STEPS))
    simulator.inject(Fault.reset(), path=f"/api/v1/pipelines/{pipeline.id}/run")
    with pytest.raises(SubmissionUncertainError) as caught:
        way.done(client.pipelines.run(pipeline, PDF, name="a.pdf"))
    assert f"executions.list({pipeline.id!r})" in str(caught.value)
    assert pipeline.id in str(caught.value.sent["task"])


def test_a_key_that_changes_in_the_middle_does_not_end_a_wait(
    way: Way, simulator: Simulator
) -> None:
    execution_id = started(simulator)

    def key() -> str:
        return simulator.api_key

    async def key_async() -> str:
        return simulator.api_key

    def rotate(_request: Request, _count: int) -> Fault | None:
        if simulator.clock.monotonic() > 30:
            simulator.api_key = OTHER_KEY
        return None

    simulator.inject_with(rotate)
    client = way.client(simulator, api_key=key_async if way.is_async else key)
    execution = way.done(client.pipelines.executions.result(execution_id))
    result = way.done(client.pipelines.executions.step_result(execution, "extract"))
    assert result.data == {"total": 12.5}
    assert 401 in [request.status for request in simulator.requests]


def test_a_key_that_is_revoked_for_good_ends_a_wait(way: Way, simulator: Simulator) -> None:
    execution_id = started(simulator)
    client = way.client(simulator, api_key=API_KEY)
    simulator.api_key = OTHER_KEY
    with pytest.raises(AuthenticationError):
        way.done(client.pipelines.executions.wait(execution_id))


@pytest.mark.timeout(60)
def test_a_process_that_is_killed_loses_nothing() -> None:
    simulator = Simulator(FastClock(20), api_key=API_KEY)
    simulator.documents.script_always(DocumentScript(seconds=20, extraction={"total": 12.5}))
    with SimulatorServer(simulator) as server:
        with Datalab(API_KEY, base_url=server.api_url) as client:
            pipeline = client.pipelines.create(STEPS)
            handle = client.pipelines.run(pipeline, PDF, name="a.pdf").to_dict()
        note = json.dumps({"key": API_KEY, "url": server.api_url, "handle": handle})
        command = [sys.executable, "-m", "tests.pipelines.waiter"]
        pipe: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=ROOT, **pipe) as killed:
            assert killed.stdin is not None
            assert killed.stdout is not None
            killed.stdin.write(note)
            killed.stdin.close()
            assert killed.stdout.readline() == "waiting\n"
            killed.kill()
        done = subprocess.run(
            command, cwd=ROOT, input=note, capture_output=True, text=True, check=False, timeout=40
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[1]) == ["COMPLETED", {"total": 12.5}]
    assert len(simulator.pipelines.executions) == 1


def test_a_result_whose_url_has_expired_is_asked_for_again(way: Way) -> None:
    simulator = Simulator(VirtualClock(), API_KEY, url_lifetime=60)
    data = {"total": 12.5}
    script = DocumentScript(extraction=data, via_url=True)
    simulator.documents.script_always(script)
    execution_id = started(simulator)
    late: list[Request] = []

    def come_late(request: Request, _count: int) -> Fault | None:
        if request.path.endswith(".json") and not late:
            late.append(request)
            simulator.clock.advance(100)  # type: ignore[attr-defined]
        return None

    simulator.inject_with(come_late)
    executions = way.client(simulator).pipelines.executions
    execution = way.done(executions.wait(execution_id))
    result = way.done(executions.step_result(execution, "extract"))
    assert isinstance(result, Extraction)
    assert result.data == data
    storage = [request.status for request in simulator.requests.of("storage")]
    assert storage == [403, 200]
    asked = [request.path for request in simulator.requests if request.path.endswith("/result")]
    assert len(asked) == 2


def test_a_result_that_was_deleted_is_said(way: Way, simulator: Simulator) -> None:
    execution_id = started(simulator)
    executions = way.client(simulator).pipelines.executions
    execution = way.done(executions.wait(execution_id))
    simulator.clock.advance(2 * 3600)  # type: ignore[attr-defined]
    with pytest.raises(NotFoundError, match="deleted"):
        way.done(executions.step_result(execution, "convert"))


@pytest.mark.parametrize("lag", [0, 3, 30])
def test_a_step_that_lags_behind_is_polled_again(
    way: Way, simulator: Simulator, lag: float
) -> None:
    simulator.pipelines.steps_lag = lag
    execution = way.done(way.client(simulator).pipelines.executions.wait(started(simulator)))
    assert [step.status for step in execution.steps] == [Status.COMPLETED, Status.COMPLETED]
    assert 80 + lag <= simulator.clock.monotonic() < 120 + lag


def test_a_step_that_lags_for_ever_does_not_hold_up_a_wait(way: Way, simulator: Simulator) -> None:
    simulator.pipelines.steps_lag = 1e9
    execution = way.done(way.client(simulator).pipelines.executions.wait(started(simulator)))
    assert execution.succeeded
    assert not execution.steps[-1].is_terminal
    assert simulator.clock.monotonic() < 200


def test_a_timeout_says_which_execution_goes_on(way: Way, simulator: Simulator) -> None:
    execution_id = started(simulator)
    executions = way.client(simulator).pipelines.executions
    with pytest.raises(WaitTimeoutError, match=execution_id) as caught:
        way.done(executions.wait(execution_id, timeout=20))
    assert isinstance(caught.value.snapshot, PipelineExecution)
    assert caught.value.snapshot.steps[0].status == Status.IN_PROGRESS
    assert way.done(executions.wait(execution_id)).succeeded


FAULTS = st.sampled_from([Fault.status(503), Fault.reset(), Fault.html(), Fault.status(429)])


@settings(max_examples=15)
@given(
    seconds=st.lists(st.floats(0, 3_000), min_size=2, max_size=2),
    failing=st.none() | st.integers(0, 1),
    lag=st.floats(0, 20),
    faults=st.lists(FAULTS, max_size=5),
)
def test_a_wait_ends_as_the_execution_does(
    seconds: list[float], failing: int | None, lag: float, faults: list[Fault]
) -> None:
    simulator = new_simulator()
    simulator.documents.script(
        *(
            DocumentScript(seconds=taken, error="no" if place == failing else None)
            for place, taken in enumerate(seconds)
        )
    )
    simulator.pipelines.steps_lag = lag
    execution_id = started(simulator)
    simulator.inject(*faults)
    with blocking(simulator) as client:
        execution = client.pipelines.executions.wait(execution_id)
        assert execution.status == {
            None: Status.COMPLETED,
            0: Status.FAILED,
            1: Status.COMPLETED_WITH_ERRORS,
        }.get(failing)
        assert len(execution.failures) == (failing is not None)
        assert execution.is_usable is (failing != 0)
        if failing == 0:
            with pytest.raises(PipelineFailedError):
                client.pipelines.executions.result(execution_id)
    took = sum(seconds if failing != 0 else seconds[:1])
    assert simulator.clock.monotonic() >= took
