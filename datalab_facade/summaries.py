"""Summaries of an execution: a line for a terminal, a table for a notebook, rows for a program."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Final

from datalab_facade.redaction import redact

if TYPE_CHECKING:
    from datalab_facade.models import Execution, StepRun

ROW_NAMES: Final[tuple[str, ...]] = (
    "execution_id",
    "workflow_id",
    "execution_status",
    "step",
    "file_key",
    "status",
    "failed",
    "started_at",
    "finished_at",
    "seconds",
    "total_pages",
    "has_output",
    "error",
    "error_stage",
)
"""The columns of a row for a program."""

_MAX_STEPS = 6
_MAX_RUNS = 500
_MAX_UNFOLDED_RUNS = 12


def execution_line(execution: Execution) -> str:
    """Summarize an execution in one line: id, workflow, status, steps and their statuses."""
    parts = [f"id={execution.id}", f"status={redact(execution.status)!r}"]
    if execution.workflow_id is not None:
        parts.append(f"workflow_id={execution.workflow_id}")
    steps = [
        redact(f"{name}={step.status}") + (f"×{len(step.runs)}" if len(step.runs) > 1 else "")
        for name, step in list(execution.steps.items())[:_MAX_STEPS]
    ]
    if len(execution.steps) > _MAX_STEPS:
        steps.append(f"… {len(execution.steps) - _MAX_STEPS} more")
    if steps:
        parts.append(f"progress={execution.progress} [{', '.join(steps)}]")
    if execution.error:
        parts.append(f"error={redact(execution.error)[:80]!r}")
    return f"<Execution {' '.join(parts)}>"


def execution_table(execution: Execution) -> str:
    """Return an HTML table with a row for each step run; text from the server is escaped."""
    runs = [(name, run) for name, step in execution.steps.items() for run in step.runs]
    rows = [_row(name, run) for name, run in runs[:_MAX_RUNS]]
    if len(runs) > _MAX_RUNS:
        rows.append(f'<tr><td colspan="6">… {len(runs) - _MAX_RUNS} more</td></tr>')
    caption = f"Execution {execution.id}: {execution.status}, {execution.progress} steps done"
    if execution.error:
        caption += f" — {execution.error}"
    head = "".join(
        f"<th>{title}</th>" for title in ("step", "file", "status", "took", "output", "error")
    )
    state = " open" if len(runs) <= _MAX_UNFOLDED_RUNS else ""
    return (
        f"<details{state}><summary>{len(runs)} step runs</summary>"
        f'<table class="datalab-execution"><caption>{_escaped(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></details>"
    )


def execution_rows(execution: Execution) -> list[dict[str, str | int | float | bool | None]]:
    """Return a flat dict for each step run; text from the server is on one line, without URLs."""
    return [
        dict(zip(ROW_NAMES, _values(execution, name, run), strict=True))
        for name, step in execution.steps.items()
        for run in step.runs
    ]


def _values(
    execution: Execution, step: str, run: StepRun
) -> tuple[str | int | float | bool | None, ...]:
    return (
        execution.id,
        execution.workflow_id,
        str(execution.status),
        redact(step),
        run.file_key and redact(run.file_key),
        str(run.status),
        run.failed,
        None if run.started_at is None else run.started_at.isoformat(),
        None if run.finished_at is None else run.finished_at.isoformat(),
        None if run.duration is None else run.duration.total_seconds(),
        run.total_pages,
        run.output_url is not None,
        run.error and redact(run.error),
        run.error_stage and redact(run.error_stage),
    )


def _row(step: str, run: StepRun) -> str:
    cells = (
        step,
        run.file_key or "",
        run.status,
        "" if run.duration is None else _duration(run.duration),
        "yes" if run.output_url else "",
        ": ".join(part for part in (run.error_stage, run.error) if part),
    )
    return "<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in cells) + "</tr>"


def _escaped(text: str) -> str:
    return escape(redact(text))


def _duration(length: timedelta) -> str:
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
