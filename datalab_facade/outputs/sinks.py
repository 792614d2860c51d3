"""Sinks for the chunks of a download: verify, decompress, collect or pass on. No IO."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from datalab_facade.errors import DownloadFailure, OutputTooLargeError
from datalab_facade.models import Output
from datalab_facade.outputs.downloading import Chunk, Facts, Remote, download_failed
from datalab_facade.outputs.unpacking import DoesNotUnpack, ExpandsTooMuch, Unpacker, why_packed

Data: TypeAlias = bytes
"""Bytes, under a name that a method called ``bytes`` does not hide."""

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
"""What an output may weigh in memory unless the caller says otherwise: 256 MiB.

Above it, ``save`` and ``open`` need no memory to speak of."""


class Collector:
    """Collects a body in memory, up to a limit."""

    def __init__(self, output: Output, *, max_bytes: int) -> None:
        self._output = output
        self._max_bytes = max_bytes
        self._body = bytearray()

    def take(self, chunk: Chunk, facts: Facts) -> None:
        """Keep a chunk.

        Raises:
            DownloadError: It is packed in a way that is not known here.
            OutputTooLargeError: There is, or will be, more than allowed.
        """
        if not chunk.data:
            # A body begins, which need not be received if it is of no use.
            Decoder(self._output, facts)
        held = chunk.offset + len(chunk.data)
        # What packing cannot make smaller it makes a little larger.
        packing = self._max_bytes // 100 + 1024 if facts.encoding else 0
        if max(held, facts.total or 0) > self._max_bytes + packing:
            raise self._too_large()
        del self._body[chunk.offset :]
        self._body += chunk.data

    def finish(self, facts: Facts) -> bytes:
        """Check and unpack the body.

        Raises:
            DownloadError: It is not what storage says it is.
            OutputTooLargeError: It unpacks to more than allowed.
        """
        decoder = Decoder(self._output, facts)
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
        failed = download_failed(
            self._output,
            DownloadFailure.TOO_LARGE,
            f"is larger than {self._max_bytes} bytes. Allow more with max_bytes, or save it",
        )
        return OutputTooLargeError(
            str(failed),
            execution_id=failed.execution_id,
            step=failed.step,
            file_key=failed.file_key,
            reason=failed.reason,
        )


class Reader:
    """Checks and unpacks a body while it passes through, chunk by chunk."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._decoder: Decoder | None = None

    def feed(self, chunk: Chunk, facts: Facts) -> Iterator[bytes]:
        """Give what a chunk unpacks to.

        Raises:
            DownloadError: It does not.
        """
        begins = chunk.offset == 0 and not chunk.data
        if begins or self._decoder is None:
            self._decoder = Decoder(self._output, facts)
        if chunk.data:
            yield from self._decoder.feed(chunk.data)

    def finish(self) -> None:
        """Take note that there is no more.

        Raises:
            DownloadError: What passed through was not what storage says it is.
        """
        # Each body begins with a chunk, also one that has nothing in it.
        assert self._decoder is not None
        self._decoder.finish()


class Decoder:
    """Unpacks a body piece by piece, and holds it against what storage says it hashes to.

    Args:
        remote: What it is the body of.
        facts: What storage told of it.
        as_stored: Whether it stays packed.

    Raises:
        DownloadError: It is packed in a way that is not known here.
    """

    def __init__(self, remote: Remote, facts: Facts, *, as_stored: bool = False) -> None:
        self._remote = remote
        self._facts = facts
        self._packed = Digests(facts.digests)
        # Whoever packs on the way may leave the checksums of what was stored as they are.
        self._unpacked = Digests(facts.digests) if facts.encoding else None
        self._as_stored = as_stored
        why = None if as_stored else why_packed(facts.encoding)
        if why is not None:
            raise download_failed(
                remote,
                DownloadFailure.CORRUPT,
                f"does not unpack: {why}. Saved, it is kept as it is stored",
            )
        self._unpacker = Unpacker("" if as_stored else facts.encoding)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what a piece unpacks to.

        Raises:
            DownloadError: It does not, or to absurdly much.
        """
        self._packed.update(data)
        with self._unpacking():
            for piece in self._unpacker.feed(data):
                if self._unpacked is not None:
                    self._unpacked.update(piece)
                yield piece

    def finish(self) -> None:
        """Take note that there is no more.

        Raises:
            DownloadError: What came is not what storage says it is.
        """
        with self._unpacking():
            self._unpacker.finish()
        if self._as_stored and self._facts.encoding:
            # The checksums may be of what it would unpack to.
            return
        mismatches = self._packed.mismatches()
        if self._unpacked is not None:
            mismatches &= self._unpacked.mismatches()
        if mismatches:
            raise download_failed(
                self._remote,
                DownloadFailure.CORRUPT,
                f"has another {min(mismatches)} than storage says",
            )

    @contextlib.contextmanager
    def _unpacking(self) -> Iterator[None]:
        try:
            yield
        except ExpandsTooMuch:
            raise download_failed(
                self._remote, DownloadFailure.TOO_LARGE, "unpacks to absurdly much"
            ) from None
        except DoesNotUnpack as error:
            raise download_failed(
                self._remote, DownloadFailure.CORRUPT, f"does not unpack: {error}"
            ) from error


class Digests:
    """What something hashes to, held against what it should.

    Args:
        wanted: Names of algorithms, and values in hexadecimal.
    """

    def __init__(self, expected: Mapping[str, str]) -> None:
        self._expected = expected
        # MD5 and SHA-1 tell broken bytes here, not forged ones.
        self._hashes = {
            name: _Crc32() if name == "crc32" else hashlib.new(name, usedforsecurity=False)
            for name in expected
        }

    def update(self, data: bytes) -> None:
        """Take in a piece."""
        for known in self._hashes.values():
            known.update(data)

    def mismatches(self) -> frozenset[str]:
        """Give the algorithms by which it is something else."""
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
