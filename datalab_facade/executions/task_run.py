# Generated from async_task_run.py by scripts/unasync.py; change that file, not this one.
"""How a run executes a workflow on files, and saves the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from datalab_facade.context import Context
from datalab_facade.errors import ExecutionFailedError
from datalab_facade.executions.family import EXECUTION_FAMILY, failed_outputs
from datalab_facade.models import Execution
from datalab_facade.redaction import redact
from datalab_facade.runs.job_family import Place, Saved, Sending, task_digest
from datalab_facade.runs.run_options import RunRequest
from datalab_facade.runs.run_records import RunHeader
from datalab_facade.runs.task_runs import TaskRun
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.requests import execution_of

if TYPE_CHECKING:
    from datalab_facade.client import Datalab


class WorkflowRun(TaskRun[Execution, int]):
    """A workflow over files, for blocking code."""

    family = EXECUTION_FAMILY

    def __init__(self, request: RunRequest, client: Datalab, context: Context) -> None:
        super().__init__(request, client, context)
        self._secrets = request.secrets
        self._workflows = client.workflows
        self._outputs = client.outputs
        self._workflow_id = -1

    def wanted(self, origin: str) -> RunHeader:
        """Return what the header says: the workflow's id, or its definition."""
        workflow, kind = self._task, self.family.kind.name
        if isinstance(workflow, int):
            return RunHeader(origin=origin, kind=kind, task=None, target=workflow)
        return RunHeader(origin=origin, kind=kind, task=task_digest(workflow.to_dict()))

    def begin(self, known: RunHeader | None, wanted: RunHeader) -> RunHeader:
        """Check that there is such a workflow, or create it if that was not done."""
        header = known or wanted
        if header.target is not None:
            assert isinstance(header.target, int)
            self._workflows.get(header.target)
            self._workflow_id = header.target
        else:
            assert isinstance(self._task, WorkflowDefinition)
            created = self._workflows.create(self._task, secrets=self._secrets)
            self._workflow_id = created.id
        name = header.name or f"Workflow {self._workflow_id}"
        return attrs.evolve(header, target=self._workflow_id, name=name)

    def start(self, sending: Sending, *, content_type: str | None) -> int:
        """Execute the workflow on the file, which is uploaded."""
        del content_type
        planned = execution_of(self._workflow_id, sending.address, retry_overloaded=False)
        submission = attrs.evolve(
            planned.submission, on_leaving=sending.on_leaving, on_refused=sending.on_refused
        )
        recorded = attrs.evolve(planned, submission=submission)
        return self._workflows._start_planned(recorded, None, {})  # noqa: SLF001 - the journal hears of it

    def save(self, ended: Execution, place: Place) -> Saved:
        """Save the outputs of all steps."""
        manifest = self._outputs.save_all(ended, place.folder)
        error = None if ended.succeeded else ExecutionFailedError(ended)
        reason = None if error is None else redact(str(error))
        if reason is None and not manifest.is_complete:
            reason = failed_outputs(manifest)
        return Saved(
            status=ended.status,
            is_final=manifest.is_complete,
            manifest=manifest,
            reason=reason,
            error=error,
            snapshot=ended,
            duration=ended.duration,
        )
