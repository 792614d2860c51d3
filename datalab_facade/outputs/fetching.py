"""The two drivers of :mod:`~datalab_facade.outputs.downloading`: one blocking, one async."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

from datalab_facade.clock import Clock
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.commands import Sleep
from datalab_facade.outputs.downloading import (
    Chunk,
    Command,
    Download,
    Fetch,
    Receive,
    Renew,
    Result,
    subject_of,
)
from datalab_facade.redaction import excerpt
from datalab_facade.transport.async_storage import AsyncIncoming, AsyncStorageTransport
from datalab_facade.transport.storage import Incoming, StorageTransport

logger = logging.getLogger("datalab_facade.outputs")


def fetch(
    download: Download,
    storage: StorageTransport,
    renew: Callable[[str, float], str | None],
    *,
    clock: Clock,
) -> Generator[Chunk, None, None]:
    """Run a download to its end, blocking, and pass on its chunks.

    Args:
        download: Decides what to do next.
        storage: The storage that has the object.
        renew: Requests a new URL from the API; takes the refused one, and the seconds
            that are left.
        clock: The time, and sleeping.
    """
    steps, incoming = download.steps(), None
    command = next(steps, None)
    try:
        while command is not None:
            error, at = None, 0
            if isinstance(command, Receive) and incoming is not None:
                at = command.offset
                _log_encoding(download, at)
                yield Chunk(at, b"")
                try:
                    for data in incoming.chunks(_time_left(command, clock)):
                        yield Chunk(at, data)
                        at += len(data)
                        download.check_deadline(clock.monotonic())
                except DatalabError as caught:
                    error = caught
                command = _next(steps, Result(clock.monotonic(), received=at, error=error))
                continue
            if incoming is not None:
                incoming.close()
                incoming = None
            url = None
            try:
                if isinstance(command, Fetch):
                    incoming = _open(storage, command, clock)
                elif isinstance(command, Sleep):
                    clock.sleep(command.seconds)
                else:
                    url = renew(*_renewal(command, clock))
            except DatalabError as caught:
                error = caught
            command = _next(steps, _result(clock, incoming, url, error))
    finally:
        if incoming is not None:
            incoming.close()


async def fetch_async(
    download: Download,
    storage: AsyncStorageTransport,
    renew: Callable[[str, float], Awaitable[str | None]],
    *,
    clock: Clock,
) -> AsyncGenerator[Chunk, None]:
    """Run a download to its end in an event loop, and pass on its chunks.

    Arguments as :func:`fetch`.
    """
    steps, incoming = download.steps(), None
    command = next(steps, None)
    try:
        while command is not None:
            error, at = None, 0
            if isinstance(command, Receive) and incoming is not None:
                at = command.offset
                _log_encoding(download, at)
                yield Chunk(at, b"")
                try:
                    async for data in incoming.chunks(_time_left(command, clock)):
                        yield Chunk(at, data)
                        at += len(data)
                        download.check_deadline(clock.monotonic())
                except DatalabError as caught:
                    error = caught
                command = _next(steps, Result(clock.monotonic(), received=at, error=error))
                continue
            if incoming is not None:
                await incoming.close()
                incoming = None
            url = None
            try:
                if isinstance(command, Fetch):
                    incoming = await _open_async(storage, command, clock)
                elif isinstance(command, Sleep):
                    await clock.sleep_async(command.seconds)
                else:
                    url = await renew(*_renewal(command, clock))
            except DatalabError as caught:
                error = caught
            command = _next(steps, _result(clock, incoming, url, error))
    finally:
        if incoming is not None:
            await incoming.close()


def _log_encoding(download: Download, offset: int) -> None:
    if download.facts.no_encoding and offset == 0:
        logger.info(
            "%s is passed on unchanged: its Content-Encoding %r is not a compression",
            subject_of(download.remote),
            excerpt(download.facts.no_encoding),
        )


def _open(storage: StorageTransport, fetch: Fetch, clock: Clock) -> Incoming:
    return storage.open(fetch.url, fetch.headers, timeout=fetch.timeout(clock.monotonic()))


async def _open_async(storage: AsyncStorageTransport, fetch: Fetch, clock: Clock) -> AsyncIncoming:
    return await storage.open(fetch.url, fetch.headers, timeout=fetch.timeout(clock.monotonic()))


def _renewal(command: Command, clock: Clock) -> tuple[str, float]:
    assert isinstance(command, Renew)
    return command.refused, command.seconds_left(clock.monotonic())


def _time_left(receive: Receive, clock: Clock) -> Callable[[], float]:
    return lambda: receive.seconds_left(clock.monotonic())


def _result(
    clock: Clock,
    incoming: Incoming | AsyncIncoming | None,
    url: str | None,
    error: DatalabError | None,
) -> Result:
    if incoming is None:
        return Result(clock.monotonic(), url=url, error=error)
    return Result(clock.monotonic(), incoming.status, incoming.headers)


def _next(steps: Generator[Command, Result, None], result: Result) -> Command | None:
    try:
        return steps.send(result)
    except StopIteration:
        return None
