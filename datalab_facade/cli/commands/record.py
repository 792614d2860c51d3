"""The shape of what the API really sends: record."""

from __future__ import annotations

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.recordings import recording_text
from datalab_facade.cli.sessions import Session, in_session, talks


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@talks
@in_session
def record(session: Session, *, ids: tuple[str, ...]) -> ExitCode:
    """Record the shape of what the API answers: names and types, and no values.

    ID is that of an execution (123), of a pipeline's execution (pex_...) or of a request
    (convert/ID). What is written holds no text of yours, no id, no name of a file and no
    URL, so that it can be shown to others.
    """
    from datalab_facade.cli.recording import Target, record

    targets = [Target.of(one) for one in ids]
    with session.api() as api:
        recording = record(api, targets)
    if session.as_json:
        session.out.write_json(recording.to_dict())
    else:
        session.out.write(recording_text(recording, session.out.for_tables))
    refused = any(answer.status_code in (401, 403) for answer in recording.answers)
    return ExitCode.REFUSED if refused else ExitCode.DONE
