"""Threads that take turns on a virtual clock."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

_T = TypeVar("_T")

_PATIENCE: Final = 30.0
"""Seconds of real time in which a thread has to sleep or to end."""


class _Turn:
    """One thread's place in the queue."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.begin: Final = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.result: object = None


class Turns:
    """Lets one of several threads run at a time: whose sleep ends first.

    Args:
        move: sets the clock to a moment.
        now: the clock's reading at the start.
    """

    def __init__(self, move: Callable[[float], None], now: float) -> None:
        self._move: Final = move
        self._started: Final = now
        self._lock: Final = threading.Lock()
        self._queue: Final[list[tuple[float, int, _Turn]]] = []
        self._order: int = 0
        self._steps: int = 0
        self._running: _Turn | None = None
        self._over: Final = threading.Event()
        self._here: Final = threading.local()

    def run(self, calls: Sequence[Callable[[], _T]]) -> list[_T]:
        """Run them all, each in a thread; their results in order, or the first one's error."""
        turns = [_Turn(f"datalab-virtual-{number}") for number in range(len(calls))]
        threads = [
            threading.Thread(target=self._play, args=(turn, call), name=turn.name, daemon=True)
            for turn, call in zip(turns, calls, strict=True)
        ]
        with self._lock:
            for turn in turns:
                self._enqueue(turn, self._started)
        for thread in threads:
            thread.start()
        self._next()
        self._wait()
        for thread in threads:
            thread.join()
        for turn in turns:
            if turn.error is not None:
                raise turn.error
        return [cast("_T", turn.result) for turn in turns]

    def sleep_until(self, due: float) -> bool:
        """Let the others run until ``due``; ``False`` at once if this thread is none of ours."""
        turn = cast("_Turn | None", getattr(self._here, "turn", None))
        if turn is None:
            return False
        with self._lock:
            self._enqueue(turn, due)
        self._next()
        _ = turn.begin.acquire()
        return True

    def _play(self, turn: _Turn, call: Callable[[], object]) -> None:
        self._here.turn = turn
        _ = turn.begin.acquire()
        try:
            turn.result = call()
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the other thread
            turn.error = error
        self._next()

    def _enqueue(self, turn: _Turn, due: float) -> None:
        self._order += 1
        heapq.heappush(self._queue, (due, self._order, turn))

    def _next(self) -> None:
        with self._lock:
            self._steps += 1
            self._running = None
            if not self._queue:
                self._over.set()
                return
            due, _, turn = heapq.heappop(self._queue)
            self._running = turn
        self._move(due)
        turn.begin.release()

    def _wait(self) -> None:
        before = -1
        while not self._over.wait(_PATIENCE):
            if self._steps == before:
                name = self._running.name if self._running else "a thread"
                message = (
                    f"{name} has neither slept on the virtual clock nor ended for "
                    f"{_PATIENCE:g} seconds: it waits for something that this clock does not move"
                )
                raise RuntimeError(message)
            before = self._steps
