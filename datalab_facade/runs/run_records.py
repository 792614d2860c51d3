"""What a run's journal says: the task, and how far each file has come. Reading it changes nothing.

Anybody may have written the file, so all lines are checked before any is used.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any, ClassVar, Final, Literal, Self

import attrs

from datalab_facade.codec import JSONFormat, plan_of
from datalab_facade.errors import LocalFileError
from datalab_facade.json_forms import InvalidJSONError, named
from datalab_facade.transfers.naming import safe_name

FILE_NAME: Final = "run.jsonl"

WORKFLOWS: Final = "execution"
"""The kind of job whose ids are numbers, and whose folders are names of files, without others."""

_VERSION: Final = 2
_FIRST_VERSION: Final = 1
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_WHITESPACE: Final = b" \t\r"
"""What JSON allows around a value, in one line."""
_DECODER: Final = json.JSONDecoder()
_TEXT_ID: Final = re.compile(r"[A-Za-z0-9_./-]{1,300}")


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
    unsaved: str | None = None
    """The final status of its job, if that ended and not all its outputs could be saved."""
    reason: str | None = None
    """Why it failed; None if it did not."""
    problem: str | None = None
    """Why the last call did not submit or finish it, if that is why it went no further."""
    seconds: float | None = None
    """How long its job took, by the API's times, if they say so."""
    cents: float | None = None
    """What its job cost in US cents; None if the API did not tell yet."""
    pages: int | None = None
    """How many pages were processed."""
    earlier_cents: float | None = None
    """What earlier jobs for it cost, which failed and were submitted again."""
    submitted_at: datetime | None = None
    """When its job was started, or an earlier one, by the clock of the machine, in UTC."""
    finished_at: datetime | None = None
    """When that had ended and all its outputs were saved, by the same clock."""

    @property
    def is_unfinished(self) -> bool:
        """Whether its job was started, and no end of it is known."""
        return (
            self.job_id is not None
            and self.ended is None
            and self.unsaved is None
            and self.reason is None
        )

    @property
    def times(self) -> tuple[datetime | None, datetime | None]:
        """When its job was started and when it was finished; None for what did not happen yet."""
        return (
            None if self.job_id is None else self.submitted_at,
            None if self.ended is None else self.finished_at,
        )


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


class RunRecords:
    """The records of a run, one for each file, as they stand in the journal of a folder.

    Attributes:
        folder: The folder.
        path: The journal in it.
        header: What the run does; None as long as the journal is empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.header: RunHeader | None = None
        self._entries: dict[str, RunEntry] = {}
        self._folders: set[str] = set()

    def entries(self) -> Iterable[tuple[str, RunEntry]]:
        """Return the records of all files by their keys."""
        return self._entries.items()

    def entry(self, key: str) -> RunEntry | None:
        """Return the record of a file; None if it has none."""
        return self._entries.get(key)

    def has_folder(self, name: str) -> bool:
        """Return whether a folder's name is in use, ignoring case; that of the journal is."""
        return name.casefold() == FILE_NAME or name.casefold() in self._folders

    @classmethod
    def read(cls, folder: Path) -> tuple[Self, RunHeader]:
        """Read the journal of a folder and its header, also while a run writes it.

        Raises:
            LocalFileError: There is no journal, or this version cannot read it.
        """
        found, data = cls(folder), b""
        try:
            with open_journal(found.path, "rb") as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError):
            pass
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "no file can have this name"
            raise LocalFileError(f"The run's journal {found.path} cannot be read: {why}") from None
        found.load(data)
        if found.header is None:
            raise LocalFileError(
                f"{folder} is not the folder of a run: there is no {FILE_NAME} in it. Name the "
                f"folder that the outputs of the run go to"
            )
        return found, found.header

    def load(self, data: bytes) -> int:
        """Read the lines of the journal.

        Args:
            data: The whole journal.

        Returns:
            The number of bytes that were used: a kill may have cut off the last line, whose action
            was then not begun.

        Raises:
            LocalFileError: This version cannot read the journal. The message names the line.
        """
        *lines, tail = data.split(b"\n")
        facts: dict[str, dict[str, Any]] = {}
        number = 1
        try:
            for line in lines:
                # The first line may be in another encoding of Unicode; finding that out takes long.
                value = json.loads(line) if number == 1 else _decoded(line)
                self._read_line(value, facts, first=number == 1)
                number += 1
            if tail:
                _check_cut(tail, first=not lines)
        except (ValueError, RecursionError) as error:
            raise self._line_error(number, error) from None
        self._entries = {key: RunEntry(**known) for key, known in facts.items()}
        self._folders = {entry.folder.casefold() for entry in self._entries.values()}
        return len(data) - len(tail)

    def _apply(self, key: str, facts: Mapping[str, Any]) -> RunEntry:
        entry = self._entries.get(key)
        entry = RunEntry(**facts) if entry is None else attrs.evolve(entry, **facts)
        self._entries[key] = entry
        self._folders.add(entry.folder.casefold())
        return entry

    def _line_error(self, number: int, error: ValueError | RecursionError) -> LocalFileError:
        if isinstance(error, _OtherVersionError):
            return LocalFileError(
                f"{self.path} has version {error} of the journal's format, which this release of "
                f"datalab-facade cannot read. Use the release that wrote it, or choose another "
                f"folder"
            )
        why = str(error) if type(error) is _InvalidLineError else "it is not JSON"
        return LocalFileError(
            f"Line {number} of {self.path} is not a line of a run's journal: "
            f"{why}. Correct it, or choose another folder"
        )

    def _read_line(self, line: object, facts: dict[str, dict[str, Any]], *, first: bool) -> None:
        if not isinstance(line, dict):
            raise _InvalidLineError("it is not an object")
        if first:
            self.header = _checked_header(line)
            return
        key = line.get("file")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise _InvalidLineError("it does not say which file it is about")
        assert self.header is not None
        known = facts.get(key)
        checked = _checked_facts(line, is_new=known is None, kind=self.header.kind)
        if known is None:
            known = facts[key] = checked
        else:
            known.update(checked)
        if known.get("ended") is not None and known.get("job_id") is None:
            raise _InvalidLineError("it tells the end of a job that has no id")


