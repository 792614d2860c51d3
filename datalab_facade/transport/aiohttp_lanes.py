"""The way to the API through aiohttp, for those who have it: a third of httpx's CPU.

This module and ``aiohttp_connector`` alone know aiohttp. It takes httpx's requests and
raises httpx's errors, so that nothing else has to know which of the two is at work.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from datalab_facade.errors import ConfigurationError
from datalab_facade.transport.connecting import KEEP_ALIVE, Connector
from datalab_facade.transport.gate import MOST_UNDER_WAY
from datalab_facade.transport.lanes import ApiRequest, AsyncAnswer, AsyncLanes

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession


class AiohttpClient:
    """One session for all requests; aiohttp's pool costs the same however many there are.

    Raises:
        ConfigurationError: aiohttp is not there.
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
        self._proxy = _proxy_for(address)
        self._session: ClientSession | None = None
        self.is_closed = False

    async def send(self, request: ApiRequest) -> AsyncAnswer:
        """Send a request."""
        session = self._session or self._open()
        with _AS_HTTPX:
            response = await session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.content or None,
                allow_redirects=False,
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
            proxy=self._proxy,
        )
        return self._session


class AiohttpLanes(AsyncLanes):
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


def _proxy_for(address: str) -> str | None:
    # aiohttp would ask the environment, and read a file, for each single request.
    parts = urlsplit(address)
    if proxy_bypass(parts.hostname or ""):
        return None
    known = getproxies()
    return known.get(parts.scheme) or known.get("all")


class _ErrorsOfHttpx:
    """Makes httpx's errors of aiohttp's, as a context."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            return
        import aiohttp

        if isinstance(error, aiohttp.ClientConnectorError):
            raise httpx.ConnectError(str(error)) from error
        if isinstance(error, aiohttp.ClientPayloadError):
            compressed = "content-encoding" in str(error).lower()
            kind = httpx.DecodingError if compressed else httpx.RemoteProtocolError
            raise kind(str(error)) from error
        if isinstance(error, aiohttp.ClientError):
            raise httpx.ReadError(str(error)) from error


_AS_HTTPX = _ErrorsOfHttpx()
