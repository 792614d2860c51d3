"""Executions, for async code: poll, wait, take the result, watch; one or many."""

from __future__ import annotations

from datalab_facade.executions.async_handles import AsyncExecutionHandle
from datalab_facade.executions.kind import EXECUTIONS, ExecutionLike
from datalab_facade.jobs.async_resource import AsyncJobs
from datalab_facade.models import Execution


class AsyncExecutions(AsyncJobs[Execution, int, ExecutionLike]):
    """Executions, for async code. Found at ``client.executions``.

    :meth:`result` raises ExecutionFailedError for an execution that ended as FAILED. One that
    ended as COMPLETED may have single files that failed all the same: see
    ``execution.partially_failed`` and ``execution.failures``.

    >>> async def follow(client, execution):
    ...     async for change in client.executions.watch(execution):
    ...         print(change)
    ...     return change.snapshot.outputs
    """

    kind = EXECUTIONS

    def handle(self, job: ExecutionLike) -> AsyncExecutionHandle:
        """Return a handle of an execution; nothing is sent.

        Args:
            job: The execution's id, a snapshot of it, a handle that was pickled or
                belongs to another client, or the dict of a handle's ``to_dict``.

        Raises:
            InvalidArgumentError: It is none of these, or the handle belongs to another
                API's address.
        """
        return AsyncExecutionHandle(id=self._id(job), jobs=self)
