"""Select the fault for each request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TypeAlias

import attrs

from datalab_facade.testing.faults import Fault
from datalab_facade.testing.messages import Origin, Request

FaultHook: TypeAlias = Callable[[Request, int], "Fault | None"]
"""Returns a fault or ``None``, from a request and its count: how many requests of the same
method, origin and path came so far, this one included. The first is 1."""


def _check_path(_: object, __: object, path: str | None) -> None:
    if path is not None and str(path)[:1] not in {*"/*?["}:
        message = (
            "path must be the beginning of a request's path, such as '/api/v1/files', or a glob, "
            f"such as '*/execute', not {path!r}"
        )
        raise ValueError(message)


def _check_origin(_: object, __: object, origin: str | None) -> None:
    if origin not in {None, "api", "storage"}:
        message = f"origin must be 'api' or 'storage', not {origin!r}"
        raise ValueError(message)


def check_fault(value: object) -> Fault:
    """Return a fault.

    Raises:
        TypeError: The value is something else; the message says what is allowed.
    """
    if isinstance(value, Fault):
        return value
    example = f"Fault.status({value})" if isinstance(value, int) else "Fault.status(503)"
    message = (
        f"a fault must be a Fault, such as {example}, Fault.reset() or Fault.hang(), not {value!r}"
    )
    raise TypeError(message)


@attrs.frozen
class Target:
    """The requests that a fault applies to."""

    path: str | None = attrs.field(validator=_check_path)
    """A prefix of the request's path or, with ``*``, ``?`` or ``[``, a glob for the whole path."""
    origin: Origin | None = attrs.field(validator=_check_origin)

    def matches(self, request: Request) -> bool:
        """Return whether the fault applies. Without path and origin, it applies to the API."""
        origin = self.origin or ("api" if self.path is None else None)
        if origin is not None and request.origin != origin:
            return False
        if self.path is None:
            return True
        if any(char in self.path for char in "*?["):
            return fnmatchcase(request.path, self.path)
        return request.path.startswith(self.path)


@attrs.define
class FaultRules:
    """Queued faults, which apply once, and hooks, which apply to every request."""

    _queue: list[tuple[Target, Fault]] = attrs.field(factory=list[tuple[Target, Fault]])
    _hooks: list[FaultHook] = attrs.field(factory=list[FaultHook])
    _counts: Counter[tuple[Origin, str, str]] = attrs.field(
        factory=Counter[tuple[Origin, str, str]]
    )

    def queue(self, faults: tuple[Fault, ...], target: Target) -> None:
        """Queue faults: one for each matching request, in order."""
        self._queue.extend([(target, check_fault(fault)) for fault in faults])

    def add_always(self, fault: Fault, target: Target) -> None:
        """Add a fault for every matching request."""
        check_fault(fault)
        self._hooks.append(lambda request, _: fault if target.matches(request) else None)

    def add_hook(self, hook: FaultHook) -> None:
        """Add a function that selects faults."""
        if not callable(hook):
            message = f"a hook must be a function of a request and its count, not {hook!r}"
            raise TypeError(message)
        self._hooks.append(hook)

    def clear(self) -> None:
        """Remove all faults; keep the counts."""
        self._queue.clear()
        self._hooks.clear()

    def reset(self) -> None:
        """Remove all faults and counts; counts would otherwise grow with every execution."""
        self.clear()
        self._counts.clear()

    def next_for(self, request: Request) -> Fault:
        """Select the fault for a request: the first queued one, else from the latest hook."""
        key = (request.origin, request.method, request.path)
        self._counts[key] += 1
        for position, (target, fault) in enumerate(self._queue):
            if target.matches(request):
                del self._queue[position]
                return fault
        for hook in reversed(self._hooks):
            selected = hook(request, self._counts[key])
            if selected is not None:
                return check_fault(selected)
        return Fault.none()
