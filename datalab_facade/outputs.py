"""Outputs: from a presigned URL to data."""

from __future__ import annotations

from datalab_facade.decoding import decode_json
from datalab_facade.errors import DatalabError, DownloadFailed, OutputTooLarge, UnexpectedBody
from datalab_facade.models import JSON, Output
from datalab_facade.transport.exchange import BodyTooLong, Reply
from datalab_facade.transport.storage import AsyncStorageTransport, StorageTransport

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
"""What an output may weigh in memory unless the caller says otherwise: 256 MiB."""

_TIMEOUT = 300.0


class Outputs:
    """Outputs, for blocking code. Found at ``client.outputs``.

    >>> def extracted(client, execution):
    ...     return {output.step: client.outputs.json(output) for output in execution.outputs}
    """

    def __init__(self, transport: StorageTransport) -> None:
        self._transport = transport

    def bytes(self, output: Output, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """Fetch an output into memory.

        Args:
            output: One of an execution's ``outputs``.
            max_bytes: The most that it may weigh, decompressed.

        Raises:
            OutputTooLarge: It weighs more.
            DownloadFailed: It could not be fetched.
        """
        try:
            reply = self._transport.fetch(_url(output), timeout=_TIMEOUT, most_bytes=max_bytes)
        except DatalabError as error:
            raise _failed(output, error, max_bytes) from error
        return _body(output, reply)

    def json(self, output: Output, *, max_bytes: int = DEFAULT_MAX_BYTES) -> JSON:
        """Fetch an output and parse it. Arguments and errors as :meth:`bytes`."""
        return _parsed(output, self.bytes(output, max_bytes=max_bytes))


class AsyncOutputs:
    """Outputs, for async code. Found at ``client.outputs``.

    >>> async def extracted(client, execution):
    ...     return {o.step: await client.outputs.json(o) for o in execution.outputs}
    """

    def __init__(self, transport: AsyncStorageTransport) -> None:
        self._transport = transport

    async def bytes(self, output: Output, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """Fetch an output into memory.

        Args:
            output: One of an execution's ``outputs``.
            max_bytes: The most that it may weigh, decompressed.

        Raises:
            OutputTooLarge: It weighs more.
            DownloadFailed: It could not be fetched.
        """
        try:
            reply = await self._transport.fetch(
                _url(output), timeout=_TIMEOUT, most_bytes=max_bytes
            )
        except DatalabError as error:
            raise _failed(output, error, max_bytes) from error
        return _body(output, reply)

    async def json(self, output: Output, *, max_bytes: int = DEFAULT_MAX_BYTES) -> JSON:
        """Fetch an output and parse it. Arguments and errors as :meth:`bytes`."""
        return _parsed(output, await self.bytes(output, max_bytes=max_bytes))


def _named(output: Output) -> str:
    file = f" [{output.file_key}]" if output.file_key is not None else ""
    return f"The output of step {output.step}{file} of execution {output.execution_id}"


def _download_failed(output: Output, message: str, status: int | None = None) -> DownloadFailed:
    return DownloadFailed(
        f"{_named(output)} {message}",
        execution_id=output.execution_id,
        step=output.step,
        file_key=output.file_key,
        status=status,
    )


def _url(output: Output) -> str:
    if not output.url.lower().startswith(("https://", "http://")):
        raise _download_failed(output, "has a URL that is neither https nor http")
    return output.url


def _failed(output: Output, error: DatalabError, max_bytes: int) -> DownloadFailed:
    if isinstance(error, DownloadFailed):
        return error
    if isinstance(error, BodyTooLong):
        return OutputTooLarge(
            f"{_named(output)} is larger than {max_bytes} bytes. Allow more with max_bytes",
            execution_id=output.execution_id,
            step=output.step,
            file_key=output.file_key,
        )
    return _download_failed(output, f"could not be fetched: {error}")


def _body(output: Output, reply: Reply) -> bytes:
    if reply.status == 200:
        return reply.body
    hint = ""
    if reply.status in (400, 401, 403, 404, 410):
        hint = ". Its URL may have expired: get the execution again, and take the new one"
    raise _download_failed(
        output, f"was refused by storage with {reply.status}{hint}", reply.status
    )


def _parsed(output: Output, body: bytes) -> JSON:
    try:
        return decode_json(body)
    except UnexpectedBody as error:
        raise _download_failed(output, f"is not JSON: {error}", 200) from error
