"""What an exchange with a server is, sync or async, with the API or with storage."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import attrs
import httpx

from datalab_facade.clock import Clock
from datalab_facade.errors import (
    ConfigurationError,
    ConnectionFailed,
    DatalabError,
    RequestTimedOut,
    UnexpectedBody,
)
from datalab_facade.redaction import excerpt, scrubbed, shown_headers, shown_url
from datalab_facade.tracing import NO_SPAN, NoTracing, Span, Tracing, span_around
from datalab_facade.transport.ending import EndsWithin
from datalab_facade.transport.lanes import AsyncAnswer
from datalab_facade.transport.quiet import Ours

logger = logging.getLogger("datalab_facade.transport")

_SHORTEST_SECRET = 12

_NO_RECORD: AbstractContextManager[Span] = contextlib.nullcontext(NO_SPAN)

# Not one of them can have sent a byte of the request.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class BodyTooLong(UnexpectedBody):
    """The body is longer than the caller wants to hold in memory."""


class BodyCut(ConnectionFailed):
    """The body ended before it was whole."""


class MoreThanAnnounced(ConnectionFailed):
    """More came than the body was announced to have, so what was taken for it may be cut."""


@attrs.frozen
class Surroundings:
    """What every exchange needs of the client it belongs to."""

    clock: Clock
    tracing: Tracing


def time_bounds(seconds: float) -> dict[str, object]:
    """Give the extension of a request that bounds each of its phases."""
    return {"timeout": httpx.Timeout(seconds).as_dict()}


class Exchange:
    """One request and its answer, from the first byte to the last.

    It does no IO: :func:`carry_out` and :func:`carry_out_async` send the request inside
    :meth:`under_way`, hand over what arrives with :meth:`begin` and :meth:`take`,
    and :meth:`body` gives it back whole.
    """

    def __init__(
        self,
        method: str,
        url: str,
        *,
        timeout: float,
        most_bytes: int,
        surroundings: Surroundings,
        secret: str = "",
    ) -> None:
        self.method = method
        self._whole_url = url
        self._url: str | None = None
        self.timeout = timeout
        self._most_bytes = most_bytes
        # A short secret is none, but a word that may well occur in an honest answer.
        self._secret = secret if len(secret) >= _SHORTEST_SECRET else ""
        self._clock = surroundings.clock
        self._tracing = surroundings.tracing
        self.began = self._clock.monotonic()
        self.may_have_sent: Callable[[], bool] = lambda: True
        self._status = 0
        self._headers: Mapping[str, str] = {}
        self._shown_headers: Mapping[str, str] | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def begin(self, response: httpx.Response | AsyncAnswer) -> None:
        """Take note of an answer whose body is still to come."""
        self._status = response.status_code
        self._headers = response.headers

    def take(self, part: bytes) -> None:
        """Keep a part of the body.

        Raises:
            BodyTooLong: The body is longer than allowed.
            RequestTimedOut: The time for the whole exchange is over.
        """
        self._size += len(part)
        if self._size > self._most_bytes:
            raise BodyTooLong(
                f"{self.method} {self.url} answered with more than {self._most_bytes} bytes",
                method=self.method,
                url=self.url,
            )
        self._parts.append(part)
        if self._spent() > self.timeout:
            raise self._timed_out("body incomplete", may_have_arrived=True)

    # Python 3.11 has one lock for a cached property of all exchanges, and a fork while
    # another thread holds it would leave it held in the child for ever.
    @property
    def url(self) -> str:
        """The address of the request, without anything secret."""
        if self._url is None:
            self._url = shown_url(self._whole_url)
        return self._url

    @property
    def status(self) -> int:
        """The status of the answer that was begun."""
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer that was begun, with lower-case names."""
        if self._shown_headers is None:
            self._shown_headers = {
                name.lower(): self._without_secret(value) for name, value in self._headers.items()
            }
        return self._shown_headers

    def body(self) -> bytes:
        """Give the body of the whole answer, and leave a line about it in the log."""
        body = b"".join(self._parts)
        if self._secret:
            body = body.replace(self._secret.encode(), b"***")
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s %s -> %d in %.3f s, %d bytes %s",
                self.method,
                self.url,
                self._status,
                self._spent(),
                self._size,
                shown_headers(self.headers),
            )
        return body

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Turn what httpx raises inside into errors of ours, which name the request safely."""
        with Ours(), self._recorded() as span:
            try:
                yield
            except Exception as error:
                failure = self.translated(error)
                logger.debug(
                    "%s %s -> %s after %.3f s",
                    self.method,
                    self.url,
                    type(failure or error).__name__,
                    self._spent(),
                )
                if failure is None:
                    raise
                raise failure from error
            span.record({"http.response.status_code": self._status})

    def _recorded(self) -> AbstractContextManager[Span]:
        return _NO_RECORD if isinstance(self._tracing, NoTracing) else self._in_a_span()

    @contextlib.contextmanager
    def _in_a_span(self) -> Iterator[Span]:
        attributes = {"http.request.method": self.method, "url.full": self.url}
        with span_around(self._tracing, self.method, attributes) as span, span.active():
            yield span

    def translated(
        self, error: Exception, failure: type[ConnectionFailed] = ConnectionFailed
    ) -> DatalabError | None:
        """Give the error of ours for one that httpx raised; None if it is not httpx's.

        Args:
            error: What was raised.
            failure: The kind of error for a connection that failed.
        """
        if isinstance(error, DatalabError):
            return None
        sent = not isinstance(error, _NEVER_SENT) and self.may_have_sent()
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            return self._timed_out(type(error).__name__, may_have_arrived=sent)
        if isinstance(error, httpx.DecodingError):
            return UnexpectedBody(
                f"{self.method} {self.url} answered with a body that does not decompress",
                method=self.method,
                url=self.url,
            )
        if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
            return ConfigurationError(
                f"{self.method} {self.url} cannot be asked: {scrubbed(str(error))}"
            )
        if isinstance(error, httpx.RequestError):
            return failure(
                f"{self.method} {self.url} failed: "
                f"{self._without_secret(excerpt(str(error))) or 'no details'} "
                f"({type(error).__name__}). Check the network, the proxy and the host name",
                method=self.method,
                url=self.url,
                may_have_arrived=sent,
            )
        return None

    def more_than_announced(self) -> MoreThanAnnounced:
        """Give the error for an answer that was longer than it said."""
        return MoreThanAnnounced(
            f"{self.method} {self.url} sent more than it announced",
            method=self.method,
            url=self.url,
            may_have_arrived=True,
        )

    def _timed_out(self, how: str, *, may_have_arrived: bool) -> RequestTimedOut:
        return RequestTimedOut(
            f"{self.method} {self.url} was not answered in full within "
            f"{self.timeout:.3g} s ({how})",
            method=self.method,
            url=self.url,
            may_have_arrived=may_have_arrived,
            timeout=self.timeout,
        )

    def _without_secret(self, text: str) -> str:
        # A server that echoes the key must not make it part of a log, a model or an error.
        return text.replace(self._secret, "***") if self._secret else text

    def _spent(self) -> float:
        return self._clock.monotonic() - self.began


def carry_out(exchange: Exchange, send: Callable[[], httpx.Response]) -> bytes:
    """Carry out an exchange, blocking, and give the body of the answer.

    Args:
        exchange: What takes note of it.
        send: Sends the request, and gives the answer, whose body is still to come.
    """
    with exchange.under_way(), EndsWithin(exchange.timeout):
        response = send()
        try:
            exchange.begin(response)
            for part in response.iter_bytes():
                exchange.take(part)
        finally:
            response.close()
    return exchange.body()


async def carry_out_async(
    exchange: Exchange, send: Callable[[], Awaitable[httpx.Response | AsyncAnswer]]
) -> bytes:
    """Carry out an exchange in an event loop, and give the body of the answer.

    Arguments as :func:`carry_out`.
    """
    import asyncio  # importing it costs a third of importing httpx

    with exchange.under_way():
        async with asyncio.timeout(exchange.timeout):
            response = await send()
            try:
                exchange.begin(response)
                async for part in response.aiter_bytes():
                    exchange.take(part)
            finally:
                await response.aclose()
    return exchange.body()
