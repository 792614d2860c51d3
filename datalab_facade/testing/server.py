"""The simulator behind real sockets: HTTP/1.1 on two ports of this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Final, Self, cast

import attrs

from datalab_facade.testing.delivery import Event, Pause, deliver_body, deliver_head
from datalab_facade.testing.faults import Ending, Fault
from datalab_facade.testing.headers import Headers
from datalab_facade.testing.messages import Answer, Origin, Request
from datalab_facade.testing.simulator import Simulator

try:
    import h11
except ModuleNotFoundError as missing:
    _message = "SimulatorServer needs h11: pip install 'datalab-facade[testing]'"
    raise ModuleNotFoundError(_message, name="h11") from missing

# A linger time of zero makes close() send a RST where it would send a FIN.
_LINGER_ZERO: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
_STOP_SECONDS: Final = 10.0


class SimulatorServer:
    """Serves a simulator from a background thread, on two ports.

    ::

        with SimulatorServer(Simulator()) as server:
            httpx.get(f"{server.api_url}/api/v1/workflows/executions/1001")

    While it runs, the simulator's presigned URLs point to :attr:`storage_url`.

    Starting and stopping take milliseconds, so async code may use the same
    ``with``. Stopping ends all connections, also those that hang in a fault, and
    leaves neither thread nor port behind; a stopped server can be started again,
    on other ports.

    Faults take real time, whatever the simulator's clock: they happen to sockets.

    Args:
        simulator: what is served. It may be used directly meanwhile.
        host: the address to listen on. By default only this machine can connect.
    """

    def __init__(self, simulator: Simulator, host: str = "127.0.0.1") -> None:
        self.simulator: Final = simulator
        self._host: Final = host
        self._running: _Running | None = None

    @property
    def api_url(self) -> str:
        """Scheme, host and port of the API, without a slash at the end."""
        return self._now_running().api_url

    @property
    def storage_url(self) -> str:
        """Scheme, host and port of the storage, without a slash at the end."""
        return self._now_running().storage_url

    def start(self) -> None:
        """Begin to listen; returns when connections are taken."""
        if self._running is not None:
            message = "this SimulatorServer is running already"
            raise RuntimeError(message)
        ready: Future[_Running] = Future()
        thread = threading.Thread(
            target=self._run, args=(ready,), name="datalab-simulator", daemon=True
        )
        thread.start()
        try:
            self._running = ready.result()
        except Exception:
            thread.join(_STOP_SECONDS)
            raise
        self.simulator.storage_origin = self._running.storage_url

    def stop(self) -> None:
        """Stop listening and end all connections; nothing when it is not running.

        Raises what a fault hook of the simulator raised, if one did.
        """
        errors = self._shut_down()
        if errors:
            raise errors[0]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
            return
        for another in self._shut_down():
            error.add_note(f"While the simulator was served, a fault hook raised {another!r}.")

    def _shut_down(self) -> list[Exception]:
        running, self._running = self._running, None
        if running is None:
            return []
        self.simulator.storage_origin = running.storage_origin_before
        _ = running.loop.call_soon_threadsafe(running.stop.set)
        running.thread.join(_STOP_SECONDS)
        if running.thread.is_alive():
            message = f"the simulator's thread did not end within {_STOP_SECONDS:g} seconds"
            raise RuntimeError(message)
        return running.errors

    def _now_running(self) -> _Running:
        if self._running is None:
            message = "this SimulatorServer is not running: use it in a with statement"
            raise RuntimeError(message)
        return self._running

    def _run(self, ready: Future[_Running]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the other thread
            if not ready.done():
                ready.set_exception(error)

    async def _serve(self, ready: Future[_Running]) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        connections: set[_Connection] = set()
        errors: list[Exception] = []

        def connection(origin: Origin) -> _Connection:
            return _Connection(self.simulator, origin, connections, errors)

        api = await loop.create_server(lambda: connection("api"), self._host, 0)
        async with (
            api,
            await loop.create_server(lambda: connection("storage"), self._host, 0) as storage,
        ):
            ready.set_result(
                _Running(
                    thread=threading.current_thread(),
                    loop=loop,
                    stop=stop,
                    api_url=_url(api),
                    storage_url=_url(storage),
                    storage_origin_before=self.simulator.storage_origin,
                    errors=errors,
                )
            )
            _ = await stop.wait()
            api.close()
            storage.close()
            # What was accepted this very moment gets a turn to become a connection.
            await asyncio.sleep(0)
            while connections:
                for one in list(connections):
                    one.abort()
                await asyncio.sleep(0)


@attrs.frozen
class _Running:
    """What there is only while the server runs."""

    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    api_url: str
    storage_url: str
    storage_origin_before: str
    errors: list[Exception]


class _Connection(asyncio.Protocol):
    """One client's connection: h11 reads and frames, the answers' faults decide the rest."""

    def __init__(
        self,
        simulator: Simulator,
        origin: Origin,
        connections: set[_Connection],
        errors: list[Exception],
    ) -> None:
        self._simulator: Final = simulator
        self._origin: Final[Origin] = origin
        self._connections: Final = connections
        self._errors: Final = errors
        self._http: Final = h11.Connection(h11.SERVER)
        self._transport: asyncio.Transport | None = None
        self._request: h11.Request | None = None
        self._body: Final = bytearray()
        self._delivery: asyncio.Task[None] | None = None
        self._busy: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._transport = None
        self._connections.discard(self)
        if self._delivery is not None:
            _ = self._delivery.cancel()

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._read()

    def abort(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()

    def _read(self) -> None:
        """Take what has come until a request is whole, and answer it."""
        try:
            while not self._busy:
                event = self._http.next_event()
                if isinstance(event, h11.Request):
                    self._request = event
                    self._body.clear()
                elif isinstance(event, h11.Data):
                    self._body.extend(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    self._answer()
                elif isinstance(event, h11.ConnectionClosed):
                    self._close()
                    return
                else:
                    if event is h11.NEED_DATA and self._http.they_are_waiting_for_100_continue:
                        self._send(h11.InformationalResponse(status_code=100, headers=[]))
                    return
        except h11.RemoteProtocolError as error:
            self._refuse(error)
        except h11.LocalProtocolError:
            # A scripted answer that is no valid HTTP: h11 leaves off where it breaks the rules.
            self._close()

    def _answer(self) -> None:
        answer = self._ask()
        if _is_prompt(answer.fault):
            # The usual case, in one write and without a task: half the time of the other way.
            self._write(self._head(answer) + self._framed(answer.body))
            self._next_request()
        else:
            self._busy = True
            self._delivery = asyncio.get_running_loop().create_task(self._deliver(answer))

    def _ask(self) -> Answer:
        asked = self._request
        assert asked is not None
        path, _, query = asked.target.decode("ascii").partition("?")
        request = Request(
            origin=self._origin,
            method=asked.method.decode("ascii"),
            path=path,
            query=query,
            headers=Headers(_as_text(pair) for pair in asked.headers.raw_items()),
            body=bytes(self._body),
        )
        try:
            return self._simulator.handle(request)
        except Exception as error:  # noqa: BLE001 - a hook's own; raised again by stop()
            self._errors.append(error)
            page = "".join(traceback.format_exception(error)).encode()
            return Answer(500, {"Content-Type": "text/plain; charset=utf-8"}, page)

    async def _deliver(self, answer: Answer) -> None:
        """Play an answer with its pauses and its end."""
        try:
            for event in self._events(answer):
                if isinstance(event, Pause):
                    await asyncio.sleep(event.seconds)
                elif isinstance(event, bytes):
                    self._write(event)
                else:
                    self._end(event)
        except h11.LocalProtocolError:
            self._close()

    def _events(self, answer: Answer) -> Iterator[Event]:
        for event in deliver_head(answer, self._head(answer)):
            yield event
            if isinstance(event, Ending):
                return
        for event in deliver_body(answer):
            yield self._framed(event) if isinstance(event, bytes) else event

    def _end(self, ending: Ending) -> None:
        if ending is Ending.WHOLE:
            self._next_request()
            self._read()
        elif ending is Ending.CLOSED:
            self._close()
        elif ending is Ending.RESET:
            self._reset()
        # Ending.SILENT: still busy, so nothing is read or written until either side closes.

    def _next_request(self) -> None:
        """End the answer, and get ready for another request if the connection allows it."""
        self._send(h11.EndOfMessage())
        self._busy = False
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self._close()

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say what is wrong with the bytes that came, as far as HTTP still allows it."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = str(error).encode()
            headers = [("Content-Length", str(len(body))), ("Connection", "close")]
            self._send(h11.Response(status_code=error.error_status_hint, headers=headers))
            self._send(h11.Data(data=body))
        self._close()

    def _head(self, answer: Answer) -> bytes:
        head = h11.Response(
            status_code=answer.status,
            reason=answer.reason,
            headers=list(answer.headers.raw),
        )
        return self._http.send(head) or b""

    def _framed(self, body: bytes) -> bytes:
        return self._http.send(h11.Data(data=body)) or b""

    def _send(self, event: h11.Event) -> None:
        self._write(self._http.send(event) or b"")

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _reset(self) -> None:
        if self._transport is not None:
            raw = cast("socket.socket", self._transport.get_extra_info("socket"))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self._transport.abort()


def _is_prompt(fault: Fault) -> bool:
    return not (fault.silence or fault.dripping or fault.broken)


def _url(server: asyncio.Server) -> str:
    host, port, *_ = cast("tuple[str, int]", server.sockets[0].getsockname())
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _as_text(pair: tuple[bytes, bytes]) -> tuple[str, str]:
    return pair[0].decode("latin-1"), pair[1].decode("latin-1")
