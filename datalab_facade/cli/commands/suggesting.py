"""The command ``suggest-schemas``."""

from __future__ import annotations

import click

from datalab_facade.arguments import is_there
from datalab_facade.cli.arguments import TIMEOUT
from datalab_facade.cli.document_options import DRY_RUN, field_options
from datalab_facade.cli.document_plans import show_plan
from datalab_facade.cli.document_results import SUGGESTIONS
from datalab_facade.cli.document_runs import Work, perform
from datalab_facade.cli.document_tasks import make_task
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.result_output import deliver
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.documents.results import SchemaSuggestions
from datalab_facade.errors import EmptyResultError, InvalidArgumentError
from datalab_facade.json_forms import JSON


@click.command("suggest-schemas")
@click.argument("checkpoint", metavar="CHECKPOINT", type=click.Path())
@click.option(
    "--only",
    type=click.Choice(SUGGESTIONS),
    help="Print only this schema, as extract --schema takes it.",
)
@field_options("suggest-schemas")
@TIMEOUT
@DRY_RUN
@connection_options
@with_session
def suggest_schemas(
    session: Session,
    *,
    checkpoint: str,
    only: str | None,
    timeout: float | None,
    dry_run: bool,
    **options: object,
) -> ExitCode:
    """Let Datalab suggest schemas for extraction.

    CHECKPOINT is that of a document that was parsed before: the checkpoint_id in what
    `convert --save-checkpoint --json` prints.
    """
    if is_there(checkpoint):
        raise InvalidArgumentError(
            f"{checkpoint} is a file, and this takes the checkpoint_id that "
            f"'convert {checkpoint} --save-checkpoint --json' prints; nothing was sent"
        )
    if only is not None and session.as_json:
        raise InvalidArgumentError("--only is not for --json, which prints all suggestions")
    work = Work(
        task=make_task("suggest-schemas", options),
        sources=(checkpoint,),
        timeout=timeout,
        from_checkpoint=True,
    )
    if dry_run:
        return show_plan(session, work.task, work.sources, None)
    [found] = perform(session, work)
    if only is None or not isinstance(found.result, SchemaSuggestions):
        return deliver(session, found, None)
    schema: dict[str, JSON] | None = getattr(found.result, only)
    if schema is None:
        raise EmptyResultError(found.result, (f"{only} schema",))
    session.out.write_json(schema)
    return ExitCode.DONE
