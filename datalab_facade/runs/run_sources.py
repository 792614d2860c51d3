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
import logging
import os
import stat
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, cast

import attrs

from datalab_facade.arguments import checked_path
from datalab_facade.concurrency import each_async, off_loop_async
from datalab_facade.errors import (
    DatalabError,
    InvalidArgumentError,
    LocalFileError,
)
from datalab_facade.files.models import File
from datalab_facade.outputs.manifest import FILE_NAME as MANIFEST_NAME
from datalab_facade.redaction import printable, redact_url, redacted_repr
from datalab_facade.runs.run_records import FILE_NAME
from datalab_facade.transfers.naming import safe_name
from datalab_facade.transfers.sources import open_regular
from datalab_facade.workflows.inputs import InputConfig

RunSource: TypeAlias = str | os.PathLike[str] | File
"""A file to run over: a path, a URL, a ``datalab://`` reference, or an uploaded file."""

Sources: TypeAlias = RunSource | Iterable[RunSource]
AsyncSources: TypeAlias = Sources | AsyncIterable[RunSource]

logger = logging.getLogger("datalab_facade.runs")

_MOST_NAMED: Final = 5
_OURS: Final = frozenset({FILE_NAME, MANIFEST_NAME})
# The files that a killed download leaves behind.
_UNFINISHED: Final = (".part", ".part.json", ".part.unpacked")


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
                if path is not None and _is_folder(path):
                    self._check_not_empty(path)

    def count(self) -> int:
        """Return how many files there are; 0 if that is not known before they are read."""
        if not isinstance(self._sources, Collection):
            return 0
        found = [self._wanted_in(_local(source)) for source in self._sources]
        return sum(1 if files is None else len(files) for files in found)

    def items(self) -> Iterator[RunItem]:
        """Yield the files one after another."""
        assert isinstance(self._sources, Iterable)
        position = 0
        for source in self._sources:
            for one in self._files_of(source):
                yield self._item(one, position)
                position += 1

    async def items_async(self) -> AsyncIterator[RunItem]:
        """Yield the files in an event loop, which a slow disk does not block."""
        position = 0
        async for source in each_async(self._sources):
            for one in await off_loop_async(partial(self._files_of, source)):
                yield await off_loop_async(partial(self._item, one, position))
                position += 1

    def _files_of(self, source: RunSource) -> Sequence[tuple[RunSource | RunItem, str]]:
        """Return the files of a folder with their sub-folders, and anything else unchanged."""
        path = _local(source)
        if path is None or not _is_folder(path):
            return [(source, "")]
        try:
            self._check_apart(path)
            self._check_not_empty(path)
            if not self._recursive:
                self._skip_folders(path)
            return self._files_in(path)
        except LocalFileError as error:
            return [(_failed_item(source, error), "")]
        except OSError as error:
            return [(_failed_item(source, _unreadable(path, error)), "")]

    def _files_in(self, folder: Path) -> list[tuple[Path, str]]:
        """Return the files of a folder to run over, each with its sub-folder.

        Raises:
            OSError: The folder cannot be read.
        """
        if not self._recursive:
            return [(path, "") for path in sorted(filter(_is_wanted, folder.iterdir()))]
        return files_below(folder, self._folder)

    def _wanted_in(self, path: Path | None) -> list[tuple[Path, str]] | None:
        """Return the files of a folder; None for what is no folder, or not readable."""
        if path is None or not _is_folder(path):
            return None
        try:
            return self._files_in(path)
        except OSError:
            return None

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
        self._check_apart(path)
        key, sha256 = _identify(path)
        return RunItem(key, str(path), path=path, sha256=sha256)

    def _check_not_empty(self, folder: Path) -> None:
        """Check that a folder has files to run over.

        Raises:
            LocalFileError: It has none.
        """
        if not self._allow_empty and self._wanted_in(folder) == []:
            others = "hidden files" if self._recursive else "sub-folders and hidden files"
            raise LocalFileError(
                f"{folder} has no files to run over; {others} do not count. "
                f"Pass allow_empty=True if that is right"
            )

    def _skip_folders(self, folder: Path) -> None:
        skipped = sorted(one for one in folder.iterdir() if _is_folder(one) and _is_visible(one))
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
            inside = os.path.samestat(there, outputs) or (
                not stat.S_ISDIR(there.st_mode) and os.path.samestat(path.parent.stat(), outputs)
            )
        except (OSError, ValueError):
            # A file that does not exist is in no folder.
            return
        if inside:
            raise LocalFileError(
                f"{path} is in {self._folder}, where the outputs go, and "
                f"each file's outputs go to a folder of the file's name there. Choose another "
                f"folder for them"
            )


def files_below(folder: Path, outputs: Path | None) -> list[tuple[Path, str]]:
    """Return the files in a folder and its sub-folders to run over, each with its sub-folder.

    Hidden files and folders are left out, and so is the folder for the outputs.

    Raises:
        OSError: A folder cannot be read.
    """
    found: list[tuple[Path, str]] = []
    for root, folders, files in os.walk(folder, onerror=_raise):
        place = Path(root)
        # The order is the same in each call, and links lead to no second way round.
        folders[:] = sorted(
            name
            for name in folders
            if _is_visible(one := place / name) and not is_same(one, outputs)
        )
        subfolder = "/".join(map(safe_name, place.relative_to(folder).parts))
        paths = sorted(filter(_is_wanted, map(place.joinpath, files)))
        found += [(path, subfolder) for path in paths]
    return found


def is_same(folder: Path, outputs: Path | None) -> bool:
    """Return whether a folder is the one for the outputs, which need not exist."""
    try:
        return outputs is not None and folder.samefile(outputs)
    except OSError:
        return False


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


def _identify(path: Path) -> tuple[str, str]:
    """Return the key of a file, and the SHA-256 of its content."""
    try:
        with open_regular(path) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        name = Path(os.path.realpath(path)).name
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return digest(f"{name}\0{content}"), content


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


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _raise(error: OSError) -> None:
    raise error


def _is_visible(path: Path) -> bool:
    return not path.name.startswith(".")


def _is_wanted(path: Path) -> bool:
    """Return whether a file in a folder is one to run over: not hidden, and not from a run."""
    name = path.name.casefold()
    if not _is_visible(path) or name in _OURS or name.endswith(_UNFINISHED):
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
    except OSError:
        # Its item has the error.
        return True
