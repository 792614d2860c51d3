"""Looking at executions and waiting for them: status, watch, wait."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from datalab_facade.cli import documents
from datalab_facade.cli.arguments import ID, INTERVAL, TIMEOUT, policy_of
from datalab_facade.cli.exits import ExitCode, problem_of, worst
from datalab_facade.cli.following import Following
from datalab_facade.cli.rendering.executions import execution_text, outcome_line
from datalab_facade.cli.sessions import PROGRAM, Session, in_session, talks
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.jobs.outcomes import Outcome

if TYPE_CHECKING:
    from datalab_facade.client import Datalab
    from datalab_facade.executions.kind import ExecutionOutcome


def code_of(outcome: ExecutionOutcome) -> ExitCode:
    """Tell with which code the wait for an execution ends."""
    if outcome.error is not None:
        return problem_of(outcome.error).code
    return ExitCode.DONE if outcome.succeeded else ExitCode.FAILED


def come_back(ids: Iterable[int]) -> str:
    """Tell how to come back to executions."""
    numbers = [str(number) for number in ids]
    subject = f"Execution {numbers[0]} goes on" if len(numbers) == 1 else "The executions go on"
    listed = " ".join(numbers) if len(numbers) <= 10 else "and the same ids"
    return f"{subject}; to come back: {PROGRAM} watch {listed}"


@click.command()
@click.argument("execution_id", metavar="ID", type=ID)
@click.option("--urls", is_flag=True, help="With --json: the outputs' URLs, which are credentials.")
@talks
@in_session
def status(session: Session, *, execution_id: int, urls: bool) -> ExitCode:
    """Look at an execution once.

    Ends with 0 whatever its status is; wait tells by its code how it ended.
    """
    if urls and not session.as_json:
        raise InvalidArgumentError("--urls goes with --json")
    with session.client() as client:
        execution = client.executions.get(execution_id)
    if session.as_json:
        session.out.write_json(documents.execution(execution, urls=urls))
    else:
        session.out.write(execution_text(execution, session.out.for_tables))
        if execution.outputs:
            session.say(f"\nTo save its outputs: {PROGRAM} download {execution.id} -o DIR")
    return ExitCode.DONE


@click.command()
@click.argument("ids", metavar="ID...", type=ID, nargs=-1, required=True)
@TIMEOUT
@INTERVAL
@talks
@in_session
def watch(
    session: Session, *, ids: tuple[int, ...], timeout: float | None, interval: float | None
) -> ExitCode:
    """Follow executions until they have ended.

    In a terminal it shows a table that is kept up to date: of one execution its steps
    and files, of many a line for each and totals. Into a pipe it writes a line for each
    change, with --json a document for each.

    Ctrl-C ends the watching, never the executions.
    """
    session.if_interrupted = come_back(ids)
    with session.client(policy_of(timeout, interval)) as client:
        if len(ids) == 1:
            return _watch_one(session, client, ids[0])
        return _watch_many(session, client, ids)


def _watch_one(session: Session, client: Datalab, execution_id: int) -> ExitCode:
    execution = None
    following = Following(session, many=False)
    changes = client.executions.watch(execution_id)
    with contextlib.closing(changes), following:
        for change in changes:
            execution = change.snapshot
            following.changed(change)
    assert execution is not None
    outcome = Outcome(id=execution_id, snapshot=execution)
    _tell_end(session, outcome)
    return code_of(outcome)


def _tell_end(session: Session, outcome: ExecutionOutcome) -> None:
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
    following = Following(session, many=True)
    updates = client.executions.watch_many(ids)
    with contextlib.closing(updates), following:
        for update in updates:
            following.updated(update)
            if update.outcome is not None:
                codes.append(code_of(update.outcome))
    following.tell_all()
    return worst(codes)


@click.command()
@click.argument("ids", metavar="ID...", type=ID, nargs=-1, required=True)
@TIMEOUT
@INTERVAL
@talks
@in_session
def wait(
    session: Session, *, ids: tuple[int, ...], timeout: float | None, interval: float | None
) -> ExitCode:
    """Wait until executions have ended; quiet, for scripts.

    Writes a line, or with --json a document, for each one as it ends. Its exit code is
    0 if all have completed and 1 if one has failed.
    """
    session.if_interrupted = come_back(ids)
    codes: list[ExitCode] = []
    with session.client(policy_of(timeout, interval)) as client:
        outcomes = client.executions.as_completed(ids)
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                codes.append(code_of(outcome))
                if session.as_json:
                    session.out.write_json(documents.outcome(outcome), indented=False)
                else:
                    session.out.write(outcome_line(outcome, session.out.for_tables))
    return worst(codes)
