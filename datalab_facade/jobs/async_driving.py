"""The driver: it carries out what a sans-IO generator decides."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from datalab_facade.activities import Activity
from datalab_facade.clock import Clock
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.async_reporting import inside_async
from datalab_facade.jobs.commands import Command, Plan, Report, Result, Sleep

_T = TypeVar("_T")
_R = TypeVar("_R")
_C = TypeVar("_C", bound=Command)


async def drive_async(
    plan: Plan[_C, _R, _T],
    carry_out: Callable[[_C], Awaitable[_T]],
    *,
    clock: Clock,
    activity: Activity,
) -> AsyncGenerator[_R, None]:
    """Run a plan to its end, and yield what it reports.

    Args:
        plan: Decides what comes next.
        carry_out: Carries out its commands; a DatalabError that this raises goes back to the plan.
        clock: Tells the time and sleeps.
        activity: What this is a part of, which records pauses and retries.
    """
    carry_out = inside_async(activity, carry_out)
    command = next(plan, None)
    while command is not None:
        value, error = None, None
        if isinstance(command, Sleep):
            await clock.sleep_async(command.seconds)
        elif isinstance(command, Report):
            yield command.value
        else:
            try:
                value = await carry_out(command)
            except DatalabError as caught:
                error = caught
        try:
            command = plan.send(Result(clock.monotonic(), value, error))
        except StopIteration:
            return
        if isinstance(command, Sleep):
            activity.sleeps(command, command.cause or error)
