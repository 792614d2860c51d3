"""The two drivers of :mod:`~datalab_facade.files.uploading`: one blocking, one async."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Mapping

import attrs

from datalab_facade.clock import Clock
from datalab_facade.concurrency import off_loop_async
from datalab_facade.errors import DatalabError
from datalab_facade.files.decoding import Confirmation, Ticket
from datalab_facade.files.sources import (
    Described,
    Source,
    UploadSource,
    in_own_thread,
    not_read_in_time,
    open_source,
)
from datalab_facade.files.uploading import (
    Command,
    Compare,
    Confirm,
    Put,
    RequestUrl,
    Result,
    Upload,
)
from datalab_facade.interrupting import check_interrupted
from datalab_facade.outputs.progress import ProgressMeter
from datalab_facade.outputs.sinks import Digests
from datalab_facade.transport.async_storage import AsyncStorageTransport
from datalab_facade.transport.storage import StorageTransport


class UploadBody:
    """The body of an upload, which may be sent several times; it reports its progress.

    Args:
        described: The file's name and media type.
        source: The bytes.
        meter: Reports the progress.
        clock: The time.
    """

    def __init__(
        self,
        described: Described,
        source: Source,
        meter: ProgressMeter,
        clock: Clock,
    ) -> None:
        self.described = described
        self.source = source
        self._meter = meter
        self._clock = clock
        self._done = 0

    @property
    def headers(self) -> dict[str, str]:
        """The request headers. The URL's signature covers the content type."""
        return {
            "Content-Type": self.described.content_type,
            "Content-Length": str(self.source.size),
        }

    def mismatches(self, digests: Mapping[str, str]) -> Collection[str]:
        """Return the algorithms whose checksum of all bytes differs.

        Raises:
            UploadError: The source cannot be read, or has changed.
        """
        known = Digests(digests)
        for piece in self.source.pieces():
            known.update(piece)
        return known.mismatches()

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield all bytes.

        Raises:
            UploadError: The source cannot be read, or has changed.
            Interrupted: The caller has given up.
        """
        self._begin()
        for piece in self.source.pieces():
            check_interrupted()
            yield piece
            self._count(piece)

    async def pieces_async(self) -> AsyncGenerator[bytes, None]:
        """Yield all bytes in an event loop, which a slow disk does not block.

        Raises:
            UploadError: The source cannot be read, or has changed.
        """
        self._begin()
        pieces = self.source.pieces()
        while True:
            if self.source.in_memory:
                piece = next(pieces, None)
            else:
                piece = await off_loop_async(lambda: next(pieces, None))
            if piece is None:
                return
            yield piece
            self._count(piece)

    def _begin(self) -> None:
        self._done = 0
        self._meter.begin(0, self.source.size, self._clock.monotonic())

    def _count(self, piece: bytes) -> None:
        self._done += len(piece)
        self._meter.update(self._done, self.source.size, self._clock.monotonic())


async def open_source_async(
    source: UploadSource, name: str, *, max_bytes: int, timeout: float = math.inf
) -> Source:
    """Open a source in an event loop, which a slow disk or a long pipe does not block.

    Arguments and errors as :func:`~datalab_facade.files.sources.open_source`.
    """
    left = threading.Event()

    def work() -> Source:
        opened = open_source(source, name, max_bytes=max_bytes, abandoned=left.is_set)
        if left.is_set():
            # The event loop may have ended, so nothing else would close it.
            opened.close()
        return opened

    async def wait() -> Source:
        # The loop waits for its own threads when it ends; this one may never end.
        return await asyncio.wrap_future(in_own_thread(work))

    opening = asyncio.create_task(wait())
    try:
        async with asyncio.timeout(None if timeout == math.inf else timeout):
            return await asyncio.shield(opening)
    except (asyncio.CancelledError, TimeoutError) as error:
        # The thread continues, and nothing else would close what it opens.
        left.set()
        opening.add_done_callback(_close)
        if isinstance(error, TimeoutError):
            raise not_read_in_time(name) from None
        raise


def _close(opening: asyncio.Task[Source]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


@attrs.frozen
class ApiCalls:
    """The API requests of an upload, blocking. Each takes the seconds that are left."""

    url: Callable[[float], Ticket]
    confirm: Callable[[int, float], Confirmation]


@attrs.frozen
class AsyncApiCalls:
    """The API requests of an upload, async. Each takes the seconds that are left."""

    url: Callable[[float], Awaitable[Ticket]]
    confirm: Callable[[int, float], Awaitable[Confirmation]]


def send_file(
    upload: Upload, body: UploadBody, storage: StorageTransport, api: ApiCalls, clock: Clock
) -> Confirmation:
    """Run an upload to its end, blocking.

    Args:
        upload: Decides what to do next.
        body: The bytes to send.
        storage: The storage to send them to.
        api: Requests a URL and a confirmation from the API.
        clock: The time, and sleeping.
    """
    steps, result = upload.steps(), None
    while True:
        command = _next(steps, result)
        if isinstance(command, Confirmation):
            return command
        result = Result(clock.monotonic())
        try:
            if isinstance(command, RequestUrl):
                result = Result(0.0, ticket=api.url(command.seconds_left(result.now)))
            elif isinstance(command, Put):
                with contextlib.closing(body.pieces()) as pieces:
                    reply = storage.put(
                        command.url,
                        body.headers,
                        pieces,
                        silence=command.stall_timeout,
                        timeout=command.seconds_left(result.now),
                    )
                result = Result(0.0, status=reply.status, headers=reply.headers)
            elif isinstance(command, Compare):
                result = Result(0.0, mismatches=body.mismatches(command.digests))
            elif isinstance(command, Confirm):
                left = command.seconds_left(result.now)
                result = Result(0.0, confirmation=api.confirm(command.file_id, left))
            else:
                clock.sleep(command.seconds)
        except DatalabError as error:
            result = Result(0.0, error=error)
        result = attrs.evolve(result, now=clock.monotonic())


async def send_file_async(
    upload: Upload,
    body: UploadBody,
    storage: AsyncStorageTransport,
    api: AsyncApiCalls,
    clock: Clock,
) -> Confirmation:
    """Run an upload to its end in an event loop.

    Arguments as :func:`send_file`.
    """
    steps, result = upload.steps(), None
    while True:
        command = _next(steps, result)
        if isinstance(command, Confirmation):
            return command
        result = Result(clock.monotonic())
        try:
            if isinstance(command, RequestUrl):
                result = Result(0.0, ticket=await api.url(command.seconds_left(result.now)))
            elif isinstance(command, Put):
                async with contextlib.aclosing(body.pieces_async()) as pieces:
                    reply = await storage.put(
                        command.url,
                        body.headers,
                        pieces,
                        silence=command.stall_timeout,
                        timeout=command.seconds_left(result.now),
                    )
                result = Result(0.0, status=reply.status, headers=reply.headers)
            elif isinstance(command, Compare):
                result = Result(
                    0.0, mismatches=await asyncio.to_thread(body.mismatches, command.digests)
                )
            elif isinstance(command, Confirm):
                left = command.seconds_left(result.now)
                result = Result(0.0, confirmation=await api.confirm(command.file_id, left))
            else:
                await clock.sleep_async(command.seconds)
        except DatalabError as error:
            result = Result(0.0, error=error)
        result = attrs.evolve(result, now=clock.monotonic())


def _next(
    steps: Generator[Command, Result, Confirmation], result: Result | None
) -> Command | Confirmation:
    try:
        return next(steps) if result is None else steps.send(result)
    except StopIteration as end:
        confirmation: Confirmation = end.value
        return confirmation
