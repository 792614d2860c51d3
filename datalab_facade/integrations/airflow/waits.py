"""All waits of one event loop for one connection: one client, one rate limiter.

A triggerer runs an asyncio task for each trigger. If each task polled Datalab itself,
they would compete for the rate limit; so they pass their jobs to a :class:`SharedWaits`,
which has one client for each version of the connection that is in use. Nothing here imports
Airflow.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Final

import attrs

from datalab_facade.async_client import AsyncDatalab
from datalab_facade.errors import AuthenticationError, DatalabError, InvalidArgumentError
from datalab_facade.integrations.airflow.families import family_of
from datalab_facade.integrations.airflow.kind_waits import JobOutcome, KindWaits, Waiter
from datalab_facade.integrations.airflow.settings import ConnectionSettings
from datalab_facade.jobs.outcomes import Outcome
from datalab_facade.json_forms import JSON

LEASE: Final = 7_200.0
"""Seconds after which a wait is renewed; see :class:`KindWaits`."""

LINGER: Final = 90.0
"""Seconds that an idle client is kept, so that its rate limiter remembers the last minute."""

REFUSED: Final = 60.0
"""Seconds for which a key that was refused is not asked about again."""

ReadSettings = Callable[[], Awaitable[ConnectionSettings]]
OpenClient = Callable[[ConnectionSettings], AsyncDatalab]


class _Session:
    """The waits with one client, which has the connection's settings of one moment."""

    def __init__(self, settings: ConnectionSettings, client: AsyncDatalab, lease: float) -> None:
        self.settings = settings
        self.waiters: dict[Waiter, None] = {}
        self.is_open = True
        self._client = client
        self._lease = lease
        self._kinds: dict[str, tuple[KindWaits, asyncio.Task[None]]] = {}
        self._is_accepted = False
        self._error: Exception | None = None
        self._changed = asyncio.Event()

    def add(self, waiter: Waiter) -> None:
        self.waiters[waiter] = None
        self._changed.set()
        if self._is_accepted:
            self._begin(waiter)

    def remove(self, waiter: Waiter) -> None:
        del self.waiters[waiter]
        self._changed.set()
        if kind := self._kinds.get(waiter.family.kind.name):
            kind[0].remove(waiter)

    def fail(self, error: Exception) -> None:
        """End all waits: whoever runs this gets the error, and has the waiters."""
        self.is_open = False
        self._error = self._error or error
        self._changed.set()

    def close(self) -> None:
        """End it without an error, when its waiters went elsewhere."""
        self.is_open = False
        self._changed.set()

    async def run(self, linger: float) -> Exception | None:
        """Wait until all waits have ended; return the error that ended them, if any."""
        async with self._client:
            try:
                await self._probe()
                while self.is_open:
                    self._changed.clear()
                    try:
                        async with asyncio.timeout(None if self.waiters else linger):
                            await self._changed.wait()
                    except TimeoutError:
                        # Somebody may have come after the time was up.
                        if not self.waiters:
                            self.is_open = False
            finally:
                self.is_open = False
                tasks = [task for _, task in self._kinds.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return self._error

    async def _probe(self) -> None:
        """Ask about one job alone, so that a key that is refused is not sent for each."""
        for waiter in [*self.waiters]:
            try:
                await waiter.family.async_jobs(self._client).get(waiter.handle, max_retries=0)
            except AuthenticationError as error:
                self.fail(error)
                return
            except InvalidArgumentError:
                # It is of another host, so nothing was asked.
                continue
            except DatalabError:
                # It concerns this job, or may pass; the wait finds out.
                pass
            break
        self._is_accepted = True
        for one in self.waiters:
            self._begin(one)

    def _begin(self, waiter: Waiter) -> None:
        name = waiter.family.kind.name
        if name not in self._kinds:
            kind = KindWaits(waiter.family.async_jobs(self._client), self._lease, self.fail)
            task = asyncio.create_task(kind.run(), name=f"datalab-waits for {name}s")
            self._kinds[name] = (kind, task)
        self._kinds[name][0].add(waiter)


@attrs.frozen
class _Refusal:
    settings: ConnectionSettings
    error: AuthenticationError
    until: float


class SharedWaits:
    """The waits of one event loop for one connection.

    Each wait reads the connection when it begins; those that begin at once share a reading.
    Waits that began before the connection was edited move to its new version if only limits
    have changed. Where the host or the key is another, they go on with the old one, to which
    their jobs belong, until that key is refused.

    Args:
        read_settings: Reads the connection.
        open_client: Creates the client; for tests.
        lease: See :data:`LEASE`.
        linger: See :data:`LINGER`.
        on_idle: Called when the last client was closed after ``linger`` seconds without a wait.
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
        self._lease = lease
        self._linger = linger
        self._on_idle = on_idle
        self._arrivals: list[Waiter] = []
        self._sessions: list[_Session] = []
        self._refusal: _Refusal | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def outcome(self, handle: Mapping[str, JSON]) -> JobOutcome:
        """Wait until a job has ended, or until its wait fails.

        Cancelling ends only this wait. A job that nobody waits for is not polled again.

        Args:
            handle: The JSON form of the job's handle.

        Raises:
            ConfigurationError: A field of the connection is wrong.
            InvalidArgumentError: The handle is of another host than the connection's, or of a
                kind of job that this release does not know.
            Exception: Any error of reading the connection.
        """
        waiter = Waiter(handle, family_of(handle), asyncio.get_running_loop().create_future())
        self._arrive([waiter])
        try:
            return await waiter.future
        finally:
            for session in self._sessions:
                if waiter in session.waiters:
                    session.remove(waiter)

    def _arrive(self, waiters: list[Waiter]) -> None:
        self._arrivals.extend(waiters)
        if self._reader is None:
            self._reader = self._start(self._assign(), "datalab-waits")

    def _start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._on_idle()

    async def _assign(self) -> None:
        """Read the connection for all who have come, and again for those who come meanwhile."""
        try:
            while self._arrivals:
                waiters, self._arrivals = self._arrivals, []
                try:
                    settings = await self._read_settings()
                    refusal = self._refusal_of(settings)
                    session = None if refusal else self._session_of(settings)
                except Exception as error:  # noqa: BLE001 - every waiter raises it
                    for waiter in waiters:
                        waiter.fail(error)
                    continue
                for waiter in waiters:
                    if session is not None and waiter.waits:
                        session.add(waiter)
                    elif refusal is not None:
                        job_id = waiter.handle.get("id")
                        known = job_id if isinstance(job_id, (int, str)) else str(job_id)
                        waiter.end(Outcome(id=known, error=refusal.error))
        finally:
            self._reader = None

    def _refusal_of(self, settings: ConnectionSettings) -> _Refusal | None:
        refusal, now = self._refusal, asyncio.get_running_loop().time()
        if refusal is None or now >= refusal.until:
            return None
        same = _is_same_account(refusal.settings, settings)
        return refusal if same else None

    def _session_of(self, settings: ConnectionSettings) -> _Session:
        for session in self._sessions:
            if session.is_open and session.settings == settings:
                return session
        session = _Session(settings, self._open_client(settings), self._lease)
        for other in self._sessions:
            if other.is_open and _is_same_account(other.settings, settings):
                # One key has one rate limit, so nobody goes on with the old one.
                for waiter in other.waiters:
                    session.add(waiter)
                other.waiters.clear()
                other.close()
        self._sessions.append(session)
        self._start(self._run(session), "datalab-waits of a client")
        return session

    async def _run(self, session: _Session) -> None:
        error: Exception | None
        try:
            error = await session.run(self._linger)
        except Exception as problem:  # noqa: BLE001 - every waiter raises it
            error = problem
        finally:
            self._sessions.remove(session)
        waiters = [one for one in session.waiters if one.waits]
        if isinstance(error, AuthenticationError):
            until = asyncio.get_running_loop().time() + REFUSED
            self._refusal = _Refusal(session.settings, error, until)
            # The connection may have another key by now.
            self._arrive(waiters)
        elif error is not None:
            for waiter in waiters:
                waiter.fail(error)


def _is_same_account(one: ConnectionSettings, other: ConnectionSettings) -> bool:
    return (one.api_key, one.base_url) == (other.api_key, other.base_url)


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
        read_settings: Reads the connection, each time that somebody begins to wait.
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
