"""Sinks for the chunks of a download: verify, decompress, collect or pass on. No IO."""

from __future__ import annotations

import contextlib
import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from datalab_facade.errors import DownloadError, DownloadFailure, OutputTooLargeError
from datalab_facade.redaction import excerpt
from datalab_facade.transfers.downloading import Chunk
from datalab_facade.transfers.facts import Facts
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transfers.unpacking import ExpansionError, Unpacker, UnpackingError, why_packed

Data: TypeAlias = bytes
"""Bytes, under a name that no attribute called ``bytes`` hides."""

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
"""The default limit for an output in memory: 256 MiB.

Larger ones are for ``save`` and ``stream``, which use constant memory."""


PAGE_BEGINS_WITHIN = 4_096
"""The number of bytes that suffice to recognize a web page."""

_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|body|title)\b",
    re.IGNORECASE | re.DOTALL,
)


class Collector:
    """Collects a body in memory, up to a limit."""

    def __init__(self, remote: Remote, *, max_bytes: int) -> None:
        self._remote = remote
        self._max_bytes = max_bytes
        self._body = bytearray()

    def take(self, chunk: Chunk, facts: Facts) -> None:
        """Keep a chunk.

        Raises:
            DownloadError: Its compression is not supported.
            OutputTooLargeError: The output is, or will be, larger than allowed.
        """
        if not chunk.data:
            # A body begins: check at once whether it can be decompressed.
            Decoder(self._remote, facts)
        held = chunk.offset + len(chunk.data)
        # Data that compression cannot make smaller grows a little.
        packing = self._max_bytes // 100 + 1024 if facts.encoding else 0
        if max(held, facts.total or 0) > self._max_bytes + packing:
            raise self._too_large()
        del self._body[chunk.offset :]
        self._body += chunk.data

    def finish(self, facts: Facts) -> bytes:
        """Verify and decompress the body.

        Raises:
            DownloadError: It differs from what storage announced.
            OutputTooLargeError: It decompresses to more than allowed.
        """
        decoder = Decoder(self._remote, facts)
        pieces: list[bytes] = []
        size = 0
        for piece in decoder.feed(bytes(self._body)):
            size += len(piece)
            if size > self._max_bytes:
                raise self._too_large()
            pieces.append(piece)
        decoder.finish()
        return b"".join(pieces)

    def _too_large(self) -> OutputTooLargeError:
        return self._remote.too_large(
            f"is larger than {self._max_bytes} bytes. Allow more with max_bytes, or save it"
        )


class Reader:
    """Verifies and decompresses a body chunk by chunk, as it passes through."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._decoder: Decoder | None = None

    def feed(self, chunk: Chunk, facts: Facts) -> Iterator[bytes]:
        """Yield what a chunk decompresses to.

        Raises:
            DownloadError: It cannot be decompressed.
        """
        begins = chunk.offset == 0 and not chunk.data
        if begins or self._decoder is None:
            self._decoder = Decoder(self._remote, facts)
        if chunk.data:
            yield from self._decoder.feed(chunk.data)

    def finish(self) -> None:
        """End the body, and verify it.

        Raises:
            DownloadError: It differs from what storage announced.
        """
        # Each body begins with an empty chunk, even if it has no bytes.
        assert self._decoder is not None
        self._decoder.finish()


class Decoder:
    """Decompresses a body piece by piece, and compares it with storage's checksums.

    Args:
        remote: The output or file, for error messages.
        facts: What storage said about it.
        as_stored: Whether it stays compressed.

    Raises:
        DownloadError: Its compression is not supported.
    """

    def __init__(self, remote: Remote, facts: Facts, *, as_stored: bool = False) -> None:
        self._remote = remote
        self._facts = facts
        self._packed = Digests(facts.digests)
        # A proxy that compresses may leave the checksums of the stored bytes as they are.
        self._unpacked = Digests(facts.digests) if facts.encoding else None
        self._as_stored = as_stored
        why = None if as_stored else why_packed(facts.encoding)
        if why is not None:
            raise remote.error(
                DownloadFailure.CORRUPT,
                f"cannot be decompressed: {why}. save() keeps it as it is stored",
            )
        self._unpacker = Unpacker("" if as_stored else facts.encoding)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece decompresses to.

        Raises:
            DownloadError: It cannot be decompressed, or expands absurdly.
        """
        self._packed.update(data)
        with self._unpacking():
            for piece in self._unpacker.feed(data):
                if self._unpacked is not None:
                    self._unpacked.update(piece)
                yield piece

    def finish(self) -> None:
        """End the body, and compare its checksums.

        Raises:
            DownloadError: The body differs from what storage announced.
        """
        with self._unpacking():
            self._unpacker.finish()
        if self._as_stored and self._facts.encoding:
            # The checksums may be those of the decompressed bytes.
            return
        mismatches = self._packed.mismatches()
        if self._unpacked is not None:
            mismatches &= self._unpacked.mismatches()
        if mismatches:
            raise self._remote.error(
                DownloadFailure.CORRUPT,
                f"has another {min(mismatches)} checksum than storage announced",
            )

    @contextlib.contextmanager
    def _unpacking(self) -> Iterator[None]:
        try:
            yield
        except ExpansionError:
            raise self._remote.error(
                DownloadFailure.TOO_LARGE, "expands absurdly when it is decompressed"
            ) from None
        except UnpackingError as error:
            raise self._remote.error(
                DownloadFailure.CORRUPT, f"cannot be decompressed: {error}"
            ) from error


class Digests:
    """Computes checksums, and compares them with the expected ones.

    Args:
        expected: Names of algorithms, and digests in hexadecimal.
    """

    def __init__(self, expected: Mapping[str, str]) -> None:
        self._expected = expected
        # MD5 and SHA-1 detect broken bytes here, not forged ones.
        self._hashes = {
            name: _Crc32() if name == "crc32" else hashlib.new(name, usedforsecurity=False)
            for name in expected
        }

    def update(self, data: bytes) -> None:
        """Add a piece."""
        for known in self._hashes.values():
            known.update(data)

    def mismatches(self) -> frozenset[str]:
        """Return the algorithms whose checksum differs."""
        return frozenset(
            name
            for name, known in self._hashes.items()
            if known.hexdigest() != self._expected[name]
        )


class _Crc32:
    def __init__(self) -> None:
        self._crc = 0

    def update(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)

    def hexdigest(self) -> str:
        return f"{self._crc:08x}"


def is_web_page(start: bytes) -> bool:
    """Return whether a body begins like HTML.

    >>> is_web_page(b"<!DOCTYPE html><title>Sign in"), is_web_page(b'{"a": "<html>"}')
    (True, False)
    """
    return _PAGE.match(start[:PAGE_BEGINS_WITHIN]) is not None


def web_page(remote: Remote, start: bytes) -> DownloadError:
    """Create the error for a web page that arrived instead of JSON."""
    return remote.error(
        DownloadFailure.CORRUPT,
        f"is not JSON but a web page: {excerpt(start)}. A proxy or a login page may have "
        "answered instead of storage",
    )
