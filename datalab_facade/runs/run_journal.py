"""What a run has done so far, on disk, so that a later call goes on where it was.

The journal is a file of JSON lines beside the outputs. A line is on the disk itself
before what it announces is done, or right after what it tells was done, so a kill at
any moment leaves no doubt about what was acknowledged.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import attrs

from datalab_facade.errors import ConfigurationError
from datalab_facade.models import JSON
from datalab_facade.outputs.parts import lock

FILE_NAME = "run.jsonl"
_VERSION = 1


@attrs.frozen(kw_only=True)
class RunEntry:
    """What the journal tells of one file."""

    source: str
    """What the caller named it by, without anything secret."""
    folder: str
    """Its folder's name, beside the journal."""
    stat: tuple[str, int, int] | None = None
    """Path, size and time of change in nanoseconds, of a file on this machine."""
    reference: str | None = None
    """Where it is at Datalab, once it is uploaded."""
    submitting: bool = False
    """Whether the request that starts its execution was about to be sent, and no more is known."""
    execution_id: int | None = None
    ended: str | None = None
    """How its execution ended, once all that it left behind is saved."""
    reason: str | None = None
    """Why it failed, if it did."""


_FIELDS = frozenset(attrs.fields_dict(RunEntry))


@attrs.frozen
class RunHeader:
    """What a whole run is about."""

    origin: str
    """The address of the API."""
    workflow_id: int
    definition: str | None
    """A digest of the definition that the workflow was created from, if it was."""


class RunJournal:
    """The journal of one folder; one process at a time has it.

    Raises:
        ConfigurationError: The folder cannot be used, another run has it, or the
            journal is none that this version can read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.header: RunHeader | None = None
        self._entries: dict[str, RunEntry] = {}
        self._by_stat: dict[tuple[str, int, int], str] = {}
        self._folders: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise ConfigurationError(
                f"A run cannot be kept in {folder}: {error.strerror}"
            ) from None
        if not lock(self._file):
            self._file.close()
            raise ConfigurationError(
                f"Another run works in {folder}. Wait for it, or choose another folder"
            )
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def begin(self, header: RunHeader) -> None:
        """Write down what the run is about."""
        self.header = header
        self._write({"version": _VERSION, **attrs.asdict(header)})

    def entry(self, key: str) -> RunEntry | None:
        """Give what is known of a file."""
        return self._entries.get(key)

    def key_of(self, stat: tuple[str, int, int]) -> str | None:
        """Give the key of a file that has not changed since it was first met."""
        return self._by_stat.get(stat)

    def has_folder(self, name: str) -> bool:
        """Tell whether a folder's name is taken, also where case makes no difference."""
        return name.casefold() in self._folders

    def note(self, key: str, **facts: JSON) -> RunEntry:
        """Write down news of a file, and give all that is known of it.

        Raises:
            ConfigurationError: It cannot be written.
        """
        self._write({"file": key, **facts})
        return self._take(key, facts)

    def _take(self, key: str, facts: Mapping[str, Any]) -> RunEntry:
        known = self._entries.get(key)
        news = {name: value for name, value in facts.items() if name in _FIELDS}
        if "stat" in news and news["stat"] is not None:
            news["stat"] = tuple(news["stat"])
        entry = RunEntry(**news) if known is None else attrs.evolve(known, **news)
        self._entries[key] = entry
        self._folders.add(entry.folder.casefold())
        if entry.stat is not None:
            self._by_stat[entry.stat] = key
        return entry

    def _write(self, line: Mapping[str, JSON]) -> None:
        # What UTF-8 cannot hold, as in the names of some files, is written as JSON's escape for it.
        text = json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
        end = self._file.seek(0, os.SEEK_END)
        why = os.strerror(errno.ENOSPC)
        try:
            written = self._file.write(text)
            os.fsync(self._file.fileno())
        except OSError as error:
            written, why = 0, str(error.strerror)
        if written < len(text):
            # Half a line would spoil the next one.
            self._file.truncate(end)
            raise ConfigurationError(
                f"The run's journal {self.path} cannot be written: {why}. "
                f"Make room or mend the folder's rights; the same call then goes on"
            )

    def _read(self) -> None:
        self._file.seek(0)
        body = self._file.read()
        whole = body.rfind(b"\n") + 1
        if whole < len(body):
            # A kill cut it off, so nothing that it announces was begun.
            self._file.truncate(whole)
        for number, line in enumerate(body[:whole].splitlines(), 1):
            try:
                self._read_line(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ConfigurationError(
                    f"Line {number} of {self.path} is no line of a run's journal "
                    f"({type(error).__name__}). Mend it, or choose another folder"
                ) from None

    def _read_line(self, line: dict[str, Any]) -> None:
        if "file" in line:
            self._take(line.pop("file"), line)
            return
        if line["version"] != _VERSION:
            raise ConfigurationError(
                f"{self.path} was written by a release of datalab-facade that this one does not "
                f"understand (version {line['version']!r}). Go on with that one, or choose another "
                f"folder"
            )
        self.header = RunHeader(line["origin"], line["workflow_id"], line["definition"])
