"""Programs run by a Python that has imported the package before: tests start hundreds of them.

Each is a process of its own, forked from one that has done nothing but import; it has the
arguments, environment, folder, streams and end of one that was started, and a clock on which it
sleeps a tenth of the time. What comes before the first line of a program (imports, the encoding of
a locale, ``python -u``, limits that a shell sets) is for tests that start a Python.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.warm_client import ask

_ROOT = Path(__file__).parents[1]
_CLIENT = Path(__file__).with_name("warm_client.py")
_SECONDS = 60.0


@functools.cache
def _socket() -> str:
    """Start the server of this process, and return where it listens."""
    # Paths of sockets are short.
    folder = tempfile.mkdtemp(prefix="warm")
    place = os.path.join(folder, "s")  # noqa: PTH118 - a text is wanted
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.warm_server", place],
        cwd=_ROOT,
        env={**os.environ, "LANG": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )

    def end() -> None:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(_SECONDS)
        shutil.rmtree(folder)

    atexit.register(end)
    end_of_patience = time.monotonic() + _SECONDS
    while not Path(place).exists():
        assert process.poll() is None, "the warm Python ended"
        assert time.monotonic() < end_of_patience
        time.sleep(0.01)
    return place


def warm(*words: object) -> list[str]:
    """Give the command line that runs a module as ``python -m`` does, in a warm process.

    Args:
        words: The module and its arguments; others may be added.
    """
    return [sys.executable, "-I", "-S", str(_CLIENT), _socket(), *map(str, words)]


class WarmProcess:
    """A process that runs a module, and can be killed by whoever started it.

    Args:
        module: The module.
        arguments: Its arguments.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        place, folder = _socket(), str(_ROOT)
        with Path(os.devnull).open("r+b") as nothing:
            streams = {0: nothing.fileno(), 1: nothing.fileno(), 2: 2}
            words = [*map(str, arguments)]
            self._server = ask(place, module, words, dict(os.environ), folder, streams)
        self._answers = self._server.makefile()
        self.pid = int(self._answers.readline())

    def kill(self) -> None:
        """Kill it; it is not collected before its end was told."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and return its exit code, negative for a signal."""
        with self._server, self._answers:
            self._server.settimeout(_SECONDS)
            return int(self._answers.readline())


def program_file(folder: Path, name: str, module: str) -> Path:
    """Write a program of this name into a folder; it runs the module, warm."""
    path = folder / name
    command = warm(module)
    path.write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path
