"""Decompression that cannot be made to fill the memory or the disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

# Deflate can blow a kilobyte up to a megabyte; honest JSON and text stay far below.
_MOST_EXPANSION = 200
_PIECE = 1 << 18
_FREE = 1 << 20


class ExpandsTooMuch(Exception):
    """The data unpacks to more than anything honest would."""


class DoesNotUnpack(Exception):
    """The data is not compressed as was said, or cut off."""


class Unpacker:
    """Unpacks a stream chunk by chunk, in bounded memory.

    Args:
        encoding: The ``Content-Encoding``: ``""``, ``"gzip"`` or ``"deflate"``.

    Raises:
        DoesNotUnpack: The encoding is another one.
    """

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "gzip", "x-gzip", "deflate"):
            raise DoesNotUnpack(f"it is compressed as {encoding!r}, which is not supported")
        # 47: with a header of gzip or of zlib, whichever there is.
        self._inflate = zlib.decompressobj(47) if encoding else None
        # There are servers that send deflate without the header that belongs to it.
        self._may_be_bare = encoding == "deflate"
        self._start = b""
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what a chunk unpacks to, in pieces.

        Raises:
            ExpandsTooMuch: It is a bomb.
            DoesNotUnpack: It is something else.
        """
        if self._inflate is None:
            yield data
            return
        self._taken += len(data)
        if self._may_be_bare:
            self._start += data
            if len(self._start) < 2:
                return
            data, self._start, self._may_be_bare = self._start, b"", False
            if not _has_header(data):
                self._inflate = zlib.decompressobj(-15)
        while data:
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as error:
                raise DoesNotUnpack(str(error)) from error
            self._given += len(piece)
            if self._given > _FREE + self._taken * _MOST_EXPANSION:
                raise ExpandsTooMuch
            yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof and self._inflate.unused_data:
                # gzip may be several members, one after the other.
                data = self._inflate.unused_data
                self._inflate = zlib.decompressobj(47)

    def finish(self) -> None:
        """Take note that there is no more.

        Raises:
            DoesNotUnpack: There should have been.
        """
        if self._inflate is not None and self._taken and not self._inflate.eof:
            raise DoesNotUnpack("it is cut off")


def _has_header(data: bytes) -> bool:
    """Tell whether deflated data begins as zlib's or gzip's does, and not with a block."""
    # A block that began like zlib's header would be a stored one with padding that no
    # encoder writes.
    zlibs = data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and (data[0] << 8 | data[1]) % 31 == 0
    return zlibs or data[:2] == b"\x1f\x8b"
