"""The command ``timeline``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from datalab_facade.cli.arguments import ID
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.picture_files import picture_options, write_file
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.errors import DatalabError
from datalab_facade.models import Execution

if TYPE_CHECKING:
    from datalab_facade.client import Datalab


@click.command()
@click.argument("execution_id", metavar="ID", type=ID)
@picture_options
@connection_options
@with_session
def timeline(session: Session, *, execution_id: int, html: str | None, svg: str | None) -> ExitCode:
    """Show where the time of an execution went.

    The chart shows when each step and file waited and worked, what failed, and the critical
    path: the steps that set the duration of the whole.
    """
    with session.client() as client:
        execution = client.executions.get(execution_id)
        picture = execution.timeline(_dependencies(client, execution))
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


def _dependencies(client: Datalab, execution: Execution) -> Mapping[str, tuple[str, ...]] | None:
    """Request the dependencies between steps; None if they are not available."""
    if execution.workflow_id is None:
        return None
    try:
        workflow = client.workflows.get(execution.workflow_id)
    except DatalabError:
        # The workflow may be deleted; then the timeline is computed from times alone.
        return None
    return {step.unique_name: step.depends_on for step in workflow.steps if step.unique_name}
