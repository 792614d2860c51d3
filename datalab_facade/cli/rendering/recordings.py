"""What was recorded of answers, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.pictures.terminal import BOLD, Terminal

if TYPE_CHECKING:
    from datalab_facade.cli.recording import Recorded, Recording


def recording_text(recording: Recording, terminal: Terminal) -> str:
    """Show the shape of each answer, in lines that can be copied."""
    return "\n\n".join(_answer(answer, terminal) for answer in recording.answers)


def _answer(answer: Recorded, terminal: Terminal) -> str:
    shape = answer.shape
    lines = [
        terminal.paint(f"{answer.request} -> {answer.status_code}", BOLD),
        f"headers: {', '.join(answer.headers)}",
        f"Retry-After: {answer.retry_after}",
    ]
    if shape.step_shape is not None:
        lines.append(f"steps: {shape.step_shape}")
    for place, kinds in shape.kinds.items():
        said = ", ".join(kinds)
        if place in shape.words:
            said += f": {', '.join(shape.words[place])}"
        if place in shape.keys:
            said += f", each under {' or '.join(shape.keys[place])}"
        lines.append(f"{place}: {said}")
    if not shape.is_whole:
        lines.append("There is more, which was left out.")
    return "\n".join(lines)
