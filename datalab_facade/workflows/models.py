"""Frozen snapshots of workflows and of step types.

Like all snapshots they never do IO and never change. They compare by value, hash,
pickle and copy, and convert to plain JSON and back with ``to_dict`` and ``from_dict``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import attrs

from datalab_facade.codec import AsJSON, JSONFormat
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import Redacted
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redacted_repr
from datalab_facade.wire import wire


def _redacted(value: Mapping[str, JSON]) -> str:
    return repr(Redacted(dict(value)))


@picklable
@attrs.frozen(kw_only=True)
class StepType(AsJSON):
    """A type of step that a workflow can have."""

    step_key: str = attrs.field(repr=redacted_repr)
    """The key that a definition names it by, such as ``"marker_parse"``."""
    name: str | None = attrs.field(default=None, repr=redacted_repr)
    """The name for people."""
    version: str | None = attrs.field(
        default=None, repr=redacted_repr, metadata=wire(kind="version")
    )
    description: str | None = attrs.field(default=None, repr=redacted_repr)
    settings_schema: Mapping[str, JSON] | None = attrs.field(default=None, hash=False, repr=False)
    """The schema of its settings, as the server describes it."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""


@picklable
@attrs.frozen(kw_only=True)
class WorkflowStep(AsJSON):
    """A step of a workflow, as the server describes it."""

    unique_name: str | None = attrs.field(repr=redacted_repr)
    """The step's name in the workflow; ``depends_on`` and outputs refer to it."""
    step_key: str | None = attrs.field(default=None, repr=redacted_repr)
    """The step type; the answer to a creation may leave it out."""
    settings: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=_redacted)
    """The settings, with placeholders filled; ``repr`` redacts likely secrets."""
    depends_on: tuple[str, ...] = ()
    """The unique names of the steps that must end first."""
    version: str | None = attrs.field(
        default=None, repr=redacted_repr, metadata=wire(kind="version")
    )
    id: int | str | None = None
    name: str | None = attrs.field(default=None, repr=redacted_repr)
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""


@picklable
@attrs.frozen(kw_only=True, repr=False)
class Workflow(AsJSON):
    """A workflow as the server stores it; it can be executed any number of times.

    >>> workflow = Workflow(id=5, name="Invoices", steps=(WorkflowStep(unique_name="parse"),))
    >>> workflow
    <Workflow id=5 name='Invoices' steps=[parse]>
    >>> Workflow.from_dict(workflow.to_dict()) == workflow
    True
    """

    _json: ClassVar = JSONFormat(needs=("steps",))

    id: int
    name: str | None = None
    team_id: int | None = None
    steps: tuple[WorkflowStep, ...] = ()
    created_at: datetime | None = attrs.field(default=None, metadata=wire("created"))
    updated_at: datetime | None = attrs.field(default=None, metadata=wire("updated"))
    timezone_assumed: bool = False
    """Whether a time came without a zone, so that UTC was assumed."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """The server's answer, unchanged. Do not modify it."""

    def __repr__(self) -> str:
        parts = [f"id={self.id}"]
        if self.name is not None:
            parts.append(f"name={redact(self.name)!r}")
        if self.team_id is not None:
            parts.append(f"team_id={self.team_id}")
        names = [step.unique_name or step.name or "?" for step in self.steps]
        return f"<Workflow {' '.join(parts)} steps=[{redact(', '.join(names))}]>"
