"""The command ``serve``: an embedded Datalab for other programs."""

from __future__ import annotations

import threading

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.serving import serving_text
from datalab_facade.cli.sessions import Session, with_session


@click.command()
@with_session
def serve(session: Session) -> ExitCode:
    """Serve an embedded Datalab until Ctrl-C.

    It runs on this machine and answers like Datalab, without an account or internet access.
    Its control API sets what executions do and which requests fail; see
    docs/testing-your-code.md.
    """
    from datalab_facade.cli.embedded import make_embedded_server

    with make_embedded_server() as server:
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
