"""A timeline as an HTML page: readable without scripts, on wide and on narrow screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from datalab_facade.pictures.bars import Scale, draw_row, stripes
from datalab_facade.pictures.markup import (
    Element,
    element,
    key_of,
)
from datalab_facade.pictures.page import page
from datalab_facade.pictures.rows import Headline, Row, file_rows, legend_of, steps_of
from datalab_facade.pictures.words import format_duration, pluralize, sanitize, ticks

if TYPE_CHECKING:
    from datalab_facade.timeline import Span, Timeline, TimelineStep

_MAX_FAILURES = 100
# Folded rows are out of sight, but still cost bytes and layout time.
_MAX_FILES = 1_000
_MAX_UNFOLDED_FILES = 6


def timeline_html(timeline: Timeline) -> str:
    """Draw the timeline as an HTML page."""
    title = Headline.of(timeline).title
    return page(title, LAYOUT, [_Page(timeline).draw()])


def draw_chart(main: Element, timeline: Timeline) -> None:
    """Draw the chart of a timeline into a page whose style has the ``LAYOUT``."""
    _Page(timeline).chart(main)


@attrs.define
class _Page:
    timeline: Timeline
    key: str = attrs.field(init=False)
    files_left: int = _MAX_FILES

    def __attrs_post_init__(self) -> None:
        self.key = key_of(self.timeline)

    def draw(self) -> Element:
        main = element(None, "main")
        self._head(main)
        self.chart(main)
        self._failures(main)
        return main

    def _head(self, main: Element) -> None:
        headline = Headline.of(self.timeline)
        head = element(main, "header")
        line = element(head, "div", class_="headline")
        element(line, "h1", headline.title)
        element(line, "span", headline.status, class_=f"status {headline.state}")
        if headline.total:
            element(line, "span", headline.total, class_="total")
        facts = element(head, "ul", class_="facts")
        for fact in headline.facts:
            element(facts, "li", fact)
        if headline.path:
            element(head, "p", headline.path, class_="path")

    def chart(self, main: Element) -> None:
        """Draw the times of all steps and files, if there are any."""
        steps, left_out = steps_of(self.timeline)
        if not steps:
            return
        chart = element(main, "section", class_="card chart", aria_label="Timeline")
        plot = element(chart, "div", class_="plot")
        scale = None
        if self.timeline.started_at is not None and self.timeline.ended_at is not None:
            scale = Scale(self.timeline.started_at, self.timeline.ended_at)
            self._axis(plot)
        for step in steps:
            self._step(plot, step, scale)
        if left_out:
            element(chart, "p", f"… {pluralize(left_out, 'more step')}", class_="more")
        if scale is not None:
            self._legend(chart)

    def _axis(self, chart: Element) -> None:
        for style, most in (("axis wide", 8), ("axis narrow", 4)):
            row = element(chart, "div", class_=f"row {style}", aria_hidden="true")
            element(row, "span", class_="name")
            drawing = element(row, "svg", class_="datalab-picture bar", height=18, width="100%")
            for share, words in ticks(self.timeline.total, most):
                if share > 0.97 or (self.timeline.is_open and share > 0.85):
                    continue
                text = element(drawing, "text", words, x=f"{100 * share:.2f}%", y=13, font_size=12)
                text.set("text-anchor", "start" if share == 0 else "middle")
                text.set("class", "mute")
            if self.timeline.is_open:
                element(drawing, "text", "now", x="100%", y=13, font_size=12, text_anchor="end")
            element(row, "span", "worked", class_="number")
            element(row, "span", "waited", class_="number")
            if style.endswith("wide"):
                definitions = element(row, "svg", width=0, height=0, class_="datalab-picture defs")
                stripes(definitions, self.key)
                self._grid(chart, most)

    def _grid(self, chart: Element, most: int) -> None:
        holder = element(chart, "div", class_="row lines", aria_hidden="true")
        element(holder, "span", class_="name")
        drawing = element(holder, "svg", class_="datalab-picture bar", width="100%", height="100%")
        for share, _ in ticks(self.timeline.total, most):
            x = f"{100 * share:.2f}%"
            element(drawing, "line", class_="grid", x1=x, x2=x, y1=0, y2="100%")

    def _step(self, chart: Element, step: TimelineStep, scale: Scale | None) -> None:
        files = file_rows(step, self.files_left)
        many = len(step.runs) > _MAX_UNFOLDED_FILES
        run = step.runs[0] if len(step.runs) == 1 else None
        row = Row("files" if many else "step", step, run)
        style = "row step dense" if many else "row step"
        if not files:
            self._row(element(chart, "div", class_=style), row, scale)
            return
        self.files_left -= len(files)
        details = element(chart, "details")
        if not many:
            details.set("open", "open")
        self._row(element(details, "summary", class_=style), row, scale)
        for file in files:
            self._row(element(details, "div", class_="row file"), file, scale)
        if len(files) < len(step.runs):
            more = pluralize(len(step.runs) - len(files), "more file")
            element(details, "p", f"… {more}", class_="more")

    def _row(self, at: Element, row: Row, scale: Scale | None) -> None:
        at.set("title", row.tooltip)
        style = f"name {row.state}" + (" critical" if row.is_critical else "")
        name = element(at, "span", class_=style)
        element(name, "span", row.label, class_="label")
        status = row.step.status if row.run is None else row.run.status
        element(name, "span", sanitize(status), class_="sr-only")
        if row.run is None and row.many:
            words = pluralize(row.many, "file")
            if row.step.failures:
                words += f" · {len(row.step.failures):,} failed"
            element(name, "span", words, class_="many")
        height = {"step": 22, "file": 14, "files": 40}[row.kind]
        drawing = element(at, "svg", class_="datalab-picture bar", width="100%", height=height)
        drawing.set("aria-hidden", "true")
        if scale is not None:
            inset = 3 if row.kind != "files" else 1
            draw_row(drawing, row, scale, top=inset, height=height - 2 * inset, key=self.key)
        _number(at, row.working, "worked")
        _number(at, row.waiting, "waited")

    def _legend(self, chart: Element) -> None:
        legend = element(chart, "ul", class_="legend")
        entries: list[tuple[str, str]] = [*legend_of(self.timeline)]
        if self.timeline.failures:
            entries.append(("fail", "failed"))
        for style, words in entries:
            item = element(legend, "li")
            drawing = element(item, "svg", class_="datalab-picture", width=18, height=10)
            drawing.set("aria-hidden", "true")
            high = 3 if style == "wait" else 10
            element(drawing, "rect", class_=style, y=(10 - high) / 2, width=18, height=high, rx=2)
            element(item, "span", words)

    def _failures(self, main: Element) -> None:
        failed = self.timeline.failures
        if not failed and not self.timeline.error:
            return
        section = element(main, "section", class_="card failures")
        element(section, "h2", "What failed")
        entries = element(section, "ul")
        if self.timeline.error:
            self._failure(entries, "the execution", "", self.timeline.error)
        for run in failed[:_MAX_FAILURES]:
            file = "" if run.file_key is None else sanitize(run.file_key)
            self._failure(entries, sanitize(run.step), file, run.error or "no reason given")
        if len(failed) > _MAX_FAILURES:
            more = f"… {len(failed) - _MAX_FAILURES:,} more failed"
            element(section, "p", more, class_="more")

    def _failure(self, entries: Element, step: str, file: str, words: str) -> None:
        item = element(entries, "li")
        place = element(item, "strong", step)
        if file:
            place.tail = " "
            element(item, "span", file, class_="place")
        element(item, "div", words)


def _number(at: Element, span: Span | None, title: str) -> None:
    words = "" if span is None else format_duration(span.duration)
    element(at, "span", words, class_=f"number {title}")


LAYOUT = """
.headline{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 14px}
.status{font-size:13px;font-weight:650;color:var(--mute);overflow-wrap:anywhere}
.status::before{content:"";display:inline-block;width:9px;height:9px;border-radius:50%;
background:currentColor;margin-right:6px}
.status.failed{color:var(--failed)}.status.done{color:var(--done)}
.status.working{color:var(--critical)}
.total{font-size:24px;font-weight:650;margin-left:auto}
.facts{display:flex;flex-wrap:wrap;gap:0 18px;color:var(--mute);margin-top:6px}
.row{display:grid;grid-template-columns:minmax(7rem,15rem) minmax(0,1fr) 4.4rem 4.4rem;
column-gap:12px;align-items:center;min-height:32px;position:relative}
.row.file{min-height:22px;font-size:13px}
.row.axis{min-height:24px;font-size:12px;color:var(--mute)}
.row.axis.narrow{display:none}
.plot{position:relative}
.row.lines{position:absolute;inset:26px 0 0;grid-template-rows:100%;pointer-events:none}
.sr-only{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.row.dense{min-height:54px}
.bar{display:block;overflow:visible}
.defs{position:absolute}
.name{display:flex;flex-direction:column;min-width:0;padding-left:15px;position:relative}
.file .name{padding-left:31px;color:var(--mute)}
.name::before{content:"";position:absolute;left:0;top:.45em;width:8px;height:8px;
border-radius:50%;background:var(--wait)}
.axis .name::before,.lines .name::before{display:none}
.file .name::before{left:16px;width:7px;height:7px}
.name.done::before{background:var(--done)}.name.failed::before{background:var(--failed)}
.name.working::before{background:var(--critical)}
.label{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.critical .label{font-weight:650;color:var(--ink)}
.many{font-size:12.5px;color:var(--mute)}
.number{text-align:right;font-size:13px;color:var(--mute);white-space:nowrap}
.worked{color:var(--ink)}
summary{cursor:pointer;list-style:none;border-radius:6px}
summary::-webkit-details-marker{display:none}
summary .many::after{content:" \\25B8"}
details[open] .many::after{content:" \\25BE"}
summary:focus-visible{outline:2px solid var(--critical);outline-offset:2px}
details[open]{padding-bottom:6px}
.more{color:var(--mute);font-size:13px;padding:4px 0 0 31px}
.legend{display:flex;flex-wrap:wrap;gap:2px 20px;font-size:12.5px;color:var(--mute);
padding-top:12px}
.legend li{display:flex;align-items:center;gap:7px}
.failures li{padding:7px 0;border-top:1px solid var(--grid);overflow-wrap:anywhere}
.failures li div{color:var(--failed)}
.place{color:var(--mute)}
@media (max-width:640px){
.total{margin-left:0}
.row{grid-template-columns:minmax(0,1fr) 4rem 4rem;padding:3px 0;row-gap:2px}
.row .bar{grid-column:1/-1;grid-row:2}
.row.axis.wide,.row.lines{display:none}
.row.axis.narrow{display:grid}
}
"""
