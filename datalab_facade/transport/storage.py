# Generated from async_storage.py by scripts/unasync.py; change that file, not this one.
"""Fetches from presigned URLs, and sends to them, on whatever host they name, for blocking code.

No credential is sent there. Bodies can be of any size, so they come in chunks, as they are on the
wire.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import NoReturn

import httpx

from datalab_facade.activities import Activity
from datalab_facade.errors import DatalabError
from datalab_facade.forking import not_picklable
from datalab_facade.redaction import redact_url, redact_urls
from datalab_facade.transport.api_calls import USER_AGENT
from datalab_facade.transport.exchange import Exchange, Stored, Surroundings
from datalab_facade.transport.network.borrowed_pool import BorrowedPool
from datalab_facade.transport.network.connection_pool import (
    Answer,
    Connection,
    ConnectionPool,
)
from datalab_facade.transport.network.connector import Deadline
from datalab_facade.transport.network.messages import Content, Request
from datalab_facade.transport.origin import Server

# What storage says of a body that was sent is a line or two.
_MOST_BYTES_TOLD = 1 << 20


class Incoming:
    """An answer whose body is still to come."""

    def __init__(
        self,
        exchange: Exchange,
        pool: ConnectionPool,
        connection: Connection,
        answer: Answer,
    ) -> None:
        self.status = exchange.status
        """The HTTP status."""
        self.headers = exchange.headers
        """The headers, with lower-case names."""
        self._exchange = exchange
        self._pool = pool
        self._connection = connection
        self._answer = answer
        self._whole = self._closed = False

    def chunks(self, left: Callable[[], float]) -> Generator[bytes, None, None]:
        """Give the body in chunks.

        Args:
            left: Tells the seconds within which the next one must come.

        Raises:
            APIConnectionError: It broke off, or nothing came for too long.
            SurplusBytesError: More came than was announced.
        """
        pieces = self._answer.raw()
        while True:
            with self._exchange, Deadline(self._connection.network, left()):
                piece = next(pieces, None)
            if piece is None:
                break
            self._exchange.count(piece)
            yield piece
        if self._answer.has_surplus:
            raise self._exchange.more_than_announced()
        self._whole = True

    def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        if self._closed:
            return
        self._closed = True
        try:
            with self._exchange:
                self._answer.close()
        except BaseException:
            self._connection.close()
            raise
        self._exchange.log_answer()
        if self._whole:
            self._pool.put_back(self._connection)
        else:
            self._connection.close()


class StorageTransport:
    """Fetches and sends objects."""

    def __init__(self, surroundings: Surroundings, pool: ConnectionPool) -> None:
        self._surroundings = surroundings
        self._pool = pool

    def __reduce__(self) -> NoReturn:
        raise not_picklable()

    def for_tenant(self) -> StorageTransport:
        """Return one on the same connections, which it does not close."""
        return StorageTransport(self._surroundings, BorrowedPool(self._pool))

    def ready(self) -> None:
        """Raise unless it can be used here.

        Raises:
            ClientStateError: The client is closed.
        """
        self._pool.check()

    def open(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        activity: Activity | None = None,
    ) -> Incoming:
        """Ask for an object; the caller closes what it gets.

        Args:
            url: A presigned URL.
            headers: Which part of it, and how.
            timeout: The seconds until the answer begins, and for each later silence.
            activity: What the request is a part of.

        Raises:
            APIConnectionError: No answer came.
            ClientStateError: The client is closed.
            DatalabError: The URL cannot be read.
        """
        self.ready()
        exchange = self._exchange("GET", url, activity, timeout=timeout, most_bytes=0)
        request = _request("GET", url, headers, b"", timeout=timeout, silence=timeout)
        connection, answer = self._pool.open(exchange, request)
        return Incoming(exchange, self._pool, connection, answer)

    def put(
        self,
        url: str,
        headers: Mapping[str, str],
        pieces: Iterator[bytes],
        *,
        silence: float,
        timeout: float,
        activity: Activity | None = None,
    ) -> Stored:
        """Send an object, as it is read.

        Args:
            url: A presigned URL.
            headers: What describes the object; its ``Content-Length`` among it.
            pieces: All of it. What reading raises comes out as it is.
            silence: The seconds for which the connection may be silent.
            timeout: The seconds until the answer is here.
            activity: What the request is a part of.

        Raises:
            APIConnectionError: No whole answer came.
            ClientStateError: The client is closed.
            DatalabError: The URL cannot be read.
        """
        self.ready()
        exchange = self._exchange(
            "PUT", url, activity, timeout=timeout, most_bytes=_MOST_BYTES_TOLD
        )
        request = _request(
            "PUT",
            url,
            headers,
            exchange.callers_own(pieces),
            timeout=timeout,
            silence=min(silence, timeout),
        )
        self._pool.fetch(exchange, request)
        exchange.log_answer()
        return Stored(exchange.status, exchange.headers)

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own.

        Raises:
            ClientStateError: The connections belong to another event loop.
        """
        self._pool.close()

    def _exchange(
        self,
        method: str,
        url: str,
        activity: Activity | None,
        *,
        timeout: float,
        most_bytes: int,
    ) -> Exchange:
        return Exchange(
            method,
            url,
            timeout=timeout,
            most_bytes=most_bytes,
            surroundings=self._surroundings,
            # The address came from a server, so it is no mistake of the caller's.
            unusable=DatalabError,
            activity=activity,
        )


def _request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: Content,
    *,
    timeout: float,
    silence: float,
) -> Request:
    known = _storage_url(url)
    names = {name.lower(): value for name, value in headers.items()}
    return Request(
        method=method,
        url=str(known),
        server=Server.of(known),
        target=known.raw_path,
        headers={"user-agent": USER_AGENT, **names},
        content=content,
        timeout=timeout,
        silence=silence,
    )


def _storage_url(url: str) -> httpx.URL:
    """Read a URL that came from a server, so that it is no mistake of the caller's.

    Raises:
        DatalabError: Nothing can be sent there.
    """
    try:
        known = httpx.URL(url)
        # Both raise for what no resolver can be asked for.
        host, _ = known.host, known.raw_host.decode("ascii").encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise DatalabError(f"{redact_url(url)} is not a URL: {redact_urls(str(error))}") from None
    if known.scheme not in ("http", "https") or not host:
        raise DatalabError(f"{redact_url(url)} is not an http or https URL")
    return known
