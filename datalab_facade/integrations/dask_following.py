"""What waits in a thread for jobs and starts tasks on a cluster, while the caller takes results."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar
from uuid import uuid4

import attrs
from distributed import Client, Future

from datalab_facade.arguments import checked_seconds
from datalab_facade.client import Datalab
from datalab_facade.clock import Clock
from datalab_facade.errors import ClientStateError, DatalabError, DownloadError, WaitTimeoutError
from datalab_facade.integrations.client_parts import allows_http
from datalab_facade.integrations.dask_worker import Fetching
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.jobs.outcomes import Outcome

_STOP_CHECK_SECONDS = 0.5
"""Seconds between two checks of a sleeping wait whether it must stop."""

_CLIENT_CHECK_SECONDS = 5.0
"""Seconds without a result after which the status of the cluster's client is checked."""


class Mapped(Protocol):
    """A task on the cluster, with what it is about."""

    @property
    def future(self) -> Future[Any]:
        """Its result."""
        ...


MappedT = TypeVar("MappedT", bound=Mapped)
_R = TypeVar("_R")


class StoppedError(Exception):
    """The caller has stopped taking results."""


class ClusterTasks(ABC, Generic[MappedT]):
    """Submits tasks to the cluster. Thread-safe.

    Args:
        client: The cluster's client.
        name: What dashboards call the tasks.
        datalab: The client that waits.
        max_bytes: The largest size that a task fetches.
        timeout: The seconds that it may fetch.
    """

    def __init__(
        self, client: Client, name: str, datalab: Datalab, max_bytes: int, timeout: float
    ) -> None:
        self._client = client
        self._name = name
        # Workers must allow the same.
        self._fetching = Fetching(max_bytes, timeout, allows_http(datalab))

    @abstractmethod
    def restart(self, mapped: MappedT, error: DownloadError) -> MappedT | None:
        """Start a task again with a new URL; None if an expired URL was not the reason."""

    def result_of(self, mapped: MappedT, timeout: float | timedelta | None) -> Any:  # noqa: ANN401 - of the user's function
        """Fetch a task's result from the cluster, and start it again where a URL has expired.

        Raises:
            InvalidArgumentError: The timeout is wrong.
            TimeoutError: The timeout passed first.
            Exception: Any error of the task.
        """
        seconds = None if timeout is None else checked_seconds("timeout", timeout)
        while True:
            try:
                return mapped.future.result(seconds)
            except DownloadError as error:
                newer = self.restart(mapped, error)
                if newer is None:
                    raise
                mapped = newer

    def check_client(self) -> None:
        """Check that the cluster's client can still deliver results.

        Raises:
            ClientStateError: The client is closed.
        """
        if self._client.status == "closed":
            raise ClientStateError(
                "The Dask client is closed or has lost its scheduler; take all results before you "
                "close it"
            )

    def _submit(
        self, job_id: int | str | None, call: Callable[..., _R], *arguments: object
    ) -> Future[_R]:
        # Dashboards show the key.
        about = "none" if job_id is None else str(job_id).replace("/", "-")
        key = f"{self._name}-{about}-{uuid4().hex}"
        return self._client.submit(call, *arguments, key=key, pure=False)


class Following(ABC, Generic[MappedT]):
    """One mapping: a thread waits, and the caller takes the results.

    Args:
        tasks: Submits tasks to the cluster.
        max_in_flight: The most tasks that may be unfinished or not taken.
    """

    def __init__(self, tasks: ClusterTasks[MappedT], max_in_flight: int) -> None:
        self.stopping = threading.Event()
        """Set when the caller has stopped taking results."""
        self._following = tasks
        self._room = threading.Semaphore(max_in_flight)
        self._has_paused = False
        self._lock = threading.Lock()
        self._in_flight: set[MappedT] = set()
        self._done: SimpleQueue[MappedT | _End] = SimpleQueue()

    @abstractmethod
    def wait(self) -> None:
        """Wait for the jobs, and start a task for each; runs in a thread."""

    def results(self) -> Generator[MappedT, None, None]:
        """Yield results until all are done."""
        threading.Thread(target=self._wait, name="datalab-map", daemon=True).start()
        end: _End | None = None
        try:
            while end is None or self._in_flight:
                try:
                    done = self._done.get(timeout=_CLIENT_CHECK_SECONDS)
                except Empty:
                    # A closed client reports nothing about its pending tasks.
                    self._following.check_client()
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

    def put(self, begin: Callable[[], MappedT]) -> None:
        """Start a task once there is room for it.

        Raises:
            StoppedError: The caller has stopped taking results.
        """
        if not self._room.acquire(blocking=False):
            self._has_paused = True
            self._room.acquire()
        if self.stopping.is_set():
            raise StoppedError
        try:
            self._follow(begin())
        except Exception as error:
            raise _ClusterLostError(error) from error

    def poll_again(
        self, outcome: Outcome[SnapshotT, IdT], poll: Callable[[IdT], SnapshotT]
    ) -> Outcome[SnapshotT, IdT]:
        """Poll a job again if its wait timed out, perhaps because waiting has paused."""
        if not (self._has_paused and isinstance(outcome.error, WaitTimeoutError)):
            return outcome
        with contextlib.suppress(DatalabError):
            snapshot = poll(outcome.id)
            if snapshot.is_terminal:
                return Outcome(id=outcome.id, snapshot=snapshot)
        return outcome

    def stoppable(self, clock: Clock) -> Clock:
        """Return a client's clock that stops waits with the mapping."""
        return _StoppableClock(clock, self.stopping)

    def _wait(self) -> None:
        end = _End()
        try:
            self.wait()
        except StoppedError:
            return
        except _ClusterLostError as lost:
            end = _End(lost.error, lost_cluster=True)
        except Exception as error:  # noqa: BLE001 - raised where results are taken
            end = _End(error)
        self._done.put(end)

    def _restart_expired(self, done: MappedT) -> bool:
        error = done.future.exception() if done.future.status == "error" else None
        if not isinstance(error, DownloadError):
            return False
        newer = self._following.restart(done, error)
        if newer is None:
            return False
        with self._lock:
            self._in_flight.discard(done)
        self._follow(newer)
        return True

    def _follow(self, mapped: MappedT) -> None:
        with self._lock:
            self._in_flight.add(mapped)
            if self.stopping.is_set():
                mapped.future.release()
        mapped.future.add_done_callback(lambda _: self._done.put(mapped))

    def _stop(self) -> None:
        self.stopping.set()
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
                raise StoppedError
            self._clock.sleep(min(remaining, _STOP_CHECK_SECONDS))
            remaining = end - self.monotonic()

    async def sleep_async(self, seconds: float) -> None:
        await self._clock.sleep_async(seconds)
