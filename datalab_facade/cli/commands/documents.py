"""The commands ``convert``, ``extract``, ``segment`` and ``track-changes``."""

from __future__ import annotations

from typing import Any, Final

import attrs
import click

from datalab_facade.arguments import is_folder
from datalab_facade.cli.document_checks import (
    check_file,
    check_folder,
    check_no_run,
    check_sources,
    format_of,
)
from datalab_facade.cli.document_options import RunSettings, field_options, run_options
from datalab_facade.cli.document_plans import show_plan
from datalab_facade.cli.document_runs import (
    DEFAULT_CONCURRENCY,
    Work,
    expand,
    perform,
)
from datalab_facade.cli.document_tasks import make_task
from datalab_facade.cli.exits import ExitCode, worst
from datalab_facade.cli.result_output import (
    deliver,
    exit_code_of,
    is_single_file,
    print_outcome,
)
from datalab_facade.cli.saved_runs import run_and_save
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import InvalidArgumentError

_SOURCES: Final = """

SOURCE is a file, a URL, a datalab:// reference, or - for standard input. With -o it may also
be a folder, which stands for all documents in it."""


def _command(verb: str, help_text: str) -> click.Command:
    @click.command(verb, help=help_text + _SOURCES)
    @click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path())
    @field_options(verb)
    @click.option(
        "--extensions",
        metavar="NAMES",
        help="In folders, use only such files, for example pdf,docx.",
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
        run_settings: RunSettings,
        fail_on: str,
        dry_run: bool,
        skip_existing: bool,
        from_checkpoint: bool = False,
        **options: object,
    ) -> ExitCode:
        _set_format(verb, options, sources, output)
        task = make_task(verb, options)
        if not from_checkpoint:
            check_sources(sources, folders=True)
        if extensions is not None or output is None or dry_run:
            sources = tuple(expand(sources, extensions, output))
        if skip_existing:
            session.say("--skip-existing is not needed: what is done is not done again.")
        work = Work(
            task=task,
            sources=sources,
            concurrency=run_settings.concurrency or DEFAULT_CONCURRENCY,
            timeout=run_settings.timeout,
            from_checkpoint=from_checkpoint,
            wait_for="scores" if options.get("include_scores") else None,
        )
        is_run = _is_run(work, output)
        _check_output(session, work, output, run_settings, is_run=is_run)
        if dry_run:
            return show_plan(session, task, sources, None)
        if output is None:
            code = _perform(session, work)
        elif not is_run:
            [source] = _only(sources)
            [one] = perform(session, attrs.evolve(work, sources=(source,)))
            code = deliver(session, one, output)
        else:
            with session.client() as client:
                code = run_and_save(
                    session, client, task, sources, folder=output, settings=run_settings
                )
        return ExitCode.DONE if code is ExitCode.FAILED and fail_on == "never" else code

    assert isinstance(command, click.Command)
    return command


convert: Final = _command(
    "convert",
    "Convert documents to markdown, HTML, JSON or chunks.\n\nWithout -o, the text of one document "
    "goes to standard output. With it, each document gets a folder with its text and its images, "
    "and the same command again continues: nothing is submitted or paid for twice.",
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


def _set_format(
    verb: str, options: dict[str, object], sources: tuple[str, ...], output: str | None
) -> None:
    """Set the format that is meant, where no option says it."""
    if "output_format" not in options or options["output_format"] is not None:
        return
    if output is not None and len(sources) == 1:
        options["output_format"] = format_of(output)
    elif verb == "track-changes" and output is None:
        # The server's default is all formats.
        options["output_format"] = "markdown"


def _check_output(
    session: Session, work: Work, output: str | None, settings: RunSettings, *, is_run: bool
) -> None:
    """Check that what comes can go where it should, and that no option would be ignored.

    Raises:
        InvalidArgumentError: It cannot, or one would be.
        LocalFileError: The output cannot be written.
    """
    if output is None:
        _check_standard_output(session, work)
    else:
        (check_folder if is_run else check_file)(output)
    if not is_run:
        check_no_run(settings)


def _is_run(work: Work, output: str | None) -> bool:
    """Tell whether the results are those of a run over files, which has a folder."""
    if output is None or work.from_checkpoint:
        return False
    return not _is_alone(work.task, tuple(work.sources), output)


def _check_standard_output(session: Session, work: Work) -> None:
    """Check that what comes can go to standard output.

    Raises:
        InvalidArgumentError: It cannot.
    """
    if session.as_json or work.task.verb in ("extract", "segment"):
        return
    if len(work.sources) > 1:
        raise InvalidArgumentError(
            f"{len(work.sources)} documents need a folder for their results: use -o FOLDER"
        )
    formats = _formats(work.task)
    if len(formats) > 1:
        raise InvalidArgumentError(
            f"The formats {', '.join(formats)} need a folder: use -o FOLDER, or only one format"
        )


def _formats(task: Task[Any]) -> tuple[str, ...]:
    found: tuple[str, ...] | None = getattr(task, "output_format", None)
    return found or ("markdown",)


def _is_alone(task: Task[Any], sources: tuple[str, ...], output: str) -> bool:
    """Tell whether there is one result, which does not belong to a run over files."""
    if sources == ("-",):
        return True
    is_one = len(sources) == 1 and len(_formats(task)) == 1 and not is_folder(sources[0])
    return is_one and is_single_file(output)


def _only(sources: tuple[str, ...]) -> tuple[str]:
    if len(sources) != 1:
        raise InvalidArgumentError("With --checkpoint, -o takes the result of one document")
    return (sources[0],)


def _perform(session: Session, work: Work) -> ExitCode:
    many = len(work.sources) > 1
    if many or session.as_json:
        # The table would mix with lines on the same terminal.
        live = not session.out.is_terminal
        found = perform(
            session, work, lambda one: print_outcome(session, one, title=many), live=live
        )
        return worst(map(exit_code_of, found))
    [one] = perform(session, work)
    return deliver(session, one, None)
