"""Calls to the API: what is sent, with the key, and what an answer means. No IO."""

from __future__ import annotations

import contextlib
import inspect
import json
import warnings
from collections.abc import Callable, Mapping
from typing import NoReturn

import attrs
import httpx

from datalab_facade._version import __version__
from datalab_facade.activities import Activity
from datalab_facade.decoding import decode_failure
from datalab_facade.drift import DriftLog, announce, sighting
from datalab_facade.errors import APIStatusError, InvalidResponseError
from datalab_facade.forking import not_picklable
from datalab_facade.jobs.commands import Call
from datalab_facade.json_forms import JSON
from datalab_facade.rate_limiting.local import RateLimiter
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.transport.exchange import Exchange, Surroundings
from datalab_facade.transport.multipart import encode_form
from datalab_facade.transport.network.messages import Content, Request
from datalab_facade.transport.operations import Operation
from datalab_facade.transport.origin import Key, Origin, OriginKey, Server

USER_AGENT = f"datalab-facade/{__version__}"

# An execution of 10,000 files takes some 4 MB; whatever is larger is no answer.
_MOST_BYTES = 256 * 1024 * 1024

# A request that got its slot at the last moment is sent all the same.
_LEAST_TIMEOUT = 0.01
# No socket takes a timeout of a month.
_LONGEST_TIMEOUT = 1e6

_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "user-agent": USER_AGENT,
}

_OURS = ("datalab_facade", "datalab_api_client")
# Earlier drafts of the standard had words for it.
_NOT_DEPRECATED = frozenset({"", "false", "?0", "0", "@0"})


@attrs.frozen
class CallScope:
    """What holds for one request only."""

    call: Call
    """The seconds that it may take, and when its answer is no longer wanted."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    on_leaving: Callable[[], None] = lambda: None
    """Called once it has its slot, right before it is sent; what it raises keeps it here."""
    activity: Activity | None = None
    """What it is a part of."""
    priority: RequestPriority = RequestPriority.CALL


@attrs.frozen
class PlainAnswer:
    """An answer as it came, whatever it says."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names."""
    body: bytes = attrs.field(repr=False)


class ApiCalls:
    """Builds requests, and judges answers."""

    def __init__(
        self, origin: Origin, surroundings: Surroundings, rate_limiter: RateLimiter, drift: DriftLog
    ) -> None:
        self.origin = origin
        self._surroundings = surroundings
        self._rate_limiter = rate_limiter
        self._deprecations = DeprecationWatch(drift)
        self._key = OriginKey(origin)
        base = httpx.URL(origin.base_url)
        self._server = Server.of(base)
        self._path_prefix = base.raw_path.rstrip(b"/")
        self.date: str | None = None
        """The ``Date`` of the last answer."""

    def __reduce__(self) -> NoReturn:
        raise not_picklable()

    def begin(self, operation: Operation, scope: CallScope, key: Key) -> tuple[Exchange, Request]:
        """Begin an exchange, and build the request for it."""
        now = self._surroundings.clock.monotonic()
        left = min(scope.call.timeout, scope.call.deadline - now, _LONGEST_TIMEOUT)
        timeout = max(_LEAST_TIMEOUT, left)
        target = operation.path
        if operation.params:
            target += f"?{httpx.QueryParams(operation.params)}"
        url = self.origin.url(target)
        headers = {**_HEADERS, **operation.headers}
        for name, value in scope.headers.items():
            headers[name.lower()] = value
        self._key.add_to(headers, url, key)
        exchange = Exchange(
            operation.method,
            url,
            timeout=timeout,
            most_bytes=_MOST_BYTES,
            surroundings=self._surroundings,
            echo=key.echo,
            operation=operation.name,
            template=operation.template,
            activity=scope.activity,
        )
        request = Request(
            method=operation.method,
            url=url,
            server=self._server,
            target=self._path_prefix + target.encode("ascii"),
            headers=headers,
            content=b"" if operation.method == "GET" else _content(operation, exchange, headers),
            timeout=timeout,
            silence=None if (sent := operation.attachment) is None else min(sent.silence, timeout),
        )
        return exchange, request

    def judge(self, operation: Operation, exchange: Exchange) -> JSON:
        """Return the JSON of an answer.

        Raises:
            APIStatusError: The answer was not a success.
            InvalidResponseError: The answer was not JSON.
        """
        self._deprecations.heed(operation, exchange.headers)
        self.date = exchange.headers.get("date")
        if not 200 <= exchange.status <= 299:
            failure = decode_failure(
                exchange.status,
                exchange.body(),
                exchange.headers,
                method=exchange.method,
                url=exchange.url,
                now=self._surroundings.clock.now(),
            )
            self._slow_down(exchange, failure)
            raise failure
        self._rate_limiter.record_success()
        try:
            return exchange.json()
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
            now = self._surroundings.clock.monotonic()
            self._rate_limiter.record_refusal(
                now, sent_at=exchange.began, retry_after=failure.retry_after
            )


class DeprecationWatch:
    """Tells of operations that the API is going to end, before it does.

    The API says so in its document, and in the headers ``Deprecation`` (RFC 9745) and ``Sunset``
    (RFC 8594) of its answers.
    """

    def __init__(self, drift: DriftLog) -> None:
        self._drift = drift
        self._warned: set[str] = set()

    def heed(self, operation: Operation, headers: Mapping[str, str]) -> None:
        """Count what an answer says of the end of its operation, and warn of it once.

        A warning that a filter turns into an error is not raised: what was submitted must
        not be lost for it.

        Args:
            operation: What was asked for.
            headers: Those of the answer, with lower-case names.
        """
        deprecation, sunset = headers.get("deprecation", ""), headers.get("sunset", "")
        found: list[str] = []
        if deprecation.strip().lower() not in _NOT_DEPRECATED:
            found.append(f"Deprecation={deprecation}")
        if sunset.strip():
            found.append(f"Sunset={sunset}")
        if operation.is_deprecated:
            found.append("deprecated=true")
        if not found:
            return
        sightings = [sighting("deprecation", str(operation), name) for name in found]
        announce(self._drift, sightings)
        if str(operation) not in self._warned:
            self._warned.add(str(operation))
            said = ", ".join(one.name for one in sightings)
            with contextlib.suppress(FutureWarning):
                warnings.warn(
                    f"The Datalab API is going to end {operation} ({said}). "
                    "Check for a newer version of datalab-facade",
                    FutureWarning,
                    stacklevel=_levels_to_caller(),
                )


def _levels_to_caller() -> int:
    """Return how many frames above the caller the first function is that is not ours."""
    frame, levels = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in _OURS:
        frame, levels = frame.f_back, levels + 1
    return levels


def _content(operation: Operation, exchange: Exchange, headers: dict[str, str]) -> Content:
    """Return the body of a request, and add to the headers what describes it."""
    if operation.files is not None:
        return encode_form(operation, exchange, headers)
    if operation.json is not None:
        return json.dumps(operation.json, allow_nan=False).encode()
    return b""
