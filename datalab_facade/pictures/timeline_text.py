"""A timeline as text: one row for each step, time running to the right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from datalab_facade.pictures.rows import Headline, Row, load_of, rows_of, share_of
from datalab_facade.pictures.terminal import (
    BLUE,
    BOLD,
    DIM,
    PLAIN,
    RED,
    STATE_COLOURS,
    STRONG_BLUE,
    Terminal,
)
from datalab_facade.pictures.words import SEPARATOR, cells, counted, duration, shown, ticks

if TYPE_CHECKING:
    from datetime import datetime

    from datalab_facade.timeline import Span, Timeline

_NUMBER = 8
_WIDE = 72
_SHOWN_FAILURES = 5


def timeline_text(timeline: Timeline, terminal: Terminal) -> str:
    """Draw it as lines no wider than the terminal, without a newline at the end."""
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
        longest = max((cells(terminal.words(_label(row))) for row in rows), default=0)
        labels = max(4, min(longest, width * 3 // 10, 36))
        plot = width - 2 - labels - 1 - _NUMBER * (2 if is_wide else 1)
        return cls(timeline, terminal, rows, left_out, labels, plot, is_wide)

    def head(self) -> Iterator[str]:
        told, terminal = Headline.of(self.timeline), self.terminal
        sign = terminal.glyphs.signs[told.state]
        colour = STATE_COLOURS[told.state]
        status = terminal.words(told.status)
        yield from terminal.flowed(
            [
                [(told.title, BOLD)],
                [(f"{sign} {terminal.fitted(status, min(cells(status), 24))}", colour)],
                [(told.total, BOLD)],
            ]
        )
        facts = [[(terminal.words(fact), DIM)] for fact in told.facts]
        yield from terminal.flowed(facts, gap=terminal.words(SEPARATOR))
        if told.path:
            yield from terminal.lines(told.path, most=4)

    def body(self) -> Iterator[str]:
        if self.rows and self.timeline.total:
            yield from self._axis()
        for row in self.rows:
            yield self._row(row)
        if self.left_out:
            more = counted(self.left_out, "more step")
            yield self.terminal.painted(self.terminal.words(f"  … {more}"), DIM)

    def _axis(self) -> Iterator[str]:
        glyphs = self.terminal.glyphs
        words, rule = [" "] * self.plot, [glyphs.line] * self.plot
        now = "now" if self.timeline.is_open else ""
        free_from, free_to = 0, self.plot - (len(now) + 1 if now else 0)
        for share, label in ticks(self.timeline.total, max(1, self.plot // 9)):
            place = min(self.plot - 1, round(share * self.plot))
            rule[place] = glyphs.tick
            # The last one may hang to the left of its tick.
            begin = min(place, self.plot - len(label))
            if begin >= free_from and begin + len(label) <= free_to:
                words[begin : begin + len(label)] = label
                free_from = begin + len(label) + 1
        if now:
            words[-len(now) :] = now
        margin = " " * (self.labels + 3)
        numbers = "worked".rjust(_NUMBER) + ("waited".rjust(_NUMBER) if self.is_wide else "")
        yield self.terminal.painted(margin + "".join(words) + numbers, DIM)
        yield self.terminal.painted(margin + "".join(rule), DIM)

    def _row(self, row: Row) -> str:
        terminal = self.terminal
        label = self._fitted_label(row)
        strong = BOLD if row.is_critical and row.kind != "file" else PLAIN
        parts = [
            (terminal.glyphs.signs[row.state] + " ", STATE_COLOURS[row.state]),
            (label + " ", strong),
            *self._bar(row),
            (_number(row.working), PLAIN),
        ]
        if self.is_wide:
            parts.append((_number(row.waiting), DIM))
        return terminal.columns(parts)

    def _fitted_label(self, row: Row) -> str:
        many = self.terminal.words(f" ×{row.many}") if row.kind == "files" else ""
        indent = "  " if row.kind == "file" else ""
        room = max(1, self.labels - len(many) - len(indent))
        name = self.terminal.fitted(row.label, min(room, cells(self.terminal.words(row.label))))
        return self.terminal.fitted(indent + name + many, self.labels)

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
        work = _marked(row.working, start, end, halves)
        critical = [_marked(span, start, end, halves) for span in row.critical]
        failed = [_marked(span, start, end, halves) for span in row.failed]
        drawn: list[tuple[str, str]] = []
        for cell in range(self.plot):
            left, right = 2 * cell, 2 * cell + 1
            if left in work or right in work:
                is_critical = any(left in span or right in span for span in critical)
                marks = glyphs.critical if is_critical else glyphs.work
                colour = STRONG_BLUE if is_critical else BLUE
                if any(left in span or right in span for span in failed):
                    colour = RED
                drawn.append(
                    (
                        marks[0 if left in work and right in work else 1 if left in work else 2],
                        colour,
                    )
                )
            elif left in wait or right in wait:
                drawn.append((glyphs.wait, DIM))
            else:
                drawn.append((" ", PLAIN))
        if work and row.working is not None and row.working.is_open:
            last = work[-1] // 2
            drawn[last] = (glyphs.going_on, drawn[last][1])
        for span in failed:
            drawn[span[-1] // 2] = (glyphs.failed, RED)
        return drawn

    def _density(self, row: Row, start: datetime, end: datetime) -> list[tuple[str, str]]:
        glyphs = self.terminal.glyphs
        load = load_of(row.step.runs, start, end, self.plot)
        critical = [_marked(span, start, end, 2 * self.plot) for span in row.critical]
        drawn: list[tuple[str, str]] = []
        columns = zip(load.working, load.waiting, load.failed, strict=True)
        for cell, (working, waiting, failed) in enumerate(columns):
            if failed:
                drawn.append((glyphs.failed, RED))
            elif working > 0:
                level = min(0.999, working / load.most_working)
                is_critical = any(2 * cell in span or 2 * cell + 1 in span for span in critical)
                colour = STRONG_BLUE if is_critical else BLUE
                drawn.append((glyphs.levels[int(level * len(glyphs.levels))], colour))
            else:
                drawn.append((glyphs.wait, DIM) if waiting > 0 else (" ", PLAIN))
        return drawn

    def failures(self) -> Iterator[str]:
        terminal, bullet = self.terminal, self.terminal.glyphs.bullet
        failed = self.timeline.failures
        told = [
            f"{_place(run.step, run.file_key)}: {run.error or 'no reason given'}"
            for run in failed[:_SHOWN_FAILURES]
        ]
        if self.timeline.error:
            told.append(f"the execution: {self.timeline.error}")
        for words in told:
            for line in terminal.lines(f"{bullet} {words}", indent=2):
                yield terminal.painted(line, RED)
        if len(failed) > _SHOWN_FAILURES:
            yield terminal.painted(
                terminal.words(f"  … {len(failed) - _SHOWN_FAILURES:,} more failed"), RED
            )

    def legend(self) -> list[str]:
        if not (self.rows and self.timeline.total):
            return []
        glyphs = self.terminal.glyphs
        pieces = [
            [(glyphs.critical[0] * 2, STRONG_BLUE), (" critical path", DIM)],
            [(glyphs.work[0] * 2, BLUE), (" other work", DIM)],
            [(glyphs.wait * 2, DIM), (" waiting", DIM)],
        ]
        if any(row.kind == "files" for row in self.rows):
            pieces.append([(glyphs.levels[1::2], BLUE), (" files at work", DIM)])
        if self.timeline.failures:
            pieces.append([(glyphs.failed, RED), (" failed", DIM)])
        if self.timeline.is_open:
            pieces.append([(glyphs.going_on, BLUE), (" goes on", DIM)])
        return self.terminal.flowed(pieces, gap="   ")


def _label(row: Row) -> str:
    if row.kind == "files":
        return f"{row.label} ×{row.many}"
    return "  " + row.label if row.kind == "file" else row.label


def _place(step: str, file_key: str | None) -> str:
    return shown(step) if file_key is None else f"{shown(step)} [{shown(file_key)}]"


def _number(span: Span | None) -> str:
    return ("" if span is None else duration(span.duration)).rjust(_NUMBER)


def _marked(span: Span | None, start: datetime, end: datetime, halves: int) -> range:
    """Give the halves of cells that work takes; however short, it leaves a mark."""
    taken = _halves(span, start, end, halves)
    if span is None or taken:
        return taken
    first = min(halves - 1, taken.start)
    return range(first, first + 1)


def _halves(span: Span | None, start: datetime, end: datetime, halves: int) -> range:
    if span is None:
        return range(0)
    return range(
        round(share_of(span.started_at, start, end) * halves),
        round(share_of(span.ended_at, start, end) * halves),
    )
