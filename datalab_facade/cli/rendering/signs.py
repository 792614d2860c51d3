"""Signs of states, and how counts and sizes are written."""

from __future__ import annotations

from typing import Final

from datalab_facade.cli.tables import Cell
from datalab_facade.models import Execution, StepRun
from datalab_facade.pictures.rows import State, state_of
from datalab_facade.pictures.terminal import PLAIN, STATE_COLORS, Terminal

_UNITS: Final = ("kB", "MB", "GB", "TB")


def sign(state: State, terminal: Terminal) -> Cell:
    """Return the sign of a state, in its color."""
    return terminal.glyphs.signs[state], STATE_COLORS[state]


def state_of_execution(execution: Execution) -> State:
    """Return the state of an execution."""
    return state_of(execution.status, failed=execution.failed)


def size(count: int | None) -> str:
    """Format a number of bytes.

    >>> [size(n) for n in (None, 0, 999, 1_000, 25_300, 3_400_000)]
    ['?', '0 B', '999 B', '1.0 kB', '25.3 kB', '3.4 MB']
    """
    if count is None:
        return "?"
    if count < 1000:
        return f"{count} B"
    value, unit = float(count), "B"
    for bigger in _UNITS:
        if value < 999.95:
            break
        value, unit = value / 1000, bigger
    return f"{value:.1f} {unit}"


def files_done(runs: tuple[StepRun, ...]) -> str:
    """Format how many of a step's files are done; empty if its only run is for no file."""
    if not runs or (len(runs) == 1 and runs[0].file_key is None):
        return ""
    return f"{sum(run.is_terminal for run in runs)}/{len(runs)}"


def plain(text: str) -> Cell:
    """Make a cell of text without a style."""
    return text, PLAIN
