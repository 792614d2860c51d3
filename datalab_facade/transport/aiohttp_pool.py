"""The way to the API through aiohttp, for those who have it: a third of httpx's CPU.

This module and ``aiohttp_connector`` alone know aiohttp. It takes httpx's requests and
raises httpx's errors, so that nothing else has to know which of the two is at work.
"""

from __future__ import annotations

import base64
import inspect
from collections.abc import AsyncGenerator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import httpx

from datalab_facade.errors import ConfigurationError
from datalab_facade.redaction import redact_url, redacted_repr
from datalab_facade.transport.connecting import KEEP_ALIVE, Connector
from datalab_facade.transport.connection_pool import ApiRequest, AsyncAnswer, AsyncConnectionPool
from datalab_facade.transport.environment import ProxySetting, proxy_for
from datalab_facade.transport.permits import MOST_UNDER_WAY

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, TraceConfig


# As much as httpx takes of the head of an answer.
_LARGEST_HEAD = 100 * 1024


class AiohttpClient:
    """One session for all requests; aiohttp's pool costs the same however many there are.

    Raises:
        ConfigurationError: aiohttp is not there, or cannot use the environment's proxy.
    """

    def __init__(self, address: str, connector: Connector) -> None:
        try:
            import aiohttp
        except ImportError:
            raise ConfigurationError(
                "transport='aiohttp' needs a package that is not there; "
                "install datalab-facade[aiohttp]"
            ) from None
        self._aiohttp = aiohttp
        self._connector = connector
        self._proxy = _Proxy.of(proxy_for(address))
        self._session: ClientSession | None = None
        self.is_closed = False

    async def send(self, request: ApiRequest) -> AsyncAnswer:
        """Send a request."""
        from yarl import URL

        session = self._session or self._open()
        proxy = self._proxy
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
                trace_request_ctx=request.trace,
            )
            if response.status < 200:
                response.close()
                raise httpx.RemoteProtocolError(
                    f"the answer is {response.status}, which nobody asked for"
                )
        return _Answer(response)

    async def aclose(self) -> None:
        """Close the connections."""
        self.is_closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> ClientSession:
        # It belongs to the event loop that runs, which is known only now.
        from datalab_facade.transport.aiohttp_connector import CleanConnector

        aiohttp = self._aiohttp
        self._session = aiohttp.ClientSession(
            connector=CleanConnector(
                ssl=self._connector.certificates,
                limit=MOST_UNDER_WAY,
                keepalive_timeout=KEEP_ALIVE,
                resolver=self._connector.resolver,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type",),
            # The time of a request is bounded as a whole, by whoever sends it.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trace_configs=[_trace_config()],
            **_limits(aiohttp.ClientSession),
        )
        return self._session


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


def _trace_config() -> TraceConfig:
    """Tell how far a request has come, as httpcore would."""
    import aiohttp

    async def began(_: object, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:
            await context.trace_request_ctx("request.started", {})

    async def sent(_: object, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:
            await context.trace_request_ctx("send_request_headers.started", {})

    config = aiohttp.TraceConfig()
    config.on_request_start.append(began)
    config.on_request_headers_sent.append(sent)
    return config


def _limits(session: type[ClientSession]) -> dict[str, Any]:
    # The number of headers has a limit of its own since 3.14.
    known = inspect.signature(session).parameters
    wanted = ("max_line_size", "max_field_size", "max_headers")
    return {name: _LARGEST_HEAD for name in wanted if name in known}


class AiohttpConnectionPool(AsyncConnectionPool):
    """The way of an async client to the API, through aiohttp."""

    def __init__(self, address: str, connector: Connector) -> None:
        self._client = AiohttpClient(address, connector)
        super().__init__(address, self._client, connector)

    async def close(self) -> None:
        """Close the connections."""
        await super().close()
        await self._client.aclose()


class _Answer:
    """An answer of aiohttp, with as much of httpx's shape as is needed."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.status_code = response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        with _AS_HTTPX:
            async for part in self._response.content.iter_any():
                yield part

    async def aclose(self) -> None:
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
        import aiohttp

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
