"""All waits of one event loop for one connection: one client, one budget, one scheduler.

A triggerer runs a task of its own for each trigger. If each asked Datalab by itself,
they would get into each other's way; so they hand what they wait for to a
:class:`SharedWaits`, which has one client and feeds one wait for many executions.
Nothing here knows Airflow.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

import attrs

from datalab_facade.client import AsyncDatalab
from datalab_facade.errors import (
    AuthenticationError,
    DatalabError,
    InvalidArgumentError,
    WaitTimeoutError,
)
from datalab_facade.integrations.airflow.settings import ConnectionSettings
from datalab_facade.models import JSON
from datalab_facade.outcomes import Outcome, outcomes_of_async
from datalab_facade.waiting.wait import WaitPolicy

LEASE: Final = 7_200.0
"""Seconds after which an execution that somebody waits for is fed anew.

It keeps a note of each wait until the oldest one is over, so none may last for ever."""

LINGER: Final = 90.0
"""Seconds that a client without work is kept, so that its budget outlives a minute."""

_NO_LIMIT: Final = 1_000_000

ReadSettings = Callable[[], Awaitable[ConnectionSettings]]
OpenClient = Callable[[ConnectionSettings], AsyncDatalab]


class _NobodyWaitsError(DatalabError):
    """Ends the wait for an execution; for none, makes the wait for many come back."""

    def __init__(self) -> None:
        super().__init__("nobody waits any more")


@attrs.define(eq=False)
class _Waiter:
    handle: Mapping[str, JSON]
    told: asyncio.Future[Outcome]
    execution_id: int | None = None
    """Set once it is waited for."""


class SharedWaits:
    """The waits of one event loop for one connection.

    A key or host that changes while executions are waited for is taken over as soon as
    the old key is refused.

    Args:
        read_settings: Reads the connection.
        open_client: Makes the client; for tests.
        lease: See :data:`LEASE`.
        linger: See :data:`LINGER`.
        on_idle: Called when the client was closed, since nobody has waited for so long.
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
        self._news = asyncio.Event()
        self._by_execution: dict[int, list[_Waiter]] = {}
        self._given_up: deque[_Waiter] = deque()
        self._server: asyncio.Task[None] | None = None

    async def outcome(self, handle: Mapping[str, JSON]) -> Outcome:
        """Wait until an execution has ended, well or badly, or cannot be waited for.

        Being cancelled ends this wait and no other, and an execution that nobody waits
        for any more is not looked at again.

        Args:
            handle: The JSON form of the execution's handle.

        Raises:
            ConfigurationError: The connection is wrong, or leads to another host than
                the handle's.
            Exception: Whatever reading the connection raises.
        """
        waiter = _Waiter(handle, asyncio.get_running_loop().create_future())
        self._waiters[waiter] = None
        self._new.append(waiter)
        self._news.set()
        if self._server is None:
            self._server = asyncio.create_task(self._serve(), name="datalab-waits")
        try:
            return await waiter.told
        finally:
            del self._waiters[waiter]
            self._given_up.append(waiter)
            self._news.set()

    async def _serve(self) -> None:
        try:
            while self._waiters:
                settings = await self._read_settings()
                async with self._open_client(settings) as client:
                    while await self._has_work():
                        if await self._settings_changed(client, settings):
                            break
        except Exception as error:  # noqa: BLE001 - it is raised again, by all who wait
            for waiter in self._waiters:
                _fail(waiter, error)
        finally:
            self._server = None
            self._on_idle()

    async def _has_work(self) -> bool:
        """Tell whether somebody waits; if nobody does, see for a while whether one comes."""
        while not self._waiters:
            self._news.clear()
            try:
                async with asyncio.timeout(self._linger):
                    await self._news.wait()
            except TimeoutError:
                return False
        return True

    async def _settings_changed(self, client: AsyncDatalab, settings: ConnectionSettings) -> bool:
        """Wait for all until nobody is left, or other settings are to be used."""
        self._by_execution.clear()
        self._given_up.clear()
        self._new = deque(self._waiters)
        updates = client.executions._follow(  # noqa: SLF001 - it is fed who is given up, too
            self._feed(client), None, _NO_LIMIT, self._policy, {}, changes=False
        )
        outcomes = outcomes_of_async(updates)
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if isinstance(outcome.error, _NobodyWaitsError):
                    if not self._waiters:
                        return False
                    continue
                waiting = [
                    one for one in self._by_execution.pop(outcome.execution_id, ()) if _live(one)
                ]
                if not waiting:
                    continue
                if isinstance(outcome.error, WaitTimeoutError):
                    # Only the lease is over.
                    self._new.extend(waiting)
                    self._news.set()
                    continue
                refused = isinstance(outcome.error, AuthenticationError)
                if refused and await self._read_settings() != settings:
                    return True
                for waiter in waiting:
                    if _live(waiter):
                        waiter.told.set_result(outcome)
        raise AssertionError("the feed has no end")

    async def _feed(self, client: AsyncDatalab) -> AsyncGenerator[int | Outcome, None]:
        while True:
            while self._new:
                waiter = self._new.popleft()
                if not _live(waiter):
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
                    # Thousands may come at once, and must not keep others from running.
                    await asyncio.sleep(0)
            while self._given_up:
                unwanted = self._without(self._given_up.popleft())
                if unwanted is not None:
                    yield Outcome(execution_id=unwanted, error=_NobodyWaitsError())
            if not self._waiters:
                yield Outcome(execution_id=0, error=_NobodyWaitsError())
            if not self._new and not self._given_up:
                self._news.clear()
                await self._news.wait()

    def _without(self, waiter: _Waiter) -> int | None:
        """Forget one; give its execution if nobody else waits for that."""
        execution_id = waiter.execution_id
        if execution_id is None or waiter not in self._by_execution.get(execution_id, ()):
            return None
        waiting = self._by_execution[execution_id]
        waiting.remove(waiter)
        if waiting:
            return None
        del self._by_execution[execution_id]
        return execution_id


def _live(waiter: _Waiter) -> bool:
    return not waiter.told.done()


def _fail(waiter: _Waiter, error: Exception) -> None:
    if _live(waiter):
        waiter.told.set_exception(error)


_here: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedWaits]] = (
    weakref.WeakKeyDictionary()
)


def shared_waits(
    connection_id: str,
    read_settings: ReadSettings,
    *,
    open_client: OpenClient = ConnectionSettings.async_client,
) -> SharedWaits:
    """Give the waits of the running event loop for a connection; there is one of each.

    Args:
        connection_id: The connection's id.
        read_settings: Reads it, if nobody waits for something of it yet.
        open_client: Makes the client, likewise.
    """
    there = _here.setdefault(asyncio.get_running_loop(), {})
    if connection_id not in there:
        # They know their loop, which must be free to go once they are idle.
        there[connection_id] = SharedWaits(
            read_settings,
            open_client=open_client,
            on_idle=lambda: there.pop(connection_id, None),
        )
    return there[connection_id]
