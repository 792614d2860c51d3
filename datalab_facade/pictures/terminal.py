"""Text for a terminal: glyphs in Unicode or ASCII, with or without colors.

The few color codes are written here, not by a library, so that the text is the
same everywhere; rich reads it with ``Text.from_ansi``.
"""

from __future__ import annotations

from typing import Final

import attrs

from datalab_facade.pictures.rows import State
from datalab_facade.pictures.words import (
    ELLIPSIS,
    cell_width,
    checked_width,
    clip,
    pad,
    to_ascii,
    wrap,
)

MIN_WIDTH: Final = 32

BOLD, DIM, RED, GREEN, BLUE, CYAN = "1", "2", "31", "32", "34", "36"
STRONG_BLUE = "1;94"
PLAIN = ""

STATE_COLORS: Final[dict[State, str]] = {
    "done": GREEN,
    "failed": RED,
    "working": CYAN,
    "waiting": DIM,
    "other": DIM,
}


@attrs.frozen
class Glyphs:
    """The characters that a picture is made of."""

    signs: dict[State, str]
    critical: tuple[str, str, str]
    """Work on the critical path: a whole cell, its left half, its right half."""
    work: tuple[str, str, str]
    """Other work, in the same way."""
    wait: str
    failed: str
    in_progress: str
    levels: str
    """From the lowest to the highest."""
    line: str
    tick: str
    bullet: str
    arrow: str
    tree: tuple[str, str, str, str]
    """The first of several in a group, one in between, the last, and the only one."""


UNICODE: Final = Glyphs(
    signs={"done": "✓", "failed": "✗", "working": "▸", "waiting": "·", "other": "?"},
    critical=("█", "▌", "▐"),
    work=("━", "╸", "╺"),
    wait="·",
    failed="✗",
    in_progress="▸",
    levels="▁▂▃▄▅▆▇█",
    line="─",
    tick="┬",
    bullet="✗",
    arrow="←",
    tree=("┌", "├", "└", "─"),
)
ASCII: Final = Glyphs(
    signs={"done": "+", "failed": "x", "working": ">", "waiting": ".", "other": "?"},
    critical=("#", "#", "#"),
    work=("=", "=", "="),
    wait=".",
    failed="x",
    in_progress=">",
    levels="_-=#",
    line="-",
    tick="+",
    bullet="x",
    arrow="<-",
    tree=(",", "|", "`", "-"),
)


def _wide_enough(width: int) -> int:
    return int(checked_width(width, MIN_WIDTH))


@attrs.frozen
class Terminal:
    """What a terminal can show: its width, Unicode or ASCII only, colors."""

    width: int = attrs.field(converter=_wide_enough)
    color: bool
    ascii_only: bool

    @property
    def glyphs(self) -> Glyphs:
        """The characters to draw with."""
        return ASCII if self.ascii_only else UNICODE

    @property
    def ellipsis(self) -> str:
        """The sign for omitted text."""
        return to_ascii(ELLIPSIS) if self.ascii_only else ELLIPSIS

    def adapt(self, text: str) -> str:
        """Return text that the terminal can show."""
        return to_ascii(text) if self.ascii_only else text

    def fit(self, text: str, width: int) -> str:
        """Clip or pad text to a number of columns."""
        return pad(clip(self.adapt(text), width, ellipsis=self.ellipsis), width)

    def lines(self, text: str, *, indent: int = 0, most: int = 3) -> list[str]:
        """Wrap text into at most a few lines; those after the first are indented."""
        width = self.width - indent
        broken = wrap(self.adapt(text), width, most=most, ellipsis=self.ellipsis)
        return [broken[0], *(" " * indent + line for line in broken[1:])]

    def paint(self, text: str, style: str) -> str:
        """Return text in a style; unchanged if the terminal has no color."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and style and text else text

    def columns(self, parts: list[tuple[str, str]]) -> str:
        """Join pieces of text, each with its style; neighbors of one style become one."""
        joined: list[tuple[str, str]] = []
        for text, style in parts:
            if joined and joined[-1][1] == style:
                joined[-1] = (joined[-1][0] + text, style)
            else:
                joined.append((text, style))
        while joined and not joined[-1][0].strip(" "):
            joined.pop()
        if joined:
            joined[-1] = (joined[-1][0].rstrip(" "), joined[-1][1])
        return "".join(self.paint(text, style) for text, style in joined)

    def _cut(self, piece: list[tuple[str, str]]) -> list[tuple[str, str]]:
        room, cut = self.width, list[tuple[str, str]]()
        for text, style in piece:
            cut.append((clip(text, room, ellipsis=self.ellipsis), style))
            room = max(0, room - cell_width(text))
        return cut

    def flow(self, pieces: list[list[tuple[str, str]]], gap: str = "  ") -> list[str]:
        """Put pieces side by side, and on a new line where they do not fit."""
        lines: list[list[tuple[str, str]]] = [[]]
        used = 0
        for whole in pieces:
            piece = self._cut(whole)
            size = sum(cell_width(text) for text, _ in piece)
            if lines[-1] and used + len(gap) + size > self.width:
                lines.append([])
                used = 0
            if lines[-1]:
                lines[-1].append((gap, PLAIN))
                used += len(gap)
            lines[-1] += piece
            used += size
        return [self.columns(line) for line in lines]
