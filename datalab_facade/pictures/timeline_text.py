"""A timeline as text: a row for each step, with time running to the right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from datalab_facade.pictures.rows import Headline, Row, legend_of, load_of, rows_of, share_of
from datalab_facade.pictures.terminal import (
    BLUE,
    BOLD,
    DIM,
    PLAIN,
    RED,
    STATE_COLORS,
    STRONG_BLUE,
    Terminal,
)
from datalab_facade.pictures.words import (
    SEPARATOR,
    cell_width,
    format_duration,
    pluralize,
    sanitize,
    ticks,
)

if TYPE_CHECKING:
    from datetime import datetime

    from datalab_facade.timeline import Span, Timeline

_NUMBER = 8
_WIDE = 72
_MAX_FAILURES = 5


def timeline_text(timeline: Timeline, terminal: Terminal) -> str:
    """Draw the timeline as lines no wider than the terminal, without a newline at the end."""
    chart = _Chart.of(timeline, terminal)
    parts = (chart.head(), chart.body(), chart.failures(), chart.legend())
    return "\n\n".join(filter(None, ("\n".join(part) for part in parts)))


@attrs.frozen
class _Chart:
    timeline: Timeline
    terminal: Terminal
    rows: list[Row]
    left_out: int
    labels: int
    """The columns for names."""
    plot: int
    """The columns for bars."""
    is_wide: bool

    @classmethod
    def of(cls, timeline: Timeline, terminal: Terminal) -> _Chart:
        rows, left_out = rows_of(timeline)
        width = terminal.width
        is_wide = width >= _WIDE
        longest = max((cell_width(terminal.adapt(_label(row))) for row in rows), default=0)
        labels = max(4, min(longest, width * 3 // 10, 36))
        plot = width - 2 - labels - 1 - _NUMBER * (2 if is_wide else 1)
        return cls(timeline, terminal, rows, left_out, labels, plot, is_wide)

    def head(self) -> Iterator[str]:
        headline, terminal = Headline.of(self.timeline), self.terminal
        sign = terminal.glyphs.signs[headline.state]
        color = STATE_COLORS[headline.state]
        status = terminal.adapt(headline.status)
        yield from terminal.flow(
            [
                [(headline.title, BOLD)],
                [(f"{sign} {terminal.fit(status, min(cell_width(status), 24))}", color)],
                [(headline.total, BOLD)],
            ]
        )
        facts = [[(terminal.adapt(fact), DIM)] for fact in headline.facts]
        yield from terminal.flow(facts, gap=terminal.adapt(SEPARATOR))
        if headline.path:
            yield from terminal.lines(headline.path, most=4)

    def body(self) -> Iterator[str]:
        if self.rows and self.timeline.total:
            yield from self._axis()
        for row in self.rows:
            yield self._row(row)
        if self.left_out:
            more = pluralize(self.left_out, "more step")
            yield self.terminal.paint(self.terminal.adapt(f"  … {more}"), DIM)

    def _axis(self) -> Iterator[str]:
        glyphs = self.terminal.glyphs
        words, rule = [" "] * self.plot, [glyphs.line] * self.plot
        now = "now" if self.timeline.is_open else ""
        free_from, free_to = 0, self.plot - (len(now) + 1 if now else 0)
        for share, label in ticks(self.timeline.total, max(1, self.plot // 9)):
            place = min(self.plot - 1, round(share * self.plot))
            rule[place] = glyphs.tick
            # The last label may extend to the left of its tick.
            begin = min(place, self.plot - len(label))
            if begin >= free_from and begin + len(label) <= free_to:
                words[begin : begin + len(label)] = label
                free_from = begin + len(label) + 1
        if now:
            words[-len(now) :] = now
        margin = " " * (self.labels + 3)
        numbers = "worked".rjust(_NUMBER) + ("waited".rjust(_NUMBER) if self.is_wide else "")
        yield self.terminal.paint(margin + "".join(words) + numbers, DIM)
        yield self.terminal.paint(margin + "".join(rule), DIM)

    def _row(self, row: Row) -> str:
        terminal = self.terminal
        label = self._fit_label(row)
        strong = BOLD if row.is_critical and row.kind != "file" else PLAIN
        parts = [
            (terminal.glyphs.signs[row.state] + " ", STATE_COLORS[row.state]),
            (label + " ", strong),
            *self._bar(row),
            (_seconds(row.working), PLAIN),
        ]
        if self.is_wide:
            parts.append((_seconds(row.waiting), DIM))
        return terminal.columns(parts)

    def _fit_label(self, row: Row) -> str:
        many = self.terminal.adapt(f" ×{row.many}") if row.kind == "files" else ""
        indent = "  " if row.kind == "file" else ""
        room = max(1, self.labels - len(many) - len(indent))
        name = self.terminal.fit(row.label, min(room, cell_width(self.terminal.adapt(row.label))))
        return self.terminal.fit(indent + name + many, self.labels)

    def _bar(self, row: Row) -> list[tuple[str, str]]:
        timeline = self.timeline
        if timeline.started_at is None or timeline.ended_at is None:
            return [(" " * self.plot, PLAIN)]
        if row.kind == "files":
            return self._density(row, timeline.started_at, timeline.ended_at)
        return self._spans(row, timeline.started_at, timeline.ended_at)

    def _spans(self, row: Row, start: datetime, end: datetime) -> list[tuple[str, str]]:
        glyphs, halves = self.terminal.glyphs, 2 * self.plot
        wait = _halves(row.waiting, start, end, halves)
        work = _at_least_one(row.working, start, end, halves)
        critical = [_at_least_one(span, start, end, halves) for span in row.critical]
        failed = [_at_least_one(span, start, end, halves) for span in row.failed]
        styled_cells: list[tuple[str, str]] = []
        for cell in range(self.plot):
            left, right = 2 * cell, 2 * cell + 1
            if left in work or right in work:
                is_critical = any(left in span or right in span for span in critical)
                marks = glyphs.critical if is_critical else glyphs.work
                color = STRONG_BLUE if is_critical else BLUE
                if any(left in span or right in span for span in failed):
                    color = RED
                styled_cells.append(
                    (
                        marks[0 if left in work and right in work else 1 if left in work else 2],
                        color,
                    )
                )
            elif left in wait or right in wait:
                styled_cells.append((glyphs.wait, DIM))
            else:
                styled_cells.append((" ", PLAIN))
        if work and row.working is not None and row.working.is_open:
            last = work[-1] // 2
            styled_cells[last] = (glyphs.in_progress, styled_cells[last][1])
        for span in failed:
            styled_cells[span[-1] // 2] = (glyphs.failed, RED)
        return styled_cells

    def _density(self, row: Row, start: datetime, end: datetime) -> list[tuple[str, str]]:
        glyphs = self.terminal.glyphs
        load = load_of(row.step.runs, start, end, self.plot)
        critical = [_at_least_one(span, start, end, 2 * self.plot) for span in row.critical]
        styled_cells: list[tuple[str, str]] = []
        columns = zip(load.working, load.waiting, load.failed, strict=True)
        for cell, (working, waiting, failed) in enumerate(columns):
            if failed:
                styled_cells.append((glyphs.failed, RED))
            elif working > 0:
                level = min(0.999, working / load.max_working)
                is_critical = any(2 * cell in span or 2 * cell + 1 in span for span in critical)
                color = STRONG_BLUE if is_critical else BLUE
                styled_cells.append((glyphs.levels[int(level * len(glyphs.levels))], color))
            else:
                styled_cells.append((glyphs.wait, DIM) if waiting > 0 else (" ", PLAIN))
        return styled_cells

    def failures(self) -> Iterator[str]:
        terminal, bullet = self.terminal, self.terminal.glyphs.bullet
        failed = self.timeline.failures
        messages = [
            f"{_name(run.step, run.file_key)}: {run.error or 'no reason given'}"
            for run in failed[:_MAX_FAILURES]
        ]
        if self.timeline.error:
            messages.append(f"the execution: {self.timeline.error}")
        for words in messages:
            for line in terminal.lines(f"{bullet} {words}", indent=2):
                yield terminal.paint(line, RED)
        if len(failed) > _MAX_FAILURES:
            yield terminal.paint(
                terminal.adapt(f"  … {len(failed) - _MAX_FAILURES:,} more failed"), RED
            )

    def legend(self) -> list[str]:
        if not (self.rows and self.timeline.total):
            return []
        glyphs = self.terminal.glyphs
        marks = {
            "crit": (glyphs.critical[0] * 2, STRONG_BLUE),
            "work": (glyphs.work[0] * 2, BLUE),
            "wait": (glyphs.wait * 2, DIM),
        }
        pieces = [[marks[style], (f" {words}", DIM)] for style, words in legend_of(self.timeline)]
        if any(row.kind == "files" for row in self.rows):
            pieces.append([(glyphs.levels[1::2], BLUE), (" files at work", DIM)])
        if self.timeline.failures:
            pieces.append([(glyphs.failed, RED), (" failed", DIM)])
        if self.timeline.is_open:
            pieces.append([(glyphs.in_progress, BLUE), (" in progress", DIM)])
        return self.terminal.flow(pieces, gap="   ")


def _label(row: Row) -> str:
    if row.kind == "files":
        return f"{row.label} ×{row.many}"
    return "  " + row.label if row.kind == "file" else row.label


def _name(step: str, file_key: str | None) -> str:
    return sanitize(step) if file_key is None else f"{sanitize(step)} [{sanitize(file_key)}]"


def _seconds(span: Span | None) -> str:
    return ("" if span is None else format_duration(span.duration)).rjust(_NUMBER)


def _at_least_one(span: Span | None, start: datetime, end: datetime, halves: int) -> range:
    """Return the half cells that a span covers, at least one."""
    covered = _halves(span, start, end, halves)
    if span is None or covered:
        return covered
    first = min(halves - 1, covered.start)
    return range(first, first + 1)


def _halves(span: Span | None, start: datetime, end: datetime, halves: int) -> range:
    if span is None:
        return range(0)
    return range(
        round(share_of(span.started_at, start, end) * halves),
        round(share_of(span.ended_at, start, end) * halves),
    )
