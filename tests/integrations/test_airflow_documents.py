"""Documents and pipelines in Airflow: paid once, saved, and known when the server has forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import (
    Convert,
    CreateDocument,
    Extract,
    InvalidArgumentError,
    ResultExpiredError,
    SubmissionUncertainError,
    UploadError,
)
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.integrations.airflow.families import family_of, handle_of, poll
from datalab_facade.integrations.airflow.job_requests import (
    JobRequest,
    document_request,
    pipeline_request,
    schema_of_setting,
)
from datalab_facade.integrations.airflow.memory import record_result
from datalab_facade.integrations.airflow.submissions import Started, Submission
from datalab_facade.models import JSON
from datalab_facade.testing import DocumentScript, Fault
from tests.in_process import blocking, new_simulator

URL = "https://a.example/1.pdf?signature=1"
STEPS: list[JSON] = [
    {"type": "convert", "settings": {}},
    {"type": "extract", "settings": {"page_schema": {"properties": {"total": {"type": "number"}}}}},
]


@attrs.frozen
class Invoice:
    """A type for an extraction."""

    total: float


NOT_A_CLASS = 1


class Task:
    """A task of a DAG run, which may be begun several times, and what it remembers."""

    def __init__(self) -> None:
        self.simulator = new_simulator()
        self.kept: dict[str, dict[str, JSON]] = {}

    def get(self, key: str) -> object:
        return self.kept.get(key)

    def set(self, key: str, value: dict[str, JSON]) -> None:
        self.kept[key] = value

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    def begin(self, request: JobRequest, save_to: str | None = None, **options: Any) -> Started:
        with blocking(self.simulator) as client:
            return Submission(client, self, request, save_to, **options).start_once()

    def finish(self, started: Started, save_to: str) -> dict[str, JSON]:
        """Do what the operator does when the job has ended."""
        handle = started.handle
        with blocking(self.simulator) as client:
            family = family_of(handle)
            event = WaitEvent.of_snapshot(handle, family.jobs(client).wait(handle))
            result = event.to_result(family.save(client, handle, save_to))
        record_result(self, handle, save_to, result)
        return result

    @property
    def submitted(self) -> int:
        return sum(one.method == "POST" for one in self.simulator.requests)


def test_a_document_is_sent_once_and_another_task_or_address_is_another_request() -> None:
    task = Task()
    first, again = (task.begin(document_request(Convert(), URL)) for _ in range(2))
    assert (first.before, again.before) == (False, True)
    assert first.handle == again.handle
    assert str(first.handle["id"]).startswith("convert/")
    others = [
        document_request(Convert(mode="accurate"), URL),
        document_request(Convert(), f"{URL}2"),
        document_request(Extract({"properties": {"total": {"type": "number"}}}), URL),
    ]
    assert [task.begin(other).before for other in others] == [False] * 3
    assert task.submitted == 4
    assert "signature" not in str(task.kept)


def test_a_file_that_was_corrected_is_another_document_and_one_that_moved_is_not(
    tmp_path: Path,
) -> None:
    task, file = Task(), tmp_path / "letter.pdf"
    file.write_bytes(b"%PDF-1")
    first = task.begin(document_request(Convert(), str(file)))
    (tmp_path / "b").mkdir()
    moved = shutil.move(file, tmp_path / "b" / "letter.pdf")
    assert task.begin(document_request(Convert(), moved)).handle == first.handle
    Path(moved).write_bytes(b"%PDF-2")
    assert not task.begin(document_request(Convert(), moved)).before
    with pytest.raises(UploadError):
        task.begin(document_request(Convert(), str(file)))
    assert task.submitted == 2


def test_a_pipeline_runs_once_and_its_name_is_looked_up_only_then() -> None:
    task = Task()
    task.simulator.pipelines.create(STEPS, name="Invoices")
    first, again = (task.begin(pipeline_request("Invoices", URL, {})) for _ in range(2))
    assert (first.before, again.before) == (False, True)
    assert first.handle == again.handle
    assert not task.begin(pipeline_request("Invoices", URL, {"page_range": "0"})).before
    assert task.submitted == 2


def test_a_request_without_an_answer_is_not_repeated_by_the_next_try() -> None:
    task = Task()
    task.simulator.inject(Fault.disconnect(), path="/api/v1/convert")
    for _ in range(2):
        with pytest.raises(SubmissionUncertainError):
            task.begin(document_request(Convert(), URL))
    assert task.submitted == 1


def test_what_is_saved_is_named_by_paths_without_content_and_urls(tmp_path: Path) -> None:
    task = Task()
    task.simulator.documents.script_always(DocumentScript(markdown="secret text"))
    task.simulator.pipelines.create(STEPS, name="Invoices")
    converted = task.finish(task.begin(document_request(Convert(), URL)), str(tmp_path))
    ran = task.finish(task.begin(pipeline_request("Invoices", URL, {})), str(tmp_path))
    manifest = converted["manifest"]
    assert isinstance(manifest, dict)
    assert Path(str(manifest["folder"]), "1.md").read_text() == "secret text"
    manifest = ran["manifest"]
    assert isinstance(manifest, dict)
    assert isinstance(manifest["steps"], list)
    assert len(manifest["steps"]) == 2
    for result in (converted, ran):
        assert "secret text" not in str(result)
        assert "signature" not in str(result)
        assert result["status"] == "COMPLETED"


def test_the_fields_of_a_task_are_in_no_handle_and_in_no_manifest(tmp_path: Path) -> None:
    task = Task()
    created = task.begin(document_request(CreateDocument("secret text"), None))
    result = task.finish(created, str(tmp_path))
    for kept in (created.handle, result, task.kept):
        assert "secret text" not in str(kept)
    assert result["manifest"]


def test_a_result_that_the_server_has_deleted_is_not_paid_again_while_its_files_are_there(
    tmp_path: Path,
) -> None:
    task, folder = Task(), str(tmp_path / "out")
    request = document_request(Convert(), URL)
    result = task.finish(task.begin(request), folder)
    task.simulator.clock.sleep(7_200)
    for options in ({}, {"retry_failed": True}):
        found = task.begin(request, folder, **options)
        assert (found.result, found.before) == (result, True)
    with pytest.raises(ResultExpiredError):
        task.begin(request, str(tmp_path / "elsewhere"))
    shutil.rmtree(folder)
    with pytest.raises(ResultExpiredError):
        task.begin(request, folder)
    assert task.submitted == 1
    assert not task.begin(request, folder, retry_failed=True).before
    assert task.submitted == 2


def test_a_request_that_failed_is_submitted_again_only_where_that_is_wanted() -> None:
    task = Task()
    task.simulator.documents.script(DocumentScript(error="no pages"))
    request = document_request(Convert(), URL)
    first = task.begin(request)
    task.simulator.clock.sleep(60)
    again = task.begin(request)
    assert again.snapshot is not None
    assert "no pages" in str(WaitEvent.of_snapshot(again.handle, again.snapshot).problem)
    assert task.begin(request, retry_failed=True).handle != first.handle


def test_whatever_stands_for_a_job_is_understood() -> None:
    task = Task()
    execution = task.simulator.pipelines.create(STEPS)
    with blocking(task.simulator) as client:
        handle = client.pipelines.run(execution, URL)
        request = client.documents.submit(Convert(), URL)
        for job in (
            handle,
            handle.to_dict(),
            handle.id,
            handle.get(),
            {"handle": handle.to_dict()},
        ):
            assert handle_of(client, job) == handle.to_dict()
        known = handle_of(client, request)
        assert {**known, "task": Convert().to_dict()} == request.to_dict()
        assert handle_of(client, f" {request.id} ")["id"] == request.id
        assert handle_of(client, request.get())["id"] == request.id
        assert handle_of(client, " 7\n") == client.executions.handle(7).to_dict()
        assert poll(client, handle_of(client, request.id)).id == request.id
        wrong: list[object] = [None, "", "x", 1.5, {}, {"kind": "document"}, {"handle": None}]
        for one in wrong:
            with pytest.raises(InvalidArgumentError):
                handle_of(client, one)


@pytest.mark.parametrize("source", ["", " ", "ftp://a.example/1.pdf", None])
def test_a_source_that_cannot_be_one_is_refused_before_anything_is_sent(source: str | None) -> None:
    with pytest.raises(InvalidArgumentError):
        document_request(Convert(), source)
    with pytest.raises(InvalidArgumentError):
        pipeline_request("Invoices", source, {})


def test_a_schema_is_a_mapping_a_class_a_path_or_the_name_of_a_class() -> None:
    plain: Mapping[str, object] = {"properties": {}}
    assert schema_of_setting(plain) is plain
    assert schema_of_setting(Invoice) is Invoice
    assert schema_of_setting(f"{__name__}:Invoice") is Invoice
    assert schema_of_setting("schemas/invoice.json") == Path("schemas/invoice.json")
    assert schema_of_setting(None) is None
    for name, words in (
        ("no_such_module:A", "cannot be imported"),
        (f"{__name__}:Missing", "cannot be imported"),
        (f"{__name__}:NOT_A_CLASS", "is not a class"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            schema_of_setting(name)
