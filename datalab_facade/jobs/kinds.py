"""What a job is: everything that the engine knows of a family of jobs.

A job is submitted, polled by its id, and ends. A :class:`JobKind` says of one family how that is
done; whatever waits, watches, schedules, learns and retries knows nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import attrs

from datalab_facade.drift import Drift
from datalab_facade.errors import JobFailedError
from datalab_facade.jobs.changes import Difference, status_difference

if TYPE_CHECKING:
    from datalab_facade.errors import NotFoundError
    from datalab_facade.jobs.wait import WaitPolicy
    from datalab_facade.json_forms import JSON
    from datalab_facade.transport.operations import Operation


class JobSnapshot(Protocol):
    """A job's state at one moment, frozen."""

    @property
    def id(self) -> int | str:
        """The id by which it is polled."""
        ...

    @property
    def status(self) -> str:
        """The server's word for how it stands."""
        ...

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended, well or badly."""
        ...

    @property
    def succeeded(self) -> bool:
        """Whether the job has ended well."""
        ...

    @property
    def observed_at(self) -> datetime | None:
        """When the answer arrived, by the clock of this machine."""
        ...


@attrs.frozen(kw_only=True)
class Timing:
    """What the durations of a job are learned from; times are the server's."""

    group: str | None
    """Jobs of one group take about equally long: those of one workflow, for example. None where
    the server does not say of which group the job is."""
    created_at: datetime | None
    ended_at: datetime | None
    """None while the job goes on."""
    observed_at: datetime | None
    """When the answer arrived, by the clock of this machine."""


SnapshotT = TypeVar("SnapshotT", bound=JobSnapshot)
IdT = TypeVar("IdT", bound="int | str")


@attrs.frozen(kw_only=True, eq=False)
class JobKind(Generic[SnapshotT, IdT]):
    """A family of jobs: how one is named, polled and understood."""

    name: str
    """The family's word for one of them, in messages and in the JSON of handles."""
    snapshot_type: type[SnapshotT]
    checked_id: Callable[[object], IdT]
    """Returns an id if it is one; raises InvalidArgumentError if not."""
    poll: Callable[[IdT], Operation]
    """Returns the request that asks for the job's state."""
    decode: Callable[[JSON, IdT, datetime], tuple[SnapshotT, Iterable[Drift]]]
    """Makes a snapshot of an answer to a poll.

    Takes the body, the id that was asked for, and when the answer arrived; returns the snapshot
    and what was surprising. Raises InvalidResponseError if it is not a job, or another one."""
    failure: Callable[[SnapshotT], JobFailedError]
    """Returns the error for a job that ended badly."""
    differences: Callable[[SnapshotT | None, SnapshotT], Iterator[Difference]] = status_difference
    """Returns what changed between two snapshots, in order; before the first there is None."""
    is_queued: Callable[[SnapshotT], bool] = lambda _: False
    """Tells whether the server has not begun with the job."""
    timing: Callable[[SnapshotT], Timing | None] = lambda _: None
    """Returns what durations are learned from; None where the server does not tell."""
    runtime: Callable[[SnapshotT], float | None] = lambda _: None
    """Returns the seconds that the server says that a job took, where it says no times."""
    not_found: Callable[[NotFoundError, IdT], NotFoundError] = lambda error, _: error
    """Returns the error for a job that the server does not know, or no longer knows."""
    policy: WaitPolicy | None = None
    """How such jobs are waited for: its settings stand in for those that the caller leaves at
    their defaults. None if those suit."""
    stage: Callable[[SnapshotT], str] = lambda snapshot: str(snapshot.status)
    """Says in a few words how far the job has come, for messages."""

    def describe(self, job_id: IdT) -> str:
        """Return how a job is called in logs and messages, such as ``"execution 123"``."""
        return f"{self.name} {job_id}"
