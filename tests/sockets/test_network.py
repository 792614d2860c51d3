"""What httpcore may ask of our connections besides what our requests need."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpcore
import httpx
import pytest

from datalab_facade.transport.network.connector import Deadline
from datalab_facade.transport.network.resolving import Resolver
from datalab_facade.transport.network.sockets import Network
from datalab_facade.transport.network.sockets_async import AsyncNetwork


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Give a socket that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def connect(listener: socket.socket) -> Any:
    host, port = listener.getsockname()
    return Network(Resolver()).connect_tcp(host, port, timeout=5)


async def connect_async(listener: socket.socket) -> Any:
    host, port = listener.getsockname()
    return await AsyncNetwork(Resolver()).connect_tcp(host, port, timeout=5)


def test_words_go_to_and_fro(listener: socket.socket) -> None:
    stream = connect(listener)
    with listener.accept()[0] as other:
        stream.write(b"to", timeout=5)
        assert other.recv(10) == b"to"
        assert not stream.get_extra_info("is_readable")
        other.sendall(b"fro")
        assert stream.read(10, timeout=5) == b"fro"
        assert stream.get_extra_info("server_addr") == listener.getsockname()
        assert stream.get_extra_info("client_addr") is not None
        assert stream.get_extra_info("ssl_object") is None
        assert stream.get_extra_info("weather") is None
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(10, timeout=0.01)
        with pytest.raises(httpcore.WriteTimeout):
            stream.write(bytes(50_000_000), timeout=0.01)
    stream.close()
    assert stream.get_extra_info("is_readable")
    with pytest.raises(httpcore.ReadError):
        stream.read(10, timeout=5)


async def test_words_go_to_and_fro_in_a_loop(listener: socket.socket) -> None:
    stream = await connect_async(listener)
    with listener.accept()[0] as other:
        await stream.write(b"to", timeout=5)
        assert other.recv(10) == b"to"
        assert not stream.get_extra_info("is_readable")
        other.sendall(b"fro")
        assert await stream.read(10, timeout=5) == b"fro"
        assert stream.get_extra_info("server_addr") == listener.getsockname()
        assert stream.get_extra_info("client_addr") is not None
        assert stream.get_extra_info("ssl_object") is None
        assert stream.get_extra_info("weather") is None
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, timeout=0.01)
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(bytes(50_000_000), timeout=0.01)
    await stream.aclose()
    assert stream.get_extra_info("is_readable")
    assert await stream.read(10, timeout=5) == b""
    with pytest.raises(httpcore.WriteError):
        await stream.write(b"to", timeout=5)


async def test_a_connection_that_breaks_is_an_error_to_who_reads_and_writes(
    listener: socket.socket,
) -> None:
    stream = await connect_async(listener)
    other, _ = listener.accept()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writing = asyncio.create_task(stream.write(bytes(50_000_000), timeout=5))
    await asyncio.sleep(0)
    other.close()
    with pytest.raises(httpcore.WriteError):
        await writing
    with pytest.raises(httpcore.ReadError):
        await stream.read(10, timeout=5)
    await stream.aclose()


async def test_what_comes_before_anybody_reads_waits_in_the_other_machine(
    listener: socket.socket,
) -> None:
    """The memory that it takes here is bounded."""
    stream = await connect_async(listener)
    size = 20_000_000
    with listener.accept()[0] as other:
        sending = threading.Thread(target=other.sendall, args=(bytes(size),))
        sending.start()
        for _ in range(200):
            await asyncio.sleep(0)
        pieces = [await stream.read(1, timeout=5)]
        assert len(pieces[0]) < 1_000_000
        while sum(map(len, pieces)) < size:
            pieces.append(await stream.read(1, timeout=5))
        sending.join()
    await stream.aclose()


def test_nothing_is_begun_when_the_time_is_over() -> None:
    network = Network(Resolver())
    with Deadline(network, -1.0), pytest.raises(httpcore.ConnectTimeout):
        network.connect_tcp("127.0.0.1", 9, timeout=5)


def test_a_connection_that_was_closed_meanwhile_is_known_before_the_request_leaves() -> None:
    """So that whatever it was may be sent again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = Network(Resolver()).connect_tcp("127.0.0.1", listener.getsockname()[1], 5)
        other, _ = listener.accept()
        stream.write(b"GET / HTTP/1.1\r\n\r\n")
        other.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        stream.read(100, timeout=5)
        other.close()
        with pytest.raises(httpcore.ConnectError, match="was closed"):
            stream.write(b"POST / HTTP/1.1\r\n\r\n")
        stream.close()


async def test_a_server_that_speaks_before_tls_is_not_trusted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream: Any = await AsyncNetwork(Resolver()).connect_tcp(
            "127.0.0.1", listener.getsockname()[1], 5
        )
        with listener.accept()[0] as other:
            other.sendall(b"220 hello")
            await stream._incoming.wait_for_more()
            with pytest.raises(httpcore.ConnectError, match="spoke before"):
                await stream.start_tls(httpx.create_ssl_context(verify=False), "a.example", 5)
