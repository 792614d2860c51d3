"""The journal of a run: what was done so far, so that a later call continues there.

The journal is a file of JSON lines beside the outputs. A line that announces an action is
synced to the disk before the action, and a line that records a result right after it, so
a kill at any moment leaves no doubt about what was acknowledged. After a failed write the
journal is not written to again, and the run ends.

Anybody may have written the file, so all lines are checked before any is used.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, Final, Self

import attrs

from datalab_facade.codec import JSONFormat, plan_of, to_json
from datalab_facade.errors import LocalFileError
from datalab_facade.json_forms import InvalidJSONError, named
from datalab_facade.models import JSON
from datalab_facade.redaction import printable
from datalab_facade.transfers.disk import sync
from datalab_facade.transfers.naming import safe_name

FILE_NAME = "run.jsonl"
_VERSION: Final = 2
_FIRST_VERSION: Final = 1

WORKFLOWS: Final = "execution"
"""The kind of job whose ids are numbers, and whose folders are names of files, without others."""

logger = logging.getLogger("datalab_facade.runs")

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_TEXT_ID: Final = re.compile(r"[A-Za-z0-9_./-]{1,300}")
_LOCKED: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})
_CANNOT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


@attrs.frozen(kw_only=True)
class RunEntry:
    """The journal's record of one file."""

    source: str
    """The file as the caller named it, without secrets."""
    folder: str
    """The name of its folder, which is beside the journal."""
    reference: str | None = None
    """Its reference at Datalab, once it is uploaded."""
    submitting: bool = False
    """Whether the request that starts its job may have been sent, without an answer."""
    job_id: int | str | None = None
    ended: str | None = None
    """The final status of its job, once all its outputs are saved."""
    reason: str | None = None
    """Why it failed; None if it did not."""
    seconds: float | None = None
    """How long its job took, by the API's times, if they say so."""
    cents: float | None = None
    """What its job cost in US cents; None if the API did not tell yet."""
    pages: int | None = None
    """How many pages were processed."""
    earlier_cents: float | None = None
    """What earlier jobs for it cost, which failed and were submitted again."""


@attrs.frozen(kw_only=True)
class RunHeader:
    """What a run does, and where."""

    _json: ClassVar = JSONFormat(version=_VERSION)

    origin: str
    """The address of the API."""
    kind: str
    """The kind of its jobs."""
    task: str | None
    """A digest of the task; None for a workflow that was named by its id."""
    target: int | str | None = None
    """The id of the workflow that is executed."""
    name: str = ""
    """The task in words."""


@attrs.frozen(kw_only=True)
class _FirstHeader:
    """The header of a journal of the first version, which was about workflows only."""

    _json: ClassVar = JSONFormat(version=_FIRST_VERSION)

    origin: str
    workflow_id: int
    definition: str | None


