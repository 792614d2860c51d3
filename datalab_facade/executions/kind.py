"""Workflow executions as a kind of job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, SupportsIndex, TypeAlias

from datalab_facade.arguments import checked_id, named, whole_number
from datalab_facade.errors import ExecutionFailedError, InvalidArgumentError
from datalab_facade.executions.decoding import decode_execution
from datalab_facade.executions.differences import differences
from datalab_facade.jobs.changes import Change
from datalab_facade.jobs.kinds import JobKind, Timing
from datalab_facade.jobs.outcomes import Outcome, Update
from datalab_facade.json_forms import JSON
from datalab_facade.models import Execution
from datalab_facade.redaction import excerpt
from datalab_facade.transport.operations import execution_status

if TYPE_CHECKING:
    from datalab_facade.executions.async_handles import AsyncExecutionHandle
    from datalab_facade.executions.handles import ExecutionHandle

ExecutionLike: TypeAlias = (
    "SupportsIndex | Execution | ExecutionHandle | AsyncExecutionHandle | Mapping[str, JSON]"
)
"""Whatever stands for an execution: its id (an int, or an integer of NumPy's), a snapshot,
a handle of either client, or the JSON form of a handle."""

ExecutionChange: TypeAlias = Change[Execution]
ExecutionOutcome: TypeAlias = Outcome[Execution, int]
ExecutionUpdate: TypeAlias = Update[Execution, int]


def _checked_id(value: object) -> int:
    if whole_number(value) is None:
        raise InvalidArgumentError(
            "An execution is given as its id, a whole number such as 123, as a snapshot or as "
            f"a handle, not as {named(value)}"
        )
    return checked_id(value)


def timing_of(execution: Execution) -> Timing:
    """Return what the durations of a workflow's executions are learned from."""
    workflow = execution.workflow_id
    return Timing(
        group=None if workflow is None else f"workflow {workflow}",
        created_at=execution.created_at,
        ended_at=_ended_at(execution) if execution.is_terminal else None,
        observed_at=execution.observed_at,
    )


def _ended_at(execution: Execution) -> datetime | None:
    ends = [step.finished_at for step in execution.steps.values()]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else execution.updated_at


EXECUTIONS: JobKind[Execution, int] = JobKind(
    name="execution",
    snapshot_type=Execution,
    checked_id=_checked_id,
    poll=execution_status,
    decode=lambda body, job_id, observed_at: decode_execution(
        body, requested_id=job_id, observed_at=observed_at
    ),
    failure=ExecutionFailedError,
    differences=differences,
    is_queued=lambda execution: execution.status.is_waiting,
    timing=timing_of,
    stage=lambda execution: f"{excerpt(execution.status)}, {execution.progress} steps done",
)
