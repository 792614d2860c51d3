"""Threads that carry out jobs, and are interrupted where that is asked for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

from datalab_facade.interrupting import BETWEEN_SIGNALS, Interruption, check_interrupted

_T = TypeVar("_T")

_GRACE = 0.5
"""Seconds in which threads that were interrupted are waited for."""

_Job: TypeAlias = Callable[[], None]


class Workers:
    """A number of threads that carry out jobs. Use it in a ``with`` statement.

    If that is left by an exception (Ctrl-C is one), no job is begun any more, and what
    is under way is interrupted. It is waited for, but not for long: a thread that something
    else than our own connections holds up ends when that lets it go, and keeps nobody from
    ending the program.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._interruption = Interruption()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._interruption.set_off()
        for _ in self._threads:
            self._jobs.put(None)
        end = time.monotonic() + _GRACE
        for thread in self._threads:
            if thread.is_alive():
                thread.join(None if kind is None else max(0.0, end - time.monotonic()))

    def submit(self, work: Callable[[], _T]) -> Future[_T]:
        """Have a job done when a thread has time for it; at once, where no thread can be had."""
        future: Future[_T] = Future()

        def job() -> None:
            try:
                with self._interruption:
                    self._interruption.check()
                    result = work()
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                future.set_exception(error)
            else:
                future.set_result(result)

        # What works for a caller sees the caller's context variables, as a task does.
        run: _Job = partial(copy_context().run, job)
        if self._has_threads():
            self._jobs.put(run)
        else:
            run()
        return future

    def carry_out(self, jobs: Iterable[Callable[[], object]]) -> None:
        """Carry out jobs to the end of the last one, or to the first error.

        Raises:
            BaseException: Whatever the first job that failed raised.
            Interrupted: Nobody waits for this thread any more.
        """
        ended: SimpleQueue[Future[object]] = SimpleQueue()
        left = 0
        for job in jobs:
            future = self.submit(job)
            if future.done():
                # Where no thread can be had, each is over before the next.
                future.result()
            future.add_done_callback(ended.put)
            left += 1
        while left:
            check_interrupted()
            with contextlib.suppress(Empty):
                ended.get(timeout=BETWEEN_SIGNALS).result()
                left -= 1

    def _has_threads(self) -> bool:
        """Start one more thread, up to their number; return whether there are any."""
        if len(self._threads) < self._count:
            name = f"{self._name}_{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            try:
                thread.start()
            except RuntimeError:
                # The system has no more, as in a container that allows few.
                self._threads.remove(thread)
        return bool(self._threads)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
