"""Workflow executions as a family of jobs: what runs, Airflow and the command line need to know."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from datalab_facade.arguments import checked_path, whole_number
from datalab_facade.errors import DatalabError, LocalFileError
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.json_forms import JSON
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.runs.job_family import JobFamily, Saved, recalled
from datalab_facade.runs.run_records import RunEntry
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.models import Workflow

if TYPE_CHECKING:
    from datalab_facade.client import Datalab

_MAX_DIGITS: Final = 18
_MAX_QUOTED: Final = 5


def _id_of(job: object) -> int | None:
    if not isinstance(job, str):
        return whole_number(job)
    # A template of Airflow renders a number as text.
    is_number = job.isascii() and job.isdigit() and len(job) <= _MAX_DIGITS
    return int(job) if is_number else None


def _task_of(value: object) -> WorkflowDefinition | int:
    if isinstance(value, Workflow):
        return value.id
    if isinstance(value, (int, WorkflowDefinition)) and not isinstance(value, bool):
        return value
    return WorkflowDefinition.from_file(checked_path("task", cast("Any", value)))


def _recall(entry: RunEntry, folder: Path) -> Saved | None:
    if entry.ended is None:
        return None
    with contextlib.suppress(LocalFileError):
        manifest = Manifest.read(folder / f"execution-{entry.job_id}")
        if manifest.execution_id == entry.job_id:
            return recalled(entry, manifest=manifest)
    return None


def _save(client: Datalab, handle: Mapping[str, JSON], folder: str) -> dict[str, JSON]:
    """Save the outputs to ``folder/execution-ID/STEP/FILE``.

    Raises:
        DatalabError: Some were not saved; the others were.
    """
    manifest = client.outputs.save_all(client.executions.handle(handle), folder)
    if not manifest.is_complete:
        failures = "; ".join(str(one.error) for one in manifest.failed)
        raise DatalabError(f"{manifest}: {failures}")
    return manifest.to_dict()


def failed_outputs(manifest: Manifest) -> str:
    """Say in a sentence which outputs were not saved."""
    errors = [failed.error for failed in manifest.failed[:_MAX_QUOTED]]
    more = len(manifest.failed) - len(errors)
    return "; ".join([*errors, *([f"{more} more outputs failed"] if more else [])])


EXECUTION_FAMILY: Final = JobFamily(
    kind=EXECUTIONS,
    found_at="executions",
    noun="execution",
    id_of=_id_of,
    id_example="123",
    task_of=_task_of,
    has_failed=lambda execution: execution.failed,
    is_uploaded_first=True,
    tells_cost=False,
    is_mirrored=False,
    fetch=lambda job_id: f"client.outputs.save_all({job_id}, ...)",
    recall=_recall,
    save=_save,
)
