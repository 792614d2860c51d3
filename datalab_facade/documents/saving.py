"""Saves results of documents to the tree that marker and the official command line make."""

from __future__ import annotations

import os
from datetime import datetime
from typing import ClassVar

import attrs

from datalab_facade.codec import AsJSON, JSONFormat
from datalab_facade.documents.results import DocumentResult
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redacted_repr


@picklable
@attrs.frozen(kw_only=True)
class SavedFile(AsJSON):
    """A file of a saved result."""

    path: str
    """Its path, relative to the result's folder, with ``/`` on every system."""
    bytes: int
    sha256: str


@picklable
@attrs.frozen(kw_only=True)
class SavedResult(AsJSON):
    """The receipt of a result that was saved, also in ``STEM.result.json``."""

    _json: ClassVar = JSONFormat(version=1)

    folder: str
    """The result's folder."""
    id: str
    """The job's id, such as ``"convert/Qm3xT0yLr8sWb2ZkVf6NcA"``."""
    source: str | None = attrs.field(default=None, repr=redacted_repr)
    """The name of the document's file, or its address without its query."""
    source_sha256: str | None = None
    task: JSON = attrs.field(default=None, hash=False)
    """What was asked for, as JSON."""
    page_count: int | None = None
    cost_cents: float | None = None
    saved_at: datetime | None = None
    files: tuple[SavedFile, ...] = ()
    """What was saved."""
    missing: tuple[str, ...] = ()
    """What was asked for and came empty."""


def save_result(
    result: DocumentResult,
    output_dir: str | os.PathLike[str],
    *,
    source: str | None = None,
    source_sha256: str | None = None,
) -> SavedResult:
    """Save a result as ``output_dir/STEM/STEM.md`` and so on, with a receipt."""
    raise NotImplementedError
