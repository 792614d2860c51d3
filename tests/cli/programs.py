"""The program as a real process, in a pipe and in a pseudo-terminal."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from tests.warm import warm

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SECONDS = 50.0


@attrs.frozen
class Done:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str = ""

    @property
    def plain(self) -> str:
        """What it said without colours and movements of the cursor."""
        return _CONTROL.sub("", self.out).replace("\r\n", "\n").replace("\r", "\n")

    @property
    def lines(self) -> list[str]:
        """The lines of that."""
        return self.plain.splitlines()


# Started by a Python that begins with them; all others are run warm, see :mod:`tests.warm`.
_COLD_COMMANDS = ("convert", "timeline")
# What Python reads as it begins.
_READ_EARLY = ("PYTHON", "LC_")


def command(*arguments: object, environment: Mapping[str, str] | None = None) -> list[str]:
    """Give the command line of the program.

    Args:
        arguments: Its arguments.
        environment: What is to be different in its environment.
    """
    words = [str(argument) for argument in arguments]
    if words[:1] and words[0] in _COLD_COMMANDS:
        return cold(*words)
    if any(name.startswith(_READ_EARLY) for name in environment or ()):
        return cold(*words)
    return warm("datalab_facade.cli", *words)


def cold(*arguments: object) -> list[str]:
    """Give the command line that starts a Python for the program."""
    return [sys.executable, "-W", "error", "-m", "datalab_facade.cli", *map(str, arguments)]


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a process: that of the tests, without what changes the look."""
    looks = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING")
    plain = {name: value for name, value in os.environ.items() if name not in looks}
    return {**plain, "LANG": "C.UTF-8", "TERM": "xterm-256color", **environment}


def in_pipe(
    arguments: Sequence[object], environment: Mapping[str, str], folder: Path, given: str = ""
) -> Done:
    """Run the program with its output in pipes."""
    done = subprocess.run(
        command(*arguments, environment=environment),
        env=surroundings(environment),
        cwd=folder,
        input=given.encode(),
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


class InTerminal:
    """The program in a pseudo-terminal of some columns."""

    def __init__(
        self,
        arguments: Sequence[object],
        environment: Mapping[str, str],
        folder: Path,
        columns: int = 80,
        rows: int = 50,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._said = b""
        self._process = subprocess.Popen(
            command(*arguments, environment=environment),
            env=surroundings(environment),
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def until(self, words: str) -> None:
        """Read until it has said something."""
        end = time.monotonic() + _SECONDS
        while words.encode() not in _CONTROL.sub("", self._said.decode(errors="replace")).encode():
            assert self._more(end), f"it ended before it said {words!r}: {self._said!r}"

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def done(self) -> Done:
        """Wait for its end."""
        end = time.monotonic() + _SECONDS
        while self._more(end):
            pass
        os.close(self._master)
        return Done(self._process.wait(_SECONDS), self._said.decode())

    def _more(self, end: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            self._process.kill()
            raise AssertionError(f"it did not end: {self._said!r}")
        try:
            said = os.read(self._master, 65_536)
        except OSError as error:
            # So Linux tells that the other end is closed.
            if error.errno != errno.EIO:
                raise
            said = b""
        self._said += said
        return bool(said)


def in_terminal(
    arguments: Sequence[object],
    environment: Mapping[str, str],
    folder: Path,
    columns: int = 80,
    rows: int = 50,
) -> Done:
    """Run the program in a pseudo-terminal to its end."""
    return InTerminal(arguments, environment, folder, columns, rows).done()
