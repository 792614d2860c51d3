"""Sends the requests of the generated functions to the API, with the key.

A generated function is given a client whose only HTTP method is ours. It builds
the request; we send it, read the answer in full, raise our own errors, and hand
an empty answer back, so that generated parsing, which fails on anything that the
spec does not foresee, has nothing to parse. The facade decodes what we kept.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn, cast

import attrs
import httpx

from datalab_facade._version import __version__
from datalab_facade.clock import running_loop
from datalab_facade.decoding import decode_failure, decode_json
from datalab_facade.drift import DriftLog
from datalab_facade.errors import (
    APIStatusError,
    ClientStateError,
    InvalidArgumentError,
    InvalidResponseError,
)
from datalab_facade.forking import renew_after_fork
from datalab_facade.jobs.commands import Call
from datalab_facade.models import JSON
from datalab_facade.rate_limiting.local import RateLimiter
from datalab_facade.secrecy import Echo
from datalab_facade.transport.admission import AdmissionControl, AsyncAdmissionControl
from datalab_facade.transport.connection_pool import ApiRequest, AsyncConnectionPool, ConnectionPool
from datalab_facade.transport.exchange import (
    Exchange,
    Surroundings,
    carry_out,
    carry_out_async,
)
from datalab_facade.transport.operations import Operation
from datalab_facade.transport.origin import Origin, OriginKey
from datalab_facade.transport.retirement import Retirement

if TYPE_CHECKING:
    import asyncio

    from datalab_api_client.client import AuthenticatedClient

USER_AGENT = f"datalab-facade/{__version__}"

# An execution of 10,000 files takes some 4 MB; whatever is larger is no answer.
_MOST_BYTES = 256 * 1024 * 1024

# A request that got through the gate at the last moment is sent all the same.
_LEAST_TIMEOUT = 0.01
# No socket takes a timeout of a month.
_LONGEST_TIMEOUT = 1e6

_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "user-agent": USER_AGENT,
}

# What a generated function gets to see of the answer.
_NOTHING_TO_PARSE = httpx.Response(204)


@attrs.frozen
class CallScope:
    """What holds for one request only."""

    call: Call
    """The seconds that it may take, and when its answer is no longer wanted."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    on_leaving: Callable[[], None] = lambda: None
    """Called once it has its turn, right before it is sent; what it raises keeps it here."""


@attrs.frozen
class PlainAnswer:
    """An answer as it came, whatever it says."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names."""
    body: bytes = attrs.field(repr=False)


class _Api:
    """What needs no IO: building requests and judging answers."""

    def __init__(
        self, origin: Origin, surroundings: Surroundings, rate_limiter: RateLimiter, drift: DriftLog
    ) -> None:
        self.origin = origin
        self._surroundings = surroundings
        self._rate_limiter = rate_limiter
        self._retirement = Retirement(drift)
        self._key = OriginKey(origin)
        self._echo = Echo(origin.key)

    def _begin(
        self, method: str, path: str, built: Mapping[str, object], scope: CallScope
    ) -> tuple[Exchange, ApiRequest]:
        if "files" in built:
            # The generator writes a fixed multipart boundary, so that a document
            # could smuggle in form fields of its own.
            raise InvalidArgumentError(f"{method} {path} is multipart, which is not supported")
        left = min(scope.call.timeout, scope.call.deadline - self._now(), _LONGEST_TIMEOUT)
        timeout = max(_LEAST_TIMEOUT, left)
        url = self.origin.url(path)
        if built.get("params"):
            url += f"?{httpx.QueryParams(cast('Mapping[str, str]', built['params']))}"
        headers = dict(_HEADERS)
        for more in (cast("Mapping[str, str]", built.get("headers", {})), scope.headers):
            headers.update((name.lower(), value) for name, value in more.items())
        self._key.add_to(headers, url)
        content = json.dumps(built["json"], allow_nan=False).encode() if "json" in built else b""
        exchange = Exchange(
            method.upper(),
            url,
            timeout=timeout,
            most_bytes=_MOST_BYTES,
            surroundings=self._surroundings,
            echo=self._echo,
        )
        # What only asks is the same whether it has arrived or not.
        trace = None if exchange.method == "GET" else self._trace_of(exchange)
        return exchange, ApiRequest(exchange.method, url, headers, content, timeout, trace)

    def __reduce__(self) -> NoReturn:
        raise not_picklable()

    def _trace_of(self, exchange: Exchange) -> Callable[[str, Mapping[str, object]], object]:
        return exchange.saw

    def _judged(self, exchange: Exchange, body: bytes) -> JSON:
        self._retirement.heed(exchange.method, exchange.url, exchange.headers)
        if not 200 <= exchange.status <= 299:
            failure = decode_failure(
                exchange.status,
                body,
                exchange.headers,
                method=exchange.method,
                url=exchange.url,
                now=self._surroundings.clock.now(),
            )
            self._slow_down(exchange, failure)
            raise failure
        self._rate_limiter.answered()
        try:
            return decode_json(body)
        except InvalidResponseError as error:
            method, url = exchange.method, exchange.url
            kind = exchange.headers.get("content-type", "no media type")
            raise InvalidResponseError(
                f"{method} {url} answered {exchange.status}, but {error} ({kind})",
                method=method,
                url=url,
                body=error.body,
            ) from error.__cause__

    def _slow_down(self, exchange: Exchange, failure: APIStatusError) -> None:
        # A server that is only overloaded is left alone if it says for how long.
        overloaded = failure.status in (503, 529) and failure.retry_after is not None
        if failure.status == 429 or overloaded:
            self._rate_limiter.refused(
                self._now(), sent_at=exchange.began, retry_after=failure.retry_after
            )

    def _now(self) -> float:
        return self._surroundings.clock.monotonic()


