"""Frozen snapshots of workflows and of step types.

Like all snapshots they never do IO and never change. They compare by value, hash,
pickle and copy, and convert to plain JSON and back with ``to_dict`` and ``from_dict``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs

from datalab_facade.models import JSON
from datalab_facade.pickling import known_fields, picklable
from datalab_facade.redaction import redact, redacted_repr
from datalab_facade.secrecy import Redacted


def _redacted(value: Mapping[str, JSON]) -> str:
    return repr(Redacted(dict(value)))


@picklable
@attrs.frozen(kw_only=True)
class StepType:
    """A type of step that a workflow can have."""

    step_key: str = attrs.field(repr=redacted_repr)
    """The key that a definition names it by, such as ``"marker_parse"``."""
    name: str | None = attrs.field(default=None, repr=redacted_repr)
    """The name for people."""
    version: str | None = attrs.field(default=None, repr=redacted_repr)
    description: str | None = attrs.field(default=None, repr=redacted_repr)
    settings_schema: Mapping[str, JSON] | None = attrs.field(default=None, hash=False, repr=False)
    """The schema of its settings, as the server describes it."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""

    def to_dict(self) -> dict[str, JSON]:
        """Return the step type as plain JSON."""
        return {
            "step_key": self.step_key,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "settings_schema": _plain(self.settings_schema),
            "extra": dict(self.extra),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build it from the result of :meth:`to_dict`, also after a trip through JSON.

        Raises:
            ValueError: ``data`` is something else.
        """
        try:
            return cls(**known_fields(cls, data))
        except TypeError as error:
            raise ValueError(f"not a step type as to_dict() writes it: {error}") from error


@picklable
@attrs.frozen(kw_only=True)
class WorkflowStep:
    """A step of a workflow, as the server describes it."""

    unique_name: str | None = attrs.field(repr=redacted_repr)
    """The step's name in the workflow; ``depends_on`` and outputs refer to it."""
    step_key: str | None = attrs.field(default=None, repr=redacted_repr)
    """The step type; the answer to a creation may leave it out."""
    settings: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=_redacted)
    """The settings, with placeholders filled; ``repr`` redacts likely secrets."""
    depends_on: tuple[str, ...] = ()
    """The unique names of the steps that must end first."""
    version: str | None = attrs.field(default=None, repr=redacted_repr)
    id: int | str | None = None
    name: str | None = attrs.field(default=None, repr=redacted_repr)
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""

    def to_dict(self) -> dict[str, JSON]:
        """Return the step as plain JSON, with its settings not redacted."""
        return {
            "unique_name": self.unique_name,
            "step_key": self.step_key,
            "settings": dict(self.settings),
            "depends_on": list(self.depends_on),
            "version": self.version,
            "id": self.id,
            "name": self.name,
            "extra": dict(self.extra),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build it from the result of :meth:`to_dict`."""
        fields: dict[str, Any] = {**data, "depends_on": tuple(data["depends_on"])}
        return cls(**known_fields(cls, fields))


@picklable
@attrs.frozen(kw_only=True, repr=False)
class Workflow:
    """A workflow as the server stores it; it can be executed any number of times.

    >>> workflow = Workflow(id=5, name="Invoices", steps=(WorkflowStep(unique_name="parse"),))
    >>> workflow
    <Workflow id=5 name='Invoices' steps=[parse]>
    >>> Workflow.from_dict(workflow.to_dict()) == workflow
    True
    """

    id: int
    name: str | None = None
    team_id: int | None = None
    steps: tuple[WorkflowStep, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    timezone_assumed: bool = False
    """Whether a time came without a zone, so that UTC was assumed."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """The server's answer, unchanged. Do not modify it."""

    def to_dict(self) -> dict[str, JSON]:
        """Return the complete workflow as plain JSON, with its settings not redacted."""
        return {
            "id": self.id,
            "name": self.name,
            "team_id": self.team_id,
            "steps": [step.to_dict() for step in self.steps],
            "created_at": _format_time(self.created_at),
            "updated_at": _format_time(self.updated_at),
            "timezone_assumed": self.timezone_assumed,
            "raw": dict(self.raw),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build it from the result of :meth:`to_dict`, also after a trip through JSON.

        Raises:
            ValueError: ``data`` is something else.
        """
        try:
            fields: dict[str, Any] = {
                **data,
                "steps": tuple(WorkflowStep.from_dict(step) for step in data["steps"]),
                "created_at": _parse_time(data["created_at"]),
                "updated_at": _parse_time(data["updated_at"]),
            }
            return cls(**known_fields(cls, fields))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a workflow as to_dict() writes it: {error}") from error

    def __repr__(self) -> str:
        parts = [f"id={self.id}"]
        if self.name is not None:
            parts.append(f"name={redact(self.name)!r}")
        if self.team_id is not None:
            parts.append(f"team_id={self.team_id}")
        names = [step.unique_name or step.name or "?" for step in self.steps]
        return f"<Workflow {' '.join(parts)} steps=[{redact(', '.join(names))}]>"


def _plain(value: Mapping[str, JSON] | None) -> JSON:
    return None if value is None else dict(value)


def _format_time(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
