"""What may go wrong with one answer, as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum
from functools import reduce
from operator import and_
from typing import Final, TypeVar

import attrs

from datalab_facade.reason_phrases import reason_phrase
from datalab_facade.testing import data
from datalab_facade.testing.headers import Headers, HeadersLike
from datalab_facade.testing.jsonvalue import JSON, json_bytes

_T = TypeVar("_T")

_DETAILS: Final = {
    401: "Invalid API key provided. Set the X-API-Key header to your API key.",
    403: "You need an active, paid subscription to use this API.",
    429: (
        "Rate limit exceeded for endpoint /api/v1/workflows/executions. You can make 200 requests "
        "every 60 seconds. Please try again later, or reach out to support@datalab.to if you need "
        "a higher limit."
    ),
    529: "Overloaded",
}


class Ending(Enum):
    """How the delivery of an answer ends."""

    WHOLE = "whole"
    """With its last byte, as it should."""
    CLOSED = "closed"
    """The connection is closed in an orderly way, but early."""
    RESET = "reset"
    """The connection is reset."""
    SILENT = "silent"
    """Nothing more comes, and the connection stays open."""


@attrs.frozen
class Break:
    """An answer that breaks off."""

    ending: Ending
    after: int | None = None
    """Bytes of the body that come before it; ``None``: not even the headers come."""


@attrs.frozen
class Drip:
    """An answer that comes in small pieces."""

    size: int
    """Bytes in a piece."""
    every: float
    """Seconds before each piece."""
    headers: bool = False
    """Whether the headers drip too."""


@attrs.frozen
class Reply:
    """Status, headers and body that take the place of the real ones."""

    status: int
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Fault:
    """What goes wrong with one answer. Made by the class methods, joined by ``&``.

    ::

        Fault.status(503, headers={"Retry-After": "2"})
        Fault.delay(5) & Fault.html()
        Fault.drip(10, every=1) & Fault.cut(25)

    A fault with another status or body (:meth:`status`, :meth:`html`, ...) stands
    for a proxy or a server in trouble: the request never gets to the simulated
    service. All other faults hit the answer on its way back: the service has
    done what was asked. Where the difference matters (a submission), join
    them: ``Fault.status(503) & Fault.reset()`` is a reset that did nothing.

    A number of bytes after which an answer breaks off counts the body as it is
    sent, so after compression. A body that is no longer comes whole.
    """

    reply: Reply | None = None
    """What is answered instead; ``None``: what the service says."""
    silence: float = 0.0
    """Seconds before the first byte."""
    compressed: bool = False
    """Whether the body is compressed with gzip."""
    dripping: Drip | None = None
    """How slowly it comes; ``None``: at once."""
    broken: Break | None = None
    """Where it breaks off; ``None``: it does not."""

    def __and__(self, other: Fault) -> Fault:
        """Both faults at once; a ``ValueError`` when they disagree on a thing."""
        return Fault(
            reply=_one_of("another answer", self.reply, other.reply),
            silence=_one_of("a delay", self.silence or None, other.silence or None) or 0.0,
            compressed=self.compressed or other.compressed,
            dripping=_one_of("a drip", self.dripping, other.dripping),
            broken=_one_of("an early end", self.broken, other.broken),
        )

    @classmethod
    def nothing(cls) -> Fault:
        """No fault: lets one request pass in a queue of faults."""
        return cls()

    @classmethod
    def status(cls, status: int, body: JSON | bytes = None, headers: HeadersLike = ()) -> Fault:
        """Another status, as of a service in trouble.

        Args:
            status: any number from 200 to 999, also one that HTTP does not know (529).
            body: bytes go out as they are, anything else as JSON. ``None``: a
                ``detail`` like the service's own for that status.
            headers: are added, and replace ``Content-Type`` when they name it.
        """
        if not 200 <= status <= 999:
            message = f"a final status is a number from 200 to 999, not {status}"
            raise ValueError(message)
        if body is None:
            body = {"detail": _detail(status)}
        if isinstance(body, bytes):
            return cls(reply=Reply(status, headers, body))
        kind = Headers({"Content-Type": "application/json"})
        return cls(reply=Reply(status, kind.plus(headers), json_bytes(body)))

    @classmethod
    def html(cls, status: int = 200) -> Fault:
        """A page for people where JSON should be, as of a proxy or a login wall."""
        page = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head></html>\n"
        return cls.status(status, page, {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def invalid_json(cls) -> Fault:
        """A whole answer (200, ``application/json``) whose JSON ends in the middle."""
        half = b'{"execution_id":123,"workflow_id":456,"status":"COMPLE'
        return cls.status(200, half, {"Content-Type": "application/json"})

    @classmethod
    def redirect(cls, location: str, status: int = 307) -> Fault:
        """Go elsewhere."""
        return cls.status(status, b"", {"Location": location})

    @classmethod
    def gzip(cls) -> Fault:
        """A compressed body, whether or not the request allowed it."""
        return cls(compressed=True)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Silence before the first byte."""
        if not (seconds >= 0 and math.isfinite(seconds)):
            message = f"a delay is a number of seconds, not {seconds!r}; Fault.hang() has no end"
            raise ValueError(message)
        return cls(silence=seconds)

    @classmethod
    def hang(cls, after: int | None = None) -> Fault:
        """Silence for ever.

        Args:
            after: bytes of the body that still come; by default there is no answer at all.
        """
        return cls(broken=Break(Ending.SILENT, _bytes(after)))

    @classmethod
    def reset(cls, after: int | None = None) -> Fault:
        """The connection is reset.

        Args:
            after: bytes of the body that are sent before it; by default there is no
                answer at all. Over sockets a reset may overtake bytes sent before it.
        """
        return cls(broken=Break(Ending.RESET, _bytes(after)))

    @classmethod
    def disconnect(cls) -> Fault:
        """The connection is closed without an answer, as of a keep-alive that ran out."""
        return cls(broken=Break(Ending.CLOSED))

    @classmethod
    def cut(cls, after: int) -> Fault:
        """The connection is closed in the middle of the body, of which the headers promise more.

        Args:
            after: bytes of the body that still come.
        """
        return cls(broken=Break(Ending.CLOSED, _bytes(after)))

    @classmethod
    def drip(cls, size: int, every: float, *, headers: bool = False) -> Fault:
        """The body comes in pieces, each too soon for a read timeout.

        Args:
            size: bytes in a piece.
            every: seconds before each piece.
            headers: whether the headers come like that too.
        """
        if size < 1 or not (every >= 0 and math.isfinite(every)):
            message = f"a drip needs a piece of a byte or more and some seconds: {size}, {every}"
            raise ValueError(message)
        return cls(dripping=Drip(size, every, headers))

    def to_dict(self) -> dict[str, JSON]:
        """Plain JSON: the class methods that make this fault, with their arguments."""
        made: dict[str, JSON] = {}
        if self.reply is not None:
            made["status"] = {
                "status": self.reply.status,
                "body": data.written(self.reply.body),
                "headers": [list(pair) for pair in self.reply.headers.raw],
            }
        if self.silence:
            made["delay"] = {"seconds": self.silence}
        if self.compressed:
            made["gzip"] = {}
        if self.dripping is not None:
            made["drip"] = attrs.asdict(self.dripping)
        if self.broken is not None:
            after = {} if self.broken.after is None else {"after": self.broken.after}
            made[_ENDINGS.get(self.broken.ending) or ("cut" if after else "disconnect")] = after
        return made

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Fault:
        """Read what :meth:`to_dict` writes, or a person wrote by hand.

        Each key is the name of a class method, its value an object of the arguments;
        several are joined. A body is ``{"json": ...}``, ``{"text": "..."}`` or
        ``{"base64": "..."}``.

        >>> Fault.from_dict({"delay": {"seconds": 5}, "html": {}}) == Fault.delay(5) & Fault.html()
        True
        >>> Fault.from_dict({"drip": {"size": 0.5, "every": 1}})
        Traceback (most recent call last):
        ...
        ValueError: drip.size: a whole number is wanted, not 0.5

        Args:
            value: the fault.
            place: where it is from, for the front of errors.

        Raises:
            ValueError: it is none. The message names the place.
        """
        made = data.fields(value, place, {name: _reader_of(name) for name in _MAKERS})
        with data.complaints_from(place):
            return reduce(and_, (one for one in made.values() if isinstance(one, Fault)), cls())


