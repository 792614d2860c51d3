"""The report of a run as an HTML page, and as a small table for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datalab_facade.pictures.markup import Element, as_xml, element, number
from datalab_facade.pictures.page import page
from datalab_facade.pictures.timeline_html import LAYOUT, draw_chart
from datalab_facade.pictures.words import format_duration, format_time, pluralize, sanitize

if TYPE_CHECKING:
    from datalab_facade.runs.run_results import RunReport, RunResult

_MAX_ROWS: Final = 1_000
_MAX_WORDS: Final = 1_000
_MAX_NOTEBOOK_ROWS: Final = 20
_STYLE: Final = """
table{border-collapse:collapse;width:100%}
th,td{text-align:right;vertical-align:top;padding:5px 0 5px 14px;white-space:nowrap}
th{color:var(--mute);font-size:12px;font-weight:400}
td{border-top:1px solid var(--grid)}
th:first-child,td:first-child{text-align:left;width:100%;padding-left:0;white-space:normal;
overflow-wrap:anywhere}
.words{font-size:13px;color:var(--mute)}.failed .words{color:var(--failed)}
"""


def run_html(report: RunReport) -> str:
    """Write the report of a run as an HTML page; of very many files, failures come first."""
    main = element(None, "main")
    head = element(main, "header")
    element(head, "h1", _title(report))
    element(head, "p", _totals(report))
    element(head, "p", _safe(str(report.folder)), class_="path")
    timeline = report.timeline()
    if timeline.started_at is not None:
        words = f"{format_time(timeline.started_at)}, {format_duration(timeline.total)}"
        element(head, "p", words, class_="more")
    draw_chart(main, timeline)
    _table(element(main, "section", class_="card files"), report, _MAX_ROWS)
    return page(_title(report), LAYOUT + _STYLE, [main])


def run_table(report: RunReport) -> str:
    """Write the report of a run as a small table."""
    root = element(None, "div")
    element(root, "p", f"{_title(report)}: {_totals(report)}")
    _table(root, report, _MAX_NOTEBOOK_ROWS)
    return as_xml(root)


def _title(report: RunReport) -> str:
    return _safe(report.task or f"Workflow {report.workflow_id}")


def _totals(report: RunReport) -> str:
    facts = [f"{len(report.succeeded):,} of {pluralize(len(report.results), 'file')} done"]
    pages = [one.page_count for one in report.results if one.page_count is not None]
    if pages:
        facts.append(pluralize(sum(pages), "page"))
    if report.cost_cents is not None:
        facts.append(f"{number(report.cost_cents)} cents")
    return ", ".join(facts)


def _table(parent: Element, report: RunReport, most: int) -> None:
    results = report.results
    if len(results) > most:
        results = (*report.failed, *report.succeeded)
    table = element(parent, "table")
    row = element(element(table, "thead"), "tr")
    for heading in ("file", "pages", "cents", "time"):
        element(row, "th", heading)
    body = element(table, "tbody")
    for result in results[:most]:
        row = element(body, "tr")
        _file(element(row, "td"), result)
        for text in _numbers(result):
            element(row, "td", text)
    if len(results) > most:
        element(parent, "p", f"… {pluralize(len(results) - most, 'more file')}", class_="more")


def _file(cell: Element, result: RunResult) -> None:
    state = "done" if result.succeeded else "failed"
    if result.is_unfinished:
        state = "working"
    name = element(cell, "div", class_=f"name {state}")
    name.set("title", _safe(str(result.folder)))
    element(name, "span", _safe(result.source))
    element(name, "span", state, class_="sr-only")
    if not result.succeeded:
        element(name, "span", _safe(result.reason or "not done"), class_="words")


def _numbers(result: RunResult) -> tuple[str, ...]:
    took = result.duration
    if took is None and result.submitted_at is not None and result.finished_at is not None:
        took = result.finished_at - result.submitted_at
    return (
        "" if result.page_count is None else f"{result.page_count:,}",
        "" if result.cost_cents is None else number(result.cost_cents),
        "" if took is None else format_duration(took),
    )


def _safe(text: str) -> str:
    return sanitize(text, limit=_MAX_WORDS)
