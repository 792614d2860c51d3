"""Running a workflow over files, from upload to saved outputs: run."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from datalab_facade.cli.arguments import INTERVAL, TIMEOUT, policy_of
from datalab_facade.cli.exits import ExitCode, problem_of, worst
from datalab_facade.cli.following import RunFollowing
from datalab_facade.cli.secrets_given import SECRETS, secrets_of
from datalab_facade.cli.sessions import Session, in_session, talks
from datalab_facade.runs.running import RunResult


@click.command()
@click.argument("workflow", metavar="DEFINITION|WORKFLOW_ID")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
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
@click.option("--retry-failed", is_flag=True, help="Submit again, for money, what has failed.")
@click.option(
    "--retry-unknown",
    is_flag=True,
    help="Submit again where it is not known whether an execution was started.",
)
@TIMEOUT
@INTERVAL
@talks
@in_session
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
    """Upload files, execute a workflow on each, wait, and save the outputs.

    The workflow is an id, or the JSON file of a definition, of which it is created. Files
    are paths, folders, URLs and datalab:// references. The same command again, after
    Ctrl-C or a crash too, goes on from where it was: nothing is uploaded or paid twice.
    """
    session.if_interrupted = (
        "Executions that were started go on; the same command goes on from where it was"
    )
    policy = policy_of(timeout, interval)
    wanted = int(workflow) if workflow.isdecimal() else workflow
    results: list[RunResult] = []
    following = RunFollowing(session)
    with session.client(policy) as client:
        ended = client.iter_run(
            wanted,
            files,
            output_dir=folder,
            secrets=secrets_of(secrets),
            retry_failed=retry_failed,
            retry_unknown=retry_unknown,
            on_update=following.updated,
        )
        with contextlib.closing(ended), following:
            for result in ended:
                results.append(result)
                following.ended(result)
    following.tell_all(Path(folder), results)
    return worst(map(_code_of, results))


def _code_of(result: RunResult) -> ExitCode:
    if result.succeeded:
        return ExitCode.DONE
    return ExitCode.FAILED if result.error is None else problem_of(result.error).code
