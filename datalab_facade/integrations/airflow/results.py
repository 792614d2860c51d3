"""What the operator and the sensor have in common. Nothing here knows Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from datalab_facade.arguments import checked_id, checked_seconds
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.models import JSON
from datalab_facade.outputs.manifest import Manifest

_BACKSTOP: Final = 300.0

# Ten years; a deadline has to be a date.
_LONGEST: Final = 3.2e8


def seconds_of(timeout: float | timedelta) -> float:
    """Give the seconds of a timeout.

    Raises:
        InvalidArgumentError: It is not more than 0, or has no end.
    """
    seconds = checked_seconds("timeout", timeout)
    if seconds > _LONGEST:
        raise InvalidArgumentError(f"timeout must be at most {_LONGEST:g} seconds, not {seconds!r}")
    return seconds


def deadline_after(seconds: float) -> str:
    """Give the time in so many seconds, as a trigger takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def backstop(seconds: float) -> timedelta:
    """Give how long Airflow itself is to wait: it has the last word where no triggerer runs."""
    return timedelta(seconds=seconds + _BACKSTOP)


def execution_id_of(handle: Mapping[str, JSON]) -> int:
    """Give the execution's id of a handle.

    Raises:
        InvalidArgumentError: It is no handle.
    """
    return checked_id(handle.get("execution_id"))


def whole_number(name: str, given: object) -> int:
    """Give a number that may have come out of a template, as text.

    Raises:
        InvalidArgumentError: It is none.
    """
    if isinstance(given, str) and given.strip().isascii() and given.strip().isdigit():
        return int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise InvalidArgumentError(f"{name} must be a whole number such as 123, not {given!r}")
    return given


def result_of(event: WaitEvent, manifest: Manifest | None) -> dict[str, JSON]:
    """Give what goes into XCom: ids, how it ended, and what was saved; no body and no URL."""
    return {
        "execution_id": execution_id_of(event.handle),
        "handle": dict(event.handle),
        "status": None if event.status is None else str(event.status),
        "partially_failed": event.partially_failed,
        "manifest": None if manifest is None else manifest.to_dict(),
    }
