"""How long tasks wait. Nothing here imports Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from datalab_facade.arguments import checked_seconds
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.jobs.wait import WaitPolicy

DEFAULT_TIMEOUT: Final = WaitPolicy().timeout
"""The default for the seconds that each try of a task waits: two hours."""

_GRACE_SECONDS: Final = 300.0

# Ten years; the deadline must fit into a datetime.
_MAX_SECONDS: Final = 3.2e8


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


def bounded(timeout: float, execution_timeout: timedelta | None, spent: float) -> float:
    """Return the seconds that a task may wait, with what Airflow allows for all of a try.

    Airflow itself counts that for each process alone, and not at all while a task is deferred.

    Args:
        timeout: The task's own timeout.
        execution_timeout: That of Airflow, if there is one.
        spent: The seconds that the try has taken so far.
    """
    if execution_timeout is None:
        return timeout
    return min(timeout, max(1.0, execution_timeout.total_seconds() - spent))


def deadline_after(seconds: float) -> str:
    """Return the time in a number of seconds from now, in ISO 8601, for a trigger."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def backstop(seconds: float) -> timedelta:
    """Return the longer timeout for Airflow itself, in case no triggerer runs."""
    return timedelta(seconds=seconds + _GRACE_SECONDS)
