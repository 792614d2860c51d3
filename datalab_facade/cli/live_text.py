"""Text that changes on a terminal while a command goes on."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from datalab_facade.cli.rendering.executions import footer
from datalab_facade.cli.screens import Screen
from datalab_facade.pictures.terminal import Terminal


class LiveText(ABC):
    """Shows a text that changes, and removes it at the end. Use it in a ``with`` statement.

    Args:
        screen: Where to show it.
        live: Whether to show it at all.
    """

    def __init__(self, screen: Screen, *, live: bool) -> None:
        self._screen = screen
        self._is_live = live
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._is_live:
            from datalab_facade.cli.live import display  # it takes time to import

            self._stack.enter_context(display(self._screen, self._frame))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @abstractmethod
    def _frame(self, terminal: Terminal, height: int) -> str:
        """Return the current text; another thread calls it."""


def fit_display(draw: Callable[[int], str], leave: str, terminal: Terminal, height: int) -> str:
    """Draw a live display that fits the height of a terminal.

    Args:
        draw: Returns the text, given the largest number of rows for its table.
        leave: The line below the display: how to stop.
        terminal: What the terminal can show.
        height: The lines of the terminal.
    """
    below = footer(leave, terminal)
    room = height - 2 - len(below.splitlines())
    rows = room
    text = draw(rows)
    while rows > 1 and len(text.splitlines()) > room:
        rows = max(1, rows - max(1, len(text.splitlines()) - room))
        text = draw(rows)
    return f"{text}\n\n{below}"
