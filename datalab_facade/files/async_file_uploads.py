"""Uploads of files, for async code: one, many as they end, or several in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from datetime import timedelta
from typing import Unpack

from datalab_facade.arguments import (
    checked_count,
    checked_iterable_async,
    checked_plain_function,
    checked_seconds,
)
from datalab_facade.concurrency import read_all_async
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.files.async_requests import AsyncFileRequests
from datalab_facade.files.descriptions import MAX_FILE_BYTES, checked_media_type, describe
from datalab_facade.files.models import File
from datalab_facade.files.uploads import (
    DEFAULT_CONCURRENCY,
    Uploadable,
    UploadOutcome,
    files_in_order,
    number_sources,
    split_name,
)
from datalab_facade.jobs.async_reporting import report_each_async
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.transfers.async_downloads import AsyncDownloads
from datalab_facade.transfers.async_uploads import AsyncUploadCalls, AsyncUploads
from datalab_facade.transfers.commands import Confirmation, Ticket
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.progress import OnProgress, ProgressMeter
from datalab_facade.transfers.sources import UploadSource
from datalab_facade.transport.async_api import AsyncApiTransport
from datalab_facade.transport.async_storage import AsyncStorageTransport


@shows_options(CallOptions)
class AsyncFileUploads:
    """What uploads files, for async code."""

    def __init__(
        self, api: AsyncApiTransport, storage: AsyncStorageTransport, context: Context
    ) -> None:
        self._storage = storage
        self._context = context
        self._requests = AsyncFileRequests(api, context)
        self._downloads = AsyncDownloads(storage, context)
        self._uploads = AsyncUploads(storage, context)

    async def upload(
        self,
        source: UploadSource,
        *,
        name: str | None = None,
        content_type: str | None = None,
        max_bytes: int = MAX_FILE_BYTES,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        **options: Unpack[CallOptions],
    ) -> File:
        """Upload a file, in constant memory.

        The API issues a URL, the bytes go to storage (without the key), and the API
        confirms that they arrived. After a broken connection the whole file is sent again;
        an expired URL is replaced. That is safe: an unused URL costs nothing, and leaves at
        most a file whose ``status`` is ``"pending"``.

        Args:
            source: A path, bytes, or a file opened in binary mode. An open file is
                read from its current position to its end, and stays open. One that
                cannot seek, such as a pipe, is first copied to a temporary file; after a
                timeout, the piece that was being read from it is lost.
            name: The file's name at Datalab; by default the last part of its path.
            content_type: The media type; by default that of the name's suffix. Required
                for a suffix that Datalab does not document.
            max_bytes: The largest size in bytes; 200 MB by default, Datalab's documented
                limit.
            on_progress: Called with a :class:`~datalab_facade.Progress` some times a second.
            timeout: Seconds, or a timedelta, for the whole call, a hard limit; an hour by default.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The file, as it was sent and confirmed. Its ``created_at`` is None; :meth:`get`
            returns it.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            UploadError: The file cannot be read or sent, or was not confirmed; ``reason``
                says why. For a missing, empty or too large file, nothing was sent.
            AuthenticationError: The key is wrong.
            APIStatusError: The API refused in another way.
            APIConnectionError: No complete answer of the API came.
            InvalidResponseError: The API's answer has no upload URL.
        """
        return await self._upload(
            source,
            name,
            content_type,
            max_bytes=max_bytes,
            on_progress=on_progress,
            timeout=timeout,
            options=options,
        )

    def upload_many(
        self,
        sources: Iterable[Uploadable] | AsyncIterable[Uploadable],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        content_type: str | None = None,
        max_bytes: int = MAX_FILE_BYTES,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[UploadOutcome, None]:
        """Upload many files, several at a time, and yield the outcome of each as it ends.

        A file that fails has an outcome with its error, and the others continue. Leaving
        the loop early cancels the uploads that are running.

        Args:
            sources: What :meth:`upload` takes, or tuples of a name and such a source.
                They are read one at a time as uploads end, so there may be many.
            concurrency: The number of uploads at once; 4 by default.
            content_type: The media type of all of them; by default that of each name's suffix.
            max_bytes: The largest size of each, in bytes.
            on_progress: Called with a :class:`~datalab_facade.Progress` of each file; by the
                blocking client, from several threads.
            timeout: Seconds, or a timedelta, for each; an hour by default.
            options: As for :meth:`upload`.

        Returns:
            An iterator of outcomes, in the order in which the uploads end.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            Exception: Whatever reading the sources raises.
        """
        many = checked_count("concurrency", concurrency, least=1)
        checked_iterable_async("sources", sources)
        checked_count("max_bytes", max_bytes, least=1)
        checked_plain_function("on_progress", on_progress)
        checked_media_type(content_type)
        seconds = checked_seconds("timeout", timeout)

        async def upload(uploadable: Uploadable) -> UploadOutcome:
            try:
                name, source = split_name(uploadable)
                file = await self._upload(
                    source,
                    name,
                    content_type,
                    max_bytes=max_bytes,
                    on_progress=on_progress,
                    timeout=seconds,
                    options=options,
                )
            except DatalabError as error:
                return UploadOutcome(source=uploadable, error=error)
            return UploadOutcome(source=uploadable, file=file)

        reporter = self._context.reporter
        return report_each_async(reporter, "upload_many", sources, upload, concurrency=many)

    async def upload_all(
        self,
        sources: Iterable[Uploadable] | AsyncIterable[Uploadable],
        *,
        content_type: str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        max_bytes: int = MAX_FILE_BYTES,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        **options: Unpack[CallOptions],
    ) -> tuple[File, ...]:
        """Upload several files at once, and return all of them in the order of the sources.

        If some fail, the others are uploaded all the same. Arguments as for
        :meth:`upload_many`, which is better for many files: it keeps none, and an error
        concerns one file alone.

        Returns:
            The files.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DatalabError: A file failed: the error of the first one, with a note on those
                that failed and on those that are at Datalab now.
        """
        checked_iterable_async("sources", sources)
        numbered = number_sources(await read_all_async(sources))
        outcomes = self.upload_many(
            numbered,
            content_type=content_type,
            concurrency=concurrency,
            max_bytes=max_bytes,
            on_progress=on_progress,
            timeout=timeout,
            **options,
        )
        return files_in_order(numbered, [outcome async for outcome in outcomes])

    async def _upload(
        self,
        source: UploadSource,
        name: str | None,
        content_type: str | None,
        *,
        max_bytes: int,
        on_progress: OnProgress | None,
        timeout: float | timedelta,
        options: CallOptions,
    ) -> File:
        checked_count("max_bytes", max_bytes, least=1)
        checked_plain_function("on_progress", on_progress)
        described = describe(source, name, content_type)
        deadline, most = self._start(timeout), self._context.options.timeout

        async def request_url(left: float) -> Ticket:
            return await self._requests.ticket(described, min(left, most), options)

        async def confirm(file_id: int, left: float) -> Confirmation:
            return await self._requests.confirmation(file_id, min(left, most), options)

        confirmation, size = await self._uploads.send(
            source,
            described.name,
            described.content_type,
            AsyncUploadCalls(request_url, confirm),
            max_bytes=max_bytes,
            deadline=deadline,
            meter=ProgressMeter(described.name, on_progress),
        )
        return File(
            id=confirmation.file_id,
            reference=confirmation.reference,
            filename=described.name,
            content_type=described.content_type,
            size=size,
            status="completed",
        )

    def _start(self, timeout: float | timedelta) -> float:
        """Check that a transfer may begin, and return its deadline."""
        deadline = self._context.clock.monotonic() + checked_seconds("timeout", timeout)
        self._storage.ready()
        return deadline

    def _call_timeout(self, deadline: float) -> float:
        left = deadline - self._context.clock.monotonic()
        return min(max(0.01, left), self._context.options.timeout)
