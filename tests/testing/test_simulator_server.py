"""The server on its sockets: bytes, connections, threads and ports."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from datalab_facade.testing import (
    TEST_API_KEY,
    Fault,
    Request,
    Simulator,
    SimulatorServer,
    SimulatorTransport,
    VirtualClock,
)
from datalab_facade.testing import server as server_module
from tests.ways import Way

from .carriers import PATIENCE, Carrier


class Wire:
    """A bare connection to a server: raw bytes in and out."""

    def __init__(self, connected: socket.socket) -> None:
        self.connected = connected
        self.rest = b""

    def ask(self, path: str, *headers: str) -> None:
        """Send a GET with the key."""
        key = f"X-API-Key: {TEST_API_KEY}"
        lines = (f"GET {path} HTTP/1.1", "Host: h", key, *headers, "", "")
        self.connected.sendall("\r\n".join(lines).encode())

    def hear(self) -> tuple[bytes, bytes]:
        """Receive one answer with a length: its head and its body."""
        heard, self.rest = self.rest, b""
        while b"\r\n\r\n" not in heard:
            heard += self.take()
        head, _, body = heard.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self.take()
        body, self.rest = body[:length], body[length:]
        return head, body

    def hear_all(self) -> bytes:
        """Receive everything until the other side closes."""
        heard = b""
        while piece := self.connected.recv(65536):
            heard += piece
        return heard

    def take(self) -> bytes:
        """Receive the next bytes; there must be some."""
        piece = self.connected.recv(65536)
        assert piece, "the server closed the connection"
        return piece


@contextmanager
def connection(url: str) -> Iterator[Wire]:
    """A bare connection to a server."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connected:
        yield Wire(connected)


def test_a_connection_serves_many_requests(simulator: Simulator, execution_path: str) -> None:
    """Keep-alive, also for requests that are sent before the answer to the last one."""
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        for _ in range(3):
            wire.ask(execution_path)
            head, body = wire.hear()
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert json.loads(body)["status"] == "COMPLETED"
        simulator.inject(Fault.delay(0.05))
        wire.ask("/first")
        wire.ask("/second")
        assert wire.hear()[1] == wire.hear()[1] == b'{"detail":"Not Found"}'
        assert [one.path for one in simulator.requests][-2:] == ["/first", "/second"]


def test_a_connection_closes_when_the_client_says_so(
    simulator: Simulator, execution_path: str
) -> None:
    """``Connection: close`` is honored."""
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        wire.ask(execution_path, "Connection: close")
        wire.hear()
        assert wire.hear_all() == b""


def test_a_body_of_a_request_is_received(simulator: Simulator) -> None:
    """Whole, also when it comes after an ``Expect: 100-continue``."""
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        head = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        wire.connected.sendall(head)
        assert wire.take().startswith(b"HTTP/1.1 100 ")
        wire.connected.sendall(b"bo")
        wire.connected.sendall(b"dy")
        assert wire.hear()[0].startswith(b"HTTP/1.1 404 ")
    assert (simulator.requests[0].method, simulator.requests[0].body) == ("POST", b"body")


def test_a_head_request_gets_headers_only(simulator: Simulator, execution_path: str) -> None:
    """With the length of what is not sent."""
    with SimulatorServer(simulator) as server:
        answer = httpx.head(server.api_url + execution_path, timeout=PATIENCE)
    assert (answer.status_code, answer.content) == (405, b"")
    assert answer.headers["content-length"] == str(len('{"detail":"Method Not Allowed"}'))


