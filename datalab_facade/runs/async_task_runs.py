"""How a run submits a file, and saves what came of it: one description for each family of jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic

import attrs

from datalab_facade.async_calling import AsyncApiCaller
from datalab_facade.concurrency import off_loop_async
from datalab_facade.context import Context
from datalab_facade.documents.async_resource import AsyncDocuments
from datalab_facade.documents.kind import KnownRequest, failure_of
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.saving import save_result
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.submissions import PlannedSubmission, planned_submission
from datalab_facade.documents.task_base import Task
from datalab_facade.documents.verb_options import SubmitOptions
from datalab_facade.errors import (
    DatalabError,
    DocumentFailedError,
    EmptyResultError,
    ExecutionFailedError,
    PipelineFailedError,
)
from datalab_facade.executions.async_resource import AsyncExecutions
from datalab_facade.jobs.async_resource import AsyncJobWaits
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.models import Execution
from datalab_facade.outputs.async_resource import AsyncOutputs
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.pipelines.async_resource import AsyncPipelines
from datalab_facade.pipelines.execution_models import PipelineExecution, PipelineStepRun
from datalab_facade.pipelines.run_task import RunPipeline, planned_run
from datalab_facade.redaction import redact
from datalab_facade.runs.run_families import (
    DOCUMENT_FAMILY,
    EXECUTION_FAMILY,
    PIPELINE_FAMILY,
    Place,
    RunFamily,
    Saved,
    Sending,
    task_digest,
    task_name,
)
from datalab_facade.runs.run_records import RunHeader
from datalab_facade.statuses import Status
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.workflows.async_resource import AsyncWorkflows
from datalab_facade.workflows.decoding import decode_started
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.requests import execution_of

_MAX_QUOTED = 5


class AsyncTaskRun(ABC, Generic[SnapshotT, IdT]):
    """A task over files of one family of jobs, for async code."""

    family: ClassVar[RunFamily]
    jobs: AsyncJobWaits[SnapshotT, IdT, Any]
    """Waits for the jobs."""

    @abstractmethod
    def wanted(self, origin: str) -> RunHeader:
        """Return what the header of the journal says of this task."""

    @abstractmethod
    async def begin(self, known: RunHeader | None, wanted: RunHeader) -> RunHeader:
        """Check once what would fail for each file, and return the header.

        Args:
            known: The header of the journal, if the run was begun in an earlier call.
            wanted: What :meth:`wanted` returned.
        """

    @abstractmethod
    async def start(self, sending: Sending, *, content_type: str | None) -> IdT:
        """Submit a file, once, and return the id of its job.

        If it raises, and says not that it is uncertain, nothing was submitted.
        """

    @abstractmethod
    async def save(self, ended: SnapshotT, place: Place) -> Saved:
        """Save what a job left behind."""

    @abstractmethod
    async def cost(self, job_id: IdT, *, timeout: float) -> float | None:
        """Ask what a job that was saved has cost; None if that is not known.

        Args:
            job_id: The job.
            timeout: Seconds for all of it.
        """


class AsyncWorkflowRun(AsyncTaskRun[Execution, int]):
    """A workflow over files, for async code."""

    family = EXECUTION_FAMILY

    def __init__(
        self,
        workflow: WorkflowDefinition | int,
        secrets: Mapping[str, str] | None,
        *,
        workflows: AsyncWorkflows,
        executions: AsyncExecutions,
        outputs: AsyncOutputs,
        calls: AsyncApiCaller,
    ) -> None:
        self.jobs = executions
        self._workflow = workflow
        self._secrets = secrets
        self._workflows = workflows
        self._outputs = outputs
        self._calls = calls
        self._workflow_id = -1

    def wanted(self, origin: str) -> RunHeader:
        """Return what the header says: the workflow's id, or its definition."""
        target = self._workflow if isinstance(self._workflow, int) else None
        return RunHeader(
            origin=origin,
            kind=self.family.kind.name,
            task=task_digest(self._workflow),
            target=target,
        )

    async def begin(self, known: RunHeader | None, wanted: RunHeader) -> RunHeader:
        """Look at the workflow, or create it if that was not done."""
        header = known or wanted
        if header.target is not None:
            assert isinstance(header.target, int)
            await self._workflows.get(header.target)
            self._workflow_id = header.target
        else:
            assert isinstance(self._workflow, WorkflowDefinition)
            created = await self._workflows.create(self._workflow, secrets=self._secrets)
            self._workflow_id = created.id
        name = header.name or f"Workflow {self._workflow_id}"
        return attrs.evolve(header, target=self._workflow_id, name=name)

    async def start(self, sending: Sending, *, content_type: str | None) -> int:
        """Execute the workflow on the file, which is uploaded."""
        del content_type
        planned = execution_of(self._workflow_id, sending.address, retry_overloaded=False)
        submission = attrs.evolve(
            planned.submission, on_leaving=sending.on_leaving, on_refused=sending.on_refused
        )
        return await self._calls.submit(
            planned.operation, decode_started, timeout=None, options={}, submission=submission
        )

    async def save(self, ended: Execution, place: Place) -> Saved:
        """Save the outputs of all steps."""
        manifest = await self._outputs.save_all(ended, place.folder)
        error = None if ended.succeeded else ExecutionFailedError(ended)
        reason = None if error is None else redact(str(error))
        if reason is None and not manifest.is_complete:
            reason = _failed_outputs(manifest)
        return Saved(
            status=ended.status,
            is_final=manifest.is_complete,
            manifest=manifest,
            reason=reason,
            error=error,
            snapshot=ended,
            duration=ended.duration,
        )

    async def cost(self, job_id: int, *, timeout: float) -> float | None:
        """Return None: the API does not tell."""
        del job_id, timeout
        return None


