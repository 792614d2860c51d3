"""A hard end for every wait of a socket.

httpx bounds the silence between two pieces of an answer, not the answer: a
server that sends a byte a second never times out. Here each wait for the
network is cut to what is left until the end of the whole request. Async code
needs none of it, since :func:`asyncio.timeout` ends a request anywhere.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

# What is read at once while more comes than was asked for.
_LARGE_READ = 1 << 18

_end: ContextVar[float | None] = ContextVar("datalab_facade_request_end", default=None)


class EndsWithin:
    """Bounds everything that the bounded connections of this thread do inside."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = _end.set(time.monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _end.reset(self._token)


def bound_connections(client: httpx.Client) -> None:
    """Make all connections that a client will open obey :class:`EndsWithin`.

    A transport that is not httpx's own is left as it is.
    """
    # httpx has no public way to hand its pools a network backend, though
    # httpcore has one; a test tells when these private names change.
    transports = [client._transport, *client._mounts.values()]
    for transport in transports:
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore.ConnectionPool) and not isinstance(
            pool._network_backend, _BoundedBackend
        ):
            pool._network_backend = _BoundedBackend(pool._network_backend)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    end = _end.get()
    if end is None:
        return timeout
    left = end - time.monotonic()
    if left <= 0:
        raise error("the time for the whole request is over")
    return left if timeout is None else min(left, timeout)


class _BoundedBackend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        # A host may have several addresses, and each gets a timeout of its own.
        failure: Exception | None = None
        for address in _addresses(host, port):
            left = _left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._inner.connect_unix_socket(path, left, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._flows = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # httpcore asks for so little that a large body costs more in calls than in bytes.
        most = max(max_bytes, _LARGE_READ) if self._flows else max_bytes
        data = self._inner.read(most, _left(timeout, httpcore.ReadTimeout))
        self._flows = len(data) >= max_bytes
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
