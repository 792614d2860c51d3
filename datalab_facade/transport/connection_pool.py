"""ConnectionPool to a server: each request under way has an httpx pool of its own.

Whenever a request begins or ends, httpx's pool looks at every connection that it
has. With sixty-four of them each request costs more than twice the CPU that it
costs alone; with one connection to a pool it costs the same however many are
under way. The lane used last is used next, so quiet times keep few connections.

A lane whose exchange did not come to its end is closed, and with it all that an
interrupted request may have left in its pool.

A lane hands requests to the API straight to httpx's transport. What :class:`httpx.Client`
adds to it (cookies, redirects, hooks) is not wanted there, and costs half as much
again. An HTTP client that the user gave is used as it is, by all requests.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Generic, Protocol, TypeAlias, TypeVar

import attrs
import httpx

from datalab_facade.forking import renew_after_fork
from datalab_facade.redaction import redact_url
from datalab_facade.transport.connecting import KEEP_ALIVE, Connector

Send: TypeAlias = "Callable[[ApiRequest], httpx.Response]"
"""Sends a request and gives the answer, whose body is still to come."""
AsyncSend: TypeAlias = "Callable[[ApiRequest], Awaitable[AsyncAnswer]]"


@attrs.frozen
class ApiRequest:
    """A request to the API, complete."""

    method: str
    url: str = attrs.field(repr=redact_url)
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names; the key is among them."""
    content: bytes = attrs.field(repr=False)
    timeout: float
    """The seconds that it may take."""
    trace: Callable[[str, Mapping[str, object]], object] | None = attrs.field(
        default=None, repr=False
    )
    """Called with how far it has come, as httpcore's extension of that name is."""

    def for_httpx(self) -> httpx.Request:
        """Give it as httpx has it."""
        extensions: dict[str, object] = {"timeout": httpx.Timeout(self.timeout).as_dict()}
        if self.trace is not None:
            extensions["trace"] = self.trace
        return httpx.Request(
            self.method,
            self.url,
            headers=self.headers,
            content=self.content or None,
            extensions=extensions,
        )


class AsyncAnswer(Protocol):
    """An answer whose body is still to come; httpx's own, or one like it."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""
        ...

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """Give the body, decompressed, as it comes."""
        ...

    async def aclose(self) -> None:
        """Be done with it."""
        ...


class AsyncSender(Protocol):
    """What sends requests in place of httpx."""

    is_closed: bool

    async def send(self, request: ApiRequest) -> AsyncAnswer:
        """Send a request."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


_Client = TypeVar("_Client", bound="httpx.Client | httpx.AsyncClient | AsyncSender")
_Sender = TypeVar("_Sender")


class Connections(Protocol):
    """All connections of one lane."""

    sent: bool | None
    """Whether any of a request was sent since one of them was opened; None if none was."""

    def close_all(self) -> None:
        """Close them at once, whatever they are in the middle of."""
        ...


@attrs.define(eq=False)
class Lane(Generic[_Client, _Sender]):
    """A way to send one request at a time."""

    client: _Client
    send: _Sender
    connections: Connections | None = None
    """What it has open; None if the client is the user's own."""
    idle_since: float = 0.0

    def may_have_sent(self) -> bool:
        """Tell whether any of the request may have been sent."""
        # Where something else than our connections carries it, that is not known.
        return self.connections is None or self.connections.sent is not False

    def close(self) -> None:
        """Close its connections at once."""
        if self.connections is not None:
            self.connections.close_all()


class _Lanes(Generic[_Client, _Sender]):
    """The lanes of one client. Threads may share them."""

    def __init__(self, address: str, given: _Client | None, connector: Connector) -> None:
        """Open the first connection, so that a wrong environment raises at once.

        Args:
            address: Where requests go.
            given: The user's HTTP client, used for all requests instead.
            connector: Makes the HTTP clients of lanes of our own.

        Raises:
            ConfigurationError: The environment's proxies cannot be used.
        """
        self._address = httpx.URL(address)
        self._given = given
        self._connector = connector
        self._closed = False
        self._shared = None if given is None else self._through(given)
        self._idle = deque([] if given is not None else [self._new()])
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Leave all connections to the parent."""
        self._idle = deque()

    @property
    def closed(self) -> bool:
        """Whether no request can be sent any more."""
        return self._closed or (self._given is not None and self._given.is_closed)

    def take(self) -> Lane[_Client, _Sender]:
        """Give a lane that nobody uses; it must be put back or closed."""
        if self._shared is not None:
            return self._shared
        try:
            lane = self._idle.pop()
        except IndexError:
            return self._new()
        if lane.connections is not None:
            lane.connections.sent = None
        return lane

    def put_back(self, lane: Lane[_Client, _Sender]) -> None:
        """Take a lane back whose answer was read to its end."""
        if self._shared is not None:
            return
        lane.idle_since = time.monotonic()
        self._idle.append(lane)
        try:
            longest = self._idle.popleft()
        except IndexError:  # pragma: no cover - another thread was quicker
            return
        if self._closed or longest.idle_since < lane.idle_since - KEEP_ALIVE:
            longest.close()
        else:
            self._idle.appendleft(longest)

    def _close_idle(self) -> None:
        # A lane in use is closed when it is put back.
        self._closed = True
        while self._idle:
            self._idle.popleft().close()

    def _new(self) -> Lane[_Client, _Sender]:
        raise NotImplementedError

    def _through(self, given: _Client) -> Lane[_Client, _Sender]:
        raise NotImplementedError


class ConnectionPool(_Lanes[httpx.Client, Send]):
    """The lanes of a blocking client."""

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the user's own."""
        self._close_idle()

    def _new(self) -> Lane[httpx.Client, Send]:
        client, connections = self._connector.client()

        def send(request: ApiRequest) -> httpx.Response:
            # httpx knows of its own which of the environment's proxies is for this
            # address, and has no public way to tell; a test tells when this name changes.
            # It is asked each time: who puts something in the place of httpx's transports
            # in a test may do so at any time.
            transport = client._transport_for_url(self._address)
            return transport.handle_request(request.for_httpx())

        return Lane(client, send, connections)

    def _through(self, given: httpx.Client) -> Lane[httpx.Client, Send]:
        self._connector.connect_own(given)

        def send(request: ApiRequest) -> httpx.Response:
            return given.send(request.for_httpx(), stream=True, auth=None, follow_redirects=False)

        return Lane(given, send)


class AsyncConnectionPool(_Lanes[httpx.AsyncClient | AsyncSender, AsyncSend]):
    """The lanes of an async client."""

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the user's own."""
        import asyncio  # importing it costs a third of importing httpx

        self._close_idle()
        # The loop closes the sockets in its next round.
        await asyncio.sleep(0)

    def _new(self) -> Lane[httpx.AsyncClient | AsyncSender, AsyncSend]:
        client, connections = self._connector.async_client()

        async def send(request: ApiRequest) -> AsyncAnswer:
            transport = client._transport_for_url(self._address)
            return await transport.handle_async_request(request.for_httpx())

        return Lane(client, send, connections)

    def _through(
        self, given: httpx.AsyncClient | AsyncSender
    ) -> Lane[httpx.AsyncClient | AsyncSender, AsyncSend]:
        async def send(request: ApiRequest) -> AsyncAnswer:
            if not isinstance(given, httpx.AsyncClient):
                return await given.send(request)
            return await given.send(
                request.for_httpx(), stream=True, auth=None, follow_redirects=False
            )

        return Lane(given, send)
