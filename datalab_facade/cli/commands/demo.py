"""A first look at everything, on an embedded Datalab: demo."""

from __future__ import annotations

from pathlib import Path

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.sessions import PROGRAM, Session, in_session


@click.command()
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    default="demo-output",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Where the outputs are saved.",
)
@in_session
def demo(session: Session, *, folder: str) -> ExitCode:
    """See it all in seconds, on an embedded Datalab: no key, no account, no internet."""
    # It brings a server, which no other command should take the time to import.
    from datalab_facade.cli.demonstration.show import Demo

    session.if_interrupted = f"The demo is over; {PROGRAM} demo begins it anew"
    return Demo(session, Path(folder)).play()
