"""The command ``doctor``: check key, host and connection."""

from __future__ import annotations

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.diagnoses import diagnosis_text
from datalab_facade.cli.sessions import Session, connection_options, with_session


@click.command()
@connection_options
@with_session
def doctor(session: Session) -> ExitCode:
    """Check the key, the host and the connection.

    It also checks the clock of this machine. The key is never printed.
    """
    from datalab_facade.cli.diagnosis import diagnose

    diagnosis = diagnose(session.key_file, session.host, allow_http=session.allow_http)
    if session.as_json:
        session.out.write_json(diagnosis.to_dict())
    else:
        session.out.write(diagnosis_text(diagnosis, session.out.for_tables))
    return diagnosis.code
