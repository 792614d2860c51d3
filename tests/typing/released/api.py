"""What type checkers made of the public API of 0.2.0: today's package keeps to it.

A copy of ``tests/typing/api.py``, made by ``scripts/api.py --accept`` and never edited. What was
refused then may be accepted today, so an ``ignore`` may have become superfluous.
"""

# ruff: noqa: B018 - that an expression is refused, or of which type it is, is all there is to see
# mypy: disable-error-code="unused-ignore"
# pyright: reportUnnecessaryTypeIgnoreComment=false
from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Literal, TypedDict, TypeVar, assert_type

import httpx

from datalab_facade import (
    AgentResult,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncDatalab,
    AsyncExecutionHandle,
    BadRequestError,
    Change,
    ConfigurationError,
    Conversion,
    Convert,
    CreatedDocument,
    CreateDocument,
    Datalab,
    DatalabError,
    DefinitionIssue,
    DownloadError,
    DownloadFailure,
    Drift,
    DriftReport,
    Execution,
    ExecutionFailedError,
    ExecutionHandle,
    Extract,
    Extraction,
    Failure,
    File,
    FileLink,
    Fill,
    FilledForm,
    InputConfig,
    InvalidDefinitionError,
    InvalidResponseError,
    LocalFileError,
    Manifest,
    NotFoundError,
    Outcome,
    Output,
    OutputTooLargeError,
    OverloadedError,
    Progress,
    RateLimitError,
    RequestRejectedError,
    RunAgent,
    RunReport,
    RunResult,
    SchemaSuggestions,
    Segment,
    Segmentation,
    Status,
    Step,
    StepDefinition,
    StepProgress,
    StepRun,
    Steps,
    StepType,
    SubmissionUncertainError,
    SuggestSchemas,
    Task,
    Totals,
    TrackChanges,
    UnprocessableEntityError,
    Update,
    UploadError,
    UploadFailure,
    UploadOutcome,
    ValidationIssue,
    WaitPolicy,
    WaitTimeoutError,
    Workflow,
    WorkflowDefinition,
    WorkflowStep,
    schema_of,
)
from datalab_facade.events import Event
from datalab_facade.models import JSON
from datalab_facade.opentelemetry import OpenTelemetryListener

R = TypeVar("R")

# Tasks.


@dataclass
class Invoice:
    total: float


class TypedInvoice(TypedDict):
    total: float


def result_of(task: Task[R]) -> R:
    raise NotImplementedError


def a_task_says_of_which_type_its_result_is(path: Path) -> None:
    assert_type(result_of(Convert(mode="fast")), Conversion)
    assert_type(result_of(TrackChanges()), Conversion)
    assert_type(result_of(Segment({"Invoice": "a bill"}, max_pages=3)), Segmentation)
    assert_type(result_of(Fill({"name": "Jane", "age": 5}, context="c")), FilledForm)
    assert_type(result_of(CreateDocument(path)), CreatedDocument)
    assert_type(result_of(RunAgent("cp_abc123")), AgentResult)
    assert_type(result_of(SuggestSchemas()), SchemaSuggestions)
    assert_type(Convert.from_dict({"task": "convert"}), Convert)


def what_is_extracted_has_the_type_of_the_schema(path: Path, schema: dict[str, object]) -> None:
    assert_type(Extract(Invoice), Extract[Invoice])
    assert_type(result_of(Extract(Invoice, mode="fast")), Extraction[Invoice])
    assert_type(result_of(Extract(Invoice)).value, Invoice)
    assert_type(result_of(Extract(TypedInvoice)), Extraction[TypedInvoice])
    assert_type(result_of(Extract(schema)), Extraction[dict[str, JSON]])
    assert_type(result_of(Extract(path)), Extraction[dict[str, JSON]])
    assert_type(result_of(Extract(schema_id="sch_1")), Extraction[dict[str, JSON]])
    assert_type(result_of(Extract(schema, into=Invoice)), Extraction[Invoice])
    assert_type(result_of(Extract(schema_id="sch_1", into=Invoice)), Extraction[Invoice])
    assert_type(Extract(Invoice).into, type[Invoice] | None)


