"""Ctrl-C, SIGTERM, a closed terminal, a time limit: an exception while there is a way back."""

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


class OutOfTime(BaseException):
    """The time is up that the process was given."""


@contextmanager
def raised(seconds: float | None = None) -> Generator[None]:
    """While this lasts, a signal that asks the process to end raises `Stopped` if it is heeded.

    After a number of seconds, if there is one, `OutOfTime` is raised. Neither is an `Exception`,
    since what is at work then may catch those.
    """
    heeded = [number for number in _HANDLED if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _stop) for number in heeded}
    if seconds is not None:
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, _time_is_up)
        _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if seconds is not None:
            _ = signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            _ = signal.signal(number, handler)


def ignore() -> None:
    """From here to the end of `raised`, all of these come too late."""
    if signal.getsignal(signal.SIGALRM) is _time_is_up:
        _ = signal.setitimer(signal.ITIMER_REAL, 0)
    for number in _HANDLED:
        _ = signal.signal(number, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


def _time_is_up(_number: int, _frame: FrameType | None) -> NoReturn:
    raise OutOfTime
