"""Following executions while they run: on a terminal, into a pipe, or as JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from datalab_facade.cli import documents
from datalab_facade.cli.rendering.executions import (
    Standing,
    change_line,
    execution_text,
    footer,
    many_text,
    outcome_line,
    totals_lines,
)
from datalab_facade.cli.rendering.runs import report_text, result_line, summary_lines
from datalab_facade.cli.sessions import Session
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.outcomes import Totals
from datalab_facade.models import Execution
from datalab_facade.pictures.terminal import Terminal
from datalab_facade.runs.running import RunResult

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionChange, ExecutionUpdate

_MOST_AT_THE_END: Final = 100
_LEAVE: Final = "Ctrl-C ends the watching; what is watched goes on."


def _now() -> datetime:
    return datetime.now(UTC)


class Following:
    """Tells what is seen of executions: as it is seen, and what is left to tell at the end.

    Args:
        session: Where it is told, and how.
        many: Whether there may be several executions.
        now: Tells the time up to which what goes on has taken.
    """

    def __init__(self, session: Session, *, many: bool, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._session = session
        self._many = many
        self._is_live = session.out.is_terminal and not session.as_json
        self._executions: dict[int, Execution] = {}
        self._errors: dict[int, DatalabError] = {}
        self._totals: Totals | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._is_live:
            from datalab_facade.cli.live import display

            self._stack.enter_context(display(self._session.out, self._frame))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def changed(self, change: ExecutionChange) -> None:
        """Take in a change."""
        self._executions[change.snapshot.id] = change.snapshot
        if self._session.as_json:
            self._session.out.write_json(documents.change(change), indented=False)
        elif not self._is_live and not _says_it_twice(change):
            terminal = self._session.out.for_tables
            self._session.out.write(change_line(change, terminal, many=self._many))

    def updated(self, update: ExecutionUpdate) -> None:
        """Take in news about one of many."""
        self._totals = update.totals
        if update.change is not None:
            self.changed(update.change)
        outcome = update.outcome
        if outcome is None:
            return
        if outcome.snapshot is not None:
            self._executions[outcome.id] = outcome.snapshot
        if outcome.error is not None:
            self._errors[outcome.id] = outcome.error
        if self._session.as_json:
            self._session.out.write_json(documents.outcome(outcome, event=True), indented=False)
        elif not self._is_live:
            self._session.out.write(outcome_line(outcome, self._session.out.for_tables))

    def tell_all(self) -> None:
        """Tell how all of them stand at the end."""
        assert self._totals is not None
        out, terminal = self._session.out, self._session.out.for_tables
        if self._session.as_json:
            out.write_json(documents.totals(self._totals), indented=False)
        elif self._is_live:
            standing = self._standing()
            out.write(many_text(standing, terminal, now=None, rows=_MOST_AT_THE_END))
        else:
            out.write("\n".join(totals_lines(self._totals, terminal)))

    def _standing(self) -> Standing:
        # The display is drawn by a thread of its own.
        executions, errors = self._executions.copy(), self._errors.copy()
        return Standing(
            {key: value for key, value in executions.items() if key not in errors},
            errors,
            self._totals,
        )

    def _frame(self, terminal: Terminal, height: int) -> str:
        now = self._now()
        return fitted(lambda rows: self._shown(terminal, now, rows), _LEAVE, terminal, height)

    def _shown(self, terminal: Terminal, now: datetime, rows: int) -> str:
        if self._many:
            return many_text(self._standing(), terminal, now=now, rows=rows)
        executions = list(self._executions.copy().values())
        if not executions:
            return terminal.words("Looking at it …")
        return execution_text(executions[0], terminal, now=now, rows=rows)


def fitted(shown: Callable[[int], str], leave: str, terminal: Terminal, height: int) -> str:
    """Draw a display that has room in a terminal, with what to do to leave it.

    Args:
        shown: Draws it, given how many rows its table may have.
        leave: What to do.
        terminal: How to write.
        height: The lines of the terminal.
    """
    below = footer(leave, terminal)
    room = height - 2 - len(below.splitlines())
    rows = room
    text = shown(rows)
    while rows > 1 and len(text.splitlines()) > room:
        rows = max(1, rows - max(1, len(text.splitlines()) - room))
        text = shown(rows)
    return f"{text}\n\n{below}"


def _says_it_twice(change: ExecutionChange) -> bool:
    """Tell whether the step of a file, which has no other, is told of next with the same words."""
    if change.kind != "file" or change.step is None:
        return False
    step = change.snapshot.steps.get(change.step)
    return step is not None and len(step.runs) == 1


class RunFollowing:
    """Tells how a run over files comes along, and what became of each file."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_live = session.err.is_terminal
        self._executions: dict[int, Execution] = {}
        self._totals: Totals | None = None
        self._ended = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._is_live:
            from datalab_facade.cli.live import display

            self._stack.enter_context(display(self._session.err, self._frame))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def updated(self, update: ExecutionUpdate) -> None:
        """Take in news about an execution of the run."""
        self._totals = update.totals
        if update.change is not None:
            self._executions[update.change.snapshot.id] = update.change.snapshot
        if update.outcome is not None:
            self._executions.pop(update.outcome.id, None)

    def ended(self, result: RunResult) -> None:
        """Take in what became of a file."""
        self._ended += 1
        out = self._session.out
        if self._session.as_json:
            out.write_json({"event": "result", **documents.run_result(result)}, indented=False)
        elif not out.is_terminal:
            out.write(result_line(result, out.for_tables))

    def tell_all(self, folder: Path, results: Sequence[RunResult]) -> None:
        """Tell what became of all of it."""
        out = self._session.out
        if self._session.as_json:
            out.write_json(documents.run_report(folder, results), indented=False)
        elif out.is_terminal:
            out.write(report_text(folder, results, out.for_tables))
        else:
            out.write("\n".join(summary_lines(folder, results, out.for_tables)))

    def _frame(self, terminal: Terminal, height: int) -> str:
        if not self._executions and not self._ended:
            return terminal.words("Uploading …")
        standing = Standing(self._executions.copy(), {}, self._totals)
        now = _now()
        return fitted(
            lambda rows: many_text(standing, terminal, now=now, rows=rows),
            "Ctrl-C ends this; the same command goes on from where it was.",
            terminal,
            height,
        )