def open_journal(path: Path, mode: Literal["rb", "a+b"]) -> IO[bytes]:
    """Open a journal, without a buffer.

    Raises:
        OSError: It cannot be opened, or is not a regular file.
    """
    # Opening a pipe of that name must not block.
    flags = getattr(os, "O_NONBLOCK", 0)
    file = open(  # noqa: SIM115 - who called closes it
        path, mode, buffering=0, opener=lambda name, mode: os.open(name, mode | flags, 0o666)
    )
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, f"{FILE_NAME} is a pipe, a socket or a device")
    return file


class _InvalidLineError(ValueError):
    """Says why a line is not one that a run writes."""


class _OtherVersionError(ValueError):
    """Says which version wrote the journal."""


def _decoded(line: bytes) -> object:
    """Return the value of a line of JSON, quicker than :func:`json.loads` does.

    Raises:
        ValueError: It is not one.
    """
    text = line.strip(_WHITESPACE).decode("utf-8", "surrogatepass")
    value, end = _DECODER.raw_decode(text)
    if end < len(text):
        raise ValueError
    return value


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
    if not _is_possible_id(first.workflow_id):
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
    if is_new and not ("source" in facts and "folder" in facts):
        raise _InvalidLineError("it does not say what its file is called, and where its outputs go")
    folder, job_id = facts.get("folder"), facts.get("job_id")
    if folder is not None and not _is_folder(folder, is_nested=kind != WORKFLOWS):
        raise _InvalidLineError("its folder is not the name of one")
    is_id = _is_possible_id if kind == WORKFLOWS else _is_possible_text_id
    if job_id is not None and not is_id(job_id):
        raise _InvalidLineError("its job_id is not an id")
    return facts


def _is_folder(folder: str, *, is_nested: bool) -> bool:
    parts = folder.split("/") if is_nested else [folder]
    return folder.casefold() != FILE_NAME and parts == list(map(safe_name, parts))


def _invalid_line(wrong: InvalidJSONError) -> _InvalidLineError:
    why = wrong.sentence(named, whole="it")
    return _InvalidLineError(why if why.startswith("it ") else f"its {why}")


def _is_possible_id(job_id: int | str) -> bool:
    return isinstance(job_id, int) and 0 <= job_id < 1 << 63


def _is_possible_text_id(job_id: int | str) -> bool:
    return isinstance(job_id, str) and _TEXT_ID.fullmatch(job_id) is not None


def _check_cut(tail: bytes, *, first: bool) -> None:
    """Check that an incomplete last line is one of a run, and may be removed."""
    begin = b'{"version": ' if first else b'{"file": "'
    # After a power failure there may be null bytes in place of a line.
    there = tail.rstrip(b"\0")[: len(begin)]
    if not begin.startswith(there):
        raise _InvalidLineError("it is not whole")
