"""How a run submits files to a pipeline, and saves the results of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from datalab_facade.concurrency import off_loop_async
from datalab_facade.context import Context
from datalab_facade.documents.family import planned_options, planned_source, recorded
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.saving import save_result
from datalab_facade.errors import EmptyResultError, PipelineFailedError
from datalab_facade.pipelines.execution_models import PipelineExecution, PipelineStepRun
from datalab_facade.pipelines.family import PIPELINE_FAMILY, cost_of, pages_of
from datalab_facade.pipelines.run_task import planned_run
from datalab_facade.redaction import redact
from datalab_facade.runs.async_task_runs import AsyncTaskRun
from datalab_facade.runs.job_family import Place, Saved, Sending, saved_result
from datalab_facade.runs.run_options import RunRequest
from datalab_facade.runs.run_records import RunHeader

if TYPE_CHECKING:
    from datalab_facade.async_client import AsyncDatalab


class AsyncPipelineRun(AsyncTaskRun[PipelineExecution, str]):
    """A pipeline over files, for async code."""

    family = PIPELINE_FAMILY

    def __init__(self, request: RunRequest, client: AsyncDatalab, context: Context) -> None:
        super().__init__(request, client, context)
        self._pipelines = client.pipelines

    def wanted(self, origin: str) -> RunHeader:
        """Return what the header says: the pipeline, and what is sent with each file."""
        header = super().wanted(origin)
        return attrs.evolve(header, name=f"Pipeline {self._task.pipeline_id}")

    async def begin(self, known: RunHeader | None, wanted: RunHeader) -> RunHeader:
        """Look at the pipeline."""
        await self._pipelines.get(self._task.pipeline_id)
        return known or wanted

    async def start(self, sending: Sending, *, content_type: str | None) -> str:
        """Run the pipeline with the file in the form, or with its address."""
        options = planned_options(sending, content_type)
        planned = recorded(planned_run(self._task, planned_source(sending), options), sending)
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
        results: list[DocumentResult] = []
        for step in ended.steps:
            if not step.succeeded:
                continue
            try:
                results.append(await self._pipelines.executions.step_result(ended, step))
            except EmptyResultError as error:
                # It is billed like any other.
                results.append(error.result)
                reasons.append(redact(str(error)))
                continue
            try:
                receipts.append(await self._save_step(ended, step, results[-1], place, receipts))
            except EmptyResultError as error:
                reasons.append(redact(str(error)))
        failure = None if ended.is_usable else PipelineFailedError(ended)
        return attrs.evolve(
            saved_result(ended.status, tuple(receipts), place),
            reason="; ".join(reasons) or None,
            error=failure,
            cents=cost_of(ended, results),
            pages=pages_of(results),
            duration=ended.duration,
        )

    async def cost(self, job_id: str, *, timeout: float) -> float | None:
        """Ask for the result of each step once more, but fetch nothing that is behind a URL."""
        clock = self._context.clock
        deadline = clock.monotonic() + timeout
        executions = self._pipelines.executions
        ended = await executions.get(job_id, timeout=timeout)
        results: list[DocumentResult] = []
        for step in ended.steps:
            if step.succeeded:
                left = deadline - clock.monotonic()
                if left <= 0:
                    return None
                body = await executions._step_body(ended, step, left, {})  # noqa: SLF001
                results.append(DocumentResult(id=job_id, raw=body))
        return cost_of(ended, results)

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
