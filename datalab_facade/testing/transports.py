"""Connect httpx to a simulator in process: no socket, no port, no thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from functools import lru_cache
from typing import Final, Unpack, cast

import attrs
import httpx

from datalab_facade.async_client import AsyncDatalab
from datalab_facade.client import Datalab
from datalab_facade.client_options import ClientOptions
from datalab_facade.clock import Clock
from datalab_facade.events import Listener
from datalab_facade.jobs.learning import DurationModel
from datalab_facade.jobs.retries import Randomness
from datalab_facade.keywords import shows_options
from datalab_facade.testing.delivery import Event, Pause, deliver_body, deliver_head, wire_head
from datalab_facade.testing.faults import Ending
from datalab_facade.testing.headers import Headers
from datalab_facade.testing.messages import Answer, Origin, Request
from datalab_facade.testing.simulator import Simulator


class ConnectOptions(ClientOptions, total=False):
    """Options of :func:`connect`: those of a client, except address, key and clock."""

    requests_per_minute: float | None
    """The client's own rate limit. Default: 200, as usual."""
    duration_model: DurationModel | None
    """The model of how long executions take. Default: a new one, which learns."""
    listeners: Iterable[Listener]
    """What the client calls with each event."""
    random: Randomness | None
    """The random source that spreads polls, such as ``Random(7).random``."""


@shows_options(ConnectOptions)
def connect(simulator: Simulator, **options: Unpack[ConnectOptions]) -> Datalab:
    """Connect a blocking client to a simulator, in process, with its key and on its clock.

    >>> from datalab_facade.testing import ExecutionScript, Simulator, StepScript, VirtualClock
    >>> simulator = Simulator(VirtualClock())
    >>> execution_id = simulator.start(ExecutionScript([StepScript("parse", ends=3600)]))
    >>> with connect(simulator) as client:
    ...     client.executions.wait(execution_id).succeeded
    True

    Raises:
        InvalidArgumentError: an option is wrong.
    """
    return Datalab(
        simulator.api_key,
        base_url=simulator.api_origin,
        http_client=httpx.Client(transport=SimulatorTransport(simulator)),
        clock=simulator.clock,
        **options,
    )


@shows_options(ConnectOptions)
def connect_async(simulator: Simulator, **options: Unpack[ConnectOptions]) -> AsyncDatalab:
    """Connect an async client to a simulator, in process, with its key and on its clock.

    It opens no connection, so it need not be closed.

    Raises:
        InvalidArgumentError: an option is wrong.
    """
    return AsyncDatalab(
        simulator.api_key,
        base_url=simulator.api_origin,
        http_client=httpx.AsyncClient(transport=SimulatorTransport(simulator)),
        clock=simulator.clock,
        **options,
    )


class WouldHangForeverError(AssertionError):
    """A request without a read timeout waits for an answer that never comes.

    Over a real network the program would hang forever. This is not an httpx error,
    so code that retries after network errors does not retry after this one.
    """


class SimulatorTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries requests of ``httpx.Client`` and ``httpx.AsyncClient`` to a simulator.

    Requests to the simulator's ``api_origin`` reach the API, those to its
    ``storage_origin`` the storage; others raise ``httpx.ConnectError``.

    Faults sleep on the simulator's clock, with its ``sleep`` and ``sleep_async``, and
    raise the exceptions that httpx raises over sockets. The read timeout of a request
    runs on that clock, too.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator: Final = simulator

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of a sync client."""
        exchange = self._exchange(request, request.read())
        for item in exchange.head():
            if not isinstance(item, bytes):
                self._simulator.clock.sleep(item)
        return exchange.response()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an async client."""
        exchange = self._exchange(request, await request.aread())
        for item in exchange.head():
            if not isinstance(item, bytes):
                await self._simulator.clock.sleep_async(item)
        return exchange.response()

    def _exchange(self, request: httpx.Request, body: bytes) -> _Exchange:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        simulator_request = Request(
            origin=self._origin(request),
            method=request.method,
            path=path,
            query=query,
            headers=Headers(_decode(pair) for pair in request.headers.raw),
            body=body,
        )
        return _Exchange(request, self._simulator.handle(simulator_request), self._simulator.clock)

    def _origin(self, request: httpx.Request) -> Origin:
        origin = _origin_of(request.url)
        if origin == _parse_origin(self._simulator.api_origin):
            return "api"
        if origin == _parse_origin(self._simulator.storage_origin):
            return "storage"
        message = (
            f"The simulator answers for {self._simulator.api_origin} and "
            f"{self._simulator.storage_origin}, not for {request.url.host}"
        )
        raise httpx.ConnectError(message, request=request)


