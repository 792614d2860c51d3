"""Executions, for async code: look, wait, take the result, watch; one or many.

See :mod:`~datalab_facade.executions.executions`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from typing import Unpack

from datalab_facade.arguments import checked_callable, checked_id, checked_iterable
from datalab_facade.calling import AsyncCalls
from datalab_facade.changes import AsyncOnChange, Change
from datalab_facade.context import Context
from datalab_facade.errors import ExecutionFailed
from datalab_facade.executions.handles import (
    AsyncExecutionHandle,
    HandleLike,
    handle_id,
    handle_to_dict,
)
from datalab_facade.models import JSON, Execution
from datalab_facade.options import CallOptions
from datalab_facade.outcomes import Outcome, Update, in_order, outcomes_of_async
from datalab_facade.tracing import Span
from datalab_facade.transport.api import AsyncApiTransport, CallScope
from datalab_facade.transport.operations import execution_status
from datalab_facade.waiting.commands import Call
from datalab_facade.waiting.driving import drive_async
from datalab_facade.waiting.scheduling import DEFAULT_CONCURRENCY, Look
from datalab_facade.waiting.waiting import WaitPolicy


class AsyncExecutions:
    """Executions, for async code. Found at ``client.executions``.

    >>> async def follow(client, execution_id):
    ...     async for change in client.executions.watch(execution_id):
    ...         print(change)
    ...     return change.snapshot.outputs
    """

    def __init__(self, transport: AsyncApiTransport, context: Context) -> None:
        self._transport = transport
        self._context = context
        self._calls = AsyncCalls(transport, context)

    async def get(
        self, execution_id: int, *, timeout: float | None = None, **options: Unpack[CallOptions]
    ) -> Execution:
        """Look at an execution once.

        Args:
            execution_id: The id that starting the execution gave.
            timeout: Seconds for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_faults``, ``headers``.

        Returns:
            The execution as it stands now.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            AuthenticationFailed: The key is wrong.
            NotFound: The execution is unknown to this key.
            ValidationFailed: The server finds fault with the request.
            StatusError: The server says no in another way.
            ConnectionFailed: No whole answer came; as RequestTimedOut if it took too long.
            UnexpectedBody: The answer is no execution.
        """
        return await self._calls.ask(
            execution_status(checked_id(execution_id)),
            lambda answer: self._context.decoded(answer, execution_id),
            timeout=timeout,
            options=options,
            subject=f"execution {execution_id}",
        )

    async def wait(
        self,
        execution_id: int,
        *,
        timeout: float | None = None,
        policy: WaitPolicy | None = None,
        on_change: AsyncOnChange | None = None,
        **options: Unpack[CallOptions],
    ) -> Execution:
        """Wait until an execution has ended, well or badly.

        Looks that fail in a way that may pass are forgiven, as the policy says.
        Whatever happens here, the execution itself goes on: only the id is
        needed to wait for it again.

        Args:
            execution_id: The id that starting the execution gave.
            timeout: The deadline in seconds, hard; by default the policy's, two
                hours. ``math.inf`` waits for ever.
            policy: How often to look and what to forgive; by default the client's.
            on_change: Called with each change as it is seen.
            options: Rarely needed: ``request_timeout``, ``max_faults``, ``headers``.

        Returns:
            The final snapshot; ask it whether it ``succeeded``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            WaitTimedOut: The deadline came first; the execution goes on.
            AuthenticationFailed: The key is wrong.
            NotFound: The execution is unknown to this key.
            ValidationFailed: The server finds fault with the request.
            StatusError: The server says no in another way, or failed too often in a row.
            ConnectionFailed: Too many looks in a row got no whole answer.
            UnexpectedBody: Too many answers in a row were no execution.
        """
        watched = checked_callable("on_change", on_change) is not None
        changes = self._changes(execution_id, timeout, policy, options, watched=watched)
        async with contextlib.aclosing(changes):
            change = None
            async for change in changes:
                told = on_change(change) if on_change is not None else None
                if inspect.isawaitable(told):
                    await told
        assert change is not None
        return change.snapshot

    async def result(
        self,
        execution_id: int,
        *,
        timeout: float | None = None,
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
            ExecutionFailed: It ended as FAILED; the error tells each step's reason.
            DatalabError: Whatever :meth:`wait` raises.
        """
        execution = await self.wait(
            execution_id, timeout=timeout, policy=policy, on_change=on_change, **options
        )
        if execution.failed:
            raise ExecutionFailed(execution)
        return execution

    def watch(
        self,
        execution_id: int,
        *,
        timeout: float | None = None,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Change, None]:
        """Follow an execution: each change of status, as it is seen, until its end.

        The first look tells everything it finds. The last change is the
        execution's own to COMPLETED or FAILED. Leaving early leaves nothing
        behind. Arguments as :meth:`wait`; nothing is sent before the first
        change is asked for.

        Returns:
            An iterator of changes.

        Raises:
            DatalabError: Whatever :meth:`wait` raises.
        """
        return self._changes(execution_id, timeout, policy, options, watched=True)

    def as_completed(
        self,
        ids: Iterable[int | Outcome] | AsyncIterable[int | Outcome],
        *,
        timeout: float | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Outcome, None]:
        """Wait for many executions under the one request budget; give each as it ends.

        One that fails, is unknown or takes too long has an outcome that says so,
        and the rest goes on. When more looks are due than the budget allows, the
        execution that was looked at longest ago comes first.

        Args:
            ids: The executions' ids. They are read as there is room, so they may be
                many, or still being produced. An id that comes twice has two
                outcomes, and is asked for once. An outcome among them, of what is
                settled already, is told in its turn, and where its execution is
                waited for, that wait ends with it.
            timeout: Seconds for all of it, hard; what goes on by then has an outcome
                with WaitTimedOut, and ids that were not read have none. By default
                there is no end but the policy's for each single execution.
            concurrency: How many are waited for at once.
            policy: How each single one is waited for; by default the client's.
            options: Rarely needed: ``request_timeout``, ``max_faults``, ``headers``.

        Returns:
            An iterator of outcomes, in the order in which they come to be.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            Exception: Whatever reading the ids raises, once those that were read before
                have their outcomes.
        """
        updates = self._many(ids, timeout, concurrency, policy, options, changes=False)
        return outcomes_of_async(updates)

    def watch_many(
        self,
        ids: Iterable[int | Outcome] | AsyncIterable[int | Outcome],
        *,
        timeout: float | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[Update, None]:
        """Follow many executions in one stream: their changes, their outcomes, and totals.

        For progress displays. Arguments and errors as :meth:`as_completed`.

        Returns:
            An iterator of updates; each holds a change or an outcome, and the totals.
        """
        return self._many(ids, timeout, concurrency, policy, options, changes=True)

    async def wait_many(
        self,
        ids: Iterable[int] | AsyncIterable[int],
        *,
        timeout: float | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        policy: WaitPolicy | None = None,
        **options: Unpack[CallOptions],
    ) -> list[Outcome]:
        """Wait for many executions; give all outcomes, in the order of the ids.

        Arguments as :meth:`as_completed`, but the ids are read at once, and each
        has an outcome, also when the time is over.

        Raises:
            ConfigurationError: An argument or one of the ids is wrong; nothing was sent.
        """
        checked_iterable("ids", ids, or_async=True)
        read = [i async for i in ids] if isinstance(ids, AsyncIterable) else ids
        wanted = [checked_id(execution_id) for execution_id in read]
        outcomes = self.as_completed(
            dict.fromkeys(wanted),
            timeout=timeout,
            concurrency=concurrency,
            policy=policy,
            **options,
        )
        return in_order(wanted, [outcome async for outcome in outcomes], timeout)

    def handle(self, execution: HandleLike) -> AsyncExecutionHandle:
        """Give a handle on an execution; nothing is sent.

        Args:
            execution: The execution's id, a handle that was pickled or is of another
                client, or what a handle's ``to_dict`` gave.

        Raises:
            ConfigurationError: It is none of these, or the handle is of another origin.
        """
        return AsyncExecutionHandle(handle_id(execution, self._transport.origin.base_url), self)

    def handle_to_dict(self, execution_id: int) -> dict[str, JSON]:
        """Give the JSON form of a handle: the id and the API's address."""
        return handle_to_dict(execution_id, self._transport.origin.base_url)

    def _look(
        self, execution_id: int, headers: Mapping[str, str], span: Span
    ) -> Callable[[Call], Awaitable[Execution]]:
        operation = execution_status(execution_id)

        async def look(call: Call) -> Execution:
            with span.active():
                answer = await self._transport.call(operation, CallScope(call, headers))
            return self._context.decoded(answer, execution_id)

        return look

    def _changes(
        self,
        execution_id: int,
        timeout: float | None,
        policy: WaitPolicy | None,
        options: CallOptions,
        *,
        watched: bool,
    ) -> AsyncGenerator[Change, None]:
        context = self._context
        checked_id(execution_id)
        look_policy = context.policy_for_wait(timeout, policy, options)
        headers = context.options_for_call(None, options).headers

        async def changes() -> AsyncGenerator[Change, None]:
            with context.wait_span(execution_id) as span:
                told = drive_async(
                    context.looks(execution_id, look_policy, watched=watched),
                    self._look(execution_id, headers, span),
                    clock=context.clock,
                    subject=f"execution {execution_id}",
                )
                async with contextlib.aclosing(told):
                    async for change in told:
                        yield change

        return changes()

    def _many(
        self,
        ids: Iterable[int | Outcome] | AsyncIterable[int | Outcome],
        timeout: float | None,
        concurrency: int,
        policy: WaitPolicy | None,
        options: CallOptions,
        *,
        changes: bool,
    ) -> AsyncGenerator[Update, None]:
        context = self._context
        checked_iterable("ids", ids, or_async=True)
        scheduler = context.scheduler(
            context.policy_for_wait(None, policy, options),
            timeout=timeout,
            concurrency=concurrency,
            budget=self._transport.gate.budget,
            changes=changes,
        )
        headers = context.options_for_call(None, options).headers

        async def look(taken: Look) -> Execution:
            operation = execution_status(taken.execution_id)
            answer = await self._transport.send(operation, CallScope(taken.call, headers))
            return context.decoded(answer, taken.execution_id)

        from datalab_facade.executions.many_async import (
            run_many_async,  # it needs asyncio, which is slow to import
        )

        return run_many_async(scheduler, ids, look, gate=self._transport.gate, clock=context.clock)
