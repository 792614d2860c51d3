"""Outputs, for blocking code: from a presigned URL to data and files.

:mod:`~datalab_facade.outputs.async_resource` has the same methods with the same meaning.
What there is to decide is decided once, in :mod:`~datalab_facade.outputs.downloading`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

from datalab_facade.arguments import (
    checked_callable,
    checked_count,
    checked_encoding,
    checked_output,
    checked_path,
    checked_seconds,
)
from datalab_facade.context import Context
from datalab_facade.executions.handles import ExecutionLike
from datalab_facade.interrupting import check_interrupted
from datalab_facade.models import JSON, Execution, Output
from datalab_facade.outputs.collecting import (
    DEFAULT_MAX_BYTES,
    Collector,
    Data,
    Meter,
    OnProgress,
    Reader,
    as_json,
    as_text,
    as_type,
)
from datalab_facade.outputs.downloading import Chunk, Download, DownloadPolicy
from datalab_facade.outputs.fetching import fetch
from datalab_facade.outputs.parts import PartFile, sync_folder
from datalab_facade.outputs.renewing import Renewals
from datalab_facade.outputs.saving import DEFAULT_CONCURRENCY, Saving, saved_output, with_one_repeat
from datalab_facade.transport.storage import StorageTransport
from datalab_facade.workers import Workers

if TYPE_CHECKING:
    from datalab_facade.executions.resource import Executions
    from datalab_facade.outputs.manifest import Manifest, SavedOutput

_T = TypeVar("_T")

DEFAULT_TIMEOUT = 3_600.0
"""Seconds for one output, tries included: URLs are good for about an hour."""


class Outputs:
    """Outputs, for blocking code. Found at ``client.outputs``.

    A body that is cut, stalls or is refused for the moment is asked for again from
    where it ended; an expired URL is renewed by asking for the execution again; what
    storage tells of length and checksum is checked. No credential is sent to storage.

    >>> def extracted(client, execution):
    ...     return {output.step: client.outputs.read_json(output) for output in execution.outputs}
    """

    def __init__(self, storage: StorageTransport, executions: Executions, context: Context) -> None:
        self._storage = storage
        self._executions = executions
        self._context = context
        self._renewals = Renewals(context.clock)

    def read_bytes(
        self,
        output: Output,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
    ) -> Data:
        """Fetch an output into memory.

        Args:
            output: One of an execution's ``outputs``.
            max_bytes: The most that it may weigh, unpacked.
            timeout: Seconds, or a timedelta, for all of it.

        Raises:
            InvalidArgumentError: An argument is wrong, or the client is closed; nothing was sent.
            OutputTooLargeError: It weighs more.
            DownloadError: It could not be fetched; ``reason`` tells why.
        """
        most = checked_count("max_bytes", max_bytes, least=0)
        deadline = self._begun(output, timeout)
        return with_one_repeat(lambda: self._collected(output, most, deadline))

    def read_text(
        self,
        output: Output,
        *,
        encoding: str = "utf-8",
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
    ) -> str:
        """Fetch an output and decode it. Arguments and errors as :meth:`read_bytes`."""
        known = checked_encoding(encoding)
        body = self.read_bytes(output, max_bytes=max_bytes, timeout=timeout)
        return as_text(output, body, known)

    @overload
    def read_json(
        self, output: Output, *, max_bytes: int = ..., timeout: float | timedelta = ...
    ) -> JSON: ...
    @overload
    def read_json(
        self,
        output: Output,
        into: type[_T],
        *,
        max_bytes: int = ...,
        timeout: float | timedelta = ...,
    ) -> _T: ...
    def read_json(
        self,
        output: Output,
        into: type[_T] | None = None,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
    ) -> JSON | _T:
        """Fetch an output and parse it.

        Args:
            output: One of an execution's ``outputs``.
            into: A type to make of it: a pydantic model, by its own validator, or a
                dataclass, an attrs class or a TypedDict, by the extra ``cattrs``.
            max_bytes: The most that it may weigh, unpacked.
            timeout: Seconds, or a timedelta, for all of it.

        Raises:
            OutputTooLargeError: It weighs more.
            DownloadError: It could not be fetched, is no JSON, or does not fit the type.
            ConfigurationError: As for :meth:`read_bytes`, or the type needs cattrs, which is not
                there.
        """
        value = as_json(output, self.read_bytes(output, max_bytes=max_bytes, timeout=timeout))
        return value if into is None else as_type(output, value, into)

    def save(
        self,
        output: Output,
        path: str | Path,
        *,
        overwrite: bool = False,
        checksum: bool = False,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
    ) -> SavedOutput:
        """Save an output to a file, in constant memory.

        The file has its name only when it is whole and checked. Until then it grows
        beside it as ``.part``, and a killed download goes on from there.

        Args:
            output: One of an execution's ``outputs``.
            path: The file; its folder is made if need be.
            overwrite: Take the place of a file that is there.
            checksum: Tell the file's SHA-256, too, which takes one more pass over it.
                What storage tells of checksums is checked either way.
            on_progress: Called with how far it has come, some times a second.
            timeout: Seconds, or a timedelta, for all of it.

        Returns:
            What was saved.

        Raises:
            InvalidArgumentError: An argument is wrong, or the client is closed; nothing was sent.
            DownloadError: It could not be fetched or written; ``reason`` tells why.
        """
        return self._saved(
            output,
            checked_path("path", path, of_file=True),
            overwrite=overwrite,
            checksum=checksum,
            on_progress=checked_callable("on_progress", on_progress),
            timeout=timeout,
        )

    def save_all(
        self,
        execution: ExecutionLike,
        folder: str | Path,
        *,
        steps: Iterable[str] | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        overwrite: bool = False,
        on_progress: OnProgress | None = None,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
    ) -> Manifest:
        """Save the outputs of an execution, several at a time, with a manifest.

        They go to ``folder/execution-ID/STEP/FILE``; names of the server's are made
        harmless, and the manifest tells which is which. What an earlier call saved is not
        fetched again, also if it was killed before it wrote that down. One that fails
        does not keep the others from being saved. docs/outputs.md tells what is promised of
        files when processes are killed, power fails or several save to one folder.

        Args:
            execution: The execution: its id, a snapshot of it, or a handle. It may have failed,
                or still run.
            folder: Where the execution's own folder is made.
            steps: The names of the steps; by default all.
            concurrency: How many files are fetched at once.
            overwrite: Take the place of files that are there.
            on_progress: Called with how far each has come; by the blocking client, from
                several threads.
            timeout: Seconds, or a timedelta, for each output, and for others who write the
                manifest.

        Returns:
            What was saved and what was missed; also in ``manifest.json``.

        Raises:
            InvalidArgumentError: An argument is wrong, the folder cannot be made, what an
                earlier call wrote down there cannot be read (nothing was touched), or the
                client is closed.
            LocalFileError: The manifest cannot be written: the disk is full, or another
                process keeps its lock for longer than ``timeout``. The error has it.
            DatalabError: Whatever ``client.executions.get`` raises, except for a snapshot.
        """
        wanted = (
            execution if isinstance(execution, Execution) else self._executions.handle(execution)
        )
        home = checked_path("folder", folder)
        many = checked_count("concurrency", concurrency, least=1)
        seconds = checked_seconds("timeout", timeout)
        checked_callable("on_progress", on_progress)
        self._storage.ready()
        if not isinstance(wanted, Execution):
            wanted = wanted.get()
        began = self._now()
        saving = Saving(wanted, home, steps, overwrite=overwrite)

        def save(output: Output, path: Path, *, replacing: bool) -> None:
            with saving.attempt(output):
                self._saved(
                    self._renewals.newest(output, began),
                    path,
                    overwrite=replacing,
                    checksum=True,
                    on_progress=on_progress,
                    timeout=seconds,
                    saving=saving,
                )

        try:
            with Workers(many, "datalab-save") as workers:
                workers.carry_out(
                    partial(save, output, path, replacing=replacing)
                    for output, path, replacing in saving.wanted
                )
        except BaseException:
            saving.leave()
            raise
        return saving.finish(seconds)

    @contextlib.contextmanager
    def stream(
        self, output: Output, *, timeout: float | timedelta = DEFAULT_TIMEOUT
    ) -> Generator[Iterator[Data], None, None]:
        """Read an output as it comes, in constant memory.

        Args:
            output: One of an execution's ``outputs``.
            timeout: Seconds, or a timedelta, for all of it.

        Yields:
            An iterator of chunks, unpacked. A body that breaks off is gone on with
            from there, if the object is still the same.

        Raises:
            InvalidArgumentError: An argument is wrong, or the client is closed; nothing was sent.
            DownloadError: It cannot be read on; ``reason`` tells why.
        """
        download = self._download(output, self._begun(output, timeout), restartable=False)
        with contextlib.closing(self._chunks(output, download)) as chunks:
            yield _passed_on(output, download, chunks)

    def _saved(
        self,
        output: Output,
        goal: Path,
        *,
        overwrite: bool,
        checksum: bool,
        on_progress: OnProgress | None,
        timeout: float | timedelta,
        saving: Saving | None = None,
    ) -> SavedOutput:
        """Save an output; if with others, what it will be is promised before it gets its name."""
        deadline = self._begun(output, timeout)

        def saved() -> SavedOutput:
            with PartFile(output, goal, overwrite=overwrite) as part:
                download = self._download(output, deadline, part)
                meter = Meter(output, on_progress, self._now())
                with contextlib.closing(self._chunks(output, download)) as chunks:
                    for chunk in chunks:
                        check_interrupted()
                        part.take(chunk, download.facts)
                        meter.count(chunk, download.facts, self._now())
                meter.finish(download.received, self._now())

                def whole(size: int, sha256: str | None) -> SavedOutput:
                    told = saved_output(
                        output,
                        goal,
                        size=size,
                        sha256=sha256,
                        media_type=download.facts.media_type,
                        now=self._context.clock.now(),
                    )
                    if saving is not None:
                        saving.promise(told)
                    return told

                told = part.finish(download.facts, whole, checksum=checksum)
                if saving is None:
                    sync_folder(goal.parent)
                else:
                    saving.saved(told)
                return told

        return with_one_repeat(saved)

    def _collected(self, output: Output, max_bytes: int, deadline: float) -> Data:
        collector = Collector(output, max_bytes=max_bytes)
        download = self._download(output, deadline)
        with contextlib.closing(self._chunks(output, download)) as chunks:
            for chunk in chunks:
                collector.take(chunk, download.facts)
        return collector.finish(download.facts)

    def _download(
        self,
        output: Output,
        deadline: float,
        part: PartFile | None = None,
        *,
        restartable: bool = True,
    ) -> Download:
        return Download(
            output,
            DownloadPolicy(),
            deadline=deadline,
            random=self._context.random,
            allow_http=self._context.allow_http,
            facts=part.facts if part is not None else None,
            received=part.received if part is not None else 0,
            restartable=restartable,
        )

    def _chunks(self, output: Output, download: Download) -> Generator[Chunk, None, None]:
        return fetch(download, self._storage, self._renewal(output), clock=self._context.clock)

    def _renewal(self, output: Output) -> Callable[[str, float], str | None]:
        def poll(left: float) -> Execution:
            timeout = min(left, self._context.options.timeout)
            return self._executions.get(output.execution_id, timeout=timeout)

        return lambda refused, left: self._renewals.renewed(output, refused, left, poll)

    def _begun(self, output: Output, timeout: float | timedelta) -> float:
        """Give the deadline of a call that begins now, if it may begin."""
        checked_output(output)
        deadline = self._now() + checked_seconds("timeout", timeout)
        self._storage.ready()
        return deadline

    def _now(self) -> float:
        return self._context.clock.monotonic()


def _passed_on(
    output: Output, download: Download, chunks: Generator[Chunk, None, None]
) -> Iterator[Data]:
    reader = Reader(output)
    for chunk in chunks:
        yield from reader.feed(chunk, download.facts)
    reader.finish()
