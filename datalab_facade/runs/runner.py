"""Runs of a workflow over many files, for blocking code.

:mod:`~datalab_facade.runs.async_runner` does the same in an event loop. What there is to
decide is decided once, in :mod:`~datalab_facade.runs.running`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable

from datalab_facade.calling import ApiCaller
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.executions.resource import Executions
from datalab_facade.files.resource import Files
from datalab_facade.outcomes import Outcome
from datalab_facade.outputs.resource import Outputs
from datalab_facade.runs.run_journal import RunHeader, RunJournal
from datalab_facade.runs.run_sources import Item, Sources, check_unchanged
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
from datalab_facade.transport.api import ApiTransport
from datalab_facade.workflows.decoding import decode_started
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.resource import Workflows


class Runs:
    """Carries out runs, one thing after the other."""

    def __init__(
        self,
        files: Files,
        workflows: Workflows,
        executions: Executions,
        outputs: Outputs,
        *,
        api: ApiTransport,
        context: Context,
    ) -> None:
        self._files = files
        self._workflows = workflows
        self._executions = executions
        self._outputs = outputs
        self._calls = ApiCaller(api, context)
        self._context = context
        self._origin = api.origin.base_url

    def report(
        self, workflow: RunWorkflow, sources: Sources, folder: object, options: RunOptions
    ) -> RunReport:
        """Run to the end."""
        request = checked_request(self._context, workflow, sources, folder, options)
        with RunJournal(request.folder) as journal:
            workflow_id = self._begun(journal, request)
            told = tuple(self._results(journal, request, workflow_id))
        return RunReport(workflow_id=workflow_id, folder=request.folder, results=told)

    def results(
        self, workflow: RunWorkflow, sources: Sources, folder: object, options: RunOptions
    ) -> Generator[RunResult, None, None]:
        """Run, and give each result as it comes to be."""
        request = checked_request(self._context, workflow, sources, folder, options)

        def results() -> Generator[RunResult, None, None]:
            with RunJournal(request.folder) as journal:
                workflow_id = self._begun(journal, request)
                yield from self._results(journal, request, workflow_id)

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
        self, journal: RunJournal, request: RunRequest, workflow_id: int
    ) -> Generator[RunResult, None, None]:
        plan = RunPlan(journal, request)

        def feed() -> Generator[int | Outcome, None, None]:
            for item in request.files.items():
                yield plan.fed(self._submitted(plan, item, workflow_id))

        with contextlib.closing(self._outcomes(feed(), request)) as outcomes:
            for outcome in outcomes:
                yield self._saved(plan, outcome)

    def _outcomes(
        self, feed: Iterable[int | Outcome], request: RunRequest
    ) -> Generator[Outcome, None, None]:
        policy, many, tell = request.policy, request.concurrency, request.on_update
        updates = self._executions._follow(  # noqa: SLF001 - what is settled is fed to it, too
            feed, None, many, policy, {}, changes=tell is not None
        )
        with contextlib.closing(updates):
            for update in updates:
                if tell is not None:
                    tell(update)
                if update.outcome is not None:
                    yield update.outcome

    def _submitted(self, plan: RunPlan, item: Item, workflow_id: int) -> WaitFor | RunResult:
        task = plan.task(item)
        while not isinstance(task, (WaitFor, RunResult)):
            if isinstance(task, Upload):
                task = self._uploaded(plan, item, task)
            else:
                task = self._started(plan, item, task, workflow_id)
        return task

    def _uploaded(self, plan: RunPlan, item: Item, task: Upload) -> Task:
        try:
            file = self._files.upload(task.path, name=task.name)
            check_unchanged(item)
        except DatalabError as error:
            return plan.refused(item, error, task)
        return plan.uploaded(item, file)

    def _started(self, plan: RunPlan, item: Item, task: Submit, workflow_id: int) -> Task:
        try:
            planned = plan.submission(item, workflow_id, task)
            execution_id = self._calls.submit(
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

    def _saved(self, plan: RunPlan, outcome: Outcome) -> RunResult:
        found = plan.ended(outcome)
        if isinstance(found, RunResult):
            return found
        item, folder = found
        execution = outcome.result()
        try:
            manifest = self._outputs.save_all(execution, folder)
        except DatalabError as error:
            return plan.not_saved(item, error)
        return plan.saved(item, execution, manifest)
