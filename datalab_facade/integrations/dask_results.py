"""Document requests that are submitted and waited for in one place, with a task for each result."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from datetime import timedelta
from functools import partial
from typing import Generic, TypeVar

import attrs
from dask.utils import funcname
from distributed import Client, Future

from datalab_facade.client import Datalab
from datalab_facade.concurrency import as_they_end
from datalab_facade.documents.handles import DocumentHandle
from datalab_facade.documents.kind import (
    DocumentOutcome,
    KnownRequest,
    details_of,
    failure_of,
    handle_details,
)
from datalab_facade.documents.resource import Documents
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.sources import DocumentSource
from datalab_facade.documents.tasks import Task
from datalab_facade.errors import DatalabError, DownloadError, DownloadFailure
from datalab_facade.integrations.client_parts import with_clock
from datalab_facade.integrations.dask_following import ClusterTasks, Following, StoppedError
from datalab_facade.integrations.dask_tasks import MAX_RENEWALS, RENEWAL_SECONDS
from datalab_facade.integrations.dask_worker import fail, read_and_call
from datalab_facade.jobs.wait import WaitPolicy

_T = TypeVar("_T")
_R = TypeVar("_R", bound=DocumentResult)

_SUBMISSIONS = 8
"""How many documents are sent at once."""


@attrs.frozen(kw_only=True, eq=False)
class MappedResult(Generic[_T]):
    """The result for one source."""

    source: DocumentSource = attrs.field(repr=False)
    """The source, as it was given."""
    id: str | None
    """The request's id; None if none was submitted."""
    request: DocumentRequest | None = attrs.field(repr=False)
    """The final snapshot of the request; None if there is none."""
    future: Future[_T]
    """The function's result on the cluster, or the error that came instead."""
    _tasks: ResultTasks[_T] = attrs.field(repr=False, alias="tasks")
    _known: KnownRequest | None = attrs.field(default=None, repr=False, alias="known")
    _renewals: int = attrs.field(default=0, repr=False, alias="renewals")

    def result(self, timeout: float | timedelta | None = None) -> _T:
        """Fetch the function's result from the cluster.

        If a worker died and the URL of the result expired before Dask ran the task again, the
        task is started once more with a new URL.

        Args:
            timeout: Seconds to wait for the result; by default without limit.

        Raises:
            DocumentFailedError: The request ended badly.
            DownloadError: The result could not be fetched; ``reason`` says why.
            DatalabError: The submission or the wait failed, or nothing came of the request.
            TimeoutError: The timeout passed first.
            Exception: Any error of the function, or Dask's error for a lost task.
        """
        value: _T = self._tasks.result_of(self, timeout)
        return value


class ResultTasks(ClusterTasks[MappedResult[_T]], Generic[_T]):
    """Submits tasks to the cluster. Thread-safe."""

    def __init__(
        self,
        client: Client,
        function: Callable[[_R], _T],
        datalab: Datalab,
        max_bytes: int,
        timeout: float,
    ) -> None:
        super().__init__(client, funcname(function), datalab, max_bytes, timeout)
        self._function = function
        self._datalab = datalab

    def start(
        self,
        source: DocumentSource,
        known: KnownRequest,
        request: DocumentRequest,
        renewals: int = 0,
    ) -> MappedResult[_T]:
        """Start the task for a request that ended well."""
        future: Future[_T] = self._submit(
            known.id, read_and_call, self._function, request, known, self._fetching
        )
        return MappedResult(
            source=source,
            id=known.id,
            request=request,
            future=future,
            tasks=self,
            known=known,
            renewals=renewals,
        )

    def fail(
        self,
        source: DocumentSource,
        error: Exception,
        job_id: str | None = None,
        request: DocumentRequest | None = None,
    ) -> MappedResult[_T]:
        """Return a result whose future raises an error."""
        future: Future[_T] = self._submit(job_id, fail, error)
        return MappedResult(source=source, id=job_id, request=request, future=future, tasks=self)

    def restart(self, mapped: MappedResult[_T], error: DownloadError) -> MappedResult[_T] | None:
        """Start a task again with a new URL; None if an expired URL was not the reason."""
        known, renewals = mapped._known, mapped._renewals  # noqa: SLF001 - of this module
        # An error of the user's own download is about an execution, or has no result's URL.
        if (
            known is None
            or mapped.request is None
            or mapped.request.result_url is None
            or error.reason != DownloadFailure.EXPIRED
            or error.execution_id is not None
            or renewals >= MAX_RENEWALS
        ):
            return None
        try:
            request = self.poll(known.id)
            if not request.succeeded:
                raise failure_of(request)
        except DatalabError as cause:
            return self.fail(mapped.source, cause, known.id, mapped.request)
        return self.start(mapped.source, known, request, renewals + 1)

    def poll(self, job_id: str) -> DocumentRequest:
        """Poll a request, within the rate limit.

        Raises:
            DatalabError: Any error of ``client.documents.get``.
        """
        return self._datalab.documents.get(job_id, timeout=RENEWAL_SECONDS)