class ApiTransport(_Api):
    """Talks to the API, blocking. Threads may share it."""

    def __init__(
        self,
        origin: Origin,
        surroundings: Surroundings,
        rate_limiter: RateLimiter,
        lanes: ConnectionPool,
        *,
        drift: DriftLog,
    ) -> None:
        super().__init__(origin, surroundings, rate_limiter, drift)
        self._lanes = lanes
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Have a gate of the process's own."""
        self.gate = AdmissionControl(self._rate_limiter, self._surroundings.clock)

    def call(self, operation: Operation, scope: CallScope) -> JSON:
        """Make one request and give its JSON.

        Raises:
            APIConnectionError: No whole answer came.
            APIStatusError: The answer was not a success.
            InvalidResponseError: The answer was not JSON.
            ClientStateError: The client is closed.
        """
        self._stay_open()
        with self.gate.passage(scope.call.deadline):
            scope.on_leaving()
            return self.send(operation, scope)

    def send(self, operation: Operation, scope: CallScope) -> JSON:
        """Make a request that has passed the gate. Result and errors as :meth:`call`."""
        self._stay_open()
        door = _Door(self, scope)
        operation.send(client=_generated_client().set_httpx_client(cast("httpx.Client", door)))
        return door.answer

    def exchange(
        self, method: str, path: str, built: Mapping[str, object], scope: CallScope
    ) -> JSON:
        """Send what a generated function built, and read the answer."""
        return self._judged(*self._carried_out(method, path, built, scope))

    def plain_answer(self, path: str, scope: CallScope) -> PlainAnswer:
        """GET a path, and give the answer without a judgement on it.

        Raises:
            APIConnectionError: No whole answer came.
            ClientStateError: The client is closed.
        """
        self._stay_open()
        with self.gate.passage(scope.call.deadline):
            exchange, body = self._carried_out("GET", path, {}, scope)
        return PlainAnswer(exchange.status, exchange.headers, body)

    def _carried_out(
        self, method: str, path: str, built: Mapping[str, object], scope: CallScope
    ) -> tuple[Exchange, bytes]:
        exchange, request = self._begin(method, path, built, scope)
        lane = self._lanes.take()
        exchange.may_have_sent = lane.may_have_sent
        try:
            body = carry_out(exchange, lambda: lane.send(request))
        except BaseException:
            lane.close()
            raise
        self._lanes.put_back(lane)
        return exchange, body

    def _stay_open(self) -> None:
        if self._lanes.closed:
            raise client_is_closed()

    def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own."""
        self._lanes.close()


class AsyncApiTransport(_Api):
    """Talks to the API from one event loop."""

    def __init__(
        self,
        origin: Origin,
        surroundings: Surroundings,
        rate_limiter: RateLimiter,
        lanes: AsyncConnectionPool,
        loop: EventLoopGuard,
        *,
        drift: DriftLog,
    ) -> None:
        super().__init__(origin, surroundings, rate_limiter, drift)
        self.gate = AsyncAdmissionControl(rate_limiter, surroundings.clock)
        self._lanes = lanes
        self._loop = loop

    async def call(self, operation: Operation, scope: CallScope) -> JSON:
        """Make one request and give its JSON.

        Raises:
            APIConnectionError: No whole answer came.
            APIStatusError: The answer was not a success.
            InvalidResponseError: The answer was not JSON.
            ClientStateError: The client is closed, or belongs to another event loop.
        """
        self._stay_open()
        async with self.gate.passage(scope.call.deadline):
            scope.on_leaving()
            return await self.send(operation, scope)

    async def send(self, operation: Operation, scope: CallScope) -> JSON:
        """Make a request that has passed the gate. Result and errors as :meth:`call`."""
        self._stay_open()
        door = _AsyncDoor(self, scope)
        client = _generated_client().set_async_httpx_client(cast("httpx.AsyncClient", door))
        await operation.send_async(client=client)
        return door.answer

    async def exchange(
        self, method: str, path: str, built: Mapping[str, object], scope: CallScope
    ) -> JSON:
        """Send what a generated function built, and read the answer."""
        exchange, request = self._begin(method, path, built, scope)
        lane = self._lanes.take()
        exchange.may_have_sent = lane.may_have_sent
        try:
            body = await carry_out_async(exchange, lambda: lane.send(request))
        except BaseException:
            lane.close()
            raise
        self._lanes.put_back(lane)
        return self._judged(exchange, body)

    def _trace_of(self, exchange: Exchange) -> Callable[[str, Mapping[str, object]], object]:
        return exchange.saw_async

    def _stay_open(self) -> None:
        self._loop.stay()
        if self._lanes.closed:
            raise client_is_closed()

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own.

        Raises:
            ClientStateError: The connections belong to another event loop.
        """
        self._loop.stay_if_used()
        await self._lanes.close()


