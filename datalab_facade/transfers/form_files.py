# Generated from async_form_files.py by scripts/unasync.py; change that file, not this one.
"""Files as parts of forms, for blocking code: read from disk as they are sent."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator

from datalab_facade.clock import Clock
from datalab_facade.concurrency import off_loop
from datalab_facade.interrupting import check_interrupted
from datalab_facade.transfers.progress import ProgressMeter
from datalab_facade.transfers.sources import Source
from datalab_facade.transport.exchange import Exchange


class FormFile:
    """A file that goes as the last part of a form."""

    silence = 60.0

    def __init__(
        self,
        source: Source,
        name: str,
        content_type: str,
        *,
        meter: ProgressMeter,
        clock: Clock,
        checksum: bool = False,
    ) -> None:
        self.name = name
        self.content_type = content_type
        self.size = source.size
        self._source = source
        self._meter = meter
        self._clock = clock
        self._has_checksum = checksum
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of what was sent, in hexadecimal digits, if it is computed."""
        return self._digest.hexdigest() if self._has_checksum else None

    def body(self, exchange: Exchange, head: bytes, tail: bytes) -> Generator[bytes, None, None]:
        """Return the whole form, from its beginning."""
        return exchange.callers_own(self._parts(exchange, head, tail))

    def _parts(self, exchange: Exchange, head: bytes, tail: bytes) -> Generator[bytes, None, None]:
        done, total = 0, self.size
        self._digest = hashlib.sha256()
        # Without its end the form cannot be read, so whatever breaks before that was not acted on.
        exchange.is_body_incomplete = True
        self._meter.begin(done, total, self._clock.monotonic())
        pieces = self._source.pieces()
        while (piece := self._next(pieces)) is not None:
            check_interrupted()
            done += len(piece)
            # A small form is sent at once.
            begins, ends = done == len(piece), done == total
            exchange.is_body_incomplete = not ends
            yield (head if begins else b"") + piece + (tail if ends else b"")
            self._meter.update(done, total, self._clock.monotonic())

    def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        if self._source.in_memory:
            return self._read(pieces)
        # A disk may be slow.
        return off_loop(lambda: self._read(pieces))

    def _read(self, pieces: Iterator[bytes]) -> bytes | None:
        piece = next(pieces, None)
        if piece is not None and self._has_checksum:
            self._digest.update(piece)
        return piece
