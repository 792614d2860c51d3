"""What every command has at hand, and what every command ends with."""

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

from datalab_facade.cli.exits import ExitCode, Problem, problem_of
from datalab_facade.cli.keys import HOST_VARIABLE, KEY_FILE_VARIABLE, FoundKey, find_key
from datalab_facade.cli.screens import Screen
from datalab_facade.cli.streams import OutputLost
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
    if_interrupted: str = "Nothing was cancelled."
    """What to say when Ctrl-C ends the command."""

    def key(self) -> FoundKey:
        """Find the API key.

        Raises:
            ConfigurationError: There is none.
        """
        return find_key(self.key_file)

    def client(self, policy: WaitPolicy | None = None) -> Datalab:
        """Make a client, to be closed by the caller.

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
        """Make what speaks with the API, for a command that wants answers as they come.

        Raises:
            ConfigurationError: There is no key, or the address is wrong.
        """
        from datalab_facade.client import DEFAULT_BASE_URL
        from datalab_facade.clock import SystemClock
        from datalab_facade.drift import DriftLog
        from datalab_facade.rate_limiting.local import LocalRateLimiter
        from datalab_facade.tracing import NoTracing
        from datalab_facade.transport.opening import transports
        from datalab_facade.transport.origin import checked_origin

        address = self.host or DEFAULT_BASE_URL
        origin = checked_origin(address, self.key().key, allow_http=self.allow_http)
        around = origin, SystemClock(), NoTracing(), LocalRateLimiter(), DriftLog()
        api, storage = transports(*around, http_client=None)
        try:
            yield api
        finally:
            api.close()
            storage.close()

    def say(self, text: str) -> None:
        """Tell people something that is not the result, beside the output."""
        if not self.as_json:
            terminal = self.err.for_tables
            lines = [line for part in text.splitlines() for line in paragraph(part, terminal)]
            self.err.write("\n".join(lines))

    def tell_problem(self, problem: Problem) -> None:
        """Tell what went wrong: in a line for people, as a document with ``--json``."""
        if self.as_json:
            self.err.write_json({"error": problem.to_dict()}, indented=False)
        else:
            terminal = self.err.for_tables
            told = terminal.painted(f"{PROGRAM}:", RED)
            self.err.write(f"{told} {terminal.words(problem.line())}")

    def carry_out(self, command: Callable[[], ExitCode]) -> ExitCode:
        """Run a command, and give the code that the program ends with.

        Raises:
            OutputLost: Its result cannot be written.
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
        except OutputLost:
            raise
        except DatalabError as error:
            return self._failed(error, problem_of(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, people are told in a line
            problem = Problem(
                type(error).__name__,
                f"This is a mistake in {PROGRAM}: {type(error).__name__}: {error}",
                "The same with --debug tells where",
                ExitCode.BUG,
            )
            return self._failed(error, problem)

    def _failed(self, error: Exception, problem: Problem) -> ExitCode:
        if self.debug:
            traceback.print_exception(error)
        self.tell_problem(problem)
        return problem.code

    def _interrupted(self) -> ExitCode:
        # A terminal shows ^C where the cursor stands.
        if self.err.is_terminal:
            self.err.write("")
        problem = Problem("Interrupted", "Interrupted", self.if_interrupted, ExitCode.INTERRUPTED)
        self.tell_problem(problem)
        return ExitCode.INTERRUPTED


def talks(command: _Command) -> _Command:
    """Make a command one that talks to Datalab."""
    for option in (
        click.option(
            "--key-file",
            metavar="FILE",
            envvar=KEY_FILE_VARIABLE,
            type=click.Path(dir_okay=False),
            help="A file that holds the API key; otherwise DATALAB_API_KEY.",
        ),
        click.option(
            "--host",
            metavar="URL",
            envvar=HOST_VARIABLE,
            help="Where the API is; otherwise DATALAB_HOST, or https://www.datalab.to.",
        ),
        click.option("--allow-http", is_flag=True, help="Send the key to a host without TLS, too."),
    ):
        command = option(command)
    return command


def in_session(command: Callable[..., ExitCode]) -> Callable[..., None]:
    """Give a command its session, and end the program with the code that it gives."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON; see: datalab-facade schema.")
    @click.option("--debug", is_flag=True, help="Log every request, and show tracebacks.")
    @click.pass_context
    @functools.wraps(command)
    def carried_out(
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
        session = Session(as_json, debug, key_file, host, allow_http)
        ctx.exit(int(session.carry_out(lambda: command(session, **arguments))))

    return carried_out
