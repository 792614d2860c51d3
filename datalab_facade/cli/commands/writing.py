"""The commands ``fill`` and ``create``, whose result is a file."""

from __future__ import annotations

import click

from datalab_facade.cli.arguments import TIMEOUT
from datalab_facade.cli.document_checks import (
    check_document_name,
    check_file,
    check_form_name,
    check_sources,
)
from datalab_facade.cli.document_options import DRY_RUN, FILE_OUTPUT, field_options
from datalab_facade.cli.document_plans import show_plan
from datalab_facade.cli.document_runs import Work, perform
from datalab_facade.cli.document_tasks import make_task
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.result_output import deliver
from datalab_facade.cli.sessions import Session, connection_options, with_session


@click.command()
@click.argument("form", metavar="FORM", type=click.Path())
@field_options("fill")
@FILE_OUTPUT
@TIMEOUT
@DRY_RUN
@connection_options
@with_session
def fill(
    session: Session,
    *,
    form: str,
    output: str,
    timeout: float | None,
    dry_run: bool,
    **options: object,
) -> ExitCode:
    """Fill in a form: a PDF or an image.

    FORM is a file, a URL, a datalab:// reference, or - for standard input. If the form has no
    field for one of the values, the rest is filled in, and the exit code is 1.
    """
    work = Work(task=make_task("fill", options), sources=(form,), timeout=timeout)
    check_sources(work.sources)
    check_form_name(output, form)
    check_file(output)
    if dry_run:
        return show_plan(session, work.task, work.sources, None)
    [found] = perform(session, work)
    return deliver(session, found, output)


@click.command()
@click.argument("text", metavar="TEXT.md", type=click.Path(dir_okay=False, allow_dash=True))
@field_options("create")
@FILE_OUTPUT
@TIMEOUT
@DRY_RUN
@connection_options
@with_session
def create(
    session: Session,
    *,
    text: str,
    output: str,
    timeout: float | None,
    dry_run: bool,
    **options: object,
) -> ExitCode:
    """Create a document from markdown.

    TEXT.md is a file, or - for standard input.
    """
    work = Work(
        task=make_task("create", {"text": text, **options}), sources=(text,), timeout=timeout
    )
    check_document_name(output, options["output_format"])
    check_file(output)
    if dry_run:
        return show_plan(session, work.task, work.sources, None)
    [found] = perform(session, work)
    return deliver(session, found, output)
