"""Saving all outputs of an execution: where each goes, what is there already, the manifest."""

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
"""How many files are fetched at once: enough to hide latency, few enough for any storage."""

_Key: TypeAlias = tuple[str, str | None]
"""The step and the file of an output, as they are shown."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})

_ABORT_LOCK_TIMEOUT = 0.2
"""Seconds for a lock when an error is on its way to the caller."""

_LOCK_POLL_INTERVAL = 0.02
"""Seconds between two tries to have a lock."""


class Saving:
    """The plan and the record of one ``save_all``. Threads may share it.

    Attributes:
        pending: What is to be fetched, where to, and whether to take another file's place.

    Raises:
        LocalFileError: A step is unknown, the folder cannot be made, or what is written
            down there cannot be read; nothing was touched.
        LocalFileError: The disk is full.
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
                f"{error}. So it is not known what is saved in {self._folder} already; nothing was "
                f"touched. See to it that all of that folder can be read, or save to another one"
            ) from error
        for output, path in assigned:
            key = _key_of(output)
            before = None if overwrite else self._earlier.get(key)
            if before is None or before.path != path:
                self.pending.append((output, self._folder / path, overwrite))
            elif before.source_status.is_terminal or before.source_status == output.status:
                self._saved[key] = before
            else:
                # The step went on since then, and may have left more behind.
                self.pending.append((output, self._folder / path, True))

    @contextlib.contextmanager
    def attempt(self, output: Output) -> Iterator[None]:
        """Take note of how the saving of one output ends inside."""
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
        """Take note of a file that is whole, and about to get its name.

        Raises:
            OSError: That cannot be written down.
            Interrupted: It comes too late; nobody would know whose file it is.
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
        """Take note of a file that is whole, and where it is."""
        entry = self._with_relative_path(saved)
        key = entry.step, entry.file_key
        with self._lock:
            self._saved[key] = entry
            del self._intents[key]
            count = len(self._saved)
        # The journal tells of all others, should there be no time to write a last one.
        if count.bit_count() == 1:
            with contextlib.suppress(LocalFileError):
                self._write({}, timeout=0)
        self._settle(key)

    def finish(self, timeout: float) -> Manifest:
        """Write the manifest, and give it.

        Args:
            timeout: Seconds to wait for others who write one there.

        Raises:
            LocalFileError: It cannot be written; with what was saved.
        """
        return self._end(timeout, durable=True)

    def abort(self) -> None:
        """Write the manifest, if that takes no time, since an error is on its way."""
        # Where it cannot be written, the journal stays, and tells the next call.
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
        """Let no file get a name any more, and wait for those that are about to get theirs.

        Raises:
            TimeoutError: A thread that was left behind is still at it.
        """
        with self._settled:
            self._closed = True
            wait = min(timeout, threading.TIMEOUT_MAX)
            if not self._settled.wait_for(lambda: not self._publishing, wait):
                raise TimeoutError("the disk does not answer")

    def _settle(self, key: _Key) -> None:
        with self._settled:
            self._publishing.discard(key)
            self._settled.notify_all()

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            words = f"The folder {self._folder} cannot be made: {error.strerror or error}"
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
            # Other calls may have saved other steps, or be at it.
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
        """Have what goes wrong with the disk tell what was saved all the same."""
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
            f"What was saved of execution {self._execution.id} is in {self._folder}, but its "
            f"manifest does not tell of it: {error}. Mend that, and call again: nothing that "
            f"was saved is fetched twice",
            manifest=self._manifest(self._earlier, intents),
        )

    def _read_earlier(self) -> dict[_Key, SavedOutput]:
        """Give what the manifest that is there tells as saved, as far as it is true.

        Raises:
            LocalFileError: There is one, and it cannot be read.
            OSError: A file that it tells of cannot be looked at.
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
        """Give what was promised, by other calls or by this one, and came true.

        Raises:
            OSError: A journal cannot be read, or a file not be looked at.
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
        # Links could lead anywhere, and names of any length are no names.
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
    """Keep others from writing a manifest there, where the system can.

    Args:
        folder: Where.
        timeout: Seconds to wait for one who does.

    Raises:
        TimeoutError: Somebody still does.
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
                    raise TimeoutError(f"another process has had its lock for {timeout:g} s")
                # Whoever has it may be another greenlet of this very thread.
                time.sleep(min(left, _LOCK_POLL_INTERVAL))
            # A child process may have the descriptor, too, and would keep the lock.
            stack.callback(fcntl.flock, descriptor, fcntl.LOCK_UN)
        yield


def _try_lock(descriptor: int) -> bool:
    """Tell whether nobody else has a lock, which this process has now."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # This file system has no locks.
        return True
    return True


def _assign_paths(execution: Execution, steps: Iterable[str] | None) -> list[tuple[Output, str]]:
    """Give each output its place below the execution's folder."""
    chosen = list(execution.steps) if steps is None else list(checked_iterable("steps", steps))
    unknown = [name for name in chosen if name not in list(execution.steps)]
    if unknown:
        known = ", ".join(repr(redact_name(name)) for name in execution.steps) or "none"
        raise InvalidArgumentError(f"There is no step {named(unknown[0])}; the steps are: {known}")
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
    # Names of files are seen by more people than a presigned URL is meant for.
    stem = redact_name(output.file_key) if output.file_key else "output"
    # What grows beside a file is called so, and must not be taken for another one.
    return f"{stem}-file" if stem.lower().endswith(".part") else stem


def _suffix(output: Output) -> str:
    # With a suffix always there, two different stems never become the same name.
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
    """Tell of a file that is whole."""
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
    """Download once more if what came was corrupt: the wire may have been, too."""
    try:
        return download()
    except DownloadError as error:
        if error.reason != DownloadFailure.CORRUPT:
            raise
        return download()


async def retry_if_corrupt_async(download: Callable[[], Awaitable[_T]]) -> _T:
    """Download once more if what came was corrupt: the wire may have been, too."""
    try:
        return await download()
    except DownloadError as error:
        if error.reason != DownloadFailure.CORRUPT:
            raise
        return await download()
