"""Why files of a run are not done, and how many are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from datalab_facade.cli.tables import paragraph
from datalab_facade.pictures.terminal import BOLD, RED, Terminal
from datalab_facade.pictures.words import join_parts, pluralize
from datalab_facade.runs.run_results import RunResult

_MAX_REASONS: Final = 10


def is_same_again(result: RunResult, before: RunResult | None) -> bool:
    """Tell whether a file is left to a later call for the same reason as the one before it.

    What leaves one file to a later call leaves all that come after it.
    """
    return before is not None and result.is_left and result.reason == before.reason


def reason_lines(reasons: Iterable[tuple[str, str]], terminal: Terminal) -> list[str]:
    """Show why files are not done, after an empty line; a reason of several files once.

    Args:
        reasons: The name of each file that is not done, and the reason.
        terminal: What the terminal can show.
    """
    files: dict[str, list[str]] = {}
    for name, reason in reasons:
        files.setdefault(reason, []).append(name)
    lines = [""] if files else []
    for reason, names in list(files.items())[:_MAX_REASONS]:
        others = f" and {pluralize(len(names) - 1, 'more file')}" if len(names) > 1 else ""
        words = f"{terminal.glyphs.bullet} {names[0]}{others}: {reason}"
        lines += paragraph(words, terminal, RED, indent=2)
    if left_out := sum(map(len, list(files.values())[_MAX_REASONS:])):
        lines.append(terminal.paint(terminal.adapt(f"  … {left_out:,} more failed"), RED))
    return lines


def done_lines(
    folder: str | Path, *, done: int, left: int, total: int, terminal: Terminal, more: str = ""
) -> list[str]:
    """Show how many files are done, and how many are left to a later call."""
    counts = f"{done} of {pluralize(total, 'file')} done"
    if left:
        counts += f", {left} left to do"
    return paragraph(join_parts((f"{counts}, in {folder}", more)), terminal, BOLD)
