"""Workflows, definitions and step types, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from datalab_facade.cli.rendering.signs import plain
from datalab_facade.cli.tables import Column, paragraph, table
from datalab_facade.known_secrets import redact_value
from datalab_facade.pictures.graph import Graph
from datalab_facade.pictures.terminal import BOLD, DIM, GREEN, Terminal
from datalab_facade.pictures.words import format_time, join_parts, pluralize, sanitize
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.models import StepType, Workflow

_WORKFLOWS: Final = (
    Column("id", side="right"),
    Column("name", shrinks=True),
    Column("steps", shrinks=True),
    Column("created", optional=1),
)
_STEP_TYPES: Final = (
    Column("step type"),
    Column("version", optional=1),
    Column("what it does", wraps=True),
)


def workflows_text(workflows: Iterable[Workflow], terminal: Terminal) -> str:
    """Show workflows, a line for each."""
    rows = [
        [
            plain(str(one.id)),
            (sanitize(one.name or ""), BOLD),
            plain(", ".join(sanitize(step.unique_name or step.name or "?") for step in one.steps)),
            (f"{one.created_at:%Y-%m-%d %H:%M}" if one.created_at else "", DIM),
        ]
        for one in workflows
    ]
    if not rows:
        return "There are no workflows yet."
    return "\n".join(table(_WORKFLOWS, rows, terminal))


def workflow_text(workflow: Workflow, terminal: Terminal) -> str:
    """Show a workflow: its facts, a graph of its steps, and their settings."""
    facts = join_parts(
        (
            f"workflow {workflow.id}",
            "" if workflow.team_id is None else f"team {workflow.team_id}",
            "" if workflow.created_at is None else f"created {format_time(workflow.created_at)}",
        )
    )
    lines = [
        *paragraph(facts, terminal, DIM),
        "",
        graph_of_workflow(workflow).text(
            width=_graph_width(terminal), color=terminal.color, ascii_only=terminal.ascii_only
        ),
    ]
    settings = list(_settings(workflow, terminal))
    if settings:
        lines += ["", *settings]
    return "\n".join(lines)


def _settings(workflow: Workflow, terminal: Terminal) -> Iterator[str]:
    for step in workflow.steps:
        if step.settings:
            text = json.dumps(redact_value(dict(step.settings)), ensure_ascii=terminal.ascii_only)
            yield terminal.paint(terminal.adapt(sanitize(step.unique_name or "?")), BOLD)
            yield from (f"  {line}" for line in _indent(text, terminal))


def _indent(text: str, terminal: Terminal) -> list[str]:
    narrower = Terminal(max(8, terminal.width - 2), terminal.color, terminal.ascii_only)
    return [
        line[: terminal.width - 2]
        for line in paragraph(sanitize(text, limit=10_000), narrower, DIM)
    ]


def definition_text(definition: WorkflowDefinition, terminal: Terminal) -> str:
    """Show a valid definition: a graph of its steps, and its placeholders."""
    graph = graph_of_definition(definition)
    lines = [
        graph.text(
            width=_graph_width(terminal), color=terminal.color, ascii_only=terminal.ascii_only
        )
    ]
    if definition.description:
        lines += ["", *paragraph(sanitize(definition.description, limit=1_000), terminal, DIM)]
    placeholders = definition.placeholders()
    if placeholders:
        names = ", ".join(f"${{{sanitize(one)}}}" for one in placeholders)
        lines += ["", *paragraph(f"Placeholders to fill in: {names}", terminal)]
    check = terminal.glyphs.signs["done"]
    lines += ["", *paragraph(f"{check} The definition is valid.", terminal, GREEN)]
    return "\n".join(lines)


def created_text(workflow: Workflow, terminal: Terminal) -> str:
    """Report a new workflow."""
    check = terminal.glyphs.signs["done"]
    name = f" {sanitize(workflow.name)!r}" if workflow.name else ""
    words = (
        f"{check} Created workflow {workflow.id}{name}: {pluralize(len(workflow.steps), 'step')}"
    )
    return "\n".join(paragraph(words, terminal, GREEN))


def step_types_text(step_types: Iterable[StepType], terminal: Terminal) -> str:
    """Show step types."""
    rows = [
        [
            (sanitize(one.step_key), BOLD),
            (sanitize(one.version or "", limit=12) if one.version else "", DIM),
            plain(sanitize(one.description or one.name or "-", limit=400)),
        ]
        for one in step_types
    ]
    if not rows:
        return "Datalab lists no step types."
    return "\n".join(table(_STEP_TYPES, rows, terminal))


def graph_of_workflow(workflow: Workflow) -> Graph:
    """Return the graph of a workflow."""
    steps = {
        step.unique_name or step.name or f"step {number}": (step.step_key or "", step.depends_on)
        for number, step in enumerate(workflow.steps, 1)
    }
    return Graph.of(workflow.name or f"Workflow {workflow.id}", steps)


def graph_of_definition(definition: WorkflowDefinition) -> Graph:
    """Return the graph of a definition."""
    steps = {step.unique_name: (step.step_key, step.depends_on) for step in definition.steps}
    return Graph.of(definition.name, steps)


def _graph_width(terminal: Terminal) -> int:
    return min(terminal.width, 200)
