"""A storage on loopback that does as it is told, and notes every byte that asks for something.

It plays what no decent server does: answers to other ranges, false lengths, bodies
that end early or never. It is made of plain sockets, since whoever speaks proper HTTP
refuses to.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Literal, Self, TypeAlias

import attrs

from tests.secrets_for_tests import SIGNATURE

_LINGER_ZERO = struct.pack("ii", 1, 0)
_PIECE = 1 << 16


@attrs.frozen
class Asked:
    """A request that came in."""

    head: bytes
    """Its first line and headers, as they came."""
    target: str
    headers: Mapping[str, str]
    """With lower-case names."""


@attrs.frozen(kw_only=True)
class Reply:
    """An answer, right or wrong."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    length: int | None = None
    """What ``Content-Length`` says; by default the truth."""
    chunked: bool = False
    """In chunks, and without a length."""
    stop_after: int | None = None
    """So much of the body is sent before the end comes early."""
    ending: Literal["close", "reset", "silence"] = "close"
    """What an early end is like."""
    keeps: bool | None = None
    """Whether the connection stays; by default after answers that are what they say."""
    behind: bytes = b""
    """What comes behind the answer."""
    pause: float = 0.0
    """The seconds until that comes."""


Player: TypeAlias = Callable[[Asked], Reply]


def stored(
    body: bytes,
    *,
    etag: str | None = '"v1-no-md5"',
    headers: Mapping[str, str] | None = None,
    ranges: bool = True,
    conditions: bool = True,
    parts_name: Mapping[str, str] | None = None,
) -> Player:
    """Give what a storage does that holds an object.

    Args:
        body: The object.
        etag: Its ETag, if it has one.
        headers: What else is told of it.
        ranges: Whether it can send a part.
        conditions: Whether it looks at ``If-Range``.
        parts_name: What is told of it with a part; by default all.
    """
    told = {**({"ETag": etag} if etag else {}), **(headers or {})}

    def play(asked: Asked) -> Reply:
        found = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        condition = asked.headers.get("if-range")
        if condition and conditions and condition not in (etag, told.get("Last-Modified")):
            found = None
        if found is None or not ranges:
            return Reply(headers=told, body=body)
        start = int(found[1])
        if start >= len(body):
            return Reply(status=416, headers={**told, "Content-Range": f"bytes */{len(body)}"})
        part = f"bytes {start}-{len(body) - 1}/{len(body)}"
        named = told if parts_name is None else parts_name
        return Reply(status=206, headers={**named, "Content-Range": part}, body=body[start:])

    return play


def cut(
    player: Player, after: int, ending: Literal["close", "reset", "silence"] = "close"
) -> Player:
    """Give the same with an early end."""
    return lambda asked: attrs.evolve(player(asked), stop_after=after, ending=ending)


def refused(status: int, **headers: str) -> Player:
    """Give a refusal in S3's words."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status=status, headers=named, body=b"<Error><Code>No</Code></Error>")


def moved(location: str, status: int = 302, **headers: str) -> Player:
    """Give a redirect."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status=status, headers={"Location": location, **named})


class BadStorage:
    """The server. Use it in a ``with`` statement.

    Attributes:
        asked: All requests, oldest first.
        sent: How many bytes of bodies went out.
        busiest: How many requests there were at once, at most.
        otherwise: Plays when the script has come to its end.
        over: Set when the server ends.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.sent = 0
        self.busiest = 0
        self.otherwise: Player = refused(404)
        self._script: list[Player] = []
        self._now = 0
        self._lock = threading.Lock()
        self.over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def idle(self) -> bool:
        """Whether it is busy with no request."""
        return self._now == 0

    @property
    def open_connections(self) -> int:
        """How many connections their clients have not closed."""
        return sum(is_open(connection) for connection in self._connections)

    def url(self, path: str = "out.json") -> str:
        """Give a presigned URL."""
        return f"{self.origin}/{path}?X-Amz-Expires=3600&X-Amz-Signature={SIGNATURE}"

    def plays(self, *script: Player, then: Player | None = None) -> None:
        """Set what the next requests are answered, and all after them."""
        self._script = list(script)
        if then is not None:
            self.otherwise = then

    def __enter__(self) -> Self:
        self._begin(self._listen)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.over.set()
        # Closing alone wakes nobody who waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            self._begin(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for head in _heads(connection):
                lines = head.decode("latin-1").split("\r\n")
                pairs = (line.partition(":") for line in lines[1:] if line)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                asked = Asked(head, lines[0].split()[1], headers)
                with self._lock:
                    self.asked.append(asked)
                    player = self._script.pop(0) if self._script else self.otherwise
                    self._now += 1
                    self.busiest = max(self.busiest, self._now)
                try:
                    alive = self._answer(connection, player(asked))
                finally:
                    with self._lock:
                        self._now -= 1
                if not alive:
                    return

    def _answer(self, connection: socket.socket, reply: Reply) -> bool:
        headers = dict(reply.headers)
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            length = len(reply.body) if reply.length is None else reply.length
            headers["Content-Length"] = str(length)
        lines = [f"HTTP/1.1 {reply.status} Something"]
        lines += (f"{name}: {value}" for name, value in headers.items())
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        body = reply.body[: reply.stop_after]
        for start in range(0, len(body), _PIECE):
            piece = body[start : start + _PIECE]
            frame = b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece
            with self._lock:
                self.sent += len(piece)
            connection.sendall(frame)
        if reply.stop_after is None:
            if reply.chunked:
                connection.sendall(b"0\r\n\r\n")
            time.sleep(reply.pause)
            connection.sendall(reply.behind)
            return reply.length is None if reply.keeps is None else reply.keeps
        if reply.ending == "silence":
            self.over.wait(60)
        elif reply.ending == "reset":
            # A reset overtakes what is on its way, so the client is given time to take it.
            _wait_until_taken(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        return False


def _heads(connection: socket.socket) -> Iterator[bytes]:
    taken = b""
    while True:
        head, end, rest = taken.partition(b"\r\n\r\n")
        if end:
            yield head
            taken = rest
            continue
        more = connection.recv(1 << 16)
        if not more:
            return
        taken += more


def is_open(connection: socket.socket) -> bool:
    """Tell whether the other side has not closed a connection on which it asks for no more."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _wait_until_taken(connection: socket.socket) -> None:
    import fcntl

    unsent = 0x5411  # SIOCOUTQ: what the other side has not acknowledged
    for _ in range(500):
        answer = fcntl.ioctl(connection, unsent, struct.pack("i", 0))
        if struct.unpack("i", answer) == (0,):
            return
        time.sleep(0.001)
