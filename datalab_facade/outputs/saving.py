"""Saving all outputs of an execution: where each goes, what is there already, the manifest."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

import attrs

from datalab_facade.arguments import checked_iterable, named
from datalab_facade.errors import ConfigurationError, DownloadFailed
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.journal import Journal, came_true, inherited, promises_in
from datalab_facade.outputs.manifest import FILE_NAME as MANIFEST_NAME
from datalab_facade.outputs.manifest import Manifest, MissedOutput, SavedOutput
from datalab_facade.outputs.naming import distinct_names, suffix_of
from datalab_facade.outputs.parts import clear_away, sync_folder
from datalab_facade.redaction import shown_name

_T = TypeVar("_T")

DEFAULT_CONCURRENCY = 8
"""How many files are fetched at once: enough to hide latency, few enough for any storage."""

_Key: TypeAlias = tuple[str, str | None]
"""The step and the file of an output, as they are shown."""


class Saving:
    """The plan and the record of one ``save_all``. Threads may share it.

    Attributes:
        wanted: What is to be fetched, where to, and whether to take another file's place.
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
        self._saved: dict[_Key, SavedOutput] = {}
        self._missed: dict[_Key, tuple[MissedOutput, DownloadFailed]] = {}
        self.wanted: list[tuple[Output, Path, bool]] = []
        places = _places(execution, steps)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The folder {self._folder} cannot be made: {error.strerror or error}"
            ) from error
        earlier = {} if overwrite else self._saved_before() | self._promised_before()
        for output, place in places:
            key = _key_of(output)
            before = earlier.get(key)
            if before is None or before.path != place:
                self.wanted.append((output, self._folder / place, overwrite))
            elif before.source_status.is_terminal or before.source_status == output.status:
                self._saved[key] = before
            else:
                # The step went on since then, and may have left more behind.
                self.wanted.append((output, self._folder / place, True))

    def promise(self, saved: SavedOutput) -> None:
        """Take note of a file that is whole, and about to get its name.

        Raises:
            OSError: That cannot be written down.
        """
        self._journal.promise(self._placed(saved))

    def saved(self, saved: SavedOutput) -> None:
        """Take note of a file that is whole, and where it is."""
        with self._lock:
            self._saved[saved.step, saved.file_key] = self._placed(saved)
            # The journal tells of all others, should there be no time to write a last one.
            if len(self._saved).bit_count() == 1:
                self._write()

    def missed(self, output: Output, error: DownloadFailed) -> None:
        """Take note of one that could not be saved."""
        missed = MissedOutput(output.execution_id, output.step, output.file_key, str(error))
        with self._lock:
            self._missed[missed.step, missed.file_key] = missed, error

    def finish(self) -> Manifest:
        """Write the manifest, and give it.

        Raises:
            ConfigurationError: It cannot be written.
        """
        with self._lock, inherited(self._folder):
            for folder in {(self._folder / saved.path).parent for saved in self._saved.values()}:
                sync_folder(folder)
            manifest = self._write(self._promised_before())
            sync_folder(self._folder)
            self._journal.remove()
            return manifest

    def _placed(self, saved: SavedOutput) -> SavedOutput:
        place = Path(saved.path).relative_to(self._folder).as_posix()
        return attrs.evolve(saved, path=place)

    def _write(self, promised: dict[_Key, SavedOutput] | None = None) -> Manifest:
        with _alone_in(self._folder):
            # Other calls may have saved other steps, or be at it.
            saved = self._saved_before() | (promised or {}) | self._saved
            missed = tuple(
                missed
                for key, (missed, error) in self._missed.items()
                if not (error.reason == "exists" and key in saved)
            )
            manifest = Manifest(
                self._execution.id, self._execution.status, tuple(saved.values()), missed
            )
            manifest.write(self._folder)
        return manifest

    def _saved_before(self) -> dict[_Key, SavedOutput]:
        """Give what the manifest that is there tells as saved, as far as it is true."""
        try:
            earlier = Manifest.read(self._folder)
        except ConfigurationError:
            return {}
        if earlier.execution_id != self._execution.id:
            return {}
        return {
            (saved.step, saved.file_key): saved
            for saved in earlier.saved
            if saved == self._saved.get((saved.step, saved.file_key)) or self._is_there(saved)
        }

    def _promised_before(self) -> dict[_Key, SavedOutput]:
        """Give what the journals that are there promise, as far as it came true."""
        promised: dict[_Key, SavedOutput] = {}
        for saved in promises_in(self._folder, but=self._journal):
            key = saved.step, saved.file_key
            ours = saved.execution_id == self._execution.id and key not in self._saved
            path = self._folder / saved.path
            if ours and self._is_there(saved) and came_true(saved, path):
                promised[key] = saved
                clear_away(path)
        return promised

    def _is_there(self, saved: SavedOutput) -> bool:
        # Links could lead anywhere, and names of any length are no names.
        try:
            path = (self._folder / saved.path).resolve(strict=True)
            inside = path.is_relative_to(self._folder.resolve())
            return inside and path.is_file() and path.stat().st_size == saved.bytes
        except OSError:
            return False


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from writing a manifest there, where the system can."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _places(execution: Execution, steps: Iterable[str] | None) -> list[tuple[Output, str]]:
    """Give each output its place below the execution's folder."""
    chosen = list(execution.steps) if steps is None else list(checked_iterable("steps", steps))
    unknown = [name for name in chosen if name not in list(execution.steps)]
    if unknown:
        known = ", ".join(repr(shown_name(name)) for name in execution.steps) or "none"
        raise ConfigurationError(f"There is no step {named(unknown[0])}; the steps are: {known}")
    names = distinct_names(map(shown_name, execution.steps), taken=[MANIFEST_NAME])
    folders = dict(zip(execution.steps, names, strict=True))
    places: list[tuple[Output, str]] = []
    for step in dict.fromkeys(chosen):
        outputs = [output for output in execution.outputs if output.step == step]
        names = distinct_names(_stem(output) for output in outputs)
        places.extend(
            (output, f"{folders[step]}/{name}{_suffix(output)}")
            for output, name in zip(outputs, names, strict=True)
        )
    return places


def _key_of(output: Output) -> _Key:
    file_key = output.file_key
    return shown_name(output.step), shown_name(file_key) if file_key is not None else None


def _stem(output: Output) -> str:
    # Names of files are seen by more people than a presigned URL is meant for.
    stem = shown_name(output.file_key) if output.file_key else "output"
    # What grows beside a file is called so, and must not be taken for another one.
    return f"{stem}-file" if stem.lower().endswith(".part") else stem


def _suffix(output: Output) -> str:
    # With a suffix always there, two different stems never become the same name.
    suffix = suffix_of(output.url)
    return suffix if suffix and suffix != ".part" else ".bin"


def saved_output(
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


def twice(download: Callable[[], _T]) -> _T:
    """Download once more if what came was corrupt: the wire may have been, too."""
    try:
        return download()
    except DownloadFailed as error:
        if error.reason != "corrupt":
            raise
        return download()


async def twice_async(download: Callable[[], Awaitable[_T]]) -> _T:
    """Download once more if what came was corrupt: the wire may have been, too."""
    try:
        return await download()
    except DownloadFailed as error:
        if error.reason != "corrupt":
            raise
        return await download()
