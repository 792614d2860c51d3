"""Runs of a workflow over many files, for blocking code.

:mod:`~datalab_facade.runs.runs_async` does the same in an event loop. What there is to
decide is decided once, in :mod:`~datalab_facade.runs.running`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable

from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.executions.executions import Executions
from datalab_facade.files.files import Files
from datalab_facade.outcomes import Outcome
from datalab_facade.outputs.outputs import Outputs
from datalab_facade.runs.run_journal import RunHeader, RunJournal
from datalab_facade.runs.running import (
    Item,
    RunOptions,
    RunPlan,
    RunReport,
    RunRequest,
    RunResult,
    RunWorkflow,
    Sources,
    Task,
    Upload,
    WaitFor,
    check_unchanged,
    checked_request,
    digest_of,
    items_of,
    workflow_of,
)
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.workflows import Workflows


class Runs:
    """Carries out runs, one thing after the other."""

    def __init__(
        self,
        files: Files,
        workflows: Workflows,
        executions: Executions,
        outputs: Outputs,
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

    def report(
        self, workflow: RunWorkflow, sources: Sources, folder: object, options: RunOptions
    ) -> RunReport:
        """Run to the end."""
        request = checked_request(self._context, workflow, folder, options)
        with RunJournal(request.folder) as journal:
            workflow_id = self._begun(journal, request)
            told = tuple(self._results(journal, request, workflow_id, sources))
        return RunReport(workflow_id, request.folder, told)

    def results(
        self, workflow: RunWorkflow, sources: Sources, folder: object, options: RunOptions
    ) -> Generator[RunResult, None, None]:
        """Run, and give each result as it comes to be."""
        request = checked_request(self._context, workflow, folder, options)

        def results() -> Generator[RunResult, None, None]:
            with RunJournal(request.folder) as journal:
                workflow_id = self._begun(journal, request)
                yield from self._results(journal, request, workflow_id, sources)

        return results()

    def _begun(self, journal: RunJournal, request: RunRequest) -> int:
        wanted = request.workflow
        workflow_id = workflow_of(journal, self._origin, wanted)
        if workflow_id is not None:
            # One that is unknown fails here, once, and not for each file.
            self._workflows.get(workflow_id)
        else:
            assert isinstance(wanted, WorkflowDefinition)
            created = self._workflows.create(wanted, secrets=request.secrets)
            workflow_id = created.id
        if journal.header is None:
            journal.begin(RunHeader(self._origin, workflow_id, digest_of(wanted)))
        return workflow_id

    def _results(
        self, journal: RunJournal, request: RunRequest, workflow_id: int, sources: Sources
    ) -> Generator[RunResult, None, None]:
        plan = RunPlan(journal, request)

        def feed() -> Generator[int | Outcome, None, None]:
            for item in items_of(sources, journal):
                task = plan.task(item)
                if task is not None:
                    yield plan.fed(self._submitted(plan, item, task, workflow_id))

        with contextlib.closing(self._outcomes(feed(), request)) as outcomes:
            for outcome in outcomes:
                yield self._saved(plan, outcome)

    def _outcomes(
        self, feed: Iterable[int | Outcome], request: RunRequest
    ) -> Generator[Outcome, None, None]:
        policy, many, tell = request.policy, request.concurrency, request.on_update
        if tell is None:
            yield from self._executions.as_completed(feed, concurrency=many, policy=policy)
            return
        updates = self._executions.watch_many(feed, concurrency=many, policy=policy)
        with contextlib.closing(updates):
            for update in updates:
                tell(update)
                if update.outcome is not None:
                    yield update.outcome

    def _submitted(
        self, plan: RunPlan, item: Item, task: Task, workflow_id: int
    ) -> WaitFor | RunResult:
        while not isinstance(task, (WaitFor, RunResult)):
            try:
                if isinstance(task, Upload):
                    file = self._files.upload(task.path)
                    check_unchanged(item)
                    task = plan.uploaded(item, file)
                else:
                    plan.submitting(item)
                    handle = self._workflows.execute(workflow_id, task.address)
                    task = plan.submitted(item, handle.id)
            except DatalabError as error:
                task = plan.refused(item, error, task)
        return task

    def _saved(self, plan: RunPlan, outcome: Outcome) -> RunResult:
        found = plan.ended(outcome)
        if isinstance(found, RunResult):
            return found
        key, folder = found
        execution = outcome.unwrap()
        try:
            manifest = self._outputs.save_all(execution, folder)
        except DatalabError as error:
            return plan.not_saved(key, error)
        return plan.saved(key, execution, manifest)
