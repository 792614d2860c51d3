"""Saves all outputs of an execution: assigns paths, skips saved ones, writes the manifest."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

import attrs

from datalab_facade.arguments import checked_iterable, named
from datalab_facade.errors import (
    DatalabError,
    DownloadError,
    DownloadFailure,
    InvalidArgumentError,
    LocalFileError,
)
from datalab_facade.interrupting import Interrupted
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.claiming import orphans
from datalab_facade.outputs.journal import Journal, matches_intent, read_intents
from datalab_facade.outputs.manifest import FILE_NAME as MANIFEST_NAME
from datalab_facade.outputs.manifest import PREFIX, FailedOutput, Manifest, SavedOutput
from datalab_facade.outputs.naming import distinct_names, suffix_of
from datalab_facade.outputs.parts import remove_leftovers, sync_folder
from datalab_facade.redaction import redact_name

_T = TypeVar("_T")

DEFAULT_CONCURRENCY = 8
"""The number of files fetched at once: enough to hide latency, few enough for any storage."""

_Key: TypeAlias = tuple[str, str | None]
"""The step and the file key of an output, redacted."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})

_ABORT_LOCK_TIMEOUT = 0.2
"""Seconds to wait for the manifest's lock while an error is raised."""

_LOCK_POLL_INTERVAL = 0.02
"""Seconds between two attempts to get the manifest's lock."""


class Saving:
    """The plan and the record of one ``save_all``. Threads may share it.

    Attributes:
        pending: The outputs to fetch, each with its path and whether to replace a file.

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
        self._earlier: dict[_Key, SavedOutput] = {}
        self._intents: dict[_Key, SavedOutput] = {}
        self._publishing: set[_Key] = set()
        self._saved: dict[_Key, SavedOutput] = {}
        self._failed: dict[_Key, tuple[FailedOutput, DownloadError]] = {}
        self.pending: list[tuple[Output, Path, bool]] = []
        assigned = _assign_paths(execution, steps)
        self._make_folder()
        try:
            self._earlier = self._read_earlier() | self._kept_intents()
        except (InvalidArgumentError, OSError) as error:
            raise LocalFileError(
                f"{error}. What {self._folder} holds already is therefore unknown, and nothing "
                f"was changed. Make all of that folder readable, or save to another one"
            ) from error
        for output, path in assigned:
            key = _key_of(output)
            before = None if overwrite else self._earlier.get(key)
            if before is None or before.path != path:
                self.pending.append((output, self._folder / path, overwrite))
            elif before.source_status.is_terminal or before.source_status == output.status:
                self._saved[key] = before
            else:
                # The step has continued since then, and its output may have grown.
                self.pending.append((output, self._folder / path, True))

    @contextlib.contextmanager
    def attempt(self, output: Output) -> Iterator[None]:
        """Record the failure of one output, if its download fails inside."""
        key = _key_of(output)
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
        entry = self._with_relative_path(saved)
        key = entry.step, entry.file_key
        with self._lock:
            if self._closed:
                raise Interrupted
            self._intents[key] = entry
            self._publishing.add(key)
        self._journal.record_intent(entry)

    def record_saved(self, saved: SavedOutput) -> None:
        """Record a complete file that has its name."""
        entry = self._with_relative_path(saved)
        key = entry.step, entry.file_key
        with self._lock:
            self._saved[key] = entry
            del self._intents[key]
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

    def _settle(self, key: _Key) -> None:
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

    def _with_relative_path(self, saved: SavedOutput) -> SavedOutput:
        path = Path(saved.path).relative_to(self._folder).as_posix()
        return attrs.evolve(saved, path=path)

    def _write(self, intents: dict[_Key, SavedOutput], *, timeout: float) -> Manifest:
        with (
            self._writing,
            self._local_errors(intents),
            manifest_lock(self._folder, timeout),
        ):
            # Other calls may have saved other steps, or be saving them now.
            manifest = self._manifest(self._read_earlier(), intents)
            manifest.write(self._folder)
            return manifest

    def _manifest(
        self, before: dict[_Key, SavedOutput], intents: dict[_Key, SavedOutput]
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
    def _local_errors(self, intents: dict[_Key, SavedOutput]) -> Iterator[None]:
        """Turn errors of the disk into one that has the outputs that were saved."""
        try:
            yield
        except LocalFileError as error:
            if error.manifest is not None:
                raise
            raise self._manifest_error(error, intents) from error
        except OSError as error:
            raise self._manifest_error(error, intents) from error

    def _manifest_error(self, error: OSError, intents: dict[_Key, SavedOutput]) -> LocalFileError:
        return LocalFileError(
            f"The outputs of execution {self._execution.id} that were saved are in "
            f"{self._folder}, but its manifest does not list them: {error}. Fix that and call "
            f"again: saved outputs are not fetched twice",
            manifest=self._manifest(self._earlier, intents),
        )

    def _read_earlier(self) -> dict[_Key, SavedOutput]:
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

    def _kept_intents(self) -> dict[_Key, SavedOutput]:
        """Return the outputs that journals record and that are on disk with that checksum.

        Raises:
            OSError: A journal cannot be read, or a file cannot be examined.
        """
        kept: dict[_Key, SavedOutput] = {}
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


@contextlib.contextmanager
def manifest_lock(folder: Path, timeout: float) -> Iterator[None]:
    """Hold the lock of a folder's manifest, where the system has locks.

    Args:
        folder: The manifest's folder.
        timeout: Seconds to wait for the lock.

    Raises:
        TimeoutError: Another process still holds it.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, PermissionError):
            import fcntl

            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            end = time.monotonic() + timeout
            while not _try_lock(descriptor):
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"another process has held its lock for {timeout:g} s")
                # Another greenlet of this thread may hold it.
                time.sleep(min(left, _LOCK_POLL_INTERVAL))
            # A child process may have inherited the descriptor, and would keep the lock.
            stack.callback(fcntl.flock, descriptor, fcntl.LOCK_UN)
        yield