def test_a_status_without_a_body_has_none(simulator: Simulator) -> None:
    """204 is sent as HTTP wants it."""
    simulator.inject(Fault.status(204))
    with SimulatorServer(simulator) as server:
        answer = httpx.get(server.api_url, timeout=PATIENCE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


def test_what_is_no_http_is_refused(simulator: Simulator) -> None:
    """400, and the connection closes."""
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        wire.connected.sendall(b"no http at all\r\n\r\n")
        assert wire.hear_all().startswith(b"HTTP/1.1 400 ")


def test_a_reset_is_a_reset_on_the_wire(simulator: Simulator) -> None:
    """RST, not a normal close."""
    simulator.inject(Fault.reset())
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        wire.ask("/")
        with pytest.raises(ConnectionResetError):
            wire.connected.recv(1)


def test_a_reset_can_come_in_the_middle(simulator: Simulator) -> None:
    """Some of the body, then RST."""
    simulator.inject(Fault.delay(0.01) & Fault.reset(after=5))
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        wire.ask("/")
        with pytest.raises(ConnectionResetError):
            wire.hear_all()


def test_a_disconnect_is_an_orderly_end_on_the_wire(simulator: Simulator) -> None:
    """FIN, without a byte before it."""
    simulator.inject(Fault.disconnect())
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        wire.ask("/")
        assert wire.hear_all() == b""


def test_a_cut_body_is_cut_to_the_byte(simulator: Simulator) -> None:
    """The head, five bytes of the body, FIN."""
    simulator.inject(Fault.truncate(5))
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        wire.ask("/")
        heard = wire.hear_all()
    head, _, body = heard.partition(b"\r\n\r\n")
    assert body == b'{"det'
    assert b"Content-Length: 22" in head


def test_headers_can_drip(simulator: Simulator) -> None:
    """The first bytes that arrive are the first few of the status line."""
    simulator.inject(Fault.slow(9, every=0.002, headers=True))
    with SimulatorServer(simulator) as server, connection(server.api_url) as wire:
        wire.ask("/")
        pieces = [wire.take()]
        while not pieces[-1].endswith(b"}"):
            pieces.append(wire.take())
    assert pieces[0].startswith(b"HTTP/1.1 ")
    assert len(pieces) > 3
    assert b"".join(pieces).endswith(b'\r\n\r\n{"detail":"Not Found"}')


def test_a_stopped_server_leaves_nothing_behind(simulator: Simulator, execution_path: str) -> None:
    """No thread, no port, no connection; and presigned URLs point where they did before."""
    threads = set(threading.enumerate())
    origin = simulator.storage_origin
    with SimulatorServer(simulator) as server:
        urls = (server.api_url, server.storage_url)
        assert simulator.storage_origin == server.storage_url
        assert httpx.get(server.api_url + execution_path, timeout=PATIENCE).status_code == 401
    assert set(threading.enumerate()) == threads
    assert simulator.storage_origin == origin
    for url in urls:
        with pytest.raises(ConnectionRefusedError), connection(url):
            pass


def test_a_server_stops_at_once_whatever_hangs(simulator: Simulator) -> None:
    """Idle, hanging, waiting and slow connections are closed, not awaited."""
    threads = set(threading.enumerate())
    simulator.inject(
        Fault.hang(), Fault.hang(after=3), Fault.delay(3600), Fault.slow(1, every=3600)
    )
    server = SimulatorServer(simulator)
    with ExitStack() as opened:
        server.start()
        wires = [opened.enter_context(connection(server.api_url)) for _ in range(5)]
        for wire in wires[1:]:
            wire.ask("/")
        while len(simulator.requests) < 4:
            time.sleep(0.001)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 2
        assert set(threading.enumerate()) == threads
        heard = [wire.hear_all() for wire in wires]
    assert [one.partition(b"\r\n\r\n")[2] for one in heard] == [b"", b"", b'{"d', b"", b""]


def test_a_server_that_cannot_be_stopped_says_so(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread is stuck, and ends when it no longer is."""
    monkeypatch.setattr(server_module, "_STOP_SECONDS", 0.05)
    stuck, may_go_on = threading.Event(), threading.Event()

    def wait() -> None:
        stuck.set()
        may_go_on.wait(PATIENCE)

    server = SimulatorServer(simulator)
    server.start()
    running = server._require_session()
    _ = running.loop.call_soon_threadsafe(wait)
    assert stuck.wait(PATIENCE)
    with pytest.raises(RuntimeError, match=r"did not end within 0\.05 seconds"):
        server.stop()
    may_go_on.set()
    running.thread.join(PATIENCE)
    assert not running.thread.is_alive()


def test_a_server_can_be_started_again(simulator: Simulator) -> None:
    """After a stop; not while it runs; and before a start there is no URL."""
    server = SimulatorServer(simulator)
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.api_url
    for _ in range(2):
        server.start()
        with pytest.raises(RuntimeError, match="already running"):
            server.start()
        assert httpx.get(server.api_url, timeout=PATIENCE).status_code == 404
        server.stop()
        server.stop()


def test_an_address_that_cannot_be_had_is_an_error_at_once(simulator: Simulator) -> None:
    """And leaves no thread behind."""
    threads = set(threading.enumerate())
    with pytest.raises(OSError), SimulatorServer(simulator, host="203.0.113.1"):  # noqa: PT011
        pass
    assert set(threading.enumerate()) == threads


def test_ctrl_c_during_the_start_leaves_nothing_behind(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread; and the server can be started afterwards."""
    threads = set(threading.enumerate())
    server = SimulatorServer(simulator)
    with monkeypatch.context() as patch:
        patch.setattr(Future, "result", raise_interrupt_once())
        with pytest.raises(KeyboardInterrupt):
            server.start()
    assert set(threading.enumerate()) == threads
    with server:
        assert httpx.get(server.api_url, timeout=PATIENCE).status_code == 404


def raise_interrupt_once() -> Callable[[Future[Any]], object]:
    """Give a method that is interrupted while it waits, and then is as ever."""
    result, interrupts = Future.result, [KeyboardInterrupt]

    def wait(future: Future[Any]) -> object:
        if interrupts:
            raise interrupts.pop()
        return result(future)

    return wait


async def test_async_code_uses_the_same_with(simulator: Simulator, execution_path: str) -> None:
    """Many requests at once from one event loop."""
    with SimulatorServer(simulator) as server:
        async with httpx.AsyncClient(
            base_url=server.api_url, headers={"X-API-Key": TEST_API_KEY}, timeout=PATIENCE
        ) as client:
            answers = await asyncio.gather(*(client.get(execution_path) for _ in range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20


def test_a_hook_that_raises_fails_the_test(simulator: Simulator) -> None:
    """The client gets a 500 with the traceback, and the server raises when it is stopped."""

    def broken(request: Request, count: int) -> Fault | None:
        message = f"unexpected {request.path} ({count})"
        raise LookupError(message)

    simulator.inject_with(broken)
    server = SimulatorServer(simulator)
    server.start()
    answer = httpx.get(f"{server.api_url}/x", timeout=PATIENCE)
    assert answer.status_code == 500
    assert "LookupError: unexpected /x (1)" in answer.text
    with pytest.raises(LookupError, match="unexpected"):
        server.stop()


def test_a_hook_that_raises_does_not_hide_another_error(simulator: Simulator) -> None:
    """What the test itself raised stays in front, with a note."""

    def broken(_request: Request, _count: int) -> Fault | None:
        raise LookupError

    def visit() -> None:
        with SimulatorServer(simulator) as server:
            httpx.get(server.api_url, timeout=PATIENCE).raise_for_status()

    simulator.inject_with(broken)
    with pytest.raises(httpx.HTTPStatusError) as caught:
        visit()
    assert "LookupError" in caught.value.__notes__[0]


def test_an_answer_that_is_no_http_ends_the_connection(simulator: Simulator) -> None:
    """A scripted length that the body does not keep is noticed by the client."""
    short = Fault.status(200, b"abc", {"Content-Length": "5"})
    simulator.inject(short, short & Fault.slow(1, every=0))
    with SimulatorServer(simulator) as server:
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(server.api_url, timeout=PATIENCE)


def test_a_simulator_can_be_reached_both_ways_at_once(
    simulator: Simulator, execution_path: str
) -> None:
    """A URL from in process can be fetched over a socket."""
    with SimulatorServer(simulator) as server:
        inside, outside = (Carrier(simulator, reached, Way("sync")) for reached in (None, server))
        url = json.loads(inside.get(execution_path).body)["steps"]["parse"]["output_url"]
        assert url.startswith(server.storage_url)
        assert inside.get(url).body == outside.get(url).body == b'{"step":"parse","file":"987"}'


def test_httpx_clients_of_both_kinds_work_on_the_transport(simulator: Simulator) -> None:
    """One transport, as a client takes it and closes it."""

    async def in_async_code() -> httpx.Response:
        async with httpx.AsyncClient(transport=SimulatorTransport(simulator)) as client:
            return await client.post(simulator.api_origin, json={"a": 1})

    with httpx.Client(transport=SimulatorTransport(simulator)) as client:
        answer = client.post(simulator.api_origin, json={"a": 1})
    other = asyncio.run(in_async_code())
    assert answer.json() == other.json() == {"detail": "Not Found"}
    assert [one.body for one in simulator.requests] == [b'{"a":1}'] * 2


def test_a_simulator_serves_several_threads(clock: VirtualClock) -> None:
    """Every request is logged, and every rate limit holds, in any thread."""
    simulator = Simulator(clock, rate_limit=(150, 60))
    request = Request("api", "GET", "/api/v1/workflows/executions/1")
    request = Request(request.origin, "GET", request.path, headers={"X-API-Key": TEST_API_KEY})

    def many() -> None:
        for _ in range(50):
            simulator.handle(request)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    statuses = [one.status for one in simulator.requests]
    assert (statuses.count(404), statuses.count(429)) == (150, 50)


def test_only_the_server_needs_uvicorn() -> None:
    """Without uvicorn everything else imports, and the server says how to get it."""
    program = """
import sys
import datalab_facade  # whatever it needs for itself
sys.modules["uvicorn"] = None
from datalab_facade import testing
assert "datalab_facade.testing.server" not in sys.modules
assert "datalab_facade.testing.transports" not in sys.modules
testing.Simulator(testing.VirtualClock())
assert "SimulatorServer" in dir(testing)
try:
    testing.SimulatorServer
except ModuleNotFoundError as error:
    print(error)
try:
    testing.nonsense
except AttributeError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
    assert "pip install 'datalab-facade[testing]'" in done.stdout
    assert "'datalab_facade.testing' has no attribute 'nonsense'" in done.stdout
