# Generated from async_executions.py by scripts/unasync.py; change that file, not this one.
"""Pipeline executions, for blocking code: poll, wait, take results; one or many."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, Unpack, overload

from datalab_facade.context import Context
from datalab_facade.decoding import decode_json
from datalab_facade.documents.result_decoding import decode_result, overlaid
from datalab_facade.documents.results import DocumentResult
from datalab_facade.documents.tasks import Task
from datalab_facade.errors import InvalidArgumentError, InvalidResponseError
from datalab_facade.fields import start_of
from datalab_facade.jobs.changes import OnChange
from datalab_facade.jobs.resource import JobWaits
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.json_forms import JSON
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.paging import Paging
from datalab_facade.pipelines.execution_decoding import decode_pipeline_executions
from datalab_facade.pipelines.execution_models import PipelineExecution, PipelineStepRun
from datalab_facade.pipelines.handles import PipelineExecutionHandle
from datalab_facade.pipelines.kind import PIPELINE_EXECUTIONS, PipelineExecutionLike
from datalab_facade.pipelines.models import Pipeline
from datalab_facade.pipelines.requests import checked_pipeline_id
from datalab_facade.pipelines.steps import StepLike, find_step, remote_step_result, result_id
from datalab_facade.transfers.downloads import Downloads
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.sinks import DEFAULT_MAX_BYTES
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.pipeline_operations import (
    list_pipeline_executions,
    pipeline_step_result,
)
from datalab_facade.transport.storage import StorageTransport

R = TypeVar("R")

MOST_PER_PAGE = 100
"""The most executions that the API returns in one answer."""


@shows_options(CallOptions)
class PipelineExecutions(JobWaits[PipelineExecution, str, PipelineExecutionLike]):
    """Pipeline executions, for blocking code. Found at ``client.pipelines.executions``.

    >>> def title(client, execution):
    ...     ended = client.pipelines.executions.result(execution)
    ...     extraction = client.pipelines.executions.step_result(ended, "extract")
    ...     return extraction.data["title"]
    """

    kind = PIPELINE_EXECUTIONS

    def __init__(self, api: ApiTransport, storage: StorageTransport, context: Context) -> None:
        super().__init__(api, context)
        self._downloads = Downloads(storage, context)

    def handle(self, job: PipelineExecutionLike) -> PipelineExecutionHandle:
        """Return a handle of an execution; nothing is sent.

        Args:
            job: The execution's id, a snapshot of it, a handle that was pickled or
                belongs to another client, or the dict of a handle's ``to_dict``.

        Raises:
            InvalidArgumentError: It is none of these, or the handle belongs to another
                API's address.
        """
        return PipelineExecutionHandle(id=self._id(job), jobs=self)

    def result(
        self,
        job: PipelineExecutionLike,
        *,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: OnChange[PipelineExecution] | None = None,
        **options: Unpack[CallOptions],
    ) -> PipelineExecution:
        """Wait until an execution has ended, and return its final snapshot if it is usable.

        An execution that ended with errors is, as long as one of its steps has a result: see
        ``partially_failed`` and ``failures``, and take the result with :meth:`step_result`.
        Arguments and errors as :meth:`wait`.

        Raises:
            PipelineFailedError: No step has a result; the error has the snapshot.
        """
        ended = self.wait(job, timeout=timeout, policy=policy, on_change=on_change, **options)
        if not ended.is_usable:
            raise self.kind.failure(ended)
        return ended

    def list(
        self,
        pipeline: str | Pipeline,
        *,
        limit: int | None = None,
        page_size: int = MOST_PER_PAGE,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Generator[PipelineExecution, None, None]:
        """List the executions of a pipeline; pages are requested as they are needed.

        Args:
            pipeline: The pipeline's id, or a snapshot of it.
            limit: The largest number of executions to yield; by default all.
            page_size: The number of executions per request, 1 to 100; 100 by default.
            timeout: Seconds, or a timedelta, for each page; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of executions.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DatalabError: Whatever :meth:`get` raises.
        """
        checked = checked_pipeline_id(pipeline)
        paging = Paging[PipelineExecution](
            limit=limit, page_size=page_size, most=MOST_PER_PAGE, key=lambda one: one.id
        )
        return self._calls.pages(
            paging,
            partial(list_pipeline_executions, checked),
            self._context.recording(
                lambda answer: decode_pipeline_executions(answer, self._context.clock.now())
            ),
            timeout=timeout,
            options=options,
            subject=f"the executions of pipeline {checked}",
        )

    @overload
    def step_result(
        self,
        job: PipelineExecutionLike,
        step: StepLike,
        *,
        task: Task[R],
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> R: ...
    @overload
    def step_result(
        self,
        job: PipelineExecutionLike,
        step: StepLike,
        *,
        task: None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> DocumentResult: ...
    def step_result(
        self,
        job: PipelineExecutionLike,
        step: StepLike,
        *,
        task: Task[Any] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> object:
        """Fetch the result of a step, by the kind of step.

        A result that is not in the answer itself is fetched from where the answer says, without
        the key.

        Args:
            job: The execution: its id, a snapshot of it, or a handle. A snapshot that has ended
                is not polled again.
            step: The step: its index (the first is 0, the last -1), its type, such as
                ``"extract"``, or the step itself.
            task: The task of that step, if it is at hand: of ``Extract(Invoice)`` comes the type
                of the value.
            max_bytes: The largest result in bytes that is fetched into memory.
            timeout: Seconds, or a timedelta, for each request; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The result: a :class:`~datalab_facade.Conversion` of a convert step, an
            :class:`~datalab_facade.Extraction` of an extract step, and so on.

        Raises:
            InvalidArgumentError: The execution has no such step, or the step has no result
                yet or at all.
            NotFoundError: The result was deleted.
            EmptyResultError: Nothing came of what was asked for.
            ExtractionMismatchError: What was extracted does not fit the type; the error holds it.
            OutputTooLargeError: The result is larger than ``max_bytes``.
            DownloadError: The result could not be fetched.
            DatalabError: Whatever :meth:`get` raises.
        """
        execution = job if isinstance(job, PipelineExecution) and job.is_terminal else None
        if execution is None:
            execution = self.get(job, timeout=timeout, **options)
        found = find_step(execution, step)
        if not found.succeeded:
            raise InvalidArgumentError(
                f"Step {found.index} ({found.type}) of {execution.id} has no result: it is "
                f"{found.status}{f' ({found.error})' if found.error else ''}"
            )
        body = self._step_body(execution, found, timeout, options)
        url = body.get("result_url")
        whole: JSON = body
        if isinstance(url, str) and url:

            def renew(_: str, left: float) -> str | None:
                newer = self._step_body(execution, found, left, options)
                url = newer.get("result_url")
                return url if isinstance(url, str) else None

            fetched = self._downloads.read(
                remote_step_result(execution, found, url),
                renew,
                deadline=self._context.clock.monotonic() + DEFAULT_TIMEOUT,
                max_bytes=max_bytes,
            )
            whole = overlaid(decode_json(fetched), body)
        result, drift = decode_result(
            whole,
            job_id=result_id(execution, found, body),
            task=task,
            observed_at=self._context.clock.now(),
        )
        return self._context.record_drift(result, drift)

    def _step_body(
        self,
        execution: PipelineExecution,
        step: PipelineStepRun,
        timeout: float | timedelta | None,
        options: CallOptions,
    ) -> dict[str, JSON]:
        return self._calls.query(
            pipeline_step_result(execution.id, step.index),
            _object,
            timeout=timeout,
            options=options,
            subject=f"the result of step {step.index} of {execution.id}",
        )


def _object(answer: JSON) -> dict[str, JSON]:
    if isinstance(answer, dict):
        return answer
    raise InvalidResponseError("the answer is not the result of a step", body=start_of(answer))
