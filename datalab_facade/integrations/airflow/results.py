"""Helpers of the operator and the sensor. Nothing here imports Airflow."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, SupportsIndex

from datalab_facade.arguments import checked_id, checked_seconds, named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.models import JSON
from datalab_facade.outputs.manifest import Manifest

_GRACE_SECONDS: Final = 300.0

# Ten years; the deadline must fit into a datetime.
_MAX_SECONDS: Final = 3.2e8

# Python refuses to convert texts of thousands of digits.
_MAX_DIGITS: Final = 100


def seconds_of(timeout: float | timedelta) -> float:
    """Return a timeout in seconds.

    Raises:
        InvalidArgumentError: It is not above 0, or longer than ten years.
    """
    seconds = checked_seconds("timeout", timeout)
    if seconds > _MAX_SECONDS:
        raise InvalidArgumentError(
            f"timeout must be at most {_MAX_SECONDS:g} seconds, not {seconds!r}"
        )
    return seconds


def deadline_after(seconds: float) -> str:
    """Return the time in a number of seconds from now, in ISO 8601, for a trigger."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def backstop(seconds: float) -> timedelta:
    """Return the longer timeout for Airflow itself, in case no triggerer runs."""
    return timedelta(seconds=seconds + _GRACE_SECONDS)


def execution_id_of(handle: Mapping[str, JSON]) -> int:
    """Return the execution's id of a handle.

    Raises:
        InvalidArgumentError: It is not a handle.
    """
    return checked_id(handle.get("id"))


def whole_number(name: str, value: object) -> int:
    """Return a whole number, which a template may have rendered as text.

    Raises:
        InvalidArgumentError: It is not a whole number.
    """
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    with contextlib.suppress(TypeError):
        if isinstance(value, SupportsIndex) and not isinstance(value, bool):
            return operator.index(value)
    raise InvalidArgumentError(f"{name} must be a whole number such as 123, not {named(value)}")


def result_of(event: WaitEvent, manifest: Manifest | None) -> dict[str, JSON]:
    """Return the value for XCom: ids, status, and what was saved; no body and no URL."""
    return {
        "execution_id": execution_id_of(event.handle),
        "handle": dict(event.handle),
        "status": None if event.status is None else str(event.status),
        "partially_failed": event.partially_failed,
        "manifest": None if manifest is None else manifest.to_dict(),
    }
