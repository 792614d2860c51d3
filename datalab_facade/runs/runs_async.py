"""Runs of a workflow over many files, in an event loop; see :mod:`~datalab_facade.runs.runs`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable

from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.executions.executions_async import AsyncExecutions
from datalab_facade.files.files_async import AsyncFiles
from datalab_facade.outcomes import Outcome
from datalab_facade.outputs.outputs_async import AsyncOutputs
from datalab_facade.runs.run_journal import RunHeader, RunJournal
from datalab_facade.runs.running import (
    AsyncSources,
    Item,
    RunOptions,
    RunPlan,
    RunReport,
    RunRequest,
    RunResult,
    RunWorkflow,
    Task,
    Upload,
    WaitFor,
    check_unchanged,
    checked_request,
    digest_of,
    items_of_async,
    workflow_of,
)
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.workflows_async import AsyncWorkflows


class AsyncRuns:
    """Carries out runs: uploads and saves one file after the other, and looks meanwhile."""

    def __init__(
        self,
        files: AsyncFiles,
        workflows: AsyncWorkflows,
        executions: AsyncExecutions,
        outputs: AsyncOutputs,
        *,
        context: Context,
        origin: str,
    ) -> None:
        self._files = files
        self._workflows = workflows
        self._executions = executions
        self._outputs = outputs
        self._context = context
        self._origin = origin

    async def report(
        self, workflow: RunWorkflow, sources: AsyncSources, folder: object, options: RunOptions
    ) -> RunReport:
        """Run to the end."""
        request = checked_request(self._context, workflow, folder, options)
        with RunJournal(request.folder) as journal:
            workflow_id = await self._begun(journal, request)
            results = self._results(journal, request, workflow_id, sources)
            told = tuple([result async for result in results])
        return RunReport(workflow_id, request.folder, told)

    def results(
        self, workflow: RunWorkflow, sources: AsyncSources, folder: object, options: RunOptions
    ) -> AsyncGenerator[RunResult, None]:
        """Run, and give each result as it comes to be."""
        request = checked_request(self._context, workflow, folder, options)

        async def results() -> AsyncGenerator[RunResult, None]:
            with RunJournal(request.folder) as journal:
                workflow_id = await self._begun(journal, request)
                told = self._results(journal, request, workflow_id, sources)
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
        self, journal: RunJournal, request: RunRequest, workflow_id: int, sources: AsyncSources
    ) -> AsyncGenerator[RunResult, None]:
        plan = RunPlan(journal, request)

        async def feed() -> AsyncGenerator[int | Outcome, None]:
            async for item in items_of_async(sources, journal):
                task = plan.task(item)
                if task is not None:
                    yield plan.fed(await self._submitted(plan, item, task, workflow_id))

        async with contextlib.aclosing(self._outcomes(feed(), request)) as outcomes:
            async for outcome in outcomes:
                yield await self._saved(plan, outcome)

    async def _outcomes(
        self, feed: AsyncIterable[int | Outcome], request: RunRequest
    ) -> AsyncGenerator[Outcome, None]:
        policy, many, tell = request.policy, request.concurrency, request.on_update
        if tell is None:
            ended = self._executions.as_completed(feed, concurrency=many, policy=policy)
            async with contextlib.aclosing(ended):
                async for outcome in ended:
                    yield outcome
            return
        updates = self._executions.watch_many(feed, concurrency=many, policy=policy)
        async with contextlib.aclosing(updates):
            async for update in updates:
                tell(update)
                if update.outcome is not None:
                    yield update.outcome

    async def _submitted(
        self, plan: RunPlan, item: Item, task: Task, workflow_id: int
    ) -> WaitFor | RunResult:
        while not isinstance(task, (WaitFor, RunResult)):
            try:
                if isinstance(task, Upload):
                    file = await self._files.upload(task.path)
                    check_unchanged(item)
                    task = plan.uploaded(item, file)
                else:
                    plan.submitting(item)
                    handle = await self._workflows.execute(workflow_id, task.address)
                    task = plan.submitted(item, handle.id)
            except DatalabError as error:
                task = plan.refused(item, error, task)
        return task

    async def _saved(self, plan: RunPlan, outcome: Outcome) -> RunResult:
        found = plan.ended(outcome)
        if isinstance(found, RunResult):
            return found
        key, folder = found
        execution = outcome.unwrap()
        try:
            manifest = await self._outputs.save_all(execution, folder)
        except DatalabError as error:
            return plan.not_saved(key, error)
        return plan.saved(key, execution, manifest)
