"""One request to a server, the API or storage, and what comes of it. Nothing here does IO."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from types import TracebackType

import attrs
import httpcore
import httpx

from datalab_facade.activities import Activity
from datalab_facade.clock import Clock
from datalab_facade.decoding import decode_json
from datalab_facade.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    ConnectionSetupError,
    DatalabError,
    InvalidResponseError,
)
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import NO_ECHO, Echo
from datalab_facade.listeners import Reporter, log_fields
from datalab_facade.redaction import excerpt, redact_headers, redact_url
from datalab_facade.transport.network.framing import SurplusBytesError
from datalab_facade.transport.network.log_filter import CallersOwn, Ours
from datalab_facade.transport.network.sockets import NothingSentError

logger = logging.getLogger("datalab_facade.transport")

# Below that, what it takes at once to parse an answer is not worth a thought.
_MIN_LARGE = 1 << 20

_NO_REPORT: AbstractContextManager[None] = contextlib.nullcontext()

# What our connections raise is httpcore's; what a client of the caller's raises is httpx's.
_TIMEOUTS = (httpcore.TimeoutException, httpx.TimeoutException, TimeoutError)

# Where nobody tells how far a request has come: not one of them can have sent a byte of it.
_NEVER_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    UnicodeError,
)

# The address is at fault, and the same request will never be sent.
_NEVER_WORKS = (
    httpcore.UnsupportedProtocol,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    UnicodeError,
)


class BodyTooLongError(InvalidResponseError):
    """The body is longer than the caller wants to hold in memory."""


@attrs.frozen
class Surroundings:
    """What every exchange needs of the client it belongs to."""

    clock: Clock
    reporter: Reporter
    reached: set[str] = attrs.field(factory=set, init=False, repr=False)
    """The origins that have answered."""


@attrs.frozen
class Stored:
    """What storage said of an object that was sent there."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names."""


