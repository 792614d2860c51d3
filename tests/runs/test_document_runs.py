"""Running tasks of documents and pipelines over files: once for each, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datalab_facade import (
    Convert,
    CreateDocument,
    DocumentFailedError,
    Extract,
    InvalidArgumentError,
    LocalFileError,
    NotFoundError,
    RunReport,
    SavedResult,
    SubmissionUncertainError,
)
from datalab_facade.pipelines.run_task import RunPipeline
from datalab_facade.testing import DocumentScript, Fault, Request, Simulator
from tests.fuzzing import examples
from tests.in_process import new_simulator
from tests.runs.test_journal_faults import DiskFault, faulty
from tests.ways import KINDS, Kind, Way

STEPS: list[Any] = [
    {"type": "convert", "settings": {}},
    {
        "type": "extract",
        "settings": {
            "page_schema": {"type": "object", "properties": {"total": {"type": "number"}}}
        },
    },
]
INVOICE = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def pipeline_id(simulator: Simulator) -> str:
    return simulator.pipelines.create(STEPS, name="Invoices")


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


def test_each_file_is_converted_and_saved_as_documents_save_does(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = run(way, simulator, Convert(), documents, output_dir=out)
    assert report
    assert len(simulator.documents) == len(documents)
    for result, path in zip(report.results, documents, strict=True):
        assert result.source == str(path)
        assert result.folder == out / path.stem
        assert (result.folder / f"{path.stem}.md").is_file()
        [receipt] = result.receipts
        assert (receipt.id, receipt.source) == (result.job_id, str(path))
        assert receipt.source_sha256
        assert (result.cost_cents, result.page_count) == (1, 1)
    assert report.cost_cents == 3
    assert str(report) == f"Convert(): 3 of 3 done, in {out}, for 3 cents"
    assert json.loads(json.dumps(report.to_dict()))["cost_cents"] == 3


def test_the_same_call_again_sends_nothing(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    first = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    simulator.requests.clear()
    second = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert not simulator.requests
    assert [one.to_dict() for one in second.results] == [one.to_dict() for one in first.results]
    assert [one.receipts for one in second.results] == [one.receipts for one in first.results]


def test_files_that_came_since_are_run_and_those_that_were_done_are_not(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    task = Extract(INVOICE)
    run(way, simulator, task, documents[:1], output_dir=tmp_path / "out")
    report = run(way, simulator, task, documents[0].parent, output_dir=tmp_path / "out")
    assert (len(report.succeeded), len(simulator.documents)) == (3, 3)
    for path in documents:
        assert (tmp_path / "out" / path.stem / f"{path.stem}.extraction.json").is_file()


def test_a_pipeline_runs_over_files_and_each_step_is_saved(
    way: Way, simulator: Simulator, pipeline_id: str, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = run(way, simulator, RunPipeline(pipeline_id), documents, output_dir=out)
    assert report, str(report)
    assert len(simulator.pipelines.executions) == len(documents)
    for result in report.results:
        stem = Path(result.source).stem
        assert result.folder == out / stem
        assert (result.folder / f"{stem}.md").is_file()
        assert (result.folder / f"{stem}.extraction.json").is_file()
        assert len(result.receipts) == 2
        assert result.cost_cents is not None
    assert str(report).startswith(f"Pipeline {pipeline_id}: 3 of 3 done")
    simulator.requests.clear()
    client = way.client(simulator)
    pipeline = way.done(client.pipelines.get(pipeline_id))
    again = way.done(client.run(pipeline, documents, output_dir=out))
    assert again.results == report.results
    assert way.done(client.run(pipeline_id, documents, output_dir=out))
    way.done(client.close())
    assert {request.method for request in simulator.requests} == {"GET"}
    assert len(simulator.pipelines.executions) == len(documents)


def test_an_unknown_pipeline_ends_the_run_at_once(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError):
        run(way, simulator, "pl_unknown", documents, output_dir=tmp_path / "out")
    assert len(simulator.requests) == 1


def test_two_steps_of_one_type_have_folders_of_their_own(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    pipeline_id = simulator.pipelines.create([STEPS[0], STEPS[1], STEPS[1]])
    report = run(way, simulator, pipeline_id, documents[:1], output_dir=tmp_path / "out")
    assert report, str(report)
    [result] = report.results
    assert (result.folder / "0.md").is_file()
    for name in ("1-extract", "2-extract"):
        assert (result.folder / name / "0.extraction.json").is_file()
    again = run(way, simulator, pipeline_id, documents[:1], output_dir=tmp_path / "out")
    assert again.results[0].receipts
    assert len(simulator.pipelines.executions) == 1


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("same_time", [False, True])
def test_receipts_come_in_the_order_of_the_steps_whatever_order_a_folder_has(  # noqa: PLR0917
    way: Way,
    simulator: Simulator,
    documents: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backwards: bool,
    same_time: bool,
) -> None:
    list_folder = os.listdir

    def listdir(folder: Path) -> list[str]:
        return sorted(list_folder(folder), reverse=backwards)

    monkeypatch.setattr(os, "listdir", listdir)
    for steps in (STEPS, [STEPS[0], *([STEPS[1]] * 11)]):
        pipeline_id = simulator.pipelines.create(steps)
        out = tmp_path / f"out-{len(steps)}"
        first = run(way, simulator, pipeline_id, documents[:1], output_dir=out)
        assert len(first.results[0].receipts) == len(steps)
        if not same_time:
            for number, receipt in enumerate(first.results[0].receipts):
                save_at(receipt, 10 - number)
        again = run(way, simulator, pipeline_id, documents[:1], output_dir=out)
        wanted = [receipt.id for receipt in first.results[0].receipts]
        if not same_time:
            wanted.reverse()
        assert [receipt.id for receipt in again.results[0].receipts] == wanted


def save_at(receipt: SavedResult, minute: int) -> None:
    """Write a receipt anew, with another time."""
    [path] = [
        path for path in receipt.folder.glob("*.result.json") if receipt.id in path.read_text()
    ]
    at = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(minutes=minute)
    path.write_text(json.dumps(attrs.evolve(receipt, saved_at=at).to_dict()))


def test_sub_folders_are_mirrored_and_the_outputs_are_not_read(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    scans = documents[0].parent
    for name in ("sub/report.v2.pdf", "sub/deeper/a.pdf", ".hidden/b.pdf"):
        path = scans / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"%PDF-1.7 " + name.encode())
    out = scans / "out"
    report = run(way, simulator, Convert(), scans, output_dir=out)
    assert report, str(report)
    assert sorted(str(one.folder.relative_to(out)) for one in report.results) == [
        "0",
        "1",
        "2",
        "sub/deeper/a",
        "sub/report.v2",
    ]
    assert (out / "sub/report.v2/report.v2.md").is_file()
    again = run(way, simulator, Convert(), scans, output_dir=out)
    assert len(again.results) == len(report.results)
    assert len(simulator.documents) == len(report.results)
    flat = run(way, simulator, Convert(), scans, output_dir=out, recursive=False)
    assert len(flat.results) == 3


def test_two_sources_of_one_stem_are_kept_apart(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    other = documents[0].with_suffix(".docx")
    other.write_bytes(b"PK something else")
    out = tmp_path / "out"
    report = run(way, simulator, Convert(), [documents[0], other], output_dir=out)
    assert report
    assert [one.folder for one in report.results] == [out / "0", out / "0.docx"]
    for result in report.results:
        [receipt] = result.receipts
        assert receipt.source == result.source
        assert receipt.id == result.job_id


def test_a_folder_is_for_one_task(
    way: Way, simulator: Simulator, pipeline_id: str, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(way, simulator, Convert(mode="fast"), documents[:1], output_dir=out)
    for other in (Convert(), Extract(INVOICE), pipeline_id, 1):
        with pytest.raises(LocalFileError, match="belongs to a run of another task: Convert"):
            run(way, simulator, other, documents, output_dir=out)
    hooked = Convert(mode="fast", webhook_url="https://hooks.example/secret")
    assert run(way, simulator, hooked, documents[:1], output_dir=out)
    assert "secret" not in (out / "run.jsonl").read_text()
    assert len(simulator.documents) == 1


def test_one_that_fails_ends_nothing_and_is_submitted_again_only_when_asked(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    simulator.documents.script(DocumentScript(error="no pages"))
    report = run(way, simulator, Convert(), documents, output_dir=out)
    [failed] = report.failed
    assert isinstance(failed.error, DocumentFailedError)
    assert "no pages" in str(failed)
    again = run(way, simulator, Convert(), documents, output_dir=out)
    assert ["no pages" in str(one) for one in again.failed] == [True]
    assert len(simulator.documents) == 3
    assert run(way, simulator, Convert(), documents, output_dir=out, retry_failed=True)
    assert len(simulator.documents) == 4


def test_what_came_empty_is_told_and_not_paid_again(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    simulator.documents.script(DocumentScript(markdown=""))
    for _ in range(2):
        report = run(way, simulator, Convert(), documents[:1], output_dir=out)
        [failed] = report.failed
        assert "markdown" in (failed.reason or "")
    assert len(simulator.documents) == 1


def test_a_submission_whose_fate_is_unknown_is_not_repeated_until_asked(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    simulator.inject(Fault.disconnect(), path="/api/v1/convert")
    report = run(way, simulator, Convert(), documents[:2], output_dir=out)
    assert [one.succeeded for one in report.results] == [False, True]
    again = run(way, simulator, Convert(), documents[:2], output_dir=out)
    assert isinstance(again.results[0].error, SubmissionUncertainError)
    assert len(simulator.documents) == 2
    assert run(way, simulator, Convert(), documents[:2], output_dir=out, retry_unknown=True)
    assert len(simulator.documents) == 3


def test_urls_are_run_without_their_secrets_in_the_journal(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    url = "https://files.example/a.pdf?X-Amz-Signature=abcdef"
    client = way.client(simulator)
    file = way.done(client.files.upload(documents[1]))
    way.done(client.close())
    sources = [url, file, file.reference]
    report = run(way, simulator, Convert(), sources, output_dir=tmp_path / "out")
    assert len(simulator.documents) == 2
    assert report, str(report)
    written = "".join(
        path.read_text() for path in (tmp_path / "out").rglob("*.json*") if path.is_file()
    )
    assert "abcdef" not in written + str(report.to_dict())
    assert [one.folder.name for one in report.results] == ["a", "1", "1"]


def test_what_was_saved_and_then_removed_is_fetched_again(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    report = run(way, simulator, Convert(), documents[:1], output_dir=tmp_path / "out")
    shutil.rmtree(report.results[0].folder)
    assert run(way, simulator, Convert(), documents[:1], output_dir=tmp_path / "out")
    assert len(simulator.documents) == 1
    assert (report.results[0].folder / "0.md").is_file()


def test_a_result_behind_a_url_is_saved(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(via_url=True))
    assert run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert (tmp_path / "out" / "0" / "0.md").is_file()


@pytest.mark.parametrize("task", [CreateDocument("text"), 3.5, None, True])
def test_what_cannot_run_over_files_is_refused_before_anything_is_sent(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path, task: Any
) -> None:
    with pytest.raises((InvalidArgumentError, LocalFileError)):
        run(way, simulator, task, documents, output_dir=tmp_path / "out")
    assert not simulator.requests


def test_a_file_that_is_not_there_does_not_end_the_others(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    missing = tmp_path / "no.pdf"
    report = run(way, simulator, Convert(), [missing, *documents], output_dir=tmp_path / "out")
    assert len(report.succeeded) == 3
    [result] = report.failed
    assert "No such file" in str(result)


def test_results_come_one_by_one_with_changes_named_by_their_files(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    client, named = way.client(simulator), set()
    results = client.iter_run(
        Convert(),
        documents,
        output_dir=tmp_path / "out",
        on_update=lambda update: named.add(update.source),
    )
    found = way.collect(results)
    assert sorted(one.source for one in found) == [str(path) for path in documents]
    assert set(map(str, documents)) <= named
    way.done(client.close())


def test_what_was_saved_before_a_kill_is_not_asked_for_when_the_result_is_deleted(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(way, simulator, Convert(), documents[:1], output_dir=out)
    journal = out / "run.jsonl"
    *lines, end = journal.read_text().splitlines(keepends=True)
    assert '"ended"' in end
    journal.write_text("".join(lines))
    simulator.clock.sleep(7200)
    simulator.requests.clear()
    report = run(way, simulator, Convert(), documents[:1], output_dir=out)
    assert report, str(report)
    assert (report.cost_cents, not simulator.requests) == (1, True)


def test_a_result_that_was_deleted_before_it_was_saved_is_told(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(way, simulator, Convert(), documents[:1], output_dir=out)
    journal = out / "run.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    shutil.rmtree(out / "0")
    simulator.clock.sleep(7200)
    [failed] = run(way, simulator, Convert(), documents[:1], output_dir=out).failed
    assert isinstance(failed.error, NotFoundError)
    assert run(way, simulator, Convert(), documents[:1], output_dir=out, retry_failed=True)
    assert len(simulator.documents) == 2


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=examples(15))
@given(
    fault=st.builds(
        DiskFault,
        line=st.integers(1, 1 + 4 * 2),
        length=st.integers(0, 200),
        how=st.sampled_from(["error", "short", "sync"]),
        lasts=st.booleans(),
        cuts=st.booleans(),
    )
)
@example(fault=DiskFault(line=4, length=0, how="error", lasts=True, cuts=True))
def test_nothing_is_paid_twice_wherever_the_disk_fails(kind: Kind, fault: DiskFault) -> None:
    simulator = new_simulator()
    with tempfile.TemporaryDirectory() as folder, Way(kind) as way:
        out = Path(folder) / "out"
        paths = [Path(folder) / f"{number}.pdf" for number in range(2)]
        for path in paths:
            path.write_bytes(b"%PDF-1.7 " + path.name.encode())
        with faulty(fault), pytest.raises(LocalFileError, match=r"run\.jsonl") as caught:
            run(way, simulator, Convert(), paths, output_dir=out)
        if fault.line == 4:
            # Whoever reads the error can still fetch what was paid for.
            [request_id] = simulator.documents
            assert f"as request convert/{request_id}, which goes on" in str(caught.value)
        run(way, simulator, Convert(), paths, output_dir=out)
        report = run(way, simulator, Convert(), paths, output_dir=out)
        assert all(isinstance(one.error, SubmissionUncertainError) for one in report.failed)
        assert len(report.failed) <= 1
        assert len(simulator.documents) <= 2
        assert run(way, simulator, Convert(), paths, output_dir=out, retry_unknown=True)
        assert len(simulator.documents) <= 2 + len(report.failed)


def test_a_look_for_a_late_cost_that_fails_is_made_again(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    failed: list[str] = []
    simulator.documents.script_always(DocumentScript(cost_cents=7, cost_after=20))

    def meddle(request: Request, _: int) -> Fault | None:
        if not (out / "0" / "0.md").exists() or failed:
            return None
        failed.append(request.method)
        return Fault.status(400)

    simulator.inject_with(meddle)
    report = run(way, simulator, Convert(), documents[0], output_dir=out)
    assert failed == ["GET"]
    assert report.cost_cents == 7


def test_pages_that_others_keep_in_flight_for_good_leave_the_file_to_a_later_call(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.page_limit = 10
    simulator.documents.start(DocumentScript(pages=10, seconds=1_000_000))
    report = run(way, simulator, Convert(), documents[0], output_dir=tmp_path / "out")
    [result] = report.failed
    assert "Page rate limit exceeded" in (result.reason or "")
    simulator.clock.sleep(1_000_000)
    report = run(way, simulator, Convert(), documents[0], output_dir=tmp_path / "out")
    assert report
    assert report.cost_cents == 1


def test_outputs_are_saved_beside_those_that_were_in_their_place(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    other = tmp_path / "other" / documents[0].name
    other.parent.mkdir()
    other.write_bytes(b"%PDF-1.7 of another kind")
    client = way.client(simulator)
    saved = way.done(client.documents.save(way.done(client.documents.convert(other)), out))
    way.done(client.close())
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    report = run(way, simulator, Convert(), documents[0], output_dir=out)
    assert report
    assert report.results[0].folder != saved.folder
    assert (report.results[0].folder / "0.md").is_file()
    assert all(path.read_bytes() == content for path, content in kept.items())
    again = run(way, simulator, Convert(), documents[0], output_dir=out)
    assert again.results[0].folder == report.results[0].folder
    assert len(simulator.documents) == 2


def test_a_cost_that_is_still_missed_when_the_result_is_deleted_is_none(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    deleted: list[str] = []
    simulator.documents.script_always(DocumentScript(cost_cents=7, cost_after=20))

    def meddle(request: Request, _: int) -> Fault | None:
        if not (out / "0" / "0.md").exists():
            return None
        deleted.append(request.path)
        return Fault.status(404, {"detail": "Request not found"})

    simulator.inject_with(meddle)
    report = run(way, simulator, Convert(), documents[0], output_dir=out)
    assert report
    assert report.cost_cents is None
    assert len(deleted) == 1, "asked again for what is not there any more"


def test_under_a_limit_what_an_earlier_call_left_without_a_cost_may_be_deleted_by_now(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_cents=7, cost_after=4_000, kept_for=600))
    options: dict[str, Any] = {"output_dir": tmp_path / "out"}
    assert run(way, simulator, Convert(), documents[:1], **options).cost_cents is None
    simulator.clock.sleep(600)
    simulator.documents.script_always(DocumentScript(cost_cents=7))
    report = run(way, simulator, Convert(), documents, **options, max_cost_cents=50)
    assert report, str(report)
    assert [one.cost_cents for one in report.results] == [None, 7, 7]
    assert len(simulator.documents) == 3


@pytest.mark.parametrize("limit", [None, 50])
def test_a_file_named_twice_whose_cost_never_comes_has_two_results(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path, limit: float | None
) -> None:
    simulator.documents.script_always(DocumentScript(cost_after=4_000, kept_for=None))
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "max_cost_cents": limit}
    report = run(way, simulator, Convert(), [documents[0]] * 2, **options)
    assert report, str(report)
    assert [one.cost_cents for one in report.results] == [None, None]
    assert len({one.job_id for one in report.results}) == 1
    assert len(simulator.documents) == 1
