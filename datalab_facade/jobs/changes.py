"""What changed between two snapshots of one job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeAlias, TypeVar

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redacted_repr
from datalab_facade.statuses import Status

if TYPE_CHECKING:
    from datalab_facade.jobs.kinds import JobSnapshot

ChangeKind: TypeAlias = Literal["job", "step", "file"]

SnapshotT = TypeVar("SnapshotT", bound="JobSnapshot")


@attrs.frozen(kw_only=True)
class Difference:
    """One status that differs between two snapshots."""

    kind: ChangeKind = "job"
    step: str | None = None
    file_key: str | None = None
    before: Status | None
    after: Status


@picklable
@attrs.frozen(kw_only=True)
class Change(ToJSON, Generic[SnapshotT]):
    """One status that changed since the last poll.

    The first poll reports everything it finds, with ``before`` None.
    """

    _json: ClassVar = JSONFormat(properties={"observed_at": "observed_at"})

    job: str
    """Which job, in words, such as ``"execution 123"``."""
    sequence: int
    """Counts from 1, without gaps, for one watch."""
    kind: ChangeKind
    """What changed: the job, a step as a whole, or a step's run for one file."""
    step: str | None = attrs.field(repr=redacted_repr)
    """The step's name; None for the job."""
    file_key: str | None = attrs.field(repr=redacted_repr)
    """The file's key; None unless ``kind`` is ``"file"``."""
    before: Status | None = attrs.field(repr=redacted_repr)
    """The status at the poll before; None if it was not there."""
    after: Status = attrs.field(repr=redacted_repr)
    snapshot: SnapshotT = attrs.field(repr=False, metadata=json_field(left_out=True))
    """The whole job, as of this poll; it has JSON of its own."""

    @property
    def observed_at(self) -> datetime | None:
        """When the poll that saw it was answered, by the clock of this machine."""
        return self.snapshot.observed_at

    def __str__(self) -> str:
        place = self.job
        if self.step is not None:
            place = self.step if self.file_key is None else f"{self.step} [{self.file_key}]"
        came_from = f"{self.before} → " if self.before is not None else ""
        return redact(f"{place}: {came_from}{self.after}")


OnChange: TypeAlias = Callable[[Change[SnapshotT]], object]
"""Called with each change as it is seen, for progress bars and the like."""
AsyncOnChange: TypeAlias = Callable[[Change[SnapshotT]], Awaitable[object] | object]
"""The same; what it returns is awaited where that is possible."""


def status_difference(before: JobSnapshot | None, after: JobSnapshot) -> Iterator[Difference]:
    """Return the difference of a job that has no steps: that of its status, if it changed."""
    if before is None or before.status != after.status:
        yield Difference(
            before=None if before is None else Status(before.status), after=Status(after.status)
        )


def changes_of(
    differences: Iterable[Difference], snapshot: SnapshotT, *, job: str, sequence: int
) -> Iterator[Change[SnapshotT]]:
    """Number what differs in a snapshot, and make a change of each, when it is asked for.

    Args:
        differences: What differs from the snapshot before.
        snapshot: The newer snapshot.
        job: The job, in words.
        sequence: The number of the first change.
    """
    for number, one in enumerate(differences, sequence):
        yield Change(
            job=job,
            sequence=number,
            kind=one.kind,
            step=one.step,
            file_key=one.file_key,
            before=one.before,
            after=one.after,
            snapshot=snapshot,
        )
