"""Executions, changes and outcomes, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from datalab_facade.cli.exits import problem_of
from datalab_facade.cli.rendering.signs import files_done, plain, sign, state_of_execution
from datalab_facade.cli.tables import Cell, Column, paragraph, table
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.outcomes import Totals
from datalab_facade.models import Execution, Step, StepRun
from datalab_facade.pictures.rows import Headline, State, state_of
from datalab_facade.pictures.terminal import BOLD, DIM, RED, STATE_COLORS, Terminal
from datalab_facade.pictures.words import (
    SEPARATOR,
    format_duration,
    join_parts,
    pluralize,
    sanitize,
)
from datalab_facade.statuses import AGGREGATED, Status

_MAX_FILES: Final = 6
_MAX_FAILURES: Final = 5
_MAX_ACTIVE_STEPS: Final = 3

_STEPS: Final = (
    Column(""),
    Column("step", shrinks=True),
    Column("status", optional=2),
    Column("files", side="right", optional=1),
    Column("began", side="right", optional=3),
    Column("took", side="right"),
)
_EXECUTIONS: Final = (
    Column(""),
    Column("execution", side="right"),
    Column("status", optional=2),
    Column("steps", side="right"),
    Column("took", side="right", optional=1),
    Column("", shrinks=True),
)

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionChange, ExecutionOutcome


def execution_text(
    execution: Execution, terminal: Terminal, *, now: datetime | None = None, rows: int = 1_000
) -> str:
    """Show an execution: its status, steps and files, current activity and failures.

    Args:
        execution: The snapshot.
        terminal: What the terminal can show.
        now: The current time, for durations that still grow; by default the time of the
            snapshot.
        rows: The largest number of rows for steps and files.
    """
    if now is not None and not execution.is_terminal:
        execution = attrs.evolve(execution, observed_at=now)
    parts = (
        _head(execution, terminal),
        _steps(execution, terminal, rows),
        _activity(execution, terminal),
        failures_text(execution, terminal),
    )
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part)))


def _head(execution: Execution, terminal: Terminal) -> Iterator[str]:
    headline = Headline.of(execution.timeline())
    mark, color = sign(headline.state, terminal)
    status = terminal.adapt(headline.status)
    yield from terminal.flow(
        [[(headline.title, BOLD)], [(f"{mark} {status}", color)], [(headline.total, BOLD)]]
    )
    yield from terminal.flow(
        [[(terminal.adapt(fact), DIM)] for fact in headline.facts], gap=terminal.adapt(SEPARATOR)
    )


def _steps(execution: Execution, terminal: Terminal, most: int) -> Iterator[str]:
    rows: list[list[Cell]] = []
    steps = list(execution.steps.values())
    with_files = sum(1 + _file_rows(step) for step in steps) <= most
    for step in steps[:most]:
        rows.append(_step_row(step, execution, terminal))
        if with_files and _file_rows(step):
            rows += [_file_row(run, execution, terminal) for run in step.runs]
    if rows:
        yield from table(_STEPS, rows, terminal)
    if len(steps) > most:
        more = pluralize(len(steps) - most, "more step")
        yield terminal.paint(terminal.adapt(f"… {more}"), DIM)


def _file_rows(step: Step) -> int:
    return len(step.runs) if 1 < len(step.runs) <= _MAX_FILES else 0


def _step_row(step: Step, execution: Execution, terminal: Terminal) -> list[Cell]:
    state = state_of(step.status, failed=any(run.failed for run in step.runs))
    began, ended = step.started_at, step.finished_at
    return [
        sign(state, terminal),
        (sanitize(step.name), BOLD if state == "working" else ""),
        (sanitize(step.status, limit=24), STATE_COLORS[state]),
        plain(files_done(step.runs)),
        (_clock(began), DIM),
        plain(_elapsed(began, ended, execution, is_running=not step.is_terminal)),
    ]


def _file_row(run: StepRun, execution: Execution, terminal: Terminal) -> list[Cell]:
    state = state_of(run.status, failed=run.failed)
    name = "all files" if run.file_key == AGGREGATED else sanitize(run.file_key or "")
    return [
        plain(""),
        (f"{sign(state, terminal)[0]} {name}", DIM),
        (sanitize(run.status, limit=24), DIM),
        plain(""),
        (_clock(run.started_at), DIM),
        (
            _elapsed(run.started_at, run.finished_at, execution, is_running=not run.is_terminal),
            DIM,
        ),
    ]


def _clock(time: datetime | None) -> str:
    return "" if time is None else f"{time:%H:%M:%S}"


def _elapsed(
    began: datetime | None, ended: datetime | None, execution: Execution, *, is_running: bool
) -> str:
    if began is None:
        return ""
    if ended is None and is_running:
        ended = execution.observed_at
    if ended is None:
        return ""
    # The clocks of the server and of this machine may differ, so it may seem negative.
    return format_duration(max(timedelta(0), ended - began))


def _activity(execution: Execution, terminal: Terminal) -> Iterator[str]:
    if execution.is_terminal:
        return
    yield from paragraph(activity_of(execution), terminal, STATE_COLORS["working"])


def activity_of(execution: Execution) -> str:
    """Describe in one line what a running execution is doing."""
    counts = [
        (step, sum(run.status == Status.IN_PROGRESS for run in step.runs))
        for step in execution.steps.values()
    ]
    names = [
        sanitize(step.name, limit=40) + (f" ({pluralize(files, 'file')})" if files > 1 else "")
        for step, files in counts
        if files
    ]
    if names:
        more = len(names) - _MAX_ACTIVE_STEPS
        return (
            "Working on: "
            + ", ".join(names[:_MAX_ACTIVE_STEPS])
            + (f" and {more} more" if more > 0 else "")
        )
    if execution.status.is_waiting:
        return "Waiting in Datalab's queue"
    if execution.steps and all(step.is_terminal for step in execution.steps.values()):
        return "All steps have ended; the execution is about to end"
    return "Between steps"


def failures_text(execution: Execution, terminal: Terminal) -> Iterator[str]:
    """List the failures, with the server's messages."""
    failures = execution.failures
    bullet = terminal.glyphs.bullet
    for failure in failures[:_MAX_FAILURES]:
        words = f"{bullet} {sanitize(str(failure), limit=400)}"
        yield from paragraph(words, terminal, RED, indent=2)
    if len(failures) > _MAX_FAILURES:
        more = f"  … {len(failures) - _MAX_FAILURES:,} more failed"
        yield terminal.paint(terminal.adapt(more), RED)