def fields_of_a_task_are_typed() -> None:
    Convert(page_range=range(3), output_format=["markdown", "html"], extra={"new": True})
    Convert(page_range="0,5-10", output_format="json", additional_config={"a": True})
    assert_type(Convert().output_format, tuple[str, ...] | None)
    assert_type(Convert().page_range, str | None)
    assert_type(Convert().fields(), dict[str, str])
    assert_type(schema_of(Invoice), dict[str, JSON])

    Convert({"mode": "fast"})  # type: ignore[call-arg]
    Convert(modus="fast")  # type: ignore[call-arg]
    Convert(max_pages="3")  # type: ignore[arg-type]
    RunAgent()  # type: ignore[call-arg]
    Convert().mode = "fast"  # type: ignore[misc]
    Extract(Invoice, modus="fast")  # type: ignore[call-overload]
    Extract("schema.json")  # type: ignore[call-overload]


# Clients.


def a_client_is_made_in_many_ways(own: httpx.Client, own_async: httpx.AsyncClient) -> None:
    assert_type(Datalab(), Datalab)
    assert_type(AsyncDatalab(), AsyncDatalab)
    Datalab("key", base_url="https://a.example", allow_http=False)
    Datalab(api_key="key", http_client=own, listeners=[OpenTelemetryListener()])
    heard: list[Event] = []
    Datalab(listeners=[heard.append, lambda event: event.parent_id])
    AsyncDatalab(listeners=(heard.append,))
    Datalab(timeout=60, request_timeout=2.5, max_retries=0, headers={"X-Team": "7"})
    Datalab(policy=WaitPolicy(timeout=math.inf))
    AsyncDatalab(None, http_client=own_async, max_retries=1)

    Datalab("key", "https://a.example")  # type: ignore[call-arg]
    Datalab(api_key=b"key")  # type: ignore[arg-type]
    Datalab(http_client=own_async)  # type: ignore[arg-type]
    AsyncDatalab(http_client=own)  # type: ignore[arg-type]
    Datalab(retries=3)  # type: ignore[call-arg]
    Datalab(timeout="60")  # type: ignore[arg-type]
    Datalab(headers={"X-Team": 7})  # type: ignore[dict-item]
    Datalab(policy=60)  # type: ignore[arg-type]


async def key_of_async_code() -> str:
    return "k"


def a_view_is_of_the_same_class(client: Datalab, other: AsyncDatalab) -> None:
    assert_type(client.with_options(timeout=5, headers={}), Datalab)
    assert_type(other.with_options(policy=WaitPolicy()), AsyncDatalab)

    class Ours(Datalab):
        """A user's own."""

    assert_type(Ours().with_options(max_retries=1), Ours)

    client.with_options(retries=3)  # type: ignore[call-arg]
    assert_type(client.with_options(api_key="k", requests_per_minute=None), Datalab)
    assert_type(client.with_options(api_key=lambda: "k"), Datalab)
    assert_type(other.with_options(api_key=key_of_async_code), AsyncDatalab)
    client.with_options(api_key=key_of_async_code)  # type: ignore[arg-type]
    Datalab(api_key=5)  # type: ignore[arg-type]


async def a_client_is_a_context_manager_and_can_be_closed(
    client: Datalab, other: AsyncDatalab
) -> None:
    with client as inside:
        assert_type(inside, Datalab)
    async with other as inside_too:
        assert_type(inside_too, AsyncDatalab)
    await other.close()
    close: Callable[[], None] = client.close
    close_async: Callable[[], Coroutine[Any, Any, None]] = other.close
    del close, close_async

    with other:  # type: ignore[attr-defined]
        pass
    async with client:  # type: ignore[attr-defined]
        pass


def drift_is_typed(client: Datalab) -> None:
    report = client.drift
    assert_type(report, DriftReport)
    assert_type(report.counts, dict[Drift, int])
    assert_type(report.dropped, int)
    for drift in report.counts:
        assert_type(drift.kind, Literal["field", "status", "shape", "time", "zone", "deprecation"])
        assert_type(drift.where, str)


# Executions.


