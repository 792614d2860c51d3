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
from datalab_facade.redaction import redact_url, redact_urls
from datalab_facade.transport.api import USER_AGENT, EventLoopGuard, client_is_closed, not_picklable
from datalab_facade.transport.connection_pool import (
    AsyncConnectionPool,
    AsyncSend,
    AsyncSender,
    ConnectionPool,
    Lane,
    Send,
)
from datalab_facade.transport.ending import Deadline
from datalab_facade.transport.exchange import (
    Exchange,
    Surroundings,
    carry_out,
    carry_out_async,
    time_bounds,
)
from datalab_facade.transport.log_filter import Ours

# What storage says of a body that was sent is a line or two.
_MOST_BYTES_TOLD = 1 << 20


class _Incoming:
    """An answer whose body is still to come."""

    def __init__(self, exchange: Exchange, response: httpx.Response) -> None:
        self._exchange = exchange
        self._response = response
        self._whole = self._closed = False
        self.headers = exchange.headers
        """The headers, with lower-case names."""
        if response.is_stream_consumed and response.num_bytes_downloaded != len(response.content):
            # Who read it before, a mock or a hook of the user's, had it unpacked.
            self.headers = {
                name: value
                for name, value in self.headers.items()
                if name not in ("content-encoding", "content-length")
            }

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._exchange.status

    def _end(self) -> None:
        """Take note that the body is here, as long as it was announced.

        Raises:
            MoreThanAnnounced: There is more.
        """
        # Of connections that are not ours this is not known.
        stream = self._response.extensions.get("network_stream")
        if stream is not None and stream.get_extra_info("surplus"):
            raise self._exchange.more_than_announced()
        self._whole = True


class Incoming(_Incoming):
    """An answer whose body is still to come, for blocking code."""

    def __init__(
        self,
        exchange: Exchange,
        response: httpx.Response,
        lanes: ConnectionPool,
        lane: Lane[httpx.Client, Send],
    ) -> None:
        super().__init__(exchange, response)
        self._lanes = lanes
        self._lane = lane

    def chunks(self, left: Callable[[], float]) -> Generator[bytes, None, None]:
        """Give the body in chunks.

        Args:
            left: Tells the seconds within which the next one must come.

        Raises:
            APIConnectionError: It broke off, or nothing came for too long.
            MoreThanAnnounced: More came than was announced.
        """
        if self._response.is_stream_consumed:
            # So are the answers of most mocks.
            yield self._response.content
            self._end()
            return
        pieces = self._response.iter_raw()
        while True:
            with Ours(), self._exchange.translating(), Deadline(left()):
                piece = next(pieces, None)
            if piece is None:
                self._end()
                return
            yield piece

    def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        if self._closed:
            return
        self._closed = True
        try:
            with Ours():
                self._response.close()
        except BaseException:
            self._lane.close()
            raise
        if self._whole:
            self._lanes.put_back(self._lane)
        else:
            self._lane.close()


class AsyncIncoming(_Incoming):
    """The same for async code."""

    def __init__(
        self,
        exchange: Exchange,
        response: httpx.Response,
        lanes: AsyncConnectionPool,
        lane: Lane[httpx.AsyncClient | AsyncSender, AsyncSend],
    ) -> None:
        super().__init__(exchange, response)
        self._lanes = lanes
        self._lane = lane

    async def chunks(self, left: Callable[[], float]) -> AsyncGenerator[bytes, None]:
        """Give the body in chunks.

        Args:
            left: Tells the seconds within which the next one must come.

        Raises:
            APIConnectionError: It broke off, or nothing came for too long.
            MoreThanAnnounced: More came than was announced.
        """
        import asyncio

        if self._response.is_stream_consumed:
            # So are the answers of most mocks.
            yield self._response.content
            self._end()
            return
        pieces = self._response.aiter_raw()
        while True:
            with Ours(), self._exchange.translating():
                async with asyncio.timeout(left()):
                    piece = await anext(pieces, None)
            if piece is None:
                self._end()
                return
            yield piece

    async def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        if self._closed:
            return
        self._closed = True
        try:
            with Ours():
                await self._response.aclose()
        except BaseException:
            self._lane.close()
            raise
        if self._whole:
            self._lanes.put_back(self._lane)
        else:
            self._lane.close()


