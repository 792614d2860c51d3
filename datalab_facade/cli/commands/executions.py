"""The commands ``status``, ``watch`` and ``wait``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from datalab_facade.cli import documents
from datalab_facade.cli.arguments import ID, INTERVAL, TIMEOUT, make_policy
from datalab_facade.cli.exits import ExitCode, problem_of, worst
from datalab_facade.cli.following import ExecutionDisplay
from datalab_facade.cli.rendering.executions import execution_text, outcome_line
from datalab_facade.cli.sessions import PROGRAM, Session, connection_options, with_session
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.jobs.outcomes import Outcome

if TYPE_CHECKING:
    from datalab_facade.client import Datalab
    from datalab_facade.executions.kind import ExecutionOutcome


def exit_code_of(outcome: ExecutionOutcome) -> ExitCode:
    """Return the exit code for the outcome of a wait."""
    if outcome.error is not None:
        return problem_of(outcome.error).code
    return ExitCode.DONE if outcome.succeeded else ExitCode.FAILED


def resume_hint(ids: Iterable[int]) -> str:
    """Return the hint how to wait for executions again."""
    numbers = [str(number) for number in ids]
    subject = (
        f"Execution {numbers[0]} continues" if len(numbers) == 1 else "The executions continue"
    )
    listed = " ".join(numbers) if len(numbers) <= 10 else "with the same ids"
    return f"{subject}; to watch again: {PROGRAM} watch {listed}"


@click.command()
@click.argument("execution_id", metavar="ID", type=ID)
@click.option(
    "--urls", is_flag=True, help="With --json: include the URLs of outputs. They are credentials."
)
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Write a table of its step runs, without URLs, as CSV.",
)
@connection_options
@with_session
def status(session: Session, *, execution_id: int, urls: bool, as_csv: bool) -> ExitCode:
    """Poll an execution once and show it.

    The exit code is 0 whatever its status. To get a code for its end, use wait.
    """
    if urls and not session.as_json:
        raise InvalidArgumentError("--urls works only together with --json")
    if as_csv and session.as_json:
        raise InvalidArgumentError("--csv and --json exclude each other")
    with session.client() as client:
        execution = client.executions.get(execution_id)
    if session.as_json:
        session.out.write_json(documents.execution(execution, urls=urls))
    elif as_csv:
        session.out.write(documents.csv_of(execution))
    else:
        session.out.write(execution_text(execution, session.out.for_tables))
        if execution.outputs:
            session.say(f"\nTo save its outputs: {PROGRAM} download {execution.id} -o DIR")
    return ExitCode.DONE


@click.command()
@click.argument("ids", metavar="ID...", type=ID, nargs=-1, required=True)
@TIMEOUT
@INTERVAL
@connection_options
@with_session
def watch(
    session: Session, *, ids: tuple[int, ...], timeout: float | None, interval: float | None
) -> ExitCode:
    """Show executions until they have ended.

    On a terminal it shows a live table: the steps and files of one execution, or a line for
    each of many, with totals. Into a pipe it writes a line for each change; with --json, a
    JSON document for each.

    Ctrl-C stops watching; it never cancels an execution.
    """
    session.if_interrupted = resume_hint(ids)
    with session.client(make_policy(timeout, interval)) as client:
        if len(ids) == 1:
            return _watch_one(session, client, ids[0])
        return _watch_many(session, client, ids)


def _watch_one(session: Session, client: Datalab, execution_id: int) -> ExitCode:
    execution = None
    display = ExecutionDisplay(session, many=False)
    changes = client.executions.watch(execution_id)
    with contextlib.closing(changes), display:
        for change in changes:
            execution = change.snapshot
            display.show_change(change)
    assert execution is not None
    outcome = Outcome(id=execution_id, snapshot=execution)
    _show_outcome(session, outcome)
    return exit_code_of(outcome)


def _show_outcome(session: Session, outcome: ExecutionOutcome) -> None:
    if session.as_json:
        session.out.write_json(documents.outcome(outcome, event=True), indented=False)
    elif session.out.is_terminal and outcome.snapshot is not None:
        session.out.write(execution_text(outcome.snapshot, session.out.for_tables))
        if outcome.snapshot.outputs:
            hint = f"To save its outputs: {PROGRAM} download {outcome.id} -o DIR"
            session.say(f"\n{hint}")
    else:
        session.out.write(outcome_line(outcome, session.out.for_tables))


def _watch_many(session: Session, client: Datalab, ids: tuple[int, ...]) -> ExitCode:
    codes: list[ExitCode] = []
    display = ExecutionDisplay(session, many=True)
    updates = client.executions.watch_many(ids)
    with contextlib.closing(updates), display:
        for update in updates:
            display.show_update(update)
            if update.outcome is not None:
                codes.append(exit_code_of(update.outcome))
    display.show_totals()
    return worst(codes)


@click.command()
@click.argument("ids", metavar="ID...", type=ID, nargs=-1, required=True)
@TIMEOUT
@INTERVAL
@connection_options
@with_session
def wait(
    session: Session, *, ids: tuple[int, ...], timeout: float | None, interval: float | None
) -> ExitCode:
    """Wait until executions have ended; for scripts.

    It writes a line for each execution as it ends; with --json, a JSON document. The exit
    code is 0 if all have completed, and 1 if one has failed.
    """
    session.if_interrupted = resume_hint(ids)
    codes: list[ExitCode] = []
    with session.client(make_policy(timeout, interval)) as client:
        outcomes = client.executions.as_completed(ids)
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                codes.append(exit_code_of(outcome))
                if session.as_json:
                    session.out.write_json(documents.outcome(outcome), indented=False)
                else:
                    session.out.write(outcome_line(outcome, session.out.for_tables))
    return worst(codes)