def change_line(change: ExecutionChange, terminal: Terminal, *, many: bool = False) -> str:
    """Describe a change in one line, with the time of day at which it was observed.

    Args:
        change: The change.
        terminal: What the terminal can show.
        many: Whether to name the execution, because there are several.
    """
    place = f"execution {change.snapshot.id}"
    if change.step is not None:
        place = sanitize(change.step)
        if change.file_key is not None:
            place += f" [{sanitize(change.file_key)}]"
        if many:
            place = f"{change.snapshot.id} {place}"
    before = "" if change.before is None else f"{sanitize(change.before)} → "
    after = sanitize(change.after)
    color = STATE_COLORS[state_of(change.after, failed=False)]
    # A run whose output says "success: false" failed although its status is COMPLETED.
    return terminal.columns(
        [
            (f"{_clock(change.observed_at)}  " if change.observed_at else "", DIM),
            (terminal.adapt(f"{place}: {before}"), ""),
            (terminal.adapt(after), color),
        ]
    )


def outcome_line(outcome: ExecutionOutcome, terminal: Terminal) -> str:
    """Describe an outcome in one line, or in several if the terminal is narrow."""
    *most, last = (attrs.evolve(column, title="") for column in _EXECUTIONS)
    columns = [*most, attrs.evolve(last, shrinks=False, wraps=True)]
    row = _execution_row(outcome.id, outcome.snapshot, outcome.error, terminal)
    return "\n".join(table(columns, [row], terminal))


