"""The executions of a client, followed in a thread, with a task on the cluster for each output."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from datalab_facade.clock import Clock
from datalab_facade.errors import (
    DatalabError,
    DownloadError,
    DownloadFailure,
    ExecutionFailedError,
    WaitTimeoutError,
)
from datalab_facade.executions.kind import ExecutionLike
from datalab_facade.executions.resource import Executions
from datalab_facade.integrations.dask_tasks import MappedOutput, Tasks
from datalab_facade.jobs.outcomes import Outcome
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import Execution
from datalab_facade.redaction import redact_name

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionOutcome

_T = TypeVar("_T")

_STOP_CHECK_SECONDS = 0.5
"""Seconds between two checks of a sleeping wait whether it must stop."""

_CLIENT_CHECK_SECONDS = 5.0
"""Seconds without a result after which the status of the cluster's client is checked."""


class OutputMapping(Generic[_T]):
    """One call of :func:`map_outputs`: a thread waits, and the caller takes the results.

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
        self._tasks = tasks
        self._stopping = threading.Event()
        self._executions = _make_stoppable(executions, self._stopping)
        self._outcomes: Generator[ExecutionOutcome, None, None] | None = None
        self._steps = steps
        self._room = threading.Semaphore(max_in_flight)
        self._has_paused = False
        self._lock = threading.Lock()
        self._in_flight: set[MappedOutput[_T]] = set()
        self._done: SimpleQueue[MappedOutput[_T] | _End] = SimpleQueue()

    def wait_for(
        self, executions: Iterable[ExecutionLike], concurrency: int, policy: WaitPolicy | None
    ) -> None:
        """Set the executions to wait for, and how; nothing is sent yet.

        Raises:
            InvalidArgumentError: An argument is wrong.
        """
        self._outcomes = self._executions.as_completed(
            executions, concurrency=concurrency, policy=policy
        )

    def results(self) -> Generator[MappedOutput[_T], None, None]:
        """Yield results until all are done."""
        threading.Thread(target=self._wait, name="datalab-map", daemon=True).start()
        end: _End | None = None
        try:
            while end is None or self._in_flight:
                try:
                    done = self._done.get(timeout=_CLIENT_CHECK_SECONDS)
                except Empty:
                    # A closed client reports nothing about its pending tasks.
                    self._tasks.check_client()
                    continue
                if isinstance(done, _End):
                    end = done
                    if end.lost_cluster:
                        break
                elif not self._restart_expired(done):
                    with self._lock:
                        self._in_flight.discard(done)
                    self._room.release()
                    yield done
        finally:
            self._stop()
        if end is not None and end.error is not None:
            raise end.error

    def _restart_expired(self, done: MappedOutput[_T]) -> bool:
        error = done.future.exception() if done.future.status == "error" else None
        if not isinstance(error, DownloadError):
            return False
        newer = self._tasks.restart(done, error)
        if newer is None:
            return False
        with self._lock:
            self._in_flight.discard(done)
        self._follow(newer)
        return True

    def _wait(self) -> None:
        end = _End()
        assert self._outcomes is not None
        try:
            with contextlib.closing(self._outcomes) as outcomes:
                for outcome in outcomes:
                    self._begin(outcome)
        except _StoppedError:
            return
        except _ClusterLostError as lost:
            end = _End(lost.error, lost_cluster=True)
        except Exception as error:  # noqa: BLE001 - raised where results are taken
            end = _End(error)
        self._done.put(end)

    def _begin(self, outcome: ExecutionOutcome) -> None:
        outcome = self._poll_again(outcome)
        execution, tasks = outcome.snapshot, self._tasks
        if execution is None:
            error = outcome.error
            assert error is not None
            self._put(partial(tasks.fail, outcome.id, error))
        elif execution.failed:
            failure = ExecutionFailedError(execution)
            self._put(partial(tasks.fail, execution.id, failure, execution))
        else:
            outputs = [
                output
                for output in execution.outputs
                if self._steps is None or output.step in self._steps
            ]
            for output in outputs:
                self._put(partial(tasks.start, execution, output))
            if not outputs:
                no_output = self._no_output(execution)
                self._put(partial(tasks.fail, execution.id, no_output, execution))

    def _poll_again(self, outcome: ExecutionOutcome) -> ExecutionOutcome:
        """Poll an execution again if its wait timed out, perhaps because waiting has paused."""
        if not (self._has_paused and isinstance(outcome.error, WaitTimeoutError)):
            return outcome
        with contextlib.suppress(DatalabError):
            execution = self._tasks.poll(outcome.id)
            if execution.is_terminal:
                return Outcome(id=outcome.id, snapshot=execution)
        return outcome

    def _put(self, begin: Callable[[], MappedOutput[_T]]) -> None:
        if not self._room.acquire(blocking=False):
            self._has_paused = True
            self._room.acquire()
        if self._stopping.is_set():
            raise _StoppedError
        try:
            self._follow(begin())
        except Exception as error:
            raise _ClusterLostError(error) from error

    def _follow(self, mapped: MappedOutput[_T]) -> None:
        with self._lock:
            self._in_flight.add(mapped)
            if self._stopping.is_set():
                mapped.future.release()
        mapped.future.add_done_callback(lambda _: self._done.put(mapped))

    def _no_output(self, execution: Execution) -> DownloadError:
        steps = "" if self._steps is None else f" of {', '.join(map(redact_name, self._steps))}"
        return DownloadError(
            f"Execution {execution.id} has completed, but it has no output{steps}",
            execution_id=execution.id,
            reason=DownloadFailure.GONE,
        )

    def _stop(self) -> None:
        self._stopping.set()
        self._room.release()
        with self._lock:
            for mapped in self._in_flight:
                mapped.future.release()
            self._in_flight.clear()


@attrs.frozen
class _End:
    """The end of the wait."""

    error: Exception | None = None
    lost_cluster: bool = False
    """Whether no pending task can deliver a result."""


class _StoppedError(Exception):
    """The caller has stopped taking results."""


class _ClusterLostError(Exception):
    """The cluster accepts no more tasks."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _StoppableClock:
    """A clock whose sleeps end soon after the wait is stopped."""

    def __init__(self, clock: Clock, stopping: threading.Event) -> None:
        self._clock = clock
        self._stopping = stopping

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        remaining = seconds
        while remaining > 0:
            if self._stopping.is_set():
                raise _StoppedError
            self._clock.sleep(min(remaining, _STOP_CHECK_SECONDS))
            remaining = end - self.monotonic()

    async def sleep_async(self, seconds: float) -> None:
        await self._clock.sleep_async(seconds)


def _make_stoppable(executions: Executions, stopping: threading.Event) -> Executions:
    """Return a client's executions with a clock that stops waits on an event."""
    context = executions._context  # noqa: SLF001 - only the clock differs
    clock = _StoppableClock(context.clock, stopping)
    transport = executions._transport  # noqa: SLF001
    return Executions(transport, attrs.evolve(context, clock=clock))
