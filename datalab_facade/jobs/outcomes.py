"""What comes of waiting for many jobs at once."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

import attrs

from datalab_facade.codec import JSONFormat, ToJSON
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.changes import Change
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.pickling import picklable

_V_co = TypeVar("_V_co", covariant=True)


@picklable
@attrs.frozen(kw_only=True)
class Outcome(ToJSON, Generic[SnapshotT, IdT]):
    """How the wait for one of many jobs ended.

    Either the job ended, well or badly, and there is its final snapshot; or waiting
    for it ended before that, and there is the error that says why.

    >>> from datalab_facade import Execution, Status
    >>> Outcome(id=123, snapshot=Execution(id=123, status=Status.COMPLETED)).succeeded
    True
    """

    _json: ClassVar = JSONFormat(properties={"succeeded": "succeeded"})

    id: IdT
    snapshot: SnapshotT | None = None
    """The final snapshot; None if there is an error."""
    error: DatalabError | None = None
    """Why there is no final snapshot; None if there is one."""

    @property
    def succeeded(self) -> bool:
        """Whether the job has ended well."""
        return self.snapshot is not None and self.snapshot.succeeded

    def result(self) -> SnapshotT:
        """Return the final snapshot.

        Raises:
            DatalabError: The job has no final snapshot; this error says why.
        """
        if self.snapshot is None:
            assert self.error is not None
            raise self.error
        return self.snapshot


@picklable
@attrs.frozen(kw_only=True)
class Totals(ToJSON):
    """Counts of many jobs by their state, and of the requests so far."""

    _json: ClassVar = JSONFormat(properties={"finished": "finished", "total": "total"})

    queued: int
    """Not begun yet, not polled yet, or not read yet, where it is known how many there are."""
    running: int
    succeeded: int
    """Ended well."""
    failed: int
    """Ended badly, or given up with an error."""
    requests: int
    """Polls so far."""
    requests_left: int | None
    """Requests that the rate limit leaves for this minute; None without a rate limit."""
    eta_seconds: float | None
    """An estimate at the pace of those that ended; None at first."""

    @property
    def finished(self) -> int:
        """How many are over, well or badly."""
        return self.succeeded + self.failed

    @property
    def total(self) -> int:
        """How many there are: of a list all of them, else those that have been read."""
        return self.queued + self.running + self.finished

    def __str__(self) -> str:
        text = (
            f"{self.finished}/{self.total} finished, {self.running} running, {self.queued} queued"
        )
        if self.failed:
            text += f", {self.failed} failed"
        if self.eta_seconds is not None:
            text += f", about {self.eta_seconds:.0f} s to go"
        return text


@picklable
@attrs.frozen(kw_only=True)
class Update(ToJSON, Generic[SnapshotT, IdT]):
    """One event among many jobs: a change, an outcome, or totals that changed."""

    totals: Totals
    source: str | None = attrs.field(default=None, repr=False)
    """In a run, the file that it is about, as the caller named it, without secrets."""
    change: Change[SnapshotT] | None = None
    outcome: Outcome[SnapshotT, IdT] | None = None


@attrs.frozen
class Settled(Generic[_V_co]):
    """What is fed in place of a job where the result is known already; it comes out as it is."""

    value: _V_co
    succeeded: bool = True
    """How it counts."""
    source: str | None = None
    """What it is about, for the update."""


@attrs.frozen
class NothingYet:
    """What is fed where the next job depends on how those that go on will end."""


@attrs.frozen
class Abandoned(Generic[IdT]):
    """What is fed to end the wait for a job that nobody waits for any more."""

    id: IdT
