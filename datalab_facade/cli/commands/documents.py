"""The commands ``convert``, ``extract``, ``segment`` and ``track-changes``."""

from __future__ import annotations

from typing import Any, Final

import attrs
import click

from datalab_facade.cli.document_options import field_options, run_options
from datalab_facade.cli.document_plans import show_plan
from datalab_facade.cli.document_results import SourceResult, report_document, to_document
from datalab_facade.cli.document_runs import (
    DEFAULT_CONCURRENCY,
    Work,
    check_sources,
    expand,
    perform,
)
from datalab_facade.cli.document_tasks import make_task
from datalab_facade.cli.exits import ExitCode, worst
from datalab_facade.cli.rendering.conversions import report_text, result_line, summary_lines
from datalab_facade.cli.result_output import (
    deliver,
    exit_code_of,
    is_single_file,
    print_outcome,
)
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import InvalidArgumentError

_SOURCES: Final = """

SOURCE is a file, a URL, a datalab:// reference, or - for standard input; with -o also a
folder, of which all documents are taken."""


def _command(verb: str, help_text: str) -> click.Command:
    @click.command(verb, help=help_text + _SOURCES)
    @click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
    @field_options(verb)
    @click.option(
        "--extensions", metavar="NAMES", help="Of folders, only such files: pdf,docx for example."
    )
    @run_options
    @connection_options
    @with_session
    def command(
        session: Session,
        *,
        sources: tuple[str, ...],
        output: str | None,
        extensions: str | None,
        concurrency: int | None,
        timeout: float | None,
        fail_on: str,
        dry_run: bool,
        from_checkpoint: bool = False,
        **options: object,
    ) -> ExitCode:
        if verb == "track-changes" and output is None and options["output_format"] is None:
            # The server's default is all formats.
            options["output_format"] = "markdown"
        task = make_task(verb, options)
        if not from_checkpoint:
            check_sources(sources)
            sources = tuple(expand(sources, extensions))
        work = Work(
            task=task,
            sources=sources,
            folder=output,
            concurrency=concurrency or DEFAULT_CONCURRENCY,
            timeout=timeout,
            from_checkpoint=from_checkpoint,
            wait_for="scores" if options.get("include_scores") else None,
        )
        if output is None:
            _check_standard_output(session, work)
        if dry_run:
            return show_plan(session, task, sources, None)
        code = _perform(session, work)
        return ExitCode.DONE if code is ExitCode.FAILED and fail_on == "never" else code

    assert isinstance(command, click.Command)
    return command


convert: Final = _command(
    "convert",
    "Convert documents to markdown, HTML, JSON or chunks.\n\nWithout -o, the text of one document "
    "goes to standard output. With it, each document gets a folder with its text and its images.",
)
extract: Final = _command(
    "extract",
    "Extract data from documents, by a schema.\n\nWithout -o, this prints a line of JSON for each "
    "document: its source, its value, and what is known of each field.",
)
segment: Final = _command("segment", "Find the parts of documents, and the pages of each.")
track_changes: Final = _command(
    "track-changes", "Convert documents with their tracked changes and comments."
)


def _check_standard_output(session: Session, work: Work) -> None:
    """Check that what comes can go to standard output.

    Raises:
        InvalidArgumentError: It cannot.
    """
    if session.as_json or work.task.verb in ("extract", "segment"):
        return
    if len(work.sources) > 1:
        raise InvalidArgumentError(
            f"{len(work.sources)} documents need a folder for their results: say -o FOLDER"
        )
    formats = _formats(work.task)
    if len(formats) > 1:
        raise InvalidArgumentError(
            f"The formats {', '.join(formats)} need a folder: say -o FOLDER, or only one format"
        )


def _formats(task: Task[Any]) -> tuple[str, ...]:
    found: tuple[str, ...] | None = getattr(task, "output_format", None)
    return found or ("markdown",)


def _perform(session: Session, work: Work) -> ExitCode:
    out, many = session.out, len(work.sources) > 1
    if not many and (work.folder is None or _is_file(work)):
        [one] = perform(session, attrs.evolve(work, folder=None))
        return deliver(session, one, work.folder)
    if work.folder is None:
        # The table would mix with lines on the same terminal.
        live = not out.is_terminal
        found = perform(
            session, work, lambda one: print_outcome(session, one, title=True), live=live
        )
    else:
        live = not (out.is_terminal and session.as_json)
        found = perform(session, work, lambda one: _print_saved(session, one), live=live)
        if session.as_json:
            out.write_json(report_document(work.folder, found), indented=False)
        elif out.is_terminal:
            out.write(report_text(work.folder, found, out.for_tables))
        else:
            out.write("\n".join(summary_lines(work.folder, found, out.for_tables)))
    return worst(map(exit_code_of, found))


def _is_file(work: Work) -> bool:
    return work.folder is not None and len(_formats(work.task)) == 1 and is_single_file(work.folder)


def _print_saved(session: Session, one: SourceResult) -> None:
    if session.as_json:
        session.out.write_json({"event": "result", **to_document(one)}, indented=False)
    elif not session.out.is_terminal:
        session.out.write(result_line(one, session.out.for_tables))
