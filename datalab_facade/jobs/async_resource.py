"""What a client does with the jobs of one kind: poll, wait, take the result, watch; one or many.

What there is to decide is decided in :mod:`~datalab_facade.jobs.wait`,
:mod:`~datalab_facade.jobs.scheduling` and :mod:`~datalab_facade.jobs.retries`; here it is given
its IO.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sized,
)
from datetime import timedelta
from typing import Generic, Unpack, cast

from datalab_facade.activities import Activity
from datalab_facade.arguments import checked_callable, checked_iterable_async, checked_seconds
from datalab_facade.async_calling import AsyncApiCaller
from datalab_facade.concurrency import notify_async, read_all_async
from datalab_facade.context import Context
from datalab_facade.errors import WaitTimeoutError
from datalab_facade.jobs.async_driving import drive_async
from datalab_facade.jobs.async_handles import AsyncJobHandle
from datalab_facade.jobs.async_reporting import report_polls_async, report_waits_async
from datalab_facade.jobs.changes import AsyncOnChange, Change
from datalab_facade.jobs.commands import Call
from datalab_facade.jobs.handling import NamedMissing, handle_to_dict, resolve_id
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.many import FeedItem, LikeT
from datalab_facade.jobs.many_async import run_many_async
from datalab_facade.jobs.outcomes import Outcome, Settled, Update
from datalab_facade.jobs.scheduling import DEFAULT_CONCURRENCY, Poll
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.jobs.wait_activities import WaitActivities
from datalab_facade.json_forms import JSON
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.transport.api_calls import CallScope
from datalab_facade.transport.async_api import AsyncApiTransport


@shows_options(CallOptions)
class AsyncJobWaits(Generic[SnapshotT, IdT, LikeT]):
    """The jobs of one kind, for async code: what all kinds have in common.

    Wherever a job is asked for, its id, a snapshot of it, a handle of any client, and the JSON
    form of a handle are taken.
    """

    kind: JobKind[SnapshotT, IdT]
    """What kind of jobs these are."""

    def __init__(
        self,
        transport: AsyncApiTransport,
        context: Context,
        kind: JobKind[SnapshotT, IdT] | None = None,
    ) -> None:
        if kind is not None:
            self.kind = kind
        self._transport = transport
        self._context = context
        self._calls = AsyncApiCaller(transport, context)

    async def get(
        self,
        job: LikeT,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> SnapshotT:
        """Poll a job once.

        Args:
            job: Its id, a snapshot of it, or a handle.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            A snapshot: the job's state now.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            NotFoundError: The job is unknown to this key.
            UnprocessableEntityError: The server finds the request invalid.
            APIStatusError: The server refuses the request in another way.
            APIConnectionError: No whole answer came; as APITimeoutError if it took too long.
            InvalidResponseError: The answer is not such a job.
        """
        job_id = self._id(job)
        with NamedMissing(self.kind, job_id):
            return await self._calls.query(
                self.kind.poll(job_id),
                lambda answer: self._context.decode(self.kind, answer, job_id),
                timeout=timeout,
                options=options,
                subject=self.kind.describe(job_id),
                job=(self.kind.name, job_id),
            )

    async def wait(
        self,
        job: LikeT,
        *,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: AsyncOnChange[SnapshotT] | None = None,
        **options: Unpack[CallOptions],
    ) -> SnapshotT:
        """Wait until a job has ended, well or badly.

        A poll that fails in a way that may pass is retried, as the policy says.
        Whatever happens here, the job itself goes on: only the id is
        needed to wait for it again.

        Args:
            job: Its id, a snapshot of it, or a handle.
            timeout: Seconds until the hard deadline, or a timedelta; by default the
                policy's, two hours. ``math.inf`` waits without end.
            policy: How often to poll and what to retry; by default the client's.
            on_change: Called with each change as it is seen.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The final snapshot; its ``succeeded`` says how it ended.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            WaitTimeoutError: The deadline came first; the job goes on.
            AuthenticationError: The key is wrong.
            NotFoundError: The job is unknown to this key.
            UnprocessableEntityError: The server finds the request invalid.
            APIStatusError: The server refuses the request in another way, or failed too
                often in a row.
            APIConnectionError: Too many polls in a row got no whole answer.
            InvalidResponseError: Too many answers in a row were not such a job.
        """
        watched = checked_callable("on_change", on_change) is not None
        changes = self._changes(job, timeout, policy, options, watched=watched)
        async with contextlib.aclosing(changes):
            change = None
            async for change in changes:
                await notify_async(on_change, change)
        assert change is not None
        return change.snapshot

    def watch(
        self,
        job: LikeT,
        *,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Change[SnapshotT], None]:
        """Yield each change as it is seen, until the job has ended.

        Polling goes on only while changes are asked for, and the deadline runs
        from the first one. Arguments and errors as :meth:`wait`; what is wrong with
        the arguments is raised at once.

        Returns:
            An iterator of changes; the last one is the end of the job.
        """
        return self._changes(job, timeout, policy, options, watched=True)

    def as_completed(
        self,
        jobs: Iterable[LikeT] | AsyncIterable[LikeT],
        *,
        timeout: float | timedelta | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Outcome[SnapshotT, IdT], None]:
        """Wait for many jobs under one rate limit; yield each as it ends.

        One that fails, is unknown or takes too long has an outcome that says so,
        and the rest goes on. When more polls are due than the rate limit allows, the
        job that was polled longest ago comes first.

        Args:
            jobs: Ids, snapshots or handles, also mixed. They are read as there is
                room, so they may be many, or still being produced. A job that
                comes twice has two outcomes, and is polled once.
            timeout: Seconds, or a timedelta, for all of it, hard; a job that goes
                on by then has an outcome with WaitTimeoutError, and jobs that were
                not read have none. By default only the policy's timeout for each single
                job ends the wait.
            concurrency: How many are waited for at once.
            policy: How each single one is waited for; by default the client's.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of outcomes, in the order in which they come to be.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            Exception: Whatever reading the jobs raises, once those that were read before
                have their outcomes.
        """
        updates = self._follow(jobs, timeout, concurrency, policy, options, changes=False)
        return _outcomes_of(updates)

    def watch_many(
        self,
        jobs: Iterable[LikeT] | AsyncIterable[LikeT],
        *,
        timeout: float | timedelta | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Update[SnapshotT, IdT], None]:
        """Follow many jobs in one stream: their changes, their outcomes, and totals.

        For progress displays. Arguments and errors as :meth:`as_completed`.

        Returns:
            An iterator of updates; each holds a change or an outcome, and the totals.
        """
        updates = self._follow(jobs, timeout, concurrency, policy, options, changes=True)
        # Nothing that is settled already is fed, so only updates come out.
        return cast("AsyncGenerator[Update[SnapshotT, IdT], None]", updates)

    async def wait_many(
        self,
        jobs: Iterable[LikeT] | AsyncIterable[LikeT],
        *,
        timeout: float | timedelta | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> list[Outcome[SnapshotT, IdT]]:
        """Wait for many jobs; return all outcomes, in the order of the jobs.

        Arguments as :meth:`as_completed`, but the jobs are read at once, and each
        has an outcome, also when the time is over.

        Raises:
            InvalidArgumentError: An argument or one of the jobs is wrong; nothing was sent.
        """
        checked_iterable_async("jobs", jobs)
        wanted = [self._id(job) for job in await read_all_async(jobs)]
        seconds = math.inf if timeout is None else checked_seconds("timeout", timeout)
        updates = self._follow(
            cast("Iterable[LikeT]", dict.fromkeys(wanted)),
            seconds,
            concurrency,
            policy,
            options,
            changes=False,
        )
        found = [outcome async for outcome in _outcomes_of(updates)]
        outcomes = {outcome.id: outcome for outcome in found}
        # Those that nobody got round to before the end have timed out.
        return [outcomes.get(job_id) or self._unread(job_id, seconds) for job_id in wanted]

    def handle_to_dict(self, job: LikeT) -> dict[str, JSON]:
        """Return the JSON form of a handle: the kind, the id and the API's address."""
        return handle_to_dict(self.kind.name, self._id(job), self._transport.origin.base_url)

    def _id(self, job: object) -> IdT:
        return resolve_id(self.kind, job, self._transport.origin.base_url)

    def _unread(self, job_id: IdT, seconds: float) -> Outcome[SnapshotT, IdT]:
        error = WaitTimeoutError(
            kind=self.kind.name, job_id=job_id, timeout=seconds, elapsed=seconds
        )
        return Outcome(id=job_id, error=error)

    def _changes(
        self,
        job: LikeT,
        timeout: float | timedelta | None,
        policy: WaitPolicy | None,
        options: CallOptions,
        *,
        watched: bool,
    ) -> AsyncGenerator[Change[SnapshotT], None]:
        context, kind, job_id = self._context, self.kind, self._id(job)
        wait_policy = context.policy_for_wait(timeout, policy, options, kind.policy)
        headers = context.options_for_call(None, options).headers

        async def changes() -> AsyncGenerator[Change[SnapshotT], None]:
            with Activity.of_wait(context.reporter, kind.name, job_id).reported() as activity:
                progress = drive_async(
                    context.wait_plan(kind, job_id, wait_policy, watched=watched),
                    self._poll(job_id, headers, activity),
                    clock=context.clock,
                    activity=activity,
                )
                async with contextlib.aclosing(progress):
                    async for change in progress:
                        yield change

        return changes()

    def _poll(
        self, job_id: IdT, headers: Mapping[str, str], activity: Activity
    ) -> Callable[[Call], Awaitable[SnapshotT]]:
        operation = self.kind.poll(job_id)

        async def poll(call: Call) -> SnapshotT:
            scope = CallScope(call, headers, activity=activity, priority=RequestPriority.POLL)
            with NamedMissing(self.kind, job_id):
                answer = await self._transport.call(operation, scope)
            return self._context.decode(self.kind, answer, job_id)

        return report_polls_async(poll, self.kind, lambda _: activity, activity)

    def _follow(
        self,
        jobs: Iterable[FeedItem[LikeT, IdT]] | AsyncIterable[FeedItem[LikeT, IdT]],
        timeout: float | timedelta | None,
        concurrency: int,
        policy: WaitPolicy | None,
        options: CallOptions,
        *,
        changes: bool,
        expected: int = 0,
        has_room: Callable[[], bool] | None = None,
    ) -> AsyncGenerator[Update[SnapshotT, IdT] | Settled[object], None]:
        context = self._context
        checked_iterable_async("jobs", jobs)
        scheduler = context.scheduler(
            self.kind,
            context.policy_for_wait(None, policy, options, self.kind.policy),
            timeout=timeout,
            concurrency=concurrency,
            rate_limiter=self._transport.admission.rate_limiter,
            changes=changes,
            expected=len(jobs) if isinstance(jobs, Sized) else expected,
            has_room=has_room,
        )
        headers = context.options_for_call(None, options).headers
        waits = WaitActivities(context.reporter, self.kind)

        async def poll(due: Poll[SnapshotT, IdT]) -> SnapshotT:
            scope = CallScope(due.call, headers, activity=waits.of(due))
            with NamedMissing(self.kind, due.id):
                answer = await self._transport.send(self.kind.poll(due.id), scope)
            return context.decode(self.kind, answer, due.id)

        updates = run_many_async(
            scheduler,
            jobs,
            report_polls_async(poll, self.kind, waits.of, waits.whole),
            resolve=self._id,
            admission=self._transport.admission,
            clock=context.clock,
            waits=waits,
        )
        return report_waits_async(updates, waits) if waits.whole.is_reported else updates


