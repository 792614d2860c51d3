"""The arguments of a run, checked before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, TypedDict

import attrs

from datalab_facade.arguments import (
    checked_callable,
    checked_count,
    checked_path,
    checked_seconds,
)
from datalab_facade.context import Context
from datalab_facade.files.descriptions import checked_media_type
from datalab_facade.jobs.outcomes import Update
from datalab_facade.jobs.scheduling import DEFAULT_CONCURRENCY
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import Execution
from datalab_facade.options import check_names
from datalab_facade.runs.run_sources import RunFiles
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.models import Workflow

RunWorkflow: TypeAlias = int | Workflow | WorkflowDefinition | str | os.PathLike[str]
"""A workflow to run: its id, itself, a definition, or the path of a definition's file."""

OnUpdate: TypeAlias = Callable[[Update[Execution, int]], None]
"""Called with each change of an execution, and with the totals."""


class RunOptions(TypedDict, total=False):
    """Options of a run; all are optional."""

    secrets: Mapping[str, str]
    """The values of ``${secret:NAME}`` in a definition, for creating the workflow."""
    timeout: float
    """Seconds to wait for each execution; by default the policy's, two hours."""
    policy: WaitPolicy
    """The wait policy for each execution; by default the client's."""
    concurrency: int
    """The number of executions that run at once; 1,000 by default."""
    retry_failed: bool
    """Whether to submit files again that failed in an earlier call, which costs again."""
    retry_unknown: bool
    """Whether to submit files again whose earlier submission is uncertain; may cost twice."""
    content_type: str
    """The media type of all local files; by default that of each name's suffix."""
    allow_empty: bool
    """Whether a folder without files is allowed; by default it is an error."""
    on_update: OnUpdate
    """Called with each change of an execution and the totals, for progress displays."""


@attrs.frozen
class RunRequest:
    """The checked arguments of a run."""

    workflow: WorkflowDefinition | int
    files: RunFiles
    folder: Path
    secrets: Mapping[str, str] | None = attrs.field(repr=False)
    policy: WaitPolicy
    concurrency: int
    retry_failed: bool
    retry_unknown: bool
    content_type: str | None
    on_update: OnUpdate | None


def checked_request(
    context: Context,
    workflow: RunWorkflow,
    files: object,
    folder: object,
    options: RunOptions,
    *,
    iterables: tuple[type, ...],
) -> RunRequest:
    """Check the arguments of a run; ``iterables`` are the kinds that files may be.

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
    return RunRequest(
        workflow=_definition_of(workflow),
        files=RunFiles(
            files,
            output_dir,
            iterables=iterables,
            allow_empty=options.get("allow_empty", False),
        ),
        folder=output_dir,
        secrets=options.get("secrets"),
        policy=context.policy_for_wait(timeout, options.get("policy"), {}),
        concurrency=checked_count(
            "concurrency", options.get("concurrency", DEFAULT_CONCURRENCY), least=1
        ),
        retry_failed=options.get("retry_failed", False),
        retry_unknown=options.get("retry_unknown", False),
        content_type=content_type,
        on_update=checked_callable("on_update", options.get("on_update")),
    )


def _definition_of(workflow: RunWorkflow) -> WorkflowDefinition | int:
    """Return the definition to create a workflow from, or the id of an existing one.

    Raises:
        InvalidArgumentError: The value is neither.
        LocalFileError: The file of a definition cannot be read.
    """
    if isinstance(workflow, Workflow):
        return workflow.id
    if isinstance(workflow, (int, WorkflowDefinition)) and not isinstance(workflow, bool):
        return workflow
    return WorkflowDefinition.from_file(checked_path("workflow", workflow))
