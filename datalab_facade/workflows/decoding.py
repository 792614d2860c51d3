"""Decodes answers about workflows into models. Tolerant, total and pure.

The spec leaves most of these answers untyped. Every answer becomes a model,
:class:`~datalab_facade.InvalidResponseError` or, where a success reports a refusal,
:class:`~datalab_facade.RequestRejectedError`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import (
    FieldReader,
    Sightings,
    check_requested_id,
    named,
    raise_refusal,
    start_of,
    whole_number,
)
from datalab_facade.json_forms import JSON
from datalab_facade.wire import Decoder
from datalab_facade.workflows.models import StepType, Workflow, WorkflowStep

_T = TypeVar("_T")

Decoded: TypeAlias = tuple[_T, set[Drift]]
"""A model, and the drift in the answer."""

# The published client reads ``type``, the guides ``step_type``, definitions say ``step_key``.
_TYPE_KEYS = ("step_key", "step_type", "type")
_STEP_TYPES = Decoder(StepType, "step type", supplied=("step_key",), also=_TYPE_KEYS)
_STEPS = Decoder(WorkflowStep, "workflow step")
_WORKFLOWS = Decoder(
    Workflow, "workflow", supplied=("id", "steps"), also=("id", "steps", "success")
)


def decode_step_types(body: JSON) -> Decoded[tuple[StepType, ...]]:
    """Decode the step types of an answer to ``GET /api/v1/workflows/step-types``.

    Raises:
        InvalidResponseError: The answer is not a list of step types.
    """
    reader = _STEP_TYPES.reader(Sightings())
    return _all_of(body, "step_types", _step_type, reader), reader.sightings.found


def decode_workflows(body: JSON) -> Decoded[tuple[Workflow, ...]]:
    """Decode the workflows of an answer to ``GET /api/v1/workflows/workflows``.

    Raises:
        InvalidResponseError: The answer is not a list of workflows.
    """
    reader = _WORKFLOWS.reader(Sightings())
    return _all_of(body, "workflows", _workflow, reader), reader.sightings.found


def decode_workflow(body: JSON, *, requested_id: int | None = None) -> Decoded[Workflow]:
    """Decode the workflow of an answer.

    Args:
        body: The parsed answer.
        requested_id: The id in the request, if it had one.

    Raises:
        RequestRejectedError: The answer says ``success: false`` and holds no workflow.
        InvalidResponseError: The answer is not an object, has no id, or is about another
            workflow.
    """
    reader = _WORKFLOWS.reader(Sightings())
    inner = body.get("workflow") if isinstance(body, dict) and "id" not in body else None
    workflow = _workflow(inner if isinstance(inner, dict) else body, reader)
    if workflow is None:
        raise_refusal(body)
        raise _unexpected("a workflow", "it has no id", body)
    if requested_id is not None:
        check_requested_id("workflow", requested_id, body, workflow.id)
    return workflow, reader.sightings.found


def decode_started(body: JSON, *, workflow_id: int | None = None) -> int:
    """Decode the execution's id of an answer to the execution of a workflow.

    Args:
        body: The parsed answer.
        workflow_id: The id in the request, if it is known.

    Raises:
        RequestRejectedError: The answer says ``success: false`` and names no execution.
        InvalidResponseError: The answer names no execution, or another workflow.
    """
    if isinstance(body, dict):
        if workflow_id is not None:
            check_requested_id("workflow", workflow_id, body, body.get("workflow_id"))
        for name in ("execution_id", "id"):
            number = whole_number(body.get(name))
            if number is not None and number >= 0:
                return number
    raise_refusal(body)
    raise _unexpected("a started execution", "it has no execution_id", body)


def decode_deletion(body: JSON, *, requested_id: int | None = None) -> bool:
    """Return True unless the answer to a deletion is a refusal.

    Args:
        body: The parsed answer.
        requested_id: The id in the request, if it is known.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer is not an object, or is about another workflow.
    """
    if body is None:
        return True
    if not isinstance(body, dict):
        raise _unexpected("an answer to a deletion", "", body)
    if requested_id is not None:
        check_requested_id("workflow", requested_id, body, body.get("workflow_id"), body.get("id"))
    raise_refusal(body)
    return True


def _all_of(
    body: JSON, key: str, decode: Callable[[JSON, FieldReader], _T | None], reader: FieldReader
) -> tuple[_T, ...]:
    listed = _listed(body, key, reader)
    if listed is None:
        raise_refusal(body)
        raise _unexpected(f"a list of {key.replace('_', ' ')}", "", body)
    found: list[_T] = []
    for item in listed:
        one = decode(item, reader)
        if one is None:
            reader.record_type("item", item)
        else:
            found.append(one)
    if listed and not found:
        raise _unexpected(
            f"a list of {key.replace('_', ' ')}", "no item has the expected form", body
        )
    return tuple(found)


def _listed(body: JSON, key: str, reader: FieldReader) -> list[JSON] | None:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return None
    if key in body and body[key] is None:
        reader.record_type(key, None)
        return []
    value = body.get(key)
    if isinstance(value, list):
        return value
    # Accept the list under another name if it is the only one.
    lists = [(name, inner) for name, inner in body.items() if isinstance(inner, list)]
    if len(lists) != 1:
        return None
    [(name, only)] = lists
    reader.sightings.record("field", reader.where, name)
    return only


def _workflow(body: JSON, reader: FieldReader) -> Workflow | None:
    if not isinstance(body, dict):
        return None
    workflow_id = whole_number(body.get("id"))
    if workflow_id is None:
        workflow_id = whole_number(body.get("workflow_id"))
        if workflow_id is None:
            return None
    steps = _steps(body.get("steps"), reader)
    return _WORKFLOWS.read(body, reader, id=workflow_id, steps=steps)


def _steps(steps: JSON, reader: FieldReader) -> tuple[WorkflowStep, ...]:
    if not isinstance(steps, list):
        reader.record_type("steps", steps)
        return ()
    inner = _STEPS.reader(reader.sightings)
    found: list[WorkflowStep] = []
    for step in steps:
        if isinstance(step, dict):
            found.append(_STEPS.read(step, inner))
        else:
            inner.record_type("step", step)
    return tuple(found)


def _step_type(body: JSON, reader: FieldReader) -> StepType | None:
    if isinstance(body, str) and body:
        reader.record_type("item", body)
        return StepType(step_key=body)
    if not isinstance(body, dict):
        return None
    names = [body.get(key) for key in _TYPE_KEYS]
    step_key = next((name for name in names if isinstance(name, str) and name), None)
    return None if step_key is None else _STEP_TYPES.read(body, reader, step_key=step_key)


def _unexpected(expected: str, why: str, body: JSON) -> InvalidResponseError:
    # Settings may hold secrets that were filled in; start_of() redacts them.
    start = start_of(body)
    reason = why if isinstance(body, (dict, list)) and why else f"it is {named(body)}"
    return InvalidResponseError(f"the answer is not {expected}: {reason}: {start}", body=start)
