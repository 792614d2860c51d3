"""Saving all outputs of an execution: where each goes, what is there already, the manifest."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import attrs

from datalab_facade.errors import ConfigurationError, DownloadFailed
from datalab_facade.manifest import FILE_NAME as MANIFEST_NAME
from datalab_facade.manifest import Manifest, MissedOutput, SavedOutput
from datalab_facade.models import Execution, Output
from datalab_facade.naming import distinct_names, suffix_of

_T = TypeVar("_T")

DEFAULT_CONCURRENCY = 8
"""How many files are fetched at once: enough to hide latency, few enough for any storage."""

# So often, at most, is the manifest written while files arrive.
_EVERY = 50


class Saving:
    """The plan and the record of one ``save_all``. Threads may share it.

    Attributes:
        wanted: What is to be fetched, and where to.
    """

    def __init__(
        self,
        execution: Execution,
        folder: Path,
        steps: Iterable[str] | None,
        concurrency: int,
        *,
        overwrite: bool,
    ) -> None:
        if concurrency < 1:
            raise ConfigurationError(f"concurrency must be 1 or more, not {concurrency!r}")
        self._execution = execution
        self._folder = folder / f"execution-{execution.id}"
        self._lock = threading.Lock()
        self._saved: dict[tuple[str, str | None], SavedOutput] = {}
        self._missed: list[MissedOutput] = []
        if not overwrite:
            self._take_over()
        places = _places(execution, steps)
        self.wanted = [
            (output, self._folder / place)
            for output, place in places
            if (output.step, output.file_key) not in self._saved
        ]

    def saved(self, saved: SavedOutput, path: Path) -> None:
        """Take note of a file that is whole, and where it is."""
        place = path.relative_to(self._folder).as_posix()
        with self._lock:
            self._saved[saved.step, saved.file_key] = attrs.evolve(saved, path=place)
            if len(self._saved) % _EVERY == 0:
                self._manifest().write(self._folder)

    def missed(self, output: Output, error: DownloadFailed) -> None:
        """Take note of one that could not be saved."""
        with self._lock:
            self._missed.append(
                MissedOutput(output.execution_id, output.step, output.file_key, str(error))
            )

    def finish(self) -> Manifest:
        """Write the manifest, and give it.

        Raises:
            ConfigurationError: It cannot be written.
        """
        manifest = self._manifest()
        manifest.write(self._folder)
        return manifest

    def _manifest(self) -> Manifest:
        execution = self._execution
        return Manifest(
            execution.id, execution.status, tuple(self._saved.values()), tuple(self._missed)
        )

    def _take_over(self) -> None:
        """Keep what an earlier call has saved, if it is still there."""
        try:
            earlier = Manifest.read(self._folder)
        except (ConfigurationError, FileNotFoundError):
            return
        for saved in earlier.saved:
            path = self._folder / saved.path
            if path.is_file() and path.stat().st_size == saved.bytes:
                self._saved[saved.step, saved.file_key] = saved


def _places(execution: Execution, steps: Iterable[str] | None) -> list[tuple[Output, str]]:
    """Give each output its place below the execution's folder."""
    chosen = list(execution.steps) if steps is None else list(steps)
    unknown = [name for name in chosen if name not in execution.steps]
    if unknown:
        known = ", ".join(repr(name) for name in execution.steps) or "none"
        raise ConfigurationError(f"There is no step {unknown[0]!r}; the steps are: {known}")
    names = distinct_names(execution.steps, taken=[MANIFEST_NAME])
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


def _stem(output: Output) -> str:
    stem = output.file_key or "output"
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
