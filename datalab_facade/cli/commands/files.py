"""The commands ``files upload``, ``list``, ``show``, ``delete`` and ``download``."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from datalab_facade.cli import documents
from datalab_facade.cli.exits import ExitCode, problem_of, worst
from datalab_facade.cli.rendering.files import file_text, files_text, uploaded_line
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.cli.transfer_bars import ReportProgress, transfer_bars
from datalab_facade.errors import DatalabError

if TYPE_CHECKING:
    from datalab_facade.client import Datalab
    from datalab_facade.files.uploads import UploadOutcome
    from datalab_facade.transfers.progress import Progress


@click.group()
def files() -> None:
    """Files at Datalab: upload, list, show, download, delete."""


@files.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--content-type",
    metavar="TYPE",
    help="The media type. The default follows from the suffix of the name.",
)
@connection_options
@with_session
def upload(session: Session, *, paths: tuple[str, ...], content_type: str | None) -> ExitCode:
    """Upload files and print their references.

    A reference is an input of an execution.
    """
    session.if_interrupted = "The files listed above are uploaded; the others are not"
    codes: list[ExitCode] = []
    with session.client() as client, transfer_bars(session, "files", len(paths)) as report_progress:
        outcomes = _uploads(client, paths, content_type, report_progress)
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                source = str(outcome.source)
                problem = None if outcome.error is None else problem_of(outcome.error)
                codes.append(ExitCode.DONE if problem is None else problem.code)
                if session.as_json:
                    document = documents.upload_outcome(source, outcome.file, outcome.error)
                    session.out.write_json(document, indented=False)
                elif outcome.file is not None:
                    line = uploaded_line(source, outcome.file, session.out.for_tables)
                    session.out.write(line)
                else:
                    assert problem is not None
                    session.report_problem(problem)
    return worst(codes)


def _uploads(
    client: Datalab, paths: Iterable[str], content_type: str | None, report_progress: ReportProgress
) -> Generator[UploadOutcome, None, None]:
    from datalab_facade.files.uploads import UploadOutcome

    def on_progress(progress: Progress) -> None:
        report_progress(progress.name, progress.bytes_done, progress.bytes_total)

    if content_type is None:
        yield from client.files.upload_many(map(Path, paths), on_progress=on_progress)
        return
    for path in paths:
        try:
            found = client.files.upload(path, content_type=content_type, on_progress=on_progress)
        except DatalabError as error:
            yield UploadOutcome(source=path, error=error)
        else:
            yield UploadOutcome(source=path, file=found)


@files.command("list")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="The largest number of files to list."
)
@connection_options
@with_session
def list_(session: Session, *, limit: int | None) -> ExitCode:
    """List files, newest first."""
    with session.client() as client:
        found = list(client.files.list(limit=limit))
    if session.as_json:
        session.out.write_json(documents.files(found))
    else:
        session.out.write(files_text(found, session.out.for_tables))
    return ExitCode.DONE


_FILE = click.argument("file", metavar="FILE")


def _parse_file(file: str) -> int | str:
    return int(file) if file.isdecimal() else file


@files.command()
@_FILE
@connection_options
@with_session
def show(session: Session, *, file: str) -> ExitCode:
    """Show a file.

    FILE is its id, its hashid or its reference.
    """
    with session.client() as client:
        found = client.files.get(_parse_file(file))
    if session.as_json:
        session.out.write_json(documents.file(found))
    else:
        session.out.write(file_text(found, session.out.for_tables))
    return ExitCode.DONE


@files.command()
@_FILE
@connection_options
@with_session
def delete(session: Session, *, file: str) -> ExitCode:
    """Delete a file."""
    with session.client() as client:
        client.files.delete(_parse_file(file))
    if session.as_json:
        session.out.write_json({"deleted": True, "file": file})
    else:
        session.out.write(f"Deleted file {file}.")
    return ExitCode.DONE


@files.command()
@_FILE
@click.option(
    "-o",
    "--output",
    "path",
    metavar="PATH",
    default=".",
    type=click.Path(),
    help="An existing folder, or the path of the new file. The default is this folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@connection_options
@with_session
def download(session: Session, *, file: str, path: str, overwrite: bool) -> ExitCode:
    """Download a file."""
    session.if_interrupted = "Downloaded bytes are kept; run the same command again to continue"
    with session.client() as client, transfer_bars(session, "files", 1) as report_progress:
        saved = client.files.download(
            _parse_file(file),
            path,
            overwrite=overwrite,
            on_progress=lambda at: report_progress(at.name, at.bytes_done, at.bytes_total),
        )
    if session.as_json:
        session.out.write_json({"path": str(saved), "bytes": saved.stat().st_size})
    else:
        session.out.write(str(saved))
    return ExitCode.DONE
