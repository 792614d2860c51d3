"""The arguments of a run, checked before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias, TypedDict

import attrs

from datalab_facade.arguments import (
    checked_callable,
    checked_count,
    checked_number,
    checked_path,
    checked_seconds,
)
from datalab_facade.context import Context
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.descriptions import checked_media_type
from datalab_facade.jobs.outcomes import Update
from datalab_facade.jobs.scheduling import DEFAULT_CONCURRENCY
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import Execution
from datalab_facade.options import check_names
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.pipelines.models import Pipeline
from datalab_facade.runs.job_family import JobFamily
from datalab_facade.runs.run_sources import RunFiles
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.models import Workflow

RunWorkflow: TypeAlias = int | Workflow | WorkflowDefinition | str | os.PathLike[str]
"""A workflow to run: its id, itself, a definition, or the path of a definition's file."""

RunTask: TypeAlias = RunWorkflow | Task[object] | Pipeline
"""What to run: a task of documents such as ``Convert()`` or ``Extract(Invoice)``, a workflow, or a
pipeline: ``RunPipeline("pl_...")``, a snapshot of it, or its id, a text that begins with
``pl_``."""

OnUpdate: TypeAlias = (
    Callable[[Update[Execution, int]], None]
    | Callable[[Update[DocumentRequest, str]], None]
    | Callable[[Update[PipelineExecution, str]], None]
)
"""Called with each change of a job, and with the totals."""


class RunOptions(TypedDict, total=False):
    """Options of a run; all are optional."""

    secrets: Mapping[str, str]
    """The values of ``${secret:NAME}`` in a definition, for creating the workflow."""
    timeout: float
    """Seconds to wait for each job; by default the policy's, two hours."""
    policy: WaitPolicy
    """The wait policy for each job; by default the client's."""
    concurrency: int
    """The number of jobs that run at once; 1,000 by default."""
    max_cost_cents: float
    """The most that the run may cost in US cents, all calls for its folder together. Nothing is
    submitted that would go beyond, going by what such files cost so far; the first one shows that.
    By default there is no limit. The API does not tell what workflows cost, so not for those."""
    recursive: bool
    """Whether a folder stands for the files in its sub-folders, too, and the outputs have the same
    sub-folders. By default it does, except for workflows."""
    retry_failed: bool
    """Whether to submit files again that failed in an earlier call, which costs again."""
    retry_unknown: bool
    """Whether to submit files again whose earlier submission is uncertain; may cost twice."""
    content_type: str
    """The media type of all local files; by default that of each name's suffix."""
    allow_empty: bool
    """Whether a folder without files is allowed; by default it is an error."""
    on_update: OnUpdate
    """Called with each change of a job and the totals, for progress displays."""


@attrs.frozen
class RunRequest:
    """The checked arguments of a run."""

    family: JobFamily
    task: object
    files: RunFiles
    folder: Path
    secrets: Mapping[str, str] | None = attrs.field(repr=False)
    policy: WaitPolicy
    concurrency: int
    retry_failed: bool
    retry_unknown: bool
    max_cost_cents: float | None
    content_type: str | None
    on_update: OnUpdate | None


def checked_request(
    context: Context,
    task: RunTask,
    files: object,
    folder: object,
    options: RunOptions,
    *,
    families: Iterable[JobFamily],
    iterables: tuple[type, ...],
) -> RunRequest:
    """Check the arguments of a run; ``iterables`` are the kinds that files may be.

    The family is the first one that the task is of; the last one takes any task.

    Raises:
        InvalidArgumentError: An argument is wrong; nothing was sent.
        LocalFileError: A file of a definition cannot be read; nothing was sent.
    """
    check_names(options, RunOptions)
    timeout = options.get("timeout")
    if timeout is not None:
        checked_seconds("timeout", timeout)
    content_type = checked_media_type(options.get("content_type"))
    output_dir = checked_path("output_dir", folder)
    found = ((family, family.task_of(task)) for family in families)
    family, checked = next(one for one in found if one[1] is not None)
    return RunRequest(
        family=family,
        task=checked,
        files=RunFiles(
            files,
            output_dir,
            iterables=iterables,
            allow_empty=options.get("allow_empty", False),
            recursive=options.get("recursive", family.is_mirrored),
        ),
        folder=output_dir,
        secrets=options.get("secrets"),
        policy=context.policy_for_wait(timeout, options.get("policy"), {}),
        concurrency=checked_count(
            "concurrency", options.get("concurrency", DEFAULT_CONCURRENCY), least=1
        ),
        retry_failed=options.get("retry_failed", False),
        retry_unknown=options.get("retry_unknown", False),
        max_cost_cents=_checked_limit(options.get("max_cost_cents"), family),
        content_type=content_type,
        on_update=checked_callable("on_update", options.get("on_update")),
    )


def _checked_limit(cents: object, family: JobFamily) -> float | None:
    if cents is None:
        return None
    limit = checked_number("max_cost_cents", cents)
    if limit < 0:
        raise InvalidArgumentError(f"max_cost_cents must be 0 or more, not {limit:g}")
    if not family.tells_cost:
        raise InvalidArgumentError(
            f"max_cost_cents cannot be kept for this task, since the API does not tell what its "
            f"{family.noun}s cost"
        )
    return limit
