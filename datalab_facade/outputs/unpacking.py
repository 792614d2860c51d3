"""Decompression that cannot be made to fill the memory or the disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

# Deflate can blow a kilobyte up to a megabyte; honest JSON and text stay far below.
_MAX_EXPANSION = 200
_PIECE = 1 << 18
_UNCHECKED_BYTES = 1 << 20

# Nobody honest compresses what is compressed again and again.
_MAX_LAYERS = 5

_SUPPORTED = frozenset({"gzip", "x-gzip", "deflate"})
# https://www.iana.org/assignments/http-parameters and what is used besides; all else that
# is called an encoding is a character set, a way of transfer, or a mistake.
_UNSUPPORTED = frozenset(
    {
        *("aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress"),
        *("brotli", "bz2", "bzip2", "lz4", "lzma", "lzo", "sdch", "snappy", "x-bzip2", "x-lz4"),
        *("x-snappy", "x-xz", "x-zip", "x-zstd", "xz", "zip", "zstandard", "zstd"),
    }
)


class ExpandsTooMuch(Exception):
    """The data unpacks to more than anything honest would."""


class DoesNotUnpack(Exception):
    """The data is not compressed as was said, or cut off."""


def codings(encoding: str) -> tuple[str, ...]:
    """Give the codings that a ``Content-Encoding`` names, the first that was applied first.

    >>> codings("identity, GZIP"), codings("aws-chunked"), codings("deflate,br")
    (('gzip',), (), ('deflate', 'br'))
    """
    return tuple(token for token in _tokens(encoding) if token in _SUPPORTED | _UNSUPPORTED)


def not_codings(encoding: str) -> tuple[str, ...]:
    """Give what a ``Content-Encoding`` names that is no coding, and changes no byte.

    >>> not_codings("aws-chunked, gzip"), not_codings("UTF-8"), not_codings("identity")
    (('aws-chunked',), ('utf-8',), ())
    """
    return tuple(
        token
        for token in _tokens(encoding)
        if token not in _SUPPORTED | _UNSUPPORTED | {"identity"}
    )


def why_packed(encoding: str) -> str | None:
    """Tell why something that is encoded so cannot be unpacked here; None if it can.

    >>> why_kept("gzip, br")
    "it is compressed as 'br', which cannot be unpacked here"
    """
    names = codings(encoding)
    kept = next((name for name in names if name in _UNSUPPORTED), None)
    if kept is not None:
        return f"it is compressed as {kept!r}, which cannot be unpacked here"
    return f"it is compressed {len(names)} times" if len(names) > _MAX_LAYERS else None


class Unpacker:
    """Unpacks a stream chunk by chunk, in bounded memory.

    Args:
        encoding: The ``Content-Encoding``: gzip and deflate, also several times.

    Raises:
        DoesNotUnpack: The encoding is another one.
    """

    def __init__(self, encoding: str) -> None:
        why = why_packed(encoding)
        if why is not None:
            raise DoesNotUnpack(why)
        self._layers = [_Layer(coding) for coding in reversed(codings(encoding))]
        self._consumed = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what a chunk unpacks to, in pieces.

        Raises:
            ExpandsTooMuch: It is a bomb.
            DoesNotUnpack: It is something else.
        """
        self._consumed += len(data)
        yield from self._through(self._layers, data)

    def _through(self, layers: list[_Layer], data: bytes) -> Iterator[bytes]:
        if not layers:
            yield data
            return
        for piece in layers[0].feed(data):
            if layers[0].produced > _UNCHECKED_BYTES + self._consumed * _MAX_EXPANSION:
                raise ExpandsTooMuch
            yield from self._through(layers[1:], piece)

    def finish(self) -> None:
        """Take note that there is no more.

        Raises:
            DoesNotUnpack: There should have been.
        """
        for layer in self._layers:
            layer.finish()


class _Layer:
    """One coding of a stream."""

    def __init__(self, coding: str) -> None:
        # 47: with a header of gzip or of zlib, whichever there is.
        self._inflate = zlib.decompressobj(47)
        # There are servers that send deflate without the header that belongs to it.
        self._may_be_bare = coding == "deflate"
        self._start = b""
        self._began = False
        self.produced = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._began = self._began or bool(data)
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
            self.produced += len(piece)
            yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof and self._inflate.unused_data:
                # gzip may be several members, one after the other.
                data = self._inflate.unused_data
                self._inflate = zlib.decompressobj(47)

    def finish(self) -> None:
        if self._began and not self._inflate.eof:
            raise DoesNotUnpack("it is cut off")


def _tokens(encoding: str) -> Iterator[str]:
    for entry in encoding.lower().split(","):
        token = entry.partition(";")[0].strip()
        if token:
            yield token


def _has_header(data: bytes) -> bool:
    """Tell whether deflated data begins as zlib's or gzip's does, and not with a block."""
    # A block that began like zlib's header would be a stored one with padding that no
    # encoder writes.
    zlibs = data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and (data[0] << 8 | data[1]) % 31 == 0
    return zlibs or data[:2] == b"\x1f\x8b"
