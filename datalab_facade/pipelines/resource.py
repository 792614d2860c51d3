# Generated from async_resource.py by scripts/unasync.py; change that file, not this one.
"""Pipelines, for blocking code: create, list, change, publish, archive; what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, Unpack

import attrs

from datalab_facade.arguments import checked_seconds
from datalab_facade.context import Context
from datalab_facade.documents.page_ranges import PageRange
from datalab_facade.documents.sources import DocumentSource
from datalab_facade.documents.submitter import Submitter
from datalab_facade.documents.verb_options import SubmitOptions, call_options
from datalab_facade.files.resource import Files
from datalab_facade.json_forms import JSON
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions, check_names
from datalab_facade.pipelines.executions import PipelineExecutions
from datalab_facade.pipelines.handles import PipelineExecutionHandle
from datalab_facade.pipelines.management import PipelineManagement
from datalab_facade.pipelines.models import Pipeline
from datalab_facade.pipelines.requests import checked_pipeline, is_pipeline_id
from datalab_facade.pipelines.run_task import RunPipeline, planned_run
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.storage import StorageTransport

_NOT_KNOWN_YET: Final = "pl_name"
_LEAST_TIMEOUT: Final = 0.001


@shows_options(CallOptions, SubmitOptions)
class Pipelines(PipelineManagement):
    """Pipelines, for blocking code. Found at ``client.pipelines``.

    A pipeline is named by its id (``"pl_k8Hx9mP2nQ4v"``), by a snapshot of it, or by the name
    under which it was saved; a name costs a request more, since it has to be looked up.

    >>> def publish(client, steps):
    ...     draft = client.pipelines.create(steps)
    ...     saved = client.pipelines.save(draft, "Invoices")
    ...     return client.pipelines.create_version(saved)
    """

    def __init__(
        self,
        api: ApiTransport,
        storage: StorageTransport,
        files: Files,
        context: Context,
    ) -> None:
        super().__init__(api, context)
        self.executions = PipelineExecutions(api, storage, context)
        """Poll executions of pipelines, wait for them, take their results."""
        self._submitter = Submitter(self._calls, files, context)

    def run(
        self,
        pipeline: str | Pipeline,
        source: DocumentSource,
        *,
        version: int | None = None,
        page_range: PageRange | None = None,
        output_format: str | Iterable[str] | None = None,
        run_evals: bool | None = None,
        skip_cache: bool | None = None,
        webhook_url: str | None = None,
        processing_location: str | None = None,
        extra: Mapping[str, JSON] | None = None,
        timeout: float | timedelta | None = None,
        **options: Unpack[SubmitOptions],
    ) -> PipelineExecutionHandle:
        """Run a pipeline on a document, once. This costs money and cannot be canceled.

        A file is streamed from disk, in constant memory. The request is retried only if the
        server certainly did not act on it.

        Args:
            pipeline: The pipeline: its id, the name under which it was saved, or a snapshot.
            source: The document, as for ``client.documents.submit``.
            version: The version to run: 0 for the draft, 1 or more for a published one; by
                default the published one in use, or the draft where there is none.
            page_range: The pages to process, such as ``"0,2-4"``; the first is 0; by default all.
            output_format: One or several of ``"markdown"``, ``"html"``, ``"json"``, ``"chunks"``.
            run_evals: Whether evaluation steps run; by default not.
            skip_cache: Whether all steps run anew even if the server has results.
            webhook_url: The URL that the server calls when the execution is complete.
            processing_location: The region, such as ``"us"`` or ``"eu"``.
            extra: Fields that this version does not know, by their names in the API.
            timeout: Seconds, or a timedelta, for the whole call, which does not wait for the end;
                by default an hour with a file, and else the client's, a minute.
            options: See :class:`~datalab_facade.documents.verb_options.SubmitOptions`.

        Returns:
            A handle of the execution, to wait with.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            UploadError: The file is missing, empty, too large or cannot be read, or changed
                meanwhile; nothing was started.
            AuthenticationError: The API key is wrong.
            PaymentRequiredError: The account has reached its spending limit.
            NotFoundError: The API key has no such pipeline.
            ConflictError: The pipeline has no version that can run.
            UnprocessableEntityError: The server did not accept the request.
            APIStatusError: The server answered with another error; nothing was started.
            RequestRejectedError: The server reports a refusal with a success status.
            APIConnectionError: The server was not reached, or did not get the end of the file.
            SubmissionUncertainError: The request was sent, but it is not known whether the server
                acted on it; ``executions.list`` tells.
        """
        name = checked_pipeline(pipeline)
        is_id = isinstance(pipeline, Pipeline) or is_pipeline_id(name)
        task = RunPipeline(
            name if is_id else _NOT_KNOWN_YET,
            pipeline_version=version,
            page_range=page_range,
            output_format=output_format,
            run_evals=run_evals,
            skip_cache=skip_cache,
            webhook_url=webhook_url,
            processing_location=processing_location,
            extra=extra or {},
        )
        if not is_id:
            # What is wrong is said before the name is looked up.
            check_names(options, SubmitOptions)
            planned_run(task, source, options)
            began = self._context.clock.monotonic()
            found = self.resolve(pipeline, timeout=timeout, **call_options(options))
            task = attrs.evolve(task, pipeline_id=found)
            if timeout is not None:
                left = began + checked_seconds("timeout", timeout) - self._context.clock.monotonic()
                timeout = max(left, _LEAST_TIMEOUT)
        return self.submit(task, source, timeout=timeout, **options)

    def submit(
        self,
        task: RunPipeline,
        source: DocumentSource,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[SubmitOptions],
    ) -> PipelineExecutionHandle:
        """Run a pipeline as a task says. What it promises and raises, see :meth:`run`.

        Args:
            task: The pipeline's id, and what else is sent.
            source: The document, as for ``client.documents.submit``.
            timeout: Seconds, or a timedelta, for the whole call, which does not wait for the end;
                by default an hour with a file, and else the client's, a minute.
            options: See :class:`~datalab_facade.documents.verb_options.SubmitOptions`.
        """
        check_names(options, SubmitOptions)
        planned = planned_run(task, source, options)
        seconds = planned.longest(self._context.options)
        if timeout is not None:
            seconds = min(checked_seconds("timeout", timeout), DEFAULT_TIMEOUT)
        known = self._submitter.start(planned, seconds=seconds, options=options)
        return self.executions.handle(known.id)
