"""A request and an answer, as values."""

from __future__ import annotations

from http.client import responses
from typing import Literal, TypeAlias
from urllib.parse import parse_qs

import attrs

from datalab_facade.testing.faults import Fault
from datalab_facade.testing.headers import Headers, HeadersLike
from datalab_facade.testing.jsonvalue import JSON, json_bytes

Origin: TypeAlias = Literal["api", "storage"]
"""The host of a request: the API, or the object storage that holds files and outputs."""


@attrs.frozen
class Request:
    """A request as the simulator receives it."""

    origin: Origin
    method: str
    path: str
    """As received: percent-encoded, without the query."""
    query: str = ""
    """As received, without the question mark."""
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = b""

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter, decoded; ``None`` if it is missing."""
        values = parse_qs(self.query, keep_blank_values=True).get(name)
        return values[0] if values else None


@attrs.frozen
class Answer:
    """An answer, and the fault of its delivery."""

    status: int
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = b""
    fault: Fault = attrs.field(factory=Fault)
    """How the answer is delivered. A reply of the fault has already replaced status and body."""

    @property
    def reason(self) -> str:
        """The reason phrase of the status; empty for a status unknown to HTTP."""
        return responses.get(self.status, "")


def json_answer(status: int, value: JSON, headers: HeadersLike = ()) -> Answer:
    """Make an answer whose body is JSON."""
    kind = Headers({"Content-Type": "application/json"})
    return Answer(status, kind.plus(headers), json_bytes(value))
