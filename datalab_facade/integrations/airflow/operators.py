"""The operators: convert, extract and other tasks, run a pipeline, execute a workflow."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import XComArg

from datalab_facade.documents.tasks import Convert, Extract, Task
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.integrations.airflow.job_operator import (
    HANDLE_KEY,
    DatalabJobOperator,
    options_of,
    source_of,
)
from datalab_facade.integrations.airflow.job_requests import (
    JobRequest,
    document_request,
    pipeline_request,
    schema_of_setting,
    whole_number,
    workflow_request,
)
from datalab_facade.integrations.airflow.timeouts import DEFAULT_TIMEOUT
from datalab_facade.pipelines.run_task import RunPipeline
from datalab_facade.workflows.inputs import InputConfig

if TYPE_CHECKING:
    from datalab_facade.json_forms import JSON
    from datalab_facade.workflows.inputs import InputLike

__all__ = [
    "DEFAULT_TIMEOUT",
    "HANDLE_KEY",
    "DatalabConvertOperator",
    "DatalabExecuteWorkflowOperator",
    "DatalabExtractOperator",
    "DatalabJobOperator",
    "DatalabRunPipelineOperator",
    "DatalabTaskOperator",
]


class DatalabExecuteWorkflowOperator(DatalabJobOperator):
    """Executes a workflow once, waits for it to end, and can save its outputs.

    They go to ``save_to/execution-ID/STEP/FILE``.

    Args:
        workflow_id: The workflow's id. A template.
        input_config: The input: a URL, a ``datalab://`` reference, a list of these, or
            one of the API's JSON forms. None sends no input. A template.
        kwargs: The arguments of :class:`DatalabJobOperator`.
    """

    template_fields: Collection[str] = (
        "workflow_id",
        "input_config",
        *DatalabJobOperator.template_fields,
    )

    def __init__(
        self,
        *,
        workflow_id: int | str | XComArg,
        input_config: InputLike | XComArg | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.input_config = input_config

    def job_request(self) -> JobRequest:
        """Return what is asked for."""
        config = self.input_config
        # Airflow has replaced references to other tasks by their values.
        assert not isinstance(config, XComArg)
        return workflow_request(
            whole_number("workflow_id", self.workflow_id),
            None if config is None else InputConfig.coerce(config),
        )


class _DocumentOperator(DatalabJobOperator):
    """Sends a document with a task; the result goes to ``save_to/STEM``."""

    template_fields: Collection[str] = ("source", *DatalabJobOperator.template_fields)

    def __init__(
        self, *, source: str | os.PathLike[str] | XComArg | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.source = source

    def job_request(self) -> JobRequest:
        """Return what is asked for."""
        task, source = self.requested_task(), source_of(self.source)
        if not isinstance(task, RunPipeline):
            return document_request(task, source)
        raise InvalidArgumentError("To run a pipeline use DatalabRunPipelineOperator")

    def handle_to_save(self, handle: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return the handle with the task."""
        return {**handle, "task": self.requested_task().to_dict()}

    @abstractmethod
    def requested_task(self) -> Task[Any]:
        """Return the task.

        Raises:
            InvalidArgumentError: A field of it is wrong.
        """
        raise NotImplementedError


class DatalabTaskOperator(_DocumentOperator):
    """Does a task with a document once: ``Segment(...)``, ``Fill(...)`` or any other.

    The result goes to ``save_to/STEM``, as ``client.documents.save`` does.

    Args:
        task: The task, or its JSON form, whose texts may be templates.
        source: The document: a path that every worker can read, a URL, or a ``datalab://``
            reference; None for a task that takes none. A template.
        kwargs: The arguments of :class:`DatalabJobOperator`.
    """

    template_fields: Collection[str] = ("task", *_DocumentOperator.template_fields)

    def __init__(
        self,
        *,
        task: Task[Any] | Mapping[str, JSON] | XComArg,
        source: str | os.PathLike[str] | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(source=source, **kwargs)
        self.task = task

    def requested_task(self) -> Task[Any]:
        """Return the task."""
        task = self.task
        assert not isinstance(task, XComArg)
        return task if isinstance(task, Task) else Task.from_dict(task)


class DatalabConvertOperator(_DocumentOperator):
    """Converts a document to markdown, HTML, JSON or chunks once.

    The result goes to ``save_to/STEM``, as ``client.documents.save`` does.

    Args:
        source: The document: a path that every worker can read, a URL, or a ``datalab://``
            reference. A template.
        options: The fields of ``Convert``, such as ``{"mode": "accurate", "output_format":
            ["markdown", "json"]}``. A template.
        kwargs: The arguments of :class:`DatalabJobOperator`.
    """

    template_fields: Collection[str] = ("options", *_DocumentOperator.template_fields)

    def __init__(
        self,
        *,
        source: str | os.PathLike[str] | XComArg,
        options: Mapping[str, Any] | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(source=source, **kwargs)
        self.options = options

    def requested_task(self) -> Task[Any]:
        """Return the task."""
        return Convert(**options_of(self.options))


class DatalabExtractOperator(_DocumentOperator):
    """Extracts data from a document by a schema once.

    The result goes to ``save_to/STEM``, as ``client.documents.save`` does.

    Args:
        source: The document: a path that every worker can read, a URL, or a ``datalab://``
            reference. A template.
        schema: A JSON Schema, the path of one in a file, a class, or ``"module:Class"``, which
            every worker must be able to import; None if the options have a ``schema_id``.
            A template.
        options: The other fields of ``Extract``, such as ``{"extraction_mode": "fast"}``.
            A template.
        kwargs: The arguments of :class:`DatalabJobOperator`.
    """

    template_fields: Collection[str] = ("schema", "options", *_DocumentOperator.template_fields)

    def __init__(
        self,
        *,
        source: str | os.PathLike[str] | XComArg,
        schema: Mapping[str, Any] | str | os.PathLike[str] | type[Any] | XComArg | None = None,
        options: Mapping[str, Any] | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(source=source, **kwargs)
        self.schema = schema
        self.options = options

    def requested_task(self) -> Task[Any]:
        """Return the task."""
        schema = schema_of_setting(self.schema)
        return Extract(schema, **options_of(self.options, schema="schema"))


class DatalabRunPipelineOperator(DatalabJobOperator):
    """Runs a pipeline on a document once.

    The results of its steps go to ``save_to/ID/INDEX-TYPE/STEM``. An execution that ended with
    errors is a success as long as one of its steps has a result; ``partially_failed`` says so.

    Args:
        pipeline: The pipeline's id, or the name under which it was saved. A template.
        source: The document: a path that every worker can read, a URL, or a ``datalab://``
            reference. A template.
        version: The version to run: 0 for the draft, 1 or more for a published one; by default
            the published one in use.
        options: The other fields of ``RunPipeline``, such as ``{"page_range": "0-4"}``.
            A template.
        kwargs: The arguments of :class:`DatalabJobOperator`.
    """

    template_fields: Collection[str] = (
        "pipeline",
        "source",
        "options",
        *DatalabJobOperator.template_fields,
    )

    def __init__(
        self,
        *,
        pipeline: str | XComArg,
        source: str | os.PathLike[str] | XComArg,
        version: int | None = None,
        options: Mapping[str, Any] | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.source = source
        self.version = version
        self.options = options

    def job_request(self) -> JobRequest:
        """Return what is asked for."""
        own = {"pipeline_id": "pipeline", "pipeline_version": "version"}
        fields = {**options_of(self.options, **own), "pipeline_version": self.version}
        assert not isinstance(self.pipeline, XComArg)
        return pipeline_request(self.pipeline, source_of(self.source), fields)
