"""A timeline as SVG: a card with its own background, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from datalab_facade.pictures.bars import Scale, draw_row, stripes
from datalab_facade.pictures.markup import (
    Element,
    as_xml,
    element,
    fit_text,
    key_of,
    number,
    picture_style,
    svg,
    text_width,
)
from datalab_facade.pictures.rows import Headline, Row, legend_of, rows_of
from datalab_facade.pictures.words import (
    SEPARATOR,
    checked_width,
    format_duration,
    join_parts,
    pluralize,
    ticks,
)

if TYPE_CHECKING:
    from datalab_facade.timeline import Span, Timeline

MIN_WIDTH = 320
_MARGIN = 24.0
_TEXT = 13.0
_SMALL = 12.0
_HEIGHTS = {"step": 30.0, "file": 22.0, "files": 46.0}
_BARS = {"step": 14.0, "file": 8.0, "files": 32.0}


def timeline_svg(timeline: Timeline, width: float) -> str:
    """Draw the timeline with a width in pixels; the height follows from its rows."""
    return as_xml(_Chart(timeline, checked_width(width, MIN_WIDTH)).draw())


@attrs.define
class _Chart:
    timeline: Timeline
    width: float
    rows: list[Row] = attrs.field(init=False)
    left_out: int = attrs.field(init=False)
    labels: float = attrs.field(init=False)
    plot: float = attrs.field(init=False)
    numbers: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rows, self.left_out = rows_of(self.timeline)
        longest = max(map(_label_width, self.rows), default=0.0)
        inner = self.width - 2 * _MARGIN
        self.labels = min(max(60.0, longest + 30), inner * 0.32 + 16)
        self.numbers = 62.0
        self.plot = inner - self.labels - self.numbers

    def draw(self) -> Element:
        headline = Headline.of(self.timeline)
        key = key_of(self.timeline, self.width)
        height = 2000.0
        root = svg(self.width, height, title=headline.title, description=headline.summary, key=key)
        element(root, "style", picture_style())
        stripes(root, key)
        card = element(root, "rect", class_="card", width=self.width, height=height, rx=10)
        at = self._head(root, headline)
        if (
            self.rows
            and self.timeline.started_at is not None
            and self.timeline.ended_at is not None
        ):
            scale = Scale(
                self.timeline.started_at, self.timeline.ended_at, _MARGIN + self.labels, self.plot
            )
            at = self._chart(root, scale, at, key)
        elif self.rows:
            at = self._labels(root, at + 14)
        at += 18
        for part in (root, card):
            part.set("height", number(at))
        root.set("viewBox", f"0 0 {number(self.width)} {number(at)}")
        return root

    def _head(self, root: Element, headline: Headline) -> float:
        element(root, "text", headline.title, x=_MARGIN, y=40, font_size=19, font_weight=650)
        title = text_width(headline.title, 19, bold=True)
        total = text_width(headline.total, 19, bold=True)
        status = text_width(headline.status, _TEXT, bold=True)
        room, y = self.width - 2 * _MARGIN, 40.0
        at = _MARGIN + title + 14
        if title + status + total + 56 > room:
            at, y = _MARGIN + 5, 66.0
        color = {"failed": "fail", "done": "done", "working": "crit"}.get(headline.state, "mute")
        element(root, "circle", class_=color, cx=at, cy=y - 6, r=5)
        element(
            root,
            "text",
            fit_text(headline.status, self.width - at - 24 - total - _MARGIN, _TEXT, bold=True),
            class_=color,
            x=at + 11,
            y=y - 1,
            font_size=_TEXT,
            font_weight=600,
        )
        element(
            root,
            "text",
            headline.total,
            x=self.width - _MARGIN,
            y=y,
            font_size=19,
            font_weight=650,
            text_anchor="end",
        )
        y += 22
        facts = _lines(headline.facts, room, SEPARATOR)
        for line in [*facts, *_lines(headline.path.split(), room)[:4]]:
            element(root, "text", line, class_="mute", x=_MARGIN, y=y, font_size=_TEXT)
            y += 19
        return y

    def _chart(self, root: Element, scale: Scale, at: float, key: str) -> float:
        top = at + 22
        grid = element(root, "g")
        thread = element(
            root, "path", class_="thread", stroke_width=1.3, stroke_linejoin="round", opacity=0.75
        )
        y, baselines = top + 10, dict[tuple[str, str | None], float]()
        for row in self.rows:
            high, bar = _HEIGHTS[row.kind], _BARS[row.kind]
            group = element(root, "g")
            element(group, "title", row.tooltip)
            # An invisible rectangle gives the whole row a tooltip.
            element(
                group,
                "rect",
                x=0,
                y=y,
                width=self.width,
                height=high,
                fill="none",
                pointer_events="all",
            )
            self._label(group, row, y + high / 2)
            draw_row(group, row, scale, top=y + (high - bar) / 2, height=bar, key=key)
            self._number(group, row.working, y + high / 2)
            baseline = y + (high + bar) / 2 + 2.5
            if row.run is not None:
                baselines[row.run.step, row.run.file_key] = baseline
            else:
                for run in row.step.runs:
                    baselines.setdefault((run.step, run.file_key), baseline)
            y += high
        if self.left_out:
            words = f"… {pluralize(self.left_out, 'more step')}"
            element(root, "text", words, class_="mute", x=_MARGIN, y=y + 16, font_size=_SMALL)
            y += 24
        thread.set("d", self._thread(scale, baselines))
        root.remove(thread)
        root.append(thread)
        self._axis(grid, top, y + 4)
        return self._legend(root, y + 30, key)

    def _thread(self, scale: Scale, baselines: dict[tuple[str, str | None], float]) -> str:
        path: list[str] = []
        for run in self.timeline.critical_path:
            y = baselines.get((run.step, run.file_key))
            if y is None or run.working is None:
                continue
            start, end = (
                scale.x(scale.share(run.working.started_at)),
                scale.x(scale.share(run.working.ended_at)),
            )
            path.append(f"V{number(y)}H{start}H{end}" if path else f"M{start} {number(y)}H{end}")
        return "".join(path)

    def _axis(self, grid: Element, top: float, bottom: float) -> None:
        is_open = self.timeline.is_open
        right = _MARGIN + self.labels + self.plot
        for share, words in ticks(self.timeline.total, max(1, int(self.plot // 64))):
            x = _MARGIN + self.labels + share * self.plot
            element(grid, "line", class_="grid", x1=x, x2=x, y1=top, y2=bottom)
            if not (is_open and x > right - 34 - text_width(words, _SMALL)):
                element(
                    grid,
                    "text",
                    words,
                    class_="mute",
                    x=x,
                    y=top - 6,
                    font_size=_SMALL,
                    text_anchor="middle",
                )
        numbers = {"x": self.width - _MARGIN, "y": top - 6, "font_size": _SMALL}
        element(grid, "text", "worked", class_="mute", text_anchor="end", **numbers)
        if is_open:
            element(
                grid,
                "line",
                class_="line",
                x1=right,
                x2=right,
                y1=top,
                y2=bottom,
                stroke_dasharray="3 3",
            )
            element(grid, "text", "now", x=right, y=top - 6, font_size=_SMALL, text_anchor="middle")

    def _labels(self, root: Element, at: float) -> float:
        for row in self.rows:
            group = element(root, "g")
            element(group, "title", row.tooltip)
            self._label(group, row, at + 12)
            at += _HEIGHTS["step"]
        return at

    def _label(self, parent: Element, row: Row, middle: float) -> None:
        indent = _indent(row)
        style = {"failed": "fail", "done": "done", "working": "crit"}.get(row.state, "wait")
        element(parent, "circle", class_=style, cx=_MARGIN + 4 + indent, cy=middle, r=3.5)
        size = _SMALL if row.kind == "file" else _TEXT
        room = self.labels - 26 - indent
        if row.kind == "files":
            element(
                parent,
                "text",
                fit_text(_many(row), room, _SMALL),
                class_="mute",
                x=_MARGIN + 15,
                y=middle + 14,
                font_size=_SMALL,
            )
            middle -= 6
        element(
            parent,
            "text",
            fit_text(row.label, room, size, bold=row.is_critical),
            x=_MARGIN + 15 + indent,
            y=middle + 4.5,
            font_size=size,
            font_weight=600 if row.is_critical and row.kind != "file" else 400,
            class_="mute" if row.kind == "file" and not row.is_critical else "ink",
        )

    def _number(self, parent: Element, span: Span | None, middle: float) -> None:
        if span is not None:
            element(
                parent,
                "text",
                format_duration(span.duration),
                class_="mute",
                x=self.width - _MARGIN,
                y=middle + 4.5,
                font_size=_SMALL,
                text_anchor="end",
            )

    def _legend(self, root: Element, y: float, key: str) -> float:
        x = _MARGIN
        entries: list[tuple[str, str]] = [*legend_of(self.timeline)]
        if self.timeline.failures:
            entries.append(("fail", "failed"))
        if self.timeline.is_open:
            entries.append(("open", "in progress"))
        for style, words in entries:
            entry_width = 26 + text_width(words, _SMALL)
            if x + entry_width > self.width - _MARGIN:
                x, y = _MARGIN, y + 20
            high = 3.0 if style == "wait" else 10.0
            fills = [style] if style != "open" else ["work", ""]
            for fill in fills:
                box = element(root, "rect", x=x, y=y - 4 - high / 2, width=18, height=high)
                box.set("rx", number(min(3.0, high / 2)))
                box.set(*(("class", fill) if fill else ("fill", f"url(#{key}-stripes)")))
            element(root, "text", words, class_="mute", x=x + 24, y=y, font_size=_SMALL)
            x += entry_width + 18
        return y


def _label_width(row: Row) -> float:
    name = text_width(row.label, _TEXT, bold=row.is_critical) + _indent(row)
    return max(name, text_width(_many(row), _SMALL) if row.kind == "files" else 0.0)


def _many(row: Row) -> str:
    return join_parts((pluralize(row.many, "file"), _failed(row)))


def _failed(row: Row) -> str:
    return f"{len(row.step.failures):,} failed" if row.step.failures else ""


def _indent(row: Row) -> float:
    return 14.0 if row.kind == "file" else 0.0


def _lines(parts: Iterable[str], room: float, separator: str = " ") -> list[str]:
    """Put parts side by side, and on a new line where they do not fit."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{separator}{part}" if lines else part
        if lines and text_width(longer, _TEXT) <= room:
            lines[-1] = longer
        else:
            lines.append(fit_text(part, room, _TEXT))
    return lines
