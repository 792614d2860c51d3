"""Saves all outputs of an execution: assigns paths, skips saved ones, writes the manifest."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from datalab_facade.errors import (
    DatalabError,
    DownloadError,
    DownloadFailure,
    InvalidArgumentError,
    LocalFileError,
)
from datalab_facade.interrupting import Interrupted
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.journal import Journal, matches_intent, read_intents
from datalab_facade.outputs.manifest import PREFIX, FailedOutput, Manifest, SavedOutput
from datalab_facade.outputs.paths import OutputKey, assign_paths, key_of
from datalab_facade.transfers.disk import folder_lock, orphans, sync_folder
from datalab_facade.transfers.part_files import remove_leftovers

DEFAULT_CONCURRENCY = 8
"""The number of files fetched at once: enough to hide latency, few enough for any storage."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})

_ABORT_LOCK_TIMEOUT = 0.2
"""Seconds to wait for the manifest's lock while an error is raised."""


@attrs.frozen
class PendingOutput:
    """An output to fetch."""

    output: Output
    path: Path
    overwrite: bool
    """Whether to replace a file that is there."""


class Saving:
    """The plan and the record of one ``save_all``. Threads may share it.

    Attributes:
        pending: The outputs to fetch.

    Raises:
        InvalidArgumentError: A step is unknown.
        LocalFileError: The folder cannot be created, or a manifest or journal in it cannot
            be read; nothing was changed.
    """

    def __init__(
        self,
        execution: Execution,
        folder: Path,
        steps: Iterable[str] | None,
        *,
        overwrite: bool,
    ) -> None:
        self._execution = execution
        self._folder = folder / f"execution-{execution.id}"
        self._journal = Journal(self._folder)
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._writing = threading.Lock()
        self._closed = False
        self._earlier: dict[OutputKey, SavedOutput] = {}
        self._intents: dict[OutputKey, SavedOutput] = {}
        self._publishing: set[OutputKey] = set()
        self._saved: dict[OutputKey, SavedOutput] = {}
        self._failed: dict[OutputKey, tuple[FailedOutput, DownloadError]] = {}
        self.pending: list[PendingOutput] = []
        assigned = assign_paths(execution, steps)
        self._make_folder()
        try:
            self._earlier = self._read_earlier() | self._kept_intents()
        except (InvalidArgumentError, OSError) as error:
            raise LocalFileError(
                f"{error}. What {self._folder} holds already is therefore unknown, and nothing "
                f"was changed. Make all of that folder readable, or save to another one"
            ) from error
        for output, path in assigned:
            key = key_of(output)
            before = None if overwrite else self._earlier.get(key)
            if before is None or before.path != path:
                self.pending.append(PendingOutput(output, self._folder / path, overwrite))
            elif before.source_status.is_terminal or before.source_status == output.status:
                self._saved[key] = before
            else:
                # The step has continued since then, and its output may have grown.
                self.pending.append(PendingOutput(output, self._folder / path, overwrite=True))

    @contextlib.contextmanager
    def attempt(self, output: Output) -> Iterator[None]:
        """Record the failure of one output, if its download fails inside."""
        key = key_of(output)
        try:
            yield
        except DownloadError as error:
            failed = FailedOutput(
                execution_id=output.execution_id, step=key[0], file_key=key[1], error=str(error)
            )
            with self._lock:
                self._failed[key] = failed, error
        finally:
            if key in self._publishing:
                self._settle(key)

    def record_intent(self, saved: SavedOutput) -> None:
        """Record a complete file in the journal, just before it gets its name.

        Raises:
            OSError: The journal cannot be written.
            Interrupted: The manifest is being closed, and would not list the file.
        """
        entry = attrs.evolve(saved, path=saved.path.removeprefix(f"{self._folder.as_posix()}/"))
        key = entry.step, entry.file_key
        with self._lock:
            if self._closed:
                raise Interrupted
            self._intents[key] = entry
            self._publishing.add(key)
        self._journal.record_intent(entry)

    def record_saved(self, saved: SavedOutput) -> None:
        """Record a complete file that has its name."""
        key = saved.step, saved.file_key
        with self._lock:
            self._saved[key] = self._intents.pop(key)
            count = len(self._saved)
        # If a kill prevents the last manifest, the journal has the files that are missing here.
        if count.bit_count() == 1:
            with contextlib.suppress(LocalFileError):
                self._write({}, timeout=0)
        self._settle(key)

    def finish(self, timeout: float) -> Manifest:
        """Write the manifest, and return it.

        Args:
            timeout: Seconds to wait for the manifest's lock.

        Raises:
            LocalFileError: It cannot be written; ``manifest`` has what was saved.
        """
        return self._end(timeout, durable=True)

    def abort(self) -> None:
        """Write the manifest if that is quick, while an error is raised."""
        # If it cannot be written, the journal stays for the next call to read.
        with contextlib.suppress(DatalabError):
            self._end(_ABORT_LOCK_TIMEOUT, durable=False)

    def _end(self, timeout: float, *, durable: bool) -> Manifest:
        try:
            with self._local_errors({}), orphans(self._folder, PREFIX):
                self._close(timeout)
                intents = self._kept_intents()
                if durable:
                    for folder in {Path(saved.path).parent for saved in self._saved.values()}:
                        sync_folder(self._folder / folder)
                manifest = self._write(intents, timeout=timeout)
                sync_folder(self._folder)
                self._journal.remove()
                return manifest
        finally:
            self._journal.close()

    def _close(self, timeout: float) -> None:
        """Stop publishing files, and wait for those that are being published.

        Raises:
            TimeoutError: A thread is still publishing one.
        """
        with self._settled:
            self._closed = True
            wait = min(timeout, threading.TIMEOUT_MAX)
            if not self._settled.wait_for(lambda: not self._publishing, wait):
                raise TimeoutError("the disk does not respond")

    def _settle(self, key: OutputKey) -> None:
        with self._settled:
            self._publishing.discard(key)
            self._settled.notify_all()

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            words = f"The folder {self._folder} cannot be created: {error.strerror or error}"
            if error.errno in _DISK_FULL:
                raise LocalFileError(
                    f"{words}. Make room and call again", manifest=self._manifest({}, {})
                ) from error
            raise LocalFileError(words) from error

    def _write(self, intents: dict[OutputKey, SavedOutput], *, timeout: float) -> Manifest:
        with (
            self._writing,
            self._local_errors(intents),
            folder_lock(self._folder, timeout),
        ):
            # Other calls may have saved other steps, or be saving them now.
            manifest = self._manifest(self._read_earlier(), intents)
            manifest.write(self._folder)
            return manifest

    def _manifest(
        self, before: dict[OutputKey, SavedOutput], intents: dict[OutputKey, SavedOutput]
    ) -> Manifest:
        with self._lock:
            saved = before | intents | self._saved
            failed = tuple(
                failed
                for key, (failed, error) in self._failed.items()
                if key not in intents
                and not (error.reason == DownloadFailure.EXISTS and key in saved)
            )
        return Manifest(
            execution_id=self._execution.id,
            status=self._execution.status,
            saved=tuple(saved.values()),
            failed=failed,
        )

    @contextlib.contextmanager
    def _local_errors(self, intents: dict[OutputKey, SavedOutput]) -> Iterator[None]:
        """Turn errors of the disk into one that has the outputs that were saved."""
        try:
            yield
        except LocalFileError as error:
            if error.manifest is not None:
                raise
            raise self._manifest_error(error, intents) from error
        except OSError as error:
            raise self._manifest_error(error, intents) from error

    def _manifest_error(
        self, error: OSError, intents: dict[OutputKey, SavedOutput]
    ) -> LocalFileError:
        return LocalFileError(
            f"The outputs of execution {self._execution.id} that were saved are in "
            f"{self._folder}, but its manifest does not list them: {error}. Fix that and call "
            f"again: saved outputs are not fetched twice",
            manifest=self._manifest(self._earlier, intents),
        )

    def _read_earlier(self) -> dict[OutputKey, SavedOutput]:
        """Return the outputs that an existing manifest lists and that are on disk.

        Raises:
            LocalFileError: The manifest exists, and cannot be read.
            OSError: A file that it lists cannot be examined.
        """
        try:
            earlier = Manifest.read(self._folder)
        except LocalFileError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return {}
            raise
        if earlier.execution_id != self._execution.id:
            return {}
        return {
            (saved.step, saved.file_key): saved
            for saved in earlier.saved
            if saved == self._saved.get((saved.step, saved.file_key)) or self._is_on_disk(saved)
        }

    def _kept_intents(self) -> dict[OutputKey, SavedOutput]:
        """Return the outputs that journals record and that are on disk with that checksum.

        Raises:
            OSError: A journal cannot be read, or a file cannot be examined.
        """
        kept: dict[OutputKey, SavedOutput] = {}
        for saved in (*read_intents(self._folder, but=self._journal), *self._intents.values()):
            key = saved.step, saved.file_key
            ours = saved.execution_id == self._execution.id and key not in self._saved
            path = self._folder / saved.path
            if ours and self._is_on_disk(saved) and matches_intent(saved, path):
                kept[key] = saved
                remove_leftovers(path)
        return kept

    def _is_on_disk(self, saved: SavedOutput) -> bool:
        # Links could lead anywhere, and a name may be too long for any file.
        try:
            path = Path(os.path.realpath(self._folder / saved.path, strict=True))
            found = path.stat()
        except OSError as error:
            if error.errno in _MISSING:
                return False
            raise
        inside = path.is_relative_to(os.path.realpath(self._folder))
        return inside and stat.S_ISREG(found.st_mode) and found.st_size == saved.bytes
