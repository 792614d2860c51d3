"""Fetches from presigned URLs, and sends to them, on whatever host they name.

No credential is sent there.

Bodies can be of any size, so they come in chunks, as they are on the wire.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    Mapping,
)
from typing import NoReturn

import attrs
import httpx

from datalab_facade.errors import DatalabError
from datalab_facade.transport.api import USER_AGENT, OneLoop, client_is_closed, not_picklable
from datalab_facade.transport.connecting import Connector, bound_connections
from datalab_facade.transport.ending import EndsWithin
from datalab_facade.transport.exchange import (
    Exchange,
    Surroundings,
    carry_out,
    carry_out_async,
    time_bounds,
)
from datalab_facade.transport.quiet import Ours

# What storage says of a body that was sent is a line or two.
_MOST_BYTES_TOLD = 1 << 20


class _Incoming:
    """An answer whose body is still to come."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._exchange.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with lower-case names."""
        return self._exchange.headers


class Incoming(_Incoming):
    """An answer whose body is still to come, for blocking code."""

    def __init__(self, exchange: Exchange, response: httpx.Response) -> None:
        super().__init__(exchange)
        self._response = response

    def chunks(self, left: Callable[[], float]) -> Generator[bytes, None, None]:
        """Give the body in chunks.

        Args:
            left: Tells the seconds within which the next one must come.

        Raises:
            ConnectionFailed: It broke off, or nothing came for too long.
        """
        if self._response.is_stream_consumed:
            # So are the answers of most mocks.
            yield self._response.content
            return
        pieces = self._response.iter_raw()
        while True:
            with Ours(), self._exchange.translating(), EndsWithin(left()):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def close(self) -> None:
        """Give the connection back, or close it if the body is not read to its end."""
        with Ours():
            self._response.close()


class AsyncIncoming(_Incoming):
    """The same for async code."""

    def __init__(self, exchange: Exchange, response: httpx.Response) -> None:
        super().__init__(exchange)
        self._response = response

    async def chunks(self, left: Callable[[], float]) -> AsyncGenerator[bytes, None]:
        """Give the body in chunks.

        Args:
            left: Tells the seconds within which the next one must come.

        Raises:
            ConnectionFailed: It broke off, or nothing came for too long.
        """
        import asyncio

        if self._response.is_stream_consumed:
            # So are the answers of most mocks.
            yield self._response.content
            return
        pieces = self._response.aiter_raw()
        while True:
            with Ours(), self._exchange.translating():
                async with asyncio.timeout(left()):
                    piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece

    async def close(self) -> None:
        """Give the connection back, or close it if the body is not read to its end."""
        with Ours():
            await self._response.aclose()


