# Generated from async_resource.py by scripts/unasync.py; change that file, not this one.
"""Outputs, for blocking code: from a presigned URL to data and files."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

from datalab_facade.activities import Activity
from datalab_facade.arguments import (
    checked_count,
    checked_encoding,
    checked_path,
    checked_plain_function,
    checked_seconds,
)
from datalab_facade.concurrency import for_each, off_loop
from datalab_facade.context import Context
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.executions.kind import ExecutionLike
from datalab_facade.json_forms import JSON
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.conversion import as_json, as_text, as_type
from datalab_facade.outputs.manifest import Manifest, SavedOutput
from datalab_facade.outputs.remote_outputs import remote_output
from datalab_facade.outputs.renewing import Renewals
from datalab_facade.outputs.saving import DEFAULT_CONCURRENCY, PendingOutput, Saving
from datalab_facade.transfers.downloads import Downloads, RenewUrl
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.progress import OnProgress, ProgressMeter
from datalab_facade.transfers.sinks import DEFAULT_MAX_BYTES
from datalab_facade.transport.storage import StorageTransport

if TYPE_CHECKING:
    from datalab_facade.executions.handles import ExecutionHandle
    from datalab_facade.executions.resource import Executions

_T = TypeVar("_T")


class Outputs:
    """Outputs, for blocking code. Found at ``client.outputs``.

    A download that is cut off, stalls or is refused for a moment resumes where it ended.
    An expired URL is renewed by fetching the execution again. Lengths and checksums that
    storage sends are verified. No credential is sent to storage.

    >>> def extracted(client, execution):
    ...     return {o.step: client.outputs.read_json(o) for o in execution.outputs}
    """

    def __init__(self, storage: StorageTransport, executions: Executions, context: Context) -> None:
        self._storage = storage
        self._downloads = Downloads(storage, context)
        self._executions = executions
        self._context = context
        self._renewals = Renewals(context.clock)

    def read_bytes(
        self,
        output: Output,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
    ) -> bytes:
        """Fetch an output into memory.

        Args:
            output: One of an execution's ``outputs``.
            max_bytes: The largest size in bytes, decompressed; 256 MiB by default.
            timeout: Seconds, or a timedelta, for the whole call; an hour by default.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            ClientStateError: The client is closed; nothing was sent.
            OutputTooLargeError: The output is larger than ``max_bytes``.
            DownloadError: The download failed; ``reason`` says why.
        """
        most = checked_count("max_bytes", max_bytes, least=0)
        deadline = self._start(output, timeout)
        return self._downloads.read(
            remote_output(output), self._renewal(output), deadline=deadline, max_bytes=most
        )

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
        return as_text(remote_output(output), body, known)

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
            into: A type to convert it to: a pydantic model, by its own validator, or a
                dataclass, an attrs class or a TypedDict, with the extra ``cattrs``.
            max_bytes: The largest size in bytes, decompressed; 256 MiB by default.
            timeout: Seconds, or a timedelta, for the whole call; an hour by default.

        Raises:
            InvalidArgumentError: As for :meth:`read_bytes`.
            OutputTooLargeError: The output is larger than ``max_bytes``.
            DownloadError: The download failed, the output is not JSON, or it does not fit
                the type.
            ConfigurationError: The type needs cattrs, which is not installed.
        """
        body = self.read_bytes(output, max_bytes=max_bytes, timeout=timeout)
        remote = remote_output(output)
        value = as_json(remote, body)
        return value if into is None else as_type(remote, value, into)

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

        The file gets its name only when it is complete and verified. Until then it grows
        beside it as ``.part``; a download that was killed resumes from there.

        Args:
            output: One of an execution's ``outputs``.
            path: The file; its folder is created if it is missing.
            overwrite: Replace an existing file; by default that is an error.
            checksum: Compute the file's SHA-256, too, which reads it once more.
                Checksums that storage sends are verified either way.
            on_progress: Called with a :class:`~datalab_facade.Progress` some times a second.
            timeout: Seconds, or a timedelta, for the whole call; an hour by default.

        Returns:
            The saved output, with its size and checksum.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            ClientStateError: The client is closed; nothing was sent.
            DownloadError: The output could not be fetched or written; ``reason`` says why.
        """
        return self._save(
            output,
            checked_path("path", path, of_file=True),
            overwrite=overwrite,
            checksum=checksum,
            on_progress=checked_plain_function("on_progress", on_progress),
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

        The files go to ``folder/execution-ID/STEP/FILE``. Names from the server are made
        safe, and the manifest maps outputs to files. Outputs that an earlier call saved are
        not fetched again, even if that call was killed. If one output fails, the others
        are still saved. docs/outputs.md describes what holds when processes are killed,
        power fails, or several processes save to one folder.

        Args:
            execution: The execution, or its id. It may have failed, or still run.
            folder: The folder in which the execution's own folder is created.
            steps: The names of the steps; by default all.
            concurrency: The number of files fetched at once; 8 by default.
            overwrite: Replace existing files.
            on_progress: Called with a :class:`~datalab_facade.Progress` of each output; by
                the blocking client, from several threads.
            timeout: Seconds, or a timedelta, for each output, and for the lock of the
                manifest; an hour by default.

        Returns:
            The outputs that were saved and those that failed; also in ``manifest.json``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            ClientStateError: The client is closed.
            LocalFileError: The folder cannot be created, the manifest or the journal of an
                earlier call cannot be read (nothing was changed), or the manifest cannot be
                written: the disk is full, or another process holds its lock for longer than
                ``timeout``. ``manifest`` then has what was saved.
            DatalabError: Whatever ``client.executions.get`` raises, except for a snapshot.
        """
        target = (
            execution if isinstance(execution, Execution) else self._executions.handle(execution)
        )
        home = checked_path("folder", folder)
        many = checked_count("concurrency", concurrency, least=1)
        seconds = checked_seconds("timeout", timeout)
        checked_plain_function("on_progress", on_progress)
        self._storage.ready()
        activity = Activity(self._context.reporter, name="save_all")
        with activity.reported(), activity.active():
            return self._save_all(
                target, home, steps, many, seconds, overwrite=overwrite, on_progress=on_progress
            )

    def _save_all(
        self,
        target: Execution | ExecutionHandle,
        home: Path,
        steps: Iterable[str] | None,
        many: int,
        seconds: float,
        *,
        overwrite: bool,
        on_progress: OnProgress | None,
    ) -> Manifest:
        if not isinstance(target, Execution):
            target = target.get()
        started_at = self._now()
        # Files that an earlier call recorded are hashed.
        saving = off_loop(lambda: Saving(target, home, steps, overwrite=overwrite))

        def save(pending: PendingOutput) -> None:
            with saving.attempt(pending.output):
                self._save(
                    self._renewals.newest(pending.output, started_at),
                    pending.path,
                    overwrite=pending.overwrite,
                    checksum=True,
                    on_progress=on_progress,
                    timeout=seconds,
                    saving=saving,
                )

        try:
            for_each(
                saving.pending,
                save,
                concurrency=min(many, len(saving.pending)),
                name="datalab-save",
            )
        except BaseException:
            off_loop(saving.abort)
            raise
        return off_loop(lambda: saving.finish(seconds))

    @contextlib.contextmanager
    def stream(
        self, output: Output, *, timeout: float | timedelta = DEFAULT_TIMEOUT
    ) -> Generator[Iterator[bytes], None, None]:
        """Stream an output in constant memory.

        Args:
            output: One of an execution's ``outputs``.
            timeout: Seconds, or a timedelta, for all of it.

        Yields:
            An iterator of chunks, decompressed. A download that is cut off resumes there,
            if the object is still the same.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            ClientStateError: The client is closed; nothing was sent.
            DownloadError: The download failed and cannot resume; ``reason`` says why.
        """
        deadline = self._start(output, timeout)
        pieces = self._downloads.stream(
            remote_output(output), self._renewal(output), deadline=deadline
        )
        with contextlib.closing(pieces):
            yield pieces

    def _save(
        self,
        output: Output,
        path: Path,
        *,
        overwrite: bool,
        checksum: bool,
        on_progress: OnProgress | None,
        timeout: float | timedelta,
        saving: Saving | None = None,
    ) -> SavedOutput:
        """Save an output; of several, each is recorded in the journal before it is published."""
        deadline, remote = self._start(output, timeout), remote_output(output)

        def describe(size: int, sha256: str | None, media_type: str | None) -> SavedOutput:
            saved = SavedOutput(
                execution_id=output.execution_id,
                step=output.step,
                file_key=output.file_key,
                path=path.as_posix(),
                bytes=size,
                sha256=sha256,
                saved_at=self._context.clock.now(),
                source_status=output.status,
                media_type=media_type,
            )
            if saving is not None:
                saving.record_intent(saved)
            return saved

        return self._downloads.save(
            remote,
            self._renewal(output),
            path,
            describe=describe,
            saved=saving.record_saved if saving is not None else None,
            deadline=deadline,
            meter=ProgressMeter(remote.label, on_progress, output=output),
            overwrite=overwrite,
            checksum=checksum,
        )

    def _renewal(self, output: Output) -> RenewUrl:
        def poll(left: float) -> Execution:
            timeout = min(left, self._context.options.timeout)
            return self._executions.get(output.execution_id, timeout=timeout)

        def renew(refused: str, left: float) -> str | None:
            return self._renewals.renew(output, refused, left, poll)

        return renew

    def _start(self, output: Output, timeout: float | timedelta) -> float:
        """Check that a call may begin, and return its deadline."""
        _check_output(output)
        deadline = self._now() + checked_seconds("timeout", timeout)
        self._storage.ready()
        return deadline

    def _now(self) -> float:
        return self._context.clock.monotonic()


def _check_output(value: object) -> None:
    if not isinstance(value, Output):
        raise InvalidArgumentError(
            f"output must be one of execution.outputs, not a {type(value).__name__}"
        )
