"""Executions, for async code: poll, wait, take the result, watch; one or many.

What there is to decide is decided in :mod:`~datalab_facade.jobs.wait`,
:mod:`~datalab_facade.jobs.scheduling` and :mod:`~datalab_facade.jobs.retries`; here it is given
its IO.
"""

from __future__ import annotations

import contextlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from datetime import timedelta
from typing import Unpack

from datalab_facade.arguments import checked_callable, checked_iterable_async, checked_seconds
from datalab_facade.async_calling import AsyncApiCaller
from datalab_facade.changes import AsyncOnChange, Change
from datalab_facade.concurrency import notify_async, read_all_async
from datalab_facade.context import Context
from datalab_facade.errors import ExecutionFailedError
from datalab_facade.executions.handles import (
    AsyncExecutionHandle,
    ExecutionLike,
    handle_to_dict,
    resolve_id,
)
from datalab_facade.executions.many_async import run_many_async
from datalab_facade.jobs.async_driving import drive_async
from datalab_facade.jobs.commands import Call
from datalab_facade.jobs.scheduling import DEFAULT_CONCURRENCY, Poll
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import JSON, Execution
from datalab_facade.options import CallOptions
from datalab_facade.outcomes import Outcome, Update, in_order, outcomes_of_async
from datalab_facade.tracing import Span
from datalab_facade.transport.api import AsyncApiTransport, CallScope
from datalab_facade.transport.operations import execution_status


