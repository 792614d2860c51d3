"""How far a file has come, up or down, for progress bars and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from datalab_facade.pickling import picklable

_SECONDS_BETWEEN = 0.1


@picklable
@attrs.frozen(kw_only=True)
class FileTransfer:
    """How far a file has come on its way to Datalab, or back.

    >>> FileTransfer("report.pdf", 250, 1000, 125.0).fraction
    0.25
    """

    name: str
    """The file's name."""
    bytes: int
    """How much has come so far; less than before when it had to be begun anew."""
    total: int | None
    """How much there is, if known."""
    rate: float
    """Bytes a second since this try began."""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None while the total is not known."""
        return self.bytes / self.total if self.total else None


OnProgress: TypeAlias = Callable[[FileTransfer], object]
"""Is told how far a file has come, some times a second; what it raises ends the transfer."""


class ProgressMeter:
    """Tells how far one file has come: as it begins, some times a second, and at its end."""

    def __init__(self, name: str, tell: OnProgress | None) -> None:
        self._name = name
        self._tell = tell
        self._began = 0.0
        self._told_at = 0.0
        self._from = 0
        self._told: int | None = None

    def begin(self, held: int, total: int | None, now: float) -> None:
        """Take note that a try begins, with so much here already."""
        self._began = now
        self._from = held
        self._say(held, total, now)

    def count(self, held: int, total: int | None, now: float) -> None:
        """Take note of how much there is now."""
        ended = held == total and held != self._told
        if ended or now - self._told_at >= _SECONDS_BETWEEN:
            self._say(held, total, now)

    def _say(self, held: int, total: int | None, now: float) -> None:
        self._told, self._told_at = held, now
        if self._tell is not None:
            spent = now - self._began
            rate = (held - self._from) / spent if spent > 0 else 0.0
            self._tell(FileTransfer(name=self._name, bytes=held, total=total, rate=rate))
