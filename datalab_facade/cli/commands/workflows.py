"""The commands ``workflows list``, ``show``, ``create``, ``delete``, ``check``; ``step-types``."""

from __future__ import annotations

import click

from datalab_facade.cli import documents
from datalab_facade.cli.arguments import ID
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.picture_files import picture_options, write_file
from datalab_facade.cli.rendering.workflows import (
    created_text,
    definition_text,
    graph_of_definition,
    graph_of_workflow,
    step_types_text,
    workflow_text,
    workflows_text,
)
from datalab_facade.cli.secret_options import SECRETS, read_secrets
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.pictures.graph import Graph
from datalab_facade.workflows.definitions import WorkflowDefinition


@click.group()
def workflows() -> None:
    """Workflows: list, show, create, delete, check."""


@workflows.command("list")
@connection_options
@with_session
def list_(session: Session) -> ExitCode:
    """List the workflows of your team."""
    with session.client() as client:
        found = client.workflows.list()
    if session.as_json:
        session.out.write_json(documents.workflows(found))
    else:
        session.out.write(workflows_text(found, session.out.for_tables))
    return ExitCode.DONE


@workflows.command()
@click.argument("workflow_id", metavar="WORKFLOW_ID", type=ID)
@picture_options
@connection_options
@with_session
def show(session: Session, *, workflow_id: int, html: str | None, svg: str | None) -> ExitCode:
    """Show the steps of a workflow.

    It draws them as a graph, and shows their settings without secrets.
    """
    with session.client() as client:
        found = client.workflows.get(workflow_id)
    _draw(graph_of_workflow(found), html, svg)
    if session.as_json:
        session.out.write_json(documents.workflow(found))
    else:
        session.out.write(workflow_text(found, session.out.for_tables))
    return ExitCode.DONE


@workflows.command()
@click.argument("path", metavar="DEFINITION", type=click.Path(dir_okay=False))
@SECRETS
@connection_options
@with_session
def create(session: Session, *, path: str, secrets: tuple[str, ...]) -> ExitCode:
    """Create a workflow from a JSON definition.

    In settings, ${env:NAME} stands for an environment variable, and ${secret:NAME} for the
    content of the file in --secret.
    """
    definition = WorkflowDefinition.from_file(path)
    with session.client() as client:
        created = client.workflows.create(definition, secrets=read_secrets(secrets))
    if session.as_json:
        session.out.write_json(documents.workflow(created))
    else:
        session.out.write(created_text(created, session.out.for_tables))
    return ExitCode.DONE


@workflows.command()
@click.argument("workflow_id", metavar="WORKFLOW_ID", type=ID)
@connection_options
@with_session
def delete(session: Session, *, workflow_id: int) -> ExitCode:
    """Delete a workflow. Datalab may refuse this if the workflow has executions."""
    with session.client() as client:
        client.workflows.delete(workflow_id)
    if session.as_json:
        session.out.write_json({"deleted": True, "workflow_id": workflow_id})
    else:
        session.out.write(f"Deleted workflow {workflow_id}.")
    return ExitCode.DONE


@workflows.command()
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False))
@click.option(
    "--check-server",
    is_flag=True,
    help="Also check that Datalab knows the step types; needs a key.",
)
@picture_options
@connection_options
@with_session
def check(
    session: Session, *, path: str, check_server: bool, html: str | None, svg: str | None
) -> ExitCode:
    """Check a definition without creating a workflow.

    This needs no key and no network, unless you pass --check-server.
    """
    definition = WorkflowDefinition.from_file(path)
    if check_server:
        with session.client() as client:
            definition.validate(client.workflows.step_types())
    _draw(graph_of_definition(definition), html, svg)
    if session.as_json:
        session.out.write_json(documents.definition(definition))
    else:
        session.out.write(definition_text(definition, session.out.for_tables))
    return ExitCode.DONE


@click.command("step-types")
@connection_options
@with_session
def step_types(session: Session) -> ExitCode:
    """List the step types that Datalab offers."""
    with session.client() as client:
        found = client.workflows.step_types()
    if session.as_json:
        session.out.write_json(documents.step_types(found))
    else:
        session.out.write(step_types_text(found, session.out.for_tables))
    return ExitCode.DONE


def _draw(graph: Graph, html: str | None, svg: str | None) -> None:
    if html is not None:
        write_file(html, graph.html())
    if svg is not None:
        write_file(svg, graph.svg())
