"""A task over files, whose results are saved in a folder: durable, and shown as it goes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from datalab_facade.cli.document_display import DocumentDisplay
from datalab_facade.cli.document_results import (
    SourceResult,
    cost_documents,
    report_document,
    to_document,
)
from datalab_facade.cli.exits import ExitCode, worst
from datalab_facade.cli.rendering.conversions import report_text, result_line, summary_lines
from datalab_facade.cli.rendering.reasons import is_same_again
from datalab_facade.cli.result_output import exit_code_of
from datalab_facade.cli.sessions import Session
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import LocalFileError

if TYPE_CHECKING:
    from datalab_facade.cli.document_options import RunSettings
    from datalab_facade.client import Datalab
    from datalab_facade.jobs.outcomes import Update
    from datalab_facade.runs.run_results import RunResult


def run_and_save(
    session: Session,
    client: Datalab,
    task: Task[Any],
    sources: Sequence[str],
    *,
    folder: str,
    settings: RunSettings,
) -> ExitCode:
    """Do a task with each source, and save the results; the same call continues.

    Returns:
        The exit code: DONE if all are done.
    """
    session.if_interrupted = "Submitted requests continue; run the same command again to continue"
    out = session.out
    display = DocumentDisplay(
        session,
        len(sources),
        "Ctrl-C stops this; run the same command again to continue.",
        live=not (out.is_terminal and session.as_json),
    )
    found: list[SourceResult] = []
    last: RunResult | None = None

    def on_update(update: Update[Any, Any]) -> None:
        if update.change is not None:
            snapshot = update.change.snapshot
            display.show_status(update.source or str(snapshot.id), str(snapshot.status).lower())
        display.expect(update.totals.total)

    options = settings.options()
    options["on_update"] = on_update
    finished = client.iter_run(task, sources, output_dir=folder, **options)
    with contextlib.closing(finished), display:
        for one in finished:
            result = SourceResult.of_run(one)
            found.append(result)
            display.end(result)
            if session.as_json:
                out.write_json({"event": "result", **to_document(result)}, indented=False)
            elif not (out.is_terminal or is_same_again(one, last)):
                out.write(result_line(result, out.for_tables))
            last = one
    early, found = found, _with_late_costs(found, Path(folder))
    if session.as_json:
        for cost in cost_documents(early, found):
            out.write_json(cost, indented=False)
        out.write_json(report_document(folder, found), indented=False)
    elif out.is_terminal:
        out.write(report_text(folder, found, out.for_tables))
    else:
        out.write("\n".join(summary_lines(folder, found, out.for_tables)))
    return worst(map(exit_code_of, found))


def _with_late_costs(results: list[SourceResult], folder: Path) -> list[SourceResult]:
    """Add the costs that were not known yet when a result came; the run's journal has them."""
    from datalab_facade.runs.run_records import RunRecords

    if all(one.cost_cents is not None for one in results if one.succeeded):
        return results
    try:
        records, _ = RunRecords.read(folder)
    except LocalFileError:
        # The journal is gone, for example.
        return results
    late = {str(entry.job_id): entry.cents for _, entry in records.entries()}
    return [
        attrs.evolve(one, cost_cents=late.get(one.id or "")) if one.cost_cents is None else one
        for one in results
    ]
