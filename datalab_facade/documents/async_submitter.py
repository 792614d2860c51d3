"""Submits document requests, for async code: in one request, or after an upload."""

from __future__ import annotations

from typing import cast

from datalab_facade.async_calling import AsyncApiCaller
from datalab_facade.context import Context
from datalab_facade.documents.kind import KnownRequest
from datalab_facade.documents.submissions import PlannedSubmission
from datalab_facade.documents.verb_options import SubmitOptions, call_options
from datalab_facade.files.async_resource import AsyncFiles
from datalab_facade.files.descriptions import MAX_FILE_BYTES
from datalab_facade.jobs.retries import Submission
from datalab_facade.options import CallOptions
from datalab_facade.transfers.async_form_files import AsyncFormFile
from datalab_facade.transfers.progress import ProgressMeter
from datalab_facade.transfers.sources import open_source_async


class AsyncSubmitter:
    """Submits the document requests of one client, for async code."""

    def __init__(self, calls: AsyncApiCaller, files: AsyncFiles, context: Context) -> None:
        self._calls = calls
        self._files = files
        self._context = context

    async def start(
        self, planned: PlannedSubmission, *, seconds: float, options: SubmitOptions
    ) -> KnownRequest:
        """Submit, once.

        Args:
            planned: What to submit.
            seconds: How long it may take, the upload included.
            options: See :class:`~datalab_facade.documents.verb_options.SubmitOptions`.

        Raises:
            DatalabError: See :meth:`AsyncDocuments.submit
                <datalab_facade.documents.async_resource.AsyncDocuments.submit>`.
        """
        deadline = self._now() + seconds
        overloaded, file = options.get("retry_overloaded", False), planned.file
        # Once it is uploaded, only its reference is sent; the result is named after the file.
        name = planned.source_name
        submission = planned.submission(retry_overloaded=overloaded)
        for_calls, on_progress = call_options(options), options.get("on_progress")
        max_bytes = options.get("max_file_bytes", MAX_FILE_BYTES)
        if file is None:
            return await self._send(planned, submission, deadline, for_calls, source=name)
        if planned.is_uploaded_first:
            uploaded = await self._files.upload(
                file.source,
                name=file.name,
                content_type=file.content_type,
                max_bytes=max_bytes,
                on_progress=on_progress,
                timeout=seconds,
                **for_calls,
            )
            planned = planned.with_reference(uploaded.reference)
            return await self._send(planned, submission, deadline, for_calls, source=name)
        opening = open_source_async(file.source, file.name, max_bytes=max_bytes, timeout=seconds)
        with await opening as opened:
            attachment = AsyncFormFile(
                opened,
                file.name,
                file.content_type,
                meter=ProgressMeter(file.name, on_progress),
                clock=self._context.clock,
                checksum=options.get("checksum", False),
            )
            # One attempt may take all of the time; a connection that stalls is noticed.
            longest = cast("CallOptions", {"request_timeout": self._left(deadline), **for_calls})
            return await self._send(
                planned, submission, deadline, longest, source=name, attachment=attachment
            )

    async def _send(
        self,
        planned: PlannedSubmission,
        submission: Submission,
        deadline: float,
        options: CallOptions,
        *,
        source: str | None,
        attachment: AsyncFormFile | None = None,
    ) -> KnownRequest:
        job_id = await self._calls.submit(
            planned.operation(attachment),
            planned.decode_id,
            timeout=self._left(deadline),
            options=options,
            submission=submission,
        )
        return KnownRequest(
            job_id,
            planned.task,
            source=source,
            source_sha256=None if attachment is None else attachment.sha256,
            submitted_at=self._context.clock.now(),
        )

    def _left(self, deadline: float) -> float:
        return max(0.01, deadline - self._now())

    def _now(self) -> float:
        return self._context.clock.monotonic()
