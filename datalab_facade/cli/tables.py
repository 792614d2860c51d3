"""Tables of text that fit: where it is narrow, columns are left out, shortened or wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.pictures.terminal import DIM, PLAIN, Terminal
from datalab_facade.pictures.words import cell_width, clip, pad, wrap

Cell: TypeAlias = tuple[str, str]
"""Words and their style; words that come from a server have been made harmless."""

_GAP: Final = 2
_LEAST: Final = 6


@attrs.frozen
class Column:
    """A column, and what may happen to it where it is narrow."""

    title: str
    side: Literal["left", "right"] = "left"
    optional: int = 0
    """0: it is always there. Of the others, those with the highest number go first."""
    shrinks: bool = False
    """Whether words may be shortened."""
    wraps: bool = False
    """Whether words may go on in further lines; for the last column."""


def cell(text: str, style: str = PLAIN) -> Cell:
    """Make a cell."""
    return text, style


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], terminal: Terminal
) -> list[str]:
    """Set rows under their titles; no line is wider than the terminal.

    >>> columns = [Column("step"), Column("took", side="right")]
    >>> print(*table(columns, [[cell("parse"), cell("2m")]], Terminal(80, False, False)), sep="|")
    step   took|parse    2m
    """
    written = [[(terminal.adapt(text), style) for text, style in row] for row in rows]
    natural = [
        max([cell_width(column.title), *(cell_width(row[place][0]) for row in written)])
        for place, column in enumerate(columns)
    ]
    kept = _kept(columns, natural, terminal.width)
    widths = _fitted(columns, natural, kept, terminal.width)
    titles = [(columns[place].title, DIM) for place in range(len(columns))]
    lines: list[str] = []
    if any(title for title, _ in titles):
        lines += _lines(columns, titles, kept, widths, terminal)
    for row in written:
        lines += _lines(columns, row, kept, widths, terminal)
    return lines


def _total(places: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[place] for place in places) + _GAP * (len(places) - 1)


def _kept(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    places = list(range(len(columns)))
    while _total(places, _least(columns, natural)) > width:
        optional = [place for place in places if columns[place].optional]
        if not optional:
            break
        places.remove(max(optional, key=lambda place: (columns[place].optional, place)))
    return places


def _least(columns: Sequence[Column], natural: Sequence[int]) -> list[int]:
    """Tell how narrow each column can be before something else has to give."""
    return [
        min(wide, 3 * _LEAST if column.shrinks or column.wraps else wide)
        for column, wide in zip(columns, natural, strict=True)
    ]


def _fitted(
    columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int], width: int
) -> list[int]:
    widths = list(natural)
    while (over := _total(kept, widths) - width) > 0:
        yielding = [
            place
            for place in kept
            if (columns[place].shrinks or columns[place].wraps) and widths[place] > _LEAST
        ]
        if not yielding:
            break
        widest = max(yielding, key=lambda place: widths[place])
        widths[widest] -= min(over, max(1, (widths[widest] - _LEAST) // 4))
    return widths


def _lines(
    columns: Sequence[Column],
    row: Sequence[Cell],
    kept: Sequence[int],
    widths: Sequence[int],
    terminal: Terminal,
) -> Iterator[str]:
    stacks = [
        list(_stack(columns[place], row[place][0], widths[place], terminal)) for place in kept
    ]
    for number in range(max(map(len, stacks))):
        parts: list[Cell] = []
        for place, stack in zip(kept, stacks, strict=True):
            text = stack[number] if number < len(stack) else ""
            filling = " " * (widths[place] - cell_width(text))
            aligned = filling + text if columns[place].side == "right" else text + filling
            parts += [(aligned, row[place][1]), (" " * _GAP, PLAIN)]
        yield terminal.columns(parts[:-1])


def _stack(column: Column, text: str, width: int, terminal: Terminal) -> list[str]:
    if column.wraps and cell_width(text) > width:
        return wrap(text, width, most=4, ellipsis=terminal.ellipsis)
    return [clip(text, width, ellipsis=terminal.ellipsis)]


def paragraph(text: str, terminal: Terminal, style: str = PLAIN, *, indent: int = 0) -> list[str]:
    """Set words on as many lines as they need."""
    lines = terminal.lines(text, indent=indent, most=1_000)
    return [terminal.paint(line, style) for line in lines]


def facts(pairs: Sequence[tuple[str, str]], terminal: Terminal) -> list[str]:
    """Set names and values beside each other, a pair on a line."""
    widest = max((cell_width(name) for name, _ in pairs), default=0)
    lines: list[str] = []
    for name, value in pairs:
        room = max(8, terminal.width - widest - _GAP)
        first, *more = wrap(terminal.adapt(value), room, most=20, ellipsis=terminal.ellipsis)
        lines.append(terminal.columns([(pad(name, widest + _GAP), DIM), (first, PLAIN)]))
        lines += [" " * (widest + _GAP) + line for line in more]
    return lines
