"""What an upload or a download asks its driver for, and what it gets back."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from datalab_facade.jobs.commands import Command
from datalab_facade.redaction import redact_url


class DownloadCommand(Command):
    """What a download asks for."""

    __slots__ = ()


class UploadCommand(Command):
    """What an upload asks for."""

    __slots__ = ()


@attrs.frozen
class Fetch(DownloadCommand):
    """Request an object from storage; gives a :class:`StorageReply`."""

    url: str = attrs.field(repr=redact_url)
    headers: Mapping[str, str] = attrs.field(repr=False)
    stall_timeout: float
    deadline: float

    def seconds_left(self, now: float) -> float:
        """Return the seconds for each phase of a request that begins now."""
        return min(self.stall_timeout, super().seconds_left(now))


@attrs.frozen
class Read(DownloadCommand):
    """Read the next bytes of the body that the last fetch began; gives None at its end."""

    deadline: float


@attrs.frozen
class Renew(DownloadCommand):
    """Request a new URL for a download from the API; gives None if the object is gone."""

    refused: str = attrs.field(repr=redact_url)
    """The last URL that the API returned."""
    deadline: float


@attrs.frozen
class RequestUrl(UploadCommand):
    """Request a URL for an upload from the API; gives a :class:`Ticket`."""

    deadline: float


@attrs.frozen
class Put(UploadCommand):
    """Send all bytes to the URL, from the first one on; gives a :class:`StorageReply`."""

    url: str = attrs.field(repr=redact_url)
    stall_timeout: float
    deadline: float


@attrs.frozen
class Compare(UploadCommand):
    """Compare checksums with those of the bytes that were sent; gives the names that differ."""

    digests: Mapping[str, str]
    """Names of algorithms, and digests in hexadecimal."""
    deadline: float


@attrs.frozen
class Confirm(UploadCommand):
    """Let the API confirm that the bytes arrived; gives a :class:`Confirmation`."""

    file_id: int
    deadline: float


@attrs.frozen
class StorageReply:
    """What storage answered, without the body."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """With lower-case names."""


@attrs.frozen
class Ticket:
    """The URL to which the bytes of a file are sent."""

    file_id: int
    reference: str
    url: str = attrs.field(repr=redact_url)


@attrs.frozen
class Confirmation:
    """The API's answer about a finished upload."""

    file_id: int
    reference: str
    success: bool
    message: str
