"""Ctrl-C, SIGTERM and a closed terminal: an exception as long as there is a way back."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell would call a process that the signal has ended."""
        return 128 + self.number

    def __str__(self) -> str:
        """What they did, in their words."""
        return "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number).name


@contextmanager
def raised() -> Generator[None]:
    """While this lasts, a signal that asks the process to end raises `Stopped` if it is heeded."""
    heeded = [number for number in _HANDLED if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _stop) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            _ = signal.signal(number, handler)


def ignore() -> None:
    """From here to the end of `raised`, a signal that asks the process to end comes too late."""
    for number in _HANDLED:
        _ = signal.signal(number, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)
