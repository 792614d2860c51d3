"""The bars of one row, on a scale of pixels or of shares of whatever width there is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from datalab_facade.pictures.markup import Element, element, number
from datalab_facade.pictures.rows import Row, load_of, share_of

if TYPE_CHECKING:
    from datalab_facade.timeline import Span

# A bar below this share of the width is drawn two pixels wide, to be seen at all.
_LEAST_SHARE = 0.003
_DENSITY_PARTS = 240


@attrs.frozen
class Scale:
    """Where the times of a chart lie on the page."""

    start: datetime
    end: datetime
    left: float = 0.0
    width: float | None = None
    """In pixels; None for shares of the drawing's own width."""

    def share(self, time: datetime) -> float:
        """Tell where a moment lies, from 0 to 1."""
        return share_of(time, self.start, self.end)

    def x(self, share: float) -> str:
        """Give the place of a share of the time."""
        if self.width is None:
            return f"{number(100 * share)}%"
        return number(self.left + share * self.width)

    def length(self, share: float) -> str:
        """Give the length of a share of the time, two pixels at least."""
        if share < _LEAST_SHARE:
            return "2"
        if self.width is None:
            return f"{number(100 * share)}%"
        return number(share * self.width)


def draw_row(
    parent: Element, row: Row, scale: Scale, *, top: float, height: float, key: str
) -> None:
    """Draw what a row shows between two heights."""
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
    going_on = [span.started_at for span in row.worked if span.is_open]
    if going_on:
        start = scale.share(min(going_on))
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
    # At the right edge it stands inside of the bar, on a ground of its own.
    inside = share > 0.97
    place = element(parent, "svg", x=scale.x(share), y=middle, overflow="visible")
    left = -13.0 if inside else 5.0
    if inside:
        element(place, "circle", class_="card", cx=left + 4, cy=0, r=6.5)
    element(
        place,
        "path",
        class_="cross",
        d=f"M{number(left)} -4l8 8m0 -8l-8 8",
        stroke_width=2,
        stroke_linecap="round",
    )


def _density(parent: Element, row: Row, scale: Scale, *, top: float, height: float) -> None:
    """Draw how many were at work upwards from a line, and how many waited downwards."""
    load = load_of(row.step.runs, scale.start, scale.end, _DENSITY_PARTS)
    middle = top + height * 0.75
    places = (
        ("work", load.working, load.most_working, top, height * 0.75),
        ("wait", load.waiting, load.most_waiting, middle + 1, height * 0.25),
    )
    for style, levels, most, begin, high in places:
        if not most:
            continue
        plot = element(
            parent,
            "svg",
            x=scale.x(0),
            y=begin,
            width="100%" if scale.width is None else scale.width,
            height=high,
            viewBox=f"0 0 {_DENSITY_PARTS} 100",
            preserveAspectRatio="none",
        )
        shares = [level / most for level in levels]
        element(plot, "path", class_=style, d=_area(shares, upwards=style != "wait"))
    for span in row.critical:
        _bar(parent, span, scale, "crit", top=middle - 3, height=4)
    for place, failed in enumerate(load.failed):
        if failed:
            x = scale.x((place + 0.5) / _DENSITY_PARTS)
            at = element(parent, "svg", x=x, y=middle, overflow="visible")
            element(at, "path", class_="mark", d="M-4.5 4.5L0 -4L4.5 4.5Z", stroke_width=1.5)


def _area(levels: list[float], *, upwards: bool) -> str:
    """Give the outline of columns, each with its level from 0 to 1."""
    base = 100 if upwards else 0
    heights = [abs(base - round(100 * level)) for level in levels]
    # Neighbours of one height are one column.
    ends = [n for n, height in enumerate(heights, 1) if heights[n : n + 1] != [height]]
    return f"M0 {base}{''.join(f'V{heights[end - 1]}H{end}' for end in ends)}V{base}Z"


def stripes(parent: Element, key: str) -> None:
    """Define the pattern that lies over what goes on."""
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
