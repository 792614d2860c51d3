"""Commands about workflows: list, show, create, delete, check; and the types of step."""

from __future__ import annotations

import click

from datalab_facade.cli import documents
from datalab_facade.cli.arguments import ID
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.files_out import drawn, write_file
from datalab_facade.cli.rendering.workflows import (
    created_text,
    definition_text,
    graph_of_definition,
    graph_of_workflow,
    step_types_text,
    workflow_text,
    workflows_text,
)
from datalab_facade.cli.secrets_given import SECRETS, secrets_of
from datalab_facade.cli.sessions import Session, in_session, talks
from datalab_facade.pictures.graph import Graph
from datalab_facade.workflows.definitions import WorkflowDefinition


@click.group()
def workflows() -> None:
    """Workflows: list, show, create, delete, check."""


@workflows.command("list")
@talks
@in_session
def list_(session: Session) -> ExitCode:
    """List the workflows of the key's team."""
    with session.client() as client:
        found = client.workflows.list()
    if session.as_json:
        session.out.write_json(documents.workflows(found))
    else:
        session.out.write(workflows_text(found, session.out.for_tables))
    return ExitCode.DONE


@workflows.command()
@click.argument("workflow_id", metavar="WORKFLOW_ID", type=ID)
@drawn
@talks
@in_session
def show(session: Session, *, workflow_id: int, html: str | None, svg: str | None) -> ExitCode:
    """Show a workflow: its steps as a graph, and their settings without secrets."""
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
@talks
@in_session
def create(session: Session, *, path: str, secrets: tuple[str, ...]) -> ExitCode:
    """Create a workflow from the JSON file of its definition.

    ${env:NAME} in settings is filled in from the environment, ${secret:NAME} by --secret.
    """
    definition = WorkflowDefinition.from_file(path)
    with session.client() as client:
        created = client.workflows.create(definition, secrets=secrets_of(secrets))
    if session.as_json:
        session.out.write_json(documents.workflow(created))
    else:
        session.out.write(created_text(created, session.out.for_tables))
    return ExitCode.DONE


@workflows.command()
@click.argument("workflow_id", metavar="WORKFLOW_ID", type=ID)
@talks
@in_session
def delete(session: Session, *, workflow_id: int) -> ExitCode:
    """Delete a workflow; Datalab may refuse that while it has executions."""
    with session.client() as client:
        client.workflows.delete(workflow_id)
    if session.as_json:
        session.out.write_json({"deleted": True, "workflow_id": workflow_id})
    else:
        session.out.write(f"Deleted workflow {workflow_id}.")
    return ExitCode.DONE


@workflows.command()
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False))
@click.option("--online", is_flag=True, help="Check the types of step against Datalab's, too.")
@drawn
@talks
@in_session
def check(
    session: Session, *, path: str, online: bool, html: str | None, svg: str | None
) -> ExitCode:
    """Check a definition without creating anything; without --online, offline and keyless."""
    definition = WorkflowDefinition.from_file(path)
    if online:
        with session.client() as client:
            definition.validate(client.workflows.step_types())
    _draw(graph_of_definition(definition), html, svg)
    if session.as_json:
        session.out.write_json(documents.definition(definition))
    else:
        session.out.write(definition_text(definition, session.out.for_tables))
    return ExitCode.DONE


@click.command("step-types")
@talks
@in_session
def step_types(session: Session) -> ExitCode:
    """List the types of step that workflows can be made of."""
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