class AsyncDocumentRun(AsyncTaskRun[DocumentRequest, str]):
    """A task of documents over files, for async code."""

    family = DOCUMENT_FAMILY

    def __init__(self, task: Task[Any], documents: AsyncDocuments, context: Context) -> None:
        self.jobs = documents
        self._task = task
        self._documents = documents
        self._context = context

    def wanted(self, origin: str) -> RunHeader:
        """Return what the header says: the task."""
        digest, name = task_digest(self._task), task_name(self._task)
        return RunHeader(origin=origin, kind=self.family.kind.name, task=digest, name=name)

    async def begin(self, known: RunHeader | None, wanted: RunHeader) -> RunHeader:
        """Check nothing: a wrong task is refused with the first file."""
        return known or wanted

    async def start(self, sending: Sending, *, content_type: str | None) -> str:
        """Submit the task with the file in the form, or with its address."""
        options = _options_for(sending, content_type)
        planned = _planned(planned_submission(self._task, _source(sending), options), sending)
        documents = self._documents
        known = await documents.submitter.start(
            planned, seconds=planned.longest(self._context.options), options=options
        )
        documents._remember(known)  # noqa: SLF001 - so that waits know how old it is
        return known.id

    async def save(self, ended: DocumentRequest, place: Place) -> Saved:
        """Save the result, in constant memory if it is behind a URL."""
        cents = DocumentResult(id=ended.id, raw=ended.raw).cost_cents
        if not ended.succeeded:
            return _failed(failure_of(ended), ended.status, cents)
        known = KnownRequest(
            ended.id, self._task, source=place.item.source, source_sha256=place.item.sha256
        )
        documents = self._documents
        try:
            receipt = await documents._results.save(  # noqa: SLF001 - in a folder of this name
                ended,
                known,
                documents._polling_again(known),  # noqa: SLF001
                place.output_dir,
                deadline=self._context.clock.monotonic() + DEFAULT_TIMEOUT,
                folder_name=place.name,
            )
        except DocumentFailedError as error:
            return _failed(error, ended.status, cents)
        except EmptyResultError as error:
            return _failed(error, ended.status, cents)
        return _saved(ended.status, (receipt,), place)

    async def cost(self, job_id: str, *, timeout: float) -> float | None:
        """Poll the request once more."""
        snapshot = await self._documents.get(job_id, timeout=timeout)
        return DocumentResult(id=job_id, raw=snapshot.raw).cost_cents


