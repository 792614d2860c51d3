"""Frozen snapshots of workflows and of the types of step that they are made of.

As all snapshots they never do IO and never change, compare by value, hash, pickle,
copy, and become plain JSON and back with ``to_dict`` and ``from_dict``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs

from datalab_facade.models import JSON
from datalab_facade.redaction import redact, redacted_repr
from datalab_facade.secrecy import Shown
from datalab_facade.travel import known_fields, portable


def _shown(value: Mapping[str, JSON]) -> str:
    return repr(Shown(dict(value)))


@portable
@attrs.frozen
class StepType:
    """A type of step that workflows can be made of."""

    step_key: str = attrs.field(repr=redacted_repr)
    """By what a definition names it, such as ``"marker_parse"``."""
    name: str | None = attrs.field(default=None, repr=redacted_repr)
    """What people call it."""
    version: str | None = attrs.field(default=None, repr=redacted_repr)
    description: str | None = attrs.field(default=None, repr=redacted_repr)
    settings_schema: Mapping[str, JSON] | None = attrs.field(default=None, hash=False, repr=False)
    """What its settings may be, as the server describes it."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """What the server sent beyond the fields above, as it came."""

    def to_dict(self) -> dict[str, JSON]:
        """Give the step type as plain JSON."""
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
        """Take back what :meth:`to_dict` gave, also after a trip through JSON.

        Raises:
            ValueError: If it is something else.
        """
        try:
            return cls(**known_fields(cls, data))
        except TypeError as error:
            raise ValueError(f"not a step type as to_dict() writes it: {error}") from error


@portable
@attrs.frozen
class WorkflowStep:
    """A step of a workflow, as the server tells of it."""

    unique_name: str | None = attrs.field(repr=redacted_repr)
    """Its name in the workflow, to which ``depends_on`` and outputs refer."""
    step_key: str | None = attrs.field(default=None, repr=redacted_repr)
    """Of which type it is; the answer to a creation may leave it out."""
    settings: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=_shown)
    """As they were given, tokens filled in; ``repr`` hides what looks secret."""
    depends_on: tuple[str, ...] = ()
    """The unique names of the steps that come before it."""
    version: str | None = attrs.field(default=None, repr=redacted_repr)
    id: int | str | None = None
    name: str | None = attrs.field(default=None, repr=redacted_repr)
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """What the server sent beyond the fields above, as it came."""

    def to_dict(self) -> dict[str, JSON]:
        """Give the step as plain JSON, settings as they are."""
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
        """Take back what :meth:`to_dict` gave."""
        fields: dict[str, Any] = {**data, "depends_on": tuple(data["depends_on"])}
        return cls(**known_fields(cls, fields))


@portable
@attrs.frozen(repr=False)
class Workflow:
    """A workflow as the server keeps it: it can be executed again and again.

    >>> workflow = Workflow(id=5, name="Invoices", steps=(WorkflowStep("parse"),))
    >>> workflow
    <Workflow id=5 name='Invoices' steps=[parse]>
    >>> Workflow.from_dict(workflow.to_dict()) == workflow
    True
    """

    id: int
    name: str | None = None
    team_id: int | None = None
    steps: tuple[WorkflowStep, ...] = ()
    created: datetime | None = None
    updated: datetime | None = None
    zone_assumed: bool = False
    """True where a time came without a zone; UTC was assumed then."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """What the server sent of it, as it came. Do not change it."""

    def to_dict(self) -> dict[str, JSON]:
        """Give the workflow as plain JSON, complete, settings as they are."""
        return {
            "id": self.id,
            "name": self.name,
            "team_id": self.team_id,
            "steps": [step.to_dict() for step in self.steps],
            "created": _written(self.created),
            "updated": _written(self.updated),
            "zone_assumed": self.zone_assumed,
            "raw": dict(self.raw),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Take back what :meth:`to_dict` gave, also after a trip through JSON.

        Raises:
            ValueError: If it is something else.
        """
        try:
            fields: dict[str, Any] = {
                **data,
                "steps": tuple(WorkflowStep.from_dict(step) for step in data["steps"]),
                "created": _read(data["created"]),
                "updated": _read(data["updated"]),
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


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _read(moment: str | None) -> datetime | None:
    return datetime.fromisoformat(moment) if moment is not None else None
