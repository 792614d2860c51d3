"""The command ``download``: save the outputs of an execution."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from datalab_facade.cli.arguments import ID
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.outputs import manifest_text
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.cli.transfer_bars import transfer_bars
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.models import Execution
from datalab_facade.pictures.words import sanitize


@click.command()
@click.argument("execution_id", metavar="ID", type=ID)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False),
    help="The folder in which execution-ID/ is created.",
)
@click.option(
    "--step",
    "steps",
    metavar="NAME",
    multiple=True,
    help="Save only the outputs of this step. Repeatable.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@connection_options
@with_session
def download(
    session: Session,
    *,
    execution_id: int,
    folder: str,
    steps: tuple[str, ...],
    overwrite: bool,
) -> ExitCode:
    """Save the outputs of an execution.

    If the execution still runs, this saves the outputs so far; the same command later saves
    the rest. Saved outputs are not downloaded again, and incomplete ones are resumed. A
    manifest lists all of them.
    """
    session.if_interrupted = "Downloaded bytes are kept; run the same command again to continue"
    with session.client() as client:
        execution = client.executions.get(execution_id)
        _check_steps(execution, steps)
        wanted = [found for found in execution.outputs if not steps or found.step in steps]
        with transfer_bars(session, "outputs", len(wanted)) as report_progress:
            manifest = client.outputs.save_all(
                execution,
                folder,
                steps=steps or None,
                overwrite=overwrite,
                on_progress=lambda at: report_progress(at.name, at.bytes_done, at.bytes_total),
            )
    target = Path(folder) / f"execution-{execution_id}"
    if session.as_json:
        session.out.write_json({"folder": str(target), **manifest.to_dict()})
    else:
        session.out.write(manifest_text(manifest, target, session.out.for_tables))
        if not execution.is_terminal:
            session.say(
                f"Execution {execution_id} continues; run the same command again for later outputs."
            )
    return ExitCode.DONE if manifest.is_complete else ExitCode.FAILED


def _check_steps(execution: Execution, steps: Iterable[str]) -> None:
    for name in steps:
        if name not in execution.steps:
            known = ", ".join(map(sanitize, execution.steps)) or "none"
            raise InvalidArgumentError(
                f"Execution {execution.id} has no step {name!r}; its steps are: {known}"
            )
