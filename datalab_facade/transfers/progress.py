"""Progress of uploads and downloads, for progress bars and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import attrs

from datalab_facade.json_forms import JSON, strict
from datalab_facade.pickling import picklable

if TYPE_CHECKING:
    from datalab_facade.models import Output

_SECONDS_BETWEEN_REPORTS = 0.1


@picklable
@attrs.frozen(kw_only=True)
class Progress:
    """How far an upload or a download has come.

    >>> Progress(name="report.pdf", bytes_done=250, bytes_total=1000, rate=125.0).fraction
    0.25
    """

    name: str
    """The file's name; of an output, its step and its file key: ``"parse/987"``."""
    bytes_done: int
    """Bytes transferred, with those of an earlier call; fewer than before after a restart."""
    bytes_total: int | None
    """Size in bytes; None while it is not known."""
    rate: float
    """Bytes per second since this attempt began."""
    output: Output | None = None
    """The output that is downloaded; None for a file."""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None while the size is not known or 0."""
        return self.bytes_done / self.bytes_total if self.bytes_total else None

    def to_dict(self, *, urls: bool = True) -> dict[str, JSON]:
        """Return the value as plain JSON; the output's presigned URL is null without ``urls``."""
        return {
            "name": self.name,
            "bytes_done": self.bytes_done,
            "bytes_total": self.bytes_total,
            "rate": strict(self.rate),
            "fraction": self.fraction,
            "output": None if self.output is None else self.output.to_dict(urls=urls),
        }


OnProgress: TypeAlias = Callable[[Progress], object]
"""A callback for progress, called some times a second; what it raises ends the transfer."""


class ProgressMeter:
    """Reports one transfer: as an attempt begins, some times a second, and at its end.

    Args:
        name: The name to report.
        callback: Receives the reports, if anybody does.
        output: The output that is downloaded; None for a file.
    """

    def __init__(
        self, name: str, callback: OnProgress | None, *, output: Output | None = None
    ) -> None:
        self._name = name
        self._callback = callback
        self._output = output
        self._started = 0.0
        self._done = 0
        self._transferred = 0
        self._reported_at = 0.0
        self._reported: tuple[int, int | None] | None = None

    def begin(self, done: int, total: int | None, now: float) -> None:
        """Start an attempt, which continues after ``done`` bytes."""
        self._started = now
        self._done = done
        self._transferred = 0
        self._report(total, now)

    def update(self, done: int, total: int | None, now: float) -> None:
        """Record how many bytes there are now."""
        # A download that restarts falls back to 0, but the bytes before it did arrive.
        self._transferred += max(done - self._done, 0)
        self._done = done
        is_new_end = done == total and self._reported != (done, total)
        if is_new_end or now - self._reported_at >= _SECONDS_BETWEEN_REPORTS:
            self._report(total, now)

    def _report(self, total: int | None, now: float) -> None:
        self._reported, self._reported_at = (self._done, total), now
        if self._callback is None:
            return
        elapsed = now - self._started
        self._callback(
            Progress(
                name=self._name,
                bytes_done=self._done,
                bytes_total=total,
                rate=self._transferred / elapsed if elapsed > 0 else 0.0,
                output=self._output,
            )
        )
