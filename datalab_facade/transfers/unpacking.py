"""Decompression with limits, so that no body can fill the memory or the disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

# Deflate can expand a kilobyte to a megabyte; ordinary JSON and text stay far below.
_MAX_EXPANSION = 200
_PIECE = 1 << 18
_UNCHECKED_BYTES = 1 << 20

# No ordinary body is compressed more often than this.
_MAX_LAYERS = 5

_SUPPORTED = frozenset({"gzip", "x-gzip", "deflate"})
# https://www.iana.org/assignments/http-parameters and other codings in use. Any other name
# is a character set, a transfer coding, or a mistake.
_UNSUPPORTED = frozenset(
    {
        *("aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress"),
        *("brotli", "bz2", "bzip2", "lz4", "lzma", "lzo", "sdch", "snappy", "x-bzip2", "x-lz4"),
        *("x-snappy", "x-xz", "x-zip", "x-zstd", "xz", "zip", "zstandard", "zstd"),
    }
)


class ExpansionError(Exception):
    """The data expands to more than any ordinary body."""


class UnpackingError(Exception):
    """The data is not compressed as announced, or is cut off."""


def codings(encoding: str) -> tuple[str, ...]:
    """Return the codings that a ``Content-Encoding`` names, in the order they were applied.

    >>> codings("identity, GZIP"), codings("aws-chunked"), codings("deflate,br")
    (('gzip',), (), ('deflate', 'br'))
    """
    return tuple(token for token in _tokens(encoding) if token in _SUPPORTED | _UNSUPPORTED)


def not_codings(encoding: str) -> tuple[str, ...]:
    """Return what a ``Content-Encoding`` names that is not a coding, and changes no byte.

    >>> not_codings("aws-chunked, gzip"), not_codings("UTF-8"), not_codings("identity")
    (('aws-chunked',), ('utf-8',), ())
    """
    return tuple(
        token
        for token in _tokens(encoding)
        if token not in _SUPPORTED | _UNSUPPORTED | {"identity"}
    )


def why_packed(encoding: str) -> str | None:
    """Return why a body with this encoding cannot be decompressed; None if it can.

    >>> why_packed("gzip, br")
    "it is compressed as 'br', which is not supported"
    """
    names = codings(encoding)
    unsupported = next((name for name in names if name in _UNSUPPORTED), None)
    if unsupported is not None:
        return f"it is compressed as {unsupported!r}, which is not supported"
    return f"it is compressed {len(names)} times" if len(names) > _MAX_LAYERS else None


class Unpacker:
    """Decompresses a stream chunk by chunk, in bounded memory.

    Args:
        encoding: The ``Content-Encoding``: gzip and deflate, also repeated.

    Raises:
        UnpackingError: The encoding is not supported.
    """

    def __init__(self, encoding: str) -> None:
        why = why_packed(encoding)
        if why is not None:
            raise UnpackingError(why)
        self._layers = [_Layer(coding) for coding in reversed(codings(encoding))]
        self._consumed = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what a chunk decompresses to, in pieces.

        Raises:
            ExpansionError: It is a decompression bomb.
            UnpackingError: It is not compressed as announced.
        """
        self._consumed += len(data)
        yield from self._through(self._layers, data)

    def _through(self, layers: list[_Layer], data: bytes) -> Iterator[bytes]:
        if not layers:
            yield data
            return
        for piece in layers[0].feed(data):
            if layers[0].produced > _UNCHECKED_BYTES + self._consumed * _MAX_EXPANSION:
                raise ExpansionError
            yield from self._through(layers[1:], piece)

    def finish(self) -> None:
        """End the stream.

        Raises:
            UnpackingError: The stream is cut off.
        """
        for layer in self._layers:
            layer.finish()


class _Layer:
    """One coding of a stream."""

    def __init__(self, coding: str) -> None:
        # 47: accept a header of gzip or of zlib.
        self._inflate = zlib.decompressobj(47)
        # Some servers send deflate without zlib's header.
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
        piece = b""
        # After a full piece there may be more, though all input was taken in.
        while data or len(piece) == _PIECE:
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as error:
                raise UnpackingError(str(error)) from error
            self.produced += len(piece)
            if piece:
                yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof and self._inflate.unused_data:
                # gzip may consist of several members in a row.
                data = self._inflate.unused_data
                self._inflate = zlib.decompressobj(47)

    def finish(self) -> None:
        if self._began and not self._inflate.eof:
            raise UnpackingError("it is cut off")


def _tokens(encoding: str) -> Iterator[str]:
    for entry in encoding.lower().split(","):
        token = entry.partition(";")[0].strip()
        if token:
            yield token


def _has_header(data: bytes) -> bool:
    """Return whether deflated data begins with a header of zlib or gzip, not with a block."""
    # A block that begins like zlib's header would have padding that no encoder writes.
    zlibs = data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and (data[0] << 8 | data[1]) % 31 == 0
    return zlibs or data[:2] == b"\x1f\x8b"