class AsyncExecutions:
    """Executions, for async code. Found at ``client.executions``.

    >>> async def follow(client, execution):
    ...     async for change in client.executions.watch(execution):
    ...         print(change)
    ...     return change.snapshot.outputs
    """

    def __init__(self, transport: AsyncApiTransport, context: Context) -> None:
        self._transport = transport
        self._context = context
        self._calls = AsyncApiCaller(transport, context)

    async def get(
        self,
        execution: ExecutionLike,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Execution:
        """Poll an execution once.

        Args:
            execution: Its id, a snapshot of it, or a handle.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            A snapshot: the execution's state now.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            NotFoundError: The execution is unknown to this key.
            UnprocessableEntityError: The server finds the request invalid.
            APIStatusError: The server refuses the request in another way.
            APIConnectionError: No whole answer came; as APITimeoutError if it took too long.
            InvalidResponseError: The answer is not an execution.
        """
        execution_id = self._id(execution)
        return await self._calls.query(
            execution_status(execution_id),
            lambda answer: self._context.decode(answer, execution_id),
            timeout=timeout,
            options=options,
            subject=f"execution {execution_id}",
        )

    async def wait(
        self,
        execution: ExecutionLike,
        *,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: AsyncOnChange | None = None,
        **options: Unpack[CallOptions],
    ) -> Execution:
        """Wait until an execution has ended, well or badly.

        A poll that fails in a way that may pass is retried, as the policy says.
        Whatever happens here, the execution itself goes on: only the id is
        needed to wait for it again.

        Args:
            execution: Its id, a snapshot of it, or a handle.
            timeout: Seconds until the hard deadline, or a timedelta; by default the
                policy's, two hours. ``math.inf`` waits without end.
            policy: How often to poll and what to retry; by default the client's.
            on_change: Called with each change as it is seen.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The final snapshot; its ``succeeded`` says how it ended.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            WaitTimeoutError: The deadline came first; the execution goes on.
            AuthenticationError: The key is wrong.
            NotFoundError: The execution is unknown to this key.
            UnprocessableEntityError: The server finds the request invalid.
            APIStatusError: The server refuses the request in another way, or failed too
                often in a row.
            APIConnectionError: Too many polls in a row got no whole answer.
            InvalidResponseError: Too many answers in a row were not an execution.
        """
        watched = checked_callable("on_change", on_change) is not None
        changes = self._changes(execution, timeout, policy, options, watched=watched)
        async with contextlib.aclosing(changes):
            change = None
            async for change in changes:
                await notify_async(on_change, change)
        assert change is not None
        return change.snapshot

    async def result(
        self,
        execution: ExecutionLike,
        *,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: AsyncOnChange | None = None,
        **options: Unpack[CallOptions],
    ) -> Execution:
        """Wait until an execution has completed; raise if it failed.

        Arguments as :meth:`wait`.

        Returns:
            The final snapshot, with status COMPLETED. Single files may have failed
            all the same: see ``partially_failed`` and ``failures``.

        Raises:
            ExecutionFailedError: It ended as FAILED; the error has each step's reason.
            DatalabError: Whatever :meth:`wait` raises.
        """
        ended = await self.wait(
            execution, timeout=timeout, policy=policy, on_change=on_change, **options
        )
        if ended.failed:
            raise ExecutionFailedError(ended)
        return ended

    def watch(
        self,
        execution: ExecutionLike,
        *,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Change, None]:
        """Follow an execution: each change of status, as it is seen, until its end.

        The first poll yields all that it finds. The last change is the
        execution's own to COMPLETED or FAILED. Leaving early leaves nothing
        behind. Arguments as :meth:`wait`; nothing is sent before the first
        change is requested.

        Returns:
            An iterator of changes.

        Raises:
            DatalabError: Whatever :meth:`wait` raises.
        """
        return self._changes(execution, timeout, policy, options, watched=True)

    def as_completed(
        self,
        executions: Iterable[ExecutionLike] | AsyncIterable[ExecutionLike],
        *,
        timeout: float | timedelta | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Outcome, None]:
        """Wait for many executions under one rate limit; yield each as it ends.

        One that fails, is unknown or takes too long has an outcome that says so,
        and the rest goes on. When more polls are due than the rate limit allows, the
        execution that was polled longest ago comes first.

        Args:
            executions: Ids, snapshots or handles, also mixed. They are read as there is
                room, so they may be many, or still being produced. An execution that
                comes twice has two outcomes, and is polled once.
            timeout: Seconds, or a timedelta, for all of it, hard; an execution that goes
                on by then has an outcome with WaitTimeoutError, and executions that were
                not read have none. By default only the policy's timeout for each single
                execution ends the wait.
            concurrency: How many are waited for at once.
            policy: How each single one is waited for; by default the client's.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of outcomes, in the order in which they come to be.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            Exception: Whatever reading the executions raises, once those that were read before
                have their outcomes.
        """
        updates = self._follow(executions, timeout, concurrency, policy, options, changes=False)
        return outcomes_of_async(updates)

    def watch_many(
        self,
        executions: Iterable[ExecutionLike] | AsyncIterable[ExecutionLike],
        *,
        timeout: float | timedelta | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Update, None]:
        """Follow many executions in one stream: their changes, their outcomes, and totals.

        For progress displays. Arguments and errors as :meth:`as_completed`.

        Returns:
            An iterator of updates; each holds a change or an outcome, and the totals.
        """
        return self._follow(executions, timeout, concurrency, policy, options, changes=True)

    async def wait_many(
        self,
        executions: Iterable[ExecutionLike] | AsyncIterable[ExecutionLike],
        *,
        timeout: float | timedelta | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> list[Outcome]:
        """Wait for many executions; return all outcomes, in the order of the executions.

        Arguments as :meth:`as_completed`, but the executions are read at once, and each
        has an outcome, also when the time is over.

        Raises:
            InvalidArgumentError: An argument or one of the executions is wrong; nothing was sent.
        """
        checked_iterable_async("executions", executions)
        wanted = [self._id(execution) for execution in await read_all_async(executions)]
        seconds = None if timeout is None else checked_seconds("timeout", timeout)
        outcomes = self.as_completed(
            dict.fromkeys(wanted),
            timeout=seconds,
            concurrency=concurrency,
            policy=policy,
            **options,
        )
        return in_order(wanted, [outcome async for outcome in outcomes], seconds)

    def handle(self, execution: ExecutionLike) -> AsyncExecutionHandle:
        """Return a handle of an execution; nothing is sent.

        Args:
            execution: The execution's id, a snapshot of it, a handle that was pickled or
                belongs to another client, or the dict of a handle's ``to_dict``.

        Raises:
            InvalidArgumentError: It is none of these, or the handle belongs to another
                API's address.
        """
        return AsyncExecutionHandle(id=self._id(execution), executions=self)

    def handle_to_dict(self, execution: ExecutionLike) -> dict[str, JSON]:
        """Return the JSON form of a handle: the id and the API's address."""
        return handle_to_dict(self._id(execution), self._transport.origin.base_url)

    def _id(self, execution: ExecutionLike) -> int:
        return resolve_id(execution, self._transport.origin.base_url)

    def _poll(
        self, execution_id: int, headers: Mapping[str, str], span: Span
    ) -> Callable[[Call], Awaitable[Execution]]:
        operation = execution_status(execution_id)

        async def poll(call: Call) -> Execution:
            with span.active():
                answer = await self._transport.call(operation, CallScope(call, headers))
            return self._context.decode(answer, execution_id)

        return poll

    def _changes(
        self,
        execution: ExecutionLike,
        timeout: float | timedelta | None,
        policy: WaitPolicy | None,
        options: CallOptions,
        *,
        watched: bool,
    ) -> AsyncGenerator[Change, None]:
        context = self._context
        execution_id = self._id(execution)
        poll_policy = context.policy_for_wait(timeout, policy, options)
        headers = context.options_for_call(None, options).headers

        async def changes() -> AsyncGenerator[Change, None]:
            with context.wait_span(execution_id) as span:
                progress = drive_async(
                    context.wait_plan(execution_id, poll_policy, watched=watched),
                    self._poll(execution_id, headers, span),
                    clock=context.clock,
                    subject=f"execution {execution_id}",
                )
                async with contextlib.aclosing(progress):
                    async for change in progress:
                        yield change

        return changes()

    def _follow(
        self,
        executions: Iterable[ExecutionLike | Outcome] | AsyncIterable[ExecutionLike | Outcome],
        timeout: float | timedelta | None,
        concurrency: int,
        policy: WaitPolicy | None,
        options: CallOptions,
        *,
        changes: bool,
    ) -> AsyncGenerator[Update, None]:
        context = self._context
        checked_iterable_async("executions", executions)
        scheduler = context.scheduler(
            context.policy_for_wait(None, policy, options),
            timeout=timeout,
            concurrency=concurrency,
            rate_limiter=self._transport.gate.rate_limiter,
            changes=changes,
        )
        headers = context.options_for_call(None, options).headers

        async def poll(due: Poll) -> Execution:
            operation = execution_status(due.execution_id)
            answer = await self._transport.send(operation, CallScope(due.call, headers))
            return context.decode(answer, due.execution_id)

        return run_many_async(
            scheduler,
            executions,
            poll,
            resolve=self._id,
            gate=self._transport.gate,
            clock=context.clock,
        )
