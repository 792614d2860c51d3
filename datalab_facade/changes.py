"""What changed between two snapshots of one execution."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from datalab_facade.models import Execution, Step, Steps
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redacted_repr
from datalab_facade.statuses import Status

ChangeKind: TypeAlias = Literal["execution", "step", "file"]


@picklable
@attrs.frozen(kw_only=True)
class Change:
    """One status that changed since the last poll.

    The first poll reports everything it finds, with ``before`` None.
    """

    sequence: int
    """Counts from 1, without gaps, for one watch."""
    kind: ChangeKind
    """What changed: the execution, a step as a whole, or a step's run for one file."""
    step: str | None = attrs.field(repr=redacted_repr)
    """The step's name; None for the execution."""
    file_key: str | None = attrs.field(repr=redacted_repr)
    """The file's key; None unless ``kind`` is ``"file"``."""
    before: Status | None = attrs.field(repr=redacted_repr)
    """The status at the poll before; None if it was not there."""
    after: Status = attrs.field(repr=redacted_repr)
    snapshot: Execution = attrs.field(repr=False)
    """The whole execution, as of this poll."""

    @property
    def observed_at(self) -> datetime | None:
        """When the poll that saw it was answered, by the clock of this machine."""
        return self.snapshot.observed_at

    def __str__(self) -> str:
        place = f"execution {self.snapshot.id}"
        if self.step is not None:
            place = self.step if self.file_key is None else f"{self.step} [{self.file_key}]"
        came_from = f"{self.before} → " if self.before is not None else ""
        return redact(f"{place}: {came_from}{self.after}")


OnChange: TypeAlias = Callable[[Change], object]
"""Called with each change as it is seen, for progress bars and the like."""
AsyncOnChange: TypeAlias = Callable[[Change], Awaitable[object] | object]
"""The same; what it gives is awaited where that is possible."""


def changes_between(
    before: Execution | None, after: Execution, *, sequence: int
) -> Iterator[Change]:
    """Tell every status that differs, files first, then their step.

    The execution itself comes first while it runs and last when it has ended,
    so that its end is also the end of the story.

    Args:
        before: The snapshot to compare with; None tells everything.
        after: The newer snapshot.
        sequence: The number for the first change.
    """
    differences = list(_differences_in_steps(before, after))
    was = before.status if before is not None else None
    if was != after.status:
        place = len(differences) if after.is_terminal else 0
        differences.insert(place, ("execution", None, None, was, after.status))
    for number, difference in enumerate(differences, sequence):
        kind, step, file_key, before_status, status = difference
        yield Change(
            sequence=number,
            kind=kind,
            step=step,
            file_key=file_key,
            before=before_status,
            after=status,
            snapshot=after,
        )


_Difference: TypeAlias = tuple[ChangeKind, str | None, str | None, Status | None, Status]


def _differences_in_steps(before: Execution | None, after: Execution) -> Iterator[_Difference]:
    old_steps = before.steps if before is not None else Steps()
    for name, step in after.steps.items():
        old = old_steps.get(name)
        if old == step:
            continue
        yield from _differences_in_files(old, step)
        was = old.status if old is not None else None
        if was != step.status:
            yield "step", name, None, was, step.status
    for name in old_steps:
        if name not in after.steps:
            yield "step", name, None, old_steps[name].status, Status.UNKNOWN


def _differences_in_files(old: Step | None, new: Step) -> Iterator[_Difference]:
    old_runs = {run.file_key: run.status for run in old.runs} if old is not None else {}
    for run in new.runs:
        was = old_runs.get(run.file_key)
        if run.file_key is not None and was != run.status:
            yield "file", new.name, run.file_key, was, run.status
