"""Runs of a workflow over many files, in an event loop; see :mod:`~datalab_facade.runs.runner`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable

from datalab_facade.calling import AsyncApiCaller
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.executions.async_resource import AsyncExecutions
from datalab_facade.files.async_resource import AsyncFiles
from datalab_facade.outcomes import Outcome
from datalab_facade.outputs.async_resource import AsyncOutputs
from datalab_facade.runs.run_journal import RunHeader, RunJournal
from datalab_facade.runs.run_sources import AsyncSources, Item, check_unchanged
from datalab_facade.runs.running import (
    RunOptions,
    RunPlan,
    RunReport,
    RunRequest,
    RunResult,
    RunWorkflow,
    Submit,
    Task,
    Upload,
    WaitFor,
    checked_request,
    digest_of,
    workflow_of,
)
from datalab_facade.transport.api import AsyncApiTransport
from datalab_facade.workflows.async_resource import AsyncWorkflows
from datalab_facade.workflows.decoding import decode_started
from datalab_facade.workflows.definitions import WorkflowDefinition


class AsyncRuns:
    """Carries out runs: uploads and saves one file after the other, and looks meanwhile."""

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
        """Run to the end."""
        request = checked_request(self._context, workflow, sources, folder, options, or_async=True)
        with RunJournal(request.folder) as journal:
            workflow_id = await self._begun(journal, request)
            results = self._results(journal, request, workflow_id)
            told = tuple([result async for result in results])
        return RunReport(workflow_id=workflow_id, folder=request.folder, results=told)

    def results(
        self, workflow: RunWorkflow, sources: AsyncSources, folder: object, options: RunOptions
    ) -> AsyncGenerator[RunResult, None]:
        """Run, and give each result as it comes to be."""
        request = checked_request(self._context, workflow, sources, folder, options, or_async=True)

        async def results() -> AsyncGenerator[RunResult, None]:
            with RunJournal(request.folder) as journal:
                workflow_id = await self._begun(journal, request)
                told = self._results(journal, request, workflow_id)
                async with contextlib.aclosing(told):
                    async for result in told:
                        yield result

        return results()

    async def _begun(self, journal: RunJournal, request: RunRequest) -> int:
        wanted = request.workflow
        workflow_id = workflow_of(journal, self._origin, wanted)
        if workflow_id is not None:
            # One that is unknown fails here, once, and not for each file.
            await self._workflows.get(workflow_id)
        else:
            assert isinstance(wanted, WorkflowDefinition)
            created = await self._workflows.create(wanted, secrets=request.secrets)
            workflow_id = created.id
        if journal.header is None:
            journal.begin(RunHeader(self._origin, workflow_id, digest_of(wanted)))
        return workflow_id

    async def _results(
        self, journal: RunJournal, request: RunRequest, workflow_id: int
    ) -> AsyncGenerator[RunResult, None]:
        plan = RunPlan(journal, request)

        async def feed() -> AsyncGenerator[int | Outcome, None]:
            async for item in request.files.items_async():
                yield plan.fed(await self._submitted(plan, item, workflow_id))

        async with contextlib.aclosing(self._outcomes(feed(), request)) as outcomes:
            async for outcome in outcomes:
                yield await self._saved(plan, outcome)

    async def _outcomes(
        self, feed: AsyncIterable[int | Outcome], request: RunRequest
    ) -> AsyncGenerator[Outcome, None]:
        policy, many, tell = request.policy, request.concurrency, request.on_update
        updates = self._executions._follow(  # noqa: SLF001 - what is settled is fed to it, too
            feed, None, many, policy, {}, changes=tell is not None
        )
        async with contextlib.aclosing(updates):
            async for update in updates:
                if tell is not None:
                    tell(update)
                if update.outcome is not None:
                    yield update.outcome

    async def _submitted(self, plan: RunPlan, item: Item, workflow_id: int) -> WaitFor | RunResult:
        task = plan.task(item)
        while not isinstance(task, (WaitFor, RunResult)):
            if isinstance(task, Upload):
                task = await self._uploaded(plan, item, task)
            else:
                task = await self._started(plan, item, task, workflow_id)
        return task

    async def _uploaded(self, plan: RunPlan, item: Item, task: Upload) -> Task:
        try:
            file = await self._files.upload(task.path, name=task.name)
            await asyncio.to_thread(check_unchanged, item)
        except DatalabError as error:
            return plan.refused(item, error, task)
        return plan.uploaded(item, file)

    async def _started(self, plan: RunPlan, item: Item, task: Submit, workflow_id: int) -> Task:
        try:
            planned = plan.submission(item, workflow_id, task)
            execution_id = await self._calls.submit(
                planned.operation,
                decode_started,
                timeout=None,
                options={},
                submission=planned.submission,
            )
        except DatalabError as error:
            # Only of this call it may be said that nothing was submitted.
            return plan.refused(item, error, task)
        return plan.submitted(item, execution_id)

    async def _saved(self, plan: RunPlan, outcome: Outcome) -> RunResult:
        found = plan.ended(outcome)
        if isinstance(found, RunResult):
            return found
        item, folder = found
        execution = outcome.result()
        try:
            manifest = await self._outputs.save_all(execution, folder)
        except DatalabError as error:
            return plan.not_saved(item, error)
        return plan.saved(item, execution, manifest)
