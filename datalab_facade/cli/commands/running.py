"""The command ``run``: a workflow over files, from upload to saved outputs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from datalab_facade.cli.arguments import INTERVAL, TIMEOUT, make_policy
from datalab_facade.cli.exits import ExitCode, problem_of, worst
from datalab_facade.cli.following import RunDisplay
from datalab_facade.cli.secret_options import SECRETS, read_secrets
from datalab_facade.cli.sessions import Session, connection_options, with_session
from datalab_facade.runs.run_results import RunResult


@click.command()
@click.argument("workflow", metavar="DEFINITION|WORKFLOW_ID")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False),
    help="The folder for the outputs, and for the journal of the run.",
)
@SECRETS
@click.option(
    "--retry-failed", is_flag=True, help="Submit failed files again; this costs money again."
)
@click.option(
    "--retry-unknown",
    is_flag=True,
    help="Submit files again whose submission may have failed; this may cost money twice.",
)
@TIMEOUT
@INTERVAL
@connection_options
@with_session
def run(
    session: Session,
    *,
    workflow: str,
    files: tuple[str, ...],
    folder: str,
    secrets: tuple[str, ...],
    retry_failed: bool,
    retry_unknown: bool,
    timeout: float | None,
    interval: float | None,
) -> ExitCode:
    """Run a workflow over files.

    This uploads each file, executes the workflow on it, waits, and saves the outputs. The
    same command continues a run, also after Ctrl-C or a crash: nothing is uploaded or paid
    for twice.

    The workflow is an id, or the JSON file of a definition, which is then created. Files are
    paths, folders, URLs or datalab:// references.
    """
    session.if_interrupted = (
        "Started executions continue; run the same command again to continue the run"
    )
    policy = make_policy(timeout, interval)
    workflow_or_id = int(workflow) if workflow.isdecimal() else workflow
    results: list[RunResult] = []
    display = RunDisplay(session)
    with session.client(policy) as client:
        finished = client.iter_run(
            workflow_or_id,
            files,
            output_dir=folder,
            secrets=read_secrets(secrets),
            retry_failed=retry_failed,
            retry_unknown=retry_unknown,
            on_update=display.show_update,
        )
        with contextlib.closing(finished), display:
            for result in finished:
                results.append(result)
                display.show_result(result)
    display.show_totals(Path(folder), results)
    return worst(map(_exit_code_of, results))


def _exit_code_of(result: RunResult) -> ExitCode:
    if result.succeeded:
        return ExitCode.DONE
    return ExitCode.FAILED if result.error is None else problem_of(result.error).code
