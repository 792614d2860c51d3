"""Single calls to the API: those that are safe to repeat, and those that are not.

Every noun of the API asks through these. Whether a failed request is sent again
is decided in :mod:`~datalab_facade.faults`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from datalab_facade.commands import Call
from datalab_facade.context import Context
from datalab_facade.driving import Machine, drive, drive_async
from datalab_facade.errors import DatalabError
from datalab_facade.faults import did_not_act, may_pass, unknown_submission
from datalab_facade.models import JSON
from datalab_facade.options import CallOptions, Options
from datalab_facade.transport.api import ApiTransport, AsyncApiTransport, CallScope
from datalab_facade.transport.operations import Operation

_T = TypeVar("_T")


class Calls:
    """Single calls, for blocking code."""

    def __init__(self, transport: ApiTransport, context: Context) -> None:
        self._transport = transport
        self._context = context

    def ask(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        *,
        timeout: float | None,
        options: CallOptions,
        subject: str,
    ) -> _T:
        """Make a call that may be repeated without harm.

        Args:
            operation: The request.
            decode: Makes the value of the answer; UnexpectedBody if it cannot.
            timeout: Seconds for the whole call; by default the client's.
            options: What this call wants different from the client.
            subject: What this is about, for the log.

        Raises:
            DatalabError: What the last try raised.
        """
        wanted = self._context.options_for_call(timeout, options)
        return self._made(operation, decode, wanted, may_pass, subject)

    def submit(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        *,
        timeout: float | None,
        options: CallOptions,
        subject: str,
        advice: str,
    ) -> _T:
        """Make a call that must not be carried out twice.

        It is repeated only where the server certainly did not act.

        Args:
            operation: The request.
            decode: Makes the value of the answer; UnexpectedBody if it cannot.
            timeout: Seconds for the whole call; by default the client's.
            options: What this call wants different from the client.
            subject: What this is about, for the log and the error.
            advice: How the caller finds out whether the server acted, as a sentence.

        Raises:
            SubmissionUnknown: The server may or may not have acted.
            DatalabError: What the last try raised; the server did not act.
        """
        wanted = self._context.options_for_call(timeout, options)
        try:
            return self._made(operation, decode, wanted, did_not_act, subject)
        except DatalabError as error:
            unknown = unknown_submission(error, subject, advice)
            if unknown is None:
                raise
            raise unknown from error

    def _made(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        options: Options,
        repeatable: Callable[[DatalabError], bool],
        subject: str,
    ) -> _T:
        context = self._context

        def one_try(call: Call) -> _T:
            return decode(self._transport.call(operation, CallScope(call, options.headers)))

        tries: Machine[_T, _T] = context.tries(options, repeatable)
        [value] = drive(tries, one_try, clock=context.clock, subject=subject)
        return value


class AsyncCalls:
    """Single calls, for async code. The methods are those of :class:`Calls`."""

    def __init__(self, transport: AsyncApiTransport, context: Context) -> None:
        self._transport = transport
        self._context = context

    async def ask(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        *,
        timeout: float | None,
        options: CallOptions,
        subject: str,
    ) -> _T:
        """Make a call that may be repeated without harm.

        Arguments and errors as :meth:`Calls.ask`.
        """
        wanted = self._context.options_for_call(timeout, options)
        return await self._made(operation, decode, wanted, may_pass, subject)

    async def submit(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        *,
        timeout: float | None,
        options: CallOptions,
        subject: str,
        advice: str,
    ) -> _T:
        """Make a call that must not be carried out twice.

        Arguments and errors as :meth:`Calls.submit`.
        """
        wanted = self._context.options_for_call(timeout, options)
        try:
            return await self._made(operation, decode, wanted, did_not_act, subject)
        except DatalabError as error:
            unknown = unknown_submission(error, subject, advice)
            if unknown is None:
                raise
            raise unknown from error

    async def _made(
        self,
        operation: Operation,
        decode: Callable[[JSON], _T],
        options: Options,
        repeatable: Callable[[DatalabError], bool],
        subject: str,
    ) -> _T:
        context = self._context

        async def one_try(call: Call) -> _T:
            return decode(await self._transport.call(operation, CallScope(call, options.headers)))

        tries: Machine[_T, _T] = context.tries(options, repeatable)
        told = drive_async(tries, one_try, clock=context.clock, subject=subject)
        [value] = [value async for value in told]
        return value
