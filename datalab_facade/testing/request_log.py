"""A log of the received requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import overload

import attrs

from datalab_facade.testing.messages import Origin, Request


@attrs.frozen(kw_only=True)
class ReceivedRequest(Request):
    """A received request, with its time and the status of its answer."""

    at: float
    """When it was received: seconds on the simulator's monotonic clock."""
    status: int | None
    """The status of the answer; ``None`` if there was no answer."""


class RequestLog(Sequence[ReceivedRequest]):
    """All requests to a simulator, oldest first. Safe to read while more arrive."""

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
            f"{entry.at:.3f} {entry.origin} {entry.method} {entry.path} -> {entry.status}"
            for entry in self
        )
        return "\n".join(("RequestLog:", *lines))

    def of(self, origin: Origin) -> list[ReceivedRequest]:
        """Return the requests to one of the two hosts."""
        return [entry for entry in self if entry.origin == origin]

    def add(self, entry: ReceivedRequest) -> None:
        """Add a request; called by the simulator."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Remove all requests."""
        with self._lock:
            self._entries.clear()
