"""Show executions while they run: on a terminal, in a pipe, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from datalab_facade.cli import documents
from datalab_facade.cli.live_text import LiveText, fit_display
from datalab_facade.cli.rendering.executions import (
    Overview,
    change_line,
    execution_text,
    many_text,
    outcome_line,
    totals_lines,
)
from datalab_facade.cli.rendering.reasons import is_same_again
from datalab_facade.cli.rendering.runs import report_text, result_line, summary_lines
from datalab_facade.cli.sessions import Session
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.outcomes import Totals
from datalab_facade.models import Execution
from datalab_facade.pictures.terminal import Terminal
from datalab_facade.runs.run_results import RunResult

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionChange, ExecutionUpdate

_MAX_FINAL_ROWS: Final = 100
_FOLLOW_FOOTER: Final = "Ctrl-C stops watching; executions continue."


def _now() -> datetime:
    return datetime.now(UTC)


class ExecutionDisplay(LiveText):
    """Shows changes and outcomes of executions as they arrive, and totals at the end.

    On a terminal it draws a live table; otherwise it writes lines, or JSON documents.

    Args:
        session: Where to write, and whether as JSON.
        many: Whether there may be several executions.
        now: Returns the current time, for durations that still grow.
    """

    def __init__(self, session: Session, *, many: bool, now: Callable[[], datetime] = _now) -> None:
        super().__init__(session.out, live=session.out.is_terminal and not session.as_json)
        self._now = now
        self._session = session
        self._many = many
        self._executions: dict[int, Execution] = {}
        self._errors: dict[int, DatalabError] = {}
        self._totals: Totals | None = None

    def show_change(self, change: ExecutionChange) -> None:
        """Show a change of an execution."""
        self._executions[change.snapshot.id] = change.snapshot
        if self._session.as_json:
            self._session.out.write_json(documents.change(change), indented=False)
        elif not self._is_live and not _is_repeated_by_step(change):
            terminal = self._session.out.for_tables
            self._session.out.write(change_line(change, terminal, many=self._many))

    def show_update(self, update: ExecutionUpdate) -> None:
        """Show a change or an outcome of one of many executions."""
        self._totals = update.totals
        if update.change is not None:
            self.show_change(update.change)
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

    def show_totals(self) -> None:
        """Show, at the end, how many executions ended how."""
        assert self._totals is not None
        out, terminal = self._session.out, self._session.out.for_tables
        if self._session.as_json:
            out.write_json(documents.totals(self._totals), indented=False)
        elif self._is_live:
            overview = self._overview()
            out.write(many_text(overview, terminal, now=None, rows=_MAX_FINAL_ROWS))
        else:
            out.write("\n".join(totals_lines(self._totals, terminal)))

    def _overview(self) -> Overview:
        # Another thread draws the display, so it works on copies.
        executions, errors = self._executions.copy(), self._errors.copy()
        return Overview(
            {key: value for key, value in executions.items() if key not in errors},
            errors,
            self._totals,
        )

    def _frame(self, terminal: Terminal, height: int) -> str:
        now = self._now()
        return fit_display(
            lambda rows: self._text(terminal, now, rows), _FOLLOW_FOOTER, terminal, height
        )

    def _text(self, terminal: Terminal, now: datetime, rows: int) -> str:
        if self._many:
            return many_text(self._overview(), terminal, now=now, rows=rows)
        executions = list(self._executions.copy().values())
        if not executions:
            return terminal.adapt("Waiting for the first poll …")
        return execution_text(executions[0], terminal, now=now, rows=rows)


def _is_repeated_by_step(change: ExecutionChange) -> bool:
    """Check whether the change of the step, which comes next, says the same.

    This is so if the step has no other file.
    """
    if change.kind != "file" or change.step is None:
        return False
    step = change.snapshot.steps.get(change.step)
    return step is not None and len(step.runs) == 1


class RunDisplay(LiveText):
    """Shows the progress of a run over files, and the result of each file."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.err, live=session.err.is_terminal)
        self._session = session
        self._executions: dict[int, Execution] = {}
        self._totals: Totals | None = None
        self._finished = 0
        self._last: RunResult | None = None

    def show_update(self, update: ExecutionUpdate) -> None:
        """Show a change or an outcome of an execution of the run."""
        self._totals = update.totals
        if update.change is not None:
            self._executions[update.change.snapshot.id] = update.change.snapshot
        if update.outcome is not None:
            self._executions.pop(update.outcome.id, None)

    def show_result(self, result: RunResult) -> None:
        """Show the result of a file."""
        self._finished += 1
        out = self._session.out
        if self._session.as_json:
            out.write_json({"event": "result", **documents.run_result(result)}, indented=False)
        elif not (out.is_terminal or is_same_again(result, self._last)):
            out.write(result_line(result, out.for_tables))
        self._last = result

    def show_totals(self, folder: Path, results: Sequence[RunResult]) -> None:
        """Show, at the end, the results of all files."""
        out = self._session.out
        if self._session.as_json:
            out.write_json(documents.run_report(folder, results), indented=False)
        elif out.is_terminal:
            out.write(report_text(folder, results, out.for_tables))
        else:
            out.write("\n".join(summary_lines(folder, results, out.for_tables)))

    def _frame(self, terminal: Terminal, height: int) -> str:
        if not self._executions and not self._finished:
            return terminal.adapt("Uploading …")
        overview = Overview(self._executions.copy(), {}, self._totals)
        now = _now()
        return fit_display(
            lambda rows: many_text(overview, terminal, now=now, rows=rows),
            "Ctrl-C stops this; run the same command again to continue.",
            terminal,
            height,
        )
