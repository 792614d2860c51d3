"""The files of a run, and how a later call recognizes them.

A local file is recognized by its name and its content, so each call reads it to its end.
Nothing cheaper is reliable: size and times can stay the same when the content changes, if
a program sets them, if the clock is coarse or steps back, or if a file is written through
a memory map. Reading takes about a second for a gigabyte, and less than a minute for
30,000 files of a megabyte; sending their requests takes hours.

A link is the same as its target. A file that is named twice, by any path, is submitted
once, and has a result for each time.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import stat
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, cast

import attrs

from datalab_facade.arguments import checked_path, is_folder
from datalab_facade.concurrency import each_async, off_loop_async
from datalab_facade.errors import (
    DatalabError,
    InvalidArgumentError,
    LocalFileError,
)
from datalab_facade.files.models import File
from datalab_facade.redaction import printable, redact_url, redacted_repr
from datalab_facade.runs.run_folders import files_below, is_visible, is_wanted
from datalab_facade.transfers.sources import open_regular
from datalab_facade.workflows.inputs import InputConfig

RunSource: TypeAlias = str | os.PathLike[str] | File
"""A file to run over: a path, a URL, a ``datalab://`` reference, or an uploaded file."""

Sources: TypeAlias = RunSource | Iterable[RunSource]
AsyncSources: TypeAlias = Sources | AsyncIterable[RunSource]

logger = logging.getLogger("datalab_facade.runs")

_MOST_NAMED: Final = 5
_MOST_AT_ONCE: Final = 1 << 22
"""The bytes that are read before the files that they are from are used."""
_OPENING: Final = 1 << 16
"""The bytes that take as long to read as it takes to open a file."""


@attrs.frozen
class RunItem:
    """A file of a run, as the caller named it."""

    key: str
    """The digest that identifies it in later calls: of its name and content, or its address."""
    source: str
    """The file as the caller named it, without secrets."""
    path: Path | None = None
    sha256: str | None = None
    """The SHA-256 of a local file in hexadecimal digits."""
    size: int = 0
    """The bytes of a local file."""
    subfolder: str = ""
    """Where it is in the folder that was named: safe names, joined by ``/``."""
    address: str | None = attrs.field(default=None, repr=redacted_repr)
    """A URL or reference that the API can read."""
    problem: DatalabError | None = None
    """Why it cannot be run."""
    position: int = 0
    """The file's position in the call, from 0 on."""


