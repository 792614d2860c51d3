"""Lanes to the API: each request under way has an httpx pool of its own.

Whenever a request begins or ends, httpx's pool looks at every connection that it
has. With sixty-four of them each request costs more than twice the CPU that it
costs alone; with one connection to a pool it costs the same however many are
under way. The lane used last is used next, so quiet times keep few connections.

A lane hands requests straight to httpx's transport. What :class:`httpx.Client`
adds to it (cookies, redirects, hooks) is not wanted here, and costs half as much
again. An HTTP client that the user gave is used as it is, by all requests.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Generic, Protocol, TypeAlias, TypeVar

import attrs
import httpx

from datalab_facade.redaction import shown_url
from datalab_facade.transport.connecting import Connector, bound_connections

Send: TypeAlias = "Callable[[ApiRequest], httpx.Response]"
"""Sends a request and gives the answer, whose body is still to come."""
AsyncSend: TypeAlias = "Callable[[ApiRequest], Awaitable[AsyncAnswer]]"


@attrs.frozen
class ApiRequest:
    """A request to the API, complete."""

    method: str
    url: str = attrs.field(repr=shown_url)
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names; the key is among them."""
    content: bytes = attrs.field(repr=False)
    timeout: float
    """The seconds that it may take."""
    trace: Callable[[str, Mapping[str, object]], object] | None = attrs.field(
        default=None, repr=False
    )
    """Is told how far it has come, as httpcore's extension of that name is."""

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

# Looks at one execution are up to 50 s apart, and a new connection costs several
# round trips; with httpx's five seconds almost every look would need one.
KEEP_ALIVE = 60.0
"""Seconds for which a connection is kept that nobody needs."""
_LIMITS = httpx.Limits(max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE)


@attrs.define(eq=False)
class Lane(Generic[_Client, _Sender]):
    """A way to send one request at a time."""

    client: _Client
    send: _Sender
    idle_since: float = 0.0


class _Lanes(Generic[_Client, _Sender]):
    """The lanes of one client. Threads may share them."""

    def __init__(self, address: str, given: _Client | None, connector: Connector) -> None:
        """Open the first lane, so that a wrong environment is told of at once.

        Args:
            address: Where all requests go.
            given: The user's HTTP client, used for all requests instead.
            connector: Makes the HTTP clients of lanes of our own.

        Raises:
            ConfigurationError: The environment's proxies cannot be used.
        """
        self._address = httpx.URL(address)
        self._given = given
        self._connector = connector
        self._closed = False
        self._shared = None if given is None else Lane(given, self._through(given))
        self._idle = deque([] if given is not None else [self._new()])

    @property
    def closed(self) -> bool:
        """Whether no request can be sent any more."""
        return self._closed or (self._given is not None and self._given.is_closed)

    def take(self) -> Lane[_Client, _Sender]:
        """Give a lane that nobody uses; it must be put back."""
        if self._shared is not None:
            return self._shared
        try:
            return self._idle.pop()
        except IndexError:
            return self._new()

    def _kept(self, lane: Lane[_Client, _Sender]) -> Lane[_Client, _Sender] | None:
        """Keep a lane for the next request; give one that has been idle for too long."""
        if self._shared is not None:
            return None
        lane.idle_since = time.monotonic()
        self._idle.append(lane)
        try:
            longest = self._idle.popleft()
        except IndexError:  # pragma: no cover - another thread was quicker
            return None
        if self._closed or longest.idle_since < lane.idle_since - KEEP_ALIVE:
            return longest
        self._idle.appendleft(longest)
        return None

    def _all(self) -> list[Lane[_Client, _Sender]]:
        """Give all idle lanes, to be closed; a lane in use is closed when it is put back."""
        self._closed = True
        lanes = list(self._idle)
        self._idle.clear()
        return lanes

    def _new(self) -> Lane[_Client, _Sender]:
        raise NotImplementedError

    def _through(self, given: _Client) -> _Sender:
        raise NotImplementedError


class Lanes(_Lanes[httpx.Client, Send]):
    """The lanes of a blocking client."""

    def put_back(self, lane: Lane[httpx.Client, Send]) -> None:
        """Take a lane back whose answer was read or given up."""
        too_many = self._kept(lane)
        if too_many is not None:
            too_many.client.close()

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the user's own."""
        for lane in self._all():
            lane.client.close()

    def _new(self) -> Lane[httpx.Client, Send]:
        client = self._connector.client(_LIMITS)
        # httpx knows of its own which of the environment's proxies is for this
        # address, and has no public way to tell; a test tells when this name changes.
        handle = client._transport_for_url(self._address).handle_request
        return Lane(client, lambda request: handle(request.for_httpx()))

    def _through(self, given: httpx.Client) -> Send:
        bound_connections(given)
        send = partial(given.send, stream=True, auth=None, follow_redirects=False)
        return lambda request: send(request.for_httpx())


class AsyncLanes(_Lanes[httpx.AsyncClient | AsyncSender, AsyncSend]):
    """The lanes of an async client."""

    async def put_back(self, lane: Lane[httpx.AsyncClient | AsyncSender, AsyncSend]) -> None:
        """Take a lane back whose answer was read or given up."""
        too_many = self._kept(lane)
        if too_many is not None:
            await too_many.client.aclose()

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the user's own."""
        for lane in self._all():
            await lane.client.aclose()

    def _new(self) -> Lane[httpx.AsyncClient | AsyncSender, AsyncSend]:
        client = self._connector.async_client(_LIMITS)
        handle = client._transport_for_url(self._address).handle_async_request
        return Lane(client, lambda request: handle(request.for_httpx()))

    def _through(self, given: httpx.AsyncClient | AsyncSender) -> AsyncSend:
        if not isinstance(given, httpx.AsyncClient):
            return given.send
        send = partial(given.send, stream=True, auth=None, follow_redirects=False)
        return lambda request: send(request.for_httpx())
