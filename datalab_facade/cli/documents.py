"""The JSON documents that ``--json`` prints; their schemas are in ``schemas/``.

They hold no secret: no token in settings, no query of a URL in a server's message, and a
presigned URL only with ``--urls``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from datalab_facade.cli.exits import problem_of
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.outcomes import Totals
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import redact_value
from datalab_facade.models import Execution, Failure, Step, StepRun
from datalab_facade.redaction import redact_urls
from datalab_facade.summaries import ROW_NAMES

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionChange, ExecutionOutcome
    from datalab_facade.files.models import File
    from datalab_facade.runs.run_results import RunResult
    from datalab_facade.workflows.definitions import WorkflowDefinition
    from datalab_facade.workflows.models import StepType, Workflow


def execution(value: Execution, *, urls: bool = False) -> dict[str, JSON]:
    """Return an execution; with ``urls``, it includes the presigned URLs of its outputs."""
    return {
        "execution_id": value.id,
        "workflow_id": value.workflow_id,
        "status": str(value.status),
        "is_terminal": value.is_terminal,
        "succeeded": value.succeeded,
        "created_at": iso(value.created_at),
        "updated_at": iso(value.updated_at),
        "duration_seconds": _seconds(value.duration),
        "progress": {"finished": value.progress.finished, "total": value.progress.total},
        "steps": [_step(step, urls=urls) for step in value.steps.values()],
        "failures": [_failure(failure) for failure in value.failures],
        "error": redacted(value.error),
    }


def _step(step: Step, *, urls: bool) -> dict[str, JSON]:
    return {
        "name": redact_urls(step.name),
        "status": str(step.status),
        "started_at": iso(step.started_at),
        "finished_at": iso(step.finished_at),
        "duration_seconds": _seconds(step.duration),
        "runs": [_run(run, urls=urls) for run in step.runs],
    }


def _run(run: StepRun, *, urls: bool) -> dict[str, JSON]:
    document: dict[str, JSON] = {
        "file_key": redacted(run.file_key),
        "status": str(run.status),
        "failed": run.failed,
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "duration_seconds": _seconds(run.duration),
        "has_output": run.output_url is not None,
        "error": redacted(run.error),
        "error_stage": redacted(run.error_stage),
        "total_pages": run.total_pages,
    }
    if urls:
        document["output_url"] = run.output_url
    return document


def _failure(failure: Failure) -> dict[str, JSON]:
    return {
        "step": redacted(failure.step),
        "file_key": redacted(failure.file_key),
        "error": redacted(failure.error),
        "error_stage": redacted(failure.error_stage),
    }


def change(value: ExecutionChange) -> dict[str, JSON]:
    """Return a change of an execution."""
    return {
        "event": "change",
        "execution_id": value.snapshot.id,
        "sequence": value.sequence,
        "observed_at": iso(value.observed_at),
        "kind": value.kind,
        "step": redacted(value.step),
        "file_key": redacted(value.file_key),
        "before": None if value.before is None else str(value.before),
        "after": str(value.after),
    }


def outcome(value: ExecutionOutcome, *, event: bool = False) -> dict[str, JSON]:
    """Return the outcome of a wait; with ``event``, as one of several kinds of events."""
    document: dict[str, JSON] = {"event": "outcome"} if event else {}
    return document | {
        "execution_id": value.id,
        "succeeded": value.succeeded,
        "execution": None if value.snapshot is None else execution(value.snapshot),
        "error": None if value.error is None else error(value.error),
    }


def csv_of(value: Execution) -> str:
    """Return the step runs of an execution as CSV, with a line of names first."""
    table = io.StringIO()
    writer = csv.DictWriter(table, ROW_NAMES, lineterminator="\n")
    writer.writeheader()
    writer.writerows(value.rows())
    return table.getvalue().rstrip("\n")


def totals(value: Totals) -> dict[str, JSON]:
    """Return the totals of many executions."""
    return {
        "event": "totals",
        "queued": value.queued,
        "running": value.running,
        "succeeded": value.succeeded,
        "failed": value.failed,
        "requests": value.requests,
        "eta_seconds": value.eta_seconds,
    }


def error(value: DatalabError) -> dict[str, JSON]:
    """Return an error."""
    return problem_of(value).to_dict()


def workflow(value: Workflow) -> dict[str, JSON]:
    """Return a workflow; values in its settings that may be secrets are redacted."""
    return {
        "workflow_id": value.id,
        "name": redacted(value.name),
        "team_id": value.team_id,
        "created_at": iso(value.created_at),
        "updated_at": iso(value.updated_at),
        "steps": [
            {
                "unique_name": redacted(step.unique_name),
                "step_key": redacted(step.step_key),
                "version": step.version,
                "depends_on": [redact_urls(name) for name in step.depends_on],
                "settings": redact_value(dict(step.settings)),
            }
            for step in value.steps
        ],
    }


def workflows(value: Iterable[Workflow]) -> dict[str, JSON]:
    """Return workflows."""
    return {"workflows": [workflow(one) for one in value]}


def definition(value: WorkflowDefinition) -> dict[str, JSON]:
    """Return the facts about a valid definition."""
    return {
        "valid": True,
        "name": value.name,
        "description": value.description,
        "layers": [[step.unique_name for step in layer] for layer in value.layers()],
        "placeholders": list(value.placeholders()),
    }


def step_types(value: Iterable[StepType]) -> dict[str, JSON]:
    """Return step types."""
    return {
        "step_types": [
            {
                "step_key": one.step_key,
                "name": one.name,
                "version": one.version,
                "description": redacted(one.description),
                "settings_schema": None
                if one.settings_schema is None
                else dict(one.settings_schema),
            }
            for one in value
        ]
    }


def file(value: File) -> dict[str, JSON]:
    """Return a file."""
    return {
        "file_id": value.id,
        "reference": value.reference,
        "filename": redacted(value.filename),
        "content_type": value.content_type,
        "size": value.size,
        "status": value.status,
        "created_at": iso(value.created_at),
    }


def files(value: Iterable[File]) -> dict[str, JSON]:
    """Return files."""
    return {"files": [file(one) for one in value]}


def upload_outcome(
    source: str, value: File | None, failure: DatalabError | None
) -> dict[str, JSON]:
    """Return the outcome of an upload."""
    return {
        "source": source,
        "file": None if value is None else file(value),
        "error": None if failure is None else error(failure),
    }


def run_result(value: RunResult) -> dict[str, JSON]:
    """Return the result of one file of a run."""
    return {
        **value.to_dict(),
        "error": None if value.error is None else error(value.error),
    }


def run_report(folder: Path, results: Sequence[RunResult]) -> dict[str, JSON]:
    """Return the totals of a run."""
    succeeded = sum(result.succeeded for result in results)
    return {
        "event": "report",
        "folder": str(folder),
        "succeeded": succeeded,
        "failed": len(results) - succeeded,
    }


def redacted(text: str | None) -> str | None:
    """Return a text without the queries of URLs; None stays None."""
    return text if text is None else redact_urls(text)


def iso(moment: datetime | None) -> str | None:
    """Return a time as ISO 8601 writes it; None stays None."""
    return None if moment is None else moment.isoformat()


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
