"""The sockets of an async client, on an event loop.

asyncio reads ahead, so here alone is known what a connection holds that nobody has read;
and a connection can be closed at once, whatever is being canceled.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import cast

import httpcore

from datalab_facade.transport.network.framing import Watch, is_readable
from datalab_facade.transport.network.resolving import HEAD_START, Address, Resolver
from datalab_facade.transport.network.sockets import NothingSentError, new_socket

# Reading pauses while so much waits to be taken.
_MOST_AHEAD = 1 << 19


class AsyncNetwork(httpcore.AsyncNetworkBackend):
    """Opens the sockets of one connection, and can close them all."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        # Held here, as an interruption may come before anybody else does.
        self.streams: set[LoopStream] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - nobody asks for one
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host; all of its addresses share the time."""
        async with _raising(httpcore.ConnectError, httpcore.ConnectTimeout, timeout):
            addresses = await self._resolver.find_async(host, port)
            connection = await _first_to_connect(addresses)
            return await self._stream(connection)

    def close_all(self) -> None:
        """Close all connections at once, whatever they are in the middle of."""
        for stream in list(self.streams):
            stream.abort()

    async def _stream(self, connection: socket.socket) -> LoopStream:
        try:
            _, protocol = await asyncio.get_running_loop().create_connection(
                _Incoming, sock=connection
            )
        except BaseException:
            connection.close()
            raise
        return LoopStream(protocol, self)


class LoopStream(httpcore.AsyncNetworkStream):
    """A connection, with TLS or without."""

    def __init__(self, incoming: _Incoming, network: AsyncNetwork) -> None:
        self._incoming = incoming
        self._network = network
        network.streams.add(self)
        self._watch = Watch()
        self._surplus = False

    async def read(
        self,
        max_bytes: int,  # noqa: ARG002 - whatever has come is taken
        timeout: float | None = None,
    ) -> bytes:
        """Read what comes next, or nothing at the end."""
        incoming = self._incoming
        if not incoming.ready:
            if timeout is None:
                await incoming.wait_for_more()
            else:
                async with _raising(httpcore.ReadError, httpcore.ReadTimeout, timeout):
                    await incoming.wait_for_more()
        data = incoming.take()
        if not data and incoming.error is not None:
            raise httpcore.ReadError(str(incoming.error)) from incoming.error
        self._watch.received(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        if not buffer:
            # Such are the ends of most requests.
            return
        if self._watch.begins(buffer) and self._is_readable():
            # Nothing was sent yet, and an answer that is here already is none.
            raise NothingSentError("the connection was closed, or answered before the request")
        incoming = self._incoming
        if incoming.lost:
            raise httpcore.WriteError("the connection is closed") from incoming.error
        incoming.transport.write(buffer)
        if incoming.full:
            async with _raising(httpcore.WriteError, httpcore.WriteTimeout, timeout):
                await incoming.wait_for_room()

    async def aclose(self) -> None:
        """Close it at once, and give the loop time for it."""
        self.abort()
        # The loop closes the socket in its next round.
        await asyncio.sleep(0)

    def abort(self) -> None:
        """Close it at once."""
        self._network.streams.discard(self)
        self._is_spent()
        self._incoming.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Go on in TLS, on another stream."""
        incoming, loop = self._incoming, asyncio.get_running_loop()
        if incoming.ready:
            self.abort()
            raise httpcore.ConnectError("the connection was closed, or spoke before TLS began")
        try:
            async with _raising(httpcore.ConnectError, httpcore.ConnectTimeout, timeout):
                secure = await loop.start_tls(
                    incoming.transport, incoming, ssl_context, server_hostname=server_hostname
                )
        except BaseException:
            self.abort()
            raise
        if secure is None:
            self.abort()
            raise httpcore.ConnectError("the connection was closed while TLS began")
        incoming.transport = secure
        self._network.streams.discard(self)
        return LoopStream(incoming, self._network)

    def get_extra_info(self, info: str) -> object:
        """Tell what httpcore asks, and whether there is ``surplus`` after an answer."""
        incoming = self._incoming
        if info == "is_readable":
            # Whether it cannot be used for another request.
            return self._is_spent()
        match info:
            case "surplus":
                return self._watch.surplus or self._surplus
            case "client_addr":
                return incoming.transport.get_extra_info("sockname")
            case "server_addr":
                return incoming.transport.get_extra_info("peername")
            case "socket" | "ssl_object":
                return incoming.transport.get_extra_info(info)
            case _:
                return None

    def _is_spent(self) -> bool:
        if not self._watch.may_go_on:
            return True
        if not self._is_readable():
            return False
        self._surplus = self._surplus or self._incoming.holds_bytes or self._holds_more()
        return True

    def _holds_more(self) -> bool:
        connection = self._incoming.transport.get_extra_info("socket")
        if connection is None or self.get_extra_info("ssl_object") is not None:
            return False
        with contextlib.suppress(OSError), connection.dup() as same:
            return bool(same.recv(1, socket.MSG_PEEK))
        return False

    def _is_readable(self) -> bool:
        connection = self._incoming.transport.get_extra_info("socket")
        # What has come is not read before the loop's next round.
        return self._incoming.ready or connection is None or is_readable(connection)


class _Incoming(asyncio.Protocol):
    """What has come on a connection, and was not taken yet."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.lost = False
        self.full = False
        self._ended = False
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._more: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def holds_bytes(self) -> bool:
        return bool(self._chunks)

    @property
    def ready(self) -> bool:
        """Whether there are bytes, or there will be none."""
        return bool(self._chunks) or self._ended

    def take(self) -> bytes:
        """Give all that has come; nothing at the end."""
        data = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and not self.lost:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def wait_for_more(self) -> None:
        self._more = asyncio.get_running_loop().create_future()
        try:
            await self._more
        finally:
            self._more = None

    async def wait_for_room(self) -> None:
        self._room = asyncio.get_running_loop().create_future()
        try:
            await self._room
        finally:
            self._room = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size >= _MOST_AHEAD and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        _wake(self._more)

    def eof_received(self) -> bool:
        self._ended = True
        _wake(self._more)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self.lost = self._ended = True
        _wake(self._more)
        if self._room is not None and not self._room.done():
            self._room.set_exception(exc or ConnectionResetError("the connection is closed"))

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        _wake(self._room)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def _first_to_connect(addresses: list[Address]) -> socket.socket:
    """Connect to one of the addresses: each has a head start before the next one."""
    if len(addresses) == 1:
        return await _connected(addresses[0])
    waiting, failure = deque(addresses), OSError("the host has no address")
    under_way: set[asyncio.Task[socket.socket]] = set()
    winner: socket.socket | None = None
    try:
        while waiting or under_way:
            if waiting:
                attempt = _connected(waiting.popleft())
                under_way.add(asyncio.create_task(attempt))
            done, under_way = await asyncio.wait(
                under_way,
                timeout=HEAD_START if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                error = task.exception()
                if isinstance(error, OSError):
                    failure = error
                elif error is not None:
                    raise error
                elif winner is None:
                    winner = task.result()
                else:
                    task.result().close()
            if winner is not None:
                return winner
        raise failure
    finally:
        for task in under_way:
            task.add_done_callback(_discard)
            task.cancel()


def _discard(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _connected(address: Address) -> socket.socket:
    connection = new_socket(address.family)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, address.where)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.asynccontextmanager
async def _raising(
    failed: type[Exception], timed_out: type[Exception], seconds: float | None
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error