class _Storage:
    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    def __reduce__(self) -> NoReturn:
        raise not_picklable()

    def _begin(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> tuple[Exchange, httpx.Request]:
        exchange = self._exchange("GET", url, timeout=timeout, most_bytes=0)
        with exchange.translating():
            request = httpx.Request(
                "GET",
                _storage_url(url),
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
                _storage_url(url),
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


@attrs.frozen
class Stored:
    """What storage said of an object that was sent there."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names."""


class StorageTransport(_Storage):
    """Fetches and sends, blocking. Threads may share it."""

    def __init__(self, surroundings: Surroundings, lanes: ConnectionPool) -> None:
        super().__init__(surroundings)
        self._lanes = lanes

    def ready(self) -> None:
        """Raise unless it can be used.

        Raises:
            ClientStateError: The client is closed.
        """
        if self._lanes.closed:
            raise client_is_closed()

    def open(self, url: str, headers: Mapping[str, str], *, timeout: float) -> Incoming:
        """Ask for an object; the caller closes what it gets.

        Args:
            url: A presigned URL.
            headers: Which part of it, and how.
            timeout: The seconds until the answer begins, and for each later silence.

        Raises:
            APIConnectionError: No answer came.
            ClientStateError: The client is closed.
            DatalabError: The URL cannot be read.
        """
        self.ready()
        exchange, request = self._begin(url, headers, timeout)
        lane = self._lanes.take()
        exchange.may_have_sent = lane.may_have_sent
        try:
            with exchange.under_way(), Deadline(timeout):
                response = _send(lane, request)
                exchange.begin(response)
        except BaseException:
            lane.close()
            raise
        return Incoming(exchange, response, self._lanes, lane)

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
            headers: What describes the object; its ``Content-Length`` among it.
            pieces: All of it. What reading raises comes out as it is.
            silence: The seconds for which the connection may be silent.
            timeout: The seconds until the answer is here.

        Raises:
            APIConnectionError: No whole answer came.
            ClientStateError: The client is closed.
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
        lane = self._lanes.take()
        exchange.may_have_sent = lane.may_have_sent
        try:
            carry_out(exchange, lambda: _send(lane, request))
        except BaseException:
            lane.close()
            raise
        self._lanes.put_back(lane)
        return Stored(exchange.status, exchange.headers)

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own."""
        self._lanes.close()


class AsyncStorageTransport(_Storage):
    """Fetches and sends, in one event loop."""

    def __init__(
        self, surroundings: Surroundings, lanes: AsyncConnectionPool, loop: EventLoopGuard
    ) -> None:
        super().__init__(surroundings)
        self._lanes = lanes
        self._loop = loop

    def ready(self) -> None:
        """Raise unless it can be used here.

        Raises:
            ClientStateError: The client is closed, or belongs to another event loop.
        """
        self._loop.stay()
        if self._lanes.closed:
            raise client_is_closed()

    async def open(self, url: str, headers: Mapping[str, str], *, timeout: float) -> AsyncIncoming:
        """Ask for an object; the caller closes what it gets.

        Arguments and errors as :meth:`StorageTransport.open`, and:

        Raises:
            ClientStateError: The client belongs to another event loop.
        """
        import asyncio

        self.ready()
        exchange, request = self._begin(url, headers, timeout)
        lane = self._lanes.take()
        exchange.may_have_sent = lane.may_have_sent
        try:
            with exchange.under_way():
                async with asyncio.timeout(timeout):
                    response = await _send_async(lane, request)
                exchange.begin(response)
        except BaseException:
            lane.close()
            raise
        return AsyncIncoming(exchange, response, self._lanes, lane)

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
            ClientStateError: The client belongs to another event loop.
        """
        self.ready()
        exchange, request = self._begin_put(
            url,
            headers,
            lambda exchange: exchange.callers_own_async(pieces),
            silence=silence,
            timeout=timeout,
        )
        lane = self._lanes.take()
        exchange.may_have_sent = lane.may_have_sent
        try:
            await carry_out_async(exchange, lambda: _send_async(lane, request))
        except BaseException:
            lane.close()
            raise
        self._lanes.put_back(lane)
        return Stored(exchange.status, exchange.headers)

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own.

        Raises:
            ClientStateError: The connections belong to another event loop.
        """
        self._loop.stay_if_used()
        await self._lanes.close()


def _within(seconds: float, pieces: Iterator[bytes]) -> bytes | None:
    with Deadline(seconds):
        return next(pieces, None)


def _send(lane: Lane[httpx.Client, Send], request: httpx.Request) -> httpx.Response:
    # Storage is on any host, so which of the environment's proxies is for it, httpx finds.
    return lane.client.send(request, stream=True, auth=None, follow_redirects=False)


async def _send_async(
    lane: Lane[httpx.AsyncClient | AsyncSender, AsyncSend], request: httpx.Request
) -> httpx.Response:
    assert isinstance(lane.client, httpx.AsyncClient)
    return await lane.client.send(request, stream=True, auth=None, follow_redirects=False)
