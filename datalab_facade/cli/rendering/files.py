"""Files at Datalab, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from datalab_facade.cli.rendering.signs import plain, size
from datalab_facade.cli.tables import Column, facts, table
from datalab_facade.files.models import File
from datalab_facade.pictures.rows import State
from datalab_facade.pictures.terminal import BOLD, DIM, STATE_COLORS, Terminal
from datalab_facade.pictures.words import format_time, sanitize

_FILES: Final = (
    Column("id", side="right"),
    Column("name", shrinks=True),
    Column("size", side="right"),
    Column("status", optional=2),
    Column("created", optional=4),
    Column("reference", optional=3),
)
_STATES: Final[dict[str, State]] = {
    "completed": "done",
    "failed": "failed",
    "pending": "waiting",
}


def files_text(files: Iterable[File], terminal: Terminal) -> str:
    """Show files, a line for each."""
    rows = [
        [
            plain(str(one.id)),
            (sanitize(one.filename), BOLD),
            plain(size(one.size)),
            (sanitize(one.status, limit=20), _color(one)),
            (f"{one.created_at:%Y-%m-%d %H:%M}" if one.created_at else "", DIM),
            (sanitize(one.reference), DIM),
        ]
        for one in files
    ]
    if not rows:
        return "There are no files yet."
    return "\n".join(table(_FILES, rows, terminal))


def _color(file: File) -> str:
    return STATE_COLORS[_STATES.get(file.status.lower(), "other")]


def file_text(file: File, terminal: Terminal) -> str:
    """Show everything about a file."""
    pairs = [
        ("file", str(file.id)),
        ("name", sanitize(file.filename)),
        ("reference", sanitize(file.reference)),
        ("type", sanitize(file.content_type) if file.content_type else "?"),
        ("size", size(file.size)),
        ("status", sanitize(file.status)),
        ("created", "?" if file.created_at is None else format_time(file.created_at)),
    ]
    return "\n".join(facts(pairs, terminal))


def uploaded_line(source: str, file: File, terminal: Terminal) -> str:
    """Report an uploaded file."""
    lines = terminal.flow(
        [
            [
                (terminal.glyphs.signs["done"] + " ", STATE_COLORS["done"]),
                (terminal.adapt(sanitize(source)), BOLD),
            ],
            [(f"  {size(file.size)}", DIM)],
            [(f"  {terminal.adapt(sanitize(file.reference))}", DIM)],
        ],
        gap="",
    )
    return "\n".join(lines)
