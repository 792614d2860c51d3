"""Manifests: which outputs of an execution were saved to which files.

A manifest lists the saved outputs with their files, the outputs that failed, and the
execution's status at that time. It never contains a presigned URL, and its paths never
lead out of its folder, even if another program wrote it. If the name of a step or a file
is a URL, its query is removed, since it may be a signature and manifests are kept and
passed on for years. Digits of a digest replace it, so that names stay distinct and stable.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import attrs

from datalab_facade.arguments import checked_path
from datalab_facade.codec import AsJSON, JSONFormat, from_json
from datalab_facade.errors import InvalidArgumentError, LocalFileError
from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt, redact_name, redact_urls
from datalab_facade.statuses import Status
from datalab_facade.transfers.disk import OPEN_FILES_STAY, claim, remove, sync
from datalab_facade.transfers.naming import is_reserved

FILE_NAME = "manifest.json"
"""The name of a manifest in its folder."""

PREFIX = f".{FILE_NAME}."
"""The prefix of the names of all helper files beside a manifest."""

VERSION = 1
"""The version of the manifest format."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Not every file system can store surrogates; Windows gives the others another meaning.
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
    # Windows drops periods and spaces at the end, so that "... " means ".." or nothing.
    plain = all(part.rstrip(". ") == part != "" and not is_reserved(part) for part in parts)
    if not plain or _NOT_IN_PATH.search(path):
        raise InvalidArgumentError(
            f"The path {excerpt(path)!r} of a saved output must be inside the manifest's folder"
        )


def _size(_: object, __: attrs.Attribute[int], size: int) -> None:
    if not 0 <= size < 1 << 63:
        raise InvalidArgumentError("The size of a saved output must be a number of bytes from 0 on")


def _hex_digest(_: object, __: attrs.Attribute[str | None], digest: str | None) -> None:
    if digest is not None and not _SHA256.fullmatch(digest):
        raise InvalidArgumentError("sha256 must be 64 hexadecimal digits in lower case")


@picklable
@attrs.frozen(kw_only=True)
class SavedOutput(AsJSON):
    """An output that is complete on disk."""

    _json: ClassVar = JSONFormat(needs=("media_type",))

    execution_id: int
    step: str = attrs.field(converter=redact_name)
    """The step's unique name."""
    file_key: str | None = attrs.field(converter=_redacted_name_or_none)
    """The file's key, ``"aggregated"`` for all files, or None where the step has one run."""
    path: str
    """The file's path, with ``/`` on every system; in a manifest, relative to its folder."""
    bytes: int = attrs.field(validator=_size)
    """The file's size in bytes."""
    sha256: str | None = attrs.field(validator=_hex_digest)
    """The file's SHA-256 in hexadecimal digits; None if it was not requested."""
    saved_at: datetime = attrs.field(converter=_utc)
    """When it was complete on disk, in UTC."""
    source_status: Status
    """The status of the step's run then; while it is running, the output may still grow."""
    media_type: str | None = attrs.field(default=None, converter=_redacted_urls_or_none)
    """The media type that storage sent, such as ``"application/json"``."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create an entry from what :meth:`to_dict` returned.

        Raises:
            InvalidArgumentError: It is something else, or its path leads out of the folder.
        """
        entry = from_json(cls, data)
        _check_inside(entry.path)
        return entry


@picklable
@attrs.frozen(kw_only=True)
class FailedOutput(AsJSON):
    """An output that could not be saved. URLs in the error have no query.

    >>> error = "refused: https://a.example/x?sig=b"
    >>> FailedOutput(execution_id=123, step="parse", file_key=None, error=error).error
    'refused: https://a.example/x?…'
    """

    execution_id: int
    step: str = attrs.field(converter=redact_name)
    """The step's unique name."""
    file_key: str | None = attrs.field(converter=_redacted_name_or_none)
    """The file's key, ``"aggregated"`` for all files, or None where the step has one run."""
    error: str = attrs.field(converter=redact_urls)
    """The error's message."""


def _all_inside(_: object, __: object, saved: tuple[SavedOutput, ...]) -> None:
    for output in saved:
        _check_inside(output.path)


@picklable
@attrs.frozen(kw_only=True)
class Manifest(AsJSON):
    """The saved outputs of an execution, and those that failed.

    Every path is relative and inside the manifest's folder; any other raises
    :class:`InvalidArgumentError`.

    >>> failed = FailedOutput(execution_id=123, step="parse", file_key=None, error="no answer")
    >>> status = Status.COMPLETED
    >>> manifest = Manifest(execution_id=123, status=status, saved=(), failed=(failed,))
    >>> print(manifest)
    Execution 123 (COMPLETED): 0 outputs saved (0 bytes), 1 failed
    >>> manifest.is_complete
    False
    >>> Manifest.from_dict(manifest.to_dict()) == manifest
    True
    """

    _json: ClassVar = JSONFormat(version=VERSION, needs=("failed",))

    execution_id: int
    status: Status
    """The execution's status when the last output was saved."""
    saved: tuple[SavedOutput, ...] = attrs.field(validator=_all_inside)
    failed: tuple[FailedOutput, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether no output failed."""
        return not self.failed

    def write(self, folder: Path) -> Path:
        """Write the manifest into a folder atomically, and return the file's path.

        Other readers and writers always find a complete manifest, the old one or a new
        one. If writing fails, the old one is unchanged.

        Raises:
            InvalidArgumentError: The folder is not a path.
            LocalFileError: The folder does not exist or cannot be written to.
        """
        folder = checked_path("folder", folder)
        goal = folder / FILE_NAME
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n"
        # What UTF-8 cannot hold is written as JSON's escape for it.
        body = text.encode(errors="backslashreplace")
        try:
            # Temporary files are private; a manifest is for everybody who may read the outputs.
            beside, claimed = claim(folder, PREFIX, ".part")
            try:
                with claimed, io.BufferedWriter(claimed) as file:
                    file.write(body)
                    file.flush()
                    sync(file)
                    if OPEN_FILES_STAY:
                        file.close()
                    beside.replace(goal)
            except BaseException:
                remove(beside)
                raise
        except (OSError, ValueError) as error:
            raise LocalFileError(
                f"The manifest cannot be written to {folder}: {_system_message(error)}. "
                f"Name an existing folder that can be written to"
            ) from error
        return goal

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of a folder.

        Raises:
            InvalidArgumentError: The folder is not a path.
            LocalFileError: It does not exist, cannot be read, or is something else. If
                it does not exist, ``__cause__`` is a :class:`FileNotFoundError`.
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
            # ValueError also covers invalid UTF-8 and absurdly long numbers.
            raise LocalFileError(f"{goal} is not JSON: {excerpt(body)}") from None

    def __str__(self) -> str:
        count = len(self.saved)
        size = sum(output.bytes for output in self.saved)
        saved = f"{count} output{'' if count == 1 else 's'} saved ({size:,} bytes)"
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"Execution {self.execution_id} ({excerpt(self.status, limit=40)}): {saved}{failed}"


def _system_message(error: Exception) -> str:
    """Return the system's message without the path, which is a temporary one."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
