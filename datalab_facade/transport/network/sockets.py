"""The sockets of a blocking client.

Every wait for one ends when the whole request has to end. All addresses of a host
share the time for connecting. A connection that holds bytes which nobody asked for is
never used again, and neither is one that was opened before a fork.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

import httpcore

from datalab_facade.forking import renew_after_fork
from datalab_facade.interrupting import check_interrupted, current_interruption, interruptible
from datalab_facade.transport.network.framing import Watch, is_readable
from datalab_facade.transport.network.resolving import HEAD_START, Address, Resolver

_T = TypeVar("_T")

# What is read at once while more comes than was asked for.
_LARGE_READ = 1 << 19
_TLS_RECORD = 1 << 14
# Seconds that a thread which may be interrupted waits for a connection before it checks.
_BETWEEN_CHECKS = 0.2


class NothingSentError(httpcore.ConnectError):
    """A connection was of no use any more, and nothing of the request was sent on it."""


class Network(httpcore.NetworkBackend):
    """Opens the sockets of one connection, and can close them all."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        # Held here, as an interruption may come before anybody else does.
        self.streams: set[SocketStream] = set()
        self.end: float | None = None

    def left_of(self, timeout: float | None, error: type[Exception]) -> float | None:
        """Return what is left of a timeout, and raise the error when nothing is."""
        if self.end is None:
            return timeout
        left = self.end - time.monotonic()
        if left <= 0:
            raise error("the time for the whole request is over")
        return left if timeout is None else min(left, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - nobody asks for one
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.NetworkStream:
        """Connect to a host; all of its addresses share the time."""
        left = self.left_of(timeout, httpcore.ConnectTimeout)
        end = math.inf if left is None else time.monotonic() + left
        addresses = self._resolver.find(host, port, left)
        try:
            connection = _first_to_connect(addresses, end)
        except OSError as error:
            raise _as_httpcore(error, httpcore.ConnectError, httpcore.ConnectTimeout) from error
        return SocketStream(connection, self)

    def close_all(self) -> None:
        """Close all connections, whatever they are in the middle of."""
        for stream in list(self.streams):
            stream.close()


class SocketStream(httpcore.NetworkStream):
    """A connection, with TLS or without."""

    def __init__(self, connection: socket.socket, network: Network) -> None:
        self._socket = connection
        self._network = network
        network.streams.add(self)
        self._watch = Watch()
        self._flows = self._surplus = False
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Leave the connection to the parent. Nothing is sent: it is closed here only."""
        self._socket.close()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what comes next, or nothing at the end."""
        # httpcore asks for so little that a large body costs more in calls than in bytes.
        most = max(max_bytes, _LARGE_READ) if self._flows else max_bytes
        left = self._network.left_of(timeout, httpcore.ReadTimeout)
        try:
            if current_interruption() is None:
                self._socket.settimeout(left)
                data = self._receive(most)
            else:
                with interruptible(self._cut_off):
                    self._socket.settimeout(left)
                    data = self._receive(most)
        except OSError as error:
            raise _as_httpcore(error, httpcore.ReadError, httpcore.ReadTimeout) from error
        self._flows = len(data) >= max_bytes
        self._watch.received(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        if not buffer:
            # Such are the ends of most requests.
            return
        if self._watch.begins(buffer) and is_readable(self._socket):
            # Nothing was sent yet, and an answer that is here already is none.
            raise NothingSentError("the connection was closed, or answered before the request")
        rest = memoryview(buffer)
        try:
            with interruptible(self._cut_off):
                while rest:
                    self._socket.settimeout(self._network.left_of(timeout, httpcore.WriteTimeout))
                    rest = rest[self._send(rest) :]
        except OSError as error:
            raise _as_httpcore(error, httpcore.WriteError, httpcore.WriteTimeout) from error

    def close(self) -> None:
        """Close it at once."""
        self._network.streams.discard(self)
        self._is_spent()
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on in TLS, on another stream."""
        left = self._network.left_of(timeout, httpcore.ConnectTimeout)
        try:
            with interruptible(self._cut_off):
                self._socket.settimeout(left)
                stream = self._in_tls(ssl_context, server_hostname)
        except OSError as error:
            self.close()
            raise _as_httpcore(error, httpcore.ConnectError, httpcore.ConnectTimeout) from error
        except BaseException:
            self.close()
            raise
        self._network.streams.discard(self)
        return stream

    def get_extra_info(self, info: str) -> object:
        """Tell what httpcore asks, and whether there is ``surplus`` after an answer."""
        if info == "is_readable":
            # Whether it cannot be used for another request.
            return self._is_spent()
        known: dict[str, Callable[[], object]] = {
            "surplus": lambda: self._watch.surplus or self._surplus,
            "socket": lambda: self._socket,
            "client_addr": self._socket.getsockname,
            "server_addr": self._socket.getpeername,
            "ssl_object": self._tls,
        }
        return known[info]() if info in known else None

    def _is_spent(self) -> bool:
        if not self._watch.may_go_on:
            return True
        if not is_readable(self._socket):
            return False
        # It is closed next, so what is read here is missed by nobody.
        with contextlib.suppress(OSError):
            self._socket.settimeout(0)
            self._surplus = self._surplus or bool(self._receive(1))
        return True

    def _cut_off(self) -> None:
        """Wake whoever waits for this connection; called from another thread."""
        with contextlib.suppress(OSError):
            # Not the one of a TLS socket, which changes what that thread works with.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _receive(self, most: int) -> bytes:
        return self._socket.recv(most)

    def _send(self, data: memoryview) -> int:
        return self._socket.send(data)

    def _tls(self) -> ssl.SSLSocket | ssl.SSLObject | None:
        return self._socket if isinstance(self._socket, ssl.SSLSocket) else None

    def _in_tls(self, context: ssl.SSLContext, name: str | None) -> SocketStream:
        if isinstance(self._socket, ssl.SSLSocket):
            return _NestedTls(self._socket, self._network, context, name)
        # The handshake comes after, so that it can be cut off: this takes the socket away.
        wrapped = context.wrap_socket(
            self._socket, server_hostname=name, do_handshake_on_connect=False
        )
        self._socket = wrapped
        wrapped.do_handshake()
        return SocketStream(wrapped, self._network)


class _NestedTls(SocketStream):
    """TLS inside the TLS of a connection to a proxy, which sockets cannot do by themselves."""

    def __init__(
        self,
        connection: ssl.SSLSocket,
        network: Network,
        context: ssl.SSLContext,
        name: str | None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        super().__init__(connection, network)
        self._carried(self._inner.do_handshake)

    def _receive(self, most: int) -> bytes:
        return self._carried(lambda: self._inner.read(most))

    def _send(self, data: memoryview) -> int:
        return self._carried(lambda: self._inner.write(data))

    def _tls(self) -> ssl.SSLObject:
        return self._inner

    def _carried(self, act: Callable[[], _T]) -> _T:
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                result = act()
                self._send_waiting()
                return result
            self._send_waiting()
            more = self._socket.recv(_TLS_RECORD)
            if more:
                self._incoming.write(more)
            else:
                self._incoming.write_eof()

    def _send_waiting(self) -> None:
        waiting = self._outgoing.read()
        if waiting:
            self._socket.sendall(waiting)


def _first_to_connect(addresses: list[Address], end: float) -> socket.socket:
    """Connect to one of the addresses: each has a head start before the next one."""
    waiting, failure = deque(addresses), OSError("the host has no address")
    longest = math.inf if current_interruption() is None else _BETWEEN_CHECKS
    with selectors.DefaultSelector() as under_way:
        try:
            while waiting or under_way.get_map():
                now = time.monotonic()
                if now >= end:
                    raise TimeoutError("no address of the host answered in time")
                if waiting:
                    try:
                        begun = _begin_to_connect(waiting.popleft())
                    except OSError as error:
                        failure = error
                        continue
                    under_way.register(begun, selectors.EVENT_WRITE)
                check_interrupted()
                patience = min(end - now, HEAD_START if waiting else math.inf, longest)
                for key, _ in under_way.select(None if patience == math.inf else patience):
                    connection = key.fileobj
                    assert isinstance(connection, socket.socket)
                    under_way.unregister(connection)
                    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not code:
                        return connection
                    connection.close()
                    failure = OSError(code, os.strerror(code))
        finally:
            for key in list(under_way.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()
    raise failure


def _begin_to_connect(address: Address) -> socket.socket:
    connection = new_socket(address.family)
    try:
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect(address.where)
    except BaseException:
        connection.close()
        raise
    return connection


def new_socket(family: int) -> socket.socket:
    """Return a socket that is not connected yet, and sends what is written to it at once."""
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _as_httpcore(error: OSError, failed: type[Exception], timed_out: type[Exception]) -> Exception:
    return (timed_out if isinstance(error, TimeoutError) else failed)(str(error))
