"""aiohttp's pool, but for connections that hold what nobody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from aiohttp import TCPConnector

from datalab_facade.transport.framing import is_readable

if TYPE_CHECKING:
    import asyncio
    from ssl import SSLContext

    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


class CleanConnector(TCPConnector):
    """Closes a connection that came to hold something while it was idle.

    aiohttp looks only when an answer ends; what comes later it would give as the
    answer to the next request.
    """

    def __init__(self, *, ssl: SSLContext, limit: int, keepalive_timeout: float) -> None:
        super().__init__(ssl=ssl, limit=limit, keepalive_timeout=keepalive_timeout)
        self._known: WeakSet[asyncio.BaseProtocol] = WeakSet()

    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
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
