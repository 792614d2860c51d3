"""How an answer and its fault become bytes, pauses and an end.

Decided here once, without IO; the server and the in-process transports carry it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import attrs

from datalab_facade.testing.faults import Drip, Ending
from datalab_facade.testing.messages import Answer


@attrs.frozen
class Pause:
    """Nothing is sent for some seconds."""

    seconds: float


Event: TypeAlias = Pause | bytes | Ending
"""A pause, bytes to send, or the end: nothing comes after an :class:`Ending`."""


def deliver_head(answer: Answer, head: bytes) -> Iterator[Event]:
    """Everything up to the end of the headers; an ending only when it ends there.

    Args:
        answer: what is delivered.
        head: its status line and headers as they go over the wire.
    """
    fault = answer.fault
    if fault.silence:
        yield Pause(fault.silence)
    if fault.broken and fault.broken.after is None:
        yield fault.broken.ending
        return
    yield from _pieces(head, fault.dripping if fault.dripping and fault.dripping.headers else None)


def deliver_body(answer: Answer) -> Iterator[Event]:
    """The body and, last, how it ends."""
    body, ending = answer.body, Ending.WHOLE
    broken = answer.fault.broken
    if broken and broken.after is not None and broken.after < len(body):
        body, ending = body[: broken.after], broken.ending
    yield from _pieces(body, answer.fault.dripping)
    yield ending


def wire_head(answer: Answer) -> bytes:
    """The status line and headers in HTTP/1.1, for a transport that has no wire of its own."""
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += (f"{name}: {value}" for name, value in answer.headers.raw)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _pieces(data: bytes, drip: Drip | None) -> Iterator[Pause | bytes]:
    if drip is None:
        if data:
            yield data
        return
    for start in range(0, len(data), drip.size):
        yield Pause(drip.every)
        yield data[start : start + drip.size]
