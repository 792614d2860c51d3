"""What ``--json`` prints: plain JSON, whose form is written down in ``schemas/``.

Nothing secret is in it: no presigned URL unless it was asked for, no token in settings,
no query of a URL in what the server says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from datalab_facade.cli.exits import problem_of
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.outcomes import Totals
from datalab_facade.models import JSON, Execution, Failure, Step, StepRun
from datalab_facade.redaction import redact_urls
from datalab_facade.secrecy import redact_value

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionChange, ExecutionOutcome
    from datalab_facade.files.models import File
    from datalab_facade.runs.running import RunResult
    from datalab_facade.workflows.definitions import WorkflowDefinition
    from datalab_facade.workflows.models import StepType, Workflow


def execution(found: Execution, *, urls: bool = False) -> dict[str, JSON]:
    """Give an execution; with the presigned URLs of its outputs if they were asked for."""
    return {
        "execution_id": found.id,
        "workflow_id": found.workflow_id,
        "status": str(found.status),
        "ended": found.is_terminal,
        "succeeded": found.succeeded,
        "created": _time(found.created_at),
        "updated": _time(found.updated_at),
        "duration_seconds": _seconds(found.duration),
        "progress": {"done": found.progress.finished, "total": found.progress.total},
        "steps": [_step(step, urls=urls) for step in found.steps.values()],
        "failures": [_failure(failure) for failure in found.failures],
        "error": _said(found.error),
    }


def _step(step: Step, *, urls: bool) -> dict[str, JSON]:
    return {
        "name": redact_urls(step.name),
        "status": str(step.status),
        "started_at": _time(step.started_at),
        "finished_at": _time(step.finished_at),
        "duration_seconds": _seconds(step.duration),
        "runs": [_run(run, urls=urls) for run in step.runs],
    }


def _run(run: StepRun, *, urls: bool) -> dict[str, JSON]:
    document: dict[str, JSON] = {
        "file_key": _said(run.file_key),
        "status": str(run.status),
        "failed": run.failed,
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "duration_seconds": _seconds(run.duration),
        "has_output": run.output_url is not None,
        "error": _said(run.error),
        "error_in": _said(run.error_stage),
        "total_pages": run.total_pages,
    }
    if urls:
        document["output_url"] = run.output_url
    return document


def _failure(failure: Failure) -> dict[str, JSON]:
    return {
        "step": _said(failure.step),
        "file_key": _said(failure.file_key),
        "error": _said(failure.error),
        "error_in": _said(failure.error_stage),
    }


def change(seen: ExecutionChange) -> dict[str, JSON]:
    """Give a change of an execution."""
    return {
        "event": "change",
        "execution_id": seen.snapshot.id,
        "sequence": seen.sequence,
        "at": _time(seen.observed_at),
        "kind": seen.kind,
        "step": _said(seen.step),
        "file_key": _said(seen.file_key),
        "before": None if seen.before is None else str(seen.before),
        "after": str(seen.after),
    }


def outcome(found: ExecutionOutcome, *, event: bool = False) -> dict[str, JSON]:
    """Give how the wait for an execution ended; as one event of several if need be."""
    document: dict[str, JSON] = {"event": "outcome"} if event else {}
    return document | {
        "execution_id": found.id,
        "succeeded": found.succeeded,
        "execution": None if found.snapshot is None else execution(found.snapshot),
        "error": None if found.error is None else error(found.error),
    }


def totals(counted: Totals) -> dict[str, JSON]:
    """Give how many executions stand how."""
    return {
        "event": "totals",
        "queued": counted.queued,
        "running": counted.running,
        "done": counted.succeeded,
        "failed": counted.failed,
        "requests": counted.requests,
        "eta_seconds": counted.eta_seconds,
    }


def error(raised: DatalabError) -> dict[str, JSON]:
    """Give what went wrong."""
    return problem_of(raised).to_dict()


def workflow(found: Workflow) -> dict[str, JSON]:
    """Give a workflow, with what looks like a secret in its settings hidden."""
    return {
        "workflow_id": found.id,
        "name": _said(found.name),
        "team_id": found.team_id,
        "created": _time(found.created_at),
        "updated": _time(found.updated_at),
        "steps": [
            {
                "unique_name": _said(step.unique_name),
                "step_key": _said(step.step_key),
                "version": step.version,
                "depends_on": [redact_urls(name) for name in step.depends_on],
                "settings": redact_value(dict(step.settings)),
            }
            for step in found.steps
        ],
    }


def workflows(found: Iterable[Workflow]) -> dict[str, JSON]:
    """Give workflows."""
    return {"workflows": [workflow(one) for one in found]}


def definition(checked: WorkflowDefinition) -> dict[str, JSON]:
    """Give what there is to say of a definition that is right."""
    return {
        "valid": True,
        "name": checked.name,
        "description": checked.description,
        "layers": [[step.unique_name for step in layer] for layer in checked.layers()],
        "placeholders": list(checked.placeholders()),
    }


def step_types(found: Iterable[StepType]) -> dict[str, JSON]:
    """Give types of step."""
    return {
        "step_types": [
            {
                "step_key": one.step_key,
                "name": one.name,
                "version": one.version,
                "description": _said(one.description),
                "settings_schema": None
                if one.settings_schema is None
                else dict(one.settings_schema),
            }
            for one in found
        ]
    }


def file(found: File) -> dict[str, JSON]:
    """Give a file."""
    return {
        "file_id": found.id,
        "reference": found.reference,
        "name": _said(found.filename),
        "content_type": found.content_type,
        "bytes": found.size,
        "upload_status": found.status,
        "created": _time(found.created_at),
    }


def files(found: Iterable[File]) -> dict[str, JSON]:
    """Give files."""
    return {"files": [file(one) for one in found]}


def uploaded(source: str, found: File | None, failed: DatalabError | None) -> dict[str, JSON]:
    """Give what became of an upload."""
    return {
        "source": source,
        "file": None if found is None else file(found),
        "error": None if failed is None else error(failed),
    }


def run_result(found: RunResult) -> dict[str, JSON]:
    """Give what became of a file of a run."""
    return {
        **found.to_dict(),
        "error": None if found.error is None else error(found.error),
    }


def run_report(folder: Path, results: Sequence[RunResult]) -> dict[str, JSON]:
    """Give what became of a run."""
    done = sum(result.succeeded for result in results)
    return {
        "event": "report",
        "folder": str(folder),
        "done": done,
        "failed": len(results) - done,
    }


def _said(text: str | None) -> str | None:
    return text if text is None else redact_urls(text)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
