"""Which fault meets which request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TypeAlias

import attrs

from datalab_facade.testing.faults import Fault
from datalab_facade.testing.messages import Origin, Request

FaultHook: TypeAlias = Callable[[Request, int], "Fault | None"]
"""Decides by itself: from a request, and how many of its method, origin and path came so far
(this one included: the first is 1), to a fault or ``None``."""


@attrs.frozen
class Target:
    """The requests that a fault is meant for."""

    path: str | None
    """A prefix of the request's path or, with ``*``, ``?`` or ``[``, a glob for all of it."""
    origin: Origin | None

    def fits(self, request: Request) -> bool:
        """Whether the request is meant. Without any wish, every API request is."""
        origin = self.origin or ("api" if self.path is None else None)
        if origin is not None and request.origin != origin:
            return False
        if self.path is None:
            return True
        if any(sign in self.path for sign in "*?["):
            return fnmatchcase(request.path, self.path)
        return request.path.startswith(self.path)


@attrs.define
class FaultRules:
    """The faults still to come, and those that always come."""

    _queue: list[tuple[Target, Fault]] = attrs.field(factory=list[tuple[Target, Fault]])
    _standing: list[FaultHook] = attrs.field(factory=list[FaultHook])
    _counts: Counter[tuple[Origin, str, str]] = attrs.field(
        factory=Counter[tuple[Origin, str, str]]
    )

    def queue(self, faults: tuple[Fault, ...], target: Target) -> None:
        """Each fault for one request, in order."""
        self._queue.extend((target, fault) for fault in faults)

    def always(self, fault: Fault, target: Target) -> None:
        """One fault for every request."""
        self._standing.append(lambda request, _: fault if target.fits(request) else None)

    def hook(self, hook: FaultHook) -> None:
        """Let a function decide."""
        self._standing.append(hook)

    def clear(self) -> None:
        """Forget all faults; counts go on."""
        self._queue.clear()
        self._standing.clear()

    def forget(self) -> None:
        """Forget the counts as well, which else grow with every execution."""
        self.clear()
        self._counts.clear()

    def next_for(self, request: Request) -> Fault:
        """The fault for this request: a queued one first, else of the standing ones the latest."""
        key = (request.origin, request.method, request.path)
        self._counts[key] += 1
        for position, (target, fault) in enumerate(self._queue):
            if target.fits(request):
                del self._queue[position]
                return fault
        for hook in reversed(self._standing):
            decided = hook(request, self._counts[key])
            if decided is not None:
                return decided
        return Fault.none()
