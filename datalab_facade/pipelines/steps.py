"""Which step of a pipeline execution is meant, and where its result is. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from datalab_facade.arguments import named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON
from datalab_facade.pipelines.execution_models import PipelineExecution, PipelineStepRun
from datalab_facade.transfers.remotes import Remote

StepLike: TypeAlias = "int | str | PipelineStepRun"
"""A step: its index (the first is 0, the last -1), its type, or the step itself."""

# What a custom processor gives has the form of a conversion.
_ENDPOINTS: Final = {"custom": "convert", "track_changes": "track-changes"}


def find_step(execution: PipelineExecution, step: StepLike) -> PipelineStepRun:
    """Return the step of an execution that is meant.

    Raises:
        InvalidArgumentError: The execution has no such step, or several of that type.
    """
    wanted = step.index if isinstance(step, PipelineStepRun) else step
    by_index = {one.index: one for one in execution.steps}
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        found = by_index.get(wanted if wanted >= 0 else max(by_index, default=-1) + 1 + wanted)
        if found is not None:
            return found
    elif isinstance(wanted, str):
        named_so = [one for one in execution.steps if one.type == wanted]
        if len(named_so) == 1:
            return named_so[0]
        if named_so:
            places = ", ".join(str(one.index) for one in named_so)
            raise InvalidArgumentError(
                f"Pipeline execution {execution.id} has several {wanted} steps: give one of the "
                f"indexes {places}"
            )
    else:
        raise InvalidArgumentError(
            f"A step is given as its index, its type or a PipelineStepRun, not as {named(step)}"
        )
    known = ", ".join(f"{one.index} ({one.type})" for one in execution.steps) or "none"
    raise InvalidArgumentError(
        f"Pipeline execution {execution.id} has no step {named(step)}; its steps are: {known}"
    )


def result_id(execution: PipelineExecution, step: PipelineStepRun, body: Mapping[str, JSON]) -> str:
    """Return the id that the result of a step has: that of its request, if the answer names it."""
    endpoint, request_id = _ENDPOINTS.get(step.type, step.type), body.get("request_id")
    if not isinstance(request_id, str) or not request_id:
        request_id = step.lookup_key or f"{execution.id}-{step.index}"
    return f"{endpoint}/{request_id}"


def remote_step_result(execution: PipelineExecution, step: PipelineStepRun, url: str) -> Remote:
    """Describe the result of a step for its download."""
    return Remote(
        url=url,
        subject=f"The result of step {step.index} ({step.type}) of {execution.id}",
        label=f"{execution.id}-{step.index}",
        identity=("pipeline step", execution.id, step.index),
        error_details={},
        why_gone="results are deleted some time after they are complete",
    )
