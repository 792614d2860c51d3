"""What blocking and async code do in ways that cannot be translated, in both forms.

Blocking code works with threads, async code with tasks of one event loop. Each function here
stands twice, the async one with ``_async`` at its end; everything else is written once, for async
code (``scripts/unasync.py``).
"""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
)
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar, cast

from datalab_facade.clock import running_loop
from datalab_facade.errors import LocalFileError
from datalab_facade.forking import renew_after_fork
from datalab_facade.interrupting import BETWEEN_SIGNALS, acquire_in_time, check_interrupted
from datalab_facade.workers import Workers

if TYPE_CHECKING:
    import asyncio

_T = TypeVar("_T")
_R = TypeVar("_R")

_NO_MORE = object()


def read_all(items: Iterable[_T]) -> list[_T]:
    """Return all items of an iterable."""
    return list(items)


async def read_all_async(items: Iterable[_T] | AsyncIterable[_T]) -> list[_T]:
    """Return all items of an iterable, which may be async."""
    return [item async for item in each_async(items)]


async def each_async(items: Iterable[_T] | AsyncIterable[_T]) -> AsyncGenerator[_T, None]:
    """Yield the items of an iterable, which may be async, as if it were."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def notify(callback: Callable[[_T], object] | None, value: _T) -> None:
    """Call what the caller gave for this, if anything."""
    if callback is not None:
        callback(value)


async def notify_async(
    callback: Callable[[_T], Awaitable[object] | object] | None, value: _T
) -> None:
    """Call what the caller gave for this, if anything, and await what it returns if need be."""
    pending = callback(value) if callback is not None else None
    if inspect.isawaitable(pending):
        await pending


def off_loop(work: Callable[[], _T]) -> _T:
    """Do what takes long on disk: in blocking code, at once."""
    return work()


async def off_loop_async(work: Callable[[], _T]) -> _T:
    """Do what takes long on disk beside the event loop, in a thread.

    It is over when this is, however often the caller is canceled meanwhile.

    Raises:
        LocalFileError: The system has no thread, as in a container that allows few.
    """
    import asyncio

    # Not a task, which whoever cancels all tasks of a loop would end before the thread ends.
    try:
        future = asyncio.get_running_loop().run_in_executor(None, work)
    except RuntimeError as error:
        raise LocalFileError(
            f"No thread can be started for work on the disk: {error}. Allow more threads, "
            f"and call again"
        ) from error
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not future.cancelled():
            # What became of the work interests nobody now, but asyncio wants it to be asked for.
            future.exception()
        raise cancelled
    return future.result()


def call_own(function: Callable[[], object], seconds: float) -> object:  # noqa: ARG001 - as below
    """Return what a function of the caller's returns; a thread cannot be interrupted in it.

    Raises:
        TypeError: It is an async function.
    """
    value = function()
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError("it is async, and blocking code cannot await it")
    return value


async def call_own_async(function: Callable[[], object], seconds: float) -> object:
    """Return what a function of the caller's returns, which may be async.

    One that is not async may block, so it is called in a thread, which cannot be interrupted.

    Raises:
        TimeoutError: It took longer than so many seconds.
    """
    import asyncio

    context = contextvars.copy_context()

    def call() -> object:
        try:
            return context.run(function)
        except StopIteration as error:
            # No future can hold it.
            raise RuntimeError("StopIteration") from error

    # An object's is that of its class.
    is_async = any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))
    async with asyncio.timeout(seconds):
        value = function() if is_async else await off_loop_async(call)
        return await value if inspect.isawaitable(value) else value


def for_each(
    items: Iterable[_T], work: Callable[[_T], object], *, concurrency: int, name: str
) -> None:
    """Do something with each item, in so many threads, to the end or to the first error.

    Args:
        items: Read as threads have time for them.
        work: What to do with an item.
        concurrency: The most items at once.
        name: What the threads are called.

    Raises:
        BaseException: Whatever the work raised first; what was under way is interrupted.
    """
    queue, reading = iter(items), threading.Lock()

    def work_off() -> None:
        while True:
            with reading:
                item = next(queue, _NO_MORE)
            if item is _NO_MORE:
                return
            check_interrupted()
            work(cast("_T", item))

    with Workers(concurrency, name) as workers:
        workers.carry_out([work_off] * concurrency)


async def for_each_async(
    items: Iterable[_T], work: Callable[[_T], Awaitable[object]], *, concurrency: int, name: str
) -> None:
    """Do something with each item, in so many tasks, to the end or to the first error.

    Arguments and errors as :func:`for_each`.
    """
    import asyncio

    queue = iter(items)

    async def work_off() -> None:
        for item in queue:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(concurrency):
                group.create_task(work_off(), name=f"{name}_{number}")
    except BaseExceptionGroup as errors:
        # The first error canceled the other tasks.
        raise errors.exceptions[0] from None


class Lock:
    """A lock between threads that is waited for only so long; it is free in a forked child."""

    def __init__(self) -> None:
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Be free, whoever held it in the parent."""
        self._lock = threading.Lock()

    def acquire(self, timeout: float) -> bool:
        """Wait so many seconds for the lock; return whether it is held now."""
        return acquire_in_time(self._lock, timeout)

    def release(self) -> None:
        """Let the next one have it."""
        self._lock.release()


