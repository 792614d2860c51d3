"""What came in, to look at afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import overload

import attrs

from datalab_facade.testing.messages import Origin, Request


@attrs.frozen(kw_only=True)
class ReceivedRequest(Request):
    """A request that came in, when, and what came of it."""

    at: float
    """The simulator's monotonic time."""
    status: int | None
    """The status answered; ``None`` when no answer was given."""


class RequestLog(Sequence[ReceivedRequest]):
    """All requests of a simulator, oldest first. Safe to read while more come in."""

    def __init__(self) -> None:
        self._entries: list[ReceivedRequest] = []
        self._lock: threading.Lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> ReceivedRequest: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ReceivedRequest]: ...
    def __getitem__(self, index: int | slice) -> ReceivedRequest | Sequence[ReceivedRequest]:
        with self._lock:
            return self._entries[index]

    def __iter__(self) -> Iterator[ReceivedRequest]:
        with self._lock:
            return iter(self._entries.copy())

    def __repr__(self) -> str:
        lines = (
            f"{one.at:.3f} {one.origin} {one.method} {one.path} -> {one.status}" for one in self
        )
        return "\n".join(("RequestLog:", *lines))

    def of(self, origin: Origin) -> list[ReceivedRequest]:
        """Those to one of the two hosts."""
        return [one for one in self if one.origin == origin]

    def add(self, entry: ReceivedRequest) -> None:
        """Note a request; the simulator does."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._entries.clear()
