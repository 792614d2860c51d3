"""Kinds of arguments that several commands take."""

from __future__ import annotations

import math
import re
from typing import Final

import click

from datalab_facade.jobs.wait import WaitPolicy

ID: Final = click.IntRange(min=1)

_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PARTS: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def seconds_in(text: str) -> float | None:
    """Read a time: ``90``, ``90s``, ``10m``, ``1h30m``, or ``forever``; None if it is none.

    >>> seconds_in("90"), seconds_in("1h30m"), seconds_in("soon")
    (90.0, 5400.0, None)
    """
    text = text.strip().lower()
    if text == "forever":
        return math.inf
    parts = _PARTS.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts) or None


def _time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    seconds = None if value is None else seconds_in(value)
    if value is not None and seconds is None:
        raise click.BadParameter(f"{value!r} is no time; 90, 90s, 10m, 1h30m and forever are")
    return seconds


TIMEOUT: Final = click.option(
    "--timeout",
    callback=_time,
    metavar="TIME",
    help="How long to wait: 90s, 10m, 1h30m, forever. Two hours if not given.",
)
INTERVAL: Final = click.option(
    "--interval",
    callback=_time,
    metavar="TIME",
    help="The shortest time between two looks; 2.85s if not given.",
)


def policy_of(timeout: float | None, interval: float | None) -> WaitPolicy:
    """Make the policy of a wait of what was given for it.

    Raises:
        InvalidArgumentError: It makes no sense.
    """
    usual = WaitPolicy()
    shortest = usual.min_interval if interval is None else interval
    return WaitPolicy(
        timeout=usual.timeout if timeout is None else timeout,
        min_interval=shortest,
        max_interval=max(shortest, usual.max_interval),
    )
