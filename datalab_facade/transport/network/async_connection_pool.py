"""Connections to servers, for async code: each request under way has one of its own.

Whenever a request begins or ends, httpx's pool looks at every connection that it has. With
sixty-four of them each request costs more than twice the CPU that it costs alone. So we keep
httpcore's connections ourselves. The connection used last is used next, so quiet times keep few.

A connection whose exchange did not come to its end is closed, with all that an interrupted
request may have left on it. An HTTP client that the caller gave is used as it is.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Protocol, cast

import httpcore
import httpx

from datalab_facade.errors import ClientStateError
from datalab_facade.forking import renew_after_fork
from datalab_facade.transport.exchange import Exchange
from datalab_facade.transport.network import mocks
from datalab_facade.transport.network.connector import AsyncConnector, AsyncDeadline
from datalab_facade.transport.network.environment import KEEP_ALIVE, proxy_for
from datalab_facade.transport.network.messages import Request, Trace, headers_of, url_for_httpcore
from datalab_facade.transport.network.sockets_async import AsyncNetwork
from datalab_facade.transport.origin import Server

_MOST_IDLE = 100


class AsyncAnswer(Protocol):
    """An answer whose body is still to come."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with lower-case names."""
        ...

    @property
    def has_surplus(self) -> bool:
        """Whether more came than was announced, as far as that is known."""
        ...

    def raw(self) -> AsyncIterator[bytes]:
        """Return the body as it comes."""
        ...

    def decoded(self) -> AsyncIterator[bytes]:
        """Return the body as it comes, decompressed."""
        ...

    async def aclose(self) -> None:
        """Let the connection go."""
        ...


class AsyncConnection(Protocol):
    """What carries one request at a time."""

    idle_since: float

    @property
    def server(self) -> Server | None:
        """To which server it leads; None for any."""
        ...

    @property
    def network(self) -> AsyncNetwork | None:
        """What opens its sockets; None if they are not ours."""
        ...

    async def send(self, request: Request, trace: Trace) -> AsyncAnswer:
        """Send a request.

        Args:
            request: What is sent.
            trace: Called with how far it has come, unless that makes no difference: a request that
                only asks is the same whether it has arrived or not.
        """
        ...

    def close(self) -> None:
        """Close it at once."""
        ...


class AsyncConnectionPool:
    """The connections of one client."""

    def __init__(self, http_client: httpx.AsyncClient | None, connector: AsyncConnector) -> None:
        """Read the environment, so that a wrong one raises at once.

        Args:
            http_client: The caller's HTTP client, used for all requests instead.
            connector: What all connections have in common.

        Raises:
            ConfigurationError: The environment's proxies or certificates cannot be used.
        """
        self._http_client = http_client
        self._connector = connector
        self._closed = False
        self._shared = None if http_client is None else _AsyncOfHttpx(http_client)
        self._is_used = self._is_inherited = False
        self._stock: _AsyncOfHttpx | None = None
        if http_client is None:
            _ = connector.certificates
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Leave all connections to the parent."""
        self._is_inherited = self._http_client is not None and self._is_used
        # Those used longest ago come first.
        self._idle: list[AsyncConnection] = []

    def check(self) -> None:
        """See that requests can be sent, and from here.

        Raises:
            ClientStateError: The client is closed, or its connections belong to another process, or
                to another event loop.
        """
        self._connector.stay()
        if self._closed or (self._http_client is not None and self._http_client.is_closed):
            raise ClientStateError("The client is closed; make a new one")
        if self._is_inherited:
            raise ClientStateError(
                "The http_client was used before this process was forked, so its connections are "
                "the parent's. Make a client with an http_client of its own in each process"
            )

    async def fetch(self, exchange: Exchange, request: Request) -> None:
        """Carry out an exchange, which has the answer then.

        Raises:
            DatalabError: No whole answer came.
        """
        connection = self.take(request.server)
        try:
            with exchange.recorded(), exchange:
                deadline = AsyncDeadline(connection.network, exchange.timeout)
                async with deadline:
                    answer = await connection.send(request, exchange.record_event_async)
                    try:
                        exchange.begin(answer.status, answer.headers)
                        async for part in answer.decoded():
                            exchange.take(part)
                    finally:
                        await answer.aclose()
        except BaseException:
            connection.close()
            raise
        self.put_back(connection)

    async def open(
        self, exchange: Exchange, request: Request
    ) -> tuple[AsyncConnection, AsyncAnswer]:
        """Send a request; its connection is to be put back or closed when the body was read.

        Raises:
            DatalabError: No answer came.
        """
        connection = self.take(request.server)
        try:
            with exchange.recorded(), exchange:
                async with AsyncDeadline(connection.network, exchange.timeout):
                    answer = await connection.send(request, exchange.record_event_async)
                exchange.begin(answer.status, answer.headers)
        except BaseException:
            connection.close()
            raise
        return connection, answer

    def take(self, server: Server) -> AsyncConnection:
        """Return a connection that nobody uses; it must be put back or closed."""
        if self._shared is not None:
            self._is_used = True
            return self._shared
        if mocks.are_active():
            return self._of_httpx()
        for connection in reversed(self._idle.copy()):
            if connection.server is server or connection.server == server:
                try:
                    self._idle.remove(connection)
                except ValueError:  # pragma: no cover - another thread was quicker
                    continue
                return connection
        return _AsyncDirect(server, self._connector)

    def put_back(self, connection: AsyncConnection) -> None:
        """Take a connection back whose answer was read to its end."""
        if connection.network is None:
            return
        connection.idle_since = now = time.monotonic()
        self._idle.append(connection)
        oldest = connection if self._closed else next(iter(self._idle), connection)
        is_old = oldest.idle_since < now - KEEP_ALIVE
        if is_old or self._closed or len(self._idle) > _MOST_IDLE:
            self._discard(oldest)

    def _discard(self, connection: AsyncConnection) -> None:
        # Another thread may have taken it meanwhile.
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)
            connection.close()

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own.

        Raises:
            ClientStateError: The connections belong to another event loop.
        """
        self._connector.stay_if_used()
        # A connection in use is closed when it is put back.
        self._closed = True
        for connection in self._idle.copy():
            self._discard(connection)
        if self._stock is not None:
            await self._stock.client.aclose()
        await self._connector.wait_for_closing()

    def _of_httpx(self) -> AsyncConnection:
        if self._stock is None:
            client = httpx.AsyncClient(verify=self._connector.certificates)
            self._stock = _AsyncOfHttpx(client)
        return self._stock


