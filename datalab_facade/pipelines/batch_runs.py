# Generated from async_batch_runs.py by scripts/unasync.py; change that file, not this one.
"""Batch runs, for blocking code: start and list."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Unpack

from datalab_facade.arguments import checked_count
from datalab_facade.calling import ApiCaller
from datalab_facade.context import Context
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.paging import PageRequest, Paging
from datalab_facade.pipelines.batch_requests import BatchTask, batch_request
from datalab_facade.pipelines.decoding import decode_batch_run, decode_batch_runs
from datalab_facade.pipelines.models import BatchRun
from datalab_facade.pipelines.requests import (
    MOST_PER_PAGE,
    checked_optional_id,
    checked_optional_number,
    submission,
)
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.operations import Operation
from datalab_facade.transport.pipeline_operations import list_batch_runs, start_batch_run


@shows_options(CallOptions)
class BatchRuns:
    """Batch runs, for blocking code. Found at ``client.batch_runs``.

    A batch run goes over a collection of files that is kept at Datalab, and evaluates the
    results. For files of your own use ``client.run``.

    >>> def progress(client, pipeline):
    ...     runs = client.batch_runs.list(pipeline_id=pipeline.id)
    ...     return [run.completed_files for run in runs]
    """

    def __init__(self, transport: ApiTransport, context: Context) -> None:
        self._calls = ApiCaller(transport, context)
        self._context = context

    def start(
        self,
        task: BatchTask,
        collection_id: int,
        *,
        eval_rubric_id: int | None = None,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> BatchRun:
        """Start a batch run, once. This costs money and cannot be canceled.

        The request is retried only if the server certainly did not act on it.

        Args:
            task: What to do with each file: a pipeline (its id, or a snapshot of it),
                ``Convert()``, ``Extract(...)`` or ``Segment(...)``. Of a task, the server takes
                the schema and ``output_format`` only.
            collection_id: The collection of files.
            eval_rubric_id: The rubric by which the results are evaluated; by default none.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The run as it stands now; :meth:`list` tells how it goes on.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            NotFoundError: The API key has no such collection, pipeline or rubric.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error; nothing was started.
            RequestRejectedError: The server reports a refusal with a success status;
                nothing was started.
            APIConnectionError: The server was not reached; nothing was started.
            SubmissionUncertainError: The request was sent, but it is not known whether a run
                was started.
        """
        collection = checked_count("collection_id", collection_id, least=0)
        rubric = checked_optional_number("eval_rubric_id", eval_rubric_id)
        request = batch_request(task, collection, rubric)
        return self._calls.submit(
            start_batch_run(request),
            self._context.recording(decode_batch_run),
            timeout=timeout,
            options=options,
            submission=submission(
                f"a batch run over collection {collection}",
                "Check client.batch_runs.list() for it before you start it again",
                request,
            ),
        )

    def list(
        self,
        *,
        collection_id: int | None = None,
        eval_rubric_id: int | None = None,
        pipeline_id: str | None = None,
        limit: int | None = None,
        page_size: int = MOST_PER_PAGE,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Generator[BatchRun, None, None]:
        """List batch runs; pages are requested as they are needed.

        Args:
            collection_id: Only those over this collection.
            eval_rubric_id: Only those with this rubric.
            pipeline_id: Only those of this pipeline.
            limit: The largest number of runs to yield; by default all.
            page_size: The number of runs per request, 1 to 200; 200 by default.
            timeout: Seconds, or a timedelta, for each page; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of batch runs.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not a list of batch runs.
        """
        collection = checked_optional_number("collection_id", collection_id)
        rubric = checked_optional_number("eval_rubric_id", eval_rubric_id)
        pipeline = checked_optional_id("pipeline_id", pipeline_id)

        def operation(page: PageRequest) -> Operation:
            return list_batch_runs(page, collection, rubric, pipeline)

        return self._calls.pages(
            Paging[BatchRun](
                limit=limit, page_size=page_size, most=MOST_PER_PAGE, key=lambda run: run.id
            ),
            operation,
            self._context.recording(decode_batch_runs),
            timeout=timeout,
            options=options,
            subject="list of batch runs",
        )
