"""Turn an answer and its fault into bytes, pauses and an ending.

This is decided here once, without IO; the server and the in-process transports play it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import attrs

from datalab_facade.testing.faults import Chunking, Ending
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
    if fault.delay_seconds:
        yield Pause(fault.delay_seconds)
    if fault.early_end and fault.early_end.after is None:
        yield fault.early_end.ending
        return
    yield from _chunks(head, fault.chunking if fault.chunking and fault.chunking.headers else None)


def deliver_body(answer: Answer) -> Iterator[Event]:
    """Yield the events of the body and, last, the ending."""
    body, ending = answer.body, Ending.WHOLE
    early_end = answer.fault.early_end
    if early_end and early_end.after is not None and early_end.after < len(body):
        body, ending = body[: early_end.after], early_end.ending
    yield from _chunks(body, answer.fault.chunking)
    yield ending


def wire_head(answer: Answer) -> bytes:
    """Write the status line and headers in HTTP/1.1, for a transport that does not do so itself."""
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += (f"{name}: {value}" for name, value in answer.headers.raw)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _chunks(data: bytes, chunking: Chunking | None) -> Iterator[Pause | bytes]:
    if chunking is None:
        if data:
            yield data
        return
    for start in range(0, len(data), chunking.size):
        yield Pause(chunking.every)
        yield data[start : start + chunking.size]
