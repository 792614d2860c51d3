# Generated from async_uploads.py by scripts/unasync.py; change that file, not this one.
"""Uploads, for blocking code: from disk or memory to storage, confirmed by the API.

What to do next is decided in :mod:`~datalab_facade.transfers.uploading`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Iterator

import attrs

from datalab_facade.activities import Activity
from datalab_facade.clock import Clock
from datalab_facade.concurrency import off_loop
from datalab_facade.context import Context
from datalab_facade.interrupting import check_interrupted
from datalab_facade.jobs.driving import drive
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
from datalab_facade.transfers.sources import Source, UploadSource, open_source
from datalab_facade.transfers.uploading import Upload, UploadValue
from datalab_facade.transport.storage import StorageTransport


@attrs.frozen
class UploadCalls:
    """The requests of an upload to the API. Each takes the seconds that are left."""

    request_url: Callable[[float], Ticket]
    confirm: Callable[[int, float], Confirmation]


class Uploads:
    """The uploads of one client, for blocking code."""

    def __init__(self, storage: StorageTransport, context: Context) -> None:
        self._storage = storage
        self._context = context

    def send(
        self,
        source: UploadSource,
        name: str,
        content_type: str,
        api: UploadCalls,
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
        opening = open_source(
            source, name, max_bytes=max_bytes, timeout=deadline - clock.monotonic()
        )
        activity = Activity(self._context.reporter, f"upload of {name!r}", name="upload")
        with activity.reported(), opening as opened:
            performer = _Performer(
                opened,
                content_type,
                storage=self._storage,
                api=api,
                meter=meter,
                clock=clock,
                activity=activity,
            )
            ending = drive(upload.steps(), performer.carry_out, clock=clock, activity=activity)
            [confirmation] = list(ending)
            return confirmation, opened.size


class _Performer:
    """Carries out the commands of one upload."""

    def __init__(
        self,
        source: Source,
        content_type: str,
        *,
        storage: StorageTransport,
        api: UploadCalls,
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

    def carry_out(self, command: UploadCommand) -> UploadValue:
        if isinstance(command, Compare):
            return off_loop(lambda: self._mismatches(command))
        left = command.seconds_left(self._clock.monotonic())
        if isinstance(command, RequestUrl):
            return self._api.request_url(left)
        if isinstance(command, Put):
            return self._put(command, left)
        assert isinstance(command, Confirm)
        return self._api.confirm(command.file_id, left)

    def _put(self, command: Put, left: float) -> StorageReply:
        with contextlib.closing(self._pieces()) as pieces:
            stored = self._storage.put(
                command.url,
                self._headers,
                pieces,
                silence=command.stall_timeout,
                timeout=left,
                activity=self._activity,
            )
        return StorageReply(stored.status, stored.headers)

    def _pieces(self) -> Generator[bytes, None, None]:
        """Yield all bytes, and report how many are sent."""
        done, total = 0, self._source.size
        self._meter.begin(done, total, self._clock.monotonic())
        pieces = self._source.pieces()
        while (piece := self._next(pieces)) is not None:
            check_interrupted()
            yield piece
            done += len(piece)
            self._activity.bytes += len(piece)
            self._meter.update(done, total, self._clock.monotonic())

    def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        if self._source.in_memory:
            return next(pieces, None)
        # A disk may be slow.
        return off_loop(lambda: next(pieces, None))

    def _mismatches(self, command: Compare) -> Collection[str]:
        digests = Digests(command.digests)
        for piece in self._source.pieces():
            digests.update(piece)
        return digests.mismatches()