class ResultMapping(Following[MappedResult[_T]]):
    """One call of :func:`map_results`.

    Args:
        tasks: Submits tasks to the cluster.
        datalab: The client that submits and waits.
        max_in_flight: The most tasks that may be unfinished or not taken.
    """

    def __init__(self, tasks: ResultTasks[_T], datalab: Datalab, max_in_flight: int) -> None:
        super().__init__(tasks, max_in_flight)
        self._tasks = tasks
        documents: Documents = datalab.documents
        self._documents = documents
        self._waits = with_clock(documents, self.stoppable)
        self._outcomes: Generator[DocumentOutcome, None, None] | None = None
        self._submitted: dict[str, tuple[DocumentSource, KnownRequest]] = {}
        self._guard = threading.Lock()

    def wait_for(
        self,
        task: Task[DocumentResult],
        sources: Iterable[DocumentSource],
        concurrency: int,
        policy: WaitPolicy | None,
    ) -> None:
        """Set what to submit and how to wait for it; nothing is sent yet.

        Raises:
            InvalidArgumentError: An argument is wrong.
        """
        self._outcomes = self._waits.as_completed(
            self._submit_all(task, sources), concurrency=concurrency, policy=policy
        )

    def wait(self) -> None:
        """Submit, wait, and start a task for each result."""
        assert self._outcomes is not None
        with contextlib.closing(self._outcomes) as outcomes:
            for outcome in outcomes:
                self._begin(self.poll_again(outcome, self._tasks.poll))

    def _submit_all(
        self, task: Task[DocumentResult], sources: Iterable[DocumentSource]
    ) -> Generator[str, None, None]:
        """Yield the ids of requests as they are submitted; what fails has a future at once."""
        failures: list[Exception] = []

        def read() -> Generator[DocumentSource, None, None]:
            try:
                yield from sources
            except Exception as error:  # noqa: BLE001 - raised when what was sent has its results
                failures.append(error)

        submissions = as_they_end(
            read(),
            partial(self._submit, task),
            concurrency=_SUBMISSIONS,
            name="datalab-map-submit",
        )
        with contextlib.closing(submissions):
            for submitted in submissions:
                if isinstance(submitted, str):
                    yield submitted
                    continue
                try:
                    self.put(partial(self._tasks.fail, *submitted))
                except StoppedError:
                    return
        if failures:
            raise failures[0]

    def _submit(
        self, task: Task[DocumentResult], source: DocumentSource
    ) -> str | tuple[DocumentSource, Exception]:
        try:
            handle = self._documents.submit(task, source)
        except Exception as error:  # noqa: BLE001 - raised by the source's future
            return source, error
        with self._guard:
            self._submitted[handle.id] = source, _for_workers(handle)
        return handle.id

    def _begin(self, outcome: DocumentOutcome) -> None:
        with self._guard:
            source, known = self._submitted.pop(outcome.id)
        request, tasks = outcome.snapshot, self._tasks
        if request is None:
            error = outcome.error
            assert error is not None
            self.put(partial(tasks.fail, source, error, known.id))
        elif request.succeeded:
            self.put(partial(tasks.start, source, known, request))
        else:
            self.put(partial(tasks.fail, source, failure_of(request), known.id, request))


def _for_workers(handle: DocumentHandle[DocumentResult]) -> KnownRequest:
    """Return what workers may know of a request: nothing secret, such as the task's webhook."""
    task = handle.task
    into: type | None = handle.into or getattr(task, "into", None)
    known = KnownRequest(
        handle.id, task, into, handle.source, handle.source_sha256, handle.submitted_at
    )
    return attrs.evolve(KnownRequest(known.id, **details_of(handle_details(known))), into=into)
