"""Files, for async code: upload, list, look, fetch back, delete.

See :mod:`~datalab_facade.files.resource`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar, Unpack

from datalab_facade.arguments import (
    checked_callable,
    checked_count,
    checked_iterable,
    checked_path,
    checked_seconds,
)
from datalab_facade.calling import AsyncApiCaller
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError, UnprocessableEntityError
from datalab_facade.files.decoding import (
    Confirmation,
    Ticket,
    decode_confirmation,
    decode_deletion,
    decode_file,
    decode_link,
    decode_page,
    decode_ticket,
)
from datalab_facade.files.filing import (
    DEFAULT_TIMEOUT,
    FileDownload,
    planned_upload,
    recording_drift,
    uploaded,
)
from datalab_facade.files.models import File, FileLink
from datalab_facade.files.names import AnyFile, checked_lifetime, file_number
from datalab_facade.files.paging import MOST_PER_PAGE, Paging
from datalab_facade.files.sending import AsyncAsking, Outgoing, open_source_async, send_file_async
from datalab_facade.files.sources import MAX_FILE_BYTES, UploadSource, describe
from datalab_facade.files.uploads import (
    DEFAULT_CONCURRENCY,
    Uploadable,
    UploadOutcome,
    taken_apart,
    upload_all_async,
)
from datalab_facade.options import CallOptions
from datalab_facade.outputs.fetching import fetch_async
from datalab_facade.outputs.saving import with_one_repeat_async
from datalab_facade.outputs.transfers import OnProgress, ProgressMeter
from datalab_facade.transport.api import AsyncApiTransport
from datalab_facade.transport.operations import (
    Operation,
    confirm_upload,
    delete_file,
    file_download_url,
    file_metadata,
    list_files,
    request_upload_url,
)
from datalab_facade.transport.storage import AsyncStorageTransport
from datalab_facade.workers import in_thread

_T = TypeVar("_T")


class AsyncFiles:
    """Files, for async code. Found at ``client.files``.

    A file is named by its integer id, its hashid (``"npl94jxy"``), its reference
    (``"datalab://file-npl94jxy"``) or a :class:`~datalab_facade.File`.

    >>> async def reference(client, path):
    ...     return (await client.files.upload(path)).reference
    """

    def __init__(
        self, api: AsyncApiTransport, storage: AsyncStorageTransport, context: Context
    ) -> None:
        self._storage = storage
        self._context = context
        self._calls = AsyncApiCaller(api, context)

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

        The API gives a URL, the bytes go to storage (without the key), and the API
        confirms that they came. Connections that break are made again, and all of
        it is sent again; a URL that has expired is replaced. That is safe: a URL to
        which nothing was sent costs nothing, and leaves at most an entry whose
        ``upload_status`` is ``"pending"``.

        Args:
            source: A path, bytes, or a file opened in binary mode. An open file is
                read from where it stands to its end, and stays open. One that
                cannot seek, such as a pipe, is first copied to a temporary file; if time
                is over meanwhile, a piece of it that was waited for is lost.
            name: Its name at Datalab; by default the last part of its path.
            content_type: Its media type; by default that of the name's suffix. Of a
                suffix that Datalab documents no support for, it must be given.
            max_bytes: The most that it may have; 200 MB is what Datalab documents.
            on_progress: Called with how far it has come, some times a second.
            timeout: Seconds, or a timedelta, for all of it, hard.
            options: For the requests to the API; rarely needed: ``request_timeout``,
                ``max_retries``, ``headers``.

        Returns:
            The file, as it was sent and confirmed. Its ``created`` is None; :meth:`get`
            tells it.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            UploadError: It cannot be read or sent, or was not confirmed; ``reason``
                tells why. Missing, empty and too large files: nothing was sent.
            AuthenticationError: The key is wrong.
            APIStatusError: The API says no in another way.
            APIConnectionError: No whole answer of the API came.
            InvalidResponseError: The API's answer is no upload URL.
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
        max_bytes: int = MAX_FILE_BYTES,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[UploadOutcome, None]:
        """Upload many files, several at a time; give the outcome of each as it comes.

        One that fails has an outcome that says so, and the rest goes on. Leaving
        early ends what is under way.

        Args:
            sources: What :meth:`upload` takes, or tuples of a name and such a source.
                They are read as there is room, so they may be many.
            concurrency: How many are sent at once.
            max_bytes: The most that each may have.
            on_progress: Called with how far each has come; by the blocking client, from
                several threads.
            timeout: Seconds, or a timedelta, for each.
            options: As for :meth:`upload`.

        Returns:
            An iterator of outcomes, in the order in which they come to be.

        Raises:
            InvalidArgumentError: The concurrency is wrong; nothing was sent.
            Exception: Whatever reading the sources raises.
        """
        many = checked_count("concurrency", concurrency, least=1)
        checked_iterable("sources", sources, or_async=True)
        checked_count("max_bytes", max_bytes, least=1)
        checked_callable("on_progress", on_progress)
        seconds = checked_seconds("timeout", timeout)

        async def upload(uploadable: Uploadable) -> File:
            name, source = taken_apart(uploadable)
            return await self._upload(
                source,
                name,
                None,
                max_bytes=max_bytes,
                on_progress=on_progress,
                timeout=seconds,
                options=options,
            )

        return upload_all_async(sources, upload, concurrency=many)

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int = MOST_PER_PAGE,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[File, None]:
        """List all files, the newest first as far as the API keeps to that.

        Pages are asked for as they are needed, nothing before the first file is.
        No file comes twice, whatever is added meanwhile; one that is deleted meanwhile
        may keep another one from being seen.

        Args:
            limit: The most files to give; by default all.
            page_size: How many to ask for at once, 1 to 100.
            timeout: Seconds, or a timedelta, for each page; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of files.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            UnprocessableEntityError: The server finds fault with the request.
            APIStatusError: The server says no in another way.
            APIConnectionError: No whole answer came.
            InvalidResponseError: The answer is no list of files.
        """
        paging = Paging(limit=limit, page_size=page_size)

        async def files() -> AsyncGenerator[File, None]:
            while (wanted := paging.wanted) is not None:
                page = await self._calls.ask(
                    list_files(wanted.limit, wanted.offset),
                    recording_drift(self._context, decode_page),
                    timeout=timeout,
                    options=options,
                    subject="list of files",
                )
                for file in paging.take(page):
                    yield file

        return files()

    async def get(
        self,
        file: AnyFile,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> File:
        """Look at a file.

        Args:
            file: Its id, hashid or reference. The published spec wants the integer id,
                and the official client sends either; so a hashid is sent as it is, and
                should the API refuse it (422), its integer id is found by the
                confirmation of its upload, which takes both.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            NotFoundError: The file is unknown to this key.
            UnprocessableEntityError: The server finds fault with the request.
            APIStatusError: The server says no in another way.
            APIConnectionError: No whole answer came.
            InvalidResponseError: The answer is no file.
        """
        return await self._about(
            file_number(file),
            file_metadata,
            lambda operation, asked: self._calls.ask(
                operation,
                recording_drift(self._context, partial(decode_file, requested_id=asked)),
                timeout=timeout,
                options=options,
                subject=f"file {asked}",
            ),
            timeout,
            options,
        )

    async def download_url(
        self,
        file: AnyFile,
        *,
        expires_in: int = 3600,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> FileLink:
        """Ask for a URL at which anybody can fetch a file for a while.

        Args:
            file: As for :meth:`get`.
            expires_in: For how many seconds it is good, 60 to 86400.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The link; its ``url`` is a credential.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DatalabError: Whatever :meth:`get` raises.
        """
        number, lifetime = file_number(file), checked_lifetime(expires_in)
        return await self._about(
            number,
            lambda found: file_download_url(found, lifetime),
            lambda operation, asked: self._calls.ask(
                operation,
                recording_drift(self._context, partial(decode_link, requested_id=asked)),
                timeout=timeout,
                options=options,
                subject=f"file {asked}",
            ),
            timeout,
            options,
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
        """Fetch a file that was uploaded, in constant memory.

        It has its name only when it is whole and checked. Until then it grows beside
        it as ``.part``, and a killed download goes on from there.

        Args:
            file: As for :meth:`get`.
            path: Where to. In a folder that is there, the file gets the name that it
                was uploaded under, made harmless.
            overwrite: Take the place of a file that is there.
            max_bytes: The most that it may have; by default anything.
            on_progress: Called with how far it has come, some times a second.
            timeout: Seconds, or a timedelta, for all of it.
            options: For the requests to the API, as for :meth:`get`.

        Returns:
            Where the file is.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DownloadError: It could not be fetched or written; ``reason`` tells why.
            DatalabError: Whatever :meth:`download_url` raises.
        """
        number = file_number(file)
        goal = checked_path("path", path)
        if max_bytes is not None:
            checked_count("max_bytes", max_bytes, least=0)
        checked_callable("on_progress", on_progress)
        deadline = self._begun(timeout)
        link = await self.download_url(number, timeout=self._call_timeout(deadline), **options)
        landing = FileDownload(link, goal, max_bytes=max_bytes, on_progress=on_progress)

        async def renewed(_refused: str, left: float) -> str | None:
            timeout = min(left, self._context.options.timeout)
            return (await self.download_url(link.file_id, timeout=timeout, **options)).url

        async def saved() -> Path:
            with landing.part(overwrite=overwrite) as part:
                download = landing.download(self._context, deadline, part)
                chunks = fetch_async(download, self._storage, renewed, clock=self._context.clock)
                async with contextlib.aclosing(chunks):
                    async for chunk in chunks:
                        landing.take(part, chunk, download, self._now())
                landing.arrived(download, self._now())
                # Checking reads the whole file, which would hold up the loop.
                return await in_thread(lambda: landing.finish(part, download))

        return await with_one_repeat_async(saved)

    async def delete(
        self,
        file: AnyFile,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Delete a file.

        It may be repeated without harm: a second try that finds nothing left is done.

        Args:
            file: As for :meth:`get`.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            RequestRejectedError: The API says that it did not delete it.
            DatalabError: Whatever :meth:`get` raises.
        """
        await self._about(
            file_number(file),
            delete_file,
            lambda operation, asked: self._calls.remove(
                operation,
                recording_drift(self._context, partial(decode_deletion, requested_id=asked)),
                timeout=timeout,
                options=options,
                subject=f"file {asked}",
            ),
            timeout,
            options,
        )

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
        context = self._context
        checked_count("max_bytes", max_bytes, least=1)
        checked_callable("on_progress", on_progress)
        described = describe(source, name, content_type)
        deadline = self._begun(timeout)

        async def ask_for_url(left: float) -> Ticket:
            return await self._calls.ask(
                request_upload_url(described.name, described.content_type),
                recording_drift(context, decode_ticket),
                timeout=min(left, context.options.timeout),
                options=options,
                subject=f"upload of {described.name!r}",
            )

        async def confirm(file_id: int, left: float) -> Confirmation:
            return await self._confirmed(file_id, min(left, context.options.timeout), options)

        upload = planned_upload(context, described.name, deadline)
        meter = ProgressMeter(described.name, on_progress)
        opening = open_source_async(
            source, described.name, max_bytes=max_bytes, timeout=deadline - self._now()
        )
        with await opening as opened:
            outgoing = Outgoing(described, opened, meter, context.clock)
            asking = AsyncAsking(ask_for_url, confirm)
            confirmed = await send_file_async(
                upload, outgoing, self._storage, asking, context.clock
            )
            return uploaded(described, opened.size, confirmed)

    async def _confirmed(
        self, file: int | str, timeout: float | timedelta | None, options: CallOptions
    ) -> Confirmation:
        return await self._calls.ask(
            confirm_upload(file),
            recording_drift(self._context, partial(decode_confirmation, requested_id=file)),
            timeout=timeout,
            options=options,
            subject=f"confirmation of file {file}",
        )

    async def _about(
        self,
        number: int | str,
        operation: Callable[[int | str], Operation],
        ask: Callable[[Operation, int | str], Awaitable[_T]],
        timeout: float | timedelta | None,
        options: CallOptions,
    ) -> _T:
        """Ask about a file; by its integer id where its hashid will not do."""
        try:
            return await ask(operation(number), number)
        except UnprocessableEntityError as error:
            if isinstance(number, int):
                raise
            try:
                found = (await self._confirmed(number, timeout, options)).file_id
            except DatalabError:
                raise error from None
        return await ask(operation(found), found)

    def _begun(self, timeout: float | timedelta) -> float:
        """Give the deadline of a transfer that begins now, if it may begin."""
        deadline = self._now() + checked_seconds("timeout", timeout)
        self._storage.ready()
        return deadline

    def _call_timeout(self, deadline: float) -> float:
        return min(max(0.01, deadline - self._now()), self._context.options.timeout)

    def _now(self) -> float:
        return self._context.clock.monotonic()
