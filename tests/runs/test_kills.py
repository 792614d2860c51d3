"""A run that is killed, at any moment, loses nothing and does nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from datalab_facade import Datalab, RunReport, SubmissionUncertainError
from datalab_facade.testing import ExecutionScript, Fault, Simulator, SimulatorServer, StepScript
from datalab_facade.testing.messages import Request
from tests.fuzzing import places
from tests.runs.runner import FAST
from tests.secrets_for_tests import API_KEY
from tests.warm import WarmProcess, warm

QUICK = ExecutionScript([StepScript("parse", ends=0.05)])
FILES = 2


@pytest.fixture
def simulator() -> Simulator:
    simulator = Simulator(api_key=API_KEY)
    simulator.script_for(
        simulator.workflows.add("Ours", [{"step_key": "a", "unique_name": "parse"}]), QUICK
    )
    return simulator


@pytest.fixture
def server(simulator: Simulator) -> Iterator[SimulatorServer]:
    with SimulatorServer(simulator) as server:
        yield server


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.pdf" for number in range(FILES)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    return paths


def task_over(documents: list[Path], out: Path, server: SimulatorServer, kill_at: int) -> list[str]:
    """Give the arguments of a run, see :mod:`tests.runs.runner`."""
    return [server.api_url, API_KEY, "1", str(out), str(kill_at), *map(str, documents)]


def begun(
    server: SimulatorServer, out: Path, documents: list[Path], *, kill_at: int = 0
) -> WarmProcess:
    return WarmProcess("tests.runs.runner", *task_over(documents, out, server, kill_at))


def gone_on(
    server: SimulatorServer, out: Path, documents: list[Path], **options: bool
) -> RunReport:
    with Datalab(API_KEY, base_url=server.api_url, requests_per_minute=None, policy=FAST) as client:
        return client.run(1, documents, output_dir=out, **options)  # type: ignore[arg-type]


def check_nothing_was_done_twice(
    simulator: Simulator, server: SimulatorServer, out: Path, documents: list[Path]
) -> None:
    report = gone_on(server, out, documents)
    assert len(simulator.execution_ids) <= FILES
    unknown = [
        result for result in report.failed if isinstance(result.error, SubmissionUncertainError)
    ]
    # Killed between sending a submission and its answer, nobody can know.
    assert len(report.failed) == len(unknown) <= 1
    known = {result.execution_id for result in report.succeeded}
    assert known <= set(simulator.execution_ids)
    if unknown:
        assert gone_on(server, out, documents, retry_unknown=True)
        assert len(simulator.execution_ids) <= FILES + 1
    for path in documents:
        assert list((out / path.name).rglob("parse*"))


def requests_of_a_whole_run() -> list[str]:
    """Give what an undisturbed run asks for, up to the second look at anything."""
    each = ["upload", "PUT", "confirm", "execute"]
    return ["workflow", *each * FILES, "look", "output"]


@pytest.mark.parametrize("number", range(1, len(requests_of_a_whole_run()) + 1))
def test_a_run_killed_in_the_middle_of_a_request_goes_on_where_it_was(
    number: int,
    simulator: Simulator,
    server: SimulatorServer,
    documents: list[Path],
    tmp_path: Path,
) -> None:
    """The server acts on the request, and the answer never arrives."""
    reached = threading.Event()
    seen = 0

    def hang_at(_: Request, __: int) -> Fault | None:
        nonlocal seen
        seen += 1
        if seen != number:
            return None
        reached.set()
        return Fault.hang()

    simulator.inject_with(hang_at)
    process = begun(server, tmp_path / "out", documents)
    assert reached.wait(30)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    simulator.clear_faults()
    check_nothing_was_done_twice(simulator, server, tmp_path / "out", documents)


@pytest.mark.parametrize("line", range(1, 1 + 5 * FILES + 1))
def test_a_run_killed_right_after_it_wrote_something_down_goes_on_from_there(
    line: int, simulator: Simulator, server: SimulatorServer, documents: list[Path], tmp_path: Path
) -> None:
    process = begun(server, tmp_path / "out", documents, kill_at=line)
    assert process.wait() == -signal.SIGKILL
    check_nothing_was_done_twice(simulator, server, tmp_path / "out", documents)


@pytest.mark.parametrize("line", [4, 5, 9], ids=["leaving", "submitted", "submitted last"])
def test_a_journal_that_may_grow_no_more_in_the_middle_of_a_line_lets_nothing_be_paid_twice(
    line: int, simulator: Simulator, server: SimulatorServer, documents: list[Path], tmp_path: Path
) -> None:
    """The system's own limit makes a short write, then an error."""
    assert gone_on(server, tmp_path / "one", documents)
    lines = (tmp_path / "one" / "run.jsonl").read_bytes().splitlines(keepends=True)
    most = sum(map(len, lines[:line])) - 5
    done = subprocess.run(
        warm("tests.runs.runner", *task_over(documents, tmp_path / "two", server, 0)),
        stderr=subprocess.PIPE,
        env=os.environ | {"MOST_BYTES": str(most)},
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert b"run.jsonl cannot be written: File too large" in done.stderr
    before = len(simulator.execution_ids)
    report = gone_on(server, tmp_path / "two", documents)
    unknown = [
        result for result in report.failed if isinstance(result.error, SubmissionUncertainError)
    ]
    assert len(report.failed) == len(unknown) == (0 if line == 4 else 1)
    assert len(simulator.execution_ids) == 2 * FILES
    assert before == FILES + {4: 0, 5: 1, 9: 2}[line]


@pytest.mark.fuzz
def test_a_journal_that_was_cut_anywhere_is_read_to_its_last_whole_line(
    simulator: Simulator, server: SimulatorServer, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert gone_on(server, out, documents)
    journal = out / "run.jsonl"
    whole = journal.read_bytes()
    for length in places(range(len(whole)), len(whole) // 97):
        journal.write_bytes(whole[:length])
        assert gone_on(server, out, documents, retry_unknown=True)
