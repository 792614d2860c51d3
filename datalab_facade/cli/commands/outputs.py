"""Saving what executions left behind: download."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from datalab_facade.cli.arguments import ID
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.outputs import manifest_text
from datalab_facade.cli.sessions import Session, in_session, talks
from datalab_facade.cli.transferring import transfers
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
    help="The folder in which execution-ID/ is made.",
)
@click.option("--step", "steps", metavar="NAME", multiple=True, help="Only this step; repeatable.")
@click.option("--overwrite", is_flag=True, help="Take the place of files that are there.")
@talks
@in_session
def download(
    session: Session,
    *,
    execution_id: int,
    folder: str,
    steps: tuple[str, ...],
    overwrite: bool,
) -> ExitCode:
    """Save the outputs of an execution, with a manifest.

    It may still run: what there is, is saved, and the same command later saves the rest.
    What was saved is not fetched again, and what was cut is gone on with.
    """
    session.if_interrupted = "What has come is kept; the same command goes on from there"
    with session.client() as client:
        execution = client.executions.get(execution_id)
        _check_steps(execution, steps)
        wanted = [found for found in execution.outputs if not steps or found.step in steps]
        with transfers(session, "outputs", len(wanted)) as told:
            manifest = client.outputs.save_all(
                execution,
                folder,
                steps=steps or None,
                overwrite=overwrite,
                on_progress=lambda at: told(at.name, at.bytes_done, at.bytes_total),
            )
    home = Path(folder) / f"execution-{execution_id}"
    if session.as_json:
        session.out.write_json({"folder": str(home), **manifest.to_dict()})
    else:
        session.out.write(manifest_text(manifest, home, session.out.for_tables))
        if not execution.is_terminal:
            session.say(f"Execution {execution_id} goes on; the same command saves what comes.")
    return ExitCode.DONE if manifest.is_complete else ExitCode.FAILED


def _check_steps(execution: Execution, steps: Iterable[str]) -> None:
    for name in steps:
        if name not in execution.steps:
            known = ", ".join(map(sanitize, execution.steps)) or "none"
            raise InvalidArgumentError(
                f"Execution {execution.id} has no step {name!r}; its steps are: {known}"
            )
