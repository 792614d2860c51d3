"""The report of a run as an HTML page, and as a small table for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datalab_facade.pictures.markup import Element, as_xml, element, number
from datalab_facade.pictures.page import page
from datalab_facade.pictures.timeline_html import LAYOUT, draw_chart
from datalab_facade.pictures.words import format_duration, pluralize, sanitize

if TYPE_CHECKING:
    from datalab_facade.runs.run_results import RunReport, RunResult

_MAX_ROWS: Final = 1_000
_MAX_WORDS: Final = 1_000
_MAX_NOTEBOOK_ROWS: Final = 20
_HEADINGS: Final = ("File", "State", "Pages", "Cents", "Time", "Folder")
_STYLE: Final = """
.files{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:4px 8px;border-bottom:1px solid var(--grid);
overflow-wrap:anywhere}
th{color:var(--mute)}
"""


def run_html(report: RunReport) -> str:
    """Write the report of a run as an HTML page; of very many files, failures come first."""
    main = element(None, "main")
    head = element(main, "header")
    element(head, "h1", _title(report))
    element(head, "p", _totals(report))
    element(head, "p", _safe(str(report.folder)), class_="path")
    draw_chart(main, report.timeline())
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
    facts = [f"{len(report.succeeded)} of {pluralize(len(report.results), 'file')} done"]
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
    for heading in _HEADINGS:
        element(row, "th", heading)
    body = element(table, "tbody")
    for result in results[:most]:
        row = element(body, "tr")
        for text in _cells(result):
            element(row, "td", text)
    if len(results) > most:
        element(parent, "p", f"… {pluralize(len(results) - most, 'more file')}")


def _cells(result: RunResult) -> tuple[str, ...]:
    return (
        _safe(result.source),
        "done" if result.succeeded else _safe(result.reason or "not done"),
        "" if result.page_count is None else str(result.page_count),
        "" if result.cost_cents is None else number(result.cost_cents),
        "" if result.duration is None else format_duration(result.duration),
        _safe(str(result.folder)),
    )


def _safe(text: str) -> str:
    return sanitize(text, limit=_MAX_WORDS)
