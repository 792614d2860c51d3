"""The event that a trigger sends to its task: how an execution ended, or why that is unknown.

Airflow stores it in its database, so it holds ids and messages, but no URL and no secret.
Nothing here imports Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs

from datalab_facade.codec import AsJSON
from datalab_facade.errors import DatalabError, ExecutionFailedError
from datalab_facade.executions.kind import ExecutionOutcome
from datalab_facade.models import JSON, Execution
from datalab_facade.redaction import redact_urls
from datalab_facade.statuses import Status

TIMED_OUT = "WaitTimeoutError"
"""The kind of an event whose deadline came first."""


@attrs.frozen
class WaitEvent(AsJSON):
    """The end of a wait."""

    handle: Mapping[str, JSON]
    """The JSON form of the execution's handle."""
    status: Status | None = None
    """The final status of the execution, if it has ended."""
    partially_failed: bool = False
    """Whether some of its step runs failed and others did not."""
    problem: str | None = None
    """Why it did not complete, or why its end is unknown."""
    kind: str | None = None
    """The name of the error's class, if its end is unknown."""

    @classmethod
    def of(cls, handle: Mapping[str, JSON], outcome: ExecutionOutcome) -> Self:
        """Build the event of an outcome."""
        if outcome.error is not None:
            return cls.of_error(handle, outcome.error)
        assert outcome.snapshot is not None
        return cls.of_execution(handle, outcome.snapshot)

    @classmethod
    def of_execution(cls, handle: Mapping[str, JSON], execution: Execution) -> Self:
        """Build the event of an execution that has ended."""
        problem = str(ExecutionFailedError(execution)) if execution.failed else None
        return cls(handle, execution.status, execution.partially_failed, problem)

    @classmethod
    def of_error(cls, handle: Mapping[str, JSON], error: DatalabError) -> Self:
        """Build the event of an error that ended the wait."""
        return cls(handle, problem=redact_urls(str(error)), kind=type(error).__name__)

    @classmethod
    def timed_out(cls, handle: Mapping[str, JSON]) -> Self:
        """Build the event of a deadline that came first."""
        number = handle.get("id")
        return cls(
            handle,
            problem=f"Execution {number} has not ended before the deadline; it is still running",
            kind=TIMED_OUT,
        )
