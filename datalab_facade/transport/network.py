"""Sockets whose every wait ends when the whole request has to end."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore

from datalab_facade.interrupting import interruptible
from datalab_facade.transport.ending import left_of

# What is read at once while more comes than was asked for.
_LARGE_READ = 1 << 18


def put_bounded_backend(pool: object) -> None:
    """Make the connections that a pool will open obey the end of their request."""
    if isinstance(pool, httpcore.ConnectionPool) and not isinstance(
        pool._network_backend, _BoundedBackend
    ):
        pool._network_backend = _BoundedBackend(pool._network_backend)


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
            left = left_of(timeout, httpcore.ConnectTimeout)
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
        left = left_of(timeout, httpcore.ConnectTimeout)
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
        with interruptible(self._cut_off):
            data = self._inner.read(most, left_of(timeout, httpcore.ReadTimeout))
        self._flows = len(data) >= max_bytes
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with interruptible(self._cut_off):
            self._inner.write(buffer, left_of(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = left_of(timeout, httpcore.ConnectTimeout)
        with interruptible(self._cut_off):
            return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _cut_off(self) -> None:
        """Wake whoever waits for this connection; called from another thread."""
        connection = self._inner.get_extra_info("socket")
        if isinstance(connection, socket.socket):
            with suppress(OSError):
                # Not the one of a TLS socket, which changes what that thread works with.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