class EventLoopGuard:
    """Keeps an async client in the event loop of its first use.

    Connections belong to the loop that opened them; using them from another
    fails later, and in words that nobody understands.
    """

    def __init__(self) -> None:
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    def stay(self) -> None:
        """Begin to use the running loop.

        Raises:
            ClientStateError: None is running, or another one was used before.
        """
        loop = running_loop()
        if self._loop is None:
            self._loop = weakref.ref(loop)
        elif self._loop() is not loop:
            raise ClientStateError(
                "This AsyncDatalab was first used in another event loop. "
                "Make one in each loop (each asyncio.run), or use Datalab"
            )

    def stay_if_used(self) -> None:
        """Do the same, unless no loop was used yet."""
        if self._loop is not None:
            self.stay()


class _Door:
    """Stands where a generated function expects its httpx client, for one call."""

    answer: JSON = None

    def __init__(self, transport: ApiTransport, scope: CallScope) -> None:
        self._transport = transport
        self._scope = scope

    def request(self, method: str, url: str, **built: object) -> httpx.Response:
        self.answer = self._transport.exchange(method, url, built, self._scope)
        return _NOTHING_TO_PARSE


class _AsyncDoor:
    """The same for the async form of a generated function."""

    answer: JSON = None

    def __init__(self, transport: AsyncApiTransport, scope: CallScope) -> None:
        self._transport = transport
        self._scope = scope

    async def request(self, method: str, url: str, **built: object) -> httpx.Response:
        self.answer = await self._transport.exchange(method, url, built, self._scope)
        return _NOTHING_TO_PARSE


def _generated_client() -> AuthenticatedClient:
    from datalab_api_client.client import AuthenticatedClient

    # Address and key are added when the request is sent, and known only there.
    return AuthenticatedClient(base_url="", token="")


def not_picklable() -> ClientStateError:
    """Give the error for pickling what holds connections and the key."""
    return ClientStateError(
        "A client cannot be pickled or copied: it holds connections and the key. Make one in each "
        "process, and pass ids, snapshots or handles instead"
    )


def client_is_closed() -> ClientStateError:
    """Give the error for using a closed client."""
    return ClientStateError("The client is closed; make a new one")
