"""The commands ``extraction-schemas list``, ``show``, ``create`` and ``delete``.

They are not called schemas, since the command ``schema`` prints those of ``--json``.
"""

from __future__ import annotations

import click

from datalab_facade.cli import pipeline_documents
from datalab_facade.cli.document_tasks import read_extraction_schema
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.pipelines import schema_text, schemas_text
from datalab_facade.cli.sessions import Session, connection_options, with_session

_ID = click.argument("schema_id", metavar="SCHEMA_ID")


@click.group("extraction-schemas")
def extraction_schemas() -> None:
    """Schemas for extract that Datalab stores: list, show, create, delete."""


@extraction_schemas.command("list")
@click.option("--archived", is_flag=True, help="Also list archived schemas.")
@connection_options
@with_session
def list_(session: Session, *, archived: bool) -> ExitCode:
    """List the schemas of your team."""
    with session.client() as client:
        found = list(client.extraction_schemas.list(include_archived=archived))
    if session.as_json:
        session.out.write_json(pipeline_documents.extraction_schemas(found))
    else:
        session.out.write(schemas_text(found, session.out.for_tables))
    return ExitCode.DONE


@extraction_schemas.command()
@_ID
@connection_options
@with_session
def show(session: Session, *, schema_id: str) -> ExitCode:
    """Show a schema; with --json, all of it."""
    with session.client() as client:
        found = client.extraction_schemas.get(schema_id)
    if session.as_json:
        session.out.write_json(pipeline_documents.extraction_schema(found))
    else:
        session.out.write(schema_text(found, session.out.for_tables))
    return ExitCode.DONE


@extraction_schemas.command()
@click.argument("schema", metavar="FILE|MODULE:CLASS")
@click.option("--name", required=True, metavar="NAME", help="The name for people.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@connection_options
@with_session
def create(session: Session, *, schema: str, name: str, description: str | None) -> ExitCode:
    """Store a schema from a JSON file or a Python class.

    Then `extract --schema SCHEMA_ID` takes its id.
    """
    found = read_extraction_schema(schema)
    with session.client() as client:
        created = client.extraction_schemas.create(name, found, description=description)
    if session.as_json:
        session.out.write_json(pipeline_documents.extraction_schema(created))
    else:
        session.show(f"Created extraction schema {created.id}.")
    return ExitCode.DONE


@extraction_schemas.command()
@_ID
@connection_options
@with_session
def delete(session: Session, *, schema_id: str) -> ExitCode:
    """Delete a schema."""
    with session.client() as client:
        client.extraction_schemas.delete(schema_id)
    if session.as_json:
        session.out.write_json({"deleted": True, "schema_id": schema_id})
    else:
        session.show(f"Deleted extraction schema {schema_id}.")
    return ExitCode.DONE
