"""Many uploads at once, each with its outcome."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
)
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import TypeAlias, cast

import attrs

from datalab_facade.clock import running_loop
from datalab_facade.concurrency import BETWEEN_SIGNALS, Workers
from datalab_facade.errors import DatalabError, InvalidArgumentError
from datalab_facade.files.models import File
from datalab_facade.files.sources import UploadSource
from datalab_facade.pickling import picklable

Uploadable: TypeAlias = "UploadSource | tuple[str, UploadSource]"
"""A source, or a name and a source."""

DEFAULT_CONCURRENCY = 4
"""The number of uploads at once: bandwidth limits an upload, not waiting."""

_NO_MORE = object()


def _short_repr(source: object) -> str:
    if isinstance(source, tuple):
        return f"({', '.join(map(_short_repr, source))})"
    return f"<{len(source)} bytes>" if isinstance(source, bytes) else repr(source)


@picklable
@attrs.frozen(kw_only=True)
class UploadOutcome:
    """The outcome of one of many uploads: a file, or an error.

    >>> file = File(id=4, reference="datalab://file-npl94jxy", filename="a.pdf")
    >>> UploadOutcome(source="a.pdf", file=file).succeeded
    True
    """

    source: Uploadable = attrs.field(repr=_short_repr)
    """The source, as the caller passed it."""
    file: File | None = None
    error: DatalabError | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the upload succeeded."""
        return self.file is not None

    def result(self) -> File:
        """Return the file.

        Raises:
            DatalabError: The upload failed.
        """
        if self.file is None:
            assert self.error is not None
            raise self.error
        return self.file


def split_name(uploadable: Uploadable) -> tuple[str | None, UploadSource]:
    """Split an uploadable into its name, None by default, and its source.

    Raises:
        InvalidArgumentError: It is a tuple of another length.
    """
    if not isinstance(uploadable, tuple):
        return None, uploadable
    if len(uploadable) != 2:
        raise InvalidArgumentError(
            f"A tuple to upload must have 2 items, a name and a source, not {len(uploadable)}"
        )
    return uploadable


def upload_all(
    sources: Iterable[Uploadable],
    upload: Callable[[Uploadable], File],
    *,
    concurrency: int,
) -> Generator[UploadOutcome, None, None]:
    """Upload all sources, several at a time in threads, and yield outcomes as they end.

    Args:
        sources: Read one at a time as uploads end.
        upload: Uploads one source.
        concurrency: The number of uploads at once.
    """
    feed, more = iter(sources), True
    running: dict[Future[File], Uploadable] = {}
    with Workers(concurrency, "datalab-upload") as workers:
        while more or running:
            if more and len(running) < concurrency:
                source = cast("Uploadable", next(feed, _NO_MORE))
                if source is _NO_MORE:
                    more = False
                else:
                    running[workers.submit(partial(upload, source))] = source
            room = more and len(running) < concurrency
            finished, _ = wait(running, 0 if room else BETWEEN_SIGNALS, FIRST_COMPLETED)
            for future in finished:
                yield _outcome(running.pop(future), future)


async def upload_all_async(
    sources: Iterable[Uploadable] | AsyncIterable[Uploadable],
    upload: Callable[[Uploadable], Awaitable[File]],
    *,
    concurrency: int,
) -> AsyncGenerator[UploadOutcome, None]:
    """Upload all sources, several at a time in an event loop, and yield outcomes as they end.

    Arguments as :func:`upload_all`; ``sources`` may be async. Closing it cancels the
    uploads that are running, and waits for them.
    """

    async def read(feed: AsyncIterator[Uploadable]) -> Uploadable:
        return cast("Uploadable", await anext(feed, _NO_MORE))

    async def upload_one(source: Uploadable) -> File:
        return await upload(source)

    running_loop()
    reading: asyncio.Task[Uploadable] | None = None
    running: dict[asyncio.Task[File], Uploadable] = {}
    pending: list[asyncio.Task[Uploadable] | asyncio.Task[File]]
    more = True
    async with contextlib.aclosing(_each(sources)) as feed:
        try:
            while more or running:
                if more and reading is None and len(running) < concurrency:
                    reading = asyncio.create_task(read(feed))
                pending = [*running, *([reading] if reading is not None else [])]
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if reading is not None and reading.done():
                    source, reading = reading.result(), None
                    if source is _NO_MORE:
                        more = False
                    else:
                        running[asyncio.create_task(upload_one(source))] = source
                for task in [task for task in running if task.done()]:
                    yield _outcome(running.pop(task), task)
        finally:
            pending = [*running, *([reading] if reading is not None else [])]
            for waiting in pending:
                waiting.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            if reading is not None:
                await asyncio.gather(reading, return_exceptions=True)


def _outcome(source: Uploadable, finished: Future[File] | asyncio.Task[File]) -> UploadOutcome:
    try:
        return UploadOutcome(source=source, file=finished.result())
    except DatalabError as error:
        return UploadOutcome(source=source, error=error)


async def _each(
    sources: Iterable[Uploadable] | AsyncIterable[Uploadable],
) -> AsyncGenerator[Uploadable, None]:
    if isinstance(sources, AsyncIterable):
        async for source in sources:
            yield source
    else:
        for source in sources:
            yield source
