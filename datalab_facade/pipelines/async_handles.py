"""A handle of a pipeline execution."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, Unpack, overload

import attrs

from datalab_facade.documents.results import DocumentResult
from datalab_facade.documents.tasks import Task
from datalab_facade.jobs.async_handles import AsyncWaitHandle
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions, WaitOptions
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.pipelines.steps import StepLike

if TYPE_CHECKING:
    from datalab_facade.jobs.changes import AsyncOnChange
    from datalab_facade.pipelines.async_executions import AsyncPipelineExecutions

R = TypeVar("R")


@shows_options(CallOptions, WaitOptions)
@attrs.frozen(kw_only=True)
class AsyncPipelineExecutionHandle(AsyncWaitHandle[PipelineExecution, str]):
    """A pipeline execution's id bound to a client.

    Copies share its client. Its pickle holds the id and the API's address; what comes
    out of it compares equal and has :meth:`to_dict`, and everything else raises
    ClientStateError until ``client.pipelines.executions.handle(handle)`` gives it a client.
    """

    _jobs: AsyncPipelineExecutions = attrs.field(repr=False, eq=False, alias="jobs")
    found_at: ClassVar[str] = "client.pipelines.executions"

    async def result(
        self,
        *,
        on_change: AsyncOnChange[PipelineExecution] | None = None,
        **options: Unpack[WaitOptions],
    ) -> PipelineExecution:
        """Wait until the execution has ended, and return its final snapshot if it is usable.

        It is as ``client.pipelines.executions.result``.

        Raises:
            PipelineFailedError: No step has a result; the error has the snapshot.
            DatalabError: Whatever :meth:`wait` raises.
        """
        return await self._jobs.result(self, on_change=on_change, **options)

    @overload
    async def step_result(
        self, step: StepLike, *, task: Task[R], **options: Unpack[CallOptions]
    ) -> R: ...
    @overload
    async def step_result(
        self, step: StepLike, *, task: None = None, **options: Unpack[CallOptions]
    ) -> DocumentResult: ...
    async def step_result(
        self, step: StepLike, *, task: Task[R] | None = None, **options: Unpack[CallOptions]
    ) -> R | DocumentResult:
        """Fetch the result of a step.

        It is as ``client.pipelines.executions.step_result``.

        Raises:
            InvalidArgumentError: The step does not exist, or has no result.
            DownloadError: The result could not be fetched.
            DatalabError: Whatever :meth:`get` raises.
        """
        if task is None:
            return await self._jobs.step_result(self, step, **options)
        return await self._jobs.step_result(self, step, task=task, **options)
