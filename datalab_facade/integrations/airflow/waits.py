"""All waits of one event loop for one connection: one client, one rate limiter, one scheduler.

A triggerer runs an asyncio task for each trigger. If each task polled Datalab itself,
they would compete for the rate limit; so they pass their executions to a
:class:`SharedWaits`, which has one client and feeds one ``executions.as_completed``.
Nothing here imports Airflow.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

import attrs

from datalab_facade.async_client import AsyncDatalab
from datalab_facade.errors import (
    AuthenticationError,
    InvalidArgumentError,
    WaitTimeoutError,
)
from datalab_facade.executions.kind import ExecutionOutcome
from datalab_facade.integrations.airflow.settings import ConnectionSettings
from datalab_facade.jobs.outcomes import Abandoned, Settled
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import JSON

LEASE: Final = 7_200.0
"""Seconds after which a wait is renewed in ``as_completed``.

It keeps a record of each wait until the oldest one is over, so no wait may be endless."""

LINGER: Final = 90.0
"""Seconds that an idle client is kept, so that its rate limiter remembers the last minute."""

_NO_LIMIT: Final = 1_000_000

ReadSettings = Callable[[], Awaitable[ConnectionSettings]]
OpenClient = Callable[[ConnectionSettings], AsyncDatalab]


@attrs.define(eq=False)
class _Waiter:
    handle: Mapping[str, JSON]
    future: asyncio.Future[ExecutionOutcome]
    execution_id: int | None = None
    """Set when the wait has begun."""


class SharedWaits:
    """The waits of one event loop for one connection.

    If the connection's key or host changes during a wait, the new one is used as soon
    as the old key is rejected.

    Args:
        read_settings: Reads the connection.
        open_client: Creates the client; for tests.
        lease: See :data:`LEASE`.
        linger: See :data:`LINGER`.
        on_idle: Called when the client was closed after ``linger`` seconds without a wait.
    """

    def __init__(
        self,
        read_settings: ReadSettings,
        *,
        open_client: OpenClient = ConnectionSettings.async_client,
        lease: float = LEASE,
        linger: float = LINGER,
        on_idle: Callable[[], object] = lambda: None,
    ) -> None:
        self._read_settings = read_settings
        self._open_client = open_client
        self._policy = WaitPolicy(timeout=lease)
        self._linger = linger
        self._on_idle = on_idle
        self._waiters: dict[_Waiter, None] = {}
        self._new: deque[_Waiter] = deque()
        self._wake = asyncio.Event()
        self._by_execution: dict[int, list[_Waiter]] = {}
        self._cancelled: deque[_Waiter] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def outcome(self, handle: Mapping[str, JSON]) -> ExecutionOutcome:
        """Wait until an execution has ended, or until its wait fails.

        Cancelling ends only this wait. An execution that nobody waits for is not polled
        again.

        Args:
            handle: The JSON form of the execution's handle.

        Raises:
            ConfigurationError: A field of the connection is wrong.
            InvalidArgumentError: The handle is of another host than the connection's.
            Exception: Any error of reading the connection.
        """
        waiter = _Waiter(handle, asyncio.get_running_loop().create_future())
        self._waiters[waiter] = None
        self._new.append(waiter)
        self._wake.set()
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="datalab-waits")
        try:
            return await waiter.future
        finally:
            del self._waiters[waiter]
            self._cancelled.append(waiter)
            self._wake.set()

    async def _run(self) -> None:
        try:
            while self._waiters:
                settings = await self._read_settings()
                async with self._open_client(settings) as client:
                    while await self._has_work():
                        if await self._run_until_changed(client, settings):
                            break
        except Exception as error:  # noqa: BLE001 - every waiter raises it
            for waiter in self._waiters:
                _fail(waiter, error)
        finally:
            self._runner = None
            self._on_idle()

    async def _has_work(self) -> bool:
        """Return whether somebody waits; if nobody does, first wait a while for somebody."""
        while not self._waiters:
            self._wake.clear()
            try:
                async with asyncio.timeout(self._linger):
                    await self._wake.wait()
            except TimeoutError:
                return False
        return True

    async def _run_until_changed(self, client: AsyncDatalab, settings: ConnectionSettings) -> bool:
        """Run all waits; return True if settings have changed, False if nobody waits."""
        self._by_execution.clear()
        self._cancelled.clear()
        self._new = deque(self._waiters)
        updates = client.executions._follow(  # noqa: SLF001 - it is fed who is given up, too
            self._feed(client), None, _NO_LIMIT, self._policy, {}, changes=False
        )
        async with aclosing(updates):
            async for update in updates:
                if isinstance(update, Settled):
                    if not self._waiters:
                        return False
                    continue
                outcome = update.outcome
                if outcome is None:
                    continue
                waiting = [one for one in self._by_execution.pop(outcome.id, ()) if _waits(one)]
                if not waiting:
                    continue
                if isinstance(outcome.error, WaitTimeoutError):
                    # Only the lease has ended; the wait is renewed.
                    self._new.extend(waiting)
                    self._wake.set()
                    continue
                is_rejected = isinstance(outcome.error, AuthenticationError)
                if is_rejected and await self._read_settings() != settings:
                    return True
                for waiter in waiting:
                    if _waits(waiter):
                        waiter.future.set_result(outcome)
        raise AssertionError("the feed has no end")

    async def _feed(
        self, client: AsyncDatalab
    ) -> AsyncGenerator[int | Abandoned[int] | Settled[None], None]:
        while True:
            while self._new:
                waiter = self._new.popleft()
                if not _waits(waiter):
                    continue
                try:
                    execution_id = client.executions.handle(waiter.handle).id
                except InvalidArgumentError as error:
                    _fail(waiter, error)
                    continue
                waiter.execution_id = execution_id
                if execution_id in self._by_execution:
                    self._by_execution[execution_id].append(waiter)
                else:
                    self._by_execution[execution_id] = [waiter]
                    yield execution_id
                    # Thousands may arrive at once, and must not block other tasks.
                    await asyncio.sleep(0)
            while self._cancelled:
                abandoned = self._remove(self._cancelled.popleft())
                if abandoned is not None:
                    yield Abandoned(abandoned)
            if not self._waiters:
                # It only wakes up who reads the updates.
                yield Settled(None)
            if not self._new and not self._cancelled:
                self._wake.clear()
                await self._wake.wait()

    def _remove(self, waiter: _Waiter) -> int | None:
        """Remove a waiter; return its execution's id if nobody else waits for that."""
        execution_id = waiter.execution_id
        if execution_id is None or waiter not in self._by_execution.get(execution_id, ()):
            return None
        waiting = self._by_execution[execution_id]
        waiting.remove(waiter)
        if waiting:
            return None
        del self._by_execution[execution_id]
        return execution_id


def _waits(waiter: _Waiter) -> bool:
    return not waiter.future.done()


def _fail(waiter: _Waiter, error: Exception) -> None:
    if _waits(waiter):
        waiter.future.set_exception(error)


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedWaits]] = (
    weakref.WeakKeyDictionary()
)


def shared_waits(
    connection_id: str,
    read_settings: ReadSettings,
    *,
    open_client: OpenClient = ConnectionSettings.async_client,
) -> SharedWaits:
    """Return the waits of the running event loop for a connection, created on first use.

    Args:
        connection_id: The connection's id.
        read_settings: Reads the connection, when the waits are created.
        open_client: Creates the client, for tests.
    """
    waits = _by_loop.setdefault(asyncio.get_running_loop(), {})
    if connection_id not in waits:
        # The waits reference their loop; removed when idle, they let it be collected.
        waits[connection_id] = SharedWaits(
            read_settings,
            open_client=open_client,
            on_idle=lambda: waits.pop(connection_id, None),
        )
    return waits[connection_id]
