"""What came of a document, and its JSON: the results of commands on documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import attrs

from datalab_facade.cli.exits import ExitCode, Problem, problem_of, use_option_names
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.results import (
    FORMATS,
    AgentResult,
    Conversion,
    Extraction,
    FilledForm,
    SchemaSuggestions,
    Segmentation,
)
from datalab_facade.errors import DatalabError
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import redact_urls
from datalab_facade.runs.run_results import RunResult

SUGGESTIONS: Final = ("simple", "moderate", "complex")
"""The sizes of suggested schemas."""


@attrs.frozen(kw_only=True)
class SourceResult:
    """What came of one source."""

    source: str
    """The source as it was named."""
    id: str | None = None
    """The id of the request; None if there is none."""
    result: DocumentResult | None = None
    """The result, where it is in memory."""
    receipts: tuple[SavedResult, ...] = ()
    """The receipts of what was saved in a folder."""
    path: Path | None = None
    """The file that it was written to, if it was only one."""
    page_count: int | None = None
    """The number of pages; None if it is not known."""
    cost_cents: float | None = None
    """What it cost; None if it is not known yet."""
    error: DatalabError | None = None
    """What went wrong; there may be a result all the same."""
    reason: str | None = None
    """The reason of a failure in an earlier run, whose error object no longer exists."""
    is_left: bool = False
    """Whether it was not submitted, and a later run may do that."""

    @classmethod
    def of(cls, source: str, result: DocumentResult, *, job_id: str | None = None) -> Self:
        """Return what came of a source, of the result."""
        return cls(
            source=source,
            id=job_id or result.id,
            result=result,
            page_count=result.page_count,
            cost_cents=result.cost_cents,
        )

    @classmethod
    def of_run(cls, one: RunResult) -> Self:
        """Return what came of a file of a run."""
        return cls(
            source=one.source,
            id=None if one.job_id is None else str(one.job_id),
            receipts=one.receipts,
            page_count=one.page_count,
            cost_cents=one.cost_cents,
            error=one.error,
            reason=None if one.succeeded else one.reason or "not done",
            is_left=one.is_left,
        )

    @property
    def succeeded(self) -> bool:
        """Whether all went well."""
        return self.problem is None

    @property
    def problem(self) -> Problem | None:
        """What went wrong, as it is reported."""
        if self.error is not None:
            return problem_of(self.error)
        if self.reason is None:
            return None
        return Problem("NotDone", use_option_names(self.reason), "", ExitCode.FAILED)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were written."""
        saved = tuple(path for receipt in self.receipts for path in receipt.paths)
        return saved if self.path is None else (self.path, *saved)


def to_document(value: SourceResult) -> dict[str, JSON]:
    """Return the JSON of what came of a source."""
    document: dict[str, JSON] = {
        "source": redact_urls(value.source),
        "id": value.id,
        "succeeded": value.succeeded,
        "page_count": value.page_count,
        "cost_cents": value.cost_cents,
        "checkpoint_id": None if value.result is None else value.result.checkpoint_id,
        "files": [str(path) for path in value.paths],
        "error": None if value.problem is None else value.problem.to_dict(),
    }
    if value.result is not None:
        document |= content(value.result, is_saved=bool(value.paths))
    return document


def content(result: DocumentResult, *, is_saved: bool = False) -> dict[str, JSON]:
    """Return what is in a result, as JSON; without what is in files already."""
    found: dict[str, JSON] = {}
    if isinstance(result, FilledForm):
        found = {"filled": list(result.filled), "not_found": list(result.not_found)}
    elif is_saved:
        pass
    elif isinstance(result, Conversion):
        there = [name for name in result.output_formats if name in FORMATS]
        found = {name: getattr(result, name) for name in there if name not in result.empty_formats}
    elif isinstance(result, Extraction):
        fields: dict[str, JSON] = {path: one.to_dict() for path, one in result.fields.items()}
        found = {"value": result.data, "fields": fields, "score": result.score}
    elif isinstance(result, Segmentation):
        segments: list[JSON] = [
            {**segment.to_dict(), "page_range": segment.page_range} for segment in result.segments
        ]
        found = {"segments": segments}
    elif isinstance(result, SchemaSuggestions):
        found = {"suggestions": {name: getattr(result, name) for name in SUGGESTIONS}}
    elif isinstance(result, AgentResult):
        found = {"raw": dict(result.raw)}
    return found


def report_document(folder: str | None, results: Sequence[SourceResult]) -> dict[str, JSON]:
    """Return the totals of several sources."""
    succeeded = sum(result.succeeded for result in results)
    pages, cents = totals(results)
    return {
        "event": "report",
        "folder": folder,
        "succeeded": succeeded,
        "failed": len(results) - succeeded,
        "page_count": pages,
        "cost_cents": cents,
    }


def cost_documents(
    early: Sequence[SourceResult], final: Sequence[SourceResult]
) -> Iterator[dict[str, JSON]]:
    """Yield an event for each request whose cost was not known when its result was reported.

    Args:
        early: What came of the sources, as it was reported.
        final: The same, in the same order, at the end.
    """
    reported = set[str | None]()
    for before, after in zip(early, final, strict=True):
        if before.cost_cents == after.cost_cents or after.id in reported:
            continue
        reported.add(after.id)
        yield {
            "event": "cost",
            "source": redact_urls(after.source),
            "id": after.id,
            "cost_cents": after.cost_cents,
        }


def totals(results: Iterable[SourceResult]) -> tuple[int, float]:
    """Return the pages and the cents of several sources, as far as they are known.

    A request counts once, also if its source was named twice.
    """
    pages, cents, counted = 0, 0.0, set[str]()
    for result in results:
        if result.id is not None and result.id in counted:
            continue
        counted.add(result.id or "")
        pages += result.page_count or 0
        cents += result.cost_cents or 0
    return pages, round(cents, 6)