def blocking_calls_give_what_they_say(client: Datalab) -> None:
    executions = client.executions
    assert_type(executions.get(1), Execution)
    assert_type(executions.get(1, timeout=5, request_timeout=1.0, max_retries=0), Execution)
    assert_type(executions.get(1, headers={"X-Job": "8"}), Execution)
    assert_type(executions.wait(1), Execution)
    assert_type(executions.wait(1, timeout=math.inf, policy=WaitPolicy()), Execution)
    assert_type(executions.wait(1, on_change=print), Execution)
    assert_type(executions.result(1, on_change=lambda change: change.after), Execution)
    assert_type(executions.watch(1, timeout=5), Generator[Change[Execution], None, None])
    for change in executions.watch(1):
        assert_type(change, Change[Execution])

    executions.get()  # type: ignore[call-arg]
    executions.get("1")  # type: ignore[arg-type]
    executions.get(None)  # type: ignore[arg-type]
    executions.get(1.5)  # type: ignore[arg-type]
    executions.get(1, 5)  # type: ignore[call-arg]
    executions.get(1, timeout="5")  # type: ignore[arg-type]
    executions.get(1, policy=WaitPolicy())  # type: ignore[call-arg]
    executions.get(1, retries=3)  # type: ignore[call-arg]
    executions.wait("1")  # type: ignore[arg-type]
    executions.wait(1, interval=3)  # type: ignore[call-arg]
    executions.wait(1, policy=3)  # type: ignore[arg-type]
    executions.wait(1, on_change=len)  # type: ignore[arg-type]
    executions.watch(1, on_change=print)  # type: ignore[call-arg]
    executions.watch(1)[0]  # type: ignore[index]


async def async_calls_give_what_they_say(client: AsyncDatalab) -> None:
    async def note(change: Change[Execution]) -> int:
        return change.sequence

    executions = client.executions
    assert_type(await executions.get(1), Execution)
    assert_type(await executions.wait(1, timeout=5), Execution)
    assert_type(await executions.wait(1, on_change=note), Execution)
    assert_type(await executions.result(1, on_change=print), Execution)
    assert_type(executions.watch(1), AsyncGenerator[Change[Execution], None])
    async for change in executions.watch(1):
        assert_type(change, Change[Execution])

    executions.get(1).status  # type: ignore[attr-defined]
    await executions.get("1")  # type: ignore[arg-type]
    await executions.watch(1)  # type: ignore[misc]
    for _ in executions.watch(1):  # type: ignore[attr-defined]
        pass


async def what_blocks_is_not_awaited(client: Datalab) -> None:
    await client.executions.get(1)  # type: ignore[misc]
    async for _ in client.executions.watch(1):  # type: ignore[attr-defined]
        pass


def many_at_once(client: Datalab, ids: list[int]) -> None:
    executions = client.executions
    assert_type(
        executions.as_completed(ids, timeout=60), Generator[Outcome[Execution, int], None, None]
    )
    assert_type(
        executions.watch_many(range(9), concurrency=3),
        Generator[Update[Execution, int], None, None],
    )
    assert_type(executions.wait_many(iter(ids), policy=WaitPolicy()), list[Outcome[Execution, int]])
    for outcome in executions.as_completed(ids, max_retries=3):
        assert_type(outcome.id, int)
        assert_type(outcome.snapshot, Execution | None)
        assert_type(outcome.error, DatalabError | None)
        assert_type(outcome.succeeded, bool)
        assert_type(outcome.result(), Execution)
    for update in executions.watch_many(ids):
        assert_type(update.change, Change[Execution] | None)
        assert_type(update.outcome, Outcome[Execution, int] | None)
        assert_type(update.totals, Totals)
        assert_type(update.totals.requests_left, int | None)

    handle, snapshot = executions.handle(1), executions.get(1)
    executions.wait_many([1, snapshot, handle, handle.to_dict()], timeout=timedelta(hours=1))
    assert_type(executions.as_completed([handle]), Generator[Outcome[Execution, int], None, None])
    assert_type(executions.wait(snapshot, timeout=timedelta(minutes=5)), Execution)
    assert_type(client.outputs.save_all(handle, "out"), Manifest)

    executions.as_completed([Outcome(id=1)])  # type: ignore[list-item]
    executions.wait(1, timeout="5")  # type: ignore[arg-type]
    executions.wait_many(1)  # type: ignore[arg-type]
    executions.wait_many(["1"])  # type: ignore[list-item]
    executions.as_completed(ids, interval=3)  # type: ignore[call-arg]
    executions.as_completed(ids)[0]  # type: ignore[index]
    Datalab(requests_per_minute="many")  # type: ignore[arg-type]


