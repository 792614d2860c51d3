"""The simulator as an ASGI application.

Any ASGI server can run it and can play most faults. Faults that break HTTP (a reset, a
truncated body, slow headers, a status above 599) need access to the connection. A server
grants it through an extension of the scope, as
:class:`~datalab_facade.testing.SimulatorServer` does.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from itertools import chain
from typing import Final, Protocol, TypeAlias, cast

import attrs

from datalab_facade.testing.control import PREFIX, answer_control
from datalab_facade.testing.delivery import Event, Pause, deliver_body, deliver_head, wire_head
from datalab_facade.testing.faults import Ending
from datalab_facade.testing.headers import Headers
from datalab_facade.testing.messages import Answer, Origin, Request
from datalab_facade.testing.simulator import Simulator

Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

WIRE: Final = "datalab.wire"
"""The name of the extension; its value is a :class:`Wire`."""


class Wire(Protocol):
    """Access to the connection below HTTP."""

    def write(self, data: bytes) -> None:
        """Send raw bytes."""
        ...

    def close(self) -> None:
        """Close the connection normally."""
        ...

    def reset(self) -> None:
        """Reset the connection."""
        ...


class SimulatorApp:
    """An ASGI application that answers for one of the two hosts.

    Args:
        simulator: the simulator to serve.
        origin: the host to answer for.
        control: whether to accept the requests of :mod:`datalab_facade.testing.control`.
    """

    def __init__(
        self, simulator: Simulator, origin: Origin = "api", *, control: bool = False
    ) -> None:
        self.errors: Final[list[Exception]] = []
        """The exceptions that fault hooks raised; each client got a 500 with the traceback."""
        self._simulator: Final = simulator
        self._origin: Final[Origin] = origin
        self._control: Final = control

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; refuse anything but HTTP."""
        if scope["type"] != "http":
            message = f"the simulator answers only HTTP, not {scope['type']!r}"
            raise NotImplementedError(message)
        body = await _body(receive)
        if body is None:
            return
        request = _request(scope, self._origin, body)
        if self._control and request.path.startswith(PREFIX):
            client = cast("tuple[str, int] | None", scope.get("client"))
            answer = answer_control(self._simulator, request, client[0] if client else None)
        else:
            answer = self._answer(request)
        extensions = cast("Mapping[str, object]", scope.get("extensions") or {})
        wire = cast("Wire | None", extensions.get(WIRE))
        if not _breaks_http(answer):
            await _deliver(answer, receive, send)
        elif wire is not None:
            await _deliver_raw(answer, receive, wire)
        else:
            message = "this fault breaks HTTP; only a SimulatorServer can play it"
            raise NotImplementedError(message)

    def _answer(self, request: Request) -> Answer:
        try:
            return self._simulator.handle(request)
        except Exception as error:  # noqa: BLE001 - from a hook; SimulatorServer.stop raises it
            self.errors.append(error)
            page = "".join(traceback.format_exception(error)).encode()
            return Answer(500, {"Content-Type": "text/plain; charset=utf-8"}, page)


async def _body(receive: Receive) -> bytes | None:
    # Bytes would be copied for each chunk, which takes minutes for a large form.
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += cast("bytes", message.get("body", b""))
        if not message.get("more_body", False):
            return bytes(body)


def _request(scope: Message, origin: Origin, body: bytes) -> Request:
    pairs = cast("Iterable[tuple[bytes, bytes]]", scope["headers"])
    path = cast("bytes | None", scope.get("raw_path")) or cast("str", scope["path"]).encode()
    return Request(
        origin=origin,
        method=cast("str", scope["method"]),
        # Some servers leave the query in raw_path.
        path=path.partition(b"?")[0].decode("ascii"),
        query=cast("bytes", scope["query_string"]).decode("ascii"),
        headers=Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs),
        body=body,
    )


def _breaks_http(answer: Answer) -> bool:
    fault = answer.fault
    slow_head = fault.chunking is not None and fault.chunking.headers
    return fault.early_end is not None or slow_head or answer.status > 599


async def _deliver(answer: Answer, receive: Receive, send: Send) -> None:
    async def send_bytes(data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})

    if not await _play(deliver_head(answer, b""), receive, send_bytes):
        return
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.raw
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.fault.chunking is None:
        await send({"type": "http.response.body", "body": answer.body})
    elif await _play(deliver_body(answer), receive, send_bytes):
        # After a timeout, Python 3.11 reports the lines of a coroutine incompletely.
        await send({"type": "http.response.body"})  # pragma: no cover - tested, but not seen


async def _deliver_raw(answer: Answer, receive: Receive, wire: Wire) -> None:
    async def send_bytes(data: bytes) -> None:
        wire.write(data)

    # The server did not write these bytes, so it cannot reuse the connection.
    closing = attrs.evolve(answer, headers=answer.headers.plus({"Connection": "close"}))
    events = chain(deliver_head(answer, wire_head(closing)), deliver_body(answer))
    ending = await _play(events, receive, send_bytes)
    if ending is Ending.RESET:
        wire.reset()
    elif ending in (Ending.WHOLE, Ending.CLOSED):
        wire.close()
    if ending is not None:
        # A server sends a 500 when an application returns without an answer.
        _ = await _wait_for_disconnect(None, receive)


async def _play(
    events: Iterable[Event], receive: Receive, send_bytes: Callable[[bytes], Awaitable[None]]
) -> Ending | None:
    """Play events until the end; return ``None`` if the client disconnected first."""
    for event in events:
        if isinstance(event, Pause):
            if await _wait_for_disconnect(event.seconds, receive):  # pragma: no branch - as above
                return None
        elif isinstance(event, bytes):
            await send_bytes(event)
        else:
            return event
    return Ending.WHOLE


async def _wait_for_disconnect(seconds: float | None, receive: Receive) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
