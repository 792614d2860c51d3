"""Untyped answers -> executions. Tolerant, total and pure.

The spec leaves the answer about an execution untyped, and two descriptions of
it disagree. Whatever comes, the outcome is a model or
:class:`~datalab_facade.InvalidResponseError`; never another exception. What
was not expected is recorded as drift.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import (
    FieldReader,
    Sightings,
    check_requested_id,
    compact,
    named,
)
from datalab_facade.json_forms import JSON
from datalab_facade.models import Execution, Step, StepRun, Steps
from datalab_facade.redaction import excerpt
from datalab_facade.wire import Decoder, make_all

_EXECUTIONS = Decoder(
    Execution,
    "execution",
    supplied=("id", "steps", "observed_at"),
    also=("execution_id", "id", "steps", "input_config"),
)
_RUNS = Decoder(StepRun, "step run", supplied=("file_key",))


def decode_execution(
    body: JSON, *, requested_id: int, observed_at: datetime | None = None
) -> tuple[Execution, set[Drift]]:
    """Decode an answer to ``GET /api/v1/workflows/executions/{id}``.

    Args:
        body: The parsed answer, in the documented shape (a step is one run) or
            in the one that the official client reads (a step holds a run for
            each file key).
        requested_id: The id that was requested.
        observed_at: When the answer arrived.

    Returns:
        The snapshot, and the drift of the answer.

    Raises:
        InvalidResponseError: The answer is not an execution (not an object, or without a
            status), or is about another execution.
    """
    if not isinstance(body, dict):
        raise _no_execution(f"it is {named(body)}", body)
    word = body.get("status")
    if not isinstance(word, str) or not word.strip():
        raise _no_execution("it has no status", body)

    check_requested_id("execution", requested_id, body, body.get("execution_id"), body.get("id"))
    sightings = Sightings()
    reader = _EXECUTIONS.reader(sightings)
    steps = _steps(body.get("steps"), reader)
    execution = _EXECUTIONS.read(
        body, reader, id=requested_id, steps=steps, observed_at=observed_at
    )
    return execution, sightings.found


def _no_execution(why: str, body: JSON) -> InvalidResponseError:
    start = excerpt(compact(body))
    return InvalidResponseError(f"the answer is not an execution, {why}: {start}", body=start)


def _steps(steps: JSON, reader: FieldReader) -> Steps:
    if not isinstance(steps, dict):
        reader.record_type("steps", steps)
        return Steps()
    runs = _RUNS.reader(reader.sightings)
    file_keys: list[str | None] = []
    bodies: list[dict[str, JSON]] = []
    ends: list[int] = []
    for step, entry in steps.items():
        if not isinstance(entry, dict):
            runs.record_type(step, entry)
        elif isinstance(entry.get("status"), str):
            file_keys.append(None)
            bodies.append(entry)
        else:
            for file_key, run in entry.items():
                if isinstance(run, dict):
                    file_keys.append(file_key)
                    bodies.append(run)
                else:
                    runs.record_type(file_key, run)
        ends.append(len(bodies))
    found = _RUNS.read_all(bodies, runs, file_key=file_keys)
    by_step = [tuple(found[start:end]) for start, end in pairwise([0, *ends])]
    return Steps(make_all(Step, [steps, by_step]))
