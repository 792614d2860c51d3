"""Pipelines, their executions, and extraction schemas, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from datalab_facade.cli.rendering.conversions import money
from datalab_facade.cli.rendering.signs import plain, sign
from datalab_facade.cli.tables import Column, facts, paragraph, table
from datalab_facade.known_secrets import redact_value
from datalab_facade.pictures.rows import state_of
from datalab_facade.pictures.terminal import BOLD, DIM, RED, STATE_COLORS, Terminal
from datalab_facade.pictures.words import format_duration, format_time, join_parts, sanitize
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.pipelines.models import ExtractionSchema, Pipeline

_PIPELINES: Final = (
    Column("id"),
    Column("name", shrinks=True),
    Column("steps", shrinks=True, optional=2),
    Column("version", side="right", optional=1),
    Column("created", optional=3),
)
_STEPS: Final = (Column("", side="right"), Column("step"), Column("settings", wraps=True))
_STEP_RUNS: Final = (
    Column(""),
    Column("", side="right"),
    Column("step", shrinks=True),
    Column("status"),
    Column("took", side="right", optional=1),
)
_SCHEMAS: Final = (
    Column("id"),
    Column("name", shrinks=True),
    Column("version", side="right", optional=1),
    Column("fields", shrinks=True, optional=2),
    Column("created", optional=3),
)


def pipelines_text(pipelines: Iterable[Pipeline], terminal: Terminal) -> str:
    """Show pipelines, a line for each."""
    rows = [
        [
            plain(sanitize(one.id)),
            (sanitize(one.name) if one.name else "", BOLD),
            plain(", ".join(sanitize(step.type) for step in one.steps)),
            plain(str(one.active_version) if one.active_version else "draft"),
            (_day(one.created_at), DIM),
        ]
        for one in pipelines
    ]
    if not rows:
        return "There are no pipelines yet."
    return "\n".join(table(_PIPELINES, rows, terminal))


def pipeline_text(pipeline: Pipeline, rate: float | None, terminal: Terminal) -> str:
    """Show a pipeline: its facts, its steps, and their settings.

    Args:
        pipeline: The pipeline.
        rate: Cents for 1,000 pages; None if that is not known.
        terminal: What the terminal can show.
    """
    version = pipeline.active_version
    about = (
        f"pipeline {sanitize(pipeline.id)}",
        f"version {version}" if version else "draft",
        "" if rate is None else f"{money(rate)} for 1,000 pages",
        "archived" if pipeline.is_archived else "",
        "" if pipeline.created_at is None else f"created {format_time(pipeline.created_at)}",
    )
    rows = [
        [
            (str(place), DIM),
            (sanitize(step.type), BOLD),
            plain(
                sanitize(
                    json.dumps(redact_value(dict(step.settings)), ensure_ascii=terminal.ascii_only),
                    limit=400,
                )
                if step.settings
                else ""
            ),
        ]
        for place, step in enumerate(pipeline.steps)
    ]
    title = [sanitize(pipeline.name)] if pipeline.name else []
    return "\n".join(
        [
            *(line for words in title for line in paragraph(words, terminal, BOLD)),
            *paragraph(join_parts(about), terminal, DIM),
            "",
            *table(_STEPS, rows, terminal),
        ]
    )


def pipeline_execution_text(execution: PipelineExecution, terminal: Terminal) -> str:
    """Show an execution of a pipeline and its steps."""
    state = state_of(execution.status, failed=execution.failed)
    mark, color = sign(state, terminal)
    status = terminal.adapt(sanitize(execution.status, limit=40))
    lines = terminal.flow(
        [
            [(f"Pipeline execution {sanitize(execution.id)}", BOLD)],
            [(f"{mark} {status}", color)],
        ]
    )
    rows = [
        [
            sign(state_of(step.status, failed=step.failed), terminal),
            (str(step.index), DIM),
            (sanitize(step.type), BOLD),
            (
                sanitize(step.status, limit=24),
                STATE_COLORS[state_of(step.status, failed=step.failed)],
            ),
            plain("" if step.duration is None else format_duration(step.duration)),
        ]
        for step in execution.steps
    ]
    if rows:
        lines += ["", *table(_STEP_RUNS, rows, terminal)]
    for step in execution.steps:
        if step.error:
            words = f"{terminal.glyphs.bullet} {sanitize(step.type)}: {sanitize(step.error)}"
            lines += paragraph(words, terminal, RED, indent=2)
    return "\n".join(lines)


def schemas_text(schemas: Iterable[ExtractionSchema], terminal: Terminal) -> str:
    """Show extraction schemas, a line for each."""
    rows = [
        [
            plain(sanitize(one.id)),
            (sanitize(one.name), BOLD),
            plain(str(one.version or "")),
            plain(_fields(one)),
            (_day(one.created_at), DIM),
        ]
        for one in schemas
    ]
    if not rows:
        return "There are no schemas yet."
    return "\n".join(table(_SCHEMAS, rows, terminal))


def schema_text(schema: ExtractionSchema, terminal: Terminal) -> str:
    """Show an extraction schema and the names of its fields."""
    pairs = [
        ("schema", sanitize(schema.id)),
        ("name", sanitize(schema.name)),
        ("description", sanitize(schema.description) if schema.description else "-"),
        ("version", str(schema.version or "?")),
        ("created", "?" if schema.created_at is None else format_time(schema.created_at)),
        ("fields", _fields(schema) or "-"),
    ]
    return "\n".join(facts(pairs, terminal))


def _fields(schema: ExtractionSchema) -> str:
    properties = schema.schema.get("properties")
    names = list(properties) if isinstance(properties, dict) else []
    return ", ".join(sanitize(name, limit=60) for name in names)


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
