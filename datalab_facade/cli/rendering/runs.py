"""The results of a run over files, as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from datalab_facade.cli.exits import use_option_names
from datalab_facade.cli.rendering.reasons import done_lines, reason_lines
from datalab_facade.cli.rendering.signs import plain, sign, size
from datalab_facade.cli.tables import Cell, Column, table
from datalab_facade.pictures.terminal import DIM, RED, Terminal
from datalab_facade.pictures.words import sanitize
from datalab_facade.runs.run_results import RunResult

_RESULTS: Final = (
    Column(""),
    Column("file", shrinks=True),
    Column("execution", side="right", optional=1),
    Column("outputs", side="right", optional=2),
)


def result_line(result: RunResult, terminal: Terminal) -> str:
    """Describe the result of a file in one line."""
    columns = [attrs.evolve(column, title="") for column in (*_RESULTS, Column("", wraps=True))]
    row = [*_row(result, terminal), (_reason(result), RED)]
    return "\n".join(table(columns, [row], terminal))


def report_text(folder: Path, results: Sequence[RunResult], terminal: Terminal) -> str:
    """Show the result of each file, the reasons of failures, and the folder of the outputs."""
    lines = table(_RESULTS, [_row(result, terminal) for result in results], terminal)
    failed = [result for result in results if not result.succeeded]
    lines += reason_lines(((_name(one), _reason(one)) for one in failed), terminal)
    return "\n".join([*lines, "", *summary_lines(folder, results, terminal)])


def summary_lines(folder: Path, results: Sequence[RunResult], terminal: Terminal) -> list[str]:
    """Show how many files are done."""
    return done_lines(
        folder,
        done=sum(result.succeeded for result in results),
        left=sum(result.is_left for result in results),
        total=len(results),
        terminal=terminal,
    )


def _row(result: RunResult, terminal: Terminal) -> list[Cell]:
    outputs = ""
    if result.manifest is not None:
        bytes_saved = size(sum(saved.bytes for saved in result.manifest.saved))
        outputs = f"{len(result.manifest.saved)} ({bytes_saved})"
    return [
        sign("done" if result.succeeded else "failed", terminal),
        plain(_name(result)),
        (str(result.execution_id or ""), DIM),
        (outputs, DIM),
    ]


def _name(result: RunResult) -> str:
    return sanitize(Path(result.source).name or result.source)


def _reason(result: RunResult) -> str:
    if result.succeeded:
        return ""
    return sanitize(use_option_names(result.reason or "not done"), limit=400)
