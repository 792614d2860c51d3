"""A run while no connection to Datalab can be made: it tries on, and then stops submitting."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from datalab_facade import APIConnectionError, ConnectionSetupError, Convert, RunReport
from datalab_facade.testing import DocumentScript, Simulator, SimulatorTransport
from tests.in_process import new_simulator
from tests.ways import Way

FILES = 30


class Network(SimulatorTransport):
    """Reaches a simulator, but not while it is down.

    Args:
        simulator: The simulator.
        is_down: Told the seconds since the start of the run, says whether it is.
        reason: Why no connection is made then.
    """

    def __init__(
        self,
        simulator: Simulator,
        is_down: Callable[[float], bool],
        reason: OSError | None = None,
    ) -> None:
        super().__init__(simulator)
        self.refused = 0
        self._clock = simulator.clock
        self._began = self._clock.monotonic()
        self._is_down = is_down
        self._reason = reason or ConnectionRefusedError()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._connect()
        return super().handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._connect()
        return await super().handle_async_request(request)

    @property
    def seconds(self) -> float:
        """How long it has been there."""
        return self._clock.monotonic() - self._began

    def _connect(self) -> None:
        if self._is_down(self.seconds):
            self.refused += 1
            raise httpx.ConnectError("failed") from self._reason


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"{number:02}.pdf" for number in range(FILES)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    return paths


def run(way: Way, network: Network, simulator: Simulator, *args: Any, **options: Any) -> RunReport:
    client = way.client_over(network, clock=simulator.clock)
    report: RunReport = way.done(client.run(*args, **options))
    way.done(client.close())
    return report


def test_a_run_that_reaches_nothing_stops_soon_and_says_so_once(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    network = Network(simulator, lambda _: True)
    out = tmp_path / "out"
    report = run(way, network, simulator, Convert(), documents, output_dir=out)
    assert (len(report.left), len(report.results)) == (FILES, FILES)
    assert network.refused < FILES
    assert network.seconds < 30
    assert all(isinstance(one.error, APIConnectionError) for one in report.left)
    assert str(report).count("cannot be reached") == 1
    assert f"{FILES} left to do" in str(report)
    assert len(RunReport.read(out).left) == len(RunReport.read(out).results)
    assert run(
        way, Network(simulator, lambda _: False), simulator, Convert(), documents, output_dir=out
    )
    assert len(simulator.documents) == FILES


@pytest.mark.parametrize("is_workflow", [False, True])
def test_a_run_sleeps_through_an_outage_of_some_minutes_and_no_file_fails(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path, *, is_workflow: bool
) -> None:
    task: Any = Convert()
    if is_workflow:
        steps: list[Any] = [{"step_key": "marker_parse", "unique_name": "parse", "settings": {}}]
        task = simulator.workflows.add("Texts", steps)
    simulator.documents.script_always(DocumentScript(seconds=30))
    network = Network(simulator, lambda seconds: 3 < seconds < 180)
    report = run(way, network, simulator, task, documents, output_dir=tmp_path / "out")
    assert network.refused
    assert report, str(report)
    assert len(report.succeeded) == FILES


@pytest.mark.parametrize("begins", range(1, 8))
@pytest.mark.parametrize("is_workflow", [False, True])
def test_an_outage_that_begins_at_any_request_fails_no_file(
    way: Way,
    simulator: Simulator,
    documents: list[Path],
    tmp_path: Path,
    *,
    is_workflow: bool,
    begins: int,
) -> None:
    """Also between the bytes of an upload and its confirmation."""
    task: Any = Convert()
    if is_workflow:
        steps: list[Any] = [{"step_key": "marker_parse", "unique_name": "parse", "settings": {}}]
        task = simulator.workflows.add("Texts", steps)
    requests, down_since = itertools.count(), list[float]()

    def is_down(seconds: float) -> bool:
        if next(requests) < begins:
            return False
        down_since.append(seconds)
        return seconds - down_since[0] < 100

    network, out = Network(simulator, is_down), tmp_path / "out"
    report = run(way, network, simulator, task, documents[:3], output_dir=out)
    assert network.refused
    assert all(one.is_left for one in report.failed), str(report)
    # Before its first answer about a file, a run gives up soon, and leaves all of them.
    assert len(report.failed) in (0, 3)
    up = Network(simulator, lambda _: False)
    assert run(way, up, simulator, task, documents[:3], output_dir=out)


def test_a_run_that_loses_the_connection_for_good_leaves_the_rest_to_a_later_call(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    network = Network(simulator, lambda seconds: seconds > 3)
    out = tmp_path / "out"
    report = run(way, network, simulator, Convert(), documents, output_dir=out, concurrency=4)
    assert report.left
    assert network.seconds < 1200
    unfinished = [one for one in report.failed if not one.is_left]
    assert all(one.is_unfinished for one in unfinished)
    assert run(
        way, Network(simulator, lambda _: False), simulator, Convert(), documents, output_dir=out
    )
    assert len(simulator.documents) == FILES


def test_a_connection_that_cannot_be_made_as_things_are_set_up_ends_the_run(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    unknown_host = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    network = Network(simulator, lambda _: True, unknown_host)
    with pytest.raises(ConnectionSetupError):
        run(way, network, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert network.refused == 1