class AsyncLock:
    """The same between tasks of one event loop."""

    def __init__(self) -> None:
        import asyncio

        self._lock = asyncio.Lock()

    async def acquire(self, timeout: float) -> bool:
        """Wait so many seconds for the lock; return whether it is held now."""
        import asyncio

        try:
            async with asyncio.timeout(timeout):
                return await self._lock.acquire()
        except TimeoutError:
            return False

    def release(self) -> None:
        """Let the next one have it."""
        self._lock.release()


def as_they_end(
    items: Iterable[_T], work: Callable[[_T], _R], *, concurrency: int, name: str
) -> Generator[_R, None, None]:
    """Do something with each item, in so many threads, and yield what it returns as it ends.

    Closing the iterator interrupts what is under way, and waits for it.

    Args:
        items: Read one at a time, as threads have time for them.
        work: What to do with an item.
        concurrency: The most items at once.
        name: What the threads are called.

    Raises:
        BaseException: Whatever reading the items, or the work, raised first.
    """
    feed, more, running = iter(items), True, 0
    ended: SimpleQueue[Future[_R]] = SimpleQueue()
    with Workers(concurrency, name) as workers:
        while more or running:
            check_interrupted()
            if more and running < concurrency:
                item = cast("_T", next(feed, _NO_MORE))
                if item is _NO_MORE:
                    more = False
                    continue
                workers.submit(partial(work, item)).add_done_callback(ended.put)
                running += 1
            has_room = more and running < concurrency
            try:
                future = ended.get(timeout=0 if has_room else BETWEEN_SIGNALS)
            except Empty:
                continue
            running -= 1
            yield future.result()


async def as_they_end_async(
    items: Iterable[_T] | AsyncIterable[_T],
    work: Callable[[_T], Awaitable[_R]],
    *,
    concurrency: int,
    name: str,
) -> AsyncGenerator[_R, None]:
    """Do something with each item, in so many tasks, and yield what it returns as it ends.

    Closing the iterator cancels what is under way, and waits for it. Arguments and errors as
    :func:`as_they_end`; the items may be async.
    """
    import asyncio

    async def read(feed: AsyncIterator[_T]) -> _T:
        return cast("_T", await anext(feed, _NO_MORE))

    async def work_on(item: _T) -> _R:
        return await work(item)

    running_loop()
    reading: asyncio.Task[_T] | None = None
    running: list[asyncio.Task[_R]] = []
    pending: list[asyncio.Task[_T] | asyncio.Task[_R]]
    more = True
    async with contextlib.aclosing(each_async(items)) as feed:
        try:
            while more or running:
                if more and reading is None and len(running) < concurrency:
                    reading = asyncio.create_task(read(feed))
                pending = [*running, *([reading] if reading is not None else [])]
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if reading is not None and reading.done():
                    item, reading = reading.result(), None
                    if item is _NO_MORE:
                        more = False
                    else:
                        running.append(asyncio.create_task(work_on(item), name=name))
                for ended in [task for task in running if task.done()]:
                    running.remove(ended)
                    yield ended.result()
        finally:
            for task in [*running, *([reading] if reading is not None else [])]:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            if reading is not None:
                await asyncio.gather(reading, return_exceptions=True)
