"""An event loop on virtual time, for clients that use only the clock of their loop.

A server that shares the loop answers over a real socket of this machine, so whenever
nothing is ready, nothing is under way, and time jumps to the next timer: hours pass
in seconds, and no interval has to be scaled down.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from datalab_facade.testing import Simulator, VirtualClock
from datalab_facade.testing.delivery import wire_head
from datalab_facade.testing.headers import Headers
from datalab_facade.testing.messages import Request

_T = TypeVar("_T")

# Real seconds; loopback needs microseconds.
_PATIENCE = 0.0005


def run_on(clock: VirtualClock, main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine, as :func:`asyncio.run` does, in a loop that lives by this clock."""
    with asyncio.Runner(loop_factory=lambda: _Loop(clock)) as runner:
        return runner.run(main)


@asynccontextmanager
async def serving(simulator: Simulator) -> AsyncGenerator[str, None]:
    """Let this loop answer for a simulator; give the address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(simulator), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualClock) -> None:
        self._virtual = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._virtual.monotonic()


class _Selector(selectors.DefaultSelector):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._virtual = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(min(timeout, _PATIENCE))
        if timeout > 0 and not ready:
            self._virtual.advance(timeout)
        return ready


class _Connection(asyncio.Protocol):
    """Hands requests, none of which has a body, to the simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._taken = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._taken = (self._taken + data).split(b"\r\n\r\n")
        for head in heads:
            first, *rest = head.decode("ascii").split("\r\n")
            method, path, _ = first.split(" ")
            pairs = [(name, value) for name, _, value in (line.partition(": ") for line in rest)]
            request = Request(
                origin="api", method=method, path=path, query="", headers=Headers(pairs), body=b""
            )
            answer = self._simulator.handle(request)
            self._transport.write(wire_head(answer) + answer.body)
