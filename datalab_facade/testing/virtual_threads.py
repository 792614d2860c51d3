"""A scheduler of threads on a virtual clock."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

_T = TypeVar("_T")

_STALL_SECONDS: Final = 30.0
"""Seconds of real time within which a thread must sleep or end."""


class _Worker:
    """A thread with its call and result."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.resume: Final = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.result: object = None


class ThreadScheduler:
    """Runs one of several threads at a time: the one whose sleep ends first.

    Args:
        move_to: moves the clock to a time.
        now: the clock's reading at the start.
    """

    def __init__(self, move_to: Callable[[float], None], now: float) -> None:
        self._move_to: Final = move_to
        self._start: Final = now
        self._lock: Final = threading.Lock()
        self._queue: Final[list[tuple[float, int, _Worker]]] = []
        self._order: int = 0
        self._steps: int = 0
        self._running: _Worker | None = None
        self._finished: Final = threading.Event()
        self._local: Final = threading.local()

    def run(self, calls: Sequence[Callable[[], _T]]) -> list[_T]:
        """Run each call in a thread; return all results in order, or raise the first error."""
        workers = [_Worker(f"datalab-virtual-{number}") for number in range(len(calls))]
        threads = [
            threading.Thread(
                target=self._run_call, args=(worker, call), name=worker.name, daemon=True
            )
            for worker, call in zip(workers, calls, strict=True)
        ]
        with self._lock:
            for worker in workers:
                self._enqueue(worker, self._start)
        for thread in threads:
            thread.start()
        self._resume_next()
        self._wait_for_all()
        for thread in threads:
            thread.join()
        for worker in workers:
            if worker.error is not None:
                raise worker.error
        return [cast("_T", worker.result) for worker in workers]

    def sleep_until(self, due: float) -> bool:
        """Let other threads run until ``due``; return ``False`` at once in a foreign thread."""
        worker = cast("_Worker | None", getattr(self._local, "worker", None))
        if worker is None:
            return False
        with self._lock:
            self._enqueue(worker, due)
        self._resume_next()
        _ = worker.resume.acquire()
        return True

    def _run_call(self, worker: _Worker, call: Callable[[], object]) -> None:
        self._local.worker = worker
        _ = worker.resume.acquire()
        try:
            worker.result = call()
        except BaseException as error:  # noqa: BLE001 - run() raises it again
            worker.error = error
        self._resume_next()

    def _enqueue(self, worker: _Worker, due: float) -> None:
        self._order += 1
        heapq.heappush(self._queue, (due, self._order, worker))

    def _resume_next(self) -> None:
        with self._lock:
            self._steps += 1
            self._running = None
            if not self._queue:
                self._finished.set()
                return
            due, _, worker = heapq.heappop(self._queue)
            self._running = worker
        self._move_to(due)
        worker.resume.release()

    def _wait_for_all(self) -> None:
        steps_before = -1
        while not self._finished.wait(_STALL_SECONDS):
            if self._steps == steps_before:
                name = self._running.name if self._running else "a thread"
                message = (
                    f"{name} has neither slept on the virtual clock nor ended for "
                    f"{_STALL_SECONDS:g} s: it waits for something that this clock cannot move"
                )
                raise RuntimeError(message)
            steps_before = self._steps