class RunFiles:
    """The files that a caller named, read one at a time.

    Args:
        sources: One file or many; a folder stands for the files in it.
        folder: The folder for their outputs.
        iterables: The kinds of iterables that sources may be.
        allow_empty: Whether a folder may have no files.
        recursive: Whether a folder stands for the files in its sub-folders, too.

    Attributes:
        skipped_folders: The sub-folders of folders that were read; their files are not.

    Raises:
        InvalidArgumentError: The sources have another type.
        LocalFileError: A file is in the folder for the outputs, or a folder is empty, as far
            as that is known before the sources are read.
    """

    def __init__(
        self,
        sources: object,
        folder: Path,
        *,
        iterables: tuple[type, ...] = (Iterable,),
        allow_empty: bool = False,
        recursive: bool = False,
    ) -> None:
        self._folder = folder
        self._recursive = recursive
        self._allow_empty = allow_empty
        self.skipped_folders: list[Path] = []
        single = isinstance(sources, (str, bytes, os.PathLike, File))
        listed = [sources] if single else sources
        if not isinstance(listed, iterables):
            raise InvalidArgumentError(
                f"files must be paths, URLs or uploaded files, not {type(sources).__name__}"
            )
        self._sources = cast("Iterable[RunSource] | AsyncIterable[RunSource]", listed)
        if isinstance(listed, Collection):
            # Any other error of a file is in its result.
            for source in listed:
                path = _local(source)
                if path is not None:
                    self._check_apart(path)
                if path is not None and is_folder(path):
                    self._check_not_empty(path, self._files_in(path))

    def count(self) -> int:
        """Return how many files there are; 0 if that is not known before they are read."""
        if not isinstance(self._sources, Collection):
            return 0
        return sum(map(self._count_of, self._sources))

    def items(self, is_done: Callable[[RunItem], bool]) -> Iterator[RunItem]:  # noqa: ARG002 - the other reads ahead by it
        """Yield the files one after another."""
        assert isinstance(self._sources, Iterable)
        return self._items_of(self._sources, itertools.count())

    async def items_async(self, is_done: Callable[[RunItem], bool]) -> AsyncIterator[RunItem]:
        """Yield the files in an event loop, which a slow disk does not block.

        Args:
            is_done: Whether nothing is sent for a file. Then the next one is read at once,
                since each change of thread takes longer than reading a small file. A file
                that is sent is read just before.
        """
        positions = itertools.count()
        async for sources in self._groups():
            items = self._items_of(sources, positions)
            while found := await off_loop_async(partial(_read_some, items, is_done)):
                for item in found:
                    yield item

    async def _groups(self) -> AsyncIterator[Iterable[RunSource]]:
        """Yield the sources; those that are made as they are asked for, one at a time."""
        if isinstance(self._sources, Collection):
            yield self._sources
        else:
            async for source in each_async(self._sources):
                yield [source]

    def _items_of(
        self, sources: Iterable[RunSource], positions: Iterator[int]
    ) -> Iterator[RunItem]:
        for source in sources:
            for one in self._files_of(source):
                yield self._item(one, next(positions))

    def _files_of(self, source: RunSource) -> Sequence[tuple[RunSource | RunItem, str]]:
        """Return the files of a folder with their sub-folders, and anything else unchanged."""
        path = _local(source)
        if path is None:
            return [(source, "")]
        try:
            self._check_apart(path)
            if not is_folder(path):
                return [(source, "")]
            found = list(self._files_in(path))
            self._check_not_empty(path, found)
            if not self._recursive:
                self._skip_folders(path)
        except LocalFileError as error:
            return [(_failed_item(source, error), "")]
        except OSError as error:
            return [(_failed_item(source, _unreadable(path, error)), "")]
        return found

    def _files_in(self, folder: Path) -> Iterator[tuple[Path, str]]:
        """Yield the files of a folder to run over, each with its sub-folder.

        Raises:
            OSError: The folder cannot be read.
        """
        if self._recursive:
            yield from files_below(folder, self._folder)
        else:
            yield from ((path, "") for path in sorted(folder.iterdir()) if is_wanted(path))

    def _count_of(self, source: RunSource) -> int:
        path = _local(source)
        if path is None or not is_folder(path):
            return 1
        try:
            return sum(1 for _ in self._files_in(path))
        except OSError:
            return 1

    def _item(self, source_in: tuple[RunSource | RunItem, str], position: int) -> RunItem:
        source, subfolder = source_in
        try:
            item = source if isinstance(source, RunItem) else self._describe(source)
        except DatalabError as error:
            item = _failed_item(source, error)
        return attrs.evolve(item, position=position, subfolder=subfolder)

    def _describe(self, source: RunSource) -> RunItem:
        if isinstance(source, File):
            return RunItem(digest(source.reference), source.filename, address=source.reference)
        if isinstance(source, str) and "://" in source:
            [url] = InputConfig.coerce(source).urls
            return RunItem(digest(url), redact_url(url), address=url)
        if source == "":
            raise InvalidArgumentError("File name is empty. Name a file, or '.' for this folder")
        path = checked_path("a file", source)
        key, sha256, size = _identify(path)
        return RunItem(key, str(path), path=path, sha256=sha256, size=size)

    def _check_not_empty(self, folder: Path, files: Iterable[object]) -> None:
        """Check that a folder has files to run over.

        Raises:
            LocalFileError: It has none.
        """
        try:
            is_empty = not any(True for _ in files)
        except OSError:
            # Its item has the error.
            return
        if is_empty and not self._allow_empty:
            others = "hidden files" if self._recursive else "sub-folders and hidden files"
            raise LocalFileError(
                f"{folder} has no files to run over; {others} do not count. "
                f"Pass allow_empty=True if that is right"
            )

    def _skip_folders(self, folder: Path) -> None:
        skipped = sorted(one for one in folder.iterdir() if is_folder(one) and is_visible(one))
        if skipped:
            self.skipped_folders += skipped
            names = ", ".join(printable(one.name) for one in skipped[:_MOST_NAMED])
            more = f" and {len(skipped) - _MOST_NAMED} more" if len(skipped) > _MOST_NAMED else ""
            logger.warning(
                "%s: sub-folders are not read, pass them too if they are wanted: %s%s",
                printable(str(folder)),
                names,
                more,
            )

    def _check_apart(self, path: Path) -> None:
        """Check that a file, or a folder of files, is not in the folder for the outputs.

        Raises:
            LocalFileError: It is.
        """
        try:
            outputs, there = self._folder.stat(), path.stat()
            is_it = os.path.samestat(there, outputs)
            is_inside = not stat.S_ISDIR(there.st_mode) and os.path.samestat(
                path.parent.stat(), outputs
            )
        except (OSError, ValueError):
            # A file that does not exist is in no folder.
            return
        if is_it or is_inside:
            place = "the folder" if is_it else f"in {self._folder},"
            raise LocalFileError(
                f"{path} is {place} where the outputs go, and each file's outputs go to a folder "
                f"of the file's name there. Choose another folder for them"
            )


def check_unchanged(item: RunItem) -> None:
    """Check that a file has not changed since the run read it.

    Raises:
        LocalFileError: It has changed or was removed.
    """
    assert item.path is not None
    try:
        unchanged = _identify(item.path)[0] == item.key
    except LocalFileError:
        unchanged = False
    if not unchanged:
        raise LocalFileError(
            f"{printable(item.source)} changed while it was uploaded. The same call takes it as "
            f"a new file"
        )


def digest(text: str) -> str:
    """Return the SHA-256 of any text, even with surrogates."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _identify(path: Path) -> tuple[str, str, int]:
    """Return the key of a file, and the SHA-256 of its content and its size."""
    try:
        with open_regular(path) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        name = os.path.basename(os.path.realpath(path))  # noqa: PTH119 - for each file of many
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return digest(f"{name}\0{content}"), content, size


def _unreadable(path: Path, error: OSError | ValueError) -> LocalFileError:
    # A name that this system cannot encode raises ValueError.
    why = error.strerror if isinstance(error, OSError) else "no file can have this name"
    return LocalFileError(f"{path} cannot be read: {why}")


def _failed_item(source: object, error: DatalabError) -> RunItem:
    """Create the item of a file that cannot be run, with its error."""
    name = str(source) if isinstance(source, (str, os.PathLike)) else f"{source!r:.80}"
    name = redact_url(name) if "://" in name else name
    return RunItem(digest(name), name, problem=error)


def _local(source: object) -> Path | None:
    """Return the path of a local file; None for anything else."""
    if isinstance(source, str) and (not source or "://" in source):
        return None
    try:
        return checked_path("a file", source)
    except InvalidArgumentError:
        return None


def _read_some(items: Iterator[RunItem], is_done: Callable[[RunItem], bool]) -> list[RunItem]:
    """Read items up to the first one for which something is sent, or a few megabytes of them."""
    found: list[RunItem] = []
    left = _MOST_AT_ONCE
    for item in items:
        found.append(item)
        left -= item.size + _OPENING
        if left <= 0 or not is_done(item):
            break
    return found
