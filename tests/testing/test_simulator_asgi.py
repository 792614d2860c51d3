"""The simulator as an ASGI application, under a server that knows nothing of it."""

from __future__ import annotations

import logging
import socket
from collections.abc import MutableMapping
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx
import pytest

from datalab_facade.testing import TEST_API_KEY, Fault, Simulator, SimulatorServer
from datalab_facade.testing.asgi import SimulatorApp

Message: TypeAlias = MutableMapping[str, object]


def client(simulator: Simulator) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(SimulatorApp(simulator))
    headers = {"X-API-Key": TEST_API_KEY}
    return httpx.AsyncClient(transport=transport, base_url="http://asgi", headers=headers)


async def test_any_server_can_run_it(simulator: Simulator, execution_path: str) -> None:
    async with client(simulator) as http:
        simulator.inject(Fault.none(), Fault.status(503), Fault.slow(50, every=0.001))
        answers = [await http.get(execution_path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[0].json()["status"] == answers[2].json()["status"] == "COMPLETED"


async def test_a_request_arrives_as_it_was_sent(simulator: Simulator) -> None:
    async with client(simulator) as http:
        await http.post("/a%2Fb/c?x=%20y", content=b"body")
    [request] = simulator.requests
    assert (request.method, request.path) == ("POST", "/a%2Fb/c")
    assert (request.parameter("x"), request.body) == (" y", b"body")


@pytest.mark.parametrize(
    "fault",
    [Fault.reset(), Fault.truncate(3), Fault.slow(1, every=0, headers=True), Fault.status(999)],
)
async def test_what_breaks_http_needs_a_server_that_lets_it(
    simulator: Simulator, execution_path: str, fault: Fault
) -> None:
    simulator.inject(fault)
    async with client(simulator) as http:
        with pytest.raises(NotImplementedError, match="only a SimulatorServer"):
            await http.get(execution_path)


async def test_it_speaks_http_only(simulator: Simulator) -> None:
    async def never(*_: object) -> dict[str, object]:
        raise AssertionError

    with pytest.raises(NotImplementedError, match="not 'websocket'"):
        await SimulatorApp(simulator)({"type": "websocket"}, never, never)  # type: ignore[arg-type]


def test_a_server_logs_nothing(
    simulator: Simulator, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong, a test's own output stays its own."""
    caplog.set_level(logging.DEBUG)
    short = Fault.status(200, b"abc", {"Content-Length": "5"})
    simulator.inject(short, Fault.reset())
    with SimulatorServer(simulator) as server, httpx.Client(base_url=server.api_url) as http:
        address = urlsplit(server.api_url)
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                http.get("/")
        http.get("/", headers={"Connection": "upgrade", "Upgrade": "websocket"})
        with socket.create_connection((address.hostname, address.port or 0), timeout=20) as raw:
            raw.sendall(b"no http\r\n\r\n")
            while raw.recv(1000):
                pass
    assert {record.name.partition(".")[0] for record in caplog.records} <= {
        "asyncio",
        "httpx",
        "httpcore",
    }
    assert capfd.readouterr() == ("", "")


async def test_a_request_that_breaks_off_is_not_answered(simulator: Simulator) -> None:
    sent: list[object] = []

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Message = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "headers": [],
    }
    await SimulatorApp(simulator)(scope, gone, send)
    assert (sent, list(simulator.requests)) == ([], [])


async def test_a_client_that_goes_during_a_drip_is_left_alone(
    simulator: Simulator, execution_path: str
) -> None:
    simulator.inject(Fault.slow(1, every=0.01))
    sent: list[Message] = []
    story: list[Message] = [
        {"type": kind} for kind in ("http.request", "http.request", "http.disconnect")
    ]
    heard = iter(story)

    async def receive() -> Message:
        return next(heard)

    async def send(message: Message) -> None:
        sent.append(message)

    key = (b"x-api-key", TEST_API_KEY.encode())
    path = execution_path.encode()
    scope: Message = {
        "type": "http",
        "method": "GET",
        "path": execution_path,
        "raw_path": path,
        "query_string": b"",
        "headers": [key],
    }
    await SimulatorApp(simulator)(scope, receive, send)
    assert all(message.get("more_body", True) for message in sent[1:])
