"""Uploads, for async code: from disk or memory to storage, confirmed by the API.

What to do next is decided in :mod:`~datalab_facade.transfers.uploading`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator

import attrs

from datalab_facade.activities import Activity
from datalab_facade.clock import Clock
from datalab_facade.concurrency import off_loop_async
from datalab_facade.context import Context
from datalab_facade.interrupting import check_interrupted
from datalab_facade.jobs.async_driving import drive_async
from datalab_facade.transfers.commands import (
    Compare,
    Confirm,
    Confirmation,
    Put,
    RequestUrl,
    StorageReply,
    Ticket,
    UploadCommand,
)
from datalab_facade.transfers.policies import UploadPolicy
from datalab_facade.transfers.progress import ProgressMeter
from datalab_facade.transfers.sinks import Digests
from datalab_facade.transfers.sources import Source, UploadSource, open_source_async
from datalab_facade.transfers.uploading import Upload, UploadValue
from datalab_facade.transport.async_storage import AsyncStorageTransport


@attrs.frozen
class AsyncUploadCalls:
    """The requests of an upload to the API. Each takes the seconds that are left."""

    request_url: Callable[[float], Awaitable[Ticket]]
    confirm: Callable[[int, float], Awaitable[Confirmation]]


class AsyncUploads:
    """The uploads of one client, for async code."""

    def __init__(self, storage: AsyncStorageTransport, context: Context) -> None:
        self._storage = storage
        self._context = context

    async def send(
        self,
        source: UploadSource,
        name: str,
        content_type: str,
        api: AsyncUploadCalls,
        *,
        max_bytes: int,
        deadline: float,
        meter: ProgressMeter,
    ) -> tuple[Confirmation, int]:
        """Upload a source, in constant memory.

        Args:
            source: The bytes.
            name: The file's name, for error messages.
            content_type: The media type, which the URL's signature covers.
            api: The requests to the API.
            max_bytes: The largest size in bytes.
            deadline: When it has to be over, of the client's clock.
            meter: Reports the progress.

        Returns:
            The API's confirmation, and the size in bytes.

        Raises:
            UploadError: The source cannot be read or sent, or was not confirmed.
            InvalidArgumentError: The source is a file that was opened in text mode.
            DatalabError: The error of the request for a URL.
        """
        clock = self._context.clock
        upload = Upload(
            name,
            UploadPolicy(),
            deadline=deadline,
            random=self._context.random,
            allow_http=self._context.allow_http,
        )
        opening = open_source_async(
            source, name, max_bytes=max_bytes, timeout=deadline - clock.monotonic()
        )
        activity = Activity(self._context.reporter, f"upload of {name!r}", name="upload")
        with activity.reported(), await opening as opened:
            performer = _AsyncPerformer(
                opened,
                content_type,
                storage=self._storage,
                api=api,
                meter=meter,
                clock=clock,
                activity=activity,
            )
            ending = drive_async(
                upload.steps(), performer.carry_out, clock=clock, activity=activity
            )
            [confirmation] = [confirmed async for confirmed in ending]
            return confirmation, opened.size


class _AsyncPerformer:
    """Carries out the commands of one upload."""

    def __init__(
        self,
        source: Source,
        content_type: str,
        *,
        storage: AsyncStorageTransport,
        api: AsyncUploadCalls,
        meter: ProgressMeter,
        clock: Clock,
        activity: Activity,
    ) -> None:
        self._source = source
        # The URL's signature covers the content type.
        self._headers = {"Content-Type": content_type, "Content-Length": str(source.size)}
        self._storage = storage
        self._api = api
        self._meter = meter
        self._clock = clock
        self._activity = activity

    async def carry_out(self, command: UploadCommand) -> UploadValue:
        if isinstance(command, Compare):
            return await off_loop_async(lambda: self._mismatches(command))
        left = command.seconds_left(self._clock.monotonic())
        if isinstance(command, RequestUrl):
            return await self._api.request_url(left)
        if isinstance(command, Put):
            return await self._put(command, left)
        assert isinstance(command, Confirm)
        return await self._api.confirm(command.file_id, left)

    async def _put(self, command: Put, left: float) -> StorageReply:
        async with contextlib.aclosing(self._pieces()) as pieces:
            stored = await self._storage.put(
                command.url,
                self._headers,
                pieces,
                silence=command.stall_timeout,
                timeout=left,
                activity=self._activity,
            )
        return StorageReply(stored.status, stored.headers)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield all bytes, and report how many are sent."""
        done, total = 0, self._source.size
        self._meter.begin(done, total, self._clock.monotonic())
        pieces = self._source.pieces()
        while (piece := await self._next(pieces)) is not None:
            check_interrupted()
            yield piece
            done += len(piece)
            self._activity.bytes += len(piece)
            self._meter.update(done, total, self._clock.monotonic())

    async def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        if self._source.in_memory:
            return next(pieces, None)
        # A disk may be slow.
        return await off_loop_async(lambda: next(pieces, None))

    def _mismatches(self, command: Compare) -> Collection[str]:
        digests = Digests(command.digests)
        for piece in self._source.pieces():
            digests.update(piece)
        return digests.mismatches()
