# Generated from async_driving.py by scripts/unasync.py; change that file, not this one.
"""The driver: it carries out what a sans-IO generator decides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import TypeVar

from datalab_facade.clock import Clock
from datalab_facade.errors import DatalabError
from datalab_facade.jobs.commands import Command, Plan, Report, Result, Sleep

_T = TypeVar("_T")
_R = TypeVar("_R")
_C = TypeVar("_C", bound=Command)

logger = logging.getLogger("datalab_facade.jobs")


def drive(
    plan: Plan[_C, _R, _T],
    carry_out: Callable[[_C], _T],
    *,
    clock: Clock,
    subject: str,
) -> Generator[_R, None, None]:
    """Run a plan to its end, and yield what it reports.

    Args:
        plan: Decides what comes next.
        carry_out: Carries out its commands; a DatalabError that this raises goes back to the plan.
        clock: Tells the time and sleeps.
        subject: What this is about, for the log.
    """
    command = next(plan, None)
    while command is not None:
        value, error = None, None
        if isinstance(command, Sleep):
            clock.sleep(command.seconds)
        elif isinstance(command, Report):
            yield command.value
        else:
            try:
                value = carry_out(command)
            except DatalabError as caught:
                error = caught
        try:
            command = plan.send(Result(clock.monotonic(), value, error))
        except StopIteration:
            return
        if isinstance(command, Sleep):
            _log(subject, command, command.cause or error)


def _log(subject: str, sleep: Sleep, error: DatalabError | None) -> None:
    if error is None:
        logger.debug("%s: next poll in %.2f s", subject, sleep.seconds)
    else:
        logger.warning(
            "%s: retrying in %.2f s (%d of %d): %s",
            subject,
            sleep.seconds,
            sleep.retry,
            sleep.max_retries,
            error,
        )
