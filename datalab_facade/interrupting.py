"""An early end for threads that nobody waits for any more.

Ctrl-C reaches the main thread only, and an error in one thread does not end the others,
which may wait for minutes for a server that says nothing. Threads that work for one call
share an :class:`Interruption`; what they wait for ends when it is set off.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

_T = TypeVar("_T")

BETWEEN_SIGNALS = 0.2
"""Seconds that the main thread waits without checking for signals.

One that comes just before a wait does not end that wait."""

_current: ContextVar[Interruption | None] = ContextVar("datalab_facade_interruption", default=None)


class Interrupted(BaseException):
    """The work of this thread is not wanted any more.

    It is not an :class:`Exception`, so that nothing takes it for a failure and tries again.
    """


class Interruption:
    """Ends what several threads wait for.

    A thread enters it in a ``with`` statement, and is interrupted inside only.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._cuts: dict[object, Callable[[], None]] = {}

    def __enter__(self) -> None:
        _current.set(self)

    def __exit__(self, *_: object) -> None:
        _current.set(None)

    def set_off(self) -> None:
        """Cut all waits off, and let none begin any more."""
        self._event.set()
        with self._lock:
            for cut in self._cuts.values():
                cut()

    def check(self) -> None:
        """Raise if it was set off.

        Raises:
            Interrupted: It was.
        """
        if self._event.is_set():
            raise Interrupted

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds, but no longer than until it is set off.

        Raises:
            Interrupted: It was set off.
        """
        self._event.wait(min(seconds, threading.TIMEOUT_MAX))
        self.check()

    @contextlib.contextmanager
    def ends(self, cut: Callable[[], None]) -> Iterator[None]:
        """Have a wait inside cut off when it is set off."""
        wait = object()
        with self._lock:
            self.check()
            self._cuts[wait] = cut
        try:
            yield
        finally:
            with self._lock:
                del self._cuts[wait]
            # Whatever a wait that was cut off raises says nothing.
            self.check()


def current_interruption() -> Interruption | None:
    """Give what may interrupt this thread, if anything may."""
    return _current.get()


def check_interrupted() -> None:
    """Raise if nobody waits for what this thread does.

    Raises:
        Interrupted: So it is.
    """
    interruption = _current.get()
    if interruption is not None:
        interruption.check()


def interruptible(cut: Callable[[], None]) -> contextlib.AbstractContextManager[None]:
    """Have a wait inside cut off when nobody waits for this thread any more.

    Args:
        cut: Ends the wait; called from another thread.
    """
    interruption = _current.get()
    return contextlib.nullcontext() if interruption is None else interruption.ends(cut)


def acquire_in_time(lock: threading.Lock, seconds: float) -> bool:
    """Wait so many seconds for a lock; return whether it is held now.

    Args:
        lock: The lock.
        seconds: Any number; ``math.inf`` waits without end.

    Raises:
        Interrupted: Nobody waits for this thread any more.
    """
    is_main = threading.current_thread() is threading.main_thread()
    may_end = is_main or current_interruption() is not None
    longest = BETWEEN_SIGNALS if may_end else threading.TIMEOUT_MAX
    while seconds > longest:
        if lock.acquire(timeout=longest):
            return True
        check_interrupted()
        seconds -= longest
    return lock.acquire(timeout=max(0.0, seconds))


def wait_until_done(future: Future[_T], timeout: float | None) -> bool:
    """Wait for what another thread does, and return whether it is done.

    Args:
        future: What comes of it.
        timeout: The most seconds to wait; None for as long as it takes.

    Raises:
        Interrupted: Nobody waits for this thread any more.
    """
    waiting = threading.Lock()
    waiting.acquire()

    def end() -> None:
        # The future may end in the moment of an interruption.
        with contextlib.suppress(RuntimeError):
            waiting.release()

    future.add_done_callback(lambda _: end())
    with interruptible(end):
        acquire_in_time(waiting, math.inf if timeout is None else timeout)
    return future.done()
