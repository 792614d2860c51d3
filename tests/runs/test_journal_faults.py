"""A disk that fails, at any place of the journal, lets nothing be paid twice and no lie stand."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datalab_facade import (
    LocalFileError,
    RunReport,
    StepDefinition,
    SubmissionUncertainError,
    WorkflowDefinition,
)
from datalab_facade.clock import SystemClock
from datalab_facade.runs import run_journal, run_records
from datalab_facade.runs.run_journal import RunJournal
from datalab_facade.runs.run_records import RunEntry
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript
from tests.fuzzing import examples
from tests.in_process import new_simulator
from tests.ways import KINDS, Kind, Way

QUICK = ExecutionScript([StepScript("parse", ends=1)])
FILES = 2
LINES = 1 + 5 * FILES


@attrs.frozen(kw_only=True)
class DiskFault:
    """What goes wrong, and when."""

    line: int
    """In which line that is written, from 1 on."""
    length: int
    """How many bytes of it are written at most; never all."""
    how: str
    """``error``, ``short`` (nothing is written any more), or ``sync``."""
    lasts: bool
    """Whether everything after it fails, too."""
    cuts: bool
    """Whether half a line can be cut off again."""


class FaultyDisk:
    """Stands where the journal has its file."""

    def __init__(self, file: IO[bytes], fault: DiskFault) -> None:
        self._file = file
        self._fault = fault
        self._lines = 0
        self._begun = False
        self.failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        if not self._begun:
            self._lines += 1
        self._begun = not data.endswith(b"\n") or not self._is_due
        if self._is_due and self._fault.how != "sync":
            was, self.failed = self.failed, True
            kept = 0 if was else min(self._fault.length, len(data) - 1)
            self._file.write(data[:kept])
            if self._fault.how == "short" and not was:
                self._begun = True
                return kept
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._begun = False
        return self._file.write(data)

    def sync(self) -> None:
        if self._is_due and self._fault.how == "sync":
            self.failed = True
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def truncate(self, size: int) -> int:
        if not self._fault.cuts:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._file.truncate(size)

    @property
    def _is_due(self) -> bool:
        at = self._fault.line
        return self._lines == at or (self._fault.lasts and self._lines > at)


@contextlib.contextmanager
def faulty(fault: DiskFault) -> Iterator[None]:
    """Let the journals that are opened inside have such a disk."""
    real = run_records.open_journal
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_journal, "open_journal", lambda *how: FaultyDisk(real(*how), fault))
        patch.setattr(run_journal, "sync", lambda disk: disk.sync())
        yield


def run(kind: Kind, simulator: Simulator, *args: Any, **options: Any) -> RunReport:
    """Run with a client of its own, as a process would that begins anew."""
    with Way(kind) as way:
        client = way.client(simulator)
        try:
            report: RunReport = way.done(client.run(*args, **options))
        finally:
            way.done(client.close())
        return report


def executed(simulator: Simulator) -> dict[str, int]:
    """Give the execution of each file, by the name of the file; none may have two."""
    names = {file.reference: file.filename for file in simulator.files.values()}
    started: dict[str, int] = {}
    bodies = [one.body for one in simulator.requests if one.path.endswith("/execute")]
    for body, number in zip(bodies, simulator.execution_ids, strict=True):
        [reference] = json.loads(body)["input_config"]["file_urls"]
        assert names[reference] not in started, "paid twice"
        started[names[reference]] = number
    return started


def entries(out: Path) -> dict[str, RunEntry]:
    """Give what the journal says of each file, by the name of the file."""
    with RunJournal(out, SystemClock().now) as journal:
        return {Path(entry.source).name: entry for entry in journal._entries.values()}


faults = st.builds(
    DiskFault,
    line=st.integers(1, LINES),
    length=st.integers(0, 200),
    how=st.sampled_from(["error", "short", "sync"]),
    lasts=st.booleans(),
    cuts=st.booleans(),
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=examples(40))
@given(fault=faults)
@example(fault=DiskFault(line=5, length=70, how="short", lasts=False, cuts=True))
@example(fault=DiskFault(line=5, length=0, how="error", lasts=False, cuts=True))
@example(fault=DiskFault(line=5, length=0, how="sync", lasts=True, cuts=False))
@example(fault=DiskFault(line=4, length=0, how="sync", lasts=True, cuts=True))
def test_nothing_is_paid_twice_and_the_journal_tells_the_truth_wherever_the_disk_fails(
    kind: Kind, fault: DiskFault
) -> None:
    simulator = new_simulator()
    workflow_id = simulator.workflows.add("Ours", [{"step_key": "a", "unique_name": "parse"}])
    simulator.script_for(workflow_id, QUICK)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        documents = [Path(folder) / f"{number}.pdf" for number in range(FILES)]
        for path in documents:
            path.write_bytes(b"%PDF-1.7 " + path.name.encode())
        with faulty(fault), pytest.raises(LocalFileError, match=r"run\.jsonl") as caught:
            run(kind, simulator, workflow_id, documents, output_dir=out)
        started = executed(simulator)
        for name, entry in entries(out).items():
            assert entry.job_id in (None, started.get(name))
            if name in started:
                assert entry.submitting or entry.job_id == started[name]
                if entry.submitting:
                    # Whoever reads the error can still fetch what was paid for.
                    assert f"execution {started[name]}" in str(caught.value)
            elif fault.cuts:
                assert not entry.submitting, "unknown, and never sent"
        for _ in range(2):
            report = run(kind, simulator, workflow_id, documents, output_dir=out)
            again = executed(simulator)
            assert started.items() <= again.items()
            assert all(isinstance(one.error, SubmissionUncertainError) for one in report.failed)
            assert len(report.failed) <= 1
            assert {one.execution_id for one in report.succeeded} <= set(again.values())


def test_the_error_names_the_file_and_its_execution_and_says_what_to_do(
    tmp_path: Path, way: Way
) -> None:
    simulator = new_simulator()
    workflow_id = simulator.workflows.add("Ours", [{"step_key": "a", "unique_name": "parse"}])
    simulator.script_for(workflow_id, QUICK)
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7")
    fault = DiskFault(line=5, length=3, how="short", lasts=True, cuts=True)
    client = way.client(simulator)
    with faulty(fault), pytest.raises(LocalFileError) as caught:
        way.done(client.run(workflow_id, path, output_dir=tmp_path / "out"))
    [number] = simulator.execution_ids
    assert f"{path} was submitted as execution {number}" in str(caught.value)
    assert f"client.outputs.save_all({number}, ...)" in str(caught.value)
    assert "No space left on device" in str(caught.value)
    way.done(client.close())


def test_a_workflow_that_was_created_and_cannot_be_written_down_is_named(
    tmp_path: Path, way: Way
) -> None:
    simulator = new_simulator()
    client = way.client(simulator)
    definition = WorkflowDefinition(
        name="Ours", steps=[StepDefinition(step_key="marker_parse", unique_name="parse")]
    )
    fault = DiskFault(line=1, length=9, how="error", lasts=True, cuts=True)
    with faulty(fault), pytest.raises(LocalFileError, match="Workflow 1 was created"):
        way.done(client.run(definition, [], output_dir=tmp_path / "out"))
    way.done(client.close())


def test_what_an_earlier_call_left_unknown_stays_so_when_a_second_submission_is_refused(
    tmp_path: Path, way: Way
) -> None:
    simulator = new_simulator()
    workflow_id = simulator.workflows.add("Ours", [{"step_key": "a", "unique_name": "parse"}])
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7")
    client = way.client(simulator)
    execute = "/api/v1/workflows/workflows/*/execute"
    simulator.inject(Fault.disconnect(), path=execute)
    assert not way.done(client.run(workflow_id, path, output_dir=tmp_path / "out"))
    simulator.inject(Fault.status(413), path=execute)
    assert not way.done(
        client.run(workflow_id, path, output_dir=tmp_path / "out", retry_unknown=True)
    )
    [result] = way.done(client.run(workflow_id, path, output_dir=tmp_path / "out")).failed
    assert isinstance(result.error, SubmissionUncertainError)
    way.done(client.close())


@attrs.frozen
class Place:
    """An API with a workflow, a file to run it over, and a folder for the outputs."""

    simulator: Simulator
    workflow_id: int
    document: Path
    out: Path

    def run(self, way: Way) -> RunReport:
        """Make the call that a user would repeat."""
        return run(way.kind, self.simulator, self.workflow_id, self.document, output_dir=self.out)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    simulator = new_simulator()
    workflow_id = simulator.workflows.add("Ours", [{"step_key": "a", "unique_name": "parse"}])
    simulator.script_for(workflow_id, QUICK)
    document = tmp_path / "a.pdf"
    document.write_bytes(b"%PDF-1.7")
    return Place(simulator, workflow_id, document, tmp_path / "out")


@pytest.mark.parametrize("line", range(2, 7))
def test_an_interruption_while_the_disk_is_waited_for_leaves_nothing_to_pay_twice(
    place: Place, way: Way, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[IO[bytes]] = []

    def interrupted(file: IO[bytes]) -> None:
        synced.append(file)
        if len(synced) == line:
            raise KeyboardInterrupt

    monkeypatch.setattr(run_journal, "sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place.run(way)
    assert len(synced) == line, "the journal was written to after it"
    assert place.run(way)
    assert list(executed(place.simulator)) == ["a.pdf"]


def test_a_journal_that_the_disk_cannot_give_back_ends_the_run_before_anything_is_sent(
    place: Place, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.run(way)
    place.simulator.requests.clear()
    real = run_records.open_journal

    class Unreadable(FaultyDisk):
        def read(self) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    never = DiskFault(line=0, length=0, how="error", lasts=False, cuts=True)
    with monkeypatch.context() as patch:
        patch.setattr(run_journal, "open_journal", lambda *how: Unreadable(real(*how), never))
        with pytest.raises(LocalFileError, match=r"run\.jsonl cannot be read: Input/output error"):
            place.run(way)
    assert not place.simulator.requests
    assert place.run(way)
    assert len(place.simulator.execution_ids) == 1


def test_a_system_without_locks_for_files_can_run_as_well(
    place: Place, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert place.run(way)
    assert place.run(way)
    assert len(place.simulator.execution_ids) == 1


def test_a_system_that_opens_no_folders_can_run_as_well(
    place: Place, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def files_only(path: Any, *args: Any, **options: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", files_only)
    assert place.run(way)
    assert place.run(way)
    assert len(place.simulator.execution_ids) == 1


def folders_that_fail(patch: pytest.MonkeyPatch, code: int) -> None:
    """Let the system refuse to bring a folder to the disk; files it brings there."""
    real = os.fsync

    def files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        real(descriptor)

    patch.setattr(os, "fsync", files_only)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_that_syncs_no_folders_can_hold_a_run(
    place: Place, way: Way, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders_that_fail(monkeypatch, code)
    assert place.run(way)
    assert place.run(way)
    assert len(place.simulator.execution_ids) == 1


def test_a_folder_that_the_disk_may_lose_is_refused_before_anything_is_sent(
    place: Place, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        folders_that_fail(patch, errno.EIO)
        with pytest.raises(LocalFileError, match="cannot hold a run: Input/output error"):
            place.run(way)
    assert not place.simulator.requests
    # The refused call left no lock behind.
    assert place.run(way)
