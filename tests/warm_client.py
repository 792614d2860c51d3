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


def main() -> None:
    """Ask for the program and wait for its end."""
    place, module, *arguments = sys.argv[1:]
    streams = (sys.stdin, sys.stdout, sys.stderr)
    numbers = [number for number, stream in enumerate(streams) if stream is not None]
    asked = {
        "module": module,
        "arguments": arguments,
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes long to import
        "open": numbers,
    }
    # Not yet: it would not be passed on.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(place)
        data = json.dumps(asked).encode()
        socket.send_fds(server, [len(data).to_bytes(4, "big")], numbers)
        server.sendall(data)
        with server.makefile() as answers:
            pid = int(answers.readline())
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: os.kill(pid, number))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
            code = int(answers.readline())
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    # What it flushes at its end was never its own.
    os._exit(code)


if __name__ == "__main__":
    main()
