"""Live displays and progress bars on a terminal; imports rich."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from datalab_facade.cli.screens import Screen
from datalab_facade.pictures.terminal import Terminal
from datalab_facade.pictures.words import clip, sanitize

_FRAMES_A_SECOND: Final = 4
_NARROW: Final = 60
_MAX_BARS: Final = 8

Frame = Callable[[Terminal, int], str]
"""Returns the current text of a display, given the terminal and its number of rows."""


def _console(screen: Screen) -> Console:
    return Console(
        file=screen.stream,
        force_terminal=screen.is_terminal,
        no_color=not screen.color,
        width=screen.width,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )


@contextlib.contextmanager
def display(screen: Screen, frame: Frame) -> Generator[None, None, None]:
    """Show text that changes, redraw it several times a second, and remove it at the end."""
    console = _console(screen)

    def draw() -> Text:
        size = console.size
        terminal = Terminal(screen.width or size.width, screen.color, screen.ascii_only)
        return Text.from_ansi(frame(terminal, size.height), no_wrap=True)

    with Live(
        console=console,
        get_renderable=draw,
        refresh_per_second=_FRAMES_A_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield


class TransferBars:
    """Progress bars of transfers; finished ones disappear. Threads may share them."""

    def __init__(self, screen: Screen, what: str, count: int | None) -> None:
        self._lock = threading.Lock()
        self._bars: dict[str, TaskID] = {}
        self._narrow = (screen.width or 80) < _NARROW
        self._ascii = screen.ascii_only
        self._progress = Progress(
            *_columns(narrow=self._narrow),
            console=_console(screen),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._all = self._progress.add_task(what, total=count, visible=(count or 0) > 1, count=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def report_progress(self, name: str, bytes_done: int, bytes_total: int | None) -> None:
        """Set the progress of one transfer."""
        with self._lock:
            bar = self._bars.get(name)
            if bar is None:
                busy = len(self._bars) >= _MAX_BARS
                bar = self._progress.add_task(
                    self._label(name), total=bytes_total, visible=not busy, count=False
                )
                self._bars[name] = bar
            self._progress.update(bar, completed=bytes_done, total=bytes_total)
            if bytes_total is not None and bytes_done >= bytes_total:
                del self._bars[name]
                self._progress.remove_task(bar)
                self._progress.advance(self._all)

    def _label(self, name: str) -> str:
        width = 16 if self._narrow else 32
        terminal = Terminal(80, color=False, ascii_only=self._ascii)
        return clip(terminal.adapt(sanitize(name)), width, ellipsis=terminal.ellipsis)


def _columns(*, narrow: bool) -> list[ProgressColumn]:
    label = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
    bar = BarColumn(bar_width=10 if narrow else 30)
    if narrow:
        return [label, bar, _Percentage()]
    return [label, bar, _Amount(), _Speed()]


class _Percentage(ProgressColumn):
    """The finished share of a transfer."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.percentage:>3.0f}%")


class _Amount(DownloadColumn):
    """The finished amount: of bytes, or of files."""

    def render(self, task: Task) -> Text:
        if not task.fields["count"]:
            return super().render(task)
        total = "?" if task.total is None else f"{task.total:.0f}"
        return Text(f"{task.completed:.0f}/{total} files", style="progress.download")


class _Speed(TransferSpeedColumn):
    """The speed in bytes; files per second would say nothing."""

    def render(self, task: Task) -> Text:
        return Text("") if task.fields["count"] else super().render(task)
