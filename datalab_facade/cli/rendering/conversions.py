"""Results of documents, and documents at work, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs

from datalab_facade.cli.document_results import SourceResult, totals
from datalab_facade.cli.rendering.reasons import done_lines, reason_lines
from datalab_facade.cli.rendering.signs import plain, sign, size
from datalab_facade.cli.tables import Cell, Column, facts, paragraph, table
from datalab_facade.documents.results import FilledForm, Segmentation
from datalab_facade.json_forms import JSON
from datalab_facade.pictures.rows import State
from datalab_facade.pictures.terminal import BOLD, DIM, RED, STATE_COLORS, Terminal
from datalab_facade.pictures.words import format_duration, join_parts, pluralize, sanitize

_RESULTS: Final = (
    Column(""),
    Column("file", shrinks=True),
    Column("pages", side="right"),
    Column("cost", side="right", optional=1),
    Column("files", side="right", optional=2),
)
_AT_WORK: Final = (
    Column(""),
    Column("file", shrinks=True),
    Column("status", optional=3),
    Column("pages", side="right", optional=1),
    Column("cost", side="right", optional=2),
    Column("time", side="right"),
)
_SEGMENTS: Final = (
    Column("segment", shrinks=True),
    Column("pages"),
    Column("confidence", optional=1),
)
_SOURCES: Final = (Column("", shrinks=True), Column("", side="right"))
_ORDER: Final[dict[State, int]] = {"working": 0, "failed": 1, "done": 2}
_MAX_SOURCES: Final = 20


def money(cents: float | None) -> str:
    """Format an amount of money; empty if it is not known.

    >>> [money(cents) for cents in (None, 0, 0.6, 12, 1234.5)]
    ['', '$0.00', '$0.006', '$0.12', '$12.345']
    """
    if cents is None:
        return ""
    whole, _, part = f"{cents / 100:,.4f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"


def result_line(result: SourceResult, terminal: Terminal) -> str:
    """Describe what came of a source in one line."""
    mark, name, *_ = _row(result, terminal)
    about = [] if result.succeeded else [[(terminal.adapt(_reason(result)), RED)]]
    if result.page_count is not None:
        about.append([(terminal.adapt(_about(result)), DIM)])
    return "\n".join(terminal.flow([[mark], [name], *about]))


def result_lines(
    results: Sequence[SourceResult], terminal: Terminal, most: int | None = None
) -> list[str]:
    """Show what came of each source; if there are more than the most, those that failed first."""
    shown = results
    if most is not None and len(results) > most:
        shown = sorted(results, key=lambda result: result.succeeded)[:most]
    rows = [_row(result, terminal) for result in shown]
    columns = _RESULTS if any(result.paths for result in shown) else _RESULTS[:-1]
    lines = table(columns, [row[: len(columns)] for row in rows], terminal)
    if len(results) > len(shown):
        more = f"… {pluralize(len(results) - len(shown), 'more file')}"
        lines.append(terminal.paint(terminal.adapt(more), DIM))
    return lines


def report_text(folder: str, results: Sequence[SourceResult], terminal: Terminal) -> str:
    """Show what came of each source, the reasons of failures, and the totals."""
    lines = result_lines(results, terminal)
    failed = [result for result in results if not result.succeeded]
    lines += reason_lines(((_name(one.source), _reason(one)) for one in failed), terminal)
    return "\n".join([*lines, "", *summary_lines(folder, results, terminal)])


def summary_lines(folder: str, results: Sequence[SourceResult], terminal: Terminal) -> list[str]:
    """Show how many files are done, and the pages and the cost of all."""
    pages, cents = totals(results)
    more = (pluralize(pages, "page") if pages else "", money(cents) if cents else "")
    return done_lines(
        folder,
        done=sum(result.succeeded for result in results),
        left=sum(result.is_left for result in results),
        total=len(results),
        terminal=terminal,
        more=join_parts(more),
    )


def _row(result: SourceResult, terminal: Terminal) -> list[Cell]:
    return [
        sign("done" if result.succeeded else "failed", terminal),
        plain(_name(result.source)),
        *_pages_and_cost(result),
        (f"{len(result.paths)}" if result.paths else "", DIM),
    ]


def _pages_and_cost(result: SourceResult | None) -> tuple[Cell, Cell]:
    if result is None:
        return plain(""), plain("")
    pages = "" if result.page_count is None else f"{result.page_count:,}"
    return plain(pages), plain(money(result.cost_cents))


def _about(result: SourceResult) -> str:
    pages = "" if result.page_count is None else pluralize(result.page_count, "page")
    return join_parts((pages, money(result.cost_cents)))


def _name(source: str) -> str:
    return sanitize(Path(source).name or source)


def _reason(result: SourceResult) -> str:
    return "" if result.problem is None else sanitize(result.problem.line(), limit=400)


@attrs.frozen(kw_only=True)
class DocumentRow:
    """A document at work, or done."""

    source: str
    state: State
    status: str
    seconds: float
    """How long it has been at work."""
    result: SourceResult | None = None
    """What came of it; None while it is at work."""


def at_work_text(
    rows: Sequence[DocumentRow], total: int, seconds: float, terminal: Terminal, most: int
) -> str:
    """Show documents at work, those that are not done first, and the totals so far.

    Args:
        rows: The documents that were submitted.
        total: The number of all documents.
        seconds: How long all of it has been at work.
        terminal: What the terminal can show.
        most: The largest number of rows.
    """
    shown = sorted(rows, key=lambda row: _ORDER.get(row.state, 3))[: max(1, most)]
    cells = [
        [
            sign(row.state, terminal),
            plain(_name(row.source)),
            (sanitize(row.status.replace("_", " "), limit=24), STATE_COLORS[row.state]),
            *_pages_and_cost(row.result),
            (format_duration(timedelta(seconds=row.seconds)), DIM),
        ]
        for row in shown
    ]
    lines = [*table(_AT_WORK, cells, terminal), ""] if cells else []
    if len(rows) > len(shown):
        more = f"… {pluralize(len(rows) - len(shown), 'more file')}"
        lines.insert(-1, terminal.paint(terminal.adapt(more), DIM))
    return "\n".join([*lines, *paragraph(_progress(rows, total, seconds), terminal, BOLD)])


def _progress(rows: Sequence[DocumentRow], total: int, seconds: float) -> str:
    done = [row for row in rows if row.state in ("done", "failed")]
    pages, cents = totals(row.result for row in done if row.result is not None)
    left = total - len(done)
    to_go = ""
    if done and left:
        to_go = f"about {format_duration(timedelta(seconds=seconds / len(done) * left))} to go"
    return join_parts(
        (
            f"{len(done):,} of {pluralize(total, 'file')}",
            pluralize(pages, "page") if pages else "",
            money(cents) if cents else "",
            to_go,
        )
    )


def segments_text(result: Segmentation, terminal: Terminal) -> str:
    """Show the segments of a document and their pages."""
    if not result.segments:
        return "No segments were found."
    rows = [
        [
            (sanitize(segment.name), BOLD),
            plain(segment.page_range),
            (sanitize(str(segment.confidence or ""), limit=12) if segment.confidence else "", DIM),
        ]
        for segment in result.segments
    ]
    note = paragraph("The first page is 0.", terminal, DIM)
    return "\n".join([*table(_SEGMENTS, rows, terminal), "", *note])


def written_lines(result: SourceResult, terminal: Terminal) -> list[str]:
    """Report the files that were written for a document."""
    about = _about(result)
    lines: list[str] = []
    for path in result.paths:
        parts = [[sign("done", terminal)], [(terminal.adapt(sanitize(str(path))), BOLD)]]
        if about and not lines:
            parts.append([(terminal.adapt(about), DIM)])
        lines += terminal.flow(parts)
    form = result.result
    if isinstance(form, FilledForm):
        lines += paragraph(_filled(form), terminal, "" if form.is_complete else RED)
    return lines


def _filled(form: FilledForm) -> str:
    words = f"{pluralize(len(form.filled), 'field')} filled in"
    if form.not_found:
        names = ", ".join(sanitize(name, limit=60) for name in form.not_found)
        words += f"; the form has no field for: {names}"
    return words


def plan_text(plan: Mapping[str, JSON], terminal: Terminal) -> str:
    """Show what would be sent."""
    task, sources = plan["task"], plan["sources"]
    assert isinstance(task, dict)
    assert isinstance(sources, list)
    pairs = [("to send", f"{pluralize(len(sources), 'document')} to {plan['endpoint']}")]
    pairs += [(name, sanitize(str(value), limit=400)) for name, value in task.items()]
    lines = facts(pairs, terminal)
    rows: list[list[Cell]] = []
    for one in sources[:_MAX_SOURCES]:
        assert isinstance(one, dict)
        count = one["bytes"]
        bytes_there = size(count) if isinstance(count, int) else ""
        rows.append([plain(sanitize(str(one["source"]))), (bytes_there, DIM)])
    lines += ["", *table(_SOURCES, rows, terminal)]
    if len(sources) > len(rows):
        lines += paragraph(f"… {len(sources) - len(rows):,} more", terminal, DIM)
    rate = plan["cents_per_1000_pages"]
    cost = "The cost depends on the number of pages; Datalab tells it with the result."
    if isinstance(rate, (int, float)):
        cost = f"It costs about {money(rate)} for 1,000 pages."
    return "\n".join([*lines, "", *paragraph(f"{cost} Nothing was sent.", terminal)])
