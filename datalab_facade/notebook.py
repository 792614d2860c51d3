"""Progress in a notebook, in one place below the cell: :func:`show_progress`.

It needs no package but what a notebook has, and works without a notebook as well.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import attrs

from datalab_facade.jobs.changes import Change
from datalab_facade.jobs.kinds import IdT, JobSnapshot, SnapshotT
from datalab_facade.jobs.outcomes import Update
from datalab_facade.pictures.cards import Card, CardTable
from datalab_facade.pictures.words import sanitize
from datalab_facade.transfers.progress import Progress

_MAX_LINES: Final = 30
_BAR_CELLS: Final = 20

_Event: TypeAlias = "Progress | Change[JobSnapshot] | Update[JobSnapshot, int | str]"


def show_progress(event: Progress | Change[SnapshotT] | Update[SnapshotT, IdT]) -> None:
    """Show how far things have come, below the cell of a notebook, in place of what stood there.

    Pass it as ``on_progress``, ``on_change`` or ``on_update``, also as all of them at once, to the
    blocking and to the async client. In a notebook each cell has one display, with a line for each
    job and file, the newest last; of a single execution it is the timeline. Elsewhere each change
    is printed on a line of its own, and a transfer when it is over.

    Args:
        event: What the client reports: a Progress, a Change or an Update.
    """
    shown = cast("_Event", event)
    with _LOCK:
        cell = _cell()
        if cell is None:
            line = _line_of(shown)
            if line is not None:
                # What an output cannot hold, as of Windows in a file, must not end a transfer.
                encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
                line = line.encode(encoding, "replace").decode(encoding)
                print(line)  # noqa: T201 - the caller asked for it
        else:
            _SHOWN.show(shown, *cell)


@attrs.define
class _Shown:
    """What the current cell shows."""

    cell: object = None
    lines: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    title: str = ""
    left_out: int = 0
    handle: Any = None

    def show(self, event: _Event, cell: object, display: Callable[..., object]) -> None:
        if self.cell != cell:
            self.cell, self.lines, self.title = cell, {}, ""
            self.left_out, self.handle = 0, None
        content = self._take(event)
        if self.handle is None:
            self.handle = display(content, display_id=True)
        else:
            self.handle.update(content)

    def _take(self, event: _Event) -> object:
        if isinstance(event, Progress):
            self._set(f"file {event.name}", event.name, _bar(event))
        elif isinstance(event, Change):
            snapshot = event.snapshot
            if hasattr(snapshot, "timeline") and not self.lines and not self.title:
                return snapshot
            self._set(f"job {event.job}", event.job, str(snapshot.status))
        else:
            self.title = str(event.totals)
            self._take_update(event)
        return _Table(self._card())

    def _take_update(self, update: Update[JobSnapshot, int | str]) -> None:
        outcome, change = update.outcome, update.change
        if outcome is not None:
            state = outcome.error if outcome.snapshot is None else outcome.snapshot.status
            name = str(outcome.id)
        elif change is not None:
            state, name = change.snapshot.status, str(change.snapshot.id)
        else:
            return
        self._set(f"job {name}", update.source or name, str(state))

    def _set(self, key: str, name: str, state: str) -> None:
        # What moved last comes last.
        self.lines.pop(key, None)
        self.lines[key] = (name, state)
        if len(self.lines) > _MAX_LINES:
            del self.lines[next(iter(self.lines))]
            self.left_out += 1

    def _card(self) -> Card:
        table = CardTable(columns=("name", "state"), rows=tuple(self.lines.values()))
        note = (f"Shown are the {_MAX_LINES} that moved last",) if self.left_out else ()
        title = self.title or "Progress"
        return Card(title=title, tables=(table,) if self.lines else (), notes=note)


@attrs.frozen
class _Table:
    card: Card

    def _repr_html_(self) -> str:
        return self.card.html()

    def __repr__(self) -> str:
        rows = (row for table in self.card.tables for row in table.rows)
        return "\n".join([self.card.title, *(f"{sanitize(a)}  {sanitize(b)}" for a, b in rows)])


_SHOWN: Final = _Shown()
_LOCK: Final = threading.RLock()


def _cell() -> tuple[object, Callable[..., object]] | None:
    """Return what names the current cell, and how to display; None outside of notebooks."""
    # Without IPython nothing can be a notebook, so it is never imported for the first time here.
    if "IPython" not in sys.modules:
        return None
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        return None
    shell: Any = get_ipython()
    # A shell in a terminal cannot change what it printed.
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    return (id(shell), shell.execution_count), cast("Callable[..., object]", display)


def _line_of(event: _Event) -> str | None:
    if isinstance(event, Progress):
        is_over = event.bytes_total is not None and event.bytes_done >= event.bytes_total
        return f"{sanitize(event.name)}: {_bar(event)}" if is_over else None
    return str(event) if isinstance(event, Change) else str(event.totals)


def _bar(progress: Progress) -> str:
    done = f"{progress.bytes_done / 1e6:,.1f} MB"
    if progress.fraction is None:
        return done
    share = min(1.0, progress.fraction)
    total = f"{(progress.bytes_total or 0) / 1e6:,.1f} MB"
    cells = round(share * _BAR_CELLS)
    return f"{'█' * cells}{'░' * (_BAR_CELLS - cells)} {share:.0%} of {total}"
