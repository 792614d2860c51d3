"""Receipts of saved results: which files were made of which document, by what, for how much."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import unquote, urlsplit

import attrs

from datalab_facade.codec import AsJSON, JSONFormat, json_field
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.media_types import media_type_of
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt, redact_urls, redacted_repr
from datalab_facade.transfers.naming import safe_name

RECEIPT: Final = ".result.json"
"""How the names of receipts end."""

# What separates the parts of a path, and what no name can hold.
_NOT_IN_NAME: Final = re.compile(r"[\x00-\x1f/\\:]")


def without_query(source: str | None) -> str | None:
    """Return a document's path or address without what may be a signature."""
    return None if source is None else redact_urls(source)


def _check_inside(_: object, __: object, path: str) -> None:
    # Windows drops periods and spaces at the end.
    if not path.rstrip(". ") or _NOT_IN_NAME.search(path):
        raise InvalidArgumentError(
            f"The path {excerpt(path)!r} of a saved file must be a name in the result's folder"
        )


@picklable
@attrs.frozen(kw_only=True)
class SavedFile(AsJSON):
    """A file of a saved result."""

    path: str = attrs.field(validator=_check_inside)
    """Its name in the result's folder."""
    bytes: int
    """Its size in bytes."""
    sha256: str
    """Its SHA-256 in hexadecimal digits."""
    image: str | None = attrs.field(default=None, repr=redacted_repr)
    """The name by which the text refers to it, for images."""


@picklable
@attrs.frozen(kw_only=True)
class SavedResult(AsJSON):
    """The receipt of a result that was saved; also in its folder, as ``STEM.result.json``."""

    _json: ClassVar = JSONFormat(version=1, needs=("files",))

    id: str
    """The job's id, such as ``"convert/Qm3xT0yLr8sWb2ZkVf6NcA"``."""
    source: str | None = attrs.field(default=None, repr=redacted_repr, converter=without_query)
    """The document's path or address, without its query; None where that is not known."""
    source_sha256: str | None = None
    """The SHA-256 of the document in hexadecimal digits, if it was computed."""
    task: JSON = attrs.field(default=None, hash=False)
    """What was asked for, as JSON without secrets."""
    page_count: int | None = None
    cost_cents: float | None = None
    """What it cost in US cents; None if the server did not know yet."""
    saved_at: datetime | None = None
    files: tuple[SavedFile, ...] = ()
    """What was saved, without the receipt itself."""
    missing: tuple[str, ...] = ()
    """What was asked for and came empty, and images that are not images."""
    folder: Path = attrs.field(default=Path(), metadata=json_field(left_out=True))
    """The folder that the files are in. It is not in the JSON, since folders are moved."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths of all files."""
        return tuple(self.folder / file.path for file in self.files)


def stem_of(source: str | None) -> str:
    """Return the name of a document without its suffix, as a safe name; empty without a name.

    Only suffixes of documents are taken off, and nothing else that follows a period.

    >>> stem_of("scans/report.v2.pdf"), stem_of("https://a.example/b/C.PDF?d=1"), stem_of("v1.2")
    ('report.v2', 'C', 'v1.2')
    """
    name = last_part(source or "")
    if media_type_of(name) is not None:
        name = name.rpartition(".")[0]
    return safe_name(name) if name else ""


def last_part(source: str) -> str:
    """Return the name of a document, of its path or address; empty if it has none."""
    if "://" in source:
        try:
            parts = urlsplit(source)
            source = unquote(parts.path).strip("/") or parts.netloc
        except ValueError:
            return ""
    return re.split(r"[/\\]", source.rstrip("/\\"))[-1]


def manifest_of(saved: SavedResult) -> dict[str, JSON]:
    """Return what was saved, and where, as plain JSON without content.

    The receipt in the folder has the task, whose fields may be content.
    """
    return {"folder": os.fspath(saved.folder), **attrs.evolve(saved, task=None).to_dict()}


def receipts_in(folder: Path) -> Iterator[SavedResult]:
    """Yield the receipts in a folder, by their names; what is none is skipped."""
    names = os.listdir(folder)  # noqa: PTH208 - quicker, for many folders
    for stem in sorted(name.removesuffix(RECEIPT) for name in names if name.endswith(RECEIPT)):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            yield SavedResult.from_dict(json.loads((folder / f"{stem}{RECEIPT}").read_bytes()))
