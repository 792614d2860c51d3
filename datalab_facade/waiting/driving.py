"""The two drivers: they carry out what a sans-IO generator decides.

Whatever is specific to blocking or to async code is here, and nothing else is.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TypeAlias, TypeVar

from datalab_facade.clock import Clock
from datalab_facade.errors import DatalabError
from datalab_facade.waiting.commands import Call, Report, Result, Sleep

_T = TypeVar("_T")
_R = TypeVar("_R")

Machine: TypeAlias = Generator[Call | Sleep | Report[_R], Result[_T], None]

logger = logging.getLogger("datalab_facade.waiting")


def drive(
    machine: Machine[_R, _T], call: Callable[[Call], _T], *, clock: Clock, subject: str
) -> Generator[_R, None, None]:
    """Run a machine to its end, blocking, and yield what it reports.

    Args:
        machine: What decides.
        call: Makes the request that a command asks for.
        clock: Tells the time and sleeps.
        subject: What this is about, for the log.
    """
    command = next(machine, None)
    while command is not None:
        value, error = None, None
        if isinstance(command, Call):
            try:
                value = call(command)
            except DatalabError as caught:
                error = caught
        elif isinstance(command, Sleep):
            clock.sleep(command.seconds)
        else:
            yield command.value
        command = _next(machine, Result(clock.monotonic(), value, error), subject)


async def drive_async(
    machine: Machine[_R, _T],
    call: Callable[[Call], Awaitable[_T]],
    *,
    clock: Clock,
    subject: str,
) -> AsyncGenerator[_R, None]:
    """Run a machine to its end in an event loop, and yield what it reports.

    Arguments as :func:`drive`.
    """
    command = next(machine, None)
    while command is not None:
        value, error = None, None
        if isinstance(command, Call):
            try:
                value = await call(command)
            except DatalabError as caught:
                error = caught
        elif isinstance(command, Sleep):
            await clock.sleep_async(command.seconds)
        else:
            yield command.value
        command = _next(machine, Result(clock.monotonic(), value, error), subject)


def _next(
    machine: Machine[_R, _T], result: Result[_T], subject: str
) -> Call | Sleep | Report[_R] | None:
    try:
        command = machine.send(result)
    except StopIteration:
        return None
    if result.error is not None:
        away = command.seconds if isinstance(command, Sleep) else 0.0
        logger.warning("%s: retrying in %.2f s: %s", subject, away, result.error)
    elif isinstance(command, Sleep):
        logger.debug("%s: next poll in %.2f s", subject, command.seconds)
    return command