async def many_at_once_in_async_code(client: AsyncDatalab, ids: AsyncGenerator[int, None]) -> None:
    executions = client.executions
    assert_type(executions.as_completed([1, 2]), AsyncGenerator[Outcome[Execution, int], None])
    assert_type(executions.watch_many(ids), AsyncGenerator[Update[Execution, int], None])
    assert_type(await executions.wait_many(ids), list[Outcome[Execution, int]])
    assert_type(
        await executions.wait_many([executions.handle(1), 2]), list[Outcome[Execution, int]]
    )
    async for outcome in executions.as_completed(ids):
        assert_type(outcome, Outcome[Execution, int])

    for _ in executions.as_completed([1]):  # type: ignore[attr-defined]
        pass
    await executions.as_completed([1])  # type: ignore[misc]


# Handles.


def handles_do_the_same_without_the_id(client: Datalab) -> None:
    handle = client.executions.handle(1)
    assert_type(handle, ExecutionHandle)
    assert_type(handle.id, int)
    assert_type(handle.get(timeout=5), Execution)
    assert_type(handle.wait(timeout=5, policy=WaitPolicy(), on_change=print), Execution)
    assert_type(handle.result(max_retries=3), Execution)
    assert_type(handle.watch(timeout=5), Generator[Change[Execution], None, None])
    assert_type(handle.fetch_outputs(), tuple[Output, ...])
    assert_type(handle.to_dict(), dict[str, JSON])
    assert_type(client.executions.handle(handle.to_dict()), ExecutionHandle)
    assert_type(client.executions.handle(handle), ExecutionHandle)

    handle.get(1)  # type: ignore[call-arg]
    handle.wait(interval=3)  # type: ignore[call-arg]
    handle.id = 2  # type: ignore[misc]
    client.executions.handle("1")  # type: ignore[arg-type]


async def async_handles_do_the_same(client: AsyncDatalab) -> None:
    handle = client.executions.handle(1)
    assert_type(handle, AsyncExecutionHandle)
    assert_type(await handle.get(), Execution)
    assert_type(await handle.wait(timeout=5), Execution)
    assert_type(await handle.result(), Execution)
    assert_type(handle.watch(), AsyncGenerator[Change[Execution], None])
    assert_type(await handle.fetch_outputs(), tuple[Output, ...])
    assert_type(handle.to_dict(), dict[str, JSON])

    for _ in handle.outputs():  # type: ignore[attr-defined]
        pass


# Snapshots.


def a_snapshot_is_typed_throughout(execution: Execution) -> None:
    assert_type(execution.id, int)
    assert_type(execution.status, Status)
    assert_type(execution.workflow_id, int | None)
    assert_type(execution.created_at, datetime | None)
    assert_type(execution.observed_at, datetime | None)
    assert_type(execution.error, str | None)
    assert_type(execution.is_terminal, bool)
    assert_type(execution.succeeded, bool)
    assert_type(execution.failed, bool)
    assert_type(execution.partially_failed, bool)
    assert_type(execution.progress, StepProgress)
    assert_type(execution.progress.fraction, float)
    assert_type(execution.failures, tuple[Failure, ...])
    assert_type(execution.outputs, tuple[Output, ...])
    assert_type(execution.duration, timedelta | None)
    assert_type(execution.raw, Mapping[str, JSON])
    assert_type(execution.to_dict(), dict[str, JSON])
    assert_type(Execution.from_dict(execution.to_dict()), Execution)

    execution.status = Status.FAILED  # type: ignore[misc]
    execution.stauts  # type: ignore[attr-defined]
    execution.created_at.year  # type: ignore[union-attr]
    execution.get()  # type: ignore[attr-defined]
    execution.raw["x"] = 1  # type: ignore[index]


def a_status_compares_with_the_word_for_it(execution: Execution) -> None:
    assert_type(execution.status == "COMPLETED", bool)
    assert_type(execution.status == Status.COMPLETED, bool)
    assert_type(execution.status in ("COMPLETED", Status.FAILED), bool)
    assert_type(Status.parse("paused"), Status)
    assert_type(Status.IN_PROGRESS.is_terminal, bool)
    word: str = execution.status
    assert_type(word.lower(), str)
    if execution.status == "COMPLETED":
        # A word does not narrow it, so that what comes after is not taken for unreachable.
        assert_type(execution.status, Status)

    Status.DONE  # type: ignore[attr-defined]
    status: Status = "COMPLETED"  # type: ignore[assignment]
    del status


