"""Text tables that fit the terminal: columns are left out, shortened or wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.pictures.terminal import DIM, PLAIN, Terminal
from datalab_facade.pictures.words import cell_width, clip, pad, wrap

Cell: TypeAlias = tuple[str, str]
"""Text and its style; text from a server has been sanitized."""

_GAP: Final = 2
_MIN_WIDTH: Final = 6


@attrs.frozen
class Column:
    """A column, and how it may shrink where the terminal is narrow."""

    title: str
    side: Literal["left", "right"] = "left"
    optional: int = 0
    """0: always shown. Of the others, the one with the highest number is left out first."""
    shrinks: bool = False
    """Whether text may be shortened."""
    wraps: bool = False
    """Whether text may continue on further lines; only for the last column."""


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], terminal: Terminal
) -> list[str]:
    """Lay out rows under their titles; no line is wider than the terminal.

    >>> columns = [Column("step"), Column("took", side="right")]
    >>> print(*table(columns, [[("parse", ""), ("2m", "")]], Terminal(80, False, False)), sep="|")
    step   took|parse    2m
    """
    written = [[(terminal.adapt(text), style) for text, style in row] for row in rows]
    natural = [
        max([cell_width(column.title), *(cell_width(row[place][0]) for row in written)])
        for place, column in enumerate(columns)
    ]
    visible = _visible_columns(columns, natural, terminal.width)
    widths = _fit_widths(columns, natural, visible, terminal.width)
    titles = [(columns[place].title, DIM) for place in range(len(columns))]
    lines: list[str] = []
    if any(title for title, _ in titles):
        lines += _lines(columns, titles, visible, widths, terminal)
    for row in written:
        lines += _lines(columns, row, visible, widths, terminal)
    return lines


def _total(places: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[place] for place in places) + _GAP * (len(places) - 1)


def _visible_columns(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    places = list(range(len(columns)))
    while _total(places, _min_widths(columns, natural)) > width:
        optional = [place for place in places if columns[place].optional]
        if not optional:
            break
        places.remove(max(optional, key=lambda place: (columns[place].optional, place)))
    return places


def _min_widths(columns: Sequence[Column], natural: Sequence[int]) -> list[int]:
    """Return the least width of each column before another column is left out."""
    return [
        min(wide, 3 * _MIN_WIDTH if column.shrinks or column.wraps else wide)
        for column, wide in zip(columns, natural, strict=True)
    ]


def _fit_widths(
    columns: Sequence[Column], natural: Sequence[int], visible: Sequence[int], width: int
) -> list[int]:
    widths = list(natural)
    while (over := _total(visible, widths) - width) > 0:
        shrinkable = [
            place
            for place in visible
            if (columns[place].shrinks or columns[place].wraps) and widths[place] > _MIN_WIDTH
        ]
        if not shrinkable:
            break
        widest = max(shrinkable, key=lambda place: widths[place])
        widths[widest] -= min(over, max(1, (widths[widest] - _MIN_WIDTH) // 4))
    return widths


def _lines(
    columns: Sequence[Column],
    row: Sequence[Cell],
    visible: Sequence[int],
    widths: Sequence[int],
    terminal: Terminal,
) -> Iterator[str]:
    stacks = [
        list(_stack(columns[place], row[place][0], widths[place], terminal)) for place in visible
    ]
    for number in range(max(map(len, stacks))):
        parts: list[Cell] = []
        for place, stack in zip(visible, stacks, strict=True):
            text = stack[number] if number < len(stack) else ""
            padding = " " * (widths[place] - cell_width(text))
            aligned = padding + text if columns[place].side == "right" else text + padding
            parts += [(aligned, row[place][1]), (" " * _GAP, PLAIN)]
        yield terminal.columns(parts[:-1])


def _stack(column: Column, text: str, width: int, terminal: Terminal) -> list[str]:
    if column.wraps and cell_width(text) > width:
        return wrap(text, width, most=4, ellipsis=terminal.ellipsis)
    return [clip(text, width, ellipsis=terminal.ellipsis)]


def paragraph(text: str, terminal: Terminal, style: str = PLAIN, *, indent: int = 0) -> list[str]:
    """Wrap text to as many lines as it needs."""
    lines = terminal.lines(text, indent=indent, most=1_000)
    return [terminal.paint(line, style) for line in lines]


def facts(pairs: Sequence[tuple[str, str]], terminal: Terminal) -> list[str]:
    """Lay out names and values in two columns, a pair on each line."""
    widest = max((cell_width(name) for name, _ in pairs), default=0)
    lines: list[str] = []
    for name, value in pairs:
        room = max(8, terminal.width - widest - _GAP)
        first, *more = wrap(terminal.adapt(value), room, most=20, ellipsis=terminal.ellipsis)
        lines.append(terminal.columns([(pad(name, widest + _GAP), DIM), (first, PLAIN)]))
        lines += [" " * (widest + _GAP) + line for line in more]
    return lines
