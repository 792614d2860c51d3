"""TLS in front of a server without it, and proxies on the way there."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")


class Front:
    """Passes on what it takes to another port of this machine.

    Args:
        port: Where to; of a proxy, wherever it is asked to.
        tls: Whether it speaks TLS.
        proxy: Whether it is a proxy, and is asked by a CONNECT.
    """

    def __init__(self, port: int = 0, *, tls: bool = True, proxy: bool = False) -> None:
        self._target = port
        self._proxy = proxy
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self.accepted = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)
        for one in (self._listener, *self._open):
            one.close()

    def start(self) -> None:
        self._begin(self._listen)

    def _begin(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                self.accepted += 1
                self._open.append(taken)
                self._begin(self._serve, taken)

    def _serve(self, taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            near = taken
            if self._context is not None:
                near = self._context.wrap_socket(taken, server_side=True)
                self._open.append(near)
            port = self._asked_port(near) if self._proxy else self._target
            far = socket.create_connection(("127.0.0.1", port))
            self._open.append(far)
            self._begin(_pass_on, far, near)
            _pass_on(near, far)

    def _asked_port(self, near: socket.socket) -> int:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += near.recv(1)
        near.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        return int(head.split()[1].rpartition(b":")[2])


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            to.sendall(data)
        to.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def fronted(port: int = 0, *, tls: bool = True, proxy: bool = False) -> Iterator[Front]:
    """Run one."""
    front = Front(port, tls=tls, proxy=proxy)
    front.start()
    try:
        yield front
    finally:
        front.close()
