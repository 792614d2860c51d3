"""What was saved of an execution, written down next to the files.

A manifest says which file holds which output, what could not be saved, and how
the execution stood then. It never holds a presigned URL, and its paths never
lead out of its folder, whoever wrote it. Where a step or a file is called by a URL, its
query is left out of the name: it may be a signature, and a manifest is kept for years
and handed on. Digits of a digest stand for it, so that names stay apart and are found
again.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, Self

import attrs

from datalab_facade.arguments import checked_path
from datalab_facade.errors import InvalidArgumentError, LocalFileError
from datalab_facade.models import JSON
from datalab_facade.outputs.claiming import claim, remove
from datalab_facade.outputs.naming import is_reserved
from datalab_facade.outputs.parts import OPEN_FILES_STAY
from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt, redact_name, redact_urls
from datalab_facade.statuses import Status

FILE_NAME = "manifest.json"
"""The name of a manifest in its folder."""

PREFIX = f".{FILE_NAME}."
"""What the names of all files begin with that are beside a manifest for its sake."""

VERSION = 1
"""The version of the form that manifests are written in."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Surrogates have no place on disk everywhere; the rest reads as something else on Windows.
_NOT_IN_PATH = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\:]")


def _redacted_urls_or_none(text: str | None) -> str | None:
    return text if text is None else redact_urls(text)