class RunJournal:
    """The journal of one folder; one process at a time may use it.

    Attributes:
        failure: The error of the first failed write, if there was one.

    Raises:
        LocalFileError: The folder cannot be used, another run uses it, or this version
            cannot read the journal.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.header: RunHeader | None = None
        self.failure: LocalFileError | None = None
        self._entries: dict[str, RunEntry] = {}
        self._folders: set[str] = set()
        try:
            created = [one for one in (folder, *folder.parents) if not one.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _open(self.path)
        except (OSError, ValueError) as error:
            # A name that this system cannot encode raises ValueError.
            why = error.strerror if isinstance(error, OSError) else "no folder can have this name"
            raise LocalFileError(
                f"The folder {folder} cannot hold a run: {why}. Choose another folder"
            ) from None
        try:
            self._lock()
            self._read()
            # If a power failure lost the journal's name, all files would be paid for again.
            self._sync_folders({folder, folder.parent, *(one.parent for one in created)})
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def begin(self, header: RunHeader, *, fate: str = "") -> None:
        """Write the header.

        Args:
            header: What the run does.
            fate: What the error says in a sentence of what was done already.

        Raises:
            LocalFileError: The journal cannot be written.
        """
        self._write(to_json(header), fate)
        self.header = header

    def entries(self) -> Iterable[tuple[str, RunEntry]]:
        """Return the records of all files by their keys."""
        return self._entries.items()

    def entry(self, key: str) -> RunEntry | None:
        """Return the record of a file; None if it has none."""
        return self._entries.get(key)

    def has_folder(self, name: str) -> bool:
        """Return whether a folder's name is in use, ignoring case; that of the journal is."""
        return name.casefold() == FILE_NAME or name.casefold() in self._folders

    def record(self, key: str, *, fate: str = "", **facts: JSON) -> RunEntry:
        """Write new facts about a file, and return its whole record.

        Args:
            key: The digest that identifies the file.
            fate: What the error says in a sentence of what happened to the file.
            facts: The facts, by the names of an entry's fields.

        Raises:
            LocalFileError: The journal cannot be written; the error says what happened to
                the file.
        """
        self._write({"file": key, **facts}, fate)
        return self._apply(key, facts)

    def _apply(self, key: str, facts: Mapping[str, Any]) -> RunEntry:
        entry = self._entries.get(key)
        entry = RunEntry(**facts) if entry is None else attrs.evolve(entry, **facts)
        self._entries[key] = entry
        self._folders.add(entry.folder.casefold())
        return entry

    def _write(self, line: Mapping[str, JSON], fate: str = "") -> None:
        if self.failure is not None:
            raise self.failure
        # What UTF-8 cannot hold is written as JSON's escape for it.
        text = json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
        end, rest = self._file.seek(0, os.SEEK_END), text
        try:
            while rest:
                # After a short write, the next write raises the error.
                rest = rest[self._file.write(rest) or 0 :]
            sync(self._file)
        except BaseException as error:
            # Half a line would spoil the next one, and an announced action is not done now. A
            # complete line about a result stays, since it is true.
            if rest or line.get("submitting") is True:
                with contextlib.suppress(OSError):
                    self._file.truncate(end)
            why = error.strerror if isinstance(error, OSError) else "it was interrupted"
            self.failure = LocalFileError(
                f"The run's journal {self.path} cannot be written: {why}. "
                f"{fate}Free disk space or correct the folder's permissions; the "
                f"same call then continues"
            )
            if isinstance(error, OSError):
                raise self.failure from None
            raise

    def _read(self) -> None:
        with self._readable():
            self._file.seek(0)
            *lines, tail = self._file.read().split(b"\n")
        facts: dict[str, dict[str, Any]] = {}
        number = 1
        try:
            for line in lines:
                # Finding out the encoding of each line would take long.
                text = line.decode("utf-8", "surrogatepass") if facts else line
                self._read_line(json.loads(text), facts, first=number == 1)
                number += 1
            if tail:
                _check_cut(tail, first=not lines)
        except (ValueError, RecursionError) as error:
            raise self._line_error(number, error) from None
        for key, known in facts.items():
            self._apply(key, known)
        if tail:
            # A kill cut it off, so the action that it announces was not begun.
            with self._readable():
                self._file.truncate(sum(len(line) + 1 for line in lines))

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LocalFileError(
                f"The run's journal {self.path} cannot be read: {error.strerror}"
            ) from None

    def _line_error(self, number: int, error: ValueError | RecursionError) -> LocalFileError:
        if isinstance(error, _OtherVersionError):
            return LocalFileError(
                f"{self.path} has version {error} of the journal's format, which this release of "
                f"datalab-facade cannot read. Use the release that wrote it, or choose another "
                f"folder"
            )
        why = str(error) if type(error) is _InvalidLineError else "it is not JSON"
        return LocalFileError(
            f"Line {number} of {self.path} is not a line of a run's journal: {why}. "
            f"Correct it, or choose another folder"
        )

    def _read_line(self, line: object, facts: dict[str, dict[str, Any]], *, first: bool) -> None:
        if not isinstance(line, dict):
            raise _InvalidLineError("it is not an object")
        if first:
            self.header = _checked_header(line)
            return
        if not isinstance(key := line.get("file"), str) or not _KEY.fullmatch(key):
            raise _InvalidLineError("it does not say which file it is about")
        assert self.header is not None
        checked = _checked_facts(line, is_new=key not in facts, kind=self.header.kind)
        known = facts.setdefault(key, checked)
        known.update(checked)
        if known.get("ended") is not None and known.get("job_id") is None:
            raise _InvalidLineError("it tells the end of a job that has no id")

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:
            # Windows has no such locks, so nothing prevents a second run there.
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _LOCKED:
                raise LocalFileError(
                    f"Another run uses {self.folder}. Wait for it to end, or choose another folder"
                ) from None
            logger.warning(
                "The file system of %s has no locks (%s), so nothing prevents a second run. "
                "Run only one there at a time, or each pays for the same files",
                printable(str(self.folder)),
                error.strerror,
            )

    def _sync_folders(self, folders: Iterable[Path]) -> None:
        for folder in folders:
            try:
                descriptor = os.open(folder, os.O_RDONLY)
            except OSError:
                # Windows cannot open folders, and a parent may be unreadable.
                continue
            try:
                os.fsync(descriptor)
            except OSError as error:
                if error.errno not in _CANNOT_SYNC:
                    raise LocalFileError(
                        f"The folder {self.folder} cannot hold a run: {error.strerror}. "
                        f"Choose another folder"
                    ) from None
            finally:
                os.close(descriptor)


