"""Work on the outputs of many executions on a Dask cluster (extra ``dask``).

One process waits for all executions, under one budget, and has the API's key. The workers
get presigned URLs, fetch outputs from storage, and run the user's function; they never ask
the API. See :func:`map_outputs`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar, cast
from uuid import uuid4

import attrs

from datalab_facade.arguments import checked_count, checked_seconds
from datalab_facade.client import Datalab
from datalab_facade.clock import Clock, SystemClock
from datalab_facade.errors import (
    ClientStateError,
    DatalabError,
    DownloadError,
    ExecutionFailedError,
    InvalidArgumentError,
    NotFoundError,
    WaitTimeoutError,
)
from datalab_facade.executions.handles import ExecutionLike
from datalab_facade.executions.resource import Executions
from datalab_facade.models import Execution, Output
from datalab_facade.outcomes import Outcome
from datalab_facade.outputs.collecting import DEFAULT_MAX_BYTES
from datalab_facade.outputs.downloading import download_failed
from datalab_facade.outputs.renewing import Renewals
from datalab_facade.outputs.resource import DEFAULT_TIMEOUT
from datalab_facade.redaction import redact_name
from datalab_facade.waiting.scheduling import DEFAULT_CONCURRENCY
from datalab_facade.waiting.wait import WaitPolicy

try:
    from dask.utils import funcname
    from distributed import Client, Future, default_client
    from distributed.protocol.pickle import dumps

    from datalab_facade.integrations.dask_worker import Fetching, fail, fetch_and_call
except ModuleNotFoundError as missing:
    _message = "map_outputs needs distributed: pip install 'datalab-facade[dask]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

_T = TypeVar("_T")

_LEAST_UNDER_WAY = 32
_UNDER_WAY_PER_THREAD = 4

_MOST_RENEWALS = 3
_RENEWAL_SECONDS = 60.0

_NAP = 0.5
"""Seconds after which one who sleeps looks whether it is still wanted."""


_WATCH = 5.0
"""Seconds without any news after which the cluster's client is looked at."""


