"""Decodes answers about workflows into models. Forgiving, total and pure.

The spec leaves most of these answers untyped. Every answer becomes a model,
:class:`~datalab_facade.InvalidResponseError` or, where a success reports a refusal,
:class:`~datalab_facade.RequestRejectedError`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError, RequestRejectedError
from datalab_facade.fields import (
    FieldReader,
    Notes,
    check_asked_for,
    compact,
    named,
    start_of,
    whole_number,
)
from datalab_facade.models import JSON
from datalab_facade.redaction import excerpt
from datalab_facade.workflows.models import StepType, Workflow, WorkflowStep

_T = TypeVar("_T")

Decoded: TypeAlias = tuple[_T, set[Drift]]
"""A model, and the drift in the answer."""

_WORKFLOW_FIELDS = frozenset({"id", "name", "team_id", "steps", "created", "updated", "success"})
_STEP_FIELDS = frozenset(
    {"id", "unique_name", "step_key", "name", "version", "settings", "depends_on"}
)
# The published client reads ``type``, the guides ``step_type``, definitions say ``step_key``.
_TYPE_KEYS = ("step_key", "step_type", "type")
_TYPE_FIELDS = frozenset({*_TYPE_KEYS, "name", "version", "description", "settings_schema"})


def decode_step_types(body: JSON) -> Decoded[tuple[StepType, ...]]:
    """Decode the step types of an answer to ``GET /api/v1/workflows/step-types``.

    Raises:
        InvalidResponseError: The answer is not a list of step types.
    """
    notes = Notes()
    return _all_of(body, "step_types", _step_type, FieldReader("step type", notes)), notes.taken


def decode_workflows(body: JSON) -> Decoded[tuple[Workflow, ...]]:
    """Decode the workflows of an answer to ``GET /api/v1/workflows/workflows``.

    Raises:
        InvalidResponseError: The answer is not a list of workflows.
    """
    notes = Notes()
    return _all_of(body, "workflows", _workflow, FieldReader("workflow", notes)), notes.taken


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
    notes = Notes()
    about = FieldReader("workflow", notes)
    inner = body.get("workflow") if isinstance(body, dict) and "id" not in body else None
    workflow = _workflow(inner if isinstance(inner, dict) else body, about)
    if workflow is None:
        _raise_refusal(body)
        raise _unexpected("a workflow", "it has no id", body)
    if requested_id is not None:
        check_asked_for("workflow", requested_id, body, workflow.id)
    return workflow, notes.taken


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
            check_asked_for("workflow", workflow_id, body, body.get("workflow_id"))
        for name in ("execution_id", "id"):
            number = whole_number(body.get(name))
            if number is not None and number >= 0:
                return number
    _raise_refusal(body)
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
        check_asked_for("workflow", requested_id, body, body.get("workflow_id"), body.get("id"))
    _raise_refusal(body)
    return True


def _raise_refusal(body: JSON) -> None:
    if not isinstance(body, dict) or body.get("success") is not False:
        return
    reason = next((body[name] for name in ("error", "message", "detail") if body.get(name)), None)
    detail = (
        "" if reason is None else excerpt(reason if isinstance(reason, str) else compact(reason))
    )
    raise RequestRejectedError(
        f"The server rejected the request: {detail or 'it gave no reason'}", detail=detail
    )


def _all_of(
    body: JSON, key: str, decode: Callable[[JSON, FieldReader], _T | None], about: FieldReader
) -> tuple[_T, ...]:
    listed = _listed(body, key, about)
    if listed is None:
        _raise_refusal(body)
        raise _unexpected(f"a list of {key.replace('_', ' ')}", "", body)
    found: list[_T] = []
    for item in listed:
        one = decode(item, about)
        if one is None:
            about.odd("item", item)
        else:
            found.append(one)
    if listed and not found:
        raise _unexpected(
            f"a list of {key.replace('_', ' ')}", "no item has the expected form", body
        )
    return tuple(found)


def _listed(body: JSON, key: str, about: FieldReader) -> list[JSON] | None:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return None
    if key in body and body[key] is None:
        about.odd(key, None)
        return []
    value = body.get(key)
    if isinstance(value, list):
        return value
    # Accept the list under another name if it is the only one.
    lists = [(name, inner) for name, inner in body.items() if isinstance(inner, list)]
    if len(lists) != 1:
        return None
    [(name, only)] = lists
    about.notes.note("field", about.where, name)
    return only


def _workflow(body: JSON, about: FieldReader) -> Workflow | None:
    if not isinstance(body, dict):
        return None
    workflow_id = whole_number(body.get("id"))
    if workflow_id is None:
        workflow_id = whole_number(body.get("workflow_id"))
        if workflow_id is None:
            return None
    about.timezone_assumed = False
    created, updated = about.time(body, "created"), about.time(body, "updated")
    about.unknown(body, _WORKFLOW_FIELDS)
    return Workflow(
        id=workflow_id,
        name=about.words(body, "name"),
        team_id=about.whole_number(body, "team_id"),
        steps=_steps(body.get("steps"), about),
        created_at=created,
        updated_at=updated,
        timezone_assumed=about.timezone_assumed,
        raw=body,
    )


def _steps(steps: JSON, about: FieldReader) -> tuple[WorkflowStep, ...]:
    if not isinstance(steps, list):
        about.odd("steps", steps)
        return ()
    inner = FieldReader("workflow step", about.notes)
    found: list[WorkflowStep] = []
    for step in steps:
        if isinstance(step, dict):
            found.append(_step(step, inner))
        else:
            inner.odd("step", step)
    return tuple(found)


def _step(body: dict[str, JSON], about: FieldReader) -> WorkflowStep:
    step_id = body.get("id")
    settings = body.get("settings")
    if settings is not None and not isinstance(settings, dict):
        about.odd("settings", settings)
    return WorkflowStep(
        unique_name=about.words(body, "unique_name"),
        step_key=about.words(body, "step_key"),
        settings=settings if isinstance(settings, dict) else {},
        depends_on=about.names(body, "depends_on"),
        version=_version(body, about),
        id=step_id if isinstance(step_id, (int, str)) else None,
        name=about.words(body, "name"),
        extra=about.unknown(body, _STEP_FIELDS),
    )


def _step_type(body: JSON, about: FieldReader) -> StepType | None:
    if isinstance(body, str) and body:
        about.odd("item", body)
        return StepType(step_key=body)
    if not isinstance(body, dict):
        return None
    named_by = [body[name] for name in _TYPE_KEYS if isinstance(body.get(name), str)]
    key = next((name for name in named_by if isinstance(name, str) and name), None)
    if key is None:
        return None
    schema = body.get("settings_schema")
    if schema is not None and not isinstance(schema, dict):
        about.odd("settings_schema", schema)
    return StepType(
        step_key=key,
        name=about.words(body, "name"),
        version=_version(body, about),
        description=about.words(body, "description"),
        settings_schema=schema if isinstance(schema, dict) else None,
        extra=about.unknown(body, _TYPE_FIELDS),
    )


def _version(body: dict[str, JSON], about: FieldReader) -> str | None:
    version = body.get("version")
    if isinstance(version, int) and not isinstance(version, bool):
        return str(version)
    return about.words(body, "version")


def _unexpected(expected: str, why: str, body: JSON) -> InvalidResponseError:
    # Settings may hold secrets that were filled in; start_of() redacts them.
    start = start_of(body)
    reason = why if isinstance(body, (dict, list)) and why else f"it is {named(body)}"
    return InvalidResponseError(f"the answer is not {expected}: {reason}: {start}", body=start)
