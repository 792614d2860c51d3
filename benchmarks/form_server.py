"""A server that swallows forms, so that the client is what is measured.

It takes any ``POST``, of whatever length, and answers that a request was started; any ``GET``
answers that it is complete. Started as a process of its own by :class:`FormServer`, it prints its
port, and ends when its input is closed.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

_STARTED = json.dumps(
    {
        "success": True,
        "error": None,
        "request_id": "Qm3xT0yLr8sWb2ZkVf6NcA",
        "request_check_url": "https://www.datalab.to/api/v1/convert/Qm3xT0yLr8sWb2ZkVf6NcA",
    }
).encode()
_COMPLETE = json.dumps(
    {"status": "complete", "success": True, "output_format": "markdown", "markdown": "# A" * 900}
).encode()


class FormServer:
    """The server, in a process of its own."""

    port: int

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    @property
    def url(self) -> str:
        """What a client is configured with."""
        return f"http://127.0.0.1:{self.port}"


def _answer(connection: socket.socket, _: object) -> None:
    scratch = bytearray(1 << 20)
    with connection, contextlib.suppress(ConnectionError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken = b""
        while True:
            while b"\r\n\r\n" not in taken:
                more = connection.recv(1 << 16)
                if not more:
                    return
                taken += more
            head, _, taken = taken.partition(b"\r\n\r\n")
            head = head.lower()
            length = next(
                (
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.startswith(b"content-length:")
                ),
                0,
            )
            left, taken = length - len(taken), taken[length:]
            while left > 0:
                received = connection.recv_into(scratch, min(left, len(scratch)))
                if not received:
                    return
                left -= received
            body = _STARTED if head.startswith(b"post") else _COMPLETE
            connection.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )


def _main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        threading.Thread(target=_serve, args=[listening], daemon=True).start()
        sys.stdin.read()


def _serve(listening: socket.socket) -> None:
    while True:
        threading.Thread(target=_answer, args=listening.accept(), daemon=True).start()


if __name__ == "__main__":
    _main()
