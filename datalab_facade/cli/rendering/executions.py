"""Executions as text: one with its steps, many with a line each, changes and outcomes."""

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
from datalab_facade.pictures.words import SEPARATOR, counted, duration, joined, shown
from datalab_facade.statuses import Status

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionChange, ExecutionOutcome

_MOST_FILES: Final = 6
_MOST_FAILURES: Final = 5
_MOST_AT_WORK: Final = 3

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


def execution_text(
    execution: Execution, terminal: Terminal, *, now: datetime | None = None, rows: int = 1_000
) -> str:
    """Show an execution: how it stands, its steps and files, what is going on, what failed.

    Args:
        execution: The snapshot.
        terminal: How to write.
        now: Until when what goes on has taken; by default when it was looked at.
        rows: The most rows for steps and files.
    """
    if now is not None and not execution.is_terminal:
        execution = attrs.evolve(execution, observed_at=now)
    parts = (
        _head(execution, terminal),
        _steps(execution, terminal, rows),
        _going_on(execution, terminal),
        failures_text(execution, terminal),
    )
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part)))


def _head(execution: Execution, terminal: Terminal) -> Iterator[str]:
    told = Headline.of(execution.timeline())
    mark, colour = sign(told.state, terminal)
    status = terminal.words(told.status)
    yield from terminal.flowed(
        [[(told.title, BOLD)], [(f"{mark} {status}", colour)], [(told.total, BOLD)]]
    )
    yield from terminal.flowed(
        [[(terminal.words(fact), DIM)] for fact in told.facts], gap=terminal.words(SEPARATOR)
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
        more = counted(len(steps) - most, "more step")
        yield terminal.painted(terminal.words(f"… {more}"), DIM)


def _file_rows(step: Step) -> int:
    return len(step.runs) if 1 < len(step.runs) <= _MOST_FILES else 0


def _step_row(step: Step, execution: Execution, terminal: Terminal) -> list[Cell]:
    state = state_of(step.status, failed=any(run.failed for run in step.runs))
    began, ended = step.started_at, step.finished_at
    return [
        sign(state, terminal),
        (shown(step.name), BOLD if state == "working" else ""),
        (shown(step.status, limit=24), STATE_COLORS[state]),
        plain(files_done(step.runs)),
        (_clock(began), DIM),
        plain(_took(began, ended, execution, goes_on=not step.is_terminal)),
    ]


def _file_row(run: StepRun, execution: Execution, terminal: Terminal) -> list[Cell]:
    state = state_of(run.status, failed=run.failed)
    name = "all files" if run.file_key == "aggregated" else shown(run.file_key or "")
    return [
        plain(""),
        (f"{sign(state, terminal)[0]} {name}", DIM),
        (shown(run.status, limit=24), DIM),
        plain(""),
        (_clock(run.started_at), DIM),
        (
            _took(run.started_at, run.finished_at, execution, goes_on=not run.is_terminal),
            DIM,
        ),
    ]


def _clock(time: datetime | None) -> str:
    return "" if time is None else f"{time:%H:%M:%S}"


def _took(
    began: datetime | None, ended: datetime | None, execution: Execution, *, goes_on: bool
) -> str:
    if began is None:
        return ""
    if ended is None and goes_on:
        ended = execution.observed_at
    if ended is None:
        return ""
    # The clocks of the server and of this machine may differ a little.
    return duration(max(timedelta(0), ended - began))


def _going_on(execution: Execution, terminal: Terminal) -> Iterator[str]:
    if execution.is_terminal:
        return
    yield from paragraph(going_on(execution), terminal, STATE_COLORS["working"])


def going_on(execution: Execution) -> str:
    """Tell in a line what an execution that has not ended is doing."""
    working = [
        (step, sum(run.status == Status.IN_PROGRESS for run in step.runs))
        for step in execution.steps.values()
    ]
    told = [
        shown(step.name, limit=40) + (f" ({counted(files, 'file')})" if files > 1 else "")
        for step, files in working
        if files
    ]
    if told:
        more = len(told) - _MOST_AT_WORK
        return (
            "At work: "
            + ", ".join(told[:_MOST_AT_WORK])
            + (f" and {more} more" if more > 0 else "")
        )
    if execution.status.is_waiting:
        return "Waiting in Datalab's queue"
    if execution.steps and all(step.is_terminal for step in execution.steps.values()):
        return "All steps have ended; the execution is about to"
    return "Between steps"


def failures_text(execution: Execution, terminal: Terminal) -> Iterator[str]:
    """Tell what failed, in the server's words."""
    failures = execution.failures
    bullet = terminal.glyphs.bullet
    for failure in failures[:_MOST_FAILURES]:
        words = f"{bullet} {shown(str(failure), limit=400)}"
        yield from paragraph(words, terminal, RED, indent=2)
    if len(failures) > _MOST_FAILURES:
        more = f"  … {len(failures) - _MOST_FAILURES:,} more failed"
        yield terminal.painted(terminal.words(more), RED)


def change_line(change: ExecutionChange, terminal: Terminal, *, many: bool = False) -> str:
    """Tell a change in a line, with the time of day at which it was seen.

    Args:
        change: What changed.
        terminal: How to write.
        many: Whether it has to be said of which execution it is.
    """
    place = f"execution {change.snapshot.id}"
    if change.step is not None:
        place = shown(change.step)
        if change.file_key is not None:
            place += f" [{shown(change.file_key)}]"
        if many:
            place = f"{change.snapshot.id} {place}"
    came_from = "" if change.before is None else f"{shown(change.before)} → "
    after = shown(change.after)
    colour = STATE_COLORS[state_of(change.after, failed=False)]
    # The run of a step that says "success: false" has a status as if it had not failed.
    return terminal.columns(
        [
            (f"{_clock(change.observed_at)}  " if change.observed_at else "", DIM),
            (terminal.words(f"{place}: {came_from}"), ""),
            (terminal.words(after), colour),
        ]
    )


def outcome_line(outcome: ExecutionOutcome, terminal: Terminal) -> str:
    """Tell in a line how the wait for an execution ended; in several where it is narrow."""
    *most, last = (attrs.evolve(column, title="") for column in _EXECUTIONS)
    columns = [*most, attrs.evolve(last, shrinks=False, wraps=True)]
    row = _execution_row(outcome.id, outcome.snapshot, outcome.error, terminal)
    return "\n".join(table(columns, [row], terminal))


@attrs.frozen
class Standing:
    """How each of many executions stands, as far as it is known."""

    executions: Mapping[int, Execution]
    errors: Mapping[int, DatalabError]
    totals: Totals | None

    def ids(self) -> list[int]:
        """Give those that somebody looks for first: at work, failed, done."""
        urgency: dict[State, int] = {"working": 0, "other": 0, "waiting": 1, "failed": 2, "done": 3}
        known = {number: urgency[state_of_execution(e)] for number, e in self.executions.items()}
        known |= dict.fromkeys(self.errors, 2)
        return sorted(known, key=lambda number: known[number])


def many_text(standing: Standing, terminal: Terminal, *, now: datetime | None, rows: int) -> str:
    """Show many executions: a line for each, as many as there is room for, and totals.

    Args:
        standing: How they stand.
        terminal: How to write.
        now: Until when what goes on has taken; None at the end of it all, which is when
            there is room for what failed, in full.
        rows: The most lines for executions.
    """
    ids = standing.ids()
    lines = table(
        _EXECUTIONS,
        [
            _execution_row(
                number,
                _at(standing.executions.get(number), now),
                standing.errors.get(number),
                terminal,
            )
            for number in ids[:rows]
        ],
        terminal,
    )
    if len(ids) > rows:
        more = f"… {len(ids) - rows:,} more"
        lines.append(terminal.painted(terminal.words(more), DIM))
    if now is None:
        lines += _failures_of_many(standing, terminal)
    if standing.totals is not None:
        lines += ["", *totals_lines(standing.totals, terminal)]
    return "\n".join(lines)


def _failures_of_many(standing: Standing, terminal: Terminal) -> Iterator[str]:
    told = [(number, problem_of(error).line()) for number, error in standing.errors.items()]
    for number, execution in standing.executions.items():
        told += [(number, shown(str(failure), limit=400)) for failure in execution.failures]
    if told:
        yield ""
    for number, words in told[:_MOST_FAILURES]:
        line = f"{terminal.glyphs.bullet} {number}: {words}"
        yield from paragraph(line, terminal, RED, indent=2)
    if len(told) > _MOST_FAILURES:
        more = f"  … {len(told) - _MOST_FAILURES:,} more failed"
        yield terminal.painted(terminal.words(more), RED)


def _at(execution: Execution | None, now: datetime | None) -> Execution | None:
    if execution is None or now is None or execution.is_terminal:
        return execution
    return attrs.evolve(execution, observed_at=now)


def _execution_row(
    number: int, execution: Execution | None, error: DatalabError | None, terminal: Terminal
) -> list[Cell]:
    if execution is None:
        told = "" if error is None else problem_of(error).line()
        state: State = "waiting" if error is None else "failed"
        return [
            sign(state, terminal),
            plain(str(number)),
            plain(""),
            plain(""),
            plain(""),
            (told, STATE_COLORS[state]),
        ]
    state = state_of_execution(execution)
    told = going_on(execution) if not execution.is_terminal else ""
    if execution.failures:
        first, *others = execution.failures
        told = shown(str(first)) + (f", and {len(others)} more" if others else "")
    return [
        sign(state, terminal),
        plain(str(number)),
        (shown(execution.status, limit=24), STATE_COLORS[state]),
        plain(str(execution.progress)),
        plain(
            _took(
                execution.created_at,
                execution.updated_at if execution.is_terminal else None,
                execution,
                goes_on=not execution.is_terminal,
            )
        ),
        (told, RED if execution.failures else DIM),
    ]


def totals_lines(totals: Totals, terminal: Terminal) -> list[str]:
    """Tell how many executions stand how."""
    to_go = totals.eta_seconds
    words = joined(
        (
            f"{totals.finished}/{totals.total} ended",
            f"{totals.failed} failed" if totals.failed else "",
            f"{totals.running} running" if totals.running else "",
            f"{totals.queued} queued" if totals.queued else "",
            f"about {duration(timedelta(seconds=round(to_go)))} to go" if to_go else "",
            counted(totals.requests, "look"),
        )
    )
    return paragraph(words, terminal, BOLD)


def footer(words: str, terminal: Terminal) -> str:
    """Write what stands below a live display."""
    return "\n".join(paragraph(words, terminal, DIM))
