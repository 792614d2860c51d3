"""What a trigger tells the task that waits: how an execution ended, or why nobody knows.

It is stored in Airflow's database, so it holds ids and words, and no URL and no secret.
Nothing here knows Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs

from datalab_facade.errors import DatalabError, ExecutionFailedError
from datalab_facade.models import JSON, Execution
from datalab_facade.outcomes import Outcome
from datalab_facade.redaction import redact_urls
from datalab_facade.statuses import Status

TIMED_OUT = "WaitTimeoutError"
"""The kind of an event that tells that the deadline came first."""


@attrs.frozen
class WaitEvent:
    """How a wait ended."""

    handle: Mapping[str, JSON]
    """The JSON form of the execution's handle."""
    status: Status | None = None
    """How the execution ended, if it did."""
    partially_failed: bool = False
    """Whether some of its step runs failed and others did not."""
    problem: str | None = None
    """Why it did not complete, or is not known to have ended."""
    kind: str | None = None
    """The name of the error's class, if the execution is not known to have ended."""

    @classmethod
    def of(cls, handle: Mapping[str, JSON], outcome: Outcome) -> Self:
        """Tell of an outcome."""
        if outcome.error is not None:
            return cls.of_error(handle, outcome.error)
        assert outcome.execution is not None
        return cls.of_execution(handle, outcome.execution)

    @classmethod
    def of_execution(cls, handle: Mapping[str, JSON], execution: Execution) -> Self:
        """Tell of an execution that has ended."""
        problem = str(ExecutionFailedError(execution)) if execution.failed else None
        return cls(handle, execution.status, execution.partially_failed, problem)

    @classmethod
    def of_error(cls, handle: Mapping[str, JSON], error: DatalabError) -> Self:
        """Tell of an error that ended the wait."""
        return cls(handle, problem=redact_urls(str(error)), kind=type(error).__name__)

    @classmethod
    def timed_out(cls, handle: Mapping[str, JSON]) -> Self:
        """Tell that the deadline came first."""
        number = handle.get("execution_id")
        return cls(
            handle,
            problem=f"Execution {number} has not ended before the deadline. It goes on",
            kind=TIMED_OUT,
        )

    def to_dict(self) -> dict[str, JSON]:
        """Give the event as plain JSON."""
        return {
            "handle": dict(self.handle),
            "status": None if self.status is None else str(self.status),
            "partially_failed": self.partially_failed,
            "problem": self.problem,
            "kind": self.kind,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Take back what :meth:`to_dict` gave. What is not known is passed over."""
        status = data.get("status")
        return cls(
            handle=data["handle"],
            status=None if status is None else Status.parse(status),
            partially_failed=bool(data.get("partially_failed", False)),
            problem=data.get("problem"),
            kind=data.get("kind"),
        )
