"""The report on a run, as its folder tells it at any time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import Convert, LocalFileError, RunReport, Status
from datalab_facade.pipelines.run_task import RunPipeline
from datalab_facade.testing import DocumentScript, Fault, Simulator
from tests.in_process import new_simulator
from tests.runs.test_document_runs import STEPS
from tests.runs.test_document_runs import run as run_once
from tests.ways import Way


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.pdf" for number in range(3)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    return paths


def without_objects(report: RunReport) -> list[dict[str, Any]]:
    """Return what a report says, without the order of the call and what only memory has."""
    found = [one.to_dict() for one in report.results]
    return sorted(found, key=lambda one: str(one["source"]))


@pytest.mark.parametrize("task", ["document", "pipeline", "workflow"])
def test_it_says_what_the_run_itself_said(
    way: Way, task: str, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    what: Any = Convert()
    if task == "pipeline":
        what = RunPipeline(simulator.pipelines.create(STEPS, name="Invoices"))
    elif task == "workflow":
        steps: list[Any] = [{"step_key": "marker_parse", "unique_name": "parse", "settings": {}}]
        what = simulator.workflows.add("Texts", steps)
    out = tmp_path / "out"
    told = run_once(way, simulator, what, documents, output_dir=out)
    assert told
    read = RunReport.read(out)
    assert (read.task, read.workflow_id, read.folder) == (told.task, told.workflow_id, told.folder)
    assert without_objects(read) == without_objects(told)
    assert read.cost_cents == told.cost_cents
    [step] = read.timeline().steps
    assert len(step.runs) == len(documents)
    assert all(one.working and one.working.duration > timedelta(0) for one in step.runs)


def test_it_says_why_files_failed_and_which_are_left(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script(DocumentScript(error="The file is damaged"))
    simulator.inject(Fault.status(413), path="/api/v1/convert")
    told = run_once(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    read = RunReport.read(tmp_path / "out")
    assert len(told.failed) == 2
    reasons = {one.source: one.reason for one in told.results}
    assert {one.source: one.reason for one in read.results} == reasons
    assert read.timeline().status == Status.COMPLETED_WITH_ERRORS
    assert "The file is damaged" in read.html()


@pytest.mark.parametrize("task", ["document", "workflow"])
def test_it_says_which_outputs_could_not_be_saved_and_why(
    way: Way, task: str, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    what: Any = Convert()
    if task == "workflow":
        steps: list[Any] = [{"step_key": "marker_parse", "unique_name": "parse", "settings": {}}]
        what = simulator.workflows.add("Texts", steps)
    out = tmp_path / "out"
    simulator.documents.script_always(DocumentScript(via_url=True))
    path = "*/parse/*" if task == "workflow" else None
    simulator.inject_always(Fault.status(403), origin="storage", path=path)
    told = run_once(way, simulator, what, documents, output_dir=out)
    assert not told.succeeded
    read = RunReport.read(out)
    assert without_objects(read) == without_objects(told)
    for one in read.results:
        assert (one.status, one.is_unfinished, one.is_left) == (Status.COMPLETED, False, False)
        assert "403" in (one.reason or "")
    assert read.timeline().status is Status.FAILED
    simulator.clear_faults()
    simulator.requests.clear()
    assert run_once(way, simulator, what, documents, output_dir=out)
    assert not [request for request in simulator.requests if request.method == "POST"]
    assert without_objects(RunReport.read(out))[0]["status"] == Status.COMPLETED


def test_it_can_be_read_while_the_run_goes_on(
    simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with Way("sync") as way:
        client = way.client(simulator)
        results = client.iter_run(Convert(), documents, output_dir=out, concurrency=3)
        next(results)
        report = RunReport.read(out)
        assert len(report.succeeded) == 1
        unfinished = [one for one in report.results if one.is_unfinished]
        assert [one.reason for one in unfinished] == ["not finished yet"] * 2
        assert report.timeline().status == Status.IN_PROGRESS
        results.close()
        client.close()


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    files = [folder / "a.pdf", folder / "b.pdf"]
    for file in files:
        file.write_bytes(file.name.encode())
    with Way("sync") as way:
        run_once(way, new_simulator(), Convert(), files, output_dir=folder / "out")
    return (folder / "out" / "run.jsonl").read_bytes()


@given(data=st.data())
def test_it_can_be_read_wherever_a_kill_cut_the_journal(
    data: st.DataObject, journal: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    end = data.draw(st.integers(journal.index(b"\n") + 1, len(journal)))
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "run.jsonl"
    path.write_bytes(journal[:end])
    report = RunReport.read(folder)
    assert len(report.results) <= 2
    assert report.html()
    assert str(report.timeline())
    assert path.read_bytes() == journal[:end]


@pytest.mark.parametrize("content", [None, b""])
def test_a_folder_without_a_run_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "run.jsonl").write_bytes(content)
    with pytest.raises(LocalFileError, match="is not the folder of a run"):
        RunReport.read(tmp_path)
    with pytest.raises(LocalFileError, match="is not the folder of a run"):
        RunReport.read(tmp_path / "nowhere")


def test_what_is_no_journal_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(b"[]\n")
    with pytest.raises(LocalFileError, match=r"Line 1 of .*run.jsonl"):
        RunReport.read(tmp_path)


def test_a_journal_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").mkdir()
    with pytest.raises(LocalFileError, match="cannot be read"):
        RunReport.read(tmp_path)


def cut_before(journal: bytes, words: bytes) -> bytes:
    """Return what a journal says of its first file before the first line with the words."""
    header, first, *others = journal.splitlines(keepends=True)
    key = first[:80]
    lines = [first, *(line for line in others if line.startswith(key[: key.index(b", ")]))]
    end = next(number for number, line in enumerate(lines) if words in line)
    return b"".join([header, *lines[:end]])


@pytest.mark.parametrize(
    ("before", "reason", "status"),
    [
        (b'"submitting": true', "not submitted yet", Status.PENDING),
        (b'"job_id"', "it is not known whether it was submitted", Status.FAILED),
        (b'"ended"', "not finished yet", Status.IN_PROGRESS),
    ],
)
def test_a_file_at_which_a_run_was_stopped_says_how_far_it_came(
    journal: bytes, tmp_path: Path, before: bytes, reason: str, status: Status
) -> None:
    (tmp_path / "run.jsonl").write_bytes(cut_before(journal, before))
    report = RunReport.read(tmp_path)
    [result] = report.results
    assert result.reason == reason
    assert result.is_left is (status is Status.PENDING)
    assert result.is_unfinished is (status is Status.IN_PROGRESS)
    assert report.timeline().status is status