def _reader_of(name: str) -> data.Reader:
    make, arguments = _MAKERS[name]
    return lambda value, place: data.made(place, make, data.fields(value, place, arguments))


_AFTER: Final[Mapping[str, data.Reader]] = {"after": data.or_null(data.whole)}
_MAKERS: Final[Mapping[str, tuple[Callable[..., Fault], Mapping[str, data.Reader]]]] = {
    "nothing": (Fault.nothing, {}),
    "status": (
        Fault.status,
        {"status": data.whole, "body": data.or_null(data.content), "headers": data.headers},
    ),
    "html": (Fault.html, {"status": data.whole}),
    "invalid_json": (Fault.invalid_json, {}),
    "redirect": (Fault.redirect, {"location": data.text, "status": data.whole}),
    "gzip": (Fault.gzip, {}),
    "delay": (Fault.delay, {"seconds": data.number}),
    "hang": (Fault.hang, _AFTER),
    "reset": (Fault.reset, _AFTER),
    "disconnect": (Fault.disconnect, {}),
    "cut": (Fault.cut, {"after": data.whole}),
    "drip": (Fault.drip, {"size": data.whole, "every": data.number, "headers": data.truth}),
}
_ENDINGS: Final[Mapping[Ending, str]] = {Ending.SILENT: "hang", Ending.RESET: "reset"}


def _bytes(count: int | None) -> int | None:
    if count is not None and count < 0:
        message = f"a number of bytes cannot be {count}"
        raise ValueError(message)
    return count


def _one_of(what: str, mine: _T | None, theirs: _T | None) -> _T | None:
    if mine is not None and theirs is not None and mine != theirs:
        message = f"two faults that both bring {what} cannot be joined: {mine!r} and {theirs!r}"
        raise ValueError(message)
    return theirs if mine is None else mine


def _detail(status: int) -> str:
    return _DETAILS.get(status) or reason_phrase(status) or f"Error {status}"
