"""The command ``record``: the shape of the API's real answers."""

from __future__ import annotations

import click

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.recordings import recording_text
from datalab_facade.cli.sessions import Session, connection_options, with_session


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@connection_options
@with_session
def record(session: Session, *, ids: tuple[str, ...]) -> ExitCode:
    """Record the shape of the API's answers.

    ID is an execution (123), a pipeline execution (pex_...) or a document request
    (convert/ID). The output has names and types, but no values: no text of yours, no id, no
    file name and no URL. So you can show it to others.
    """
    from datalab_facade.cli.recording import Target, record

    targets = [Target.parse(one) for one in ids]
    with session.api() as api:
        recording = record(api, targets)
    if session.as_json:
        session.out.write_json(recording.to_dict())
    else:
        session.out.write(recording_text(recording, session.out.for_tables))
    refused = any(answer.status_code in (401, 403) for answer in recording.answers)
    return ExitCode.REFUSED if refused else ExitCode.DONE