@attrs.frozen(kw_only=True, eq=False)
class MappedOutput(Generic[_T]):
    """What became of one output, or of an execution that leads to none."""

    execution_id: int
    execution: Execution | None
    """The final snapshot; None where waiting ended without one."""
    output: Output | None
    """The output that the function was given; None where there is none to be given."""
    future: Future[_T]
    """What the function returned, on the cluster, or the error that came in its place."""
    _tasks: _Tasks[_T] = attrs.field(repr=False)
    _renewals: int = attrs.field(default=0, repr=False)

    def result(self, timeout: float | timedelta | None = None) -> _T:
        """Bring what the function returned here.

        Where Dask had to compute it again, because its worker died, and the URL had
        expired meanwhile, it is computed once more with a new URL.

        Args:
            timeout: Seconds, or a timedelta, to wait for that; by default there is no end.

        Raises:
            ExecutionFailedError: The execution ended as FAILED.
            DownloadError: The output could not be fetched; ``reason`` tells why.
            DatalabError: Waiting for the execution ended without a final snapshot.
            TimeoutError: It takes longer.
            Exception: Whatever the function raised, or what Dask says of a task that
                is lost.
        """
        seconds = None if timeout is None else checked_seconds("timeout", timeout)
        mapped = self
        while True:
            try:
                value: _T = mapped.future.result(seconds)
            except DownloadError as error:
                newer = self._tasks.begun_anew(mapped, error)
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
    under_way: int | None = None,
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

    Waiting is done here, in one place, by ``datalab.executions.as_completed``. Each
    output of an execution that has completed becomes a task: a worker fetches the
    output, and calls the function. An execution that failed, or that could not be
    waited for, has one future, with ExecutionFailedError or the error of the wait; so has
    one that completed without an output of these steps, with DownloadError. A step
    run that failed in an execution that completed has no future; see
    ``mapped.execution.failures``.

    Tasks of a worker that dies are done again by others. When workers are slower than
    the API, waiting pauses, and so does reading the executions.

    What travels to the scheduler and to workers is the function, the output with its
    presigned URL, and the limits below; never the key. An expired URL is renewed here.

    Args:
        executions: Ids or handles. They are read as there is room, so they may be
            many, or still being produced.
        function: Called on a worker with the output and its bytes. It must pickle, as
            all that Dask runs. It may be called more than once for an output, when a
            worker dies.
        datalab: Waits for executions. It must stay open until the last result.
        client: The cluster's client; by default the one that was made last.
        steps: The names of the steps whose outputs are wanted; by default all.
        under_way: How many tasks may be unfinished, or finished and not taken from the
            iterator; by default four times the threads that the cluster has now, but
            at least 32.
        concurrency: How many executions are waited for at once.
        policy: How each single one is waited for; by default that of ``datalab``.
        max_bytes: The most that an output may weigh, unpacked.
        timeout: Seconds, or a timedelta, for fetching one output.

    Returns:
        An iterator of results, in the order in which they come to be. To leave it early
        ends the wait and takes back the tasks that no worker has begun.

    Raises:
        InvalidArgumentError: An argument is wrong, or there is no cluster; nothing was sent.
        Exception: Whatever reading the executions raises, after all that came before; or
            what Dask raises when it takes no more tasks.
    """
    if not isinstance(datalab, Datalab):
        raise InvalidArgumentError(
            f"datalab must be a Datalab, the blocking client, and not a {type(datalab).__name__}"
        )
    wanted = _checked_steps(steps)
    cluster = _checked_client(client)
    tasks = _Tasks(
        cluster,
        _checked_function(function),
        datalab,
        checked_count("max_bytes", max_bytes, least=0),
        checked_seconds("timeout", timeout),
    )
    most = _most_under_way(cluster) if under_way is None else under_way
    checked_count("concurrency", concurrency, least=1)
    checked_count("under_way", most, least=1)

    mapping = _Mapping(tasks, datalab.executions, wanted, most)
    mapping.wait_for(executions, concurrency, policy)
    return mapping.results()


class _Tasks(Generic[_T]):
    """Puts tasks on the cluster. Threads may share it."""

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
        allow_http = datalab._context.allow_http  # noqa: SLF001 - workers are to allow the same
        self._fetching = Fetching(max_bytes, timeout, allow_http)
        self._known = Renewals(SystemClock())

    def begun(self, execution: Execution, output: Output, renewals: int = 0) -> MappedOutput[_T]:
        """Begin to work on an output."""
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

    def failed(
        self,
        execution_id: int,
        error: Exception,
        execution: Execution | None = None,
        output: Output | None = None,
    ) -> MappedOutput[_T]:
        """Give the future of what cannot be worked on."""
        future: Future[_T] = self._client.submit(
            fail, error, key=self._key(execution_id), pure=False
        )
        return MappedOutput(
            execution_id=execution_id,
            execution=execution,
            output=output,
            future=future,
            tasks=self,
            renewals=_MOST_RENEWALS,
        )

    def begun_anew(self, mapped: MappedOutput[_T], error: DownloadError) -> MappedOutput[_T] | None:
        """Begin to work on an output again if its URL had expired; None if that is not why."""
        execution, output = mapped.execution, mapped.output
        if (
            execution is None
            or output is None
            or error.reason != "expired"
            or error.execution_id != output.execution_id
            or mapped._renewals >= _MOST_RENEWALS  # noqa: SLF001 - of this module
        ):
            return None
        try:
            url = self._known.renewed(
                output,
                output.url,
                _RENEWAL_SECONDS,
                lambda left: self.poll(output.execution_id, timeout=left),
            )
        except NotFoundError:
            url = None
        except DatalabError as refused:
            told = f"has a URL that expired and could not be renewed: {refused}"
            failed = download_failed(output, "expired", told, error.status)
            return self.failed(execution.id, failed, execution, output)
        if url is None:
            failed = download_failed(output, "gone", "is no longer there", error.status)
            return self.failed(execution.id, failed, execution, output)
        renewals = mapped._renewals + 1  # noqa: SLF001 - of this module
        return self.begun(execution, attrs.evolve(output, url=url), renewals)

    def poll(self, execution_id: int, timeout: float | None = None) -> Execution:
        """Look at an execution, under the budget.

        Raises:
            DatalabError: Whatever ``client.executions.get`` raises.
        """
        return self._executions.get(execution_id, timeout=timeout)

    def check_client(self) -> None:
        """See to it that there is somebody to hear from.

        Raises:
            InvalidArgumentError: The cluster's client was closed.
        """
        if self._client.status == "closed":
            raise ClientStateError(
                "The Dask client is closed, or lost its scheduler; results must be taken before"
            )

    def _key(self, execution_id: object) -> str:
        # Of ids that are none, nothing is shown on dashboards.
        shown = execution_id if isinstance(execution_id, int) else "none"
        return f"{self._name}-{shown}-{uuid4().hex}"


class _Mapping(Generic[_T]):
    """One call of :func:`map_outputs`: a thread waits, whoever asks for results takes them.

    Args:
        tasks: Puts tasks on the cluster.
        executions: Those of the client that waits.
        steps: The names of the steps whose outputs are wanted; None for all.
        under_way: How many tasks may be unfinished or not taken.
    """

    def __init__(
        self,
        tasks: _Tasks[_T],
        executions: Executions,
        steps: frozenset[str] | None,
        under_way: int,
    ) -> None:
        self._tasks = tasks
        self._stopping = threading.Event()
        self._executions = _stoppable(executions, self._stopping)
        self._outcomes: Generator[Outcome, None, None] | None = None
        self._steps = steps
        self._room = threading.Semaphore(under_way)
        self._has_paused = False
        self._lock = threading.Lock()
        self._under_way: set[MappedOutput[_T]] = set()
        self._done: SimpleQueue[MappedOutput[_T] | _End] = SimpleQueue()

    def wait_for(
        self, wanted: Iterable[ExecutionLike], concurrency: int, policy: WaitPolicy | None
    ) -> None:
        """Say what is to be waited for, and how; nothing is sent yet.

        Raises:
            InvalidArgumentError: That makes no sense.
        """
        self._outcomes = self._executions.as_completed(
            wanted, concurrency=concurrency, policy=policy
        )

    def results(self) -> Generator[MappedOutput[_T], None, None]:
        """Give what is done, until all is."""
        threading.Thread(target=self._wait, name="datalab-map", daemon=True).start()
        end: _End | None = None
        try:
            while end is None or self._under_way:
                try:
                    done = self._done.get(timeout=_WATCH)
                except Empty:
                    # A client that was closed tells nothing of what it had under way.
                    self._tasks.check_client()
                    continue
                if isinstance(done, _End):
                    end = done
                    if end.lost_cluster:
                        break
                elif not self._begun_anew(done):
                    with self._lock:
                        self._under_way.discard(done)
                    self._room.release()
                    yield done
        finally:
            self._stop()
        if end is not None and end.error is not None:
            raise end.error

    def _begun_anew(self, done: MappedOutput[_T]) -> bool:
        error = done.future.exception() if done.future.status == "error" else None
        if not isinstance(error, DownloadError):
            return False
        newer = self._tasks.begun_anew(done, error)
        if newer is None:
            return False
        with self._lock:
            self._under_way.discard(done)
        self._follow(newer)
        return True

    def _wait(self) -> None:
        end = _End()
        assert self._outcomes is not None
        try:
            with contextlib.closing(self._outcomes) as outcomes:
                for outcome in outcomes:
                    self._begin(outcome)
        except _Stopped:
            return
        except _ClusterLost as lost:
            end = _End(lost.error, lost_cluster=True)
        except Exception as error:  # noqa: BLE001 - raised where results are taken
            end = _End(error)
        self._done.put(end)

    def _begin(self, outcome: Outcome) -> None:
        outcome = self._polled_again(outcome)
        execution, tasks = outcome.execution, self._tasks
        if execution is None:
            error = outcome.error
            assert error is not None
            self._put(partial(tasks.failed, outcome.execution_id, error))
        elif execution.failed:
            failure = ExecutionFailedError(execution)
            self._put(partial(tasks.failed, execution.id, failure, execution))
        else:
            outputs = [
                output
                for output in execution.outputs
                if self._steps is None or output.step in self._steps
            ]
            for output in outputs:
                self._put(partial(tasks.begun, execution, output))
            if not outputs:
                nothing = self._nothing_of(execution)
                self._put(partial(tasks.failed, execution.id, nothing, execution))

    def _polled_again(self, outcome: Outcome) -> Outcome:
        """Look once more at one that timed out, if that may be because waiting has paused."""
        if not (self._has_paused and isinstance(outcome.error, WaitTimeoutError)):
            return outcome
        with contextlib.suppress(DatalabError):
            execution = self._tasks.poll(outcome.execution_id)
            if execution.is_terminal:
                return Outcome(execution_id=outcome.execution_id, execution=execution)
        return outcome

    def _put(self, begin: Callable[[], MappedOutput[_T]]) -> None:
        if not self._room.acquire(blocking=False):
            self._has_paused = True
            self._room.acquire()
        if self._stopping.is_set():
            raise _Stopped
        try:
            self._follow(begin())
        except Exception as error:
            raise _ClusterLost(error) from error

    def _follow(self, mapped: MappedOutput[_T]) -> None:
        with self._lock:
            self._under_way.add(mapped)
            if self._stopping.is_set():
                mapped.future.release()
        mapped.future.add_done_callback(lambda _: self._done.put(mapped))

    def _nothing_of(self, execution: Execution) -> DownloadError:
        steps = "" if self._steps is None else f" of {', '.join(map(redact_name, self._steps))}"
        return DownloadError(
            f"Execution {execution.id} has completed, but there is no output{steps} to fetch",
            execution_id=execution.id,
            reason="gone",
        )

    def _stop(self) -> None:
        self._stopping.set()
        self._room.release()
        with self._lock:
            for mapped in self._under_way:
                mapped.future.release()
            self._under_way.clear()


@attrs.frozen
class _End:
    """Waiting is over."""

    error: Exception | None = None
    lost_cluster: bool = False
    """Whether nothing more is to be expected of tasks that are under way."""


class _Stopped(Exception):
    """Nobody wants the results any more."""


class _ClusterLost(Exception):
    """The cluster takes no more tasks."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _StoppableClock:
    """A clock whose sleeps end soon after nobody wants to go on."""

    def __init__(self, clock: Clock, stopping: threading.Event) -> None:
        self._clock = clock
        self._stopping = stopping

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        left = seconds
        while left > 0:
            if self._stopping.is_set():
                raise _Stopped
            self._clock.sleep(min(left, _NAP))
            left = end - self.monotonic()

    async def sleep_async(self, seconds: float) -> None:
        await self._clock.sleep_async(seconds)


