"""Tasks on a Dask cluster: start one for each output, and start it again with a new URL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

import attrs
from dask.utils import funcname
from distributed import Client, Future

from datalab_facade.client import Datalab
from datalab_facade.clock import SystemClock
from datalab_facade.errors import DatalabError, DownloadError, DownloadFailure, NotFoundError
from datalab_facade.integrations.dask_following import ClusterTasks
from datalab_facade.integrations.dask_worker import fail, fetch_and_call
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.remote_outputs import remote_output
from datalab_facade.outputs.renewing import Renewals

_T = TypeVar("_T")

MAX_RENEWALS = 3
"""How many times a task is started again with a new URL."""

RENEWAL_SECONDS = 60.0
"""The seconds that the poll for a new URL may take."""


@attrs.frozen(kw_only=True, eq=False)
class MappedOutput(Generic[_T]):
    """The result for one output, or for an execution without one."""

    execution_id: int
    execution: Execution | None
    """The final snapshot; None if the wait ended without one."""
    output: Output | None
    """The output that the function got; None if there is none."""
    future: Future[_T]
    """The function's result on the cluster, or the error that came instead."""
    _tasks: Tasks[_T] = attrs.field(repr=False, alias="tasks")
    _renewals: int = attrs.field(default=0, repr=False, alias="renewals")

    def result(self, timeout: float | timedelta | None = None) -> _T:
        """Fetch the function's result from the cluster.

        If a worker died and the URL expired before Dask ran the task again, the task
        is started once more with a new URL.

        Args:
            timeout: Seconds to wait for the result; by default without limit.

        Raises:
            ExecutionFailedError: The execution ended as FAILED.
            DownloadError: The output could not be fetched; ``reason`` says why.
            DatalabError: The wait for the execution ended without a final snapshot.
            TimeoutError: The timeout passed first.
            Exception: Any error of the function, or Dask's error for a lost task.
        """
        value: _T = self._tasks.result_of(self, timeout)
        return value


class Tasks(ClusterTasks[MappedOutput[_T]], Generic[_T]):
    """Submits tasks to the cluster. Thread-safe."""

    def __init__(
        self,
        client: Client,
        function: Callable[[Output, bytes], _T],
        datalab: Datalab,
        max_bytes: int,
        timeout: float,
    ) -> None:
        super().__init__(client, funcname(function), datalab, max_bytes, timeout)
        self._function = function
        self._executions = datalab.executions
        self._renewals = Renewals(SystemClock())

    def start(self, execution: Execution, output: Output, renewals: int = 0) -> MappedOutput[_T]:
        """Start the task for an output."""
        future: Future[_T] = self._submit(
            execution.id, fetch_and_call, self._function, output, self._fetching
        )
        return MappedOutput(
            execution_id=execution.id,
            execution=execution,
            output=output,
            future=future,
            tasks=self,
            renewals=renewals,
        )

    def fail(
        self,
        execution_id: int,
        error: Exception,
        execution: Execution | None = None,
        output: Output | None = None,
    ) -> MappedOutput[_T]:
        """Return a result whose future raises an error."""
        # Dashboards show nothing of a wrong id.
        known = execution_id if isinstance(execution_id, int) else None
        future: Future[_T] = self._submit(known, fail, error)
        return MappedOutput(
            execution_id=execution_id,
            execution=execution,
            output=output,
            future=future,
            tasks=self,
            renewals=MAX_RENEWALS,
        )

    def restart(self, mapped: MappedOutput[_T], error: DownloadError) -> MappedOutput[_T] | None:
        """Start a task again with a new URL; None if an expired URL was not the reason."""
        execution, output = mapped.execution, mapped.output
        if (
            execution is None
            or output is None
            or error.reason != DownloadFailure.EXPIRED
            or error.execution_id != output.execution_id
            or mapped._renewals >= MAX_RENEWALS  # noqa: SLF001 - of this module
        ):
            return None
        try:
            url = self._renewals.renew(
                output,
                output.url,
                RENEWAL_SECONDS,
                lambda left: self.poll(output.execution_id, timeout=left),
            )
        except NotFoundError:
            url = None
        except DatalabError as cause:
            detail = f"has a URL that expired and could not be renewed: {cause}"
            failure = remote_output(output).error(DownloadFailure.EXPIRED, detail, error.status)
            return self.fail(execution.id, failure, execution, output)
        if url is None:
            gone = "no longer exists"
            failure = remote_output(output).error(DownloadFailure.GONE, gone, error.status)
            return self.fail(execution.id, failure, execution, output)
        renewals = mapped._renewals + 1  # noqa: SLF001 - of this module
        return self.start(execution, attrs.evolve(output, url=url), renewals)

    def poll(self, execution_id: int, timeout: float | None = None) -> Execution:
        """Poll an execution, within the rate limit.

        Raises:
            DatalabError: Any error of ``client.executions.get``.
        """
        return self._executions.get(execution_id, timeout=timeout)
