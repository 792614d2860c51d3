"""What comes of waiting for many executions at once."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator, Generator

import attrs

from datalab_facade.changes import Change
from datalab_facade.errors import DatalabError, WaitTimeoutError
from datalab_facade.models import Execution
from datalab_facade.pickling import picklable


@picklable
@attrs.frozen(kw_only=True)
class Outcome:
    """How the wait for one of many executions ended.

    Either it ended, well or badly, and there is its final snapshot; or waiting
    for it ended before that, and there is the error that says why.

    >>> from datalab_facade import Execution, Status
    >>> Outcome(execution_id=123, execution=Execution(id=123, status=Status.COMPLETED)).succeeded
    True
    """

    execution_id: int
    execution: Execution | None = None
    """The final snapshot, COMPLETED or FAILED; None if there is an error."""
    error: DatalabError | None = None
    """Why there is no final snapshot; None if there is one."""

    @property
    def succeeded(self) -> bool:
        """Whether the execution has completed."""
        return self.execution is not None and self.execution.succeeded

    def result(self) -> Execution:
        """Give the final snapshot.

        Raises:
            DatalabError: The execution has no final snapshot; this error says why.
        """
        if self.execution is None:
            assert self.error is not None
            raise self.error
        return self.execution


@picklable
@attrs.frozen(kw_only=True)
class Totals:
    """Counts of many executions by their state, and of the requests so far."""

    queued: int
    """Not begun yet, or not polled yet."""
    running: int
    succeeded: int
    """Completed."""
    failed: int
    """Ended as FAILED, or given up with an error."""
    requests: int
    """Polls so far."""
    requests_left: int | None
    """Requests that the rate limit leaves for this minute; None without a rate limit."""
    eta_seconds: float | None
    """An estimate for those known so far, at the pace of those that ended; None at first."""

    @property
    def finished(self) -> int:
        """How many are over, well or badly."""
        return self.succeeded + self.failed

    @property
    def total(self) -> int:
        """How many there are, as far as the ids have been read."""
        return self.queued + self.running + self.finished

    def __str__(self) -> str:
        text = (
            f"{self.finished}/{self.total} finished, {self.running} running, {self.queued} queued"
        )
        if self.failed:
            text += f", {self.failed} failed"
        if self.eta_seconds is not None:
            text += f", about {self.eta_seconds:.0f} s to go"
        return text


@picklable
@attrs.frozen(kw_only=True)
class Update:
    """One event among many executions: a change, or an outcome."""

    totals: Totals
    change: Change | None = None
    outcome: Outcome | None = None


def outcomes_of(updates: Generator[Update, None, None]) -> Generator[Outcome, None, None]:
    """Give the outcomes of updates without changes; closing it closes the updates."""
    with contextlib.closing(updates):
        for update in updates:
            assert update.outcome is not None
            yield update.outcome


async def outcomes_of_async(
    updates: AsyncGenerator[Update, None],
) -> AsyncGenerator[Outcome, None]:
    """Give the outcomes of updates without changes; closing it closes the updates."""
    async with contextlib.aclosing(updates):
        async for update in updates:
            assert update.outcome is not None
            yield update.outcome


def in_order(wanted: list[int], outcomes: list[Outcome], timeout: float | None) -> list[Outcome]:
    """Give an outcome for each id, in the order of the ids.

    Those that nobody got round to before the end have timed out.
    """
    by_id = {outcome.execution_id: outcome for outcome in outcomes}
    allowed = math.inf if timeout is None else timeout
    return [by_id.get(execution_id) or _unread(execution_id, allowed) for execution_id in wanted]


def _unread(execution_id: int, timeout: float) -> Outcome:
    error = WaitTimeoutError(execution_id, execution=None, timeout=timeout, elapsed=timeout)
    return Outcome(execution_id=execution_id, error=error)
