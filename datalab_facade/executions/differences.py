"""What changed between two snapshots of one execution."""

from __future__ import annotations

from collections.abc import Iterator

from datalab_facade.jobs.changes import Difference
from datalab_facade.models import Execution, Step, Steps
from datalab_facade.statuses import Status


def differences(before: Execution | None, after: Execution) -> Iterator[Difference]:
    """Return every status that differs, files first, then their step.

    The execution itself comes first while it runs and last when it has ended,
    so that its end is also the end of the story.

    Args:
        before: The snapshot to compare with; None for none, so that all is new.
        after: The newer snapshot.
    """
    was = before.status if before is not None else None
    own = [Difference(before=was, after=after.status)] if was != after.status else []
    if not after.is_terminal:
        yield from own
    yield from _in_steps(before.steps if before is not None else Steps(), after.steps)
    if after.is_terminal:
        yield from own


def _in_steps(old_steps: Steps, steps: Steps) -> Iterator[Difference]:
    for name, step in steps.items():
        # Looking in vain would make the message of a KeyError.
        old = old_steps[name] if name in old_steps else None  # noqa: SIM401
        if old == step:
            continue
        yield from _in_files(old, step)
        was = old.status if old is not None else None
        if was != step.status:
            yield Difference(kind="step", step=name, before=was, after=step.status)
    for name, gone in old_steps.items():
        if name not in steps:
            yield Difference(kind="step", step=name, before=gone.status, after=Status.UNKNOWN)


def _in_files(old: Step | None, new: Step) -> Iterator[Difference]:
    old_runs = {run.file_key: run.status for run in old.runs} if old is not None else {}
    for run in new.runs:
        was = old_runs.get(run.file_key)
        if run.file_key is not None and was != run.status:
            yield Difference(
                kind="file", step=new.name, file_key=run.file_key, before=was, after=run.status
            )
