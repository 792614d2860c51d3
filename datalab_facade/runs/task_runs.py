# Generated from async_task_runs.py by scripts/unasync.py; change that file, not this one.
"""How a run submits a file, and saves what came of it: what each family of jobs says of that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from datalab_facade.context import Context
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.jobs.resource import JobWaits
from datalab_facade.runs.job_family import (
    JobFamily,
    Place,
    Saved,
    Sending,
    task_digest,
    task_name,
)
from datalab_facade.runs.run_options import RunRequest
from datalab_facade.runs.run_records import RunHeader

if TYPE_CHECKING:
    from datalab_facade.client import Datalab


class TaskRun(ABC, Generic[SnapshotT, IdT]):
    """A task over files of one family of jobs, for blocking code."""

    family: ClassVar[JobFamily]

    def __init__(self, request: RunRequest, client: Datalab, context: Context) -> None:
        self.jobs: JobWaits[SnapshotT, IdT, Any] = self.family.jobs(client)
        """Waits for the jobs."""
        self._task: Any = request.task
        self._context = context

    def wanted(self, origin: str) -> RunHeader:
        """Return what the header of the journal says of this task."""
        digest, name = task_digest(self._task.to_dict()), task_name(self._task)
        return RunHeader(origin=origin, kind=self.family.kind.name, task=digest, name=name)

    def begin(self, known: RunHeader | None, wanted: RunHeader) -> RunHeader:
        """Check once what would fail for each file, and return the header.

        Args:
            known: The header of the journal, if the run was begun in an earlier call.
            wanted: What :meth:`wanted` returned.
        """
        # A wrong task is refused with the first file.
        return known or wanted

    @abstractmethod
    def start(self, sending: Sending, *, content_type: str | None) -> IdT:
        """Submit a file, once, and return the id of its job.

        If it raises, and says not that it is uncertain, nothing was submitted.
        """

    @abstractmethod
    def save(self, ended: SnapshotT, place: Place) -> Saved:
        """Save what a job left behind."""

    def cost(self, job_id: IdT, *, timeout: float) -> float | None:
        """Ask what a job that was saved has cost; None if that is not known.

        Args:
            job_id: The job.
            timeout: Seconds for all of it.
        """
        del job_id, timeout
        return None