@attrs.frozen
class _Exchange:
    """The delivery of an answer, as seconds to sleep (floats) and received bytes."""

    request: httpx.Request
    answer: Answer
    clock: Clock

    def head(self) -> Iterator[float | bytes]:
        return self._follow(deliver_head(self.answer, wire_head(self.answer)))

    def body(self) -> Iterator[float | bytes]:
        return self._follow(deliver_body(self.answer))

    def response(self) -> httpx.Response:
        return httpx.Response(
            self.answer.status,
            headers=list(self.answer.headers.raw),
            stream=_BodyStream(self),
            extensions={"http_version": b"HTTP/1.1"},
        )

    def _follow(self, events: Iterator[Event]) -> Iterator[float | bytes]:
        """Follow a delivery as a client does: a silence longer than the read timeout ends it."""
        silence, received = 0.0, 0
        for event in events:
            if isinstance(event, Pause):
                yield from self._sleep_or_time_out(silence, event.seconds)
                silence += event.seconds
            elif isinstance(event, bytes):
                silence, received = 0.0, received + len(event)
                yield event
            elif event is Ending.SILENT:
                yield from self._sleep_or_time_out(silence, None)
            elif event is not Ending.WHOLE:
                raise self._ending_error(event, received)

    def _sleep_or_time_out(self, silence: float, more: float | None) -> Iterator[float]:
        """Sleep through a pause (``None``: endless), or until the read timeout, and raise."""
        timeout = self._read_timeout()
        if more is not None and (timeout is None or silence + more <= timeout):
            yield more
            return
        if timeout is None:
            message = (
                f"{self.request.method} {self.request.url.path} would hang forever: "
                "no (more) bytes come, and the request has no read timeout. Set a timeout"
            )
            raise WouldHangForeverError(message)
        yield max(0.0, timeout - silence)
        message = "The read operation timed out"
        raise httpx.ReadTimeout(message, request=self.request)

    def _read_timeout(self) -> float | None:
        timeouts = cast("dict[str, float | None]", self.request.extensions.get("timeout", {}))
        return timeouts.get("read")

    def _ending_error(self, ending: Ending, received: int) -> httpx.TransportError:
        early_end = self.answer.fault.early_end
        if ending is Ending.RESET:
            return httpx.ReadError("Connection reset by peer", request=self.request)
        if early_end is None or early_end.after is None:
            message = "Server disconnected without sending a response."
            return httpx.RemoteProtocolError(message, request=self.request)
        expected = self.answer.headers.get("content-length", "more")
        message = (
            "peer closed connection without sending complete message body "
            f"(received {received} bytes, expected {expected})"
        )
        return httpx.RemoteProtocolError(message, request=self.request)


class _BodyStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer, for blocking and async clients."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange: Final = exchange

    def __iter__(self) -> Iterator[bytes]:
        for item in self._exchange.body():
            if isinstance(item, bytes):
                yield item
            else:
                self._exchange.clock.sleep(item)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for item in self._exchange.body():
            if isinstance(item, bytes):
                yield item
            else:
                await self._exchange.clock.sleep_async(item)


@lru_cache
def _parse_origin(origin: str) -> tuple[str, str, int | None]:
    return _origin_of(httpx.URL(origin))


def _origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _decode(pair: tuple[bytes, bytes]) -> tuple[str, str]:
    return pair[0].decode("latin-1"), pair[1].decode("latin-1")
