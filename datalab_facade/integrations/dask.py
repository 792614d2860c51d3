"""Process the outputs of many executions on a Dask cluster (extra ``dask``).

One process has the API key and waits for all executions, with one rate limiter. The workers
receive presigned URLs, fetch outputs from storage, and run the user's function; they send
nothing to the API. See :func:`map_outputs`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar, cast
from uuid import uuid4

import attrs

from datalab_facade.arguments import (
    checked_count,
    checked_iterable,
    checked_seconds,
    checked_text,
    named,
)
from datalab_facade.client import Datalab
from datalab_facade.clock import Clock, SystemClock
from datalab_facade.errors import (
    ClientStateError,
    DatalabError,
    DownloadError,
    DownloadFailure,
    ExecutionFailedError,
    InvalidArgumentError,
    NotFoundError,
    WaitTimeoutError,
)
from datalab_facade.executions.kind import ExecutionLike
from datalab_facade.executions.resource import Executions
from datalab_facade.jobs.outcomes import Outcome
from datalab_facade.jobs.scheduling import DEFAULT_CONCURRENCY
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.remote_outputs import remote_output
from datalab_facade.outputs.renewing import Renewals
from datalab_facade.redaction import redact_name
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.sinks import DEFAULT_MAX_BYTES

if TYPE_CHECKING:
    from datalab_facade.executions.kind import ExecutionOutcome

try:
    from dask.utils import funcname
    from distributed import Client, Future, default_client
    from distributed.protocol.pickle import dumps

    from datalab_facade.integrations.dask_worker import Fetching, fail, fetch_and_call
except ModuleNotFoundError as missing:
    _message = "map_outputs needs distributed: pip install 'datalab-facade[dask]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

_T = TypeVar("_T")

_MIN_IN_FLIGHT = 32
_IN_FLIGHT_PER_THREAD = 4

_MAX_RENEWALS = 3
_RENEWAL_SECONDS = 60.0

_STOP_CHECK_SECONDS = 0.5
"""Seconds between two checks of a sleeping wait whether it must stop."""

_CLIENT_CHECK_SECONDS = 5.0
"""Seconds without a result after which the status of the cluster's client is checked."""


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
    _tasks: _Tasks[_T] = attrs.field(repr=False, alias="tasks")
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
        seconds = None if timeout is None else checked_seconds("timeout", timeout)
        mapped = self
        while True:
            try:
                value: _T = mapped.future.result(seconds)
            except DownloadError as error:
                newer = self._tasks.restart(mapped, error)
                if newer is None:
                    raise
                mapped = newer
            else:
                return value


def map_outputs(
    executions: Iterable[ExecutionLike],
    function: Callable[[Output, bytes], _T],
    *,
    datalab: Datalab,
    client: Client | None = None,
    steps: Iterable[str] | None = None,
    max_in_flight: int | None = None,
    concurrency: int = DEFAULT_CONCURRENCY,
    policy: WaitPolicy | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    timeout: float | timedelta = DEFAULT_TIMEOUT,
) -> Generator[MappedOutput[_T], None, None]:
    """Run a function on each output of many executions, on a Dask cluster, as they end.

    ::

        def pages(output, data):
            return len(json.loads(data)["pages"])

        with Client("scheduler:8786"), Datalab() as datalab:
            for mapped in map_outputs(ids, pages, datalab=datalab, steps=["parse"]):
                print(mapped.execution_id, mapped.result())

    The calling process waits, with ``datalab.executions.as_completed``. Each output of
    an execution that has completed becomes a task: a worker fetches the output and
    calls the function. An execution that failed has one future, with
    ExecutionFailedError. So has an execution whose wait failed, with the error of the
    wait, and one that completed without an output of these steps, with DownloadError.
    A failed step run of a completed execution has no future; see
    ``mapped.execution.failures``.

    Tasks of a worker that dies run again on other workers. If workers are slower than
    the API, the wait pauses, and no more executions are read.

    The scheduler and the workers receive the function, the output with its presigned
    URL, and the limits below, but never the API key. The calling process renews expired
    URLs.

    Args:
        executions: The executions: ids, snapshots, handles or their JSON forms. They
            are read as there is room, so they may be many, or still being produced.
        function: Called on a worker with the output and its bytes. It must pickle. It
            may be called more than once for an output, if a worker dies.
        datalab: The client that waits. It must stay open until the last result.
        client: The client of the cluster; by default the most recent one.
        steps: The names of the steps whose outputs to process; by default all.
        max_in_flight: The most tasks that may be unfinished, or finished and not taken
            from the iterator; by default four times the current number of threads of
            the cluster, but at least 32.
        concurrency: The most executions to wait for at once.
        policy: The policy for each wait; by default that of ``datalab``.
        max_bytes: The largest size of an output in bytes, unpacked.
        timeout: Seconds, or a timedelta, for fetching one output.

    Returns:
        An iterator of results, in the order in which they become available. Leaving it
        early ends the wait and releases the tasks that no worker has started.

    Raises:
        InvalidArgumentError: An argument is wrong; nothing was sent.
        ClientStateError: There is no cluster, or its client is closed; nothing was sent.
        Exception: Any error of reading the executions, after all earlier results; or
            Dask's error if it accepts no more tasks.
    """
    if not isinstance(datalab, Datalab):
        raise InvalidArgumentError(
            f"datalab must be a Datalab, the blocking client, not a {type(datalab).__name__}"
        )
    checked_iterable("executions", executions)
    step_names = _check_steps(steps)
    cluster = _check_client(client)
    tasks = _Tasks(
        cluster,
        _check_function(function),
        datalab,
        checked_count("max_bytes", max_bytes, least=0),
        checked_seconds("timeout", timeout),
    )
    limit = _default_max_in_flight(cluster) if max_in_flight is None else max_in_flight
    checked_count("concurrency", concurrency, least=1)
    checked_count("max_in_flight", limit, least=1)

    mapping = _Mapping(tasks, datalab.executions, step_names, limit)
    mapping.wait_for(executions, concurrency, policy)
    return mapping.results()


