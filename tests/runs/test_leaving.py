"""A file counts as submitted from the moment on in which its request leaves, and no sooner."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import RunReport, SubmissionUncertainError, WaitPolicy
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript, VirtualClock
from tests.in_process import asynchronous, blocking
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

QUICK = ExecutionScript([StepScript("parse", ends=0.1)])
EXECUTE = "/api/v1/workflows/workflows/*/execute"
WORKFLOW = 1
FILES = 2


class Interrupted(VirtualClock):
    """A clock with which nobody can wait: whoever tries is interrupted, once it is armed."""

    armed = True

    def sleep(self, seconds: float) -> None:
        if self.armed:
            raise KeyboardInterrupt
        super().sleep(seconds)


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.pdf" for number in range(FILES)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    return paths


def simulator_with(clock: VirtualClock | None) -> Simulator:
    simulator = Simulator(clock, api_key=API_KEY)
    added = simulator.workflows.add("Ours", [{"step_key": "a", "unique_name": "parse"}])
    assert added == WORKFLOW
    simulator.script_for(WORKFLOW, QUICK)
    return simulator


def executes(simulator: Simulator) -> int:
    return sum(request.path.endswith("/execute") for request in simulator.requests)


def run(way: Way, simulator: Simulator, documents: list[Path], **options: Any) -> RunReport:
    client = way.client(simulator, requests_per_minute=None)
    try:
        report: RunReport = way.done(client.run(WORKFLOW, documents, **options))
    finally:
        way.done(client.close())
    return report


@pytest.mark.parametrize("allowed", range(2, 9))
def test_a_run_that_is_interrupted_while_it_waits_for_its_turn_has_left_nothing_unknown(
    documents: list[Path], tmp_path: Path, allowed: int
) -> None:
    clock = Interrupted()
    simulator = simulator_with(clock)
    with blocking(simulator, requests_per_minute=allowed) as client:
        with pytest.raises(KeyboardInterrupt) as caught:
            client.run(WORKFLOW, documents, output_dir=tmp_path / "out")
        # It was never sent, so nothing says that it may have been carried out.
        assert not getattr(caught.value, "__notes__", [])
    clock.armed = False
    assert run(Way("sync"), simulator, documents, output_dir=tmp_path / "out")
    assert executes(simulator) == FILES


@pytest.mark.parametrize("allowed", range(2, 9))
async def test_a_run_that_is_cancelled_while_it_waits_for_its_turn_has_left_nothing_unknown(
    documents: list[Path], tmp_path: Path, allowed: int
) -> None:
    simulator = simulator_with(None)
    async with asynchronous(simulator, requests_per_minute=allowed) as client:
        running = asyncio.create_task(client.run(WORKFLOW, documents, output_dir=tmp_path / "out"))
        seen = -1
        while seen < len(simulator.requests):
            seen = len(simulator.requests)
            await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    fast = WaitPolicy(min_interval=0.05, max_interval=0.05)
    async with asynchronous(simulator, requests_per_minute=None, policy=fast) as client:
        report = await client.run(WORKFLOW, documents, output_dir=tmp_path / "out")
    assert report
    assert executes(simulator) == FILES


@pytest.mark.parametrize("status", [425, 429])
def test_a_run_that_is_interrupted_after_a_certain_refusal_has_left_nothing_unknown(
    documents: list[Path], tmp_path: Path, status: int
) -> None:
    clock = Interrupted()
    simulator = simulator_with(clock)
    simulator.inject(Fault.status(status), path=EXECUTE)
    with (
        blocking(simulator, requests_per_minute=None) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.run(WORKFLOW, documents, output_dir=tmp_path / "out")
    assert simulator.execution_ids == ()
    clock.armed = False
    assert run(Way("sync"), simulator, documents, output_dir=tmp_path / "out")
    assert len(simulator.execution_ids) == FILES


def test_a_run_that_is_interrupted_while_it_sends_leaves_one_unknown(
    way: Way, documents: list[Path], tmp_path: Path
) -> None:
    simulator = simulator_with(VirtualClock())
    ended = KeyboardInterrupt if not way.is_async else asyncio.CancelledError

    def interrupt(request: Any, _: int) -> None:
        if request.path.endswith("/execute"):
            raise ended

    simulator.inject_with(interrupt)
    with pytest.raises(ended):
        run(way, simulator, documents, output_dir=tmp_path / "out")
    simulator.clear_faults()
    report = run(way, simulator, documents, output_dir=tmp_path / "out")
    assert [type(result.error) for result in report.failed] == [SubmissionUncertainError]
    assert len(report.succeeded) == FILES - 1


def test_a_submission_that_is_refused_and_repeated_is_sent_once_more_and_known(
    way: Way, documents: list[Path], tmp_path: Path
) -> None:
    simulator = simulator_with(VirtualClock())
    simulator.inject(Fault.status(429), Fault.status(429), path=EXECUTE)
    assert run(way, simulator, documents, output_dir=tmp_path / "out")
    assert len(simulator.execution_ids) == FILES
