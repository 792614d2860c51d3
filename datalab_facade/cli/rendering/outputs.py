"""Manifests of saved outputs, as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from datalab_facade.cli.rendering.signs import plain, sign, size
from datalab_facade.cli.tables import Column, paragraph, table
from datalab_facade.outputs.manifest import FailedOutput, Manifest
from datalab_facade.pictures.terminal import BOLD, DIM, RED, Terminal
from datalab_facade.pictures.words import pluralize, sanitize

_SAVED: Final = (
    Column(""),
    Column("file", shrinks=True),
    Column("size", side="right"),
    Column("type", optional=1),
    Column("sha256", optional=2),
)
_DIGITS: Final = 12
_MAX_ROWS: Final = 40


def manifest_text(manifest: Manifest, folder: Path, terminal: Terminal) -> str:
    """Show the saved outputs of an execution, where they are, and the outputs that failed."""
    return "\n".join(_lines(manifest, folder, terminal))


def _lines(manifest: Manifest, folder: Path, terminal: Terminal) -> Iterator[str]:
    rows = [
        [
            sign("done", terminal),
            plain(sanitize(saved.path)),
            plain(size(saved.bytes)),
            (sanitize(saved.media_type or ""), DIM) if saved.media_type else plain(""),
            ((saved.sha256 or "")[:_DIGITS], DIM),
        ]
        for saved in sorted(manifest.saved, key=lambda saved: saved.path)[:_MAX_ROWS]
    ]
    if rows:
        yield from table(_SAVED, rows, terminal)
    if len(manifest.saved) > _MAX_ROWS:
        more = f"… {len(manifest.saved) - _MAX_ROWS:,} more, all in manifest.json"
        yield terminal.paint(terminal.adapt(more), DIM)
    for failed in manifest.failed:
        yield from failed_lines(failed, terminal)
    if rows or manifest.failed:
        yield ""
    total = sum(saved.bytes for saved in manifest.saved)
    summary = f"{pluralize(len(manifest.saved), 'output')} ({size(total)}) in {folder}"
    if manifest.failed:
        summary += f", {len(manifest.failed)} failed"
    yield from paragraph(summary, terminal, BOLD)


def failed_lines(failed: FailedOutput, terminal: Terminal) -> list[str]:
    """Describe an output that could not be saved."""
    place = sanitize(failed.step)
    if failed.file_key is not None:
        place += f" [{sanitize(failed.file_key)}]"
    text = f"{terminal.glyphs.bullet} {place}: {sanitize(failed.error, limit=400)}"
    return paragraph(text, terminal, RED, indent=2)
