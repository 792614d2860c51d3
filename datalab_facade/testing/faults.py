"""Faults of one answer, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Final, TypeVar, cast

import attrs

from datalab_facade.codec import from_json_by_hand
from datalab_facade.json_forms import InvalidJSONError, check_names, read_inside, register
from datalab_facade.reason_phrases import reason_phrase
from datalab_facade.testing import readers
from datalab_facade.testing.checking import is_finite, is_whole
from datalab_facade.testing.headers import Headers, HeadersLike
from datalab_facade.testing.jsonvalue import JSON, json_bytes

_T = TypeVar("_T")

_DEFAULT_DETAILS: Final = {
    401: "Invalid API key provided.  Set the X-API-Key header to your API key.",
    403: "You need an active, paid subscription to use this API.",
    429: (
        "Rate limit exceeded for endpoint /api/v1/workflows/executions. You can make 200 requests "
        "every 60 seconds. Please try again later, or reach out to support@datalab.to if you need "
        "a higher limit."
    ),
    529: "OverloadedError",
}


class Ending(Enum):
    """How delivery of an answer ends."""

    WHOLE = "whole"
    """After the last byte, normally."""
    CLOSED = "closed"
    """The connection is closed normally, but early."""
    RESET = "reset"
    """The connection is reset."""
    SILENT = "silent"
    """Nothing more is sent, and the connection stays open."""


@attrs.frozen
class EarlyEnd:
    """An early ending."""

    ending: Ending
    after: int | None = None
    """Bytes of the body sent before it; ``None``: not even the headers are sent."""


@attrs.frozen
class Chunking:
    """Delivery in small chunks, with a pause before each."""

    size: int
    """Bytes in a chunk."""
    every: float
    """Seconds before each chunk."""
    headers: bool = False
    """Whether the headers are sent in chunks, too."""


@attrs.frozen
class Reply:
    """Status, headers and body that replace the real ones."""

    status: int
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Fault:
    """A fault of one answer. Make one with a class method; join two with ``&``.

    ::

        Fault.status(503, headers={"Retry-After": "2"})
        Fault.delay(5) & Fault.html()
        Fault.slow(10, every=1) & Fault.truncate(25)

    A fault with another status or body (:meth:`status`, :meth:`html`, ...) acts
    like a failing proxy or server: the request never reaches the simulated
    service. All other faults affect the answer on its way back: the service has
    carried out the request. Where the difference matters (a submission), join
    them: ``Fault.status(503) & Fault.reset()`` is a reset without any effect.

    A number of bytes after which an answer ends early counts the body as it is
    sent, after compression. A body that is not longer arrives complete.
    """

    reply: Reply | None = None
    """The answer sent instead; ``None``: the answer of the service."""
    delay_seconds: float = 0.0
    """Seconds before the first byte."""
    is_compressed: bool = False
    """Whether the body is compressed with gzip."""
    chunking: Chunking | None = None
    """The chunks in which the answer is sent; ``None``: all at once."""
    early_end: EarlyEnd | None = None
    """The early end of the answer; ``None``: it is complete."""

    def __and__(self, other: Fault) -> Fault:
        """Join two faults; raise ``ValueError`` when both set the same thing differently."""
        if not isinstance(other, Fault):
            return NotImplemented
        return Fault(
            reply=_either("an answer", self.reply, other.reply),
            delay_seconds=_either(
                "a delay", self.delay_seconds or None, other.delay_seconds or None
            )
            or 0.0,
            is_compressed=self.is_compressed or other.is_compressed,
            chunking=_either("a slow delivery", self.chunking, other.chunking),
            early_end=_either("an early end", self.early_end, other.early_end),
        )

    @classmethod
    def none(cls) -> Fault:
        """Make no fault: it lets one request pass in a queue of faults."""
        return cls()

    @classmethod
    def status(cls, status: int, body: JSON | bytes = None, headers: HeadersLike = ()) -> Fault:
        """Answer with another status, like a failing service.

        Args:
            status: a number from 200 to 999; it may be unknown to HTTP (529).
            body: bytes are sent as they are, anything else as JSON. ``None``: a
                ``detail`` like the service's own for that status.
            headers: headers to add; a ``Content-Type`` replaces the default one.

        Raises:
            ValueError: the status is not such a number, or the body holds NaN.
            TypeError: the body is neither bytes nor JSON.
        """
        if not (is_whole(status, 200) and status <= 999):
            message = f"status must be a final status from 200 to 999, not {status!r}"
            raise ValueError(message)
        if body is None:
            body = {"detail": _detail(status)}
        if isinstance(body, bytes):
            return cls(reply=Reply(status, headers, body))
        kind = Headers({"Content-Type": "application/json"})
        return cls(reply=Reply(status, kind.plus(headers), json_bytes(body)))

    @classmethod
    def html(cls, status: int = 200) -> Fault:
        """Answer with an HTML page instead of JSON, like a proxy. Raises as :meth:`status`."""
        page = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head></html>\n"
        return cls.status(status, page, {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def invalid_json(cls) -> Fault:
        """Answer completely (200, ``application/json``), but with truncated JSON."""
        half = b'{"execution_id":123,"workflow_id":456,"status":"COMPLE'
        return cls.status(200, half, {"Content-Type": "application/json"})

    @classmethod
    def redirect(cls, location: str, status: int = 307) -> Fault:
        """Redirect to another location. Raises as :meth:`status`."""
        return cls.status(status, b"", {"Location": location})

    @classmethod
    def gzip(cls) -> Fault:
        """Compress the body, whether or not the request allows it."""
        return cls(is_compressed=True)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Wait some seconds before the first byte.

        Raises:
            ValueError: the number of seconds is negative, not finite, or not a number.
        """
        if not is_finite(seconds):
            message = (
                f"seconds must be a finite number, zero or more, not {seconds!r}; "
                "use Fault.hang() to never answer"
            )
            raise ValueError(message)
        return cls(delay_seconds=seconds)

    @classmethod
    def hang(cls, after: int | None = None) -> Fault:
        """Stop sending forever, and keep the connection open.

        Args:
            after: bytes of the body sent before that. Default: nothing is sent at all.

        Raises:
            ValueError: the number of bytes is negative, or not a whole number.
        """
        return cls(early_end=EarlyEnd(Ending.SILENT, _check_byte_count(after)))

    @classmethod
    def reset(cls, after: int | None = None) -> Fault:
        """Reset the connection.

        Args:
            after: bytes of the body sent before that. Default: nothing is sent at all.
                Over sockets a reset may overtake bytes sent before it.

        Raises:
            ValueError: as for :meth:`hang`.
        """
        return cls(early_end=EarlyEnd(Ending.RESET, _check_byte_count(after)))

    @classmethod
    def disconnect(cls) -> Fault:
        """Close the connection without an answer, as when a keep-alive expires."""
        return cls(early_end=EarlyEnd(Ending.CLOSED))

    @classmethod
    def truncate(cls, after: int) -> Fault:
        """Close the connection before the body is complete.

        Args:
            after: bytes of the body sent before that; the headers announce all of them.

        Raises:
            ValueError: as for :meth:`hang`.
        """
        return cls(early_end=EarlyEnd(Ending.CLOSED, _check_byte_count(after)))

    @classmethod
    def slow(cls, size: int, every: float, *, headers: bool = False) -> Fault:
        """Send the body slowly, in chunks that come too soon for a read timeout.

        Args:
            size: bytes in a chunk.
            every: seconds before each chunk.
            headers: whether to send the headers in chunks, too.

        Raises:
            ValueError: the size is not a whole number from 1 on, or the pause is not finite.
        """
        if not (is_whole(size, 1) and is_finite(every)):
            message = (
                "size must be 1 byte or more, and every a finite number of seconds, zero or more; "
                f"not {size!r} and {every!r}"
            )
            raise ValueError(message)
        return cls(chunking=Chunking(size, every, headers))

    def to_dict(self) -> dict[str, JSON]:
        """Write as JSON: the class methods that make this fault, with their arguments."""
        values: dict[str, JSON] = {}
        if self.reply is not None:
            values["status"] = {
                "status": self.reply.status,
                "body": readers.BODY.written(self.reply.body),
                "headers": [list(pair) for pair in self.reply.headers.raw],
            }
        if self.delay_seconds:
            values["delay"] = {"seconds": self.delay_seconds}
        if self.is_compressed:
            values["gzip"] = {}
        if self.chunking is not None:
            values["slow"] = attrs.asdict(self.chunking)
        if self.early_end is not None:
            after = {} if self.early_end.after is None else {"after": self.early_end.after}
            values[
                _ENDING_NAMES.get(self.early_end.ending) or ("truncate" if after else "disconnect")
            ] = after
        return values

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Fault:
        """Read what :meth:`to_dict` writes; it is also easy to write by hand.

        Each key names a class method; its value is an object with the arguments.
        Several are joined. A body is ``{"json": ...}``, ``{"text": "..."}`` or
        ``{"base64": "..."}``.

        >>> Fault.from_dict({"delay": {"seconds": 5}, "html": {}}) == Fault.delay(5) & Fault.html()
        True
        >>> Fault.from_dict({"slow": {"size": 0.5, "every": 1}})
        Traceback (most recent call last):
        ...
        ValueError: slow.size must be a whole number, not 0.5

        Args:
            value: the fault.
            place: the place of the value, for error messages.

        Raises:
            ValueError: the value is not a fault. The message names the place.
        """
        return from_json_by_hand(cls, value, place)