class _Tasks(Generic[_T]):
    """Submits tasks to the cluster. Thread-safe."""

    def __init__(
        self,
        client: Client,
        function: Callable[[Output, bytes], _T],
        datalab: Datalab,
        max_bytes: int,
        timeout: float,
    ) -> None:
        self._client = client
        self._function = function
        self._name = funcname(function)
        self._executions = datalab.executions
        allow_http = datalab._context.allow_http  # noqa: SLF001 - workers must allow the same
        self._fetching = Fetching(max_bytes, timeout, allow_http)
        self._renewals = Renewals(SystemClock())

    def start(self, execution: Execution, output: Output, renewals: int = 0) -> MappedOutput[_T]:
        """Start the task for an output."""
        future = self._client.submit(
            fetch_and_call,
            self._function,
            output,
            self._fetching,
            key=self._key(execution.id),
            pure=False,
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
        future: Future[_T] = self._client.submit(
            fail, error, key=self._key(execution_id), pure=False
        )
        return MappedOutput(
            execution_id=execution_id,
            execution=execution,
            output=output,
            future=future,
            tasks=self,
            renewals=_MAX_RENEWALS,
        )

    def restart(self, mapped: MappedOutput[_T], error: DownloadError) -> MappedOutput[_T] | None:
        """Start a task again with a new URL; None if an expired URL was not the reason."""
        execution, output = mapped.execution, mapped.output
        if (
            execution is None
            or output is None
            or error.reason != DownloadFailure.EXPIRED
            or error.execution_id != output.execution_id
            or mapped._renewals >= _MAX_RENEWALS  # noqa: SLF001 - of this module
        ):
            return None
        try:
            url = self._renewals.renew(
                output,
                output.url,
                _RENEWAL_SECONDS,
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

    def check_client(self) -> None:
        """Check that the cluster's client can still deliver results.

        Raises:
            ClientStateError: The client is closed.
        """
        if self._client.status == "closed":
            raise ClientStateError(
                "The Dask client is closed or has lost its scheduler; take all results before "
                "you close it"
            )

    def _key(self, execution_id: object) -> str:
        # Dashboards show the key, so it holds nothing of a wrong id.
        name = execution_id if isinstance(execution_id, int) else "none"
        return f"{self._name}-{name}-{uuid4().hex}"


class _Mapping(Generic[_T]):
    """One call of :func:`map_outputs`: a thread waits, and the caller takes the results.

    Args:
        tasks: Submits tasks to the cluster.
        executions: The executions of the client that waits.
        steps: The names of the steps whose outputs to process; None for all.
        max_in_flight: The most tasks that may be unfinished or not taken.
    """

    def __init__(
        self,
        tasks: _Tasks[_T],
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


def _check_function(function: Callable[[Output, bytes], _T]) -> Callable[[Output, bytes], _T]:
    if not callable(function):
        raise InvalidArgumentError(
            f"function must be a function of an output and its bytes, not a "
            f"{type(function).__name__}"
        )
    try:
        dumps(function)
    except Exception as error:
        raise InvalidArgumentError(
            f"The function cannot be sent to workers ({type(error).__name__}): it must not hold "
            f"what does not pickle, such as a client or a lock"
        ) from error
    return function


def _check_client(client: Client | None) -> Client:
    try:
        client = default_client(client)
    except ValueError:
        raise ClientStateError(
            "There is no Dask client; create a distributed.Client first, or pass client=..."
        ) from None
    if client.asynchronous:
        raise InvalidArgumentError(
            "map_outputs blocks, so client must not be asynchronous; pass a blocking Dask client"
        )
    if client.status != "running":
        raise ClientStateError(f"The Dask client is {client.status}; create a new one")
    return client


def _check_steps(steps: Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(steps, str):
        raise InvalidArgumentError(f"steps must be a list of step names, such as [{named(steps)}]")
    if steps is None:
        return None
    names = list(checked_iterable("steps", steps))
    for name in names:
        checked_text("a name in steps", name)
    return frozenset(names)


def _default_max_in_flight(client: Client) -> int:
    threads = cast("Mapping[str, int]", client.nthreads())
    return max(_MIN_IN_FLIGHT, _IN_FLIGHT_PER_THREAD * sum(threads.values()))
