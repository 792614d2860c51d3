"""All waits of one client for the jobs of one kind, in one ``as_completed``.

Nothing here imports Airflow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, TypeAlias

import attrs

from datalab_facade.errors import AuthenticationError, InvalidArgumentError, WaitTimeoutError
from datalab_facade.jobs.async_resource import AsyncJobWaits
from datalab_facade.jobs.kinds import JobSnapshot
from datalab_facade.jobs.outcomes import Abandoned, Outcome, Update
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.json_forms import JSON
from datalab_facade.runs.job_family import JobFamily

JobOutcome: TypeAlias = Outcome[JobSnapshot, int | str]

_NO_LIMIT: Final = 1_000_000


@attrs.define(eq=False)
class Waiter:
    """Somebody who waits for a job."""

    handle: Mapping[str, JSON]
    family: JobFamily
    future: asyncio.Future[JobOutcome]
    job_id: int | str | None = None
    """Set when the wait has begun."""

    @property
    def waits(self) -> bool:
        """Whether it still waits."""
        return not self.future.done()

    def end(self, outcome: JobOutcome) -> None:
        """Give it its outcome, unless it has given up."""
        if self.waits:
            self.future.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Give it an error, unless it has given up."""
        if self.waits:
            self.future.set_exception(error)


class KindWaits:
    """The waits for the jobs of one kind.

    Args:
        jobs: The jobs, of a client.
        lease: Seconds after which a wait is renewed. ``as_completed`` keeps a record of each
            wait until the oldest one is over, so no wait may be endless.
        on_failure: Called with the error that ends all of them: the key was refused, or
            something that is not about one job. The waiters are left to the one who is called.
    """

    def __init__(
        self,
        jobs: AsyncJobWaits[Any, Any, Any],
        lease: float,
        on_failure: Callable[[Exception], object],
    ) -> None:
        self._jobs = jobs
        self._policy = WaitPolicy(timeout=lease)
        self._on_failure = on_failure
        self._new: deque[Waiter] = deque()
        self._cancelled: deque[Waiter] = deque()
        self._by_job: dict[int | str, list[Waiter]] = {}
        self._wake = asyncio.Event()

    def add(self, waiter: Waiter) -> None:
        """Begin to wait for a job."""
        self._new.append(waiter)
        self._wake.set()

    def remove(self, waiter: Waiter) -> None:
        """Poll a job no more, unless somebody else waits for it."""
        self._cancelled.append(waiter)
        self._wake.set()

    async def run(self) -> None:
        """Wait for all of them, without an end."""
        try:
            await self._follow()
        except Exception as error:  # noqa: BLE001 - every waiter raises it
            self._on_failure(error)

    async def _follow(self) -> None:
        updates = self._jobs._follow(  # noqa: SLF001 - it is fed who is given up, too
            self._feed(), None, _NO_LIMIT, self._policy, {}, changes=False
        )
        async with aclosing(updates):
            async for update in updates:
                if not isinstance(update, Update) or update.outcome is None:
                    continue
                outcome = update.outcome
                if isinstance(outcome.error, AuthenticationError):
                    # It would be refused to all others, too.
                    raise outcome.error
                waiting = [one for one in self._by_job.pop(outcome.id, ()) if one.waits]
                if isinstance(outcome.error, WaitTimeoutError):
                    # Only the lease has ended; the wait is renewed.
                    for waiter in waiting:
                        self.add(waiter)
                    continue
                for waiter in waiting:
                    waiter.end(outcome)

    async def _feed(self) -> AsyncGenerator[int | str | Abandoned[int | str], None]:
        while True:
            while self._new:
                waiter = self._new.popleft()
                if not waiter.waits:
                    continue
                try:
                    job_id = job_id_of(self._jobs, waiter.handle)
                except InvalidArgumentError as error:
                    waiter.fail(error)
                    continue
                waiter.job_id = job_id
                if job_id in self._by_job:
                    self._by_job[job_id].append(waiter)
                else:
                    self._by_job[job_id] = [waiter]
                    yield job_id
                    # Thousands may arrive at once, and must not block other tasks.
                    await asyncio.sleep(0)
            while self._cancelled:
                abandoned = self._removed(self._cancelled.popleft())
                if abandoned is not None:
                    yield Abandoned(abandoned)
            if not self._new and not self._cancelled:
                self._wake.clear()
                await self._wake.wait()

    def _removed(self, waiter: Waiter) -> int | str | None:
        """Remove a waiter; return its job's id if nobody else waits for that."""
        job_id = waiter.job_id
        if job_id is None or waiter not in self._by_job.get(job_id, ()):
            return None
        waiting = self._by_job[job_id]
        waiting.remove(waiter)
        if waiting:
            return None
        del self._by_job[job_id]
        return job_id


def job_id_of(jobs: AsyncJobWaits[Any, Any, Any], handle: Mapping[str, JSON]) -> int | str:
    """Return the id of a handle's job.

    Raises:
        InvalidArgumentError: It is not a handle of such a job, or has another API's address.
    """
    job_id: int | str = jobs._id(handle)  # noqa: SLF001 - a handle of any kind
    return job_id
