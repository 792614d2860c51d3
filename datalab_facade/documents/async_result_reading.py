"""Results of documents, for async code: from an answer, or from where the answer says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import IO, TypeAlias

from datalab_facade.arguments import checked_path
from datalab_facade.concurrency import off_loop_async
from datalab_facade.context import Context
from datalab_facade.decoding import decode_json
from datalab_facade.documents.kind import KnownRequest, failure_of
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.result_decoding import decode_result, overlaid
from datalab_facade.documents.saving import save_body, save_result
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.submissions import remote_result
from datalab_facade.errors import ExtractionMismatchError, LocalFileError
from datalab_facade.json_forms import JSON
from datalab_facade.transfers.async_downloads import AsyncDownloads, AsyncRenewUrl
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transport.async_storage import AsyncStorageTransport

_PIECE = 1 << 18

AsyncPollAgain: TypeAlias = Callable[[float], Awaitable[DocumentRequest]]
"""Polls once more; takes the seconds that are left."""


class AsyncResultReader:
    """The results of one client's document requests, for async code."""

    def __init__(self, storage: AsyncStorageTransport, context: Context) -> None:
        self._downloads = AsyncDownloads(storage, context)
        self._context = context

    async def read(
        self,
        ended: DocumentRequest,
        known: KnownRequest,
        poll_again: AsyncPollAgain,
        *,
        deadline: float,
        max_bytes: int,
    ) -> DocumentResult:
        """Return the result of a request that has ended.

        Args:
            ended: Its final snapshot.
            known: What is known of it.
            poll_again: Polls once more, for a new URL.
            deadline: When it has to be over, of the client's clock.
            max_bytes: The largest result in bytes that is fetched.

        Raises:
            DatalabError: See :meth:`AsyncDocuments.result
                <datalab_facade.documents.async_resource.AsyncDocuments.result>`.
        """
        if not ended.succeeded:
            raise failure_of(ended)
        body: JSON = dict(ended.raw)
        if ended.result_url is not None:
            fetched = await self._downloads.read(
                remote_result(ended),
                _renewing(poll_again),
                deadline=self._latest(deadline),
                max_bytes=max_bytes,
            )
            body = overlaid(decode_json(fetched), body)
        decoded = decode_result(
            body,
            job_id=ended.id,
            task=known.task,
            into=known.into,
            source=known.source,
            source_sha256=known.source_sha256,
            observed_at=ended.observed_at,
        )
        return self._context.record_drift(*decoded)

    async def save(
        self,
        ended: DocumentRequest,
        known: KnownRequest,
        poll_again: AsyncPollAgain,
        output_dir: str | os.PathLike[str],
        *,
        deadline: float,
        folder_name: str | None = None,
    ) -> SavedResult:
        """Save the result of a request that has ended, in constant memory if it has a URL.

        Arguments and errors as :meth:`read` and :func:`save_result`.
        """
        if not ended.succeeded:
            raise failure_of(ended)
        if ended.result_url is None:
            try:
                result = await self.read(ended, known, poll_again, deadline=deadline, max_bytes=0)
            except ExtractionMismatchError as error:
                # Files have no type.
                result = error.extraction
            return await self.save_result(result, output_dir, folder_name=folder_name)
        folder = checked_path("output_dir", output_dir)
        file = await off_loop_async(lambda: _temporary_file(folder))
        with file:
            pieces = self._downloads.stream(
                remote_result(ended), _renewing(poll_again), deadline=self._latest(deadline)
            )
            await _copy_async(pieces, file)
            saved_at = self._context.clock.now()
            return await off_loop_async(
                lambda: save_body(
                    _pieces_of(file),
                    output_dir,
                    job_id=ended.id,
                    task=known.task,
                    poll=ended.raw,
                    source=known.source,
                    source_sha256=known.source_sha256,
                    saved_at=saved_at,
                    folder_name=folder_name,
                )
            )

    async def save_result(
        self,
        result: DocumentResult,
        output_dir: str | os.PathLike[str],
        *,
        folder_name: str | None = None,
    ) -> SavedResult:
        """Save a result that is in memory. Errors as :func:`save_result`."""
        saved_at = self._context.clock.now()
        return await off_loop_async(
            lambda: save_result(result, output_dir, saved_at=saved_at, folder_name=folder_name)
        )

    def _latest(self, deadline: float) -> float:
        # A wait without an end does not make a download without one.
        return min(deadline, self._context.clock.monotonic() + DEFAULT_TIMEOUT)


def _renewing(poll_again: AsyncPollAgain) -> AsyncRenewUrl:
    async def renew(_: str, left: float) -> str | None:
        return (await poll_again(left)).result_url

    return renew


async def _copy_async(pieces: AsyncGenerator[bytes, None], file: IO[bytes]) -> None:
    async with aclosing(pieces):
        async for piece in pieces:
            await off_loop_async(partial(_write, file, piece))


def _temporary_file(folder: os.PathLike[str]) -> IO[bytes]:
    # Beside the result, since the usual folder for temporary files may be in memory.
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - any os.PathLike
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise _not_written(error) from error


def _write(file: IO[bytes], piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise _not_written(error) from error


def _pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


def _not_written(error: OSError) -> LocalFileError:
    return LocalFileError(
        f"The result cannot be written: {error.strerror or error}. Mend that and save again: the "
        "result is not lost"
    )
