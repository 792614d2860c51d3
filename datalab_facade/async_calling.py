"""Single calls to the API: those that are safe to repeat, and those that are not.

Every resource calls the API through these. Whether a failed request is sent again
is decided in :mod:`~datalab_facade.jobs.retries`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Self, TypeVar

from datalab_facade.activities import Activity
from datalab_facade.context import Context
from datalab_facade.errors import DatalabError, InvalidResponseError, RequestRejectedError
from datalab_facade.jobs.async_driving import drive_async
from datalab_facade.jobs.commands import Call, Plan
from datalab_facade.jobs.retries import Removal, Submission, may_pass
from datalab_facade.json_forms import JSON
from datalab_facade.options import CallOptions, Options
from datalab_facade.paging import Page, PageRequest, Paging
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.redaction import redact_url
from datalab_facade.transport.api_calls import CallScope
from datalab_facade.transport.async_api import AsyncApiTransport
from datalab_facade.transport.operations import Operation
from datalab_facade.transport.origin import Origin

_T = TypeVar("_T")


class _NamedRequest:
    """Adds the request to what is raised inside, and takes secrets out of it, as a context."""

    __slots__ = ("_has_left", "_operation", "_origin", "_submission")

    def __init__(self, operation: Operation, origin: Origin, submission: Submission | None) -> None:
        self._operation = operation
        self._origin = origin
        self._submission = submission
        self._has_left = False

    def leave(self) -> None:
        """Record that the request is about to leave."""
        if self._submission is not None:
            self._submission.on_leaving()
            self._has_left = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            return
        submission = self._submission
        if not isinstance(error, DatalabError):
            # What still waited for its slot was not sent.
            if submission is not None and self._has_left:
                submission.explain(error)
            return
        # A decoder sees the body alone.
        if isinstance(error, (InvalidResponseError, RequestRejectedError)) and not error.url:
            error.method, path = self._operation.method, self._operation.path
            error.url = redact_url(self._origin.url(path))
        if submission is not None:
            submission.secrets.redact_in(error)
            if self._has_left and submission.unknown(error) is None:
                submission.on_refused()


class AsyncApiCaller:
    """Single calls, for async code."""

    def __init__(self, transport: AsyncApiTransport, context: Context) -> None:
        self._transport = transport
        self._context = context

    async def query(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        *,
        timeout: float | timedelta | None,
        options: CallOptions,
        subject: str,
        job: tuple[str, int | str] | None = None,
    ) -> _T:
        """Make a call that may be repeated without harm.

        Args:
            operation: The request.
            decode: Makes the value of the answer; InvalidResponseError if it cannot.
            timeout: Seconds for the whole call; by default the client's.
            options: What this call wants different from the client.
            subject: What this is about, for the log.
            job: The kind and the id of the job that this is about, if it is about one.

        Raises:
            DatalabError: What the last attempt raised.
        """
        wanted = self._context.options_for_call(timeout, options)
        return await self._carry_out(operation, decode, wanted, may_pass, subject, job=job)

    async def delete(
        self,
        operation: Operation,
        decode: Callable[[JSON], bool],
        *,
        timeout: float | timedelta | None,
        options: CallOptions,
        subject: str,
    ) -> None:
        """Make a call that removes something.

        It may be repeated, and is done as well when a repeated attempt finds nothing left.

        Args:
            operation: The request.
            decode: Reads the answer, and returns True; RequestRejectedError if it says no.
            timeout: Seconds for the whole call; by default the client's.
            options: What this call wants different from the client.
            subject: What this is about, for the log.

        Raises:
            DatalabError: What the last attempt raised.
        """
        wanted = self._context.options_for_call(timeout, options)
        removal = Removal()
        try:
            await self._carry_out(operation, decode, wanted, removal.may_repeat, subject)
        except DatalabError as error:
            if not removal.is_done(error):
                raise

    async def submit(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        *,
        timeout: float | timedelta | None,
        options: CallOptions,
        submission: Submission,
    ) -> _T:
        """Make a call that must not be carried out twice.

        It is repeated only where the server certainly did not act.

        Args:
            operation: The request.
            decode: Makes the value of the answer; InvalidResponseError if it cannot.
            timeout: Seconds for the whole call; by default the client's.
            options: What this call wants different from the client.
            submission: What is sent, and what is said when its fate is not known.

        Raises:
            SubmissionUncertainError: The server may or may not have acted.
            DatalabError: What the last attempt raised; the server did not act.
        """
        wanted = self._context.options_for_call(timeout, options)
        try:
            return await self._carry_out(
                operation,
                decode,
                wanted,
                submission.may_repeat,
                submission.subject,
                submission=submission,
            )
        except DatalabError as error:
            unknown = submission.unknown(error)
            if unknown is None:
                raise
            raise unknown from error

    async def pages(
        self,
        paging: Paging[_T],
        operation: Callable[[PageRequest], Operation],
        decode: Callable[[JSON], Page[_T]],
        *,
        timeout: float | timedelta | None,
        options: CallOptions,
        subject: str,
    ) -> AsyncGenerator[_T, None]:
        """Yield the items of a list; each page is requested when it is needed.

        Args:
            paging: Decides which page to request, and which of its items are new.
            operation: Makes the request for a page.
            decode: Makes a page of the answer; InvalidResponseError if it cannot.
            timeout: Seconds for each page; by default the client's.
            options: What this call wants different from the client.
            subject: What this is about, for the log.

        Raises:
            DatalabError: What the last attempt for a page raised.
        """
        while (wanted := paging.next_request) is not None:
            page = await self.query(
                operation(wanted), decode, timeout=timeout, options=options, subject=subject
            )
            for item in paging.take(page):
                yield item

    async def _carry_out(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        options: Options,
        repeatable: Callable[[DatalabError], bool],
        subject: str,
        *,
        submission: Submission | None = None,
        job: tuple[str, int | str] | None = None,
    ) -> _T:
        context = self._context
        priority = RequestPriority.SUBMISSION if submission else RequestPriority.CALL
        kind, job_id = job or (None, None)
        activity = Activity(context.reporter, subject, job_kind=kind, job_id=job_id)

        async def one_try(call: Call) -> _T:
            with _NamedRequest(operation, self._transport.origin, submission) as request:
                scope = CallScope(call, options.headers, request.leave, activity, priority)
                return decode(await self._transport.call(operation, scope))

        retry_plan: Plan[Call, _T, _T] = context.retry_plan(options, repeatable)
        values = drive_async(retry_plan, one_try, clock=context.clock, activity=activity)
        [value] = [value async for value in values]
        return value
