"""A Python that has imported the package already, and forks for each program that is to be run.

usage: python -m tests.warm_server SOCKET

It ends when its standard input does. See :mod:`tests.warm`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import warnings
from typing import Any, TextIO, cast

import attrs

import datalab_facade
from tests.quick_clock import PLACES, quick_clock

# What needs packages that not every environment has, or is a plugin of another program.
_LEFT_OUT = ("integrations", "opentelemetry", "notebook", "testing.pytest_plugin")
_LOADED_LATE = ("rich.live", "rich.markdown", "rich.progress", "rich.table", "rich.traceback")


@attrs.frozen
class Job:
    """A program to run: a module, and all that a process gets from the one that starts it."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    streams: dict[int, int]
    """The numbers that its open standard streams have here."""


class _Server:
    """Starts programs, and says of each its id, then how it ended.

    Args:
        listener: Where they are asked for.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, socket.socket] = {}
        self._woken, write = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> Job | None:
        """Serve until there is nobody left; in a child, return what it is to run."""
        lifeline = sys.stdin.fileno()
        while True:
            waiting = [lifeline, self._woken, self._listener, *self._children.values()]
            ready, _, _ = select.select(waiting, [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            for pid, caller in list(self._children.items()):
                if caller in ready and caller.fileno() != -1:
                    # Who waited for it was killed, so it would have been.
                    os.kill(pid, signal.SIGKILL)
                    caller.close()
                    del self._children[pid]
            if self._listener in ready and (job := self._take()) is not None:
                return job
            if lifeline in ready:
                for pid in self._children:
                    os.kill(pid, signal.SIGKILL)
                return None

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                caller = self._children.pop(pid, None)
                if caller is not None:
                    with contextlib.suppress(OSError), caller:
                        caller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))

    def _take(self) -> Job | None:
        caller, _ = self._listener.accept()
        start, numbers, _, _ = socket.recv_fds(caller, 4, 3)
        size, data = int.from_bytes(start, "big"), bytearray()
        while len(data) < size:
            data += caller.recv(size - len(data))
        asked: dict[str, Any] = json.loads(data)
        streams = dict(zip(asked.pop("open"), numbers, strict=True))
        pid = os.fork()
        if pid:
            self._children[pid] = caller
            for number in numbers:
                os.close(number)
            caller.sendall(b"%d\n" % pid)
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (self._listener, caller, *self._children.values()):
            one.close()
        os.close(self._woken)
        return Job(**asked, streams=streams)


def _import_all() -> None:
    # Ours is compared with Datalab's own client, where there is one. What it needs is kept; itself
    # it reads the environment as it is imported.
    with warnings.catch_warnings(action="ignore"), contextlib.suppress(ImportError):
        importlib.import_module("datalab_sdk")
    for name in [name for name in sys.modules if name.partition(".")[0] == "datalab_sdk"]:
        del sys.modules[name]
    for name in _LOADED_LATE:
        importlib.import_module(name)
    for found in pkgutil.walk_packages(datalab_facade.__path__, "datalab_facade."):
        inside = found.name.removeprefix("datalab_facade.")
        if not inside.startswith(_LEFT_OUT) and not inside.endswith("__main__"):
            importlib.import_module(found.name)


def _opened(number: int, like: TextIO) -> TextIO | None:
    """Open a standard stream as Python does when it begins; None where it is closed."""
    try:
        raw = io.FileIO(number, "w" if number else "r", closefd=False)
    except OSError:
        return None
    buffer = io.BufferedWriter(raw) if number else io.BufferedReader(raw)
    return io.TextIOWrapper(
        buffer,
        encoding=like.encoding,
        errors=like.errors,
        newline="\n",
        line_buffering=raw.isatty() or number == 2,
    )


def _run(job: Job) -> None:
    """Be the program; the interpreter ends as it ends after any other."""
    for number in range(3):
        if number in job.streams:
            os.dup2(job.streams[number], number)
            os.close(job.streams[number])
        else:
            os.close(number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _opened(number, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(job.environment)
    os.chdir(job.folder)
    sys.path[0] = job.folder
    sys.argv[1:] = job.arguments
    if action := job.environment.get("PYTHONWARNINGS"):
        # A word for all of them is enough here; without it they are errors.
        warnings.simplefilter(cast("Any", action))
    for place in PLACES:
        vars(place)["SystemClock"] = quick_clock
    runpy.run_module(job.module, run_name="__main__", alter_sys=True)


def main() -> None:
    """Listen, and run what a child is for."""
    _import_all()
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen(64)
        job = _Server(listener).serve()
    if job is not None:
        _run(job)


if __name__ == "__main__":
    main()