class _AsyncDirect:
    """A connection of our own."""

    def __init__(self, server: Server, connector: AsyncConnector) -> None:
        self.server = server
        self.network = connector.network()
        self.idle_since = 0.0
        self._connector = connector
        self._connection: httpcore.AsyncConnectionInterface | None = None

    async def send(self, request: Request, trace: Trace) -> AsyncAnswer:
        """Send a request."""
        connection = self._connection
        connects = connection is None or not connection.is_available() or connection.has_expired()
        if connection is None or connects:
            connection = self._connection = self._opened()
        # What takes too long while the connection is opened has certainly not arrived.
        reported_to = trace if connects or request.method != "GET" else None
        response = await connection.handle_async_request(request.for_httpcore(reported_to))
        return _AsyncDirectAnswer(response)

    def close(self) -> None:
        """Close it at once."""
        self.network.close_all()

    def _opened(self) -> httpcore.AsyncConnectionInterface:
        self.close()
        url = url_for_httpcore(self.server)
        setting = proxy_for(f"{self.server.scheme.decode()}://{self.server.name.decode()}")
        certificates = self._connector.certificates
        if setting is None:
            pool = httpcore.AsyncConnectionPool(
                ssl_context=certificates,
                keepalive_expiry=KEEP_ALIVE,
                network_backend=self.network,
            )
            return pool.create_connection(url.origin)
        proxy = setting.proxy
        address = httpcore.URL(
            scheme=proxy.url.raw_scheme,
            host=proxy.url.raw_host,
            port=proxy.url.port,
            target=proxy.url.raw_path,
        )
        if proxy.url.scheme.startswith("socks"):
            pool = httpcore.AsyncSOCKSProxy(
                proxy_url=address,
                proxy_auth=proxy.raw_auth,
                ssl_context=certificates,
                keepalive_expiry=KEEP_ALIVE,
                network_backend=self.network,
            )
        else:
            pool = httpcore.AsyncHTTPProxy(
                proxy_url=address,
                proxy_auth=proxy.raw_auth,
                proxy_headers=proxy.headers.raw,
                ssl_context=certificates,
                proxy_ssl_context=proxy.ssl_context,
                keepalive_expiry=KEEP_ALIVE,
                network_backend=self.network,
            )
        return pool.create_connection(url.origin)


class _AsyncDirectAnswer:
    """What came on a connection of our own."""

    def __init__(self, response: httpcore.Response) -> None:
        self.status = response.status
        self.headers = headers_of(response.headers)
        self._response = response

    @property
    def has_surplus(self) -> bool:
        """Whether more came than was announced."""
        return bool(self._response.extensions["network_stream"].get_extra_info("surplus"))

    def raw(self) -> AsyncIterator[bytes]:
        """Return the body as it comes."""
        return aiter(cast("AsyncIterable[bytes]", self._response.stream))

    def decoded(self) -> AsyncIterator[bytes]:
        """Return the body as it comes, decompressed."""
        encoding = self.headers.get("content-encoding")
        if encoding is None:
            return aiter(cast("AsyncIterable[bytes]", self._response.stream))
        headers = {"content-encoding": encoding}
        return httpx.Response(200, headers=headers, stream=_AsyncBytes(self.raw())).aiter_bytes()

    async def aclose(self) -> None:
        """Let the connection go."""
        await self._response.aclose()


class _AsyncBytes(httpx.AsyncByteStream):
    """A body as httpx reads it."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces


class _AsyncOfHttpx:
    """A client of httpx's, whose connections are its own matter."""

    server = None
    network = None
    idle_since = 0.0

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def send(self, request: Request, trace: Trace) -> AsyncAnswer:
        """Send a request."""
        known = request.for_httpx(trace if request.method != "GET" else None)
        response = await self.client.send(known, stream=True, auth=None, follow_redirects=False)
        return _AsyncAnswerOfHttpx(response)

    def close(self) -> None:
        """Leave it to whoever closes the client."""


class _AsyncAnswerOfHttpx:
    """What a client of httpx's returned."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = headers_of(response.headers.raw)
        if response.is_stream_consumed and response.num_bytes_downloaded != len(response.content):
            # Who read it before, a mock or a hook of the caller's, had it unpacked.
            self.headers.pop("content-encoding", None)
            self.headers.pop("content-length", None)

    @property
    def has_surplus(self) -> bool:
        """Nothing: of connections that are not ours it is not known."""
        return False

    async def raw(self) -> AsyncIterator[bytes]:
        """Return the body as it comes."""
        if self._response.is_stream_consumed:
            # So are the answers of most mocks.
            yield self._response.content
            return
        async for piece in self._response.aiter_raw():
            yield piece

    def decoded(self) -> AsyncIterator[bytes]:
        """Return the body as it comes, decompressed."""
        return self._response.aiter_bytes()

    async def aclose(self) -> None:
        """Let the connection go."""
        await self._response.aclose()
