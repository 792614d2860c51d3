"""Runs of a workflow over many files; what there is to decide is decided in ``running``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import cast

from datalab_facade.activities import Activity
from datalab_facade.async_calling import AsyncApiCaller
from datalab_facade.concurrency import off_loop_async
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.executions.async_resource import AsyncExecutions
from datalab_facade.executions.kind import ExecutionOutcome
from datalab_facade.files.async_resource import AsyncFiles
from datalab_facade.jobs.outcomes import Settled
from datalab_facade.outputs.async_resource import AsyncOutputs
from datalab_facade.runs.run_journal import RunHeader, RunJournal
from datalab_facade.runs.run_options import RunOptions, RunRequest, RunWorkflow, checked_request
from datalab_facade.runs.run_plan import (
    Action,
    RunPlan,
    Submit,
    Upload,
    WaitFor,
    digest_of,
    scheduler_input,
    workflow_of,
)
from datalab_facade.runs.run_results import RunReport, RunResult
from datalab_facade.runs.run_sources import AsyncSources, RunItem, check_unchanged
from datalab_facade.transport.async_api import AsyncApiTransport
from datalab_facade.workflows.async_resource import AsyncWorkflows
from datalab_facade.workflows.decoding import decode_started
from datalab_facade.workflows.definitions import WorkflowDefinition

_ITERABLES = (Iterable, AsyncIterable)


class AsyncRuns:
    """Runs a workflow over files."""

    def __init__(
        self,
        files: AsyncFiles,
        workflows: AsyncWorkflows,
        executions: AsyncExecutions,
        outputs: AsyncOutputs,
        *,
        api: AsyncApiTransport,
        context: Context,
    ) -> None:
        self._files = files
        self._workflows = workflows
        self._executions = executions
        self._outputs = outputs
        self._calls = AsyncApiCaller(api, context)
        self._context = context
        self._origin = api.origin.base_url

    async def report(
        self, workflow: RunWorkflow, sources: AsyncSources, folder: object, options: RunOptions
    ) -> RunReport:
        """Run to the end, and return the report."""
        request = checked_request(
            self._context, workflow, sources, folder, options, iterables=_ITERABLES
        )
        activity = Activity(self._context.reporter, name="run")
        with activity.reported(), RunJournal(request.folder) as journal:
            workflow_id = await self._begin(journal, request, activity)
            found = self._results(journal, request, workflow_id, activity)
            results = [result async for result in found]
        return RunReport(
            workflow_id=workflow_id,
            folder=request.folder,
            results=tuple(results),
            skipped_folders=tuple(request.files.skipped_folders),
        )

    def results(
        self, workflow: RunWorkflow, sources: AsyncSources, folder: object, options: RunOptions
    ) -> AsyncGenerator[RunResult, None]:
        """Run, and yield each result as it is known."""
        request = checked_request(
            self._context, workflow, sources, folder, options, iterables=_ITERABLES
        )

        async def results() -> AsyncGenerator[RunResult, None]:
            activity = Activity(self._context.reporter, name="run")
            with activity.reported(), RunJournal(request.folder) as journal:
                workflow_id = await self._begin(journal, request, activity)
                results = self._results(journal, request, workflow_id, activity)
                async with contextlib.aclosing(results):
                    async for result in results:
                        yield result

        return results()

    async def _begin(self, journal: RunJournal, request: RunRequest, activity: Activity) -> int:
        workflow = request.workflow
        workflow_id = workflow_of(journal, self._origin, workflow)
        with activity.active():
            if workflow_id is not None:
                # An unknown workflow fails here, once, and not for each file.
                await self._workflows.get(workflow_id)
            else:
                assert isinstance(workflow, WorkflowDefinition)
                created = await self._workflows.create(workflow, secrets=request.secrets)
                workflow_id = created.id
        if journal.header is None:
            journal.begin(RunHeader(self._origin, workflow_id, digest_of(workflow)))
        return workflow_id

    async def _results(
        self, journal: RunJournal, request: RunRequest, workflow_id: int, activity: Activity
    ) -> AsyncGenerator[RunResult, None]:
        plan = RunPlan(journal, request)

        async def feed() -> AsyncGenerator[int | Settled[RunResult], None]:
            async for item in request.files.items_async():
                with activity.active():
                    submitted = await self._submit(plan, item, workflow_id)
                yield scheduler_input(submitted)

        outcomes_of = self._outcomes(plan, feed(), request, activity)
        async with contextlib.aclosing(outcomes_of) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, RunResult):
                    yield outcome
                else:
                    with activity.active():
                        result = await self._save(plan, outcome)
                    yield result

    async def _outcomes(
        self,
        plan: RunPlan,
        feed: AsyncIterable[int | Settled[RunResult]],
        request: RunRequest,
        activity: Activity,
    ) -> AsyncGenerator[ExecutionOutcome | RunResult, None]:
        policy, many, on_update = request.policy, request.concurrency, request.on_update
        expected = await off_loop_async(request.files.count) if on_update is not None else 0
        with activity.active():
            updates = self._executions._follow(  # noqa: SLF001 - what is settled is fed to it, too
                feed, None, many, policy, {}, changes=on_update is not None, expected=expected
            )
        async with contextlib.aclosing(updates):
            async for update in updates:
                if isinstance(update, Settled):
                    yield cast("RunResult", update.value)
                    continue
                if on_update is not None:
                    on_update(plan.named_update(update))
                if update.outcome is not None:
                    yield update.outcome

    async def _submit(self, plan: RunPlan, item: RunItem, workflow_id: int) -> WaitFor | RunResult:
        action = plan.next_action(item)
        while not isinstance(action, (WaitFor, RunResult)):
            if isinstance(action, Upload):
                action = await self._upload(plan, item, action)
            else:
                action = await self._start(plan, item, action, workflow_id)
        return action

    async def _upload(self, plan: RunPlan, item: RunItem, action: Upload) -> Action:
        try:
            file = await self._files.upload(
                action.path, name=action.name, content_type=plan.content_type
            )
            await off_loop_async(lambda: check_unchanged(item))
        except DatalabError as error:
            return plan.record_failure(item, error, action)
        return plan.record_upload(item, file)

    async def _start(
        self, plan: RunPlan, item: RunItem, action: Submit, workflow_id: int
    ) -> Action:
        try:
            planned = plan.plan_submission(item, workflow_id, action)
            execution_id = await self._calls.submit(
                planned.operation,
                decode_started,
                timeout=None,
                options={},
                submission=planned.submission,
            )
        except DatalabError as error:
            # If this call raises, nothing was submitted for the file.
            return plan.record_failure(item, error, action)
        return plan.record_submission(item, execution_id)

    async def _save(self, plan: RunPlan, outcome: ExecutionOutcome) -> RunResult:
        settled = plan.record_outcome(outcome)
        if isinstance(settled, RunResult):
            return settled
        item, folder = settled
        execution = outcome.result()
        try:
            manifest = await self._outputs.save_all(execution, folder)
        except DatalabError as error:
            return plan.record_save_error(item, error)
        return plan.record_saved(item, execution, manifest)
