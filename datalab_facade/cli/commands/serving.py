"""An embedded Datalab for other programs: serve."""

from __future__ import annotations

import threading

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.serving import serving_text
from datalab_facade.cli.sessions import Session, in_session


@click.command()
@in_session
def serve(session: Session) -> ExitCode:
    """Serve an embedded Datalab on this machine, until Ctrl-C.

    It answers as Datalab does, without key, account or internet, and takes orders over
    HTTP: what executions do and what goes wrong; see docs/testing-your-code.md.
    """
    from datalab_facade.cli.embedded import embedded

    with embedded() as server:
        about = {
            "api_url": server.api_url,
            "storage_url": server.storage_url,
            "control_url": server.control_url,
            "api_key": server.simulator.api_key,
        }
        try:
            if session.as_json:
                session.out.write_json({**about}, indented=False)
            else:
                session.out.write(serving_text(about, session.out.for_tables))
            session.out.stream.flush()
            threading.Event().wait()
        except KeyboardInterrupt:
            session.say("\nThe embedded Datalab has ended, and what it held is gone.")
    return ExitCode.DONE