class AsyncPipelineRun(AsyncTaskRun[PipelineExecution, str]):
    """A pipeline over files, for async code."""

    family = PIPELINE_FAMILY

    def __init__(self, task: RunPipeline, pipelines: AsyncPipelines, context: Context) -> None:
        self.jobs = pipelines.executions
        self._task = task
        self._pipelines = pipelines
        self._context = context

    def wanted(self, origin: str) -> RunHeader:
        """Return what the header says: the pipeline, and what is sent with each file."""
        name = f"Pipeline {self._task.pipeline_id}"
        digest = task_digest(self._task)
        return RunHeader(origin=origin, kind=self.family.kind.name, task=digest, name=name)

    async def begin(self, known: RunHeader | None, wanted: RunHeader) -> RunHeader:
        """Look at the pipeline."""
        await self._pipelines.get(self._task.pipeline_id)
        return known or wanted

    async def start(self, sending: Sending, *, content_type: str | None) -> str:
        """Run the pipeline with the file in the form, or with its address."""
        options = _options_for(sending, content_type)
        planned = _planned(planned_run(self._task, _source(sending), options), sending)
        known = await self._pipelines._submitter.start(  # noqa: SLF001 - the journal hears of it
            planned, seconds=planned.longest(self._context.options), options=options
        )
        return known.id

    async def save(self, ended: PipelineExecution, place: Place) -> Saved:
        """Save the result of each step that has one."""
        reasons: list[str] = []
        if not ended.succeeded or ended.partially_failed:
            reasons.append(redact(str(PipelineFailedError(ended))))
        receipts: list[SavedResult] = []
        costs: list[float | None] = []
        for step in ended.steps:
            if step.succeeded:
                try:
                    result = await self._pipelines.executions.step_result(ended, step)
                    costs.append(result.cost_cents)
                    receipts.append(await self._save_step(ended, step, result, place, receipts))
                except EmptyResultError as error:
                    reasons.append(redact(str(error)))
        failure = None if ended.is_usable else PipelineFailedError(ended)
        saved = _saved(ended.status, tuple(receipts), place)
        return attrs.evolve(
            saved,
            reason="; ".join(reasons) or None,
            error=failure,
            cents=_cost_of(ended, costs, saved.pages),
            duration=ended.duration,
        )

    async def cost(self, job_id: str, *, timeout: float) -> float | None:
        """Ask for the result of each step once more."""
        clock = self._context.clock
        deadline = clock.monotonic() + timeout
        ended = await self._pipelines.executions.get(job_id, timeout=timeout)
        results: list[DocumentResult] = []
        for step in ended.steps:
            if step.succeeded:
                left = deadline - clock.monotonic()
                if left <= 0:
                    return None
                result = await self._pipelines.executions.step_result(ended, step, timeout=left)
                results.append(result)
        pages = [result.page_count for result in results if result.page_count is not None]
        costs = [result.cost_cents for result in results]
        return _cost_of(ended, costs, max(pages, default=None))

    async def _save_step(
        self,
        ended: PipelineExecution,
        step: PipelineStepRun,
        result: DocumentResult,
        place: Place,
        earlier: list[SavedResult],
    ) -> SavedResult:
        # The names of files tell one type of step from another, and not two steps of one type.
        is_only = sum(one.type == step.type for one in ended.steps) == 1
        output_dir, name = place.output_dir, place.name
        if earlier and is_only:
            name = earlier[0].folder.name
        if not is_only:
            output_dir, name = place.folder, f"{step.index}-{step.type}"
        item, saved_at = place.item, self._context.clock.now()
        return await off_loop_async(
            lambda: save_result(
                result,
                output_dir,
                source=item.source,
                source_sha256=item.sha256,
                saved_at=saved_at,
                folder_name=name,
            )
        )


def _source(sending: Sending) -> str | Path:
    path = sending.item.path
    assert path is not None or sending.address is not None
    return path if path is not None and sending.address is None else str(sending.address)


def _options_for(sending: Sending, content_type: str | None) -> SubmitOptions:
    if sending.address is not None or content_type is None:
        return {}
    return {"content_type": content_type}


def _planned(planned: PlannedSubmission, sending: Sending) -> PlannedSubmission:
    return attrs.evolve(planned, on_leaving=sending.on_leaving, on_refused=sending.on_refused)


def _failed(error: DatalabError, status: Status, cents: float | None) -> Saved:
    return Saved(status=status, reason=redact(str(error)), error=error, cents=cents)


def _saved(status: Status, receipts: tuple[SavedResult, ...], place: Place) -> Saved:
    pages = [one.page_count for one in receipts if one.page_count is not None]
    folders = {one.folder for one in receipts if one.folder.parent == place.output_dir}
    return Saved(
        status=status,
        # Where another document's files had the name that was planned.
        folder=next(iter(folders - {place.folder}), None),
        receipts=receipts,
        cents=receipts[0].cost_cents if len(receipts) == 1 else None,
        pages=max(pages, default=None),
    )


def _cost_of(
    ended: PipelineExecution, costs: list[float | None], pages: int | None
) -> float | None:
    """Return what the steps cost together, or else what the rate says for so many pages."""
    known = [cost for cost in costs if cost is not None]
    if known and len(known) == len(costs):
        return sum(known)
    rate = ended.cost_per_1000_pages
    return None if rate is None or pages is None else rate * pages / 1000


def _failed_outputs(manifest: Manifest) -> str:
    errors = [failed.error for failed in manifest.failed[:_MAX_QUOTED]]
    more = len(manifest.failed) - len(errors)
    return "; ".join([*errors, *([f"{more} more outputs failed"] if more else [])])
