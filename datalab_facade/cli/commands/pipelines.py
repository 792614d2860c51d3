"""The commands ``pipelines list``, ``show``, ``create``, ``publish``, ``archive``, ``run``, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import click

from datalab_facade.cli import pipeline_documents
from datalab_facade.cli.arguments import TIMEOUT
from datalab_facade.cli.document_checks import (
    check_file,
    check_folder,
    check_no_run,
    check_sources,
)
from datalab_facade.cli.document_display import DocumentDisplay
from datalab_facade.cli.document_options import (
    OUTPUT,
    RunSettings,
    field_options,
    run_options,
)
from datalab_facade.cli.document_plans import show_plan
from datalab_facade.cli.document_results import SourceResult
from datalab_facade.cli.document_runs import as_source
from datalab_facade.cli.document_tasks import make_pipeline_run, read_json
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.pipelines import (
    pipeline_execution_text,
    pipeline_text,
    pipelines_text,
)
from datalab_facade.cli.result_output import deliver
from datalab_facade.cli.saved_runs import run_and_save
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.errors import (
    APIStatusError,
    DatalabError,
    EmptyResultError,
    InvalidArgumentError,
)
from datalab_facade.pipelines.definitions import PipelineDefinition

if TYPE_CHECKING:
    from datalab_facade.client import Datalab
    from datalab_facade.pipelines.handles import PipelineExecutionHandle
    from datalab_facade.pipelines.models import Pipeline

_PIPELINE: Final = click.argument("pipeline", metavar="PIPELINE")
_EXECUTION: Final = click.argument("execution", metavar="EXECUTION")
_STEP: Final = click.option(
    "--step",
    metavar="STEP",
    help="The step whose result to get: its number or its type. The default is the last step.",
)


@click.group()
def pipelines() -> None:
    """Pipelines: list, show, create, publish, archive, run, and get results.

    PIPELINE is an id (pl_...), or the name under which it was saved.
    """


@pipelines.command("list")
@click.option("--drafts", is_flag=True, help="Also list pipelines without a name.")
@click.option("--archived", is_flag=True, help="Also list archived pipelines.")
@connection_options
@with_session
def list_(session: Session, *, drafts: bool, archived: bool) -> ExitCode:
    """List the pipelines of your team."""
    with session.client() as client:
        found = list(client.pipelines.list(saved_only=not drafts, include_archived=archived))
    if session.as_json:
        session.out.write_json(pipeline_documents.pipelines(found))
    else:
        session.out.write(pipelines_text(found, session.out.for_tables))
    return ExitCode.DONE


@pipelines.command()
@_PIPELINE
@connection_options
@with_session
def show(session: Session, *, pipeline: str) -> ExitCode:
    """Show the steps of a pipeline, and what 1,000 pages cost."""
    with session.client() as client:
        found = client.pipelines.get(pipeline)
        _show(session, found, _rate(client, found))
    return ExitCode.DONE


@pipelines.command()
@click.argument("path", metavar="FILE")
@click.option("--name", metavar="NAME", help="Save it under this name, so that it is listed.")
@connection_options
@with_session
def create(session: Session, *, path: str, name: str | None) -> ExitCode:
    """Create a pipeline from a JSON file.

    FILE holds the steps: [{"type": "convert", "settings": {...}}, ...]; - is standard input.
    """
    found = read_json(path)
    steps = found.get("steps") if isinstance(found, dict) else found
    if not isinstance(steps, list):
        raise InvalidArgumentError(
            f'{path} must hold the steps of a pipeline, such as [{{"type": "convert"}}]'
        )
    definition = PipelineDefinition.from_dict({"version": 1, "steps": steps})
    definition.validate()
    with session.client() as client:
        created = client.pipelines.create(definition)
        if name is not None:
            created = client.pipelines.save(created, name)
        _show(session, created, None)
    return ExitCode.DONE


@pipelines.command()
@_PIPELINE
@click.option("--description", metavar="TEXT", help="What is new in it.")
@connection_options
@with_session
def publish(session: Session, *, pipeline: str, description: str | None) -> ExitCode:
    """Publish the draft of a pipeline as its next version."""
    with session.client() as client:
        found = client.pipelines.resolve(pipeline)
        version = client.pipelines.create_version(found, description=description)
    if session.as_json:
        session.out.write_json(pipeline_documents.version(found, version))
    else:
        session.show(f"Published version {version.version} of pipeline {found}.")
    return ExitCode.DONE


@pipelines.command()
@_PIPELINE
@click.option("--undo", is_flag=True, help="List it again.")
@connection_options
@with_session
def archive(session: Session, *, pipeline: str, undo: bool) -> ExitCode:
    """Archive a pipeline, so that it is not listed."""
    with session.client() as client:
        (client.pipelines.unarchive if undo else client.pipelines.archive)(pipeline)
    if session.as_json:
        session.out.write_json({"pipeline": pipeline, "is_archived": not undo})
    else:
        session.show(f"Pipeline {pipeline} is {'listed again' if undo else 'archived'}.")
    return ExitCode.DONE


@pipelines.command()
@_PIPELINE
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path())
@field_options("run")
@_STEP
@run_options
@connection_options
@with_session
def run(
    session: Session,
    *,
    pipeline: str,
    sources: tuple[str, ...],
    step: str | None,
    output: str | None,
    run_settings: RunSettings,
    fail_on: str,
    dry_run: bool,
    skip_existing: bool,
    **options: object,
) -> ExitCode:
    """Run a pipeline on documents.

    SOURCE is a file, a URL, a datalab:// reference, or - for standard input. Without -o, the
    result of the last step of one document goes to standard output. With it, those of all steps
    are saved for each document, and the same command again continues.
    """
    _ = skip_existing
    is_run = output is not None and step is None
    check_sources(sources, folders=is_run)
    if output is not None:
        (check_folder if is_run else check_file)(output)
    if not is_run:
        check_no_run(run_settings)
    with session.client() as client:
        task = make_pipeline_run(client.pipelines.resolve(pipeline), options)
        if dry_run:
            return show_plan(session, task, sources, _rate(client, task.pipeline_id))
        if is_run and output is not None:
            code = run_and_save(
                session, client, task, sources, folder=output, settings=run_settings
            )
        elif len(sources) != 1:
            raise InvalidArgumentError(
                f"{len(sources)} documents need a folder for their results: use -o FOLDER, "
                "without --step"
            )
        else:
            handle = client.pipelines.submit(task, as_source(sources[0]))
            found = _wait(
                session, client, handle, sources[0], step=step, timeout=run_settings.timeout
            )
            code = deliver(session, found, output)
    return ExitCode.DONE if code is ExitCode.FAILED and fail_on == "never" else code


@pipelines.command()
@_EXECUTION
@connection_options
@with_session
def status(session: Session, *, execution: str) -> ExitCode:
    """Show how an execution of a pipeline stands."""
    with session.client() as client:
        found = client.pipelines.executions.get(execution)
    if session.as_json:
        session.out.write_json(pipeline_documents.execution(found))
    else:
        session.out.write(pipeline_execution_text(found, session.out.for_tables))
    return ExitCode.DONE


@pipelines.command()
@_EXECUTION
@_STEP
@OUTPUT
@TIMEOUT
@connection_options
@with_session
def result(
    session: Session,
    *,
    execution: str,
    step: str | None,
    output: str | None,
    timeout: float | None,
) -> ExitCode:
    """Wait for the end of an execution, and get the result of a step.

    EXECUTION is an id (pex_...). The result goes to standard output, or with -o into a file
    or folder.
    """
    if output is not None:
        check_file(output)
    with session.client() as client:
        handle = client.pipelines.executions.handle(execution)
        found = _wait(session, client, handle, handle.id, step=step, timeout=timeout)
    return deliver(session, found, output)


def _wait(
    session: Session,
    client: Datalab,
    handle: PipelineExecutionHandle,
    source: str,
    *,
    step: str | None,
    timeout: float | None,
) -> SourceResult:
    session.if_interrupted = (
        f"The execution continues. To get its result: datalab-facade pipelines result {handle.id}"
    )
    known = SourceResult(source=source, id=handle.id)
    footer = "Ctrl-C stops waiting; the execution continues."
    name = "-1" if step is None else step
    wanted = int(name) if name.removeprefix("-").isdecimal() else name
    with DocumentDisplay(session, 1, footer) as display:
        display.begin(source)
        try:
            execution = client.pipelines.executions.result(
                handle,
                timeout=timeout,
                on_change=lambda change: display.show_status(
                    source, str(change.snapshot.status).lower()
                ),
            )
            result = client.pipelines.executions.step_result(execution, wanted)
        except EmptyResultError as error:
            found = SourceResult.of(source, error.result, job_id=handle.id)
            return attrs.evolve(found, error=error)
        except DatalabError as error:
            return attrs.evolve(known, error=error)
    # The result of a step does not say of which document it is, which names its folder.
    return SourceResult.of(source, attrs.evolve(result, source=source), job_id=handle.id)


def _rate(client: Datalab, pipeline: str | Pipeline) -> float | None:
    try:
        return client.pipelines.rate(pipeline).cents_per_1000_pages
    except APIStatusError:
        return None


def _show(session: Session, found: Pipeline, rate: float | None) -> None:
    if session.as_json:
        session.out.write_json(pipeline_documents.pipeline(found, rate))
    else:
        session.out.write(pipeline_text(found, rate, session.out.for_tables))
