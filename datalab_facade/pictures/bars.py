"""The bars of one row, on a scale in pixels or in shares of the width."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from datalab_facade.pictures.markup import Element, element, number
from datalab_facade.pictures.rows import Row, load_of, share_of

if TYPE_CHECKING:
    from datalab_facade.timeline import Span

# A bar below this share of the width would be invisible; it is drawn two pixels wide.
_MIN_SHARE = 0.003
_DENSITY_PARTS = 240


@attrs.frozen
class Scale:
    """Maps the times of a chart to positions on the page."""

    start: datetime
    end: datetime
    left: float = 0.0
    width: float | None = None
    """In pixels; None for shares of the drawing's own width."""

    def share(self, time: datetime) -> float:
        """Return the position of a time, from 0 to 1."""
        return share_of(time, self.start, self.end)

    def x(self, share: float) -> str:
        """Return the x coordinate of a share of the time."""
        if self.width is None:
            return f"{number(100 * share)}%"
        return number(self.left + share * self.width)

    def length(self, share: float) -> str:
        """Return the length of a share of the time, at least two pixels."""
        if share < _MIN_SHARE:
            return "2"
        if self.width is None:
            return f"{number(100 * share)}%"
        return number(share * self.width)


def draw_row(
    parent: Element, row: Row, scale: Scale, *, top: float, height: float, key: str
) -> None:
    """Draw a row: its bars, or the density of its many files."""
    if row.kind == "files":
        _density(parent, row, scale, top=top, height=height)
    else:
        _bars(parent, row, scale, top=top, height=height, key=key)


def _bars(parent: Element, row: Row, scale: Scale, *, top: float, height: float, key: str) -> None:
    if row.waiting is not None:
        _bar(parent, row.waiting, scale, "wait", top=top + height / 2 - 1.5, height=3)
    if row.working is None:
        return
    style = "crit" if row.is_critical and row.run is not None else "work"
    _bar(parent, row.working, scale, style, top=top, height=height)
    if row.run is None:
        for span in row.critical:
            _bar(parent, span, scale, "crit", top=top, height=height)
    for span in row.failed:
        _bar(parent, span, scale, "fail", top=top, height=height)
    open_starts = [span.started_at for span in row.worked if span.is_open]
    if open_starts:
        start = scale.share(min(open_starts))
        element(
            parent,
            "rect",
            x=scale.x(start),
            y=top,
            width=scale.length(scale.share(row.working.ended_at) - start),
            height=height,
            fill=f"url(#{key}-stripes)",
        )
    for span in row.failed:
        _cross(parent, scale.share(span.ended_at), scale, middle=top + height / 2)


def _bar(
    parent: Element, span: Span, scale: Scale, style: str, *, top: float, height: float
) -> None:
    start = scale.share(span.started_at)
    element(
        parent,
        "rect",
        class_=style,
        x=scale.x(start),
        y=top,
        width=scale.length(scale.share(span.ended_at) - start),
        height=height,
        rx=min(3.0, height / 2),
    )


def _cross(parent: Element, share: float, scale: Scale, *, middle: float) -> None:
    # At the right edge the cross stands inside the bar, on its own background.
    inside = share > 0.97
    anchor = element(parent, "svg", x=scale.x(share), y=middle, overflow="visible")
    left = -13.0 if inside else 5.0
    if inside:
        element(anchor, "circle", class_="card", cx=left + 4, cy=0, r=6.5)
    element(
        anchor,
        "path",
        class_="cross",
        d=f"M{number(left)} -4l8 8m0 -8l-8 8",
        stroke_width=2,
        stroke_linecap="round",
    )


def _density(parent: Element, row: Row, scale: Scale, *, top: float, height: float) -> None:
    """Draw the number of running runs above a line, and of waiting runs below it."""
    load = load_of(row.step.runs, scale.start, scale.end, _DENSITY_PARTS)
    middle = top + height * 0.75
    plots = (
        ("work", load.working, load.max_working, top, height * 0.75),
        ("wait", load.waiting, load.max_waiting, middle + 1, height * 0.25),
    )
    for style, levels, maximum, y, plot_height in plots:
        if not maximum:
            continue
        plot = element(
            parent,
            "svg",
            x=scale.x(0),
            y=y,
            width="100%" if scale.width is None else scale.width,
            height=plot_height,
            viewBox=f"0 0 {_DENSITY_PARTS} 100",
            preserveAspectRatio="none",
        )
        shares = [level / maximum for level in levels]
        element(plot, "path", class_=style, d=_area(shares, upwards=style != "wait"))
    for span in row.critical:
        _bar(parent, span, scale, "crit", top=middle - 3, height=4)
    for part, failed in enumerate(load.failed):
        if failed:
            x = scale.x((part + 0.5) / _DENSITY_PARTS)
            anchor = element(parent, "svg", x=x, y=middle, overflow="visible")
            element(anchor, "path", class_="mark", d="M-4.5 4.5L0 -4L4.5 4.5Z", stroke_width=1.5)


def _area(levels: list[float], *, upwards: bool) -> str:
    """Return the outline of columns, each with a level from 0 to 1."""
    base = 100 if upwards else 0
    heights = [abs(base - round(100 * level)) for level in levels]
    # Neighbors of the same height are one column.
    ends = [n for n, height in enumerate(heights, 1) if heights[n : n + 1] != [height]]
    return f"M0 {base}{''.join(f'V{heights[end - 1]}H{end}' for end in ends)}V{base}Z"


def stripes(parent: Element, key: str) -> None:
    """Define the pattern that marks work in progress."""
    definitions = element(parent, "defs")
    pattern = element(
        definitions,
        "pattern",
        id=f"{key}-stripes",
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    element(pattern, "line", class_="stripe", x1=0, y1=0, x2=0, y2=8, stroke_width=5, opacity=0.38)
