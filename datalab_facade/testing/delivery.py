"""Turn an answer and its fault into bytes, pauses and an ending.

This is decided here once, without IO; the server and the in-process transports play it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import attrs

from datalab_facade.testing.faults import Drip, Ending
from datalab_facade.testing.messages import Answer


@attrs.frozen
class Pause:
    """A pause of some seconds in which nothing is sent."""

    seconds: float


Event: TypeAlias = Pause | bytes | Ending
"""A pause, bytes to send, or the end: an :class:`Ending` is always the last event."""


def deliver_head(answer: Answer, head: bytes) -> Iterator[Event]:
    """Yield the events up to the end of the headers; an ending only if delivery stops there.

    Args:
        answer: the answer to deliver.
        head: the status line and headers as sent over the wire.
    """
    fault = answer.fault
    if fault.silence:
        yield Pause(fault.silence)
    if fault.broken and fault.broken.after is None:
        yield fault.broken.ending
        return
    yield from _chunks(head, fault.dripping if fault.dripping and fault.dripping.headers else None)


def deliver_body(answer: Answer) -> Iterator[Event]:
    """Yield the events of the body and, last, the ending."""
    body, ending = answer.body, Ending.WHOLE
    broken = answer.fault.broken
    if broken and broken.after is not None and broken.after < len(body):
        body, ending = body[: broken.after], broken.ending
    yield from _chunks(body, answer.fault.dripping)
    yield ending


def wire_head(answer: Answer) -> bytes:
    """Write the status line and headers in HTTP/1.1, for a transport that does not do so itself."""
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += (f"{name}: {value}" for name, value in answer.headers.raw)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _chunks(data: bytes, drip: Drip | None) -> Iterator[Pause | bytes]:
    if drip is None:
        if data:
            yield data
        return
    for start in range(0, len(data), drip.size):
        yield Pause(drip.every)
        yield data[start : start + drip.size]
