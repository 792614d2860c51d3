"""When what happened in an execution: timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from datalab_facade.cli.arguments import ID
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.files_out import drawn, write_file
from datalab_facade.cli.sessions import Session, in_session, talks
from datalab_facade.errors import DatalabError
from datalab_facade.models import Execution

if TYPE_CHECKING:
    from datalab_facade.client import Datalab


@click.command()
@click.argument("execution_id", metavar="ID", type=ID)
@drawn
@talks
@in_session
def timeline(session: Session, *, execution_id: int, html: str | None, svg: str | None) -> ExitCode:
    """Show when the steps of an execution waited and worked, and what held it up."""
    with session.client() as client:
        execution = client.executions.get(execution_id)
        picture = execution.timeline(_needs(client, execution))
    for path, draw in ((html, picture.html), (svg, picture.svg)):
        if path is not None:
            write_file(path, draw())
    if session.as_json:
        session.out.write_json(picture.to_dict())
    else:
        terminal = session.out.for_charts
        session.out.write(
            picture.text(width=terminal.width, color=terminal.color, ascii_only=terminal.ascii_only)
        )
    return ExitCode.DONE


def _needs(client: Datalab, execution: Execution) -> Mapping[str, tuple[str, ...]] | None:
    """Ask what depends on what; the timeline can do without."""
    if execution.workflow_id is None:
        return None
    try:
        workflow = client.workflows.get(execution.workflow_id)
    except DatalabError:
        # It may have been deleted since; then the times tell, as far as they can.
        return None
    return {step.unique_name: step.depends_on for step in workflow.steps if step.unique_name}
