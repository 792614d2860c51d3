"""New URLs for outputs whose old ones expired: one look serves all of an execution.

The URLs of one execution expire together. Whoever is refused first looks at the
execution again; whoever is refused meanwhile waits for that look, and whoever is
refused later takes from it what is newer than the URL that was refused.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable
from copy import copy
from typing import Generic, TypeAlias, TypeVar

import attrs

from datalab_facade.clock import Clock
from datalab_facade.errors import APIStatusError, DownloadError, DownloadFailure
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.collecting import same_output
from datalab_facade.outputs.downloading import download_failed

_Lock = TypeVar("_Lock")

_MOST_EXECUTIONS = 256
"""Of so many executions it is known what the last look told; a client may see any number."""

_SAID_NO_FOR = 5.0
"""Seconds for which an execution that is gone is not asked for again."""

Poll: TypeAlias = Callable[[float], Execution]
AsyncLook: TypeAlias = Callable[[float], Awaitable[Execution]]


@attrs.define
class _Known(Generic[_Lock]):
    """What the last look at one execution told."""

    lock: _Lock
    """Held by whoever looks."""
    wait_plan: int = 0
    at: float = -math.inf
    outputs: tuple[Output, ...] = ()
    error: APIStatusError | None = None

    def serves(self, output: Output, refused: str, wait_plan: int, now: float) -> bool:
        """Tell whether another look is not needed.

        Args:
            output: Whose URL is wanted.
            refused: The URL that it is to take the place of.
            looks: How many there were when it was refused.
            now: The time.
        """
        if self.wait_plan != wait_plan:
            return True
        url = same_output(self.outputs, output)
        if url is None:
            return now - self.at < _SAID_NO_FOR
        return url != refused

    def tell(self, execution: Execution, now: float) -> None:
        """Take note of what a look found."""
        self.wait_plan, self.at = self.wait_plan + 1, now
        self.outputs, self.error = execution.outputs, None

    def fail(self, error: APIStatusError, now: float) -> None:
        """Take note of a look that was answered with no."""
        self.wait_plan, self.at = self.wait_plan + 1, now
        self.outputs, self.error = (), error

    def url_of(self, output: Output) -> str | None:
        """Give the URL of an output; None if there is no such output.

        Raises:
            APIStatusError: The last look was answered with it.
        """
        if self.error is not None:
            # Several threads raise it, and each adds to the traceback.
            raise copy(self.error)
        return same_output(self.outputs, output)


class _Renewals(Generic[_Lock]):
    """What is known of the executions of one client."""

    def __init__(self, new_lock: Callable[[], _Lock], clock: Clock) -> None:
        self._new_lock = new_lock
        self._clock = clock
        self._known: dict[int, _Known[_Lock]] = {}
        self._guard = threading.Lock()

    def newest(self, output: Output, since: float) -> Output:
        """Give an output with its URL as of a look after some time, if there was one."""
        known = self._known.get(output.execution_id)
        url = same_output(known.outputs, output) if known and known.at > since else None
        return output if url is None else attrs.evolve(output, url=url)

    def _of(self, execution_id: int) -> _Known[_Lock]:
        with self._guard:
            # Whoever was asked for last is forgotten last.
            known = self._known.pop(execution_id, None) or _Known(self._new_lock())
            self._known[execution_id] = known
            if len(self._known) > _MOST_EXECUTIONS:
                del self._known[next(iter(self._known))]
            return known


class Renewals(_Renewals[threading.Lock]):
    """What is known of the executions of one client. Threads may share it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(threading.Lock, clock)

    def renewed(self, output: Output, refused: str, left: float, poll: Poll) -> str | None:
        """Give an output's new URL; None if there is no such output any more.

        Args:
            output: Whose URL is wanted.
            refused: The URL that it is to take the place of.
            left: The seconds that there are for it.
            look: Looks at the execution, within some seconds.

        Raises:
            DatalabError: Whatever the look raises, or that there was no time for it.
        """
        known, end = self._of(output.execution_id), self._clock.monotonic() + left
        wait_plan = known.wait_plan
        if not known.lock.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
            raise _too_late(output)
        try:
            now = self._clock.monotonic()
            if not known.serves(output, refused, wait_plan, now):
                try:
                    known.tell(poll(end - now), self._clock.monotonic())
                except APIStatusError as error:
                    known.fail(error, self._clock.monotonic())
                    raise
            return known.url_of(output)
        finally:
            known.lock.release()


class AsyncRenewals(_Renewals[asyncio.Lock]):
    """What is known of the executions of one client, in an event loop."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(asyncio.Lock, clock)

    async def renewed(
        self, output: Output, refused: str, left: float, poll: AsyncLook
    ) -> str | None:
        """Give an output's new URL; None if there is no such output any more.

        Arguments and errors as :meth:`Renewals.renewed`.
        """
        known, end = self._of(output.execution_id), self._clock.monotonic() + left
        wait_plan = known.wait_plan
        try:
            async with asyncio.timeout(left):
                await known.lock.acquire()
        except TimeoutError:
            raise _too_late(output) from None
        try:
            now = self._clock.monotonic()
            if not known.serves(output, refused, wait_plan, now):
                try:
                    known.tell(await poll(end - now), self._clock.monotonic())
                except APIStatusError as error:
                    known.fail(error, self._clock.monotonic())
                    raise
            return known.url_of(output)
        finally:
            known.lock.release()


def _too_late(output: Output) -> DownloadError:
    return download_failed(
        output, DownloadFailure.EXPIRED, "has a URL that expired, and no time is left for it"
    )
