"""One request and one answer, as values."""

from __future__ import annotations

from http.client import responses
from typing import Literal, TypeAlias
from urllib.parse import parse_qs

import attrs

from datalab_facade.testing.faults import Fault
from datalab_facade.testing.headers import Headers, HeadersLike
from datalab_facade.testing.jsonvalue import JSON, json_bytes

Origin: TypeAlias = Literal["api", "storage"]
"""Where a request goes: to the API, or to the object storage that holds the outputs."""


@attrs.frozen
class Request:
    """One request as the simulator sees it."""

    origin: Origin
    method: str
    path: str
    """As it came: percent-encoded, without the query."""
    query: str = ""
    """As it came, without the question mark."""
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = b""

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, decoded; ``None`` when it is not there."""
        values = parse_qs(self.query, keep_blank_values=True).get(name)
        return values[0] if values else None


@attrs.frozen
class Answer:
    """One answer, and what is to go wrong on its way back."""

    status: int
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = b""
    fault: Fault = attrs.field(factory=Fault)
    """How it is delivered. What the fault replaces is replaced already."""

    @property
    def reason(self) -> str:
        """The phrase behind the status on the wire; empty for one that HTTP does not know."""
        return responses.get(self.status, "")


def json_answer(status: int, value: JSON, headers: HeadersLike = ()) -> Answer:
    """An answer whose body is JSON."""
    kind = Headers({"Content-Type": "application/json"})
    return Answer(status, kind.plus(headers), json_bytes(value))
