"""What doctor found, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datalab_facade.cli.tables import Cell
from datalab_facade.pictures.terminal import BOLD, CYAN, DIM, GREEN, PLAIN, RED, Terminal
from datalab_facade.pictures.words import wrap

if TYPE_CHECKING:
    from datalab_facade.cli.diagnosis import Check, Diagnosis, Verdict

_NAME: Final = 10
_STYLES: Final[dict[Verdict, str]] = {
    "good": GREEN,
    "doubtful": CYAN,
    "bad": RED,
    "unknown": DIM,
}


def diagnosis_text(diagnosis: Diagnosis, terminal: Terminal) -> str:
    """Show what was looked at, and what to do."""
    lines = [line for check in diagnosis.checks for line in _lines(check, terminal)]
    bad = any(check.verdict == "bad" for check in diagnosis.checks)
    doubtful = any(check.verdict == "doubtful" for check in diagnosis.checks)
    sum_up = "All is well."
    if bad:
        sum_up = "This cannot work yet."
    elif doubtful:
        sum_up = "It works, but look at what is marked."
    return "\n".join([*lines, "", terminal.paint(sum_up, BOLD)])


def _lines(check: Check, terminal: Terminal) -> list[str]:
    sign = _sign(check.verdict, terminal)
    room = max(8, terminal.width - _NAME - 4)
    told = wrap(terminal.adapt(check.told), room, most=8, ellipsis=terminal.ellipsis)
    first = [sign, (f" {check.name:<{_NAME}}  "[: _NAME + 3], BOLD), (told[0], PLAIN)]
    indent = " " * (_NAME + 3)
    lines = [terminal.columns(first), *(indent + line for line in told[1:])]
    if check.hint:
        hint = wrap(terminal.adapt(check.hint), room, most=8, ellipsis=terminal.ellipsis)
        lines += [indent + terminal.paint(line, _STYLES[check.verdict]) for line in hint]
    return lines


def _sign(verdict: Verdict, terminal: Terminal) -> Cell:
    signs = terminal.glyphs.signs
    sign = {
        "good": signs["done"],
        "doubtful": "!",
        "bad": signs["failed"],
        "unknown": signs["other"],
    }
    return sign[verdict], _STYLES[verdict]
