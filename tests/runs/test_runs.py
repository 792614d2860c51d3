"""Running a workflow over files: once for each, whatever happens, and home with it all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import (
    AuthenticationError,
    Convert,
    ExecutionFailedError,
    InvalidArgumentError,
    LocalFileError,
    NotFoundError,
    RunReport,
    RunResult,
    StepDefinition,
    SubmissionUncertainError,
    WorkflowDefinition,
)
from datalab_facade.clock import SystemClock
from datalab_facade.testing import ExecutionScript, Fault, Request, Simulator, StepScript
from tests.in_process import FAILS, SOON, asynchronous, new_simulator
from tests.secrets_for_tests import SIGNATURE
from tests.ways import Way

PARSE = StepDefinition(step_key="marker_parse", unique_name="parse")
DEFINITION = WorkflowDefinition(name="Ours", steps=[PARSE])
EXECUTE = "/api/v1/workflows/workflows/*/execute"


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def workflow_id(simulator: Simulator) -> int:
    found = simulator.workflows.add("Ours", [PARSE.to_dict()])
    simulator.script_for(found, SOON)
    return found


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"{number}.pdf" for number in range(3)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    return paths


def run(way: Way, simulator: Simulator, *args: Any, **options: Any) -> RunReport:
    """Run with a client of its own, as a process would that begins anew."""
    client = way.client(simulator)
    report: RunReport = way.done(client.run(*args, **options))
    way.done(client.close())
    return report


def executes(simulator: Simulator) -> int:
    return sum(request.path.endswith("/execute") for request in simulator.requests)


def uploads(simulator: Simulator) -> int:
    return sum(request.method == "PUT" for request in simulator.requests)


def test_each_file_is_uploaded_executed_waited_for_and_saved(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = run(way, simulator, workflow_id, documents, output_dir=out)
    assert report
    assert [result.source for result in report.results] == [str(path) for path in documents]
    assert len(simulator.execution_ids) == len(documents)
    for result in report.results:
        assert result.manifest is not None
        assert result.folder == out / Path(result.source).name
        for saved in result.manifest.saved:
            assert (result.folder / f"execution-{result.execution_id}" / saved.path).is_file()
    assert str(report) == f"Workflow {workflow_id}: 3 of 3 done, in {out}"
    assert json.loads(json.dumps(report.to_dict()))["results"][0]["succeeded"] is True


def test_the_rows_of_a_report_are_flat_and_say_how_each_file_ended(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.script_for(workflow_id, FAILS)
    run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    simulator.script_for(workflow_id, SOON)
    report = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    rows = report.rows()
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert len({tuple(row) for row in rows}) == 1
    assert [row["source"] for row in rows] == [str(path) for path in documents]
    assert [(row["status"], row["succeeded"]) for row in rows] == [
        ("FAILED", False),
        ("COMPLETED", True),
        ("COMPLETED", True),
    ]
    assert {row["job_id"] for row in rows} == set(simulator.execution_ids)
    assert "no pages" in str(rows[0]["reason"])
    assert all(str(row["finished_at"]).endswith("+00:00") for row in rows)


def test_the_rows_of_a_report_show_no_signature() -> None:
    url = f"https://a.example/in.pdf?X-Amz-Signature={SIGNATURE}"
    one = RunResult(source=url, folder=Path("out"), reason=f"{url} is gone")
    [row] = RunReport(folder=Path("out"), results=[one]).rows()
    assert SIGNATURE not in str(row)


def test_a_report_that_is_printed_lists_twenty_failures_and_counts_the_others() -> None:
    results = [
        RunResult(source=f"{number}.pdf", folder=Path("out"), reason="unreadable")
        for number in range(3_000)
    ]
    lines = str(RunReport(task="Convert()", folder=Path("out"), results=results)).splitlines()
    assert lines[0].startswith("Convert(): 0 of 3000 done")
    assert lines[1:21] == [f"  {one}" for one in results[:20]]
    assert lines[21:] == ["  and 2980 more that failed: see report.failed"]


def test_the_same_call_again_sends_nothing_but_a_look_at_the_workflow(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    first = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    simulator.requests.clear()
    second = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert [request.path for request in simulator.requests] == [
        f"/api/v1/workflows/workflows/{workflow_id}"
    ]
    assert [result.to_dict() for result in second.results] == [
        result.to_dict() for result in first.results
    ]
    assert [result.manifest for result in second.results] == [
        result.manifest for result in first.results
    ]


def test_files_that_came_since_are_run_and_those_that_were_done_are_not(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    report = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert (len(report.succeeded), executes(simulator), uploads(simulator)) == (3, 3, 3)


def test_a_folder_stands_for_the_files_in_it(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    (documents[0].parent / ".hidden.pdf").write_bytes(b"no")
    (documents[0].parent / "deeper").mkdir()
    report = run(way, simulator, workflow_id, documents[0].parent, output_dir=tmp_path / "out")
    assert [result.source for result in report.results] == [str(path) for path in documents]


def test_urls_and_references_and_uploaded_files_are_run_without_an_upload(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    client = way.client(simulator)
    file = way.done(client.files.upload(documents[0]))
    simulator.requests.clear()
    url = "https://files.example/a.pdf?X-Amz-Signature=abcdef"
    report = run(
        way,
        simulator,
        workflow_id,
        [url, "datalab://file-npl94jxy", file],
        output_dir=tmp_path / "out",
    )
    assert report
    assert uploads(simulator) == 0
    assert "abcdef" not in (tmp_path / "out" / "run.jsonl").read_text() + str(report.to_dict())
    bodies = [
        json.loads(request.body)
        for request in simulator.requests
        if request.path.endswith("/execute")
    ]
    assert [body["input_config"]["file_urls"] for body in bodies] == [
        [url],
        ["datalab://file-npl94jxy"],
        [file.reference],
    ]
    way.done(client.close())


def test_files_of_the_same_name_get_folders_of_their_own(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    other = tmp_path / "other" / documents[0].name.upper()
    other.parent.mkdir()
    other.write_bytes(b"%PDF-1.7 something else")
    report = run(way, simulator, workflow_id, [documents[0], other], output_dir=tmp_path / "out")
    folders = {result.folder.name.casefold() for result in report.results}
    assert (len(folders), len(report.succeeded)) == (2, 2)


def test_a_definition_is_created_once_however_often_the_call_is_made(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    DEFINITION.to_file(tmp_path / "ours.json")
    first = run(way, simulator, DEFINITION, documents[:1], output_dir=tmp_path / "out")
    second = run(way, simulator, tmp_path / "ours.json", documents, output_dir=tmp_path / "out")
    assert first.workflow_id == second.workflow_id
    creations = [
        one
        for one in simulator.requests
        if (one.method, one.path) == ("POST", "/api/v1/workflows/workflows")
    ]
    assert len(creations) == 1


def test_a_folder_is_for_one_workflow(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    for other in (DEFINITION, workflow_id + 1):
        with pytest.raises(LocalFileError, match="another workflow"):
            run(way, simulator, other, documents, output_dir=tmp_path / "out")


def test_a_failed_execution_does_not_end_the_others_and_is_told_with_its_reason(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.script_for(workflow_id, FAILS)
    failed = run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    simulator.script_for(workflow_id, SOON)
    report = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert [result.succeeded for result in report.results] == [False, True, True]
    [bad] = report.failed
    assert isinstance(failed.results[0].error, ExecutionFailedError)
    assert bad.status == "FAILED"
    assert "no pages" in str(bad)
    assert str(report).splitlines()[1:] == [f"  {bad}"]
    assert not report


def test_what_failed_is_submitted_again_only_when_asked(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.script_for(workflow_id, FAILS)
    run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    simulator.script_for(workflow_id, SOON)
    assert not run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    assert executes(simulator) == 1
    assert run(
        way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out", retry_failed=True
    )
    assert (executes(simulator), uploads(simulator)) == (2, 1)


def test_a_submission_whose_fate_is_unknown_is_not_repeated_until_asked(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.inject(Fault.disconnect(), path=EXECUTE)
    report = run(way, simulator, workflow_id, documents[:2], output_dir=tmp_path / "out")
    assert [result.succeeded for result in report.results] == [False, True]
    assert isinstance(report.results[0].error, SubmissionUncertainError)
    again = run(way, simulator, workflow_id, documents[:2], output_dir=tmp_path / "out")
    assert isinstance(again.results[0].error, SubmissionUncertainError)
    assert executes(simulator) == 2
    assert run(
        way, simulator, workflow_id, documents[:2], output_dir=tmp_path / "out", retry_unknown=True
    )
    assert (executes(simulator), uploads(simulator)) == (3, 2)


def test_an_answer_about_another_workflow_is_not_taken_for_a_submission(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.start(SOON, execution_id=7)
    strange = {"execution_id": 7, "workflow_id": 999_999}
    simulator.inject(Fault.status(200, strange), path=EXECUTE)
    report = run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    [result] = report.results
    assert isinstance(result.error, SubmissionUncertainError)
    assert "is about workflow 999999" in str(result.error)


def test_a_submission_that_was_refused_is_made_by_the_next_call(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.inject(Fault.status(413, {"detail": "too long"}), path=EXECUTE)
    report = run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    assert "too long" in (report.results[0].reason or "")
    assert run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    assert uploads(simulator) == 1


def test_a_wrong_key_ends_the_run_at_once(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.inject_always(Fault.status(401, {"detail": "no"}), path="/api/v1/files/*")
    with pytest.raises(AuthenticationError):
        run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert sum(one.path.startswith("/api/v1/files") for one in simulator.requests) == 1


def test_an_unknown_workflow_ends_the_run_before_anything_is_uploaded(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError):
        run(way, simulator, 999, documents, output_dir=tmp_path / "out")
    assert uploads(simulator) == 0


def test_a_file_that_is_not_there_does_not_end_the_others(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    missing = tmp_path / "no.pdf"
    report = run(way, simulator, workflow_id, [missing, *documents], output_dir=tmp_path / "out")
    assert len(report.succeeded) == 3
    [result] = report.failed
    assert str(result) == f"{missing}: {missing} cannot be read: No such file or directory"


def test_an_upload_that_was_deleted_since_is_made_again(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.inject(Fault.status(503), path=EXECUTE)
    run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    simulator.inject(Fault.status(404, {"detail": "no such file"}), path=EXECUTE)
    assert run(
        way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out", retry_unknown=True
    )
    assert uploads(simulator) == 2


def test_outputs_that_were_missed_are_fetched_by_the_next_call(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.inject_always(Fault.status(404), origin="storage", path="*/parse/*")
    report = run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    assert not report
    simulator.clear_faults()
    assert run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    assert executes(simulator) == 1


def test_what_was_saved_and_then_removed_is_fetched_again(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    report = run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    shutil.rmtree(report.results[0].folder)
    assert run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    assert executes(simulator) == 1
    assert list(report.results[0].folder.rglob("manifest.json"))


def test_results_come_one_by_one_as_they_come_to_be(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    quick = ExecutionScript([StepScript("parse", ends=1)])
    simulator.script_for(workflow_id, quick)
    client = way.client(simulator)
    results = client.iter_run(workflow_id, documents, output_dir=tmp_path / "out")
    seen = way.collect(results)
    assert sorted(result.source for result in seen) == [str(path) for path in documents]
    way.done(client.close())


def test_changes_are_told_on_the_way(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    told: list[str] = []
    run(
        way,
        simulator,
        workflow_id,
        documents,
        output_dir=tmp_path / "out",
        on_update=lambda update: told.append(str(update.totals.finished)),
    )
    assert told[0] == "0"
    assert told[-1] == "3"


def test_two_runs_cannot_have_one_folder_at_once(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    from datalab_facade.runs.run_journal import RunJournal

    with (
        RunJournal(tmp_path / "out", SystemClock().now),
        pytest.raises(LocalFileError, match="Another run uses"),
    ):
        run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"timeout": 0}, "timeout"),
        ({"concurrency": 0}, "concurrency"),
        ({"output_dir": "a\0b"}, "output_dir must be a path"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_sent(
    way: Way, simulator: Simulator, tmp_path: Path, given: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=match):
        run(way, simulator, 1, ["a.pdf"], **{"output_dir": tmp_path / "out", **given})
    assert not simulator.requests


def test_an_option_nobody_knows_is_told_by_its_name(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match="unknown option 'speed'"):
        run(way, simulator, 1, ["a.pdf"], output_dir=tmp_path / "out", speed=3)
    assert not simulator.requests


def test_a_workflow_may_be_given_as_the_server_told_it(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    client = way.client(simulator)
    workflow = way.done(client.workflows.get(workflow_id))
    way.done(client.close())
    assert run(way, simulator, workflow, documents[:1], output_dir=tmp_path / "out")
    assert executes(simulator) == 1


def test_a_folder_is_for_one_address_of_the_api(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    client = way.client(simulator, base_url="https://datalab.example")
    with pytest.raises(LocalFileError, match=r"not at https://datalab\.example"):
        way.done(client.run(workflow_id, documents[:1], output_dir=tmp_path / "out"))
    way.done(client.close())
    assert executes(simulator) == 1


def test_a_journal_of_a_later_version_or_of_nonsense_is_refused_and_left_alone(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(way, simulator, workflow_id, documents[:1], output_dir=out)
    journal = out / "run.jsonl"
    header, rest = journal.read_text(encoding="utf-8").split("\n", 1)
    for told in (
        json.dumps(json.loads(header) | {"version": 99}),
        "[1, 2]",
        "{nonsense",
    ):
        journal.write_text(f"{told}\n{rest}", encoding="utf-8")
        with pytest.raises(LocalFileError, match=r"run\.jsonl"):
            run(way, simulator, workflow_id, documents[:1], output_dir=out)
        assert journal.read_text(encoding="utf-8") == f"{told}\n{rest}"
    assert executes(simulator) == 1


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_sent(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "out" / "run.jsonl").mkdir(parents=True)
    with pytest.raises(LocalFileError, match=r"The folder .* cannot hold a run: Is a directory"):
        run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert not simulator.requests


def test_an_execution_that_is_not_found_is_told_and_looked_for_again_but_not_submitted_again(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    simulator.inject_always(
        Fault.status(404, {"detail": "gone"}), path="/api/v1/workflows/executions/*"
    )
    report = run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    [result] = report.failed
    assert isinstance(result.error, NotFoundError)
    simulator.clear_faults()
    assert run(way, simulator, workflow_id, documents[:1], output_dir=tmp_path / "out")
    assert executes(simulator) == 1


def test_outputs_that_cannot_be_saved_are_told_and_saved_by_the_next_call(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out).mkdir()
    (out / documents[0].name).write_bytes(b"a file where the folder should be")
    [result] = run(way, simulator, workflow_id, documents[:1], output_dir=out).failed
    assert isinstance(result.error, LocalFileError)
    (out / documents[0].name).unlink()
    assert run(way, simulator, workflow_id, documents[:1], output_dir=out)
    assert executes(simulator) == 1


def test_a_file_that_changes_or_goes_while_it_is_uploaded_is_not_executed(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    changed, gone, good = documents

    def meddle(request: Request, _: int) -> None:
        if request.body.endswith(changed.name.encode()):
            changed.write_bytes(b"%PDF-1.7 something else")
        if request.body.endswith(gone.name.encode()):
            gone.unlink()

    simulator.inject_with(meddle)
    report = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert [result.source for result in report.succeeded] == [str(good)]
    assert {result.source for result in report.failed} == {str(changed), str(gone)}
    assert executes(simulator) == 1


async def test_files_may_be_named_one_at_a_time_by_an_async_iterable(
    simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    async def named() -> AsyncIterator[Path]:
        for path in documents:
            yield path

    async with asynchronous(simulator) as client:
        report = await client.run(workflow_id, named(), output_dir=tmp_path / "out")
    assert len(report.succeeded) == len(documents)


def test_a_disk_that_fills_up_ends_the_run_and_leaves_the_journal_readable(
    simulator: Simulator,
    workflow_id: int,
    documents: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way = Way("sync")
    out = tmp_path / "out"
    sync = os.fsync
    calls: list[int] = []

    def full(file: int) -> None:
        calls.append(file)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalFileError, match="No space left on device"):
        run(way, simulator, workflow_id, documents, output_dir=out)
    monkeypatch.undo()
    assert (out / "run.jsonl").read_bytes().endswith(b"\n")
    assert run(way, simulator, workflow_id, documents, output_dir=out, retry_unknown=True)
    assert executes(simulator) == len(documents)


def test_a_journal_that_the_first_version_wrote_is_gone_on_with(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = run(way, simulator, workflow_id, documents[:2], output_dir=out)
    journal = out / "run.jsonl"
    header, *lines = map(json.loads, journal.read_text().splitlines())
    assert header["version"] == 2
    old: list[Any] = [
        {
            "version": 1,
            "origin": header["origin"],
            "workflow_id": workflow_id,
            "definition": header["task"],
        }
    ]
    for line in lines:
        if "job_id" in line:
            line["execution_id"] = line.pop("job_id")
        old.append(line)
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in old))
    again = run(way, simulator, workflow_id, documents, output_dir=out)
    assert [one.to_dict() for one in again.results[:2]] == [one.to_dict() for one in first.results]
    assert run(way, simulator, workflow_id, documents, output_dir=out)
    assert executes(simulator) == 3


def test_the_folder_of_a_run_that_the_first_version_began_is_for_no_other_task(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(way, simulator, workflow_id, documents[:1], output_dir=out)
    journal = out / "run.jsonl"
    header = json.loads(journal.read_text().splitlines()[0])
    old = {
        "version": 1,
        "origin": header["origin"],
        "workflow_id": workflow_id,
        "definition": None,
    }
    journal.write_text(f"{json.dumps(old)}\n")
    simulator.requests.clear()
    with pytest.raises(LocalFileError, match=r"belongs to a run of another task\. Choose another"):
        run(way, simulator, Convert(), documents, output_dir=out)
    assert not simulator.requests
