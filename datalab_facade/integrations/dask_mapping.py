"""The executions of a client, followed in a thread, with a task on the cluster for each output."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from datalab_facade.errors import DownloadError, DownloadFailure, ExecutionFailedError
from datalab_facade.executions.kind import ExecutionLike
from datalab_facade.executions.resource import Executions
from datalab_facade.integrations.client_parts import with_clock
from datalab_facade.integrations.dask_following import Following
from datalab_facade.integrations.dask_tasks import MappedOutput, Tasks
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import Execution
from datalab_facade.redaction import redact_name

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionOutcome

_T = TypeVar("_T")


class OutputMapping(Following[MappedOutput[_T]]):
    """One call of :func:`map_outputs`.

    Args:
        tasks: Submits tasks to the cluster.
        executions: The executions of the client that waits.
        steps: The names of the steps whose outputs to process; None for all.
        max_in_flight: The most tasks that may be unfinished or not taken.
    """

    def __init__(
        self,
        tasks: Tasks[_T],
        executions: Executions,
        steps: frozenset[str] | None,
        max_in_flight: int,
    ) -> None:
        super().__init__(tasks, max_in_flight)
        self._tasks = tasks
        self._waits = with_clock(executions, self.stoppable)
        self._outcomes: Generator[ExecutionOutcome, None, None] | None = None
        self._steps = steps

    def wait_for(
        self, executions: Iterable[ExecutionLike], concurrency: int, policy: WaitPolicy | None
    ) -> None:
        """Set the executions to wait for, and how; nothing is sent yet.

        Raises:
            InvalidArgumentError: An argument is wrong.
        """
        self._outcomes = self._waits.as_completed(
            executions, concurrency=concurrency, policy=policy
        )

    def wait(self) -> None:
        """Wait for the executions, and start a task for each output."""
        assert self._outcomes is not None
        with contextlib.closing(self._outcomes) as outcomes:
            for outcome in outcomes:
                self._begin(self.poll_again(outcome, self._tasks.poll))

    def _begin(self, outcome: ExecutionOutcome) -> None:
        execution, tasks = outcome.snapshot, self._tasks
        if execution is None:
            error = outcome.error
            assert error is not None
            self.put(partial(tasks.fail, outcome.id, error))
        elif execution.failed:
            failure = ExecutionFailedError(execution)
            self.put(partial(tasks.fail, execution.id, failure, execution))
        else:
            outputs = [
                output
                for output in execution.outputs
                if self._steps is None or output.step in self._steps
            ]
            for output in outputs:
                self.put(partial(tasks.start, execution, output))
            if not outputs:
                no_output = self._no_output(execution)
                self.put(partial(tasks.fail, execution.id, no_output, execution))

    def _no_output(self, execution: Execution) -> DownloadError:
        steps = "" if self._steps is None else f" of {', '.join(map(redact_name, self._steps))}"
        return DownloadError(
            f"Execution {execution.id} has completed, but it has no output{steps}",
            execution_id=execution.id,
            reason=DownloadFailure.GONE,
        )
