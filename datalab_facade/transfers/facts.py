"""What storage says about an object: its length, its version, its checksums.

What it says is believed only as far as its standard goes. An ETag is opaque; a weak one
promises the same meaning, not the same bytes; a checksum counts for the representation that
it was made of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

import attrs

from datalab_facade.fields import http_date
from datalab_facade.transfers.unpacking import codings, not_codings

_DIGESTS = {"md5": 16, "sha256": 32, "sha1": 20, "crc32": 4}
"""The known checksum algorithms, and the length of their digests in bytes."""


def _known_digests(_: object, __: object, digests: Mapping[str, str]) -> None:
    for algorithm, digest in digests.items():
        if len(bytes.fromhex(digest)) != _DIGESTS.get(algorithm):
            raise ValueError(f"{digest!r} is not a digest of {algorithm}")


_text = attrs.validators.instance_of(str)


@attrs.frozen
class Facts:
    """What storage said about an object; enough to resume its download later."""

    total: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(int))
    )
    """Its length in bytes, as it is sent."""
    validator: str | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(
            attrs.validators.matches_re(r"[!-~]([ -~]{0,998}[!-~])?")
        ),
    )
    """What identifies its version: its strong ETag, or the time of its last change."""
    encoding: str = attrs.field(default="", validator=_text)
    """How it is compressed: content codings, separated by commas; empty if it is not."""
    media_type: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    digests: Mapping[str, str] = attrs.field(factory=dict, validator=_known_digests)
    """Its checksums: names of algorithms, and digests in hexadecimal."""
    weak_etag: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    """Its ETag if that is weak, and so cannot be the validator."""
    no_encoding: str = attrs.field(default="", validator=_text)
    """What ``Content-Encoding`` names that is not a compression."""

    @classmethod
    def of(cls, headers: Mapping[str, str], total: int | None) -> Self:
        """Return what storage says about an object.

        Args:
            headers: Those of its answer, with lower-case names.
            total: The object's length, as the answer gives it.
        """
        etag, encoding = headers.get("etag"), headers.get("content-encoding", "")
        strong = re.fullmatch(r'"[!#-~]{1,998}"', etag or "")
        return cls(
            total=total,
            validator=strong[0] if strong else _strong_date(headers),
            encoding=", ".join(codings(encoding)),
            media_type=headers.get("content-type"),
            digests=_digests_of(headers),
            weak_etag=None if strong else etag,
            no_encoding=", ".join(not_codings(encoding)),
        )

    def is_same(self, headers: Mapping[str, str]) -> bool | None:
        """Return whether an answer is about the same object; None if it does not say.

        Some storages ignore ``If-Range``, so their answers are checked here.
        """
        etag, encoding = headers.get("etag"), headers.get("content-encoding")
        if encoding is not None and codings(encoding) != codings(self.encoding):
            return False
        if self.validator is not None and self.validator[:1] == '"':
            return None if etag is None else etag == self.validator
        if etag not in (None, self.weak_etag):
            return False
        date = headers.get("last-modified")
        return None if date is None else date == self.validator


@attrs.frozen
class ContentRange:
    """What part of an object a body is."""

    start: int
    end: int
    """The offset of its last byte."""
    total: int | None
    """The object's length; None if the answer does not say."""

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the object."""
        return self.start == 0 and self.total == self.end + 1


def content_range(headers: Mapping[str, str]) -> ContentRange | None:
    """Return what part of an object an answer has; None if it does not say.

    >>> content_range({"content-range": "bytes 0-9/10"}).is_whole
    True
    """
    found = re.fullmatch(
        r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", headers.get("content-range", "")
    )
    if found is None:
        return None
    start, end, total = found.groups()
    return ContentRange(int(start), int(end), None if total == "*" else int(total))


def length_without_range(headers: Mapping[str, str]) -> int | None:
    """Return the length of an object of which storage has no such range.

    >>> length_without_range({"content-range": "bytes */10"})
    10
    """
    found = re.fullmatch(r"bytes \*/(\d{1,18})", headers.get("content-range", ""))
    return int(found[1]) if found else None


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return the length of a body; None if the answer does not say."""
    length = headers.get("content-length", "")
    return int(length) if re.fullmatch(r"\d{1,18}", length) else None


def _strong_date(headers: Mapping[str, str]) -> str | None:
    """Return when the object changed, unless it may have changed again in the same second."""
    changed = headers.get("last-modified", "").strip()
    if not re.fullmatch(r"[ -~]{1,100}", changed):
        return None
    if "date" in headers:
        then, now = http_date(changed), http_date(headers["date"])
        if then is None or now is None or (now - then).total_seconds() < 1:
            return None
    return changed


def _digests_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the checksums that the received object must have."""
    if _is_transformed(headers):
        return {}
    return stored_digests(headers) | _decode_digests({"md5": headers.get("content-md5", "")})


def _is_transformed(headers: Mapping[str, str]) -> bool:
    """Return whether the body may differ from the stored bytes.

    gzip that is decompressed on the way is another representation, to which checksums of
    the stored bytes do not apply.
    """
    stored_as = headers.get("x-goog-stored-content-encoding")
    return (
        # Storage knows the length of its objects; a proxy that decompresses them does not.
        content_length(headers) is None
        or headers.get("etag", "").startswith("W/")
        or re.search(r"(?:^|,)\s*214\b", headers.get("warning", "")) is not None
        or (
            stored_as is not None
            and codings(stored_as) != codings(headers.get("content-encoding", ""))
        )
    )


def stored_digests(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the checksums of the stored object that storage sent.

    An ETag is opaque even if it looks like an MD5, so it is not one of them.
    """
    encoded = {
        algorithm: headers.get(f"x-amz-checksum-{algorithm}", "")
        for algorithm in ("sha256", "sha1", "crc32")
    }
    if headers.get("x-amz-checksum-type", "").upper() == "COMPOSITE":
        # A checksum of the checksums of parts.
        encoded = {}
    for entry in headers.get("x-goog-hash", "").split(","):
        algorithm, _, value = entry.strip().partition("=")
        encoded[algorithm.lower()] = value
    return _decode_digests(encoded)


def _decode_digests(encoded: Mapping[str, str]) -> dict[str, str]:
    digests = {
        algorithm: _from_base64(value, _DIGESTS[algorithm])
        for algorithm, value in encoded.items()
        if algorithm in _DIGESTS
    }
    return {algorithm: digest for algorithm, digest in digests.items() if digest is not None}


def _from_base64(value: str, size: int) -> str | None:
    import base64
    import binascii

    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    # A value of another size, such as a checksum of checksums, cannot be compared.
    return raw.hex() if len(raw) == size else None
