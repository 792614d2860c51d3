"""Calls the listeners of a client, whatever they raise."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from datalab_facade.arguments import checked_iterable, checked_plain_function, named
from datalab_facade.clock import Clock, SystemClock
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from datalab_facade.events import Event, Listener

logger = logging.getLogger("datalab_facade.events")


class Reporter:
    """Passes events on to the listeners of one client."""

    __slots__ = ("_failed", "_listeners", "clock", "has_listeners")

    def __init__(self, listeners: Iterable[Listener], clock: Clock) -> None:
        self._listeners = tuple(listeners)
        self._failed: set[int] = set()
        self.clock = clock
        self.has_listeners = bool(self._listeners)

    def report(self, event: Event, *, backwards: bool = False) -> None:
        """Call all listeners.

        Args:
            event: What happened.
            backwards: Call the last one first: at the end of something, so that what listeners
                put up at its beginning is taken down in the opposite order.
        """
        for listener in reversed(self._listeners) if backwards else self._listeners:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - code of the caller's must not break a request
                if id(listener) not in self._failed:
                    self._failed.add(id(listener))
                    _log_failed_listener(listener, event, error)


SILENT: Final = Reporter((), SystemClock())
"""For those who have no client."""


def checked_listeners(listeners: object) -> tuple[Listener, ...]:
    """Return the listeners of a client.

    Raises:
        InvalidArgumentError: They are not functions, or not an iterable of them.
    """
    if callable(listeners):
        raise InvalidArgumentError("listeners must be a list: pass [listener]")
    found: tuple[Listener, ...] = tuple(checked_iterable("listeners", listeners))  # type: ignore[arg-type]
    for listener in found:
        if not callable(listener):
            raise InvalidArgumentError(f"Each listener must be callable, not {named(listener)}")
        checked_plain_function("A listener", listener)
    return found


def log_fields(**fields: object) -> dict[str, object]:
    """Return fields for a record of the log, without those that are None.

    Their names have a prefix: a field that a program's own record factory sets, such as
    ``request_id``, must not be set again, or logging raises.

    >>> log_fields(status=200, error=None)
    {'datalab_status': 200}
    """
    return {f"datalab_{name}": value for name, value in fields.items() if value is not None}


def _log_failed_listener(listener: Listener, event: Event, error: Exception) -> None:
    # The lines of a traceback may hold what must not be shown, and so may the error's causes.
    frames = traceback.extract_tb(error.__traceback__)[1:]
    where = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - it is code of the caller's
        said = "?"
    logger.error(
        "Listener %s raised %s, at %s. Nothing else is disturbed; further errors of this listener "
        "are not logged",
        named(listener),
        excerpt(f"{type(error).__name__}: {said}"),
        where or "?",
        extra=log_fields(error=type(error).__name__, event=type(event).__name__),
    )
