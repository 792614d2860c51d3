"""The connections of an async client through aiohttp, for those who have it: less CPU than httpx.

This module alone knows aiohttp. It raises httpx's errors, so that nothing else has to know which of
the two is at work.
"""

from __future__ import annotations

import base64
import inspect
import socket
from collections.abc import AsyncGenerator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

import aiohttp
import attrs
import httpcore
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from datalab_facade.errors import ConfigurationError
from datalab_facade.redaction import redact_url, redacted_repr
from datalab_facade.transport.network.async_connection_pool import (
    AsyncAnswer,
    AsyncConnection,
    AsyncConnectionPool,
)
from datalab_facade.transport.network.connector import AsyncConnector
from datalab_facade.transport.network.environment import KEEP_ALIVE, ProxySetting, proxy_for
from datalab_facade.transport.network.framing import is_readable
from datalab_facade.transport.network.messages import Request, Trace, headers_of
from datalab_facade.transport.network.resolving import HEAD_START, Resolver
from datalab_facade.transport.origin import Server
from datalab_facade.transport.permits import MOST_UNDER_WAY

if TYPE_CHECKING:
    import asyncio
    from ssl import SSLContext

    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace as AiohttpTrace


# As much as httpx takes of the head of an answer.
_LARGEST_HEAD = 100 * 1024


class AiohttpConnectionPool(AsyncConnectionPool):
    """The connections to the API, through one session of aiohttp.

    Its pool costs the same however many requests there are.

    Raises:
        ConfigurationError: aiohttp cannot use the environment's proxy.
    """

    def __init__(self, address: str, connector: AsyncConnector) -> None:
        self._session = _Session(connector, _Proxy.of(proxy_for(address)))
        super().__init__(None, connector)

    def take(self, server: Server) -> AsyncConnection:  # noqa: ARG002 - it leads anywhere
        """Return what sends all requests."""
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        await super().close()
        await self._session.aclose()


class _Session:
    """What sends requests; aiohttp keeps the connections."""

    server = None
    network = None
    idle_since = 0.0

    def __init__(self, connector: AsyncConnector, proxy: _Proxy) -> None:
        self._connector = connector
        self._proxy = proxy
        self._sessions: _Sessions | None = None

    async def send(self, request: Request, trace: Trace) -> AsyncAnswer:
        """Send a request."""
        sessions, proxy = self._sessions or self._open(), self._proxy
        session = sessions.asking if request.method == "GET" else sessions.acting
        with _AS_HTTPX:
            response = await session.request(
                request.method,
                # As it is: nothing in it is written anew.
                URL(request.url, encoded=True),
                headers={**request.headers, **proxy.headers_of(request.url)},
                data=request.content or None,
                allow_redirects=False,
                proxy=proxy.address,
                proxy_headers=proxy.headers,
                trace_request_ctx=trace,
            )
            if response.status < 200:
                response.close()
                raise httpx.RemoteProtocolError(
                    f"the answer is {response.status}, which nobody asked for"
                )
        return _Answer(response)

    def close(self) -> None:
        """Leave it to the answer, which closes what was not read to its end."""

    async def aclose(self) -> None:
        """Close the connections."""
        if self._sessions is not None:
            await self._sessions.asking.close()
            await self._sessions.acting.close()

    def _open(self) -> _Sessions:
        # They belong to the event loop that runs, which is known only now.
        connector = _CleanConnector(
            ssl=self._connector.certificates,
            limit=MOST_UNDER_WAY,
            keepalive_timeout=KEEP_ALIVE,
            resolver=self._connector.resolver,
        )
        acting = self._session(connector, [_trace_config()])
        self._sessions = _Sessions(self._session(connector, []), acting)
        return self._sessions

    def _session(
        self, connector: _CleanConnector, trace_configs: list[aiohttp.TraceConfig]
    ) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type",),
            # The time of a request is bounded as a whole, by whoever sends it.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trace_configs=trace_configs,
            **_limits(aiohttp.ClientSession),
        )


class _Sessions(NamedTuple):
    """The sessions of aiohttp, which share their connections."""

    asking: aiohttp.ClientSession
    """For requests that are sent again if they fail. Nobody asks how far these have come, and
    without traces aiohttp takes less CPU."""
    acting: aiohttp.ClientSession
    """For all others."""


