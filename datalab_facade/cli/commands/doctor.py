"""What keeps the program from working, if anything does: doctor."""

from __future__ import annotations

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.diagnoses import diagnosis_text
from datalab_facade.cli.sessions import Session, in_session, talks


@click.command()
@talks
@in_session
def doctor(session: Session) -> ExitCode:
    """Find out what keeps this program from working; never prints the key."""
    from datalab_facade.cli.diagnosis import diagnose

    diagnosis = diagnose(session.key_file, session.host, allow_http=session.allow_http)
    if session.as_json:
        session.out.write_json(diagnosis.to_dict())
    else:
        session.out.write(diagnosis_text(diagnosis, session.out.for_tables))
    return diagnosis.code