class _InvalidLineError(ValueError):
    """Says why a line is not one that a run writes."""


class _OtherVersionError(ValueError):
    """Says which version wrote the journal."""


def _open(path: Path) -> IO[bytes]:
    # Opening a pipe of that name must not block.
    flags = getattr(os, "O_NONBLOCK", 0)
    file = open(  # noqa: SIM115 - the journal closes it
        path, "a+b", buffering=0, opener=lambda name, mode: os.open(name, mode | flags, 0o666)
    )
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, f"{FILE_NAME} is a pipe, a socket or a device")
    return file


def _checked_header(line: Mapping[str, object]) -> RunHeader:
    version = line.get("version")
    if type(version) is not int:
        raise _InvalidLineError("it does not say which version wrote it")
    if version not in (_VERSION, _FIRST_VERSION):
        raise _OtherVersionError(f"{version}"[:20])
    try:
        if version == _VERSION:
            return plan_of(RunHeader).read(line)
        first = plan_of(_FirstHeader).read(line)
    except InvalidJSONError as wrong:
        raise _invalid_line(wrong) from None
    if not _is_possible_id(first.workflow_id, kind=WORKFLOWS):
        raise _InvalidLineError("its workflow_id is not an id")
    return RunHeader(
        origin=first.origin, kind=WORKFLOWS, task=first.definition, target=first.workflow_id
    )


def _checked_facts(line: Mapping[str, object], *, is_new: bool, kind: str) -> dict[str, Any]:
    if "execution_id" in line:
        # The name in journals of the first version.
        line = {**line, "job_id": line["execution_id"]}
    try:
        facts = plan_of(RunEntry).read_some(line)
    except InvalidJSONError as wrong:
        raise _invalid_line(wrong) from None
    if is_new and not {"source", "folder"} <= facts.keys():
        raise _InvalidLineError("it does not say what its file is called, and where its outputs go")
    folder, job_id = facts.get("folder"), facts.get("job_id")
    if folder is not None and not _is_folder(folder, is_nested=kind != WORKFLOWS):
        raise _InvalidLineError("its folder is not the name of one")
    if job_id is not None and not _is_possible_id(job_id, kind=kind):
        raise _InvalidLineError("its job_id is not an id")
    return facts


def _is_folder(folder: str, *, is_nested: bool) -> bool:
    parts = folder.split("/") if is_nested else [folder]
    return folder.casefold() != FILE_NAME and all(part == safe_name(part) for part in parts)


def _invalid_line(wrong: InvalidJSONError) -> _InvalidLineError:
    why = wrong.sentence(named, whole="it")
    return _InvalidLineError(why if why.startswith("it ") else f"its {why}")


def _is_possible_id(job_id: int | str, *, kind: str) -> bool:
    if kind == WORKFLOWS:
        return isinstance(job_id, int) and 0 <= job_id < 1 << 63
    return isinstance(job_id, str) and _TEXT_ID.fullmatch(job_id) is not None


def _check_cut(tail: bytes, *, first: bool) -> None:
    """Check that an incomplete last line is one of a run, and may be removed."""
    begin = b'{"version": ' if first else b'{"file": "'
    # After a power failure there may be null bytes in place of a line.
    there = tail.rstrip(b"\0")[: len(begin)]
    if not begin.startswith(there):
        raise _InvalidLineError("it is not whole")