class Exchange:
    """One request and its answer, from the first byte to the last.

    Who carries it out does so in a ``with`` statement, which turns whatever is raised inside
    into an error of ours that names the request safely, and keeps secrets out of the log. It
    hands over what arrives with :meth:`begin` and :meth:`take`; :meth:`body` returns it whole, and
    :meth:`json` parses it.
    """

    def __init__(
        self,
        method: str,
        url: str,
        *,
        timeout: float,
        most_bytes: int,
        surroundings: Surroundings,
        echo: Echo = NO_ECHO,
        unusable: type[DatalabError] = ConfigurationError,
        operation: str | None = None,
        template: str | None = None,
        activity: Activity | None = None,
    ) -> None:
        self.method = method
        self._whole_url = url
        self._url: str | None = None
        self.timeout = timeout
        self._most_bytes = most_bytes
        self._echo = echo
        self._unusable = unusable
        self._sent: bool | None = None
        self._own: Exception | None = None
        self.is_body_incomplete = False
        """Whether the end of the body is still held back, so that nobody can act on it."""
        self._clock = surroundings.clock
        self._reporter = surroundings.reporter
        self.operation = operation
        self.template = template
        self.activity = activity
        self._is_logged = False
        self._reached = surroundings.reached
        self.began = self._clock.monotonic()
        self.status = 0
        """The status of the answer that was begun."""
        self.headers: Mapping[str, str] = {}
        """The headers of the answer that was begun, with lower-case names."""
        self._parts: list[bytes] = []
        self._size = 0

    def __enter__(self) -> None:
        self._ours = Ours()
        self._ours.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # The libraries below raise what they please, and so do those below them.
            if isinstance(error, Exception) and error is not self._own:
                self._raise_translated(error)
        finally:
            self._ours.__exit__()

    def record_event(self, event: str, details: Mapping[str, object]) -> None:
        """Record how far the request has come, as httpcore and its like tell it.

        So it is known of a submission that fails whether it can have arrived.
        """
        request = details.get("request")
        tunnel = getattr(request, "method", b"") == b"CONNECT"
        self._sent = bool(self._sent) or (
            event.endswith("send_request_headers.started") and not tunnel
        )

    async def record_event_async(self, event: str, details: Mapping[str, object]) -> None:
        """Do the same, for what awaits it."""
        self.record_event(event, details)

    def callers_own(self, pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
        """Give a body that is sent; what reading it raises or logs comes out as it is."""
        try:
            while True:
                with CallersOwn():
                    piece = next(pieces, None)
                if piece is None:
                    return
                yield piece
        except Exception as error:
            self._own = error
            raise

    async def callers_own_async(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Do the same in an event loop."""
        try:
            while True:
                with CallersOwn():
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece
        except Exception as error:
            self._own = error
            raise

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Record an answer whose body is still to come.

        Args:
            status: Its status.
            headers: Its headers, with lower-case names.
        """
        self.status = status
        self._reached.add(self._origin())
        values = "\n".join(headers.values())
        if self._echo.redact(values) != values:
            headers = {name: self._echo.redact(value) for name, value in headers.items()}
        self.headers = headers

    def take(self, part: bytes) -> None:
        """Keep a part of the body.

        Raises:
            BodyTooLongError: The body is longer than allowed.
            APITimeoutError: The time for the whole exchange is over.
        """
        self._size += len(part)
        if self._size > self._most_bytes:
            raise BodyTooLongError(
                f"{self.method} {self.url} answered with more than {self._most_bytes} bytes",
                method=self.method,
                url=self.url,
            )
        self._parts.append(part)
        if self._clock.monotonic() - self.began > self.timeout:
            raise self._timed_out("body incomplete", may_have_arrived=True)

    # Python 3.11 has one lock for a cached property of all exchanges, and a fork while
    # another thread holds it would leave it held in the child for ever.
    @property
    def url(self) -> str:
        """The address of the request, without anything secret."""
        if self._url is None:
            self._url = redact_url(self._whole_url)
        return self._url

    def count(self, part: bytes) -> None:
        """Count a part of a body that is not kept."""
        self._size += len(part)

    def body(self) -> bytes:
        """Return the body of the whole answer, and leave a line about it in the log."""
        self.log_answer()
        return self._echo.redact_bytes(b"".join(self._parts))

    def json(self) -> JSON:
        """Parse the body, once, and leave a line about it in the log.

        Raises:
            InvalidResponseError: It is not JSON.
        """
        if self._size < _MIN_LARGE:
            return decode_json(self.body())
        self.log_answer()
        from datalab_facade.long_strings import decode_json_parts

        return decode_json_parts(self._parts, self._echo.redact_bytes)

    def log_answer(self) -> None:
        """Leave a line about the answer in the log, unless there is one about its failure."""
        if self._is_logged or not logger.isEnabledFor(logging.DEBUG):
            return
        self._is_logged = True
        seconds = self._clock.monotonic() - self.began
        logger.debug(
            "%s %s -> %d in %.3f s, %d bytes %s",
            self.method,
            self.url,
            self.status,
            seconds,
            self._size,
            redact_headers(self.headers),
            extra=self._log_fields(
                seconds, status=self.status, bytes=self._size, request_id=self.request_id
            ),
        )

    def _log_fields(self, seconds: float, **more: object) -> dict[str, object]:
        known = log_fields if self.activity is None else self.activity.log_fields
        return known(
            method=self.method, url=self.url, operation=self.operation, seconds=seconds, **more
        )

    @property
    def request_id(self) -> str | None:
        """What the answer's header says that the request is called on the server."""
        sent = self.headers.get("x-request-id")
        return None if sent is None else excerpt(sent, limit=100)

    def recorded(self) -> AbstractContextManager[None]:
        """Report what is done inside as a request, if somebody listens."""
        if not self._reporter.has_listeners:
            return _NO_REPORT
        from datalab_facade.transport.request_events import report_request

        return report_request(self, self._whole_url, self._reporter)

    def _raise_translated(self, error: Exception) -> None:
        """Raise the error of ours for an error; nothing if it is one of ours already.

        Raises:
            DatalabError: Whatever else was raised is its cause, unless that tells a secret.
        """
        # A library below may wrap what reading the body raised.
        failure = self._own or self._translated(error)
        self._is_logged = True
        if logger.isEnabledFor(logging.DEBUG):
            seconds, name = self._clock.monotonic() - self.began, type(failure).__name__
            logger.debug(
                "%s %s -> %s after %.3f s",
                self.method,
                self.url,
                name,
                seconds,
                extra=self._log_fields(seconds, error=name),
            )
        if failure is error:
            if error.__suppress_context__:
                error.__context__ = error.__cause__
            return
        try:
            raise failure from failure.__cause__
        finally:
            # Without this it would remember in which error's handling it was raised.
            failure.__context__ = failure.__cause__

    def _translated(self, error: Exception) -> DatalabError:
        if isinstance(error, DatalabError):
            return error
        failure = self._failure(error)
        failure.__cause__ = error if self._echo.may_show(error) else None
        return failure

    def _failure(self, error: Exception) -> DatalabError:
        sent = self._sent
        if sent is None or isinstance(error, NothingSentError):
            sent = not isinstance(error, _NEVER_SENT)
        sent = sent and not self.is_body_incomplete
        kind = type(error).__name__
        if isinstance(error, _TIMEOUTS):
            return self._timed_out(kind, may_have_arrived=sent)
        if isinstance(error, httpx.DecodingError):
            return InvalidResponseError(
                f"{self.method} {self.url} answered with a body that does not decompress",
                method=self.method,
                url=self.url,
            )
        said = excerpt(self._echo.redact(str(error)))
        if isinstance(error, _NEVER_WORKS) and not sent:
            return self._unusable(f"{self.method} {self.url} cannot be asked: {said} ({kind})")
        from datalab_facade.transport.setup_failures import advice_on  # for what fails

        is_api = self._unusable is ConfigurationError
        advice = advice_on(error, self._whole_url, is_api=is_api)
        # What has worked before may work again: a name server or a proxy may be out of order.
        lasts = advice is not None and self._origin() not in self._reached
        return (ConnectionSetupError if lasts else APIConnectionError)(
            f"{self.method} {self.url} failed: {said or 'no details'} ({kind}). "
            f"{advice or 'Check the network, the proxy and the host name'}",
            method=self.method,
            url=self.url,
            may_have_arrived=sent,
        )

    def _origin(self) -> str:
        return self._whole_url[: self._whole_url.find("/", len("https://"))]

    def more_than_announced(self) -> SurplusBytesError:
        """Give the error for an answer that was longer than it said."""
        return SurplusBytesError(
            f"{self.method} {self.url} sent more than it announced",
            method=self.method,
            url=self.url,
            may_have_arrived=True,
        )

    def _timed_out(self, how: str, *, may_have_arrived: bool) -> APITimeoutError:
        return APITimeoutError(
            f"{self.method} {self.url} was not answered in full within "
            f"{self.timeout:.3g} s ({how})",
            method=self.method,
            url=self.url,
            may_have_arrived=may_have_arrived,
            timeout=self.timeout,
        )
