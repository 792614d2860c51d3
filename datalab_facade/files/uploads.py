"""What is uploaded, of many at once, and the outcome of each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import ClassVar, TypeAlias, cast

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.errors import DatalabError, InvalidArgumentError
from datalab_facade.files.models import File
from datalab_facade.json_forms import Form
from datalab_facade.pickling import picklable
from datalab_facade.transfers.sources import UploadSource

Uploadable: TypeAlias = "UploadSource | tuple[str, UploadSource]"
"""A source, or a name and a source."""

DEFAULT_CONCURRENCY = 4
"""The number of uploads at once: bandwidth limits an upload, not waiting."""


def _short_repr(source: object) -> str:
    if isinstance(source, tuple):
        return f"({', '.join(map(_short_repr, source))})"
    return f"<{len(source)} bytes>" if isinstance(source, bytes) else repr(source)


def _named_in_json(source: Uploadable) -> str:
    if isinstance(source, tuple):
        return str(source[0])
    return str(source) if isinstance(source, (str, os.PathLike)) else _short_repr(source)


@picklable
@attrs.frozen(kw_only=True)
class UploadOutcome(ToJSON):
    """The outcome of one of many uploads: a file, or an error.

    >>> file = File(id=4, reference="datalab://file-npl94jxy", filename="a.pdf")
    >>> UploadOutcome(source="a.pdf", file=file).succeeded
    True
    """

    _json: ClassVar = JSONFormat(properties={"succeeded": "succeeded"})

    source: Uploadable = attrs.field(
        repr=_short_repr, metadata=json_field(form=Form(_named_in_json))
    )
    """The source, as the caller passed it."""
    file: File | None = None
    error: DatalabError | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the upload succeeded."""
        return self.file is not None

    def result(self) -> File:
        """Return the file.

        Raises:
            DatalabError: The upload failed.
        """
        if self.file is None:
            assert self.error is not None
            raise self.error
        return self.file


def split_name(uploadable: Uploadable) -> tuple[str | None, UploadSource]:
    """Split an uploadable into its name, None by default, and its source.

    Raises:
        InvalidArgumentError: It is a tuple of another length.
    """
    if not isinstance(uploadable, tuple):
        return None, uploadable
    if len(uploadable) != 2:
        raise InvalidArgumentError(
            f"A tuple to upload must have 2 items, a name and a source, not {len(uploadable)}"
        )
    return uploadable


def number_sources(uploadables: Iterable[Uploadable]) -> list[Uploadable]:
    """Return the sources as objects that differ, also where the same one comes twice.

    Raises:
        InvalidArgumentError: One is a tuple of another length.
    """
    return [cast("Uploadable", _Numbered(split_name(one))) for one in uploadables]


class _Numbered(tuple[str | None, UploadSource]):
    """A name and a source, known by its identity."""

    __slots__ = ()


def files_in_order(
    uploadables: list[Uploadable], outcomes: Iterable[UploadOutcome]
) -> tuple[File, ...]:
    """Return the files in the order of their sources.

    Args:
        uploadables: What :func:`number_sources` returned.
        outcomes: The outcome of each, in any order.

    Raises:
        DatalabError: One failed: its error, with a note on all others.
    """
    by_identity = {id(outcome.source): outcome for outcome in outcomes}
    ordered = [by_identity[id(one)] for one in uploadables]
    failed = [outcome.error for outcome in ordered if outcome.error is not None]
    if failed:
        error, *others = failed
        for other in others:
            error.add_note(f"This failed, too: {other}")
        for outcome in ordered:
            if outcome.file is not None:
                error.add_note(f"This was uploaded: {outcome.file.filename} as {outcome.file.id}")
        raise error
    return tuple(outcome.result() for outcome in ordered)
