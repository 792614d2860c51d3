# Generated from async_downloads.py by scripts/unasync.py; change that file, not this one.
"""Downloads, for blocking code: from storage into memory, to disk or to whoever reads on.

What to do next is decided in :mod:`~datalab_facade.transfers.downloading`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias, TypeVar

from datalab_facade.activities import Activity
from datalab_facade.clock import Clock
from datalab_facade.concurrency import off_loop
from datalab_facade.context import Context
from datalab_facade.errors import DownloadError, DownloadFailure
from datalab_facade.interrupting import check_interrupted
from datalab_facade.jobs.driving import drive
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
from datalab_facade.transport.storage import Incoming, StorageTransport

_T = TypeVar("_T")

RenewUrl: TypeAlias = Callable[[str, float], str | None]
"""Requests a new URL from the API; takes the refused one, and the seconds that are left. None
if the object is gone."""

logger = logging.getLogger("datalab_facade.transfers")


class Downloads:
    """The downloads of one client, for blocking code."""

    def __init__(self, storage: StorageTransport, context: Context) -> None:
        self._storage = storage
        self._context = context

    def read(self, remote: Remote, renew: RenewUrl, *, deadline: float, max_bytes: int) -> bytes:
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

        def attempt() -> bytes:
            collector = Collector(remote, max_bytes=max_bytes)
            download = self._plan(remote, deadline)
            with contextlib.closing(self._chunks(download, renew, activity)) as chunks:
                for chunk in chunks:
                    collector.take(chunk, download.facts)
            return collector.finish(download.facts)

        with activity.reported():
            return _retry_if_corrupt(attempt)

    def save(
        self,
        remote: Remote,
        renew: RenewUrl,
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

        def attempt() -> _T:
            with PartFile(remote, path, overwrite=overwrite, checksum=checksum) as part:
                download = self._plan(remote, deadline, part)
                meter.begin(download.received, download.facts.total, self._now())
                with contextlib.closing(self._chunks(download, renew, activity)) as chunks:
                    for chunk in chunks:
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
                return off_loop(finish)

        with activity.reported():
            return _retry_if_corrupt(attempt)

    def stream(
        self, remote: Remote, renew: RenewUrl, *, deadline: float
    ) -> Generator[bytes, None, None]:
        """Stream an object, decompressed. The caller closes the iterator.

        Arguments as :meth:`read`.

        Raises:
            DownloadError: The download failed and cannot resume; ``reason`` says why.
        """
        download = self._plan(remote, deadline, restartable=False)

        def pieces() -> Generator[bytes, None, None]:
            reader = Reader(remote)
            with self._activity(remote).reported() as activity:
                with contextlib.closing(self._chunks(download, renew, activity)) as chunks:
                    for chunk in chunks:
                        yield from reader.feed(chunk, download.facts)
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

    def _chunks(
        self, download: Download, renew: RenewUrl, activity: Activity
    ) -> Generator[Chunk, None, None]:
        """Run a download to its end, and yield its chunks."""
        clock = self._context.clock
        performer = _Performer(self._storage, renew, clock, activity)
        chunks = drive(download.steps(), performer.carry_out, clock=clock, activity=activity)
        try:
            with contextlib.closing(chunks):
                for chunk in chunks:
                    if chunk.offset == 0 and not chunk.data and download.facts.no_encoding:
                        logger.info(
                            "%s is passed on unchanged: its Content-Encoding %r is not a "
                            "compression",
                            download.remote.subject,
                            excerpt(download.facts.no_encoding),
                        )
                    yield chunk
        finally:
            performer.close()

    def _now(self) -> float:
        return self._context.clock.monotonic()


class _Performer:
    """Carries out the commands of one download. Holds the answer whose body is being read."""

    def __init__(
        self,
        storage: StorageTransport,
        renew: RenewUrl,
        clock: Clock,
        activity: Activity,
    ) -> None:
        self._storage = storage
        self._renew = renew
        self._clock = clock
        self._activity = activity
        self._incoming: Incoming | None = None
        self._body: Generator[bytes, None, None] | None = None

    def carry_out(self, command: DownloadCommand) -> DownloadValue:
        if isinstance(command, Read):
            return self._read()
        self.close()
        left = command.seconds_left(self._clock.monotonic())
        if isinstance(command, Fetch):
            return self._fetch(command, left)
        assert isinstance(command, Renew)
        return self._renew(command.refused, left)

    def _fetch(self, command: Fetch, left: float) -> StorageReply:
        incoming = self._storage.open(
            command.url, command.headers, timeout=left, activity=self._activity
        )
        self._incoming = incoming
        body = Read(command.deadline)
        self._body = incoming.chunks(lambda: body.seconds_left(self._clock.monotonic()))
        reply = StorageReply(incoming.status, incoming.headers)
        if reply.status not in (200, 206):
            # Its body is of no interest, and what comes next may be a long pause.
            self.close()
        return reply

    def _read(self) -> bytes | None:
        assert self._body is not None
        data = None
        try:
            data = next(self._body, None)
            self._activity.bytes += len(data or b"")
        finally:
            if data is None:
                self.close()
        return data

    def close(self) -> None:
        incoming, body = self._incoming, self._body
        self._incoming = self._body = None
        if body is not None:
            body.close()
        if incoming is not None:
            incoming.close()


def _retry_if_corrupt(attempt: Callable[[], _T]) -> _T:
    """Download a second time if the bytes were corrupt: the network may be the cause."""
    try:
        return attempt()
    except DownloadError as error:
        if error.reason != DownloadFailure.CORRUPT:
            raise
        return attempt()
