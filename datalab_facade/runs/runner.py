# Generated from async_runner.py by scripts/unasync.py; change that file, not this one.
"""Runs of a workflow over many files; what there is to decide is decided in ``running``."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from typing import cast

from datalab_facade.activities import Activity
from datalab_facade.calling import ApiCaller
from datalab_facade.concurrency import off_loop
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.executions.kind import ExecutionOutcome
from datalab_facade.executions.resource import Executions
from datalab_facade.files.resource import Files
from datalab_facade.jobs.outcomes import Settled
from datalab_facade.outputs.resource import Outputs
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
from datalab_facade.runs.run_sources import RunItem, Sources, check_unchanged
from datalab_facade.transport.api import ApiTransport
from datalab_facade.workflows.decoding import decode_started
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.resource import Workflows

_ITERABLES = (Iterable, Iterable)


class Runs:
    """Runs a workflow over files."""

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
        """Run to the end, and return the report."""
        request = checked_request(
            self._context, workflow, sources, folder, options, iterables=_ITERABLES
        )
        activity = Activity(self._context.reporter, name="run")
        with activity.reported(), RunJournal(request.folder) as journal:
            workflow_id = self._begin(journal, request, activity)
            found = self._results(journal, request, workflow_id, activity)
            results = list(found)
        return RunReport(
            workflow_id=workflow_id,
            folder=request.folder,
            results=tuple(results),
            skipped_folders=tuple(request.files.skipped_folders),
        )

    def results(
        self, workflow: RunWorkflow, sources: Sources, folder: object, options: RunOptions
    ) -> Generator[RunResult, None, None]:
        """Run, and yield each result as it is known."""
        request = checked_request(
            self._context, workflow, sources, folder, options, iterables=_ITERABLES
        )

        def results() -> Generator[RunResult, None, None]:
            activity = Activity(self._context.reporter, name="run")
            with activity.reported(), RunJournal(request.folder) as journal:
                workflow_id = self._begin(journal, request, activity)
                results = self._results(journal, request, workflow_id, activity)
                with contextlib.closing(results):
                    yield from results

        return results()

    def _begin(self, journal: RunJournal, request: RunRequest, activity: Activity) -> int:
        workflow = request.workflow
        workflow_id = workflow_of(journal, self._origin, workflow)
        with activity.active():
            if workflow_id is not None:
                # An unknown workflow fails here, once, and not for each file.
                self._workflows.get(workflow_id)
            else:
                assert isinstance(workflow, WorkflowDefinition)
                created = self._workflows.create(workflow, secrets=request.secrets)
                workflow_id = created.id
        if journal.header is None:
            journal.begin(RunHeader(self._origin, workflow_id, digest_of(workflow)))
        return workflow_id

    def _results(
        self, journal: RunJournal, request: RunRequest, workflow_id: int, activity: Activity
    ) -> Generator[RunResult, None, None]:
        plan = RunPlan(journal, request)

        def feed() -> Generator[int | Settled[RunResult], None, None]:
            for item in request.files.items():
                with activity.active():
                    submitted = self._submit(plan, item, workflow_id)
                yield scheduler_input(submitted)

        outcomes_of = self._outcomes(plan, feed(), request, activity)
        with contextlib.closing(outcomes_of) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, RunResult):
                    yield outcome
                else:
                    with activity.active():
                        result = self._save(plan, outcome)
                    yield result

    def _outcomes(
        self,
        plan: RunPlan,
        feed: Iterable[int | Settled[RunResult]],
        request: RunRequest,
        activity: Activity,
    ) -> Generator[ExecutionOutcome | RunResult, None, None]:
        policy, many, on_update = request.policy, request.concurrency, request.on_update
        expected = off_loop(request.files.count) if on_update is not None else 0
        with activity.active():
            updates = self._executions._follow(  # noqa: SLF001 - what is settled is fed to it, too
                feed, None, many, policy, {}, changes=on_update is not None, expected=expected
            )
        with contextlib.closing(updates):
            for update in updates:
                if isinstance(update, Settled):
                    yield cast("RunResult", update.value)
                    continue
                if on_update is not None:
                    on_update(plan.named_update(update))
                if update.outcome is not None:
                    yield update.outcome

    def _submit(self, plan: RunPlan, item: RunItem, workflow_id: int) -> WaitFor | RunResult:
        action = plan.next_action(item)
        while not isinstance(action, (WaitFor, RunResult)):
            if isinstance(action, Upload):
                action = self._upload(plan, item, action)
            else:
                action = self._start(plan, item, action, workflow_id)
        return action

    def _upload(self, plan: RunPlan, item: RunItem, action: Upload) -> Action:
        try:
            file = self._files.upload(action.path, name=action.name, content_type=plan.content_type)
            off_loop(lambda: check_unchanged(item))
        except DatalabError as error:
            return plan.record_failure(item, error, action)
        return plan.record_upload(item, file)

    def _start(self, plan: RunPlan, item: RunItem, action: Submit, workflow_id: int) -> Action:
        try:
            planned = plan.plan_submission(item, workflow_id, action)
            execution_id = self._calls.submit(
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

    def _save(self, plan: RunPlan, outcome: ExecutionOutcome) -> RunResult:
        settled = plan.record_outcome(outcome)
        if isinstance(settled, RunResult):
            return settled
        item, folder = settled
        execution = outcome.result()
        try:
            manifest = self._outputs.save_all(execution, folder)
        except DatalabError as error:
            return plan.record_save_error(item, error)
        return plan.record_saved(item, execution, manifest)
