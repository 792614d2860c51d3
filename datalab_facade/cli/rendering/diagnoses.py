"""The results of ``doctor``, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datalab_facade.cli.tables import Cell, paragraph
from datalab_facade.pictures.terminal import BOLD, CYAN, DIM, GREEN, PLAIN, RED, Terminal
from datalab_facade.pictures.words import wrap

if TYPE_CHECKING:
    from datalab_facade.cli.diagnosis import Check, Diagnosis, Verdict

_NAME: Final = 10
_STYLES: Final[dict[Verdict, str]] = {
    "ok": GREEN,
    "warning": CYAN,
    "error": RED,
    "unknown": DIM,
}


def diagnosis_text(diagnosis: Diagnosis, terminal: Terminal) -> str:
    """Show the result of each check, and what to do next."""
    lines = [line for check in diagnosis.checks for line in _lines(check, terminal)]
    has_errors = any(check.verdict == "error" for check in diagnosis.checks)
    has_warnings = any(check.verdict == "warning" for check in diagnosis.checks)
    summary = "Everything works."
    if has_errors:
        summary = "Fix the errors above, then run doctor again."
    elif has_warnings:
        summary = "Everything works, but read the warnings above."
    return "\n".join([*lines, "", *paragraph(summary, terminal, BOLD)])


def _lines(check: Check, terminal: Terminal) -> list[str]:
    sign = _sign(check.verdict, terminal)
    room = max(8, terminal.width - _NAME - 4)
    message = wrap(terminal.adapt(check.message), room, most=8, ellipsis=terminal.ellipsis)
    first = [sign, (f" {check.name:<{_NAME}}  "[: _NAME + 3], BOLD), (message[0], PLAIN)]
    indent = " " * (_NAME + 3)
    lines = [terminal.columns(first), *(indent + line for line in message[1:])]
    if check.hint:
        hint = wrap(terminal.adapt(check.hint), room, most=8, ellipsis=terminal.ellipsis)
        lines += [indent + terminal.paint(line, _STYLES[check.verdict]) for line in hint]
    return lines


def _sign(verdict: Verdict, terminal: Terminal) -> Cell:
    signs = terminal.glyphs.signs
    sign = {
        "ok": signs["done"],
        "warning": "!",
        "error": signs["failed"],
        "unknown": signs["other"],
    }
    return sign[verdict], _STYLES[verdict]