@shows_options(CallOptions)
class AsyncJobs(AsyncJobWaits[SnapshotT, IdT, LikeT]):
    """The jobs of one kind whose result is their final snapshot, for async code."""

    async def result(
        self,
        job: LikeT,
        *,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: AsyncOnChange[SnapshotT] | None = None,
        **options: Unpack[CallOptions],
    ) -> SnapshotT:
        """Wait until a job has ended well, and return its final snapshot.

        Arguments and errors as :meth:`wait`.

        Raises:
            JobFailedError: The job ended badly; the error has the snapshot.
        """
        ended = await self.wait(job, timeout=timeout, policy=policy, on_change=on_change, **options)
        if not ended.succeeded:
            raise self.kind.failure(ended)
        return ended

    def handle(self, job: LikeT) -> AsyncJobHandle[SnapshotT, IdT]:
        """Return a handle of a job; nothing is sent.

        Args:
            job: The job's id, a snapshot of it, a handle that was pickled or
                belongs to another client, or the dict of a handle's ``to_dict``.

        Raises:
            InvalidArgumentError: It is none of these, or the handle belongs to another
                API's address or another kind of job.
        """
        return AsyncJobHandle(id=self._id(job), jobs=self)


async def _outcomes_of(
    updates: AsyncGenerator[Update[SnapshotT, IdT] | Settled[object], None],
) -> AsyncGenerator[Outcome[SnapshotT, IdT], None]:
    """Yield the outcomes among updates; closing this closes the updates."""
    async with contextlib.aclosing(updates):
        async for update in updates:
            if isinstance(update, Update) and update.outcome is not None:
                yield update.outcome