class _Storage:
    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._closed = False

    def __reduce__(self) -> NoReturn:
        raise not_picklable()

    def _begin(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> tuple[Exchange, httpx.Request]:
        exchange = self._exchange("GET", url, timeout=timeout, most_bytes=0)
        with exchange.translating():
            request = httpx.Request(
                "GET",
                url,
                headers={"User-Agent": USER_AGENT, **headers},
                extensions=time_bounds(timeout),
            )
        return exchange, request

    def _begin_put(
        self,
        url: str,
        headers: Mapping[str, str],
        pieces: Callable[[Exchange], Iterator[bytes] | AsyncIterator[bytes]],
        *,
        silence: float,
        timeout: float,
    ) -> tuple[Exchange, httpx.Request]:
        exchange = self._exchange("PUT", url, timeout=timeout, most_bytes=_MOST_BYTES_TOLD)
        with exchange.translating():
            request = httpx.Request(
                "PUT",
                url,
                headers={"User-Agent": USER_AGENT, **headers},
                content=pieces(exchange),
                extensions=time_bounds(min(silence, timeout)),
            )
        return exchange, request

    def _exchange(self, method: str, url: str, *, timeout: float, most_bytes: int) -> Exchange:
        return Exchange(
            method,
            url,
            timeout=timeout,
            most_bytes=most_bytes,
            surroundings=self._surroundings,
            # The address came from a server, so it is no mistake of the caller's.
            unusable=DatalabError,
        )


@attrs.frozen
class Stored:
    """What storage said of an object that was sent there."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names."""


class StorageTransport(_Storage):
    """Fetches and sends, blocking. Threads may share it."""

    def __init__(
        self,
        surroundings: Surroundings,
        given: httpx.Client | None,
        connector: Connector,
    ) -> None:
        super().__init__(surroundings)
        self._owned = given is None
        if given is not None:
            bound_connections(given)
        self._http = given or connector.client()

    def ready(self) -> None:
        """Raise unless it can be used.

        Raises:
            ConfigurationError: The client is closed.
        """
        if self._closed or self._http.is_closed:
            raise client_is_closed()

    def open(self, url: str, headers: Mapping[str, str], *, timeout: float) -> Incoming:
        """Ask for an object; the caller closes what it gets.

        Args:
            url: A presigned URL.
            headers: Which part of it, and how.
            timeout: The seconds until the answer begins, and for each later silence.

        Raises:
            ConnectionFailed: No answer came.
            ConfigurationError: The client is closed.
            DatalabError: The URL cannot be read.
        """
        self.ready()
        exchange, request = self._begin(url, headers, timeout)
        with exchange.under_way(), EndsWithin(timeout):
            response = self._http.send(request, stream=True, auth=None, follow_redirects=False)
            exchange.begin(response)
        return Incoming(exchange, response)

    def put(
        self,
        url: str,
        headers: Mapping[str, str],
        pieces: Iterator[bytes],
        *,
        silence: float,
        timeout: float,
    ) -> Stored:
        """Send an object, as it is read.

        Args:
            url: A presigned URL.
            headers: What is told of the object; its ``Content-Length`` among it.
            pieces: All of it. What reading raises comes out as it is.
            silence: The seconds for which the connection may be silent.
            timeout: The seconds until the answer is here.

        Raises:
            ConnectionFailed: No whole answer came.
            ConfigurationError: The client is closed.
            DatalabError: The URL cannot be read.
        """
        self.ready()
        exchange, request = self._begin_put(
            url,
            headers,
            lambda exchange: exchange.callers_own(pieces),
            silence=silence,
            timeout=timeout,
        )
        carry_out(
            exchange,
            lambda: self._http.send(request, stream=True, auth=None, follow_redirects=False),
        )
        return Stored(exchange.status, exchange.headers)

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own."""
        self._closed = True
        if self._owned:
            self._http.close()


class AsyncStorageTransport(_Storage):
    """Fetches and sends, in one event loop."""

    def __init__(
        self,
        surroundings: Surroundings,
        given: httpx.AsyncClient | None,
        connector: Connector,
        loop: OneLoop,
    ) -> None:
        super().__init__(surroundings)
        self._owned = given is None
        self._http = given or connector.async_client()
        self._loop = loop

    def ready(self) -> None:
        """Raise unless it can be used here.

        Raises:
            ConfigurationError: The client is closed, or belongs to another event loop.
        """
        self._loop.stay()
        if self._closed or self._http.is_closed:
            raise client_is_closed()

    async def open(self, url: str, headers: Mapping[str, str], *, timeout: float) -> AsyncIncoming:
        """Ask for an object; the caller closes what it gets.

        Arguments and errors as :meth:`StorageTransport.open`, and:

        Raises:
            ConfigurationError: The client belongs to another event loop.
        """
        import asyncio

        self.ready()
        exchange, request = self._begin(url, headers, timeout)
        with exchange.under_way():
            async with asyncio.timeout(timeout):
                response = await self._http.send(
                    request, stream=True, auth=None, follow_redirects=False
                )
            exchange.begin(response)
        return AsyncIncoming(exchange, response)

    async def put(
        self,
        url: str,
        headers: Mapping[str, str],
        pieces: AsyncIterator[bytes],
        *,
        silence: float,
        timeout: float,
    ) -> Stored:
        """Send an object, as it is read.

        Arguments and errors as :meth:`StorageTransport.put`, and:

        Raises:
            ConfigurationError: The client belongs to another event loop.
        """
        self.ready()
        exchange, request = self._begin_put(
            url,
            headers,
            lambda exchange: exchange.callers_own_async(pieces),
            silence=silence,
            timeout=timeout,
        )
        await carry_out_async(
            exchange,
            lambda: self._http.send(request, stream=True, auth=None, follow_redirects=False),
        )
        return Stored(exchange.status, exchange.headers)

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own.

        Raises:
            ConfigurationError: The connections belong to another event loop.
        """
        self._loop.stay_if_used()
        self._closed = True
        if self._owned:
            await self._http.aclose()
