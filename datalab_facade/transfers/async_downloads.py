"""Downloads, for async code: from storage into memory, to disk or to whoever reads on.

What to do next is decided in :mod:`~datalab_facade.transfers.downloading`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from datalab_facade.activities import Activity
from datalab_facade.clock import Clock
from datalab_facade.concurrency import off_loop_async
from datalab_facade.context import Context
from datalab_facade.errors import DownloadError, DownloadFailure
from datalab_facade.interrupting import check_interrupted
from datalab_facade.jobs.async_driving import drive_async
from datalab_facade.redaction import excerpt
from datalab_facade.transfers.commands import DownloadCommand, Fetch, Read, Renew, StorageReply
from datalab_facade.transfers.disk import sync_folder
from datalab_facade.transfers.downloading import (
    Chunk,
    Download,
    DownloadValue,
)
from datalab_facade.transfers.part_files import PartFile
from datalab_facade.transfers.policies import DownloadPolicy
from datalab_facade.transfers.progress import ProgressMeter
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transfers.sinks import Collector, Reader
from datalab_facade.transport.async_storage import AsyncIncoming, AsyncStorageTransport

_T = TypeVar("_T")

AsyncRenewUrl: TypeAlias = Callable[[str, float], Awaitable[str | None]]
"""Requests a new URL from the API; takes the refused one, and the seconds that are left. None
if the object is gone."""

logger = logging.getLogger("datalab_facade.transfers")


class AsyncDownloads:
    """The downloads of one client, for async code."""

    def __init__(self, storage: AsyncStorageTransport, context: Context) -> None:
        self._storage = storage
        self._context = context

    async def read(
        self, remote: Remote, renew: AsyncRenewUrl, *, deadline: float, max_bytes: int
    ) -> bytes:
        """Read an object into memory, decompressed.

        Args:
            remote: The object.
            renew: Requests a new URL.
            deadline: When it has to be over, of the client's clock.
            max_bytes: The largest size in bytes, decompressed.

        Raises:
            OutputTooLargeError: The object is larger than ``max_bytes``.
            DownloadError: The download failed; ``reason`` says why.
        """
        activity = self._activity(remote)

        async def attempt() -> bytes:
            collector = Collector(remote, max_bytes=max_bytes)
            download = self._plan(remote, deadline)
            async with contextlib.aclosing(self._chunks(download, renew, activity)) as chunks:
                async for chunk in chunks:
                    collector.take(chunk, download.facts)
            return collector.finish(download.facts)

        with activity.reported():
            return await _retry_if_corrupt_async(attempt)

    async def save(
        self,
        remote: Remote,
        renew: AsyncRenewUrl,
        path: Path,
        *,
        describe: Callable[[int, str | None, str | None], _T],
        saved: Callable[[_T], object] | None = None,
        deadline: float,
        meter: ProgressMeter,
        overwrite: bool,
        checksum: bool = False,
        max_bytes: int | None = None,
    ) -> _T:
        """Save an object to a file, in constant memory.

        Args:
            remote: The object.
            renew: Requests a new URL.
            path: The file; it gets its name when it is complete and verified.
            describe: Called before that with the file's length in bytes, its SHA-256 if that
                is known, and the media type that storage sent.
            saved: Called after that with what ``describe`` returned; by default the folder
                is synced to the disk.
            deadline: When it has to be over, of the client's clock.
            meter: Reports the progress.
            overwrite: Replace an existing file.
            checksum: Compute the file's SHA-256.
            max_bytes: The largest size in bytes, as it is sent; by default any.

        Returns:
            What ``describe`` returned.

        Raises:
            DownloadError: The object could not be fetched or written; ``reason`` says why.
        """
        activity = self._activity(remote)

        async def attempt() -> _T:
            with PartFile(remote, path, overwrite=overwrite, checksum=checksum) as part:
                download = self._plan(remote, deadline, part)
                meter.begin(download.received, download.facts.total, self._now())
                async with contextlib.aclosing(self._chunks(download, renew, activity)) as chunks:
                    async for chunk in chunks:
                        check_interrupted()
                        done, total = chunk.offset + len(chunk.data), download.facts.total
                        if max_bytes is not None and max(done, total or 0) > max_bytes:
                            raise remote.error(
                                DownloadFailure.TOO_LARGE,
                                f"is larger than {max_bytes} bytes. Allow more with max_bytes",
                            )
                        part.take(chunk, download.facts)
                        meter.update(done, total, self._now())
                meter.update(download.received, download.received, self._now())

                def finish() -> _T:
                    facts = download.facts
                    described = part.finish(
                        facts, lambda size, sha256: describe(size, sha256, facts.media_type)
                    )
                    if saved is None:
                        sync_folder(path.parent)
                    else:
                        saved(described)
                    return described

                # The disk may be slow.
                return await off_loop_async(finish)

        with activity.reported():
            return await _retry_if_corrupt_async(attempt)

    def stream(
        self, remote: Remote, renew: AsyncRenewUrl, *, deadline: float
    ) -> AsyncGenerator[bytes, None]:
        """Stream an object, decompressed. The caller closes the iterator.

        Arguments as :meth:`read`.

        Raises:
            DownloadError: The download failed and cannot resume; ``reason`` says why.
        """
        download = self._plan(remote, deadline, restartable=False)

        async def pieces() -> AsyncGenerator[bytes, None]:
            reader = Reader(remote)
            with self._activity(remote).reported() as activity:
                async with contextlib.aclosing(self._chunks(download, renew, activity)) as chunks:
                    async for chunk in chunks:
                        for piece in reader.feed(chunk, download.facts):
                            yield piece
                reader.finish()

        return pieces()

    def _plan(
        self,
        remote: Remote,
        deadline: float,
        part: PartFile | None = None,
        *,
        restartable: bool = True,
    ) -> Download:
        return Download(
            remote,
            DownloadPolicy(),
            deadline=deadline,
            random=self._context.random,
            allow_http=self._context.allow_http,
            facts=part.facts if part is not None else None,
            received=part.received if part is not None else 0,
            restartable=restartable,
        )

    def _activity(self, remote: Remote) -> Activity:
        kind, job_id = remote.job or (None, None)
        return Activity(
            self._context.reporter,
            remote.subject,
            name="download",
            job_kind=kind,
            job_id=job_id,
        )

    async def _chunks(
        self, download: Download, renew: AsyncRenewUrl, activity: Activity
    ) -> AsyncGenerator[Chunk, None]:
        """Run a download to its end, and yield its chunks."""
        clock = self._context.clock
        performer = _AsyncPerformer(self._storage, renew, clock, activity)
        chunks = drive_async(download.steps(), performer.carry_out, clock=clock, activity=activity)
        try:
            async with contextlib.aclosing(chunks):
                async for chunk in chunks:
                    if chunk.offset == 0 and not chunk.data and download.facts.no_encoding:
                        logger.info(
                            "%s is passed on unchanged: its Content-Encoding %r is not a "
                            "compression",
                            download.remote.subject,
                            excerpt(download.facts.no_encoding),
                        )
                    yield chunk
        finally:
            await performer.close()

    def _now(self) -> float:
        return self._context.clock.monotonic()


class _AsyncPerformer:
    """Carries out the commands of one download. Holds the answer whose body is being read."""

    def __init__(
        self,
        storage: AsyncStorageTransport,
        renew: AsyncRenewUrl,
        clock: Clock,
        activity: Activity,
    ) -> None:
        self._storage = storage
        self._renew = renew
        self._clock = clock
        self._activity = activity
        self._incoming: AsyncIncoming | None = None
        self._body: AsyncGenerator[bytes, None] | None = None

    async def carry_out(self, command: DownloadCommand) -> DownloadValue:
        if isinstance(command, Read):
            return await self._read()
        await self.close()
        left = command.seconds_left(self._clock.monotonic())
        if isinstance(command, Fetch):
            return await self._fetch(command, left)
        assert isinstance(command, Renew)
        return await self._renew(command.refused, left)

    async def _fetch(self, command: Fetch, left: float) -> StorageReply:
        incoming = await self._storage.open(
            command.url, command.headers, timeout=left, activity=self._activity
        )
        self._incoming = incoming
        body = Read(command.deadline)
        self._body = incoming.chunks(lambda: body.seconds_left(self._clock.monotonic()))
        reply = StorageReply(incoming.status, incoming.headers)
        if reply.status not in (200, 206):
            # Its body is of no interest, and what comes next may be a long pause.
            await self.close()
        return reply

    async def _read(self) -> bytes | None:
        assert self._body is not None
        data = None
        try:
            data = await anext(self._body, None)
            self._activity.bytes += len(data or b"")
        finally:
            if data is None:
                await self.close()
        return data

    async def close(self) -> None:
        incoming, body = self._incoming, self._body
        self._incoming = self._body = None
        if body is not None:
            await body.aclose()
        if incoming is not None:
            await incoming.close()


async def _retry_if_corrupt_async(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Download a second time if the bytes were corrupt: the network may be the cause."""
    try:
        return await attempt()
    except DownloadError as error:
        if error.reason != DownloadFailure.CORRUPT:
            raise
        return await attempt()
