"""The journal of a run: what was done so far, so that a later call continues there.

The journal is a file of JSON lines beside the outputs. A line that announces an action is
synced to the disk before the action, and a line that records a result right after it, so
a kill at any moment leaves no doubt about what was acknowledged. After a failed write the
journal is not written to again, and the run ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from datalab_facade.codec import to_json
from datalab_facade.errors import LocalFileError
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import printable
from datalab_facade.runs.run_records import RunEntry, RunHeader, RunRecords, open_journal
from datalab_facade.transfers.disk import sync

logger = logging.getLogger("datalab_facade.runs")

_LOCKED: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})
_CANNOT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


class RunJournal(RunRecords):
    """The journal of one folder; one process at a time may use it.

    Args:
        folder: The folder, which is made if it is not there.
        now: Returns the time for the records.

    Attributes:
        failure: The error of the first failed write, if there was one.

    Raises:
        LocalFileError: The folder cannot be used, another run uses it, or this version
            cannot read the journal.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        super().__init__(folder)
        self.failure: LocalFileError | None = None
        self._now = now
        try:
            created = [one for one in (folder, *folder.parents) if not one.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open_journal(self.path, "a+b")
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
        times: dict[str, datetime] = {}
        if facts.get("job_id") is not None:
            times["submitted_at"] = self._now()
        if facts.get("ended") is not None:
            times["finished_at"] = self._now()
        texts = {name: time.isoformat() for name, time in times.items()}
        self._write({"file": key, **facts, **texts}, fate)
        return self._apply(key, {**facts, **times})

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
            data = self._file.read()
        end = self.load(data)
        if end < len(data):
            with self._readable():
                self._file.truncate(end)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LocalFileError(
                f"The run's journal {self.path} cannot be read: {error.strerror}"
            ) from None

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
