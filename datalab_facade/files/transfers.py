"""Uploads and downloads of files: what the blocking and the async form share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from datalab_facade.arguments import is_folder
from datalab_facade.context import Context
from datalab_facade.drift import Drift
from datalab_facade.errors import DownloadFailure
from datalab_facade.files.decoding import Confirmation
from datalab_facade.files.models import File, FileLink
from datalab_facade.files.sources import Described
from datalab_facade.files.uploading import Upload, UploadPolicy
from datalab_facade.models import JSON
from datalab_facade.outputs.downloading import (
    Chunk,
    Download,
    DownloadPolicy,
    RemoteFile,
    download_error,
)
from datalab_facade.outputs.naming import safe_name
from datalab_facade.outputs.parts import PartFile, sync_folder
from datalab_facade.outputs.progress import OnProgress, ProgressMeter
from datalab_facade.redaction import redact_name

_T = TypeVar("_T")

DEFAULT_TIMEOUT = 3_600.0
"""Seconds for one file, retries included: URLs are valid for about an hour."""


def drift_recorder(
    context: Context, decode: Callable[[JSON], tuple[_T, set[Drift]]]
) -> Callable[[JSON], _T]:
    """Wrap a decoder so that the drift it finds is counted."""
    return lambda answer: context.record_drift(*decode(answer))


def plan_upload(context: Context, name: str, deadline: float) -> Upload:
    """Create the plan of one upload."""
    return Upload(
        name,
        UploadPolicy(),
        deadline=deadline,
        random=context.random,
        allow_http=context.allow_http,
    )


def uploaded_file(described: Described, size: int, confirmation: Confirmation) -> File:
    """Describe a file that was sent and confirmed."""
    return File(
        id=confirmation.file_id,
        reference=confirmation.reference,
        filename=described.name,
        content_type=described.content_type,
        size=size,
        status="completed",
    )


class FileDownload:
    """The download of one file to its path on disk."""

    def __init__(
        self,
        link: FileLink,
        path: Path,
        *,
        max_bytes: int | None,
        on_progress: OnProgress | None,
    ) -> None:
        name = link.filename or f"file-{link.file_id}"
        self._remote = RemoteFile(link.file_id, name, link.url)
        # A name from the server must never choose the folder.
        self._goal = path / safe_name(redact_name(name)) if is_folder(path) else path
        self._max_bytes = max_bytes
        self._meter = ProgressMeter(redact_name(name), on_progress)

    def part(self, *, overwrite: bool) -> PartFile:
        """Create the part file beside the final path."""
        return PartFile(self._remote, self._goal, overwrite=overwrite)

    def download(self, context: Context, deadline: float, part: PartFile) -> Download:
        """Create the plan of one download, which resumes the part."""
        download = Download(
            self._remote,
            DownloadPolicy(),
            deadline=deadline,
            random=context.random,
            allow_http=context.allow_http,
            facts=part.facts,
            received=part.received,
        )
        self._meter.begin(download.received, download.facts.total, context.clock.monotonic())
        return download

    def take(self, part: PartFile, chunk: Chunk, download: Download, now: float) -> None:
        """Write a chunk.

        Raises:
            DownloadError: The file is larger than allowed, or the disk cannot be written.
        """
        done, total = chunk.offset + len(chunk.data), download.facts.total
        if self._max_bytes is not None and max(done, total or 0) > self._max_bytes:
            raise download_error(
                self._remote,
                DownloadFailure.TOO_LARGE,
                f"is larger than {self._max_bytes} bytes. Allow more with max_bytes",
            )
        part.take(chunk, download.facts)
        self._meter.update(done, total, now)

    def finish_progress(self, download: Download, now: float) -> None:
        """Report that the download is complete."""
        self._meter.update(download.received, download.received, now)

    def finish(self, part: PartFile, download: Download) -> Path:
        """Verify the bytes, and give the file its name.

        Raises:
            DownloadError: The file differs from what storage announced, or cannot be written.
        """
        goal = part.finish(download.facts, lambda *_: self._goal, checksum=False)
        sync_folder(goal.parent)
        return goal
