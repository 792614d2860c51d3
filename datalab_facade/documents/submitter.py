# Generated from async_submitter.py by scripts/unasync.py; change that file, not this one.
"""Submits document requests, for blocking code: in one request, or after an upload."""

from __future__ import annotations

from typing import cast

from datalab_facade.calling import ApiCaller
from datalab_facade.context import Context
from datalab_facade.documents.snapshots import decode_submitted
from datalab_facade.documents.sources import FileSource
from datalab_facade.documents.submissions import Accepted, PlannedSubmission
from datalab_facade.files.resource import Files
from datalab_facade.options import CallOptions
from datalab_facade.transfers.form_files import FormFile
from datalab_facade.transfers.progress import OnProgress, ProgressMeter
from datalab_facade.transfers.sources import open_source


class Submitter:
    """Submits the document requests of one client, for blocking code."""

    def __init__(self, calls: ApiCaller, files: Files, context: Context) -> None:
        self._calls = calls
        self._files = files
        self._context = context

    def start(
        self,
        planned: PlannedSubmission,
        *,
        seconds: float,
        max_bytes: int,
        on_progress: OnProgress | None,
        checksum: bool,
        retry_overloaded: bool,
        options: CallOptions,
    ) -> Accepted:
        """Submit, once.

        Args:
            planned: What to submit.
            seconds: How long it may take, the upload included.
            max_bytes: The largest size of a file in bytes.
            on_progress: Called with the progress of the upload.
            checksum: Whether to compute the SHA-256 of a file in the form.
            retry_overloaded: Whether 503 and 529 are retried.
            options: Options of the requests.

        Raises:
            DatalabError: See :meth:`Documents.submit
                <datalab_facade.documents.resource.Documents.submit>`.
        """
        deadline = self._now() + seconds
        file, attachment = planned.file, None
        if file is None:
            return self._send(planned, attachment, deadline, options, retry_overloaded)
        if planned.is_uploaded_first:
            uploaded = self._files.upload(
                file.source,
                name=file.name,
                content_type=file.content_type,
                max_bytes=max_bytes,
                on_progress=on_progress,
                timeout=seconds,
                **options,
            )
            planned = planned.with_reference(uploaded.reference)
            return self._send(planned, attachment, deadline, options, retry_overloaded)
        return self._send_file(
            planned,
            file,
            ProgressMeter(file.name, on_progress),
            deadline,
            options,
            max_bytes=max_bytes,
            checksum=checksum,
            retry_overloaded=retry_overloaded,
        )

    def _send_file(
        self,
        planned: PlannedSubmission,
        file: FileSource,
        meter: ProgressMeter,
        deadline: float,
        options: CallOptions,
        *,
        max_bytes: int,
        checksum: bool,
        retry_overloaded: bool,
    ) -> Accepted:
        clock = self._context.clock
        opening = open_source(
            file.source, file.name, max_bytes=max_bytes, timeout=deadline - self._now()
        )
        with opening as opened:
            attachment = FormFile(
                opened, file.name, file.content_type, meter=meter, clock=clock, checksum=checksum
            )
            # One attempt may take all of the time; a connection that stalls is noticed.
            longest: dict[str, object] = {"request_timeout": self._left(deadline), **options}
            return self._send(
                planned, attachment, deadline, cast("CallOptions", longest), retry_overloaded
            )

    def _send(
        self,
        planned: PlannedSubmission,
        attachment: FormFile | None,
        deadline: float,
        options: CallOptions,
        retry_overloaded: bool,  # noqa: FBT001
    ) -> Accepted:
        request_id = self._calls.submit(
            planned.operation(attachment),
            decode_submitted,
            timeout=self._left(deadline),
            options=options,
            submission=planned.submission(retry_overloaded=retry_overloaded),
        )
        sha256 = None if attachment is None else attachment.sha256
        return Accepted(f"{planned.task.endpoint}/{request_id}", sha256)

    def _left(self, deadline: float) -> float:
        return max(0.01, deadline - self._now())

    def _now(self) -> float:
        return self._context.clock.monotonic()
