"""Fetches presigned URLs, from whatever host they name, with no credential at all."""

from __future__ import annotations

import httpx

from datalab_facade.transport.api import USER_AGENT, OneLoop, client_is_closed, no_cookies
from datalab_facade.transport.exchange import (
    Exchange,
    Reply,
    Surroundings,
    send,
    send_async,
    time_bounds,
)
from datalab_facade.transport.network import bound_connections
from datalab_facade.transport.quiet import keep_secrets_out_of_logs


class _Storage:
    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._closed = False
        keep_secrets_out_of_logs()

    def _begin(self, url: str, timeout: float, most_bytes: int) -> Exchange:
        request = httpx.Request(
            "GET",
            url,
            headers={"Accept-Encoding": "gzip, deflate", "User-Agent": USER_AGENT},
            extensions=time_bounds(timeout),
        )
        return Exchange(
            request, timeout=timeout, most_bytes=most_bytes, surroundings=self._surroundings
        )


class StorageTransport(_Storage):
    """Fetches, blocking. Threads may share it."""

    def __init__(self, surroundings: Surroundings, http_client: httpx.Client | None) -> None:
        super().__init__(surroundings)
        self._owned = http_client is None
        self._http = http_client or httpx.Client(cookies=no_cookies())
        bound_connections(self._http)

    def fetch(self, url: str, *, timeout: float, most_bytes: int) -> Reply:
        """Get a whole answer, whatever its status.

        Raises:
            ConnectionFailed: No whole answer came.
            BodyTooLong: The body is longer than ``most_bytes``.
            ConfigurationError: The client is closed.
        """
        if self._closed or self._http.is_closed:
            raise client_is_closed()
        exchange = self._begin(url, timeout, most_bytes)
        return send(self._http, exchange, None)

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own."""
        self._closed = True
        if self._owned:
            self._http.close()


class AsyncStorageTransport(_Storage):
    """Fetches, in one event loop."""

    def __init__(self, surroundings: Surroundings, http_client: httpx.AsyncClient | None) -> None:
        super().__init__(surroundings)
        self._owned = http_client is None
        self._http = http_client or httpx.AsyncClient(cookies=no_cookies())
        self._loop = OneLoop()

    async def fetch(self, url: str, *, timeout: float, most_bytes: int) -> Reply:
        """Get a whole answer, whatever its status.

        Raises:
            ConnectionFailed: No whole answer came.
            BodyTooLong: The body is longer than ``most_bytes``.
            ConfigurationError: The client is closed, or belongs to another event loop.
        """
        self._loop.stay()
        if self._closed or self._http.is_closed:
            raise client_is_closed()
        exchange = self._begin(url, timeout, most_bytes)
        return await send_async(self._http, exchange, None)

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own.

        Raises:
            ConfigurationError: The connections belong to another event loop.
        """
        self._loop.stay_if_used()
        self._closed = True
        if self._owned:
            await self._http.aclose()