def _stoppable(executions: Executions, stopping: threading.Event) -> Executions:
    """Give a view of a client's executions that can be told to stop waiting."""
    context = executions._context  # noqa: SLF001 - it is the clock that makes the difference
    clock = _StoppableClock(context.clock, stopping)
    transport = executions._transport  # noqa: SLF001
    return Executions(transport, attrs.evolve(context, clock=clock))


def _checked_function(function: Callable[[Output, bytes], _T]) -> Callable[[Output, bytes], _T]:
    if not callable(function):
        raise InvalidArgumentError(
            f"function must take an output and its bytes; a {type(function).__name__} takes nothing"
        )
    try:
        dumps(function)
    except Exception as error:
        raise InvalidArgumentError(
            "The function cannot be sent to workers; it must hold nothing that does not pickle, "
            f"such as a client or a lock ({type(error).__name__})"
        ) from error
    return function


def _checked_client(client: Client | None) -> Client:
    try:
        client = default_client(client)
    except ValueError:
        raise ClientStateError(
            "There is no Dask cluster: make a distributed.Client first, or pass it as client"
        ) from None
    if client.asynchronous:
        raise InvalidArgumentError("map_outputs blocks; the Dask client must not be asynchronous")
    if client.status != "running":
        raise ClientStateError(f"The Dask client is {client.status}; make another one")
    return client


def _checked_steps(steps: Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(steps, str):
        raise InvalidArgumentError(f"steps must be several names: [{steps!r:.50}]")
    return None if steps is None else frozenset(steps)


def _most_under_way(client: Client) -> int:
    threads = cast("Mapping[str, int]", client.nthreads())
    return max(_LEAST_UNDER_WAY, _UNDER_WAY_PER_THREAD * sum(threads.values()))
