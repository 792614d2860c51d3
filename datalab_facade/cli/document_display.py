"""Show documents while they are at work, on a terminal."""

from __future__ import annotations

import time

import attrs

from datalab_facade.cli.document_results import SourceResult
from datalab_facade.cli.live_text import LiveText, fit_display
from datalab_facade.cli.rendering.conversions import DocumentRow, at_work_text
from datalab_facade.cli.sessions import Session
from datalab_facade.pictures.terminal import Terminal


@attrs.define
class _Entry:
    began: float
    status: str = "sending"
    result: SourceResult | None = None
    ended: float | None = None


class DocumentDisplay(LiveText):
    """Shows a live table on standard error, if that is a terminal, and removes it at the end.

    Args:
        session: Where to write.
        total: The number of documents.
        footer: The line below the table: what Ctrl-C does.
        live: Whether to show it at all.
    """

    def __init__(self, session: Session, total: int, footer: str, *, live: bool = True) -> None:
        super().__init__(session.err, live=live and session.err.is_terminal)
        self._total = total
        self._footer = footer
        self._entries: dict[str, _Entry] = {}
        self._began = time.monotonic()

    def begin(self, source: str) -> None:
        """Show a document that is about to be sent."""
        self._entries[source] = _Entry(time.monotonic())

    def expect(self, total: int) -> None:
        """Show that there are at least so many documents."""
        self._total = max(self._total, total)

    def show_status(self, source: str, status: str) -> None:
        """Show the status of a document."""
        self._entries.setdefault(source, _Entry(time.monotonic())).status = status

    def end(self, result: SourceResult) -> None:
        """Show what came of a document."""
        entry = self._entries.setdefault(result.source, _Entry(time.monotonic()))
        entry.result, entry.ended = result, time.monotonic()

    def _frame(self, terminal: Terminal, height: int) -> str:
        now = time.monotonic()
        # Another thread draws the display, so it works on a copy.
        rows = [_row(source, entry, now) for source, entry in self._entries.copy().items()]
        seconds = now - self._began
        return fit_display(
            lambda most: at_work_text(rows, self._total, seconds, terminal, most),
            self._footer,
            terminal,
            height,
        )


def _row(source: str, entry: _Entry, now: float) -> DocumentRow:
    result = entry.result
    seconds = (now if entry.ended is None else entry.ended) - entry.began
    if result is None:
        return DocumentRow(source=source, state="working", status=entry.status, seconds=seconds)
    return DocumentRow(
        source=source,
        state="done" if result.succeeded else "failed",
        status="done" if result.succeeded else "failed",
        seconds=seconds,
        result=result,
    )
