"""Frozen snapshots of the API's answers about files. They never do IO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import attrs

from datalab_facade.codec import AsJSON, JSONFormat, ToJSON
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact_url, redacted_repr
from datalab_facade.wire import wire

REFERENCE_PREFIX = "datalab://file-"


@picklable
@attrs.frozen(kw_only=True)
class File(AsJSON):
    """A file at Datalab, or one whose upload has begun.

    >>> reference = "datalab://file-npl94jxy"
    >>> file = File(id=4, reference=reference, filename="report.pdf", status="completed")
    >>> file.hashid, file.is_uploaded, File.from_dict(file.to_dict()) == file
    ('npl94jxy', True, True)
    """

    id: int
    """The integer id, which every call accepts."""
    reference: str
    """The file's name in an execution's input: ``datalab://file-…``."""
    filename: str = attrs.field(repr=redacted_repr, metadata=wire("original_filename"))
    """The name under which it was uploaded."""
    content_type: str | None = attrs.field(default=None, repr=redacted_repr)
    """The media type, as it was set when the file was uploaded."""
    size: int | None = attrs.field(default=None, metadata=wire("file_size"))
    """The size in bytes, once it is known."""
    status: str = attrs.field(default="", repr=redacted_repr)
    """``"pending"``, ``"completed"`` or ``"failed"``; an unknown word is kept as it is."""
    created_at: datetime | None = attrs.field(default=None, metadata=wire("created"))
    """When the upload was requested."""
    timezone_assumed: bool = attrs.field(default=False, repr=False)
    """Whether ``created_at`` came without a time zone, so that UTC was assumed."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""

    @property
    def hashid(self) -> str:
        """The reference without its prefix: ``npl94jxy``."""
        return self.reference.removeprefix(REFERENCE_PREFIX)

    @property
    def is_uploaded(self) -> bool:
        """Whether the bytes arrived and were confirmed."""
        return self.status.lower() == "completed"


@picklable
@attrs.frozen(kw_only=True)
class FileLink(ToJSON):
    """A temporary URL at which anybody can download a file.

    The URL is a credential, and redacted in ``repr``.
    """

    _json: ClassVar = JSONFormat(urls=("url",))

    file_id: int
    filename: str = attrs.field(repr=redacted_repr, metadata=wire("original_filename"))
    url: str = attrs.field(repr=redact_url)
    expires_in: int | None = None
    """The seconds for which the URL is valid, from the request on."""
