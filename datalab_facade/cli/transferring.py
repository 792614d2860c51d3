"""Showing how transfers come along, where there is a terminal to show it on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TypeAlias

from datalab_facade.cli.sessions import Session

Result: TypeAlias = Callable[[str, int, int | None], None]
"""Takes note of how far something has come: its name, its bytes so far, and of how many."""


def _untold(_name: str, _held: int, _total: int | None) -> None:
    """Take no note."""


@contextlib.contextmanager
def transfers(session: Session, what: str, count: int | None) -> Generator[Result, None, None]:
    """Show bars of transfers on the terminal that errors go to, if it is one.

    So they are seen, too, where the output goes into a pipe.

    Args:
        session: Whose terminal it is.
        what: What comes, in the plural.
        count: How many there are, if that is known.
    """
    if not session.err.is_terminal:
        yield _untold
        return
    from datalab_facade.cli.live import Transfers

    with Transfers(session.err, what, count) as bars:
        yield bars.told