def _try_lock(descriptor: int) -> bool:
    """Try to lock an open file; return whether this process has the lock now."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # The file system has no locks.
        return True
    return True


def _assign_paths(execution: Execution, steps: Iterable[str] | None) -> list[tuple[Output, str]]:
    """Assign each output a path below the execution's folder."""
    chosen = list(execution.steps) if steps is None else list(checked_iterable("steps", steps))
    unknown = [name for name in chosen if name not in list(execution.steps)]
    if unknown:
        known = ", ".join(repr(redact_name(name)) for name in execution.steps) or "none"
        raise InvalidArgumentError(
            f"Step {named(unknown[0])} does not exist; the steps are: {known}"
        )
    names = distinct_names(map(redact_name, execution.steps), taken=[MANIFEST_NAME])
    folders = dict(zip(execution.steps, names, strict=True))
    assigned: list[tuple[Output, str]] = []
    by_step: dict[str, list[Output]] = {}
    for output in execution.outputs:
        by_step.setdefault(output.step, []).append(output)
    for step in dict.fromkeys(chosen):
        outputs = by_step.get(step, [])
        names = distinct_names(_stem(output) for output in outputs)
        assigned.extend(
            (output, f"{folders[step]}/{name}{_suffix(output)}")
            for output, name in zip(outputs, names, strict=True)
        )
    return assigned


def _key_of(output: Output) -> _Key:
    file_key = output.file_key
    return redact_name(output.step), redact_name(file_key) if file_key is not None else None


def _stem(output: Output) -> str:
    # File names are seen by more people than should see a presigned URL.
    stem = redact_name(output.file_key) if output.file_key else "output"
    # .part is the name of unfinished downloads; an output must not look like one.
    return f"{stem}-file" if stem.lower().endswith(".part") else stem


def _suffix(output: Output) -> str:
    # Every file has a suffix, so two different stems never become the same name.
    suffix = suffix_of(output.url)
    return suffix if suffix and suffix != ".part" else ".bin"


def make_saved_output(
    output: Output,
    path: Path,
    *,
    size: int,
    sha256: str | None,
    media_type: str | None,
    now: datetime,
) -> SavedOutput:
    """Describe a complete file."""
    return SavedOutput(
        execution_id=output.execution_id,
        step=output.step,
        file_key=output.file_key,
        path=path.as_posix(),
        bytes=size,
        sha256=sha256,
        saved_at=now,
        source_status=output.status,
        media_type=media_type,
    )


def retry_if_corrupt(download: Callable[[], _T]) -> _T:
    """Download a second time if the bytes were corrupt: the network may be the cause."""
    try:
        return download()
    except DownloadError as error:
        if error.reason != DownloadFailure.CORRUPT:
            raise
        return download()


async def retry_if_corrupt_async(download: Callable[[], Awaitable[_T]]) -> _T:
    """Download a second time if the bytes were corrupt: the network may be the cause."""
    try:
        return await download()
    except DownloadError as error:
        if error.reason != DownloadFailure.CORRUPT:
            raise
        return await download()