_OWN_FORMS: Final = {"body": readers.BODY_OR_NONE, "headers": readers.HEADERS}
_FACTORIES: Final[Mapping[str, Callable[..., Fault]]] = {
    "none": Fault.none,
    "status": Fault.status,
    "html": Fault.html,
    "invalid_json": Fault.invalid_json,
    "redirect": Fault.redirect,
    "gzip": Fault.gzip,
    "delay": Fault.delay,
    "hang": Fault.hang,
    "reset": Fault.reset,
    "disconnect": Fault.disconnect,
    "truncate": Fault.truncate,
    "slow": Fault.slow,
}
_ENDING_NAMES: Final[Mapping[Ending, str]] = {Ending.SILENT: "hang", Ending.RESET: "reset"}


def _read(value: object) -> Fault:
    if not isinstance(value, Mapping):
        raise InvalidJSONError("must be an object", value)
    check_names(value, _FACTORIES)
    fault = Fault()
    for name, factory in _FACTORIES.items():
        if name in value:
            read = partial(readers.call, factory, own=_OWN_FORMS if name == "status" else {})
            made: Fault = read_inside(f".{name}", read, value[name])
            try:
                fault &= made
            except ValueError as error:
                raise InvalidJSONError(str(error)) from error
    return fault


register(Fault, lambda fault: cast("Any", fault.to_dict()), _read)


def _check_byte_count(count: int | None) -> int | None:
    if count is not None and not is_whole(count):
        message = f"after must be a number of bytes, zero or more, not {count!r}"
        raise ValueError(message)
    return count


def _either(what: str, mine: _T | None, theirs: _T | None) -> _T | None:
    if mine is not None and theirs is not None and mine != theirs:
        message = f"two faults that both set {what} cannot be joined: {mine!r} and {theirs!r}"
        raise ValueError(message)
    return theirs if mine is None else mine


def _detail(status: int) -> str:
    return _DEFAULT_DETAILS.get(status) or reason_phrase(status) or f"Error {status}"
