"""The program itself: its commands, and what it does with a wrong command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from datalab_facade._version import __version__
from datalab_facade.cli.commands.demo import demo
from datalab_facade.cli.commands.doctor import doctor
from datalab_facade.cli.commands.executions import status, wait, watch
from datalab_facade.cli.commands.files import files
from datalab_facade.cli.commands.outputs import download
from datalab_facade.cli.commands.record import record
from datalab_facade.cli.commands.running import run as run_files
from datalab_facade.cli.commands.schemas import completion, schema
from datalab_facade.cli.commands.serving import serve
from datalab_facade.cli.commands.timelines import timeline
from datalab_facade.cli.commands.workflows import step_types, workflows
from datalab_facade.cli.exits import MEANINGS, ExitCode, Problem
from datalab_facade.cli.screens import Screen
from datalab_facade.cli.sessions import PROGRAM, Session

_EXIT_CODES = "\n".join(f"  {int(code):>3}  {meaning}" for code, meaning in MEANINGS.items())

_HELP = f"""Datalab workflow executions: run them, watch them, bring their outputs home.

The API key is in DATALAB_API_KEY, or in a file: --key-file. No command takes it as
an argument, where other users of the machine could see it.

Without a terminal, or with NO_COLOR, output is plain text; with --json it is JSON,
one document, or one per line where a command tells things as they happen.

\b
First steps, without a key:
  {PROGRAM} demo
\b
Exit codes:
{_EXIT_CODES}
"""


@click.group(
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def program() -> None:
    """Gather the commands."""


for _command in (
    status,
    watch,
    wait,
    download,
    run_files,
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
    """Run the program, and give the code that it ends with."""
    try:
        code: object = program.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        Screen.of(sys.stderr).write(error.format_message())
        return ExitCode.USAGE
    except click.ClickException as error:
        return _misused(error, as_json="--json" in arguments, debug="--debug" in arguments)
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return code if isinstance(code, int) else ExitCode.DONE


def _misused(error: click.ClickException, *, as_json: bool, debug: bool) -> ExitCode:
    path = PROGRAM
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
    problem = Problem(
        type(error).__name__,
        " ".join(error.format_message().split()),
        f"See: {path} --help",
        ExitCode.USAGE,
    )
    Session(as_json, debug).tell_problem(problem)
    return ExitCode.USAGE
