"""The commands ``submit``, which does not wait, and ``result``, which gets its result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from datalab_facade.arguments import is_file, is_folder
from datalab_facade.cli.arguments import TIMEOUT
from datalab_facade.cli.document_checks import check_file, check_sources
from datalab_facade.cli.document_options import OUTPUT, field_options
from datalab_facade.cli.document_runs import as_source, wait_for_result
from datalab_facade.cli.document_tasks import make_task, read_json
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.result_output import deliver
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.documents.job_ids import ENDPOINTS, is_request_id
from datalab_facade.errors import InvalidArgumentError, LocalFileError

if TYPE_CHECKING:
    from datalab_facade.documents.kind import DocumentLike

# By the names of the commands.
_VERBS: Final = {verb.removeprefix("run_").replace("_", "-"): verb for verb in ENDPOINTS}
_SUBMITTED: Final = {
    "convert": "Submit a conversion.",
    "extract": "Submit an extraction.",
    "segment": "Submit a search for the parts of a document.",
    "fill": "Submit a form to fill in.",
    "track-changes": "Submit a conversion with tracked changes.",
    "create": "Submit markdown of which a document is created.",
    "agent": "Submit a document to a published agent processor.",
}


@click.group()
def submit() -> None:
    """Submit a document, and print a handle as JSON without waiting.

    `datalab-facade result` takes the handle, also on another machine. Datalab deletes results
    an hour after they are complete.
    """


def _submission(verb: str, help_text: str) -> click.Command:
    takes_text = verb == "create"

    @click.command(verb, help=help_text)
    @click.argument("source", metavar="TEXT.md" if takes_text else "SOURCE", type=click.Path())
    @field_options(verb)
    @connection_options
    @with_session
    def command(
        session: Session, *, source: str, from_checkpoint: bool = False, **options: object
    ) -> ExitCode:
        if takes_text:
            options["text"] = source
        elif not from_checkpoint:
            check_sources([source])
        task = make_task(verb, options)
        found = None if takes_text else as_source(source, from_checkpoint=from_checkpoint)
        with session.client() as client:
            handle = client.documents.submit(task, found)
        # One line, so that many handles fit into one file.
        session.out.write_json(handle.to_dict(), indented=False)
        return ExitCode.DONE

    assert isinstance(command, click.Command)
    return command


for _verb, _help in _SUBMITTED.items():
    submit.add_command(_submission(_verb, _help))


@click.command()
@click.argument("job", metavar="HANDLE|URL|ID")
@click.option(
    "--verb",
    type=click.Choice(list(_VERBS)),
    help="What was submitted, for an id that does not say it.",
)
@OUTPUT
@click.option("--scores", is_flag=True, help="Wait up to a minute for scores of an extraction.")
@TIMEOUT
@connection_options
@with_session
def result(
    session: Session,
    *,
    job: str,
    verb: str | None,
    output: str | None,
    scores: bool,
    timeout: float | None,
) -> ExitCode:
    """Wait for the end of a request, and get its result.

    HANDLE is what submit printed: a file with it, - for standard input, or the JSON itself.
    URL is a request_check_url. ID is convert/Qm3x..., or Qm3x... with --verb. The result goes
    to standard output, or with -o into a file or folder.
    """
    session.if_interrupted = "The request continues; the same command waits for it again"
    if output is not None:
        check_file(output)
    with session.client() as client:
        like = _job(job, verb)
        handle = client.documents.handle(like, verb=None if verb is None else _VERBS[verb])
        found = wait_for_result(
            session, handle, timeout=timeout, wait_for="scores" if scores else None
        )
    return deliver(session, found, output)


def _job(text: str, verb: str | None) -> DocumentLike:
    is_json = text == "-" or text.startswith("{")
    if verb is not None or ("://" in text and not is_json):
        return text
    if text.startswith("pex_"):
        raise InvalidArgumentError(
            f"{text} is a pipeline execution: datalab-facade pipelines result {text}"
        )
    if is_json or is_file(text):
        found = read_json(text)
        if not isinstance(found, Mapping):
            raise InvalidArgumentError(f"{text} does not hold a handle, which submit prints")
        return cast("DocumentLike", found)
    if is_folder(text) or Path(text).suffix:
        what = "is a folder" if is_folder(text) else "does not exist"
        raise LocalFileError(f"{text} {what}; a handle is in a file, which submit printed")
    if is_request_id(text):
        raise InvalidArgumentError(
            f"The id {text} does not say what was submitted: add --verb, such as --verb convert"
        )
    return text
