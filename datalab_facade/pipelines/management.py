# Generated from async_management.py by scripts/unasync.py; change that file, not this one.
"""Pipelines that are kept at Datalab, for blocking code: create, list, change, publish, archive."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from functools import partial
from typing import Unpack

from datalab_facade.calling import ApiCaller
from datalab_facade.context import Context
from datalab_facade.errors import InvalidArgumentError, NotFoundError
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.paging import Paging
from datalab_facade.pipelines.decoding import (
    decode_done,
    decode_pipeline,
    decode_pipelines,
    decode_rate,
    decode_version,
    decode_versions,
)
from datalab_facade.pipelines.definitions import PipelineDefinition, PipelineSteps
from datalab_facade.pipelines.models import Pipeline, PipelineRate, PipelineVersion
from datalab_facade.pipelines.requests import (
    MOST_PER_PAGE,
    checked_flag,
    checked_name,
    checked_optional_number,
    checked_optional_text,
    checked_pipeline,
    is_pipeline_id,
    submission,
)
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.operations import Operation
from datalab_facade.transport.pipeline_operations import (
    archive_pipeline,
    create_pipeline,
    create_pipeline_version,
    discard_pipeline_draft,
    get_pipeline,
    get_pipeline_rate,
    list_pipeline_versions,
    list_pipelines,
    save_pipeline,
    unarchive_pipeline,
    update_pipeline,
)


@shows_options(CallOptions)
class PipelineManagement:
    """What is done with pipelines apart from running them, for blocking code."""

    def __init__(self, api: ApiTransport, context: Context) -> None:
        self._calls = ApiCaller(api, context)
        self._context = context

    def create(
        self,
        steps: PipelineSteps,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Pipeline:
        """Create a pipeline, once: a draft without a name, which can run at once.

        The request is retried only if the server certainly did not act on it.

        Args:
            steps: Tasks (``Convert()``, ``Segment(...)``, ``Extract(...)``, ``Fill(...)``) and
                :class:`~datalab_facade.PipelineStep` values in their order, or a
                :class:`~datalab_facade.PipelineDefinition`.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The pipeline as the server describes it, with its id.

        Raises:
            InvalidDefinitionError: The steps cannot form a pipeline; the error lists all
                issues. Nothing was sent.
            InvalidArgumentError: Another argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            UnprocessableEntityError: The server did not accept the steps.
            APIStatusError: The server answered with another error; nothing was created.
            RequestRejectedError: The server reports a refusal with a success status;
                nothing was created.
            APIConnectionError: The server was not reached; nothing was created.
            SubmissionUncertainError: The request was sent, but it is not known whether the
                pipeline was created; ``list(saved_only=False)`` tells.
        """
        settings = PipelineDefinition.coerce(steps).to_settings()
        return self._calls.submit(
            create_pipeline(settings),
            self._context.recording(decode_pipeline),
            timeout=timeout,
            options=options,
            submission=submission(
                "the creation of a pipeline",
                "Check client.pipelines.list(saved_only=False) for it before you create it again",
                {"steps": settings},
            ),
        )

    def list(
        self,
        *,
        saved_only: bool = True,
        include_archived: bool = False,
        limit: int | None = None,
        page_size: int = MOST_PER_PAGE,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Generator[Pipeline, None, None]:
        """List pipelines; pages are requested as they are needed.

        Args:
            saved_only: Whether drafts without a name are left out, as the API does by default.
            include_archived: Whether archived ones are listed as well.
            limit: The largest number of pipelines to yield; by default all.
            page_size: The number of pipelines per request, 1 to 200; 200 by default.
            timeout: Seconds, or a timedelta, for each page; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of pipelines.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not a list of pipelines.
        """
        paging = Paging[Pipeline](
            limit=limit, page_size=page_size, most=MOST_PER_PAGE, key=lambda pipeline: pipeline.id
        )
        return self._calls.pages(
            paging,
            partial(
                list_pipelines,
                saved_only=checked_flag("saved_only", saved_only),
                include_archived=checked_flag("include_archived", include_archived),
            ),
            self._context.recording(decode_pipelines),
            timeout=timeout,
            options=options,
            subject="list of pipelines",
        )

    def get(
        self,
        pipeline: str | Pipeline,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Pipeline:
        """Fetch a pipeline.

        Args:
            pipeline: Its id, the name under which it was saved, or a snapshot of it.
            timeout: Seconds, or a timedelta, for each request; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent. Or several pipelines
                have the name.
            AuthenticationError: The API key is wrong.
            NotFoundError: The API key has no such pipeline.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not a pipeline.
        """
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        return self._query(pipeline_id, get_pipeline(pipeline_id), "", timeout, options)

    def update(
        self,
        pipeline: str | Pipeline,
        steps: PipelineSteps,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Pipeline:
        """Replace the steps of a pipeline's draft; published versions stay as they are.

        Args:
            pipeline: Its id, the name under which it was saved, or a snapshot of it.
            steps: All steps, as for :meth:`create`.
            timeout: Seconds, or a timedelta, for each request; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The pipeline as it is now.

        Raises:
            InvalidDefinitionError: The steps cannot form a pipeline; nothing was sent.
            DatalabError: Whatever :meth:`get` raises.
        """
        settings = PipelineDefinition.coerce(steps).to_settings()
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        operation = update_pipeline(pipeline_id, settings)
        return self._query(pipeline_id, operation, "the update of ", timeout, options)

    def save(
        self,
        pipeline: str | Pipeline,
        name: str,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Pipeline:
        """Give a pipeline a name, so that it is listed.

        Args:
            pipeline: Its id, an earlier name, or a snapshot of it.
            name: The name; the server makes one if it is empty.
            timeout: Seconds, or a timedelta, for each request; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The pipeline as it is now.

        Raises:
            DatalabError: Whatever :meth:`get` raises.
        """
        checked = checked_name(name)
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        operation = save_pipeline(pipeline_id, checked)
        return self._query(pipeline_id, operation, "the saving of ", timeout, options)

    def archive(
        self,
        pipeline: str | Pipeline,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Hide a pipeline from :meth:`list`. Arguments and errors as :meth:`get`.

        Raises:
            RequestRejectedError: The server reports a refusal with a success status.
            DatalabError: Whatever :meth:`get` raises.
        """
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        self._calls.query(
            archive_pipeline(pipeline_id),
            decode_done,
            timeout=timeout,
            options=options,
            subject=f"the archiving of pipeline {pipeline_id}",
        )

    def unarchive(
        self,
        pipeline: str | Pipeline,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Show a pipeline in :meth:`list` again. Arguments and errors as :meth:`get`.

        The name of an archived pipeline is not looked up: give its id.

        Raises:
            RequestRejectedError: The server reports a refusal with a success status.
            DatalabError: Whatever :meth:`get` raises.
        """
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        self._calls.query(
            unarchive_pipeline(pipeline_id),
            decode_done,
            timeout=timeout,
            options=options,
            subject=f"the unarchiving of pipeline {pipeline_id}",
        )

    def create_version(
        self,
        pipeline: str | Pipeline,
        *,
        description: str | None = None,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> PipelineVersion:
        """Publish the draft of a pipeline as its next version, once.

        The request is retried only if the server certainly did not act on it.

        Args:
            pipeline: Its id, the name under which it was saved, or a snapshot of it.
            description: What is new in the version.
            timeout: Seconds, or a timedelta, for each request; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The version; it is the one that runs from now on.

        Raises:
            SubmissionUncertainError: The request was sent, but it is not known whether the
                version was made; :meth:`versions` tells.
            DatalabError: Whatever :meth:`get` raises; no version was made.
        """
        text = checked_optional_text("description", description)
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        return self._calls.submit(
            create_pipeline_version(pipeline_id, text),
            self._context.recording(decode_version),
            timeout=timeout,
            options=options,
            submission=submission(
                f"a new version of pipeline {pipeline_id}",
                f"Check client.pipelines.versions({pipeline_id!r}) for it before you create it "
                f"again",
                {"pipeline_id": pipeline_id, "description": text},
            ),
        )

    def versions(
        self,
        pipeline: str | Pipeline,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> tuple[PipelineVersion, ...]:
        """List the published versions of a pipeline, the newest first as the API has them.

        Arguments and errors as :meth:`get`.
        """
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        return self._calls.query(
            list_pipeline_versions(pipeline_id),
            self._context.recording(decode_versions),
            timeout=timeout,
            options=options,
            subject=f"the versions of pipeline {pipeline_id}",
        )

    def discard(
        self,
        pipeline: str | Pipeline,
        *,
        version: int | None = None,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Pipeline:
        """Throw the changes of a pipeline's draft away. Arguments and errors as :meth:`get`.

        Args:
            pipeline: Its id, the name under which it was saved, or a snapshot of it.
            version: The version whose steps the draft takes; by default the published one.
            timeout: Seconds, or a timedelta, for each request; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The pipeline as it is now.
        """
        number = checked_optional_number("version", version)
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        operation = discard_pipeline_draft(pipeline_id, number)
        return self._query(pipeline_id, operation, "the draft of ", timeout, options)

    def rate(
        self,
        pipeline: str | Pipeline,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> PipelineRate:
        """Tell what a pipeline costs. Arguments and errors as :meth:`get`."""
        pipeline_id = self.resolve(pipeline, timeout=timeout, **options)
        return self._calls.query(
            get_pipeline_rate(pipeline_id),
            self._context.recording(decode_rate),
            timeout=timeout,
            options=options,
            subject=f"the rate of pipeline {pipeline_id}",
        )

    def resolve(
        self,
        pipeline: str | Pipeline,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> str:
        """Return the id of a pipeline; only a name is looked up, in the list of saved ones.

        Arguments and errors as :meth:`get`.
        """
        name = checked_pipeline(pipeline)
        if isinstance(pipeline, Pipeline) or is_pipeline_id(name):
            return name
        named = self.list(timeout=timeout, **options)
        found = {one.id for one in named if one.name == name}
        if len(found) > 1:
            raise InvalidArgumentError(
                f"{len(found)} pipelines have the name {name!r}: give one of the ids "
                f"{', '.join(sorted(found))}"
            )
        if not found:
            raise NotFoundError(
                f"No saved pipeline has the name {name!r}; client.pipelines.list() lists them"
            )
        return found.pop()

    def _query(
        self,
        pipeline_id: str,
        operation: Operation,
        action: str,
        timeout: float | timedelta | None,
        options: CallOptions,
    ) -> Pipeline:
        return self._calls.query(
            operation,
            self._context.recording(partial(decode_pipeline, requested_id=pipeline_id)),
            timeout=timeout,
            options=options,
            subject=f"{action}pipeline {pipeline_id}",
        )
