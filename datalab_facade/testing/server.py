"""Serve a simulator over real sockets: HTTP/1.1 on two ports of this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, Self, cast

import attrs

from datalab_facade.testing.asgi import WIRE, Message, Receive, Send, SimulatorApp
from datalab_facade.testing.control import PREFIX
from datalab_facade.testing.simulator import Simulator

try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState
except ModuleNotFoundError as error:
    _message = "SimulatorServer needs uvicorn: pip install 'datalab-facade[testing]'"
    raise ModuleNotFoundError(_message, name="uvicorn") from error

# Tests break requests and answers on purpose, so uvicorn's complaints are noise.
_SILENT_LOGGER: Final = logging.getLogger("datalab_facade.testing.server")
_SILENT_LOGGER.disabled = True

# With a linger time of zero, close() sends a RST instead of a FIN.
_LINGER_ZERO: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
_STOP_SECONDS: Final = 10.0


class SimulatorServer:
    """Serves a simulator from a background thread, on two ports.

    ::

        with SimulatorServer(Simulator()) as server:
            httpx.get(f"{server.api_url}/api/v1/workflows/executions/1001")

    While it runs, the simulator's presigned URLs point to :attr:`storage_url`.

    Starting and stopping take milliseconds, so async code may use the same
    ``with``. Stopping closes all connections, also those that hang in a fault, and
    ends the thread. A stopped server can be started again, on other ports.

    Faults take real time, whatever the simulator's clock, because they happen to sockets.

    Args:
        simulator: the simulator to serve. It may be used directly meanwhile.
        host: the address to listen on. By default only this machine can connect.
        port: the port of the API; 0 stands for any that is free.
        control: whether the API's port also accepts the requests of
            :mod:`datalab_facade.testing.control`, from this machine only.
    """

    def __init__(
        self,
        simulator: Simulator,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        control: bool = False,
    ) -> None:
        self.simulator: Final = simulator
        self._host: Final = host
        self._port: Final = port
        self._control: Final = control
        self._session: _Session | None = None

    @property
    def api_url(self) -> str:
        """Scheme, host and port of the API, without a slash at the end.

        Raises:
            RuntimeError: the server is not running.
        """
        return self._require_session().api_url

    @property
    def control_url(self) -> str:
        """The base URL of control requests, with a slash at the end.

        Raises:
            RuntimeError: the server is not running, or accepts no control requests.
        """
        if not self._control:
            message = (
                "this SimulatorServer accepts no control requests: create it with control=True"
            )
            raise RuntimeError(message)
        return self.api_url + PREFIX

    @property
    def storage_url(self) -> str:
        """Scheme, host and port of the storage, without a slash at the end.

        Raises:
            RuntimeError: the server is not running.
        """
        return self._require_session().storage_url

    def start(self) -> None:
        """Start to listen; return when connections are accepted.

        Raises:
            RuntimeError: the server is running already.
            OSError: the address or the port cannot be used.
        """
        if self._session is not None:
            message = "this SimulatorServer is already running"
            raise RuntimeError(message)
        ready: Future[_Session] = Future()
        thread = threading.Thread(
            target=self._run, args=(ready,), name="datalab-simulator", daemon=True
        )
        thread.start()
        try:
            self._session = ready.result()
        except BaseException:
            # Ctrl-C may come before the thread listens; then it ends as soon as it does.
            ready.add_done_callback(_stop)
            thread.join(_STOP_SECONDS)
            raise
        self.simulator.storage_origin = self._session.storage_url

    def stop(self) -> None:
        """Stop listening and close all connections; do nothing if the server is not running.

        Raises:
            RuntimeError: the server did not stop within ten seconds.
            Exception: the first exception that a fault hook of the simulator raised.
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
        for hook_error in self._shut_down():
            error.add_note(f"A fault hook of the simulator raised {hook_error!r}.")

    def _shut_down(self) -> list[Exception]:
        session, self._session = self._session, None
        if session is None:
            return []
        self.simulator.storage_origin = session.storage_origin_before
        session.request_stop()
        session.thread.join(_STOP_SECONDS)
        if session.thread.is_alive():
            message = f"the simulator's thread did not end within {_STOP_SECONDS:g} seconds"
            raise RuntimeError(message)
        return session.errors

    def _require_session(self) -> _Session:
        if self._session is None:
            message = "this SimulatorServer is not running: use it in a with statement"
            raise RuntimeError(message)
        return self._session

    def _run(self, ready: Future[_Session]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # noqa: BLE001 - start() raises it again
            if not ready.done():  # pragma: no branch - later, only asyncio itself can fail
                ready.set_exception(error)

    async def _serve(self, ready: Future[_Session]) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        state = ServerState()
        apps = {
            "api": SimulatorApp(self.simulator, "api", control=self._control),
            "storage": SimulatorApp(self.simulator, "storage"),
        }

        async def listen(app: SimulatorApp, port: int) -> asyncio.Server:
            config = _config(app)
            config.load()
            return await loop.create_server(lambda: _Protocol(config, state, {}), self._host, port)

        async with (
            await listen(apps["api"], self._port) as api,
            await listen(apps["storage"], 0) as storage,
        ):
            ready.set_result(
                _Session(
                    thread=threading.current_thread(),
                    loop=loop,
                    stop=stop,
                    api_url=_url(api),
                    storage_url=_url(storage),
                    storage_origin_before=self.simulator.storage_origin,
                    apps=tuple(apps.values()),
                )
            )
            _ = await stop.wait()
            api.close()
            storage.close()
            # A connection accepted just now is registered in the next iteration of the loop.
            await asyncio.sleep(0)
            while state.connections:
                for connection in list(state.connections):
                    cast("_Protocol", connection).transport.abort()
                await asyncio.sleep(0)
            # Applications that still play a fault have received the disconnect.
            _ = await asyncio.gather(*state.tasks, return_exceptions=True)


@attrs.frozen
class _Session:
    """The state of a server while it runs."""

    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    api_url: str
    storage_url: str
    storage_origin_before: str
    apps: tuple[SimulatorApp, ...]

    def request_stop(self) -> None:
        """Let the thread end; any thread may call it."""
        _ = self.loop.call_soon_threadsafe(self.stop.set)

    @property
    def errors(self) -> list[Exception]:
        """The exceptions that fault hooks raised."""
        return [error for app in self.apps for error in app.errors]


def _stop(ready: Future[_Session]) -> None:
    if ready.exception() is None:
        ready.result().request_stop()


class _Protocol(H11Protocol):
    """The HTTP/1.1 of uvicorn, without logs, and with a :class:`Wire` for the application."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _SILENT_LOGGER
        self.access_log = False
        application = cast("Callable[..., Awaitable[None]]", self.app)

        async def call_with_wire(scope: Message, receive: Receive, send: Send) -> None:
            extensions = {WIRE: _SocketWire(self.transport)}
            await application({**scope, "extensions": extensions}, receive, send)

        self.app = cast("Any", call_with_wire)


@attrs.frozen
class _SocketWire:
    """A :class:`~datalab_facade.testing.asgi.Wire` over an asyncio transport."""

    transport: asyncio.Transport

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        raw = cast("socket.socket", self.transport.get_extra_info("socket"))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.transport.abort()


def _config(app: SimulatorApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        # A test may pause between two requests.
        timeout_keep_alive=3600,
    )


def _url(server: asyncio.Server) -> str:
    host, port, *_ = cast("tuple[str, int]", server.sockets[0].getsockname())
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
