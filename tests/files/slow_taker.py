"""A storage on loopback that takes what is sent as it is told to, and notes every byte.

It breaks off in the middle of a body, answers before it has read it, or not at all;
whoever speaks proper HTTP cannot.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Literal, Self

import attrs

_LINGER_ZERO = struct.pack("ii", 1, 0)


@attrs.define
class Arrival:
    """What came in with one request."""

    head: bytes
    """The first line and the headers, as they came."""
    method: str
    target: str
    headers: Mapping[str, str]
    """With lower-case names."""
    length: int = 0
    """How much of the body was read."""
    md5: str = ""


@attrs.frozen(kw_only=True)
class Act:
    """What is done with one request."""

    read: int | None = None
    """So much of the body is read; by default all."""
    status: int | None = 200
    """What is answered then; None: nothing."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    etag: bool = True
    """Whether a success tells the MD5 of what came."""
    ending: Literal["close", "reset", "silence"] = "close"
    """What happens where nothing is answered."""


TAKES = Act()


class SlowTaker:
    """The server. Use it in a ``with`` statement.

    Attributes:
        arrivals: All requests, oldest first.
        on_stored: Called when all of a body was read and is about to be acknowledged.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.on_stored: Callable[[Arrival], None] = lambda _: None
        self._script: list[Act] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def does(self, *acts: Act) -> None:
        """Set what is done with the next requests; all later ones are taken."""
        self._script = list(acts)

    def __enter__(self) -> Self:
        self._begin(self._listen)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        for one in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._begin(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            stream = connection.makefile("rb")
            with contextlib.closing(stream):
                while self._one(connection, stream):
                    pass

    def _one(self, connection: socket.socket, stream: object) -> bool:
        readline, read = stream.readline, stream.read  # type: ignore[attr-defined]
        lines: list[bytes] = []
        while (line := readline()) not in (b"\r\n", b""):
            lines.append(line)
        if not lines:
            return False
        pairs = [line.decode("latin-1").rstrip("\r\n").partition(":") for line in lines[1:]]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        method, target = lines[0].decode("latin-1").split()[:2]
        arrival = Arrival(b"".join(lines), method, target, headers)
        with self._lock:
            self.arrivals.append(arrival)
            act = self._script.pop(0) if self._script else TAKES
        whole = int(headers.get("content-length", "0"))
        wanted = whole if act.read is None else act.read
        digest = hashlib.md5(usedforsecurity=False)
        while arrival.length < wanted:
            piece = read(min(1 << 16, wanted - arrival.length))
            if not piece:
                return False
            arrival.length += len(piece)
            digest.update(piece)
        arrival.md5 = digest.hexdigest()
        if act.status is None:
            if act.ending == "silence":
                self._over.wait(60)
            elif act.ending == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            return False
        told = dict(act.headers)
        if act.status == 200:
            self.on_stored(arrival)
            if act.etag:
                told.setdefault("ETag", f'"{arrival.md5}"')
        if arrival.length < whole:
            told["Connection"] = "close"
        reply = [f"HTTP/1.1 {act.status} Something", "Content-Length: 0"]
        reply += (f"{name}: {value}" for name, value in told.items())
        connection.sendall("\r\n".join([*reply, "", ""]).encode("latin-1"))
        if arrival.length < whole:
            # Closed with a body unread, the connection would be reset, and the answer lost.
            connection.shutdown(socket.SHUT_WR)
            while read(1 << 16):
                pass
            return False
        return True
