# Generated from async_resource.py by scripts/unasync.py; change that file, not this one.
"""Executions, for blocking code: poll, wait, take the result, watch; one or many."""

from __future__ import annotations

from datalab_facade.executions.handles import ExecutionHandle
from datalab_facade.executions.kind import EXECUTIONS, ExecutionLike
from datalab_facade.jobs.resource import Jobs
from datalab_facade.models import Execution


class Executions(Jobs[Execution, int, ExecutionLike]):
    """Executions, for blocking code. Found at ``client.executions``.

    :meth:`result` raises ExecutionFailedError for an execution that ended as FAILED. One that
    ended as COMPLETED may have single files that failed all the same: see
    ``execution.partially_failed`` and ``execution.failures``.

    >>> def follow(client, execution):
    ...     for change in client.executions.watch(execution):
    ...         print(change)
    ...     return change.snapshot.outputs
    """

    kind = EXECUTIONS

    def handle(self, job: ExecutionLike) -> ExecutionHandle:
        """Return a handle of an execution; nothing is sent.

        Args:
            job: The execution's id, a snapshot of it, a handle that was pickled or
                belongs to another client, or the dict of a handle's ``to_dict``.

        Raises:
            InvalidArgumentError: It is none of these, or the handle belongs to another
                API's address.
        """
        return ExecutionHandle(id=self._id(job), jobs=self)