def steps_are_a_mapping_that_does_not_change(execution: Execution) -> None:
    steps = execution.steps
    assert_type(steps, Steps)
    assert_type(steps["parse"], Step)
    assert_type(steps.get("parse"), Step | None)
    assert_type("parse" in steps, bool)
    assert_type(len(steps), int)
    as_mapping: Mapping[str, Step] = steps
    del as_mapping
    for name, step in steps.items():
        assert_type(name, str)
        assert_type(step, Step)
        assert_type(step.status, Status)
        assert_type(step.runs, tuple[StepRun, ...])
        assert_type(step.errors, tuple[str, ...])
        for run in step.runs:
            assert_type(run.file_key, str | None)
            assert_type(run.output_url, str | None)
            assert_type(run.total_pages, int | None)
            assert_type(run.duration, timedelta | None)

    steps["parse"] = Step(name="parse")  # type: ignore[index]
    steps[0]  # type: ignore[index]
    steps["parse"].output_url  # type: ignore[attr-defined]


def a_change_is_typed(change: Change[Execution]) -> None:
    assert_type(change.sequence, int)
    assert_type(change.kind, Literal["job", "step", "file"])
    assert_type(change.step, str | None)
    assert_type(change.before, Status | None)
    assert_type(change.after, Status)
    assert_type(change.snapshot, Execution)
    assert_type(change.observed_at, datetime | None)


# Outputs.


async def outputs_are_bytes_or_json(client: Datalab, other: AsyncDatalab, output: Output) -> None:
    assert_type(output.execution_id, int)
    assert_type(output.step, str)
    assert_type(output.file_key, str | None)
    assert_type(client.outputs.read_bytes(output, max_bytes=10), bytes)
    assert_type(client.outputs.read_json(output), JSON)
    assert_type(await other.outputs.read_bytes(output), bytes)
    client.outputs.save(output, "out", on_progress=lambda at: assert_type(at, Progress))
    client.outputs.save_all(
        123, "out", on_progress=lambda at: assert_type(at.fraction, float | None)
    )
    client.files.download(4, "out", on_progress=lambda at: assert_type(at.output, Output | None))
    assert_type(await other.outputs.read_json(output, max_bytes=10), JSON)

    client.outputs.read_json(output)["a"]  # type: ignore[index, call-overload]
    client.outputs.read_bytes(output.url)  # type: ignore[arg-type]
    client.outputs.read_bytes(output, 10)  # type: ignore[call-arg]


# Files.


def files_are_uploaded_listed_and_fetched(client: Datalab, opened: IO[bytes]) -> None:
    files = client.files
    assert_type(files.upload("a.pdf"), File)
    assert_type(files.upload(Path("a.pdf"), timeout=5, max_retries=0), File)
    assert_type(files.upload(b"...", name="a.pdf", content_type="application/pdf"), File)
    assert_type(files.upload(opened, max_bytes=10, on_progress=print), File)
    files.upload("a.pdf", on_progress=lambda progress: assert_type(progress, Progress))
    assert_type(files.upload_many(["a.pdf", Path("b.pdf")]), Generator[UploadOutcome, None, None])
    files.upload_many([("a.pdf", b"..."), "b.pdf", opened], concurrency=2)
    for outcome in files.upload_many([]):
        assert_type(outcome.file, File | None)
        assert_type(outcome.error, DatalabError | None)
        assert_type(outcome.result(), File)
    assert_type(files.upload_all(["a.pdf", ("b.pdf", b"...")], timeout=5), tuple[File, ...])
    assert_type(files.list(limit=5, page_size=10), Generator[File, None, None])
    file = files.get(4)
    assert_type(file, File)
    assert_type(files.get("npl94jxy"), File)
    assert_type(file.size, int | None)
    assert_type(file.created_at, datetime | None)
    assert_type(files.download_url(file, expires_in=60), FileLink)
    assert_type(files.download(file, "a.pdf", overwrite=True, max_bytes=None), Path)
    assert_type(file.to_dict(), dict[str, JSON])
    files.delete(file.reference)

    files.upload()  # type: ignore[call-arg]
    files.upload(7)  # type: ignore[arg-type]
    files.upload("a.pdf", "b.pdf")  # type: ignore[call-arg]
    files.upload("a.pdf", retries=3)  # type: ignore[call-arg]
    files.upload_many(["a.pdf"], concurrency="4")  # type: ignore[arg-type]
    files.get(b"4")  # type: ignore[arg-type]
    file.id = 5  # type: ignore[misc]


