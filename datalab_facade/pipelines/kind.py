"""Pipeline executions as a kind of job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from datalab_facade.arguments import named
from datalab_facade.errors import InvalidArgumentError, PipelineFailedError
from datalab_facade.jobs.changes import Difference
from datalab_facade.jobs.kinds import JobKind, Timing
from datalab_facade.json_forms import JSON
from datalab_facade.pipelines.execution_decoding import decode_pipeline_execution
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.redaction import excerpt
from datalab_facade.transport.pipeline_operations import pipeline_execution_status

if TYPE_CHECKING:
    from datalab_facade.pipelines.async_handles import AsyncPipelineExecutionHandle
    from datalab_facade.pipelines.handles import PipelineExecutionHandle

    _AnyHandle: TypeAlias = PipelineExecutionHandle | AsyncPipelineExecutionHandle

PipelineExecutionLike: TypeAlias = "str | PipelineExecution | _AnyHandle | Mapping[str, JSON]"
"""Whatever stands for a pipeline execution: its id (``"pex_..."``), a snapshot, a handle of either
client, or the JSON form of a handle."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def _checked_id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidArgumentError(
            "A pipeline execution is given as its id, such as 'pex_k8Hx9mP2nQ4v', as a snapshot "
            f"or as a handle, not as {named(value)}"
        )
    return value


def _differences(
    before: PipelineExecution | None, after: PipelineExecution
) -> Iterator[Difference]:
    was = before.status if before is not None else None
    own = [Difference(before=was, after=after.status)] if was != after.status else []
    if not after.is_terminal:
        yield from own
    old = {step.index: step.status for step in before.steps} if before is not None else {}
    for step in after.steps:
        if old.get(step.index) != step.status:
            name = f"{step.index}. {step.type}"
            before_it = old.get(step.index)
            yield Difference(kind="step", step=name, before=before_it, after=step.status)
    if after.is_terminal:
        yield from own


def _timing(execution: PipelineExecution) -> Timing:
    pipeline = execution.pipeline_id
    version = execution.pipeline_version
    return Timing(
        group=None if pipeline is None else f"pipeline {pipeline} version {version}",
        created_at=execution.created_at or execution.started_at,
        ended_at=execution.ended_at,
        observed_at=execution.observed_at,
    )


PIPELINE_EXECUTIONS: JobKind[PipelineExecution, str] = JobKind(
    name="pipeline execution",
    snapshot_type=PipelineExecution,
    checked_id=_checked_id,
    poll=pipeline_execution_status,
    decode=lambda body, job_id, observed_at: decode_pipeline_execution(
        body, requested_id=job_id, observed_at=observed_at
    ),
    failure=PipelineFailedError,
    differences=_differences,
    is_queued=lambda execution: execution.status.is_waiting,
    timing=_timing,
    stage=lambda execution: f"{excerpt(execution.status)}, {execution.progress} steps done",
)
