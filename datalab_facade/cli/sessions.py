"""The session of a command: options, streams, client, and reporting of errors."""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import attrs
import click

from datalab_facade.cli.exits import OPTIONS_AT_WORK, ExitCode, Problem, problem_of
from datalab_facade.cli.keys import HOST_VARIABLE, KEY_FILE_VARIABLE, FoundKey, find_key
from datalab_facade.cli.screens import Screen
from datalab_facade.cli.streams import OutputLostError
from datalab_facade.cli.tables import paragraph
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.pictures.terminal import RED

if TYPE_CHECKING:
    from datalab_facade.client import Datalab
    from datalab_facade.transport.api import ApiTransport

PROGRAM: Final = "datalab-facade"

_Command = TypeVar("_Command", bound=Callable[..., None])


@attrs.define
class Session:
    """One call of the program."""

    as_json: bool
    debug: bool
    key_file: str | None = None
    host: str | None = None
    allow_http: bool = False
    out: Screen = attrs.field(factory=lambda: Screen.of(sys.stdout))
    err: Screen = attrs.field(factory=lambda: Screen.of(sys.stderr, is_result=False))
    if_interrupted: str = "Nothing was canceled."
    """The hint when Ctrl-C ends the command."""

    def key(self) -> FoundKey:
        """Find the API key.

        Raises:
            ConfigurationError: There is no key.
        """
        return find_key(self.key_file)

    def client(self, policy: WaitPolicy | None = None) -> Datalab:
        """Make a client; the caller closes it.

        Raises:
            ConfigurationError: There is no key, or the address is wrong.
        """
        from datalab_facade.client import Datalab

        return Datalab(
            self.key().key,
            base_url=self.host,
            allow_http=self.allow_http,
            policy=policy or WaitPolicy(),
        )

    @contextlib.contextmanager
    def api(self) -> Iterator[ApiTransport]:
        """Open the API transport, for a command that needs unparsed answers.

        Raises:
            ConfigurationError: There is no key, or the address is wrong.
        """
        from datalab_facade.clock import SystemClock
        from datalab_facade.drift import DriftLog
        from datalab_facade.listeners import SILENT
        from datalab_facade.rate_limiting.local import LocalRateLimiter
        from datalab_facade.transport.opening import transports
        from datalab_facade.transport.origin import DEFAULT_BASE_URL, checked_origin

        address = self.host or DEFAULT_BASE_URL
        origin = checked_origin(address, self.key().key, allow_http=self.allow_http)
        around = origin, SystemClock(), SILENT, LocalRateLimiter(), DriftLog()
        api, storage = transports(*around, http_client=None).open()
        try:
            yield api
        finally:
            api.close()
            storage.close()

    def say(self, text: str) -> None:
        """Write a message for people to standard error; nothing with ``--json``."""
        if not self.as_json:
            terminal = self.err.for_tables
            lines = [line for part in text.splitlines() for line in paragraph(part, terminal)]
            self.err.write("\n".join(lines))

    def show(self, text: str) -> None:
        """Write a sentence for people to standard output, wrapped to the terminal."""
        self.out.write("\n".join(paragraph(text, self.out.for_tables)))

    def report_problem(self, problem: Problem) -> None:
        """Report an error: one line for people, a document with ``--json``."""
        if self.as_json:
            self.err.write_json({"error": problem.to_dict()}, indented=False)
        else:
            terminal = self.err.for_tables
            prefix = terminal.paint(f"{PROGRAM}:", RED)
            self.err.write(f"{prefix} {terminal.adapt(problem.line())}")

    def run(self, command: Callable[[], ExitCode]) -> ExitCode:
        """Run a command and return the exit code.

        Raises:
            OutputLostError: The result cannot be written.
        """
        if self.debug:
            logging.basicConfig(
                stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s"
            )
            logging.getLogger("datalab_facade").setLevel(logging.DEBUG)
        try:
            return command()
        except KeyboardInterrupt:
            return self._interrupted()
        except OutputLostError:
            raise
        except DatalabError as error:
            return self._failed(error, problem_of(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported in one line
            problem = Problem(
                type(error).__name__,
                f"This is a bug in {PROGRAM}: {type(error).__name__}: {error}",
                "Run the command with --debug for the traceback",
                ExitCode.BUG,
            )
            return self._failed(error, problem)

    def _failed(self, error: Exception, problem: Problem) -> ExitCode:
        if self.debug:
            traceback.print_exception(error)
        self.report_problem(problem)
        return problem.code

    def _interrupted(self) -> ExitCode:
        # A terminal shows ^C at the cursor, so the message begins on a new line.
        if self.err.is_terminal:
            self.err.write("")
        problem = Problem(
            "KeyboardInterrupt", "Interrupted", self.if_interrupted, ExitCode.INTERRUPTED
        )
        self.report_problem(problem)
        return ExitCode.INTERRUPTED


def connection_options(command: _Command) -> _Command:
    """Give a command the options of a client: key file and host."""
    for option in (
        click.option(
            "--key-file",
            metavar="FILE",
            envvar=KEY_FILE_VARIABLE,
            type=click.Path(dir_okay=False),
            help="A file that holds the API key. The default is the variable DATALAB_API_KEY.",
        ),
        click.option(
            "--host",
            metavar="URL",
            envvar=HOST_VARIABLE,
            help="The address of the API. The default is DATALAB_HOST or https://www.datalab.to.",
        ),
        click.option(
            "--allow-http",
            is_flag=True,
            help="Allow a host without TLS: the key is then sent unencrypted.",
        ),
    ):
        command = option(command)
    return command


def _options_by_name(command: click.Command) -> dict[str, str]:
    # A name of one word may be any word of a message.
    return {
        option.name: option.opts[0]
        for option in command.params
        if isinstance(option, click.Option) and option.name and "_" in option.name
    }


def _check_not_empty(ctx: click.Context) -> None:
    """Check that nothing is empty, as a variable of the shell that is not set makes it.

    An empty path would stand for the working folder, for example.

    Raises:
        click.BadParameter: An option or an argument is.
    """
    for parameter in ctx.command.params:
        value: object = ctx.params.get(parameter.name or "")
        if "" in (value if isinstance(value, tuple) else (value,)):
            raise click.BadParameter("It is empty.", ctx, parameter)


def with_session(command: Callable[..., ExitCode]) -> Callable[..., None]:
    """Give a command its session, and end the program with the exit code that it returns."""

    @click.option(
        "--json", "as_json", is_flag=True, help="Print JSON; for its schema: datalab-facade schema."
    )
    @click.option("--debug", is_flag=True, help="Log every request and show tracebacks.")
    @click.pass_context
    @functools.wraps(command)
    def run_in_session(
        ctx: click.Context,
        /,
        *,
        as_json: bool,
        debug: bool,
        key_file: str | None = None,
        host: str | None = None,
        allow_http: bool = False,
        **arguments: object,
    ) -> None:
        _check_not_empty(ctx)
        OPTIONS_AT_WORK.set(tuple(_options_by_name(ctx.command).items()))
        session = Session(as_json, debug, key_file, host, allow_http)
        ctx.exit(int(session.run(lambda: command(session, **arguments))))

    return run_in_session
