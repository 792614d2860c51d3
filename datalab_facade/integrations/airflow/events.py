"""The event that a trigger sends to its task: how a job ended, or why that is unknown.

Airflow stores it in its database, so it holds ids and messages, but no URL and no secret.
Nothing here imports Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import attrs

from datalab_facade.codec import AsJSON
from datalab_facade.errors import InvalidArgumentError, NotFoundError, ResultExpiredError
from datalab_facade.integrations.airflow.families import family_of
from datalab_facade.integrations.airflow.permanence import is_permanent
from datalab_facade.jobs.kinds import JobSnapshot
from datalab_facade.jobs.outcomes import Outcome
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import redact_urls
from datalab_facade.statuses import Status

TIMED_OUT = "WaitTimeoutError"
"""The kind of an event whose deadline came first."""

_GONE: Final = frozenset(error.__name__ for error in (NotFoundError, ResultExpiredError))


@attrs.frozen
class WaitEvent(AsJSON):
    """The end of a wait."""

    handle: Mapping[str, JSON]
    """The JSON form of the job's handle."""
    status: Status | None = None
    """The final status of the job, if it has ended."""
    partially_failed: bool = False
    """Whether some parts of it failed and others did not."""
    problem: str | None = None
    """Why it did not complete, or why its end is unknown."""
    kind: str | None = None
    """The name of the error's class, if its end is unknown."""
    permanent: bool = False
    """Whether another try of the task would meet that error again."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build an event of what :meth:`to_dict` returned, in this release or another one.

        Raises:
            InvalidArgumentError: A field without a default is missing, or is something else.
        """
        try:
            return super().from_dict(data)
        except InvalidArgumentError as error:
            problem = str(error)
        raise InvalidArgumentError(
            f"{problem}. Run one release of datalab-facade in workers and triggerers, then clear "
            f"the task, which waits for the same job"
        )

    @classmethod
    def of(cls, handle: Mapping[str, JSON], outcome: Outcome[JobSnapshot, int | str]) -> Self:
        """Build the event of an outcome."""
        if outcome.error is not None:
            return cls.of_error(handle, outcome.error)
        assert outcome.snapshot is not None
        return cls.of_snapshot(handle, outcome.snapshot)

    @classmethod
    def of_snapshot(cls, handle: Mapping[str, JSON], snapshot: JobSnapshot) -> Self:
        """Build the event of a job that has ended."""
        family = family_of(handle)
        problem = None
        if family.has_failed(snapshot):
            problem = redact_urls(str(family.kind.failure(snapshot)))
        partially = bool(getattr(snapshot, "partially_failed", False))
        return cls(handle, Status.parse(snapshot.status), partially, problem)

    @classmethod
    def of_error(cls, handle: Mapping[str, JSON], error: Exception) -> Self:
        """Build the event of an error that ended the wait."""
        return cls(
            handle,
            problem=redact_urls(str(error)),
            kind=type(error).__name__,
            permanent=is_permanent(error),
        )

    @classmethod
    def timed_out(cls, handle: Mapping[str, JSON]) -> Self:
        """Build the event of a deadline that came first."""
        job_id = handle.get("id")
        job = family_of(handle).describe(job_id if isinstance(job_id, (int, str)) else "?")
        return cls(
            handle,
            problem=f"{job} has not ended before the deadline; it is still running",
            kind=TIMED_OUT,
        )

    def is_final(self, *, retry_failed: bool) -> bool:
        """Tell whether the next try of the task would meet the same problem."""
        if self.kind is None or self.kind in _GONE:
            return not retry_failed
        return self.permanent

    def to_result(self, manifest: dict[str, JSON] | None = None) -> dict[str, JSON]:
        """Return the value for XCom: ids, status, and what was saved; no body and no URL."""
        return {
            "job_id": self.handle.get("id"),
            "handle": dict(self.handle),
            "status": None if self.status is None else str(self.status),
            "partially_failed": self.partially_failed,
            "manifest": manifest,
        }
