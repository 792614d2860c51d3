"""Has a program run by :mod:`tests.warm_server` as if it ran here.

usage: python -I -S warm_client.py SOCKET MODULE ARGUMENT...

Signals are passed on, and it ends as the program ends. It is small, since it starts often.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def ask(  # noqa: PLR0917 - all that a process begins with
    place: str,
    module: str,
    arguments: list[str],
    environment: dict[str, str],
    folder: str,
    streams: dict[int, int],
) -> socket.socket:
    """Ask for a program; what is answered is its id, and how it ended, each on a line.

    Args:
        place: Where the server listens.
        module: What is run.
        arguments: Its arguments.
        environment: Its whole environment.
        folder: Where it runs.
        streams: The numbers of its open standard streams, and which they are here.
    """
    asked = {
        "module": module,
        "arguments": arguments,
        "environment": environment,
        "folder": folder,
        "open": [*streams],
    }
    server = socket.socket(socket.AF_UNIX)
    server.connect(place)
    data = json.dumps(asked).encode()
    socket.send_fds(server, [len(data).to_bytes(4, "big")], [*streams.values()])
    server.sendall(data)
    return server


def main() -> None:
    """Ask for the program and wait for its end."""
    place, module, *arguments = sys.argv[1:]
    streams = (sys.stdin, sys.stdout, sys.stderr)
    numbers = {number: number for number, stream in enumerate(streams) if stream is not None}
    # Not yet: it would not be passed on.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    folder = os.getcwd()  # noqa: PTH109 - pathlib takes long to import
    server = ask(place, module, arguments, dict(os.environ), folder, numbers)
    with server, server.makefile() as answers:
        pid = int(answers.readline())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(pid, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
        code = int(answers.readline())
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    # What it flushes at its end was never its own.
    os._exit(code)


if __name__ == "__main__":
    main()
