"""The command ``serve``: an embedded Datalab for other programs."""

from __future__ import annotations

import threading

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.serving import serving_text
from datalab_facade.cli.sessions import Session, with_session


@click.command()
@click.option(
    "--speed",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    default=1.0,
    metavar="FACTOR",
    help="How much faster than real time its clock runs; by default 1.",
)
@click.option(
    "--bind",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on; control requests are only accepted from this machine.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    metavar="PORT",
    help="The port of the API; by default any that is free.",
)
@with_session
def serve(session: Session, *, speed: float, bind: str, port: int) -> ExitCode:
    """Serve an embedded Datalab until Ctrl-C.

    It runs on this machine and answers like Datalab, without an account or internet access.
    Its control address takes commands, which set what executions do and which requests fail; see
    docs/testing-your-code.md.
    """
    from datalab_facade.cli.embedded import listening, make_embedded_server
    from datalab_facade.testing.fast_clock import FastClock

    with listening(make_embedded_server(FastClock(speed), bind, port)) as server:
        addresses = {
            "api_url": server.api_url,
            "storage_url": server.storage_url,
            "control_url": server.control_url,
            "api_key": server.simulator.api_key,
        }
        try:
            if session.as_json:
                session.out.write_json({**addresses}, indented=False)
            else:
                session.out.write(serving_text(addresses, session.out.for_tables))
            session.out.stream.flush()
            threading.Event().wait()
        except KeyboardInterrupt:
            session.say("\nThe embedded Datalab has stopped; its data is gone.")
    return ExitCode.DONE
