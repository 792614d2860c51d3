"""Part files: a file gets its name only when it is complete.

Bytes that arrived are kept beside the final path as ``name.part``, and what storage said
about the object as ``name.part.json``. A download that was killed resumes from there. Only
a complete, verified file gets the final name, and only after its bytes are synced to the
disk: a power failure may lose a file, but never leaves a broken one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

import attrs

from datalab_facade.errors import DownloadError, DownloadFailure
from datalab_facade.transfers.disk import (
    OPEN_FILES_STAY,
    begin_writing,
    is_at,
    is_file,
    is_other,
    lock,
    open_without_links,
    sync,
    write_all,
)
from datalab_facade.transfers.downloading import Chunk
from datalab_facade.transfers.facts import Facts
from datalab_facade.transfers.file_checksums import MAX_UNWRITTEN, FileChecksums
from datalab_facade.transfers.naming import suffix_of
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transfers.sinks import (
    PAGE_BEGINS_WITHIN,
    Decoder,
    is_web_page,
    web_page,
)
from datalab_facade.transfers.unpacking import ExpansionError, Unpacker, UnpackingError, why_packed

_T = TypeVar("_T")

logger = logging.getLogger("datalab_facade.transfers")

_PIECE = 1 << 20

# Smaller downloads are kept in memory, since fetching them again is quick: creating and
# removing two more files would be most of the cost of a small output.
_MIN_PART_BYTES = 32 << 10


class PartFile:
    """The growing file of one download. Use it in a ``with`` statement.

    Two processes that download the same file do not share its part: the second one
    begins a part of its own.

    Args:
        remote: The object.
        path: The final path.
        overwrite: Whether to replace a file that is there.
        checksum: Whether to compute the file's SHA-256.

    Attributes:
        received: The number of bytes that an earlier attempt left.
        facts: What storage said about the object then.
    """

    def __init__(self, remote: Remote, path: Path, *, overwrite: bool, checksum: bool) -> None:
        self._remote = remote
        self._path = path
        self._overwrite = overwrite
        self._part = path.with_name(path.name + ".part")
        self._notes = path.with_name(path.name + ".part.json")
        self._shared = True
        self._has_notes = False
        self._recognizable = False
        self._file: IO[bytes] | None = None
        self._start = bytearray()
        self._unwritten = 0
        self._checksums = FileChecksums(remote, sha256=checksum)
        self._published = False
        self.received = 0
        self.facts: Facts | None = None

    def __enter__(self) -> Self:
        if not self._overwrite and os.path.lexists(self._path):
            raise self._remote.error(
                DownloadFailure.EXISTS,
                f"is not saved: {self._path} exists. Overwrite it with overwrite=True",
            )
        with self._disk():
            if not os.path.isdir(self._path.parent):  # noqa: PTH112 - faster, for small outputs
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._has_notes = os.path.lexists(self._notes)
            if self._has_notes and is_file(self._notes):
                self._file = self._open_part(keep=True)
                self.facts = self._read_notes()
                self.received = self._file.seek(0, os.SEEK_END) if self.facts else 0
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._checksums.stop()
        if self._file is None or self._file.closed:
            return
        if self._published:
            self._file.close()
            return
        with self._file, suppress(OSError):
            # A part is removed if no later call could resume it: it is empty or private to this
            # process, or its object is gone or has no validator.
            gone = isinstance(error, DownloadError) and error.reason == DownloadFailure.GONE
            resumable = self._shared and self._recognizable and not gone
            if is_at(self._part, self._file) and not (
                resumable and self._file.seek(0, os.SEEK_END)
            ):
                self._notes.unlink(missing_ok=True)
                self._part.unlink()

    def take(self, chunk: Chunk, facts: Facts) -> None:
        """Write a chunk at its offset.

        Raises:
            DownloadError: The disk is full, or the file cannot be written.
        """
        with self._disk():
            if self._file is None:
                del self._start[chunk.offset :]
                self._start += chunk.data
                if len(self._start) > _MIN_PART_BYTES:
                    self._spill()
                    self._write_notes(facts)
            elif chunk.data:
                self._write(self._file, chunk, facts)
            else:
                # A body begins: it replaces everything from here on.
                self._checksums.restart(chunk.offset)
                self._file.seek(chunk.offset)
                self._file.truncate()
                self._write_notes(facts)

    def finish(self, facts: Facts, describe: Callable[[int, str | None], _T]) -> _T:
        """Verify the bytes, decompress them if necessary, and give the file its final name.

        Args:
            facts: What storage said about the object.
            describe: Called with the file's length in bytes and its SHA-256, if that is
                known, just before the file gets its name. Its OSError counts as one of the
                disk's.

        Returns:
            What ``describe`` returned.

        Raises:
            DownloadError: It differs from what storage announced, or cannot be written.
        """
        try:
            packed_reason = why_packed(facts.encoding)
            self._refuse_page(facts)
            if facts.encoding and packed_reason is None:
                return self._finish_unpacked(facts, describe)
            sha256 = self._verify(facts)
            with self._disk():
                file = self._file or self._spill()
                size = file.seek(0, os.SEEK_END)
                sync(file)
                result = describe(size, sha256)
                self._publish(self._part)
            if packed_reason is not None:
                logger.warning(
                    "%s is saved as it is stored: %s", self._remote.subject, packed_reason
                )
        except DownloadError as error:
            if error.reason != DownloadFailure.DISK:
                # Its bytes are of no further use.
                self.forget()
            raise
        return result

    def forget(self) -> None:
        """Discard the bytes that arrived."""
        self._start.clear()
        with self._disk():
            if self._file is not None and not self._file.closed:
                self._file.seek(0)
                self._file.truncate()
            elif self._file is not None:
                self._part.unlink(missing_ok=True)
            self._notes.unlink(missing_ok=True)

    def _spill(self) -> IO[bytes]:
        """Move the bytes from memory to the part on disk."""
        self._file = self._open_part()
        write_all(self._file, self._start)
        self._start.clear()
        return self._file

    def _write_notes(self, facts: Facts) -> None:
        notes = {"output": self._remote.identity, "facts": attrs.asdict(facts)}
        self._recognizable = facts.validator is not None
        self._has_notes = True
        with open_without_links(self._notes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "wb") as file:
            write_all(file, json.dumps(notes).encode())

    def _refuse_page(self, facts: Facts) -> None:
        """Raise an error if a web page arrived where the URL or the type announces JSON."""
        if self._remote.may_be_page or not (
            suffix_of(self._remote.url) == ".json" or "json" in (facts.media_type or "").lower()
        ):
            return
        with self._disk():
            if self._file is None:
                start = bytes(self._start[:PAGE_BEGINS_WITHIN])
            else:
                self._file.seek(0)
                start = self._file.read(PAGE_BEGINS_WITHIN)
        with suppress(UnpackingError, ExpansionError):
            start = b"".join(Unpacker(facts.encoding).feed(start))
        if is_web_page(start):
            raise web_page(self._remote, start)

    def _pieces(self, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes that arrived, from an offset on."""
        if self._file is None:
            yield bytes(self._start[start:])
            return
        self._file.seek(start)
        while piece := self._file.read(_PIECE):
            yield piece

    def _unpacked(self, decoder: Decoder) -> Iterator[bytes]:
        for piece in self._pieces():
            yield from decoder.feed(piece)

    def _write(self, file: IO[bytes], chunk: Chunk, facts: Facts) -> None:
        write_all(file, chunk.data)
        size = chunk.offset + len(chunk.data)
        if self._checksums.advance(file, size, facts):
            self._unwritten = 0
            return
        self._unwritten += len(chunk.data)
        if self._unwritten >= MAX_UNWRITTEN:
            begin_writing(file, size - self._unwritten, self._unwritten)
            self._unwritten = 0

    def _verify(self, facts: Facts) -> str | None:
        """Compare the checksums of what arrived; return its SHA-256 if it is wanted."""
        with self._disk():
            return self._checksums.finish(self._pieces, facts)

    def _open_part(self, *, keep: bool = False) -> IO[bytes]:
        """Open the part; what an earlier attempt left in it is removed unless it is kept."""
        for attempt in range(10):
            # Most often there is nothing, which needs no further questions.
            is_new = attempt == 0 and not self._has_notes
            if not is_new and (is_other(self._part) or is_other(self._notes)):
                break
            with contextlib.ExitStack() as stack:
                flags = os.O_RDWR | os.O_CREAT | (os.O_EXCL if is_new else 0)
                try:
                    file = open_without_links(self._part, flags, "r+b")
                except FileExistsError:
                    continue
                stack.enter_context(file)
                if not lock(file):
                    break
                # The process that held the lock before may have published and removed the
                # part; if it was killed in between, the part is the published file itself.
                if is_at(self._part, file):
                    found = os.fstat(file.fileno())
                    if found.st_nlink < 2:
                        if found.st_size and not keep:
                            file.truncate()
                        stack.pop_all()
                        return file
                    self._part.unlink()
        # Another process writes it, or it is not a part. The first to finish gets the name.
        self._shared = False
        own = f".{os.getpid()}-{os.urandom(4).hex()}.part"
        self._part = self._path.with_name(self._path.name + own)
        self._notes = self._path.with_name(self._path.name + own + ".json")
        return open_without_links(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL, "r+b")

    def _read_notes(self) -> Facts | None:
        # A part without notes on this very object cannot be resumed; it begins from byte 0.
        try:
            notes = json.loads(self._notes.read_text(encoding="utf-8"))
            facts = Facts(**notes["facts"])
            ours = tuple(notes["output"]) == self._remote.identity
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None
        self._recognizable = facts.validator is not None
        return facts if ours else None

    def _finish_unpacked(self, facts: Facts, describe: Callable[[int, str | None], _T]) -> _T:
        """Decompress the part into another file, and give that the final name."""
        beside = self._part.with_name(self._part.name + ".unpacked")
        size, sha256 = 0, hashlib.sha256()
        try:
            with self._disk():
                if self._file is None:
                    # Holding the part's lock keeps other processes from the same file.
                    self._spill()
                beside.unlink(missing_ok=True)
            with self._disk(), beside.open("xb") as unpacked:
                decoder = Decoder(self._remote, facts)
                for piece in self._unpacked(decoder):
                    size += unpacked.write(piece)
                    sha256.update(piece)
                decoder.finish()
                unpacked.flush()
                sync(unpacked)
            with self._disk():
                result = describe(size, sha256.hexdigest())
                self._publish(beside)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        return result

    def _publish(self, source: Path) -> None:
        if OPEN_FILES_STAY and self._file is not None:
            self._file.close()
        if self._overwrite:
            source.replace(self._path)
        else:
            try:
                # Unlike a rename, a link never replaces another file.
                os.link(source, self._path)
            except FileExistsError:
                raise self._remote.error(
                    DownloadFailure.EXISTS,
                    f"is not saved: {self._path} was created meanwhile. Overwrite it with "
                    f"overwrite=True",
                ) from None
            except OSError:
                # The file system has no links.
                source.replace(self._path)
        self._published = True
        # The file has its name, even if these cannot be removed.
        with suppress(OSError):
            if self._has_notes:
                self._notes.unlink(missing_ok=True)
            self._part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """Turn an error of the operating system into one that names the download."""
        try:
            yield
        except (OSError, UnicodeError) as error:
            # Some names cannot be encoded for any file system.
            words = isinstance(error, OSError) and error.strerror
            raise self._remote.error(
                DownloadFailure.DISK, f"cannot be written to {self._path}: {words or error}"
            ) from error


def remove_leftovers(path: Path) -> None:
    """Remove what a process left beside a file that it published before it was killed.

    Files that another process still writes are left alone.
    """
    part = path.with_name(path.name + ".part")
    if is_other(part):
        return
    with suppress(OSError), contextlib.ExitStack() as stack:
        with suppress(FileNotFoundError):
            if not lock(stack.enter_context(part.open("r+b"))):
                return
        for suffix in (".unpacked", ".json", ""):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
