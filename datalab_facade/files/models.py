"""Frozen snapshots of what the API answers about files. They never do IO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs

from datalab_facade.models import JSON
from datalab_facade.pickling import known_fields, picklable
from datalab_facade.redaction import redact_url, redacted_repr

REFERENCE_PREFIX = "datalab://file-"


@picklable
@attrs.frozen(kw_only=True)
class File:
    """A file that was uploaded to Datalab, or is about to be.

    >>> reference = "datalab://file-npl94jxy"
    >>> file = File(id=4, reference=reference, filename="report.pdf", status="completed")
    >>> file.hashid, file.is_uploaded, File.from_dict(file.to_dict()) == file
    ('npl94jxy', True, True)
    """

    id: int
    """The integer id, which every call takes."""
    reference: str
    """What an execution's input names the file by: ``datalab://file-…``."""
    filename: str = attrs.field(repr=redacted_repr)
    """The name that it was uploaded under."""
    content_type: str | None = attrs.field(default=None, repr=redacted_repr)
    """Its media type, as it was given when it was uploaded."""
    size: int | None = None
    """Its length in bytes, once it is known."""
    status: str = attrs.field(default="", repr=redacted_repr)
    """``"pending"``, ``"completed"`` or ``"failed"``; a word not known is kept as it came."""
    created_at: datetime | None = None
    """When the upload was asked for."""
    timezone_assumed: bool = attrs.field(default=False, repr=False)
    """True where ``created_at`` came without a zone; UTC was assumed then."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """What the server sent beyond the fields above, as it came."""

    @property
    def hashid(self) -> str:
        """The other name of the file: its reference without what all references begin with."""
        return self.reference.removeprefix(REFERENCE_PREFIX)

    @property
    def is_uploaded(self) -> bool:
        """Whether its bytes have arrived and were confirmed."""
        return self.status.lower() == "completed"

    def to_dict(self) -> dict[str, JSON]:
        """Give the file as plain JSON."""
        return {
            "id": self.id,
            "reference": self.reference,
            "filename": self.filename,
            "content_type": self.content_type,
            "size": self.size,
            "status": self.status,
            "created_at": self.created_at.isoformat() if self.created_at is not None else None,
            "timezone_assumed": self.timezone_assumed,
            "extra": dict(self.extra),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Take back what :meth:`to_dict` gave, also after a trip through JSON.

        Raises:
            ValueError: If it is something else.
        """
        try:
            created = data["created_at"]
            moment = datetime.fromisoformat(created) if created is not None else None
            fields: dict[str, Any] = {**data, "created_at": moment}
            return cls(**known_fields(cls, fields))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a file as to_dict() writes it: {error}") from error


@picklable
@attrs.frozen(kw_only=True)
class FileLink:
    """A URL at which a file can be had for a while, by anybody who has it.

    The URL is a credential; it is hidden in ``repr``.
    """

    file_id: int
    filename: str = attrs.field(repr=redacted_repr)
    url: str = attrs.field(repr=redact_url)
    expires_in: int | None = None
    """For how many seconds it is good, from when it was asked for."""