async def files_are_handled_in_async_code(client: AsyncDatalab, opened: IO[bytes]) -> None:
    files = client.files
    assert_type(await files.upload(opened, name="a.pdf"), File)
    assert_type(files.list(), AsyncGenerator[File, None])
    assert_type(files.upload_many(["a.pdf"]), AsyncGenerator[UploadOutcome, None])
    assert_type(await files.upload_all(["a.pdf"]), tuple[File, ...])
    assert_type(await files.download(4, "a.pdf"), Path)
    assert_type(await files.download_url(4), FileLink)
    await files.delete(4)

    for _ in files.list():  # type: ignore[attr-defined]
        pass


# Workflows.


def runs_are_typed(client: Datalab, definition: WorkflowDefinition, path: Path) -> None:
    assert_type(client.run(1, path, output_dir="out"), RunReport)
    assert_type(client.run(definition, ["a.pdf", path], output_dir=path, timeout=60), RunReport)
    report = client.run("ours.json", client.files.get(4), output_dir="out", retry_failed=True)
    assert_type(report.results, tuple[RunResult, ...])
    assert_type(report.failed[0].manifest, Manifest | None)
    for result in client.iter_run(1, iter([path]), output_dir="out", concurrency=8):
        assert_type(result, RunResult)
    client.run(1, path)  # type: ignore[call-arg]
    client.run(1, path, to="out", retry=True)  # type: ignore[call-arg]


async def async_runs_are_typed(client: AsyncDatalab, path: Path) -> None:
    assert_type(await client.run(1, path, output_dir="out"), RunReport)
    async for result in client.iter_run(1, path, output_dir="out"):
        assert_type(result, RunResult)


def workflows_are_typed(client: Datalab, definition: WorkflowDefinition, path: Path) -> None:
    workflows = client.workflows
    assert_type(workflows.step_types(), tuple[StepType, ...])
    assert_type(workflows.list(team_id=7, timeout=5), tuple[Workflow, ...])
    assert_type(workflows.get(1), Workflow)
    assert_type(workflows.create(definition, secrets={"slack": "x"}), Workflow)
    assert_type(
        workflows.create(
            "Invoices", [StepDefinition(step_key="marker_parse", unique_name="parse")]
        ),
        Workflow,
    )
    assert_type(workflows.execute(1, "https://a.example/1.pdf"), ExecutionHandle)
    assert_type(workflows.execute(workflows.get(1), ["datalab://file-a"]), ExecutionHandle)
    workflows.execute(1, client.files.get(4))
    workflows.execute(1, [client.files.get(4), "https://a.example/1.pdf"])
    workflows.execute(1, InputConfig.bucket("b", prefix="p/"), retry_overloaded=True)
    workflows.execute(1, {"file_urls": ["https://a.example/1.pdf"]})
    workflows.execute(1, None)
    workflows.delete(1)
    workflows.delete(workflows.get(1), max_retries=0)

    workflows.get("1")  # type: ignore[arg-type]
    workflows.get(workflows.get(1))  # type: ignore[arg-type]
    workflows.list(7)  # type: ignore[call-arg]
    workflows.create({"name": "x"})  # type: ignore[arg-type]
    workflows.create("x", [{"step_key": "a"}])  # type: ignore[list-item]
    workflows.create(definition, secrets={"slack": 5})  # type: ignore[dict-item]
    workflows.execute(1)  # type: ignore[call-arg]
    workflows.execute(1, path)  # type: ignore[arg-type]
    workflows.execute(1, [path])  # type: ignore[list-item]
    workflows.execute(1, 5)  # type: ignore[arg-type]
    workflows.execute(1, None, retries=3)  # type: ignore[call-arg]


def errors_about_workflows_hold_plain_data(client: Datalab) -> None:
    try:
        client.workflows.create("x")
    except InvalidDefinitionError as error:
        assert_type(error.issues, tuple[DefinitionIssue, ...])
        assert_type(error.issues[0].place, str)
    except RequestRejectedError as error:
        assert_type(error.detail, str)
    except SubmissionUncertainError as error:
        assert_type(error.sent, Mapping[str, JSON])


