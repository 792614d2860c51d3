"""Checksums of a file that grows, computed beside its writer."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO, Final

from datalab_facade.transfers.disk import begin_writing
from datalab_facade.transfers.facts import Facts
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transfers.sinks import Decoder
from datalab_facade.transfers.unpacking import why_packed

MAX_UNWRITTEN: Final = 16 << 20
"""The most bytes that the system may keep in memory; the final sync waits for no more."""

_PIECE: Final = 1 << 20

# Checksums of smaller files are computed when they are complete: a thread would cost more.
_MIN_FOLLOWED_BYTES: Final = 4 << 20

# Windows has no way to read a file at an offset while another thread writes it.
_CAN_FOLLOW: Final = hasattr(os, "pread")


class FileChecksums:
    """The checksums of one file as it is stored: those that storage sent, and its SHA-256.

    Of a large file they are computed in a thread, while it is written. The thread reads what was
    written, which the system still has in memory. So nothing is kept here, and the writer never
    waits.

    Args:
        remote: The object, for error messages.
        sha256: Whether the SHA-256 is wanted.
    """

    def __init__(self, remote: Remote, *, sha256: bool) -> None:
        self._remote = remote
        self._sha256 = sha256
        self._running: _Running | None = None
        self._follower: _Follower | None = None

    def advance(self, file: IO[bytes], size: int, facts: Facts) -> bool:
        """Take note of how many bytes the file has.

        Returns:
            Whether a thread follows it, which also lets the system write it to the disk.
        """
        if self._follower is None:
            if size < _MIN_FOLLOWED_BYTES or not _CAN_FOLLOW or not self._are_wanted(facts):
                return False
            self._running = self._running or self._begin(facts)
            try:
                self._follower = _Follower(file, self._running)
            except RuntimeError:
                # The system has no thread for it.
                return False
        self._follower.advance(size)
        return True

    def restart(self, offset: int) -> None:
        """Let go of the file, which is written anew from an offset on."""
        self.stop()
        if self._running is not None and not 0 < self._running.size <= offset:
            self._running = None

    def stop(self) -> None:
        """End the thread, if there is one."""
        if self._follower is not None:
            self._follower.stop()
            self._follower = None

    def finish(self, pieces: Callable[[int], Iterable[bytes]], facts: Facts) -> str | None:
        """Compare the checksums of the complete file with those of storage.

        Args:
            pieces: Reads the file from an offset on.
            facts: What storage said about the object.

        Returns:
            The SHA-256 if it is wanted.

        Raises:
            DownloadError: The file differs from what storage announced.
            OSError: The file cannot be read.
        """
        self.stop()
        if not self._are_wanted(facts):
            return None
        running = self._running or self._begin(facts)
        for piece in pieces(running.size):
            running.update(piece)
        return running.finish()

    def _are_wanted(self, facts: Facts) -> bool:
        is_unpacked = bool(facts.encoding) and why_packed(facts.encoding) is None
        return not is_unpacked and (self._sha256 or bool(facts.digests))

    def _begin(self, facts: Facts) -> _Running:
        return _Running(Decoder(self._remote, facts, as_stored=True), sha256=self._sha256)


class _Running:
    """The checksums of the start of a file."""

    def __init__(self, decoder: Decoder, *, sha256: bool) -> None:
        self._decoder = decoder
        self._sha256 = hashlib.sha256() if sha256 else None
        self.size = 0

    def update(self, data: bytes) -> None:
        for piece in self._decoder.feed(data):
            if self._sha256 is not None:
                self._sha256.update(piece)
        self.size += len(data)

    def finish(self) -> str | None:
        self._decoder.finish()
        return self._sha256.hexdigest() if self._sha256 is not None else None


class _Follower:
    """A thread that computes the checksums of a file while another thread writes it."""

    def __init__(self, file: IO[bytes], running: _Running) -> None:
        self._file = file
        self._running = running
        self._written = running.size
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="datalab-checksum", daemon=True)
        self._thread.start()

    def advance(self, written: int) -> None:
        with self._changed:
            self._written = written
            self._changed.notify()

    def stop(self) -> None:
        """End the thread, which may not have come to the end of the file."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        begun, running = self._running.size, self._running
        # What cannot be read here fails again, and is reported, where the file is finished.
        with suppress(OSError):
            while self._has_more():
                data = os.pread(self._file.fileno(), _PIECE, running.size)
                if not data:
                    return
                running.update(data)
                if running.size - begun >= MAX_UNWRITTEN:
                    begin_writing(self._file, begun, running.size - begun)
                    begun = running.size

    def _has_more(self) -> bool:
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or self._written - self._running.size >= _PIECE
            )
            return not self._stopped