def _redacted_name_or_none(name: str | None) -> str | None:
    return name if name is None else redact_name(name)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidArgumentError("saved_at must have a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidArgumentError("saved_at is out of range") from None


def _check_inside(path: str) -> None:
    parts = path.split("/")
    # Windows drops full stops and spaces at the end, so that "... " is "..", or nothing.
    plain = all(part.rstrip(". ") == part != "" and not is_reserved(part) for part in parts)
    if not plain or _NOT_IN_PATH.search(path):
        raise InvalidArgumentError(
            f"The path {excerpt(path)!r} of a saved output is not one inside the manifest's folder"
        )


def _size(_: object, __: attrs.Attribute[int], size: int) -> None:
    if not 0 <= size < 1 << 63:
        raise InvalidArgumentError("The size of a saved output must be a count of bytes")


def _hex_digest(_: object, __: attrs.Attribute[str | None], digest: str | None) -> None:
    if digest is not None and not _SHA256.fullmatch(digest):
        raise InvalidArgumentError("sha256 must be 64 hexadecimal digits in lower case")


@picklable
@attrs.frozen(kw_only=True)
class SavedOutput:
    """An output that is on disk, whole."""

    execution_id: int
    step: str = attrs.field(converter=redact_name)
    """The step's unique name."""
    file_key: str | None = attrs.field(converter=_redacted_name_or_none)
    """Which file, ``"aggregated"`` for all of them, or None where steps have one run."""
    path: str
    """Where it is, with ``/`` on every system; in a manifest, relative to its folder."""
    bytes: int = attrs.field(validator=_size)
    """What the file weighs."""
    sha256: str | None = attrs.field(validator=_hex_digest)
    """The SHA-256 of the file, in hexadecimal digits; None if it was not asked for."""
    saved_at: datetime = attrs.field(converter=_utc)
    """When it was whole on disk, in UTC."""
    source_status: Status
    """How the step's run stood then; while it goes on, there may be more to come."""
    media_type: str | None = attrs.field(default=None, converter=_redacted_urls_or_none)
    """What storage said it is, such as ``"application/json"``."""

    def to_dict(self) -> dict[str, JSON]:
        """Give the entry as plain JSON."""
        return {
            "execution_id": self.execution_id,
            "step": self.step,
            "file_key": self.file_key,
            "path": self.path,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "saved_at": self.saved_at.isoformat(),
            "source_status": str(self.source_status),
            "media_type": self.media_type,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Take back what :meth:`to_dict` gave.

        Raises:
            LocalFileError: If it is something else, or its path leads out of the folder.
        """
        entry = _Reader(data, "a saved output")
        _check_inside(entry.text("path"))
        return cls(
            execution_id=entry.whole("execution_id"),
            step=entry.text("step"),
            file_key=entry.text_or_none("file_key"),
            path=entry.text("path"),
            bytes=entry.whole("bytes"),
            sha256=entry.text_or_none("sha256"),
            saved_at=entry.time("saved_at"),
            source_status=Status.parse(entry.text("source_status")),
            media_type=entry.text_or_none("media_type"),
        )


@picklable
@attrs.frozen(kw_only=True)
class FailedOutput:
    """An output that could not be saved. A URL in the error is kept without its query.

    >>> FailedOutput(123, "parse", None, "refused: https://a.example/x?sig=b").error
    'refused: https://a.example/x?…'
    """

    execution_id: int
    step: str = attrs.field(converter=redact_name)
    """The step's unique name."""
    file_key: str | None = attrs.field(converter=_redacted_name_or_none)
    """Which file, ``"aggregated"`` for all of them, or None where steps have one run."""
    error: str = attrs.field(converter=redact_urls)
    """What went wrong."""

    def to_dict(self) -> dict[str, JSON]:
        """Give the entry as plain JSON."""
        return {
            "execution_id": self.execution_id,
            "step": self.step,
            "file_key": self.file_key,
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Take back what :meth:`to_dict` gave.

        Raises:
            InvalidArgumentError: If it is something else.
        """
        entry = _Reader(data, "a missed output")
        return cls(
            execution_id=entry.whole("execution_id"),
            step=entry.text("step"),
            file_key=entry.text_or_none("file_key"),
            error=entry.text("error"),
        )


def _all_inside(_: object, __: object, saved: tuple[SavedOutput, ...]) -> None:
    for output in saved:
        _check_inside(output.path)


@picklable
@attrs.frozen(kw_only=True)
class Manifest:
    """What was saved of an execution, and what could not be.

    Every path is relative and leads to a place inside the manifest's folder;
    with any other, no manifest is made: :class:`InvalidArgumentError`.

    >>> failed = FailedOutput(123, "parse", None, "no answer")
    >>> manifest = Manifest(123, Status.COMPLETED, saved=(), failed=(failed,))
    >>> print(manifest)
    Execution 123 (COMPLETED): 0 outputs saved (0 bytes), 1 failed
    >>> manifest.is_complete
    False
    >>> Manifest.from_dict(manifest.to_dict()) == manifest
    True
    """

    execution_id: int
    status: Status
    """How the execution stood when the last of it was saved."""
    saved: tuple[SavedOutput, ...] = attrs.field(validator=_all_inside)
    failed: tuple[FailedOutput, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing was missed."""
        return not self.failed

    def to_dict(self) -> dict[str, JSON]:
        """Give the manifest as plain JSON."""
        return {
            "version": VERSION,
            "execution_id": self.execution_id,
            "status": str(self.status),
            "saved": [output.to_dict() for output in self.saved],
            "failed": [output.to_dict() for output in self.failed],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Take back what :meth:`to_dict` gave, also after a trip through JSON.

        What is not known is passed over.

        Raises:
            InvalidArgumentError: If it is something else, was written in another
                version of the form, or a path in it leads out of the folder.
        """
        entry = _Reader(data, "a manifest")
        version = entry.whole("version")
        if version != VERSION:
            raise InvalidArgumentError(
                f"It is a manifest of version {version}, and only version {VERSION} is known. "
                f"Read it with the release of datalab-facade that wrote it"
            )
        return cls(
            execution_id=entry.whole("execution_id"),
            status=Status.parse(entry.text("status")),
            saved=tuple(map(SavedOutput.from_dict, entry.items("saved"))),
            failed=tuple(map(FailedOutput.from_dict, entry.items("failed"))),
        )

    def write(self, folder: Path) -> Path:
        """Write the manifest into a folder, in one piece, and give the file's path.

        Whoever reads meanwhile, or writes too, finds a whole manifest: the old
        one or a new one. If it fails, the old one is as it was.

        Raises:
            LocalFileError: If the folder is not there or cannot be written to.
        """
        folder = Path(folder)
        goal = folder / FILE_NAME
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n"
        # What UTF-8 cannot hold is written as JSON's escape for it.
        body = text.encode(errors="backslashreplace")
        try:
            # Not the private mode of temporary files: it is for whoever may read the outputs.
            beside, claimed = claim(folder, PREFIX, ".part")
            try:
                with claimed, io.BufferedWriter(claimed) as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                    if OPEN_FILES_STAY:
                        file.close()
                    beside.replace(goal)
            except BaseException:
                remove(beside)
                raise
        except (OSError, ValueError) as error:
            raise LocalFileError(
                f"The manifest cannot be written to {folder}: {_system_message(error)}. "
                f"Name a folder that is there and can be written to"
            ) from error
        return goal

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of a folder.

        Raises:
            LocalFileError: If there is none, it cannot be read, or it is
                something else. Where there is none, its ``__cause__`` is a
                :class:`FileNotFoundError`.
        """
        goal = checked_path("folder", folder) / FILE_NAME
        try:
            body = goal.read_bytes()
        except (OSError, ValueError) as error:
            raise LocalFileError(
                f"The manifest of {folder} cannot be read: {_system_message(error)}"
            ) from error
        try:
            return cls.from_dict(json.loads(body))
        except InvalidArgumentError as error:
            raise LocalFileError(f"{goal} cannot be used: {error}") from None
        except (ValueError, RecursionError):
            # ValueError also covers what is not UTF-8 and numbers of absurd length.
            raise LocalFileError(f"{goal} is not JSON: {excerpt(body)}") from None

    def __str__(self) -> str:
        count = len(self.saved)
        size = sum(output.bytes for output in self.saved)
        saved = f"{count} output{'' if count == 1 else 's'} saved ({size:,} bytes)"
        failed = f", {len(self.failed)} missed" if self.failed else ""
        return f"Execution {self.execution_id} ({excerpt(self.status, limit=40)}): {saved}{failed}"


def _system_message(error: Exception) -> str:
    """Give what the system says, without the path, which is a temporary one."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


class _Reader:
    """Takes fields out of what was parsed, and takes none for what it is not."""

    def __init__(self, data: object, kind: str) -> None:
        self._kind = kind
        if not isinstance(data, Mapping):
            self._refuse("it is no object")
        self._data: Mapping[str, object] = data

    def whole(self, name: str) -> int:
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(f"its {name} is no whole number")
        return value

    def text(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str):
            self._refuse(f"its {name} is no text")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self._value(name) is None else self.text(name)

    def time(self, name: str) -> datetime:
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        # Not raised where it is caught: the other error quotes the text as it is.
        if moment is None:
            self._refuse(f"its {name} is no time")
        return moment

    def items(self, name: str) -> list[Any]:
        value = self._value(name)
        if not isinstance(value, list):
            self._refuse(f"its {name} is no list")
        return value

    def _value(self, name: str) -> object:
        if name not in self._data:
            self._refuse(f"it has no {name}")
        return self._data[name]

    def _refuse(self, why: str) -> NoReturn:
        raise InvalidArgumentError(f"It is not {self._kind} as to_dict() writes one: {why}")