@attrs.frozen
class _Proxy:
    """The proxy of all requests, if there is one; its password is in no address of its."""

    address: str | None = attrs.field(default=None, repr=redacted_repr)
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)

    @classmethod
    def of(cls, setting: ProxySetting | None) -> _Proxy:
        """Give the proxy that the environment names.

        Raises:
            ConfigurationError: aiohttp cannot use it.
        """
        if setting is None:
            return cls()
        proxy = setting.proxy
        if proxy.url.scheme not in ("http", "https"):
            raise ConfigurationError(
                f"transport='aiohttp' cannot use the proxy that {setting.variable} names, "
                f"{redact_url(setting.address)}: it is not an HTTP proxy. Use transport='httpx'"
            )
        if proxy.raw_auth is None:
            return cls(str(proxy.url))
        credentials = base64.b64encode(b":".join(proxy.raw_auth)).decode()
        return cls(str(proxy.url), {"Proxy-Authorization": f"Basic {credentials}"})

    def headers_of(self, url: str) -> Mapping[str, str]:
        """Give what the proxy wants to see in the request itself, where there is no tunnel."""
        return self.headers if self.headers and url.startswith("http://") else {}


def _trace_config() -> aiohttp.TraceConfig:
    """Tell how far a request has come, as httpcore would."""

    async def began(_: object, context: SimpleNamespace, __: object) -> None:
        await context.trace_request_ctx("request.started", {})

    async def sent(_: object, context: SimpleNamespace, __: object) -> None:
        await context.trace_request_ctx("send_request_headers.started", {})

    config = aiohttp.TraceConfig()
    config.on_request_start.append(began)
    config.on_request_headers_sent.append(sent)
    return config


def _limits(session: type[aiohttp.ClientSession]) -> dict[str, Any]:
    # The number of headers has a limit of its own since 3.14.
    known = inspect.signature(session).parameters
    wanted = ("max_line_size", "max_field_size", "max_headers")
    return {name: _LARGEST_HEAD for name in wanted if name in known}


class _CleanConnector(aiohttp.TCPConnector):
    """Closes a connection that came to hold something while it was idle.

    aiohttp looks only when an answer ends; what comes later it would give as the
    answer to the next request.
    """

    def __init__(
        self, *, ssl: SSLContext, limit: int, keepalive_timeout: float, resolver: Resolver
    ) -> None:
        super().__init__(
            ssl=ssl,
            limit=limit,
            keepalive_timeout=keepalive_timeout,
            resolver=_Names(resolver),
            happy_eyeballs_delay=HEAD_START,
        )
        self._known: WeakSet[asyncio.BaseProtocol] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[AiohttpTrace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Give a connection that may be used."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None
            if protocol not in self._known:
                self._known.add(protocol)
                return connection
            transport = connection.transport
            raw = None if transport is None else transport.get_extra_info("socket")
            if raw is not None and not protocol.should_close and not is_readable(raw):
                return connection
            connection.close()


class _Names(AbstractResolver):
    """Our resolver as aiohttp asks it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - all are wanted
    ) -> list[ResolveResult]:
        try:
            addresses = await self._resolver.find_async(host, port)
        except httpcore.ConnectError as error:
            code = getattr(error.__cause__, "errno", None) or socket.EAI_FAIL
            raise socket.gaierror(code, str(error)) from error
        return [
            ResolveResult(
                hostname=host,
                host=str(address.where[0]),
                port=int(address.where[1]),
                family=address.family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class _Answer:
    """An answer of aiohttp."""

    has_surplus = False

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = headers_of(response.raw_headers)

    def raw(self) -> AsyncGenerator[bytes, None]:
        """Return the body as it comes; aiohttp decompresses it."""
        return self.decoded()

    async def decoded(self) -> AsyncGenerator[bytes, None]:
        """Return the body as it comes."""
        with _AS_HTTPX:
            async for part in self._response.content.iter_any():
                yield part

    async def aclose(self) -> None:
        """Let the connection go."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            # What is left unread must not be taken for the answer to the next request.
            self._response.close()


class _ErrorsOfHttpx:
    """Makes httpx's errors of aiohttp's, as a context."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            return
        if isinstance(error, aiohttp.ClientHttpProxyError):
            # Without its address, which aiohttp would tell.
            raise httpx.ProxyError(f"{error.status} {error.message}") from error
        if isinstance(error, aiohttp.ClientConnectorError):
            raise httpx.ConnectError(str(error)) from error
        if isinstance(error, aiohttp.InvalidURL):
            raise httpx.UnsupportedProtocol(str(error)) from error
        if isinstance(error, aiohttp.ClientPayloadError):
            compressed = "content-encoding" in str(error).lower()
            kind = httpx.DecodingError if compressed else httpx.RemoteProtocolError
            raise kind(str(error)) from error
        if isinstance(error, aiohttp.ClientError):
            raise httpx.ReadError(str(error)) from error


_AS_HTTPX = _ErrorsOfHttpx()
