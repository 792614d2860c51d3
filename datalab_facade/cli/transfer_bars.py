"""Progress bars of transfers, if there is a terminal to show them on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TypeAlias

from datalab_facade.cli.sessions import Session

ReportProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Takes the name of a transfer, its bytes so far, and its total bytes if known."""


def _report_nothing(_name: str, _bytes_done: int, _bytes_total: int | None) -> None:
    """Show nothing."""


@contextlib.contextmanager
def transfer_bars(
    session: Session, what: str, count: int | None
) -> Generator[ReportProgress, None, None]:
    """Show progress bars on standard error, if it is a terminal.

    So they are visible even if the output goes into a pipe.

    Args:
        session: The session, with its terminal.
        what: A plural noun for the transfers.
        count: How many there are; None if unknown.
    """
    if not session.err.is_terminal:
        yield _report_nothing
        return
    from datalab_facade.cli.live import TransferBars

    with TransferBars(session.err, what, count) as bars:
        yield bars.report_progress
