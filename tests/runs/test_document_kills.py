"""A run of a conversion or a pipeline that is killed loses nothing and pays for nothing twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest

from datalab_facade import Datalab, RunReport, SubmissionUncertainError
from datalab_facade.testing import DocumentScript, Fault, Simulator, SimulatorServer
from datalab_facade.testing.messages import Request
from tests.runs.runner import FAST, task_of
from tests.secrets_for_tests import API_KEY
from tests.warm import WarmProcess

FILES = 2
LINES = 1 + 4 * FILES
"""The header, and for each file: its name, that it leaves, its job, and its end."""


@attrs.frozen
class World:
    """A Datalab with a task to run over two files."""

    simulator: Simulator
    server: SimulatorServer
    task: str
    documents: Sequence[Path]
    out: Path

    @property
    def jobs(self) -> list[str]:
        """The jobs that were started."""
        if self.task == "convert":
            return [f"convert/{request_id}" for request_id in self.simulator.documents]
        return list(self.simulator.pipelines.executions)

    def begin(self, *, kill_at: int = 0) -> WarmProcess:
        """Start a process that runs the task."""
        arguments = [self.server.api_url, API_KEY, self.task, str(self.out), str(kill_at)]
        return WarmProcess("tests.runs.runner", *arguments, *self.documents)

    def go_on(self, *, retry_unknown: bool = False) -> RunReport:
        """Make the same call in this process."""
        url = self.server.api_url
        with Datalab(API_KEY, base_url=url, requests_per_minute=None, policy=FAST) as client:
            return client.run(
                task_of(self.task),
                self.documents,
                output_dir=self.out,
                retry_unknown=retry_unknown,
            )

    def check_nothing_was_done_twice(self) -> None:
        """Go on, and see that all is there, and was paid for once."""
        report = self.go_on()
        assert len(self.jobs) <= FILES
        unknown = [
            result for result in report.failed if isinstance(result.error, SubmissionUncertainError)
        ]
        # Killed between sending a submission and its answer, nobody can know.
        assert len(report.failed) == len(unknown) <= 1
        assert {result.job_id for result in report.succeeded} <= set(self.jobs)
        if unknown:
            assert self.go_on(retry_unknown=True)
            assert len(self.jobs) <= FILES + 1
        for path in self.documents:
            folder = self.out / path.stem
            assert (folder / f"{path.stem}.md").is_file()
            assert (folder / f"{path.stem}.result.json").is_file()
        assert not list(self.out.glob(".*.part"))
        before = len(self.simulator.requests)
        last = self.go_on()
        assert [one.cost_cents for one in last.results] == [1, 1]
        assert len(self.simulator.requests) - before <= 1


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    simulator = Simulator(api_key=API_KEY)
    simulator.documents.script_always(DocumentScript(seconds=0.05))
    documents = [tmp_path / f"{number}.pdf" for number in range(FILES)]
    for path in documents:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    task = str(request.param)
    if task == "pipeline":
        task = simulator.pipelines.create([{"type": "convert", "settings": {}}])
    with SimulatorServer(simulator) as server:
        yield World(simulator, server, task, documents, tmp_path / "out")


# What an undisturbed run asks for, up to the second poll of anything.
_REQUESTS = {
    "convert": ["convert", "convert", "poll", "poll"],
    "pipeline": ["pipeline", "run", "run", "poll", "poll", "result", "result"],
}


@pytest.mark.parametrize(
    ("world", "number"),
    [(task, number) for task, each in _REQUESTS.items() for number in range(1, len(each) + 1)],
    indirect=["world"],
)
def test_a_run_killed_in_the_middle_of_a_request_goes_on_where_it_was(
    world: World, number: int
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

    world.simulator.inject_with(hang_at)
    process = world.begin()
    assert reached.wait(30)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    world.simulator.clear_faults()
    world.check_nothing_was_done_twice()


@pytest.mark.parametrize("world", _REQUESTS, indirect=True)
@pytest.mark.parametrize("line", range(1, LINES + 1))
def test_a_run_killed_right_after_it_wrote_something_down_goes_on_from_there(
    world: World, line: int
) -> None:
    process = world.begin(kill_at=line)
    assert process.wait() == -signal.SIGKILL
    world.check_nothing_was_done_twice()