@attrs.frozen
class Overview:
    """The known states of many executions."""

    executions: Mapping[int, Execution]
    errors: Mapping[int, DatalabError]
    totals: Totals | None

    def ids(self) -> list[int]:
        """Return the ids, the most interesting first: running, failed, completed."""
        urgency: dict[State, int] = {"working": 0, "other": 0, "waiting": 1, "failed": 2, "done": 3}
        known = {number: urgency[state_of_execution(e)] for number, e in self.executions.items()}
        known |= dict.fromkeys(self.errors, 2)
        return sorted(known, key=lambda number: known[number])


def many_text(overview: Overview, terminal: Terminal, *, now: datetime | None, rows: int) -> str:
    """Show many executions: a line for each that fits, and totals.

    Args:
        overview: Their states.
        terminal: What the terminal can show.
        now: The current time, for durations that still grow; None at the end, when all
            failures are listed too.
        rows: The largest number of lines for executions.
    """
    ids = overview.ids()
    lines = table(
        _EXECUTIONS,
        [
            _execution_row(
                number,
                _at(overview.executions.get(number), now),
                overview.errors.get(number),
                terminal,
            )
            for number in ids[:rows]
        ],
        terminal,
    )
    if len(ids) > rows:
        more = f"… {len(ids) - rows:,} more"
        lines.append(terminal.paint(terminal.adapt(more), DIM))
    if now is None:
        lines += _failures_of_many(overview, terminal)
    if overview.totals is not None:
        lines += ["", *totals_lines(overview.totals, terminal)]
    return "\n".join(lines)


def _failures_of_many(overview: Overview, terminal: Terminal) -> Iterator[str]:
    failures = [(number, problem_of(error).line()) for number, error in overview.errors.items()]
    for number, execution in overview.executions.items():
        failures += [(number, sanitize(str(failure), limit=400)) for failure in execution.failures]
    if failures:
        yield ""
    for number, words in failures[:_MAX_FAILURES]:
        line = f"{terminal.glyphs.bullet} {number}: {words}"
        yield from paragraph(line, terminal, RED, indent=2)
    if len(failures) > _MAX_FAILURES:
        more = f"  … {len(failures) - _MAX_FAILURES:,} more failed"
        yield terminal.paint(terminal.adapt(more), RED)


def _at(execution: Execution | None, now: datetime | None) -> Execution | None:
    if execution is None or now is None or execution.is_terminal:
        return execution
    return attrs.evolve(execution, observed_at=now)


def _execution_row(
    number: int, execution: Execution | None, error: DatalabError | None, terminal: Terminal
) -> list[Cell]:
    if execution is None:
        note = "" if error is None else problem_of(error).line()
        state: State = "waiting" if error is None else "failed"
        return [
            sign(state, terminal),
            plain(str(number)),
            plain(""),
            plain(""),
            plain(""),
            (note, STATE_COLORS[state]),
        ]
    state = state_of_execution(execution)
    note = activity_of(execution) if not execution.is_terminal else ""
    if execution.failures:
        first, *others = execution.failures
        note = sanitize(str(first)) + (f", and {len(others)} more" if others else "")
    return [
        sign(state, terminal),
        plain(str(number)),
        (sanitize(execution.status, limit=24), STATE_COLORS[state]),
        plain(str(execution.progress)),
        plain(
            _elapsed(
                execution.created_at,
                execution.updated_at if execution.is_terminal else None,
                execution,
                is_running=not execution.is_terminal,
            )
        ),
        (note, RED if execution.failures else DIM),
    ]


def totals_lines(totals: Totals, terminal: Terminal) -> list[str]:
    """Show how many executions are in which state."""
    eta = totals.eta_seconds
    words = join_parts(
        (
            f"{totals.finished}/{totals.total} finished",
            f"{totals.failed} failed" if totals.failed else "",
            f"{totals.running} running" if totals.running else "",
            f"{totals.queued} queued" if totals.queued else "",
            f"about {format_duration(timedelta(seconds=round(eta)))} left" if eta else "",
            pluralize(totals.requests, "poll"),
        )
    )
    return paragraph(words, terminal, BOLD)


def footer(words: str, terminal: Terminal) -> str:
    """Return the text below a live display."""
    return "\n".join(paragraph(words, terminal, DIM))
