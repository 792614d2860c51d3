# Generated from async_resource.py by scripts/unasync.py; change that file, not this one.
"""Files, for blocking code: upload, list, get, download, delete."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Unpack

from datalab_facade.arguments import (
    checked_callable,
    checked_count,
    checked_iterable,
    checked_path,
    checked_seconds,
    is_folder,
)
from datalab_facade.concurrency import as_they_end, read_all
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError
from datalab_facade.files.descriptions import MAX_FILE_BYTES, describe
from datalab_facade.files.models import File, FileLink
from datalab_facade.files.names import AnyFile, checked_lifetime, file_number
from datalab_facade.files.paging import MOST_PER_PAGE, Paging
from datalab_facade.files.remote_files import remote_file
from datalab_facade.files.requests import FileRequests
from datalab_facade.files.uploads import (
    DEFAULT_CONCURRENCY,
    Uploadable,
    UploadOutcome,
    files_in_order,
    number_sources,
    split_name,
)
from datalab_facade.options import CallOptions
from datalab_facade.transfers.commands import Confirmation, Ticket
from datalab_facade.transfers.downloads import Downloads
from datalab_facade.transfers.naming import safe_name
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.progress import OnProgress, ProgressMeter
from datalab_facade.transfers.sources import UploadSource
from datalab_facade.transfers.uploads import UploadCalls, Uploads
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.storage import StorageTransport


class Files:
    """Files, for blocking code. Found at ``client.files``.

    A file is named by its integer id, its hashid (``"npl94jxy"``), its reference
    (``"datalab://file-npl94jxy"``) or a :class:`~datalab_facade.File`.

    >>> def reference(client, path):
    ...     return (client.files.upload(path)).reference
    """

    def __init__(self, api: ApiTransport, storage: StorageTransport, context: Context) -> None:
        self._storage = storage
        self._context = context
        self._requests = FileRequests(api, context)
        self._downloads = Downloads(storage, context)
        self._uploads = Uploads(storage, context)

    def upload(
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
            options: For the requests to the API; rarely needed: ``request_timeout``,
                ``max_retries``, ``headers``.

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
        return self._upload(
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
        sources: Iterable[Uploadable],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        max_bytes: int = MAX_FILE_BYTES,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        **options: Unpack[CallOptions],
    ) -> Generator[UploadOutcome, None, None]:
        """Upload many files, several at a time, and yield the outcome of each as it ends.

        A file that fails has an outcome with its error, and the others continue. Leaving
        the loop early cancels the uploads that are running.

        Args:
            sources: What :meth:`upload` takes, or tuples of a name and such a source.
                They are read one at a time as uploads end, so there may be many.
            concurrency: The number of uploads at once; 4 by default.
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
        checked_iterable("sources", sources)
        checked_count("max_bytes", max_bytes, least=1)
        checked_callable("on_progress", on_progress)
        seconds = checked_seconds("timeout", timeout)

        def upload(uploadable: Uploadable) -> UploadOutcome:
            try:
                name, source = split_name(uploadable)
                file = self._upload(
                    source,
                    name,
                    None,
                    max_bytes=max_bytes,
                    on_progress=on_progress,
                    timeout=seconds,
                    options=options,
                )
            except DatalabError as error:
                return UploadOutcome(source=uploadable, error=error)
            return UploadOutcome(source=uploadable, file=file)

        return as_they_end(sources, upload, concurrency=many, name="datalab-upload")

    def upload_all(
        self,
        sources: Iterable[Uploadable],
        *,
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
        checked_iterable("sources", sources)
        numbered = number_sources(read_all(sources))
        outcomes = self.upload_many(
            numbered,
            concurrency=concurrency,
            max_bytes=max_bytes,
            on_progress=on_progress,
            timeout=timeout,
            **options,
        )
        return files_in_order(numbered, list(outcomes))

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int = MOST_PER_PAGE,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Generator[File, None, None]:
        """List all files, the newest first as far as the API keeps to that.

        Pages are requested as they are needed, the first when iteration begins.
        No file is listed twice, even if files are added meanwhile; if a file is deleted
        meanwhile, another one may be skipped.

        Args:
            limit: The largest number of files to yield; by default all.
            page_size: The number of files per request, 1 to 100; 100 by default.
            timeout: Seconds, or a timedelta, for each page; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of files.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            UnprocessableEntityError: The server rejects a value of the request.
            APIStatusError: The server refused in another way.
            APIConnectionError: No complete answer came.
            InvalidResponseError: The answer is not a list of files.
        """
        paging = Paging(limit=limit, page_size=page_size)

        def files() -> Generator[File, None, None]:
            while (page_request := paging.next_request) is not None:
                page = self._requests.page(page_request, timeout, options)
                yield from paging.take(page)

        return files()

    def get(
        self,
        file: AnyFile,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> File:
        """Get a file's metadata.

        Args:
            file: Its id, hashid or reference. The published spec asks for the integer id,
                but the official client sends either. So a hashid is sent as it is; if the
                API rejects it (422), the integer id is looked up by confirming the upload,
                which accepts both.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            NotFoundError: The file is unknown to this key.
            UnprocessableEntityError: The server rejects a value of the request.
            APIStatusError: The server refused in another way.
            APIConnectionError: No complete answer came.
            InvalidResponseError: The answer is not a file.
        """
        return self._requests.file(file_number(file), timeout, options)

    def download_url(
        self,
        file: AnyFile,
        *,
        expires_in: int = 3600,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> FileLink:
        """Request a temporary URL at which anybody can fetch a file.

        Args:
            file: As for :meth:`get`.
            expires_in: The seconds for which it is valid, 60 to 86400; an hour by default.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The link; its ``url`` is a credential.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DatalabError: Whatever :meth:`get` raises.
        """
        return self._requests.link(
            file_number(file), checked_lifetime(expires_in), timeout, options
        )

    def download(
        self,
        file: AnyFile,
        path: str | Path,
        *,
        overwrite: bool = False,
        max_bytes: int | None = None,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        **options: Unpack[CallOptions],
    ) -> Path:
        """Download an uploaded file, in constant memory.

        The file gets its name only when it is complete and verified. Until then it grows
        beside it as ``.part``; a download that was killed resumes from there.

        Args:
            file: As for :meth:`get`.
            path: The file to write. In an existing folder, the file gets the name that it
                was uploaded under, made safe.
            overwrite: Replace an existing file; by default that is an error.
            max_bytes: The largest size in bytes; by default any.
            on_progress: Called with a :class:`~datalab_facade.Progress` some times a second.
            timeout: Seconds, or a timedelta, for the whole call; an hour by default.
            options: For the requests to the API, as for :meth:`get`.

        Returns:
            The path of the file.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DownloadError: The file could not be fetched or written; ``reason`` says why.
            DatalabError: Whatever :meth:`download_url` raises.
        """
        number = file_number(file)
        goal = checked_path("path", path)
        if max_bytes is not None:
            checked_count("max_bytes", max_bytes, least=0)
        checked_callable("on_progress", on_progress)
        deadline = self._start(timeout)
        link = self.download_url(number, timeout=self._call_timeout(deadline), **options)
        remote = remote_file(link)
        # A name from the server must never choose the folder.
        target = goal / safe_name(remote.label) if is_folder(goal) else goal

        def renew(_refused: str, left: float) -> str | None:
            timeout = min(left, self._context.options.timeout)
            return self.download_url(link.file_id, timeout=timeout, **options).url

        return self._downloads.save(
            remote,
            renew,
            target,
            describe=lambda *_: target,
            deadline=deadline,
            meter=ProgressMeter(remote.label, on_progress),
            overwrite=overwrite,
            max_bytes=max_bytes,
        )

    def delete(
        self,
        file: AnyFile,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Delete a file.

        Repeating it is safe: deleting a file that a first attempt deleted succeeds.

        Args:
            file: As for :meth:`get`.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            RequestRejectedError: The API says that it did not delete the file.
            DatalabError: Whatever :meth:`get` raises.
        """
        self._requests.delete(file_number(file), timeout, options)

    def _upload(
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
        checked_callable("on_progress", on_progress)
        described = describe(source, name, content_type)
        deadline, most = self._start(timeout), self._context.options.timeout

        def request_url(left: float) -> Ticket:
            return self._requests.ticket(described, min(left, most), options)

        def confirm(file_id: int, left: float) -> Confirmation:
            return self._requests.confirmation(file_id, min(left, most), options)

        confirmation, size = self._uploads.send(
            source,
            described.name,
            described.content_type,
            UploadCalls(request_url, confirm),
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
        deadline = self._now() + checked_seconds("timeout", timeout)
        self._storage.ready()
        return deadline

    def _call_timeout(self, deadline: float) -> float:
        return min(max(0.01, deadline - self._now()), self._context.options.timeout)

    def _now(self) -> float:
        return self._context.clock.monotonic()
