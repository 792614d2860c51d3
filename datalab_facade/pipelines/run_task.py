"""Running a pipeline on a document, as a task: what else is sent with the document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from datalab_facade.arguments import named
from datalab_facade.documents.page_ranges import to_page_range
from datalab_facade.documents.sources import DocumentSource
from datalab_facade.documents.submissions import PlannedSubmission, planned_task
from datalab_facade.documents.task_base import Task, shown_webhook, to_names
from datalab_facade.documents.verb_options import SubmitOptions
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.pipelines.execution_decoding import decode_pipeline_execution
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.transport.multipart import Attachment
from datalab_facade.transport.operations import Operation
from datalab_facade.transport.pipeline_operations import run_pipeline

_ID: Final = re.compile(r"pl_[A-Za-z0-9_-]{1,100}")


@picklable
@attrs.frozen
class RunPipeline(Task[PipelineExecution]):
    """Run a pipeline on a document; ``client.pipelines.run`` makes this of its arguments.

    >>> RunPipeline("pl_k8Hx9mP2nQ4v", pipeline_version=0, page_range=range(2)).fields()
    {'version': '0', 'page_range': '0-1'}
    """

    endpoint: ClassVar[str] = "pipelines/run"
    verb: ClassVar[str] = "run_pipeline"
    takes_checkpoint: ClassVar[bool] = True
    _wire_names: ClassVar[Mapping[str, str]] = {"pipeline_version": "version"}

    pipeline_id: str
    """The pipeline's id, such as ``"pl_k8Hx9mP2nQ4v"``."""
    pipeline_version: int | None = attrs.field(default=None, kw_only=True)
    """The version to run: 0 for the draft, 1 or more for a published one; server default: the
    published one in use, or the draft where there is none."""
    page_range: str | None = attrs.field(default=None, kw_only=True, converter=to_page_range)
    """The pages to process, such as ``"0,2-4"``; the first is 0; server default: all."""
    output_format: tuple[str, ...] | None = attrs.field(
        default=None, kw_only=True, converter=to_names
    )
    """One or several of ``"markdown"``, ``"html"``, ``"json"`` and ``"chunks"``."""
    run_evals: bool | None = attrs.field(default=None, kw_only=True)
    """Whether evaluation steps run; server default: no."""
    skip_cache: bool | None = attrs.field(default=None, kw_only=True)
    """Whether all steps run anew even if the server has results; server default: no."""
    webhook_url: str | None = attrs.field(default=None, kw_only=True, repr=shown_webhook)
    """The URL that the server calls when the execution is complete."""
    processing_location: str | None = attrs.field(default=None, kw_only=True)
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team. The server
    then takes no file in the form, so a local one is uploaded first."""

    def _check(self) -> None:
        if not _ID.fullmatch(self.pipeline_id):
            raise InvalidArgumentError(
                f"pipeline_id must be an id such as 'pl_k8Hx9mP2nQ4v', not "
                f"{named(self.pipeline_id)}; client.pipelines.get(name) finds it"
            )
        if self.pipeline_version is not None and self.pipeline_version < 0:
            raise InvalidArgumentError(
                f"pipeline_version must be 0, for the draft, or more, not {self.pipeline_version}"
            )

    def body(self) -> dict[str, JSON]:
        """Return what is sent besides the source; the id stands in the path."""
        return {name: value for name, value in super().body().items() if name != "pipeline_id"}

    def redacted(self) -> dict[str, JSON]:
        """Return what is sent, the id included, without its secrets."""
        return {"pipeline_id": self.pipeline_id, **super().redacted()}


@attrs.frozen
class PlannedRun(PlannedSubmission):
    """One submission of a document to a pipeline."""

    def operation(self, attachment: Attachment | None = None) -> Operation:
        """Return the request."""
        about = {} if self.source is None else self.source.fields()
        assert isinstance(self.task, RunPipeline)
        return run_pipeline(self.task.pipeline_id, {**self.task.fields(), **about}, attachment)

    @property
    def advice(self) -> str:
        """What to do when it is not known whether the server carried it out."""
        assert isinstance(self.task, RunPipeline)
        return (
            f"Look for it in client.pipelines.executions.list({self.task.pipeline_id!r}) before "
            "you run it again"
        )

    def decode_id(self, answer: JSON) -> str:
        """Return the id of the execution that the answer names."""
        execution, _ = decode_pipeline_execution(answer)
        return execution.id


def planned_run(task: object, source: DocumentSource, options: SubmitOptions) -> PlannedRun:
    """Plan the submission of a document to a pipeline.

    Raises:
        InvalidArgumentError: The task, the source or the way does not go with the others.
    """
    if not isinstance(task, RunPipeline):
        raise InvalidArgumentError(f"task must be RunPipeline(pipeline_id), not {named(task)}")
    planned = planned_task(task, source, options)
    return PlannedRun(planned.task, planned.source, planned.is_uploaded_first)
