"""Decodes answers about pipeline executions into snapshots. Tolerant, total and pure."""

from __future__ import annotations

from datetime import datetime

from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import (
    FieldReader,
    Sightings,
    named,
    raise_refusal,
    start_of,
    whole_number,
    wrong_subject,
)
from datalab_facade.json_forms import JSON
from datalab_facade.paging import Page, decode_page
from datalab_facade.pipelines.execution_models import PipelineExecution, PipelineStepRun
from datalab_facade.wire import Decoder

_EXECUTIONS = Decoder(
    PipelineExecution,
    "pipeline execution",
    supplied=("id", "steps", "observed_at"),
    also=("execution_id", "steps", "config_snapshot", "input_config", "rate_breakdown"),
)
_STEPS = Decoder(PipelineStepRun, "pipeline step run", supplied=("index",), also=("step_index",))


def decode_pipeline_execution(
    body: JSON, *, requested_id: str | None = None, observed_at: datetime | None = None
) -> tuple[PipelineExecution, set[Drift]]:
    """Decode an answer that is a pipeline execution.

    Args:
        body: The parsed answer.
        requested_id: The id that was requested; None where it was started just now.
        observed_at: When the answer arrived.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer is not an execution (not an object, or without an id
            or a status), or is about another execution.
    """
    sightings = Sightings()
    execution = _execution(body, _EXECUTIONS.reader(sightings), requested_id, observed_at)
    return execution, sightings.found


def decode_pipeline_executions(
    body: JSON, observed_at: datetime
) -> tuple[Page[PipelineExecution], set[Drift]]:
    """Decode an answer to ``GET /api/v1/pipelines/{pipeline_id}/executions``.

    Raises:
        InvalidResponseError: The answer is not a list of executions.
    """
    sightings = Sightings()
    each = _EXECUTIONS.reader(sightings)
    page = decode_page(
        body,
        "executions",
        lambda entry: _execution(entry, each, None, observed_at),
        FieldReader("list of pipeline executions", sightings),
    )
    return page, sightings.found


def _execution(
    body: JSON, reader: FieldReader, requested_id: str | None, observed_at: datetime | None
) -> PipelineExecution:
    if not isinstance(body, dict):
        raise _no_execution(f"it is {named(body)}", body)
    raise_refusal(body)
    status = body.get("status")
    if not isinstance(status, str) or not status.strip():
        raise _no_execution("it has no status", body)
    found = body.get("execution_id")
    execution_id = found if isinstance(found, str) and found else requested_id
    if execution_id is None:
        raise _no_execution("it has no execution_id", body)
    if requested_id is not None and execution_id != requested_id:
        raise wrong_subject("pipeline execution", requested_id, execution_id, body)
    steps = _steps(body.get("steps"), reader)
    return _EXECUTIONS.read(body, reader, id=execution_id, steps=steps, observed_at=observed_at)


def _steps(steps: JSON, reader: FieldReader) -> tuple[PipelineStepRun, ...]:
    inner = _STEPS.reader(reader.sightings)
    found: list[PipelineStepRun] = []
    for place, step in enumerate(reader.objects("steps", steps)):
        index = whole_number(step.get("step_index"))
        if index is None:
            inner.record_type("step_index", step.get("step_index"))
        found.append(_STEPS.read(step, inner, index=place if index is None else index))
    return tuple(found)


def _no_execution(why: str, body: JSON) -> InvalidResponseError:
    start = start_of(body)
    return InvalidResponseError(
        f"the answer is not a pipeline execution, {why}: {start}", body=start
    )
