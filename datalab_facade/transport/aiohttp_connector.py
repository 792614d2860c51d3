"""aiohttp's pool, but with our resolver, and not for what nobody asked for."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from weakref import WeakSet

import httpcore
from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from datalab_facade.transport.framing import is_readable
from datalab_facade.transport.resolving import HEAD_START, Resolver

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
            raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
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
