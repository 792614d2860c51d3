# Generated from async_handles.py by scripts/unasync.py; change that file, not this one.
"""A handle of a pipeline execution."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, Unpack, overload

import attrs

from datalab_facade.documents.results import DocumentResult
from datalab_facade.documents.tasks import Task
from datalab_facade.jobs.handles import WaitHandle
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions, WaitOptions
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.pipelines.steps import StepLike

if TYPE_CHECKING:
    from datalab_facade.jobs.changes import OnChange
    from datalab_facade.pipelines.executions import PipelineExecutions

R = TypeVar("R")


@shows_options(CallOptions, WaitOptions)
@attrs.frozen(kw_only=True)
class PipelineExecutionHandle(WaitHandle[PipelineExecution, str]):
    """A pipeline execution's id bound to a client.

    Copies share its client. Its pickle holds the id and the API's address; what comes
    out of it compares equal and has :meth:`to_dict`, and everything else raises
    ClientStateError until ``client.pipelines.executions.handle(handle)`` gives it a client.
    """

    _jobs: PipelineExecutions = attrs.field(repr=False, eq=False, alias="jobs")
    found_at: ClassVar[str] = "client.pipelines.executions"

    def result(
        self,
        *,
        on_change: OnChange[PipelineExecution] | None = None,
        **options: Unpack[WaitOptions],
    ) -> PipelineExecution:
        """Wait until the execution has ended, and return its final snapshot if it is usable.

        It is as ``client.pipelines.executions.result``.

        Raises:
            PipelineFailedError: No step has a result; the error has the snapshot.
            DatalabError: Whatever :meth:`wait` raises.
        """
        return self._jobs.result(self, on_change=on_change, **options)

    @overload
    def step_result(
        self, step: StepLike, *, task: Task[R], **options: Unpack[CallOptions]
    ) -> R: ...
    @overload
    def step_result(
        self, step: StepLike, *, task: None = None, **options: Unpack[CallOptions]
    ) -> DocumentResult: ...
    def step_result(
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
            return self._jobs.step_result(self, step, **options)
        return self._jobs.step_result(self, step, task=task, **options)
