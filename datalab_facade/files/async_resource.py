"""Files, for async code: upload, list, get, download, delete."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Unpack

from datalab_facade.arguments import (
    checked_count,
    checked_path,
    checked_plain_function,
    is_folder,
)
from datalab_facade.files.async_file_uploads import AsyncFileUploads
from datalab_facade.files.models import File, FileLink
from datalab_facade.files.names import AnyFile, checked_lifetime, file_number
from datalab_facade.files.remote_files import remote_file
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.paging import Paging
from datalab_facade.transfers.naming import safe_name
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.progress import OnProgress, ProgressMeter

MOST_PER_PAGE = 100
"""The most files that the API returns in one answer."""


@shows_options(CallOptions)
class AsyncFiles(AsyncFileUploads):
    """Files, for async code. Found at ``client.files``.

    A file is named by its integer id, its hashid (``"npl94jxy"``), its reference
    (``"datalab://file-npl94jxy"``) or a :class:`~datalab_facade.File`.

    >>> async def reference(client, path):
    ...     return (await client.files.upload(path)).reference
    """

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int = MOST_PER_PAGE,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[File, None]:
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
        paging = Paging[File](
            limit=limit, page_size=page_size, most=MOST_PER_PAGE, key=lambda file: file.id
        )
        return self._requests.pages(paging, timeout, options)

    async def get(
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
        return await self._requests.file(file_number(file), timeout, options)

    async def download_url(
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
        return await self._requests.link(
            file_number(file), checked_lifetime(expires_in), timeout, options
        )

    async def download(
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
        checked_plain_function("on_progress", on_progress)
        deadline = self._start(timeout)
        link = await self.download_url(number, timeout=self._call_timeout(deadline), **options)
        remote = remote_file(link)
        # A name from the server must never choose the folder.
        target = goal / safe_name(remote.label) if is_folder(goal) else goal

        async def renew(_refused: str, left: float) -> str | None:
            timeout = min(left, self._context.options.timeout)
            return (await self.download_url(link.file_id, timeout=timeout, **options)).url

        return await self._downloads.save(
            remote,
            renew,
            target,
            describe=lambda *_: target,
            deadline=deadline,
            meter=ProgressMeter(remote.label, on_progress),
            overwrite=overwrite,
            max_bytes=max_bytes,
        )

    async def delete(
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
        await self._requests.delete(file_number(file), timeout, options)
