"""Recorded shapes of answers, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.pictures.terminal import BOLD, Terminal

if TYPE_CHECKING:
    from datalab_facade.cli.recording import RecordedAnswer, Recording


def recording_text(recording: Recording, terminal: Terminal) -> str:
    """Show the shape of each answer; lines are not wrapped, so that they can be copied."""
    return "\n\n".join(_answer(answer, terminal) for answer in recording.answers)


def _answer(answer: RecordedAnswer, terminal: Terminal) -> str:
    shape = answer.shape
    lines = [
        terminal.paint(f"{answer.request} -> {answer.status_code}", BOLD),
        f"headers: {', '.join(answer.headers)}",
        f"Retry-After: {answer.retry_after}",
    ]
    if shape.step_shape is not None:
        lines.append(f"steps: {shape.step_shape}")
    for place, kinds in shape.kinds.items():
        line = ", ".join(kinds)
        if place in shape.words:
            line += f": {', '.join(shape.words[place])}"
        if place in shape.keys:
            line += f", each under {' or '.join(shape.keys[place])}"
        lines.append(f"{place}: {line}")
    if not shape.is_complete:
        lines.append("The answer is larger; the rest is left out.")
    return "\n".join(lines)
