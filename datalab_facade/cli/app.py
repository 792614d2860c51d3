"""The program: its commands, and how it reports a wrong command line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Final

import click

from datalab_facade._version import __version__
from datalab_facade.cli.commands.demo import demo
from datalab_facade.cli.commands.doctor import doctor
from datalab_facade.cli.commands.documents import convert, extract, segment, track_changes
from datalab_facade.cli.commands.executions import status, wait, watch
from datalab_facade.cli.commands.extraction_schemas import extraction_schemas
from datalab_facade.cli.commands.files import files
from datalab_facade.cli.commands.outputs import download
from datalab_facade.cli.commands.pipelines import pipelines
from datalab_facade.cli.commands.record import record
from datalab_facade.cli.commands.reports import report
from datalab_facade.cli.commands.requests import result, submit
from datalab_facade.cli.commands.running import run as run_files
from datalab_facade.cli.commands.schemas import completion, schema
from datalab_facade.cli.commands.serving import serve
from datalab_facade.cli.commands.suggesting import suggest_schemas
from datalab_facade.cli.commands.timelines import timeline
from datalab_facade.cli.commands.workflows import step_types, workflows
from datalab_facade.cli.commands.writing import create, fill
from datalab_facade.cli.document_options import ALIASES
from datalab_facade.cli.exits import INTERRUPTED_HINT, MEANINGS, ExitCode, Problem
from datalab_facade.cli.screens import Screen
from datalab_facade.cli.sessions import PROGRAM, Session
from datalab_facade.cli.streams import OutputLostError, failure_of

_EXIT_CODES = "\n".join(f"  {int(code):>3}  {meaning}" for code, meaning in MEANINGS.items())

_HELP = f"""Convert documents and extract data from them; run workflows and pipelines.

Put the API key into DATALAB_API_KEY, or into a file that --key-file names. No command
takes the key as an argument, because other users of the machine could read it there.

Without a terminal, or with NO_COLOR, the output is plain text. With --json it is JSON:
one document, or one document per line if a command reports changes as they happen.

\b
First steps, without a key:
  {PROGRAM} demo
\b
Exit codes:
{_EXIT_CODES}
"""


def _with_dashes(token: str) -> str:
    # marker and Datalab's own program write their options with underscores.
    return token.replace("_", "-")


# The names of Datalab's own program, and those that others are likely to try.
_COMMAND_ALIASES: Final = {"create-document": "create", "schemas": "extraction-schemas"}


class _Program(click.Group):
    """The commands, also by other names."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, _COMMAND_ALIASES.get(cmd_name, cmd_name))


@click.group(
    cls=_Program,
    help=_HELP,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": _with_dashes,
    },
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def program() -> None:
    """Group the commands."""


for _command in (
    convert,
    extract,
    segment,
    fill,
    track_changes,
    create,
    suggest_schemas,
    submit,
    result,
    pipelines,
    extraction_schemas,
    status,
    watch,
    wait,
    download,
    run_files,
    report,
    timeline,
    workflows,
    step_types,
    files,
    serve,
    demo,
    doctor,
    record,
    schema,
    completion,
):
    program.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run the program and return its exit code."""
    code = ExitCode.DONE
    with contextlib.suppress(OutputLostError):
        code = _run_program(arguments)
    failure = failure_of(sys.stdout)
    if failure is None or code is not ExitCode.DONE:
        return code
    if isinstance(failure, BrokenPipeError):
        return ExitCode.BROKEN_PIPE
    problem = Problem(
        "OutputLostError",
        f"The output could not be written: {failure.strerror}",
        INTERRUPTED_HINT,
        ExitCode.WRITE_ERROR,
    )
    return _report(problem, arguments)


def _run_program(arguments: Sequence[str]) -> ExitCode:
    try:
        code: object = program.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        Screen.of(sys.stderr, is_result=False).write(error.format_message())
        return ExitCode.USAGE
    except click.ClickException as error:
        return _report(_usage_problem(error), arguments)
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except SystemExit as end:
        # click ends shell completion this way.
        code = end.code
    return ExitCode(code) if isinstance(code, int) else ExitCode.DONE


def _usage_problem(error: click.ClickException) -> Problem:
    path = PROGRAM
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
    return Problem(
        type(error).__name__,
        _usage_message(error),
        f"See: {path} --help",
        ExitCode.USAGE,
    )


def _usage_message(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        shown = [f"'{name}'" for name in error.possibilities if name not in ALIASES]
        error = click.UsageError(
            f"{error.message} Did you mean {' or '.join(shown)}?" if shown else error.message
        )
    text = " ".join(error.format_message().split())
    # As people say it, and not as click's classes are called.
    return text.replace("valid integer range", "whole number").replace(
        "valid float range", "number"
    )


def _report(problem: Problem, arguments: Sequence[str]) -> ExitCode:
    Session("--json" in arguments, "--debug" in arguments).report_problem(problem)
    return problem.code
