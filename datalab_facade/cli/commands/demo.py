"""The command ``demo``: everything at once, on an embedded Datalab."""

from __future__ import annotations

from pathlib import Path

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.sessions import PROGRAM, Session, with_session


@click.command()
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    default="demo-output",
    show_default=True,
    type=click.Path(file_okay=False),
    help="The folder for the outputs.",
)
@with_session
def demo(session: Session, *, folder: str) -> ExitCode:
    """Try everything on an embedded Datalab.

    This takes seconds, and needs no key, no account and no internet access. It converts an
    invoice and extracts data from it, executes a workflow on it, watches the execution, and
    saves the outputs.
    """
    # Imported here because the server takes time to import, which no other command needs.
    from datalab_facade.cli.demonstration.show import Demo

    session.if_interrupted = f"To start the demo again: {PROGRAM} demo"
    return Demo(session, Path(folder)).play()