async def workflows_are_typed_in_async_code(
    client: AsyncDatalab, definition: WorkflowDefinition
) -> None:
    workflows = client.workflows
    assert_type(await workflows.list(), tuple[Workflow, ...])
    assert_type(await workflows.create(definition), Workflow)
    assert_type(await workflows.execute(1, "https://a.example/1.pdf"), AsyncExecutionHandle)

    workflows.get(1).name  # type: ignore[attr-defined]


def definitions_and_inputs_are_values(definition: WorkflowDefinition, workflow: Workflow) -> None:
    assert_type(definition.layers(), tuple[tuple[StepDefinition, ...], ...])
    assert_type(definition.placeholders(), tuple[str, ...])
    assert_type(WorkflowDefinition.from_file("a.json"), WorkflowDefinition)
    assert_type(definition.to_dict(), dict[str, JSON])
    definition.validate([StepType(step_key="marker_parse"), "marker_extract"])
    assert_type(workflow.steps, tuple[WorkflowStep, ...])
    assert_type(workflow.steps[0].settings, Mapping[str, JSON])
    assert_type(workflow.created_at, datetime | None)
    assert_type(InputConfig.coerce("https://a.example/1.pdf"), InputConfig)
    assert_type(InputConfig.single_file("https://a.example/1.pdf").urls, tuple[str, ...])

    definition.name = "x"  # type: ignore[misc]
    StepDefinition(step_key="marker_parse")  # type: ignore[call-arg]
    InputConfig.file_list(5)  # type: ignore[arg-type]


# Errors.


def errors_hold_plain_data(client: Datalab) -> None:
    try:
        client.executions.result(1)
    except UnprocessableEntityError as error:
        assert_type(error.issues, tuple[ValidationIssue, ...])
        assert_type(error.issues[0].loc, tuple[str | int, ...])
        assert_type(error.status, int)
    except (RateLimitError, OverloadedError) as error:
        assert_type(error.retry_after, float | None)
    except APIStatusError as error:
        assert_type(error.detail, str)
        assert_type(error.headers, Mapping[str, str])
        assert_type(error.body, str)
    except APITimeoutError as error:
        assert_type(error.timeout, float)
        assert_type(error.may_have_arrived, bool)
    except APIConnectionError as error:
        assert_type(error.url, str)
        error.timeout  # type: ignore[attr-defined]
    except WaitTimeoutError as error:
        assert_type(error.kind, str)
        assert_type(error.id, int | str)
        assert_type(error.stage, str | None)
        assert_type(error.elapsed, float)
    except ExecutionFailedError as error:
        assert_type(error.snapshot, Execution)
        assert_type(error.failures, tuple[Failure, ...])
    except UploadError as error:
        assert_type(error.file_name, str)
        assert_type(error.reason, UploadFailure)
        assert_type(error.status, int | None)
        error.step  # type: ignore[attr-defined]
    except DownloadError as error:
        assert_type(error.file_id, int | None)
        assert_type(error.reason, DownloadFailure)
        assert_type(error.step, str | None)
        assert_type(error.status, int | None)
    except LocalFileError as error:
        assert_type(error.manifest, Manifest | None)
    except (InvalidResponseError, SubmissionUncertainError) as error:
        assert_type(error.method, str)
    except DatalabError as error:
        error.status  # type: ignore[attr-defined]


def errors_are_kin_as_drawn() -> None:
    not_found: type[APIStatusError] = NotFoundError
    too_large: type[DownloadError] = OutputTooLargeError
    wrong: type[ValueError] = ConfigurationError
    late: list[type[TimeoutError]] = [WaitTimeoutError, APITimeoutError]
    disk: type[OSError] = LocalFileError
    del not_found, too_large, wrong, late, disk

    refused: type[BadRequestError] = NotFoundError  # type: ignore[assignment]
    del refused


# Policies.


def a_policy_is_made_of_names(policy: WaitPolicy) -> None:
    assert_type(WaitPolicy(min_interval=5, max_interval=30.0, max_retries=3), WaitPolicy)
    assert_type(policy.timeout, float)
    assert_type(policy.max_retries, int)

    WaitPolicy(60)  # type: ignore[call-arg]
    WaitPolicy(poll=5)  # type: ignore[call-arg]
    WaitPolicy(timeout="60")  # type: ignore[arg-type]
    policy.timeout = 60  # type: ignore[misc]
