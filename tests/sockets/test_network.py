"""What httpcore may ask of our connections besides what our requests need."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import httpx
import pytest

from datalab_facade.interrupting import Interrupted, Interruption
from datalab_facade.transport.network.connector import Deadline
from datalab_facade.transport.network.resolving import Resolver
from datalab_facade.transport.network.sockets import Network
from datalab_facade.transport.network.sockets_async import AsyncNetwork

TLS = ssl.create_default_context()


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


async def test_so_it_is_known_in_a_loop(listener: socket.socket) -> None:
    stream = await connect_async(listener)
    other, _ = listener.accept()
    await stream.write(b"GET / HTTP/1.1\r\n\r\n")
    other.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await stream.read(100, timeout=5)
    other.close()
    with pytest.raises(httpcore.ConnectError, match="was closed"):
        await stream.write(b"POST / HTTP/1.1\r\n\r\n")
    await stream.aclose()


async def test_a_write_in_a_loop_goes_on_when_the_other_side_reads(
    listener: socket.socket,
) -> None:
    stream, size = await connect_async(listener), 20_000_000
    other, _ = listener.accept()

    def read_all() -> int:
        with other:
            return sum(iter(lambda: len(other.recv(1 << 20)), 0))

    writing = asyncio.create_task(stream.write(bytes(size), timeout=20))
    await asyncio.sleep(0)
    reading = asyncio.create_task(asyncio.to_thread(read_all))
    await writing
    # What the loop still holds is sent before the end is told.
    stream._incoming.transport.write_eof()
    assert await reading == size
    await stream.aclose()


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


BEGINNING = b"POST /a HTTP/1.1\r\nContent-Length: 99000000\r\n\r\n"


def reset(connection: socket.socket) -> None:
    """Close it as a machine does that wants to hear no more."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_write_that_waits_for_room_ends_when_the_other_side_is_gone(
    listener: socket.socket,
) -> None:
    stream = connect(listener)
    other = listener.accept()[0]
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(stream.write, BEGINNING + bytes(50_000_000), 20)
        assert other.recv(1) == b"P"
        reset(other)
        with pytest.raises(httpcore.WriteError):
            writing.result(10)
    with pytest.raises(httpcore.WriteError):
        stream.write(b"more", timeout=5)
    stream.close()


async def test_a_write_that_waits_for_room_in_a_loop_ends_when_the_other_side_is_gone(
    listener: socket.socket,
) -> None:
    stream = await connect_async(listener)
    other = listener.accept()[0]
    writing = asyncio.create_task(stream.write(BEGINNING + bytes(50_000_000), timeout=20))
    assert await asyncio.to_thread(other.recv, 1) == b"P"
    reset(other)
    with pytest.raises(httpcore.WriteError):
        await asyncio.wait_for(writing, 10)
    with pytest.raises(httpcore.WriteError, match="closed"):
        await stream.write(b"more", timeout=5)
    await stream.aclose()


async def test_a_connection_that_is_closed_while_tls_begins_in_a_loop_is_one_that_failed(
    listener: socket.socket,
) -> None:
    stream = await connect_async(listener)
    with listener.accept()[0] as other:
        beginning = asyncio.create_task(stream.start_tls(TLS, "localhost", timeout=20))
        assert await asyncio.to_thread(other.recv, 1)
        stream.abort()
        with pytest.raises(httpcore.ConnectError, match="closed while TLS began"):
            await asyncio.wait_for(beginning, 10)


@pytest.mark.parametrize("in_a_loop", [False, True])
async def test_a_socket_that_the_system_refuses_to_set_up_is_closed_again(
    listener: socket.socket, in_a_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[socket.socket] = []

    def refuse(self: socket.socket, *_: object) -> None:
        refused.append(self)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    async def begin() -> None:
        if in_a_loop:
            await connect_async(listener)
        else:
            connect(listener)

    monkeypatch.setattr(socket.socket, "setsockopt", refuse)
    with pytest.raises(httpcore.ConnectError, match="Invalid argument"):
        await begin()
    assert [one.fileno() for one in refused] == [-1]


def test_tls_that_begins_is_given_up_at_once_by_who_is_interrupted(
    listener: socket.socket,
) -> None:
    stream, interruption = connect(listener), Interruption()

    def begin() -> None:
        with interruption:
            stream.start_tls(TLS, "localhost", timeout=20)

    with listener.accept()[0] as other, ThreadPoolExecutor(1) as thread:
        beginning = thread.submit(begin)
        assert other.recv(1)
        interruption.set_off()
        with pytest.raises(Interrupted):
            beginning.result(10)
        other.settimeout(10)
        while other.recv(65536):
            pass
