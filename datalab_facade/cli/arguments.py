"""Arguments and options that several commands share."""

from __future__ import annotations

import math
import re
from typing import Final

import click

from datalab_facade.jobs.wait import WaitPolicy

ID: Final = click.IntRange(min=1)


_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PARTS: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def parse_duration(text: str) -> float | None:
    """Read a duration such as ``90``, ``90s``, ``10m``, ``1h30m`` or ``forever``, in seconds.

    Returns None if the text is not a duration, or if it is zero.

    >>> parse_duration("90"), parse_duration("1h30m"), parse_duration("soon")
    (90.0, 5400.0, None)
    """
    text = text.strip().lower()
    if text == "forever":
        return math.inf
    parts = _PARTS.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts) or None


def _read_duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    seconds = None if value is None else parse_duration(value)
    if value is not None and seconds is None:
        raise click.BadParameter(f"{value!r} is not a duration; use 90, 90s, 10m, 1h30m or forever")
    return seconds


TIMEOUT: Final = click.option(
    "--timeout",
    callback=_read_duration,
    metavar="DURATION",
    help="How long to wait: 90s, 10m, 1h30m or forever. The default is two hours.",
)
INTERVAL: Final = click.option(
    "--interval",
    callback=_read_duration,
    metavar="DURATION",
    help="The shortest time between two polls of one execution. The default is 2.85s.",
)


def make_policy(timeout: float | None, interval: float | None) -> WaitPolicy:
    """Make a wait policy from the options; None stands for the default.

    Raises:
        InvalidArgumentError: A value is out of range.
    """
    default = WaitPolicy()
    shortest = default.min_interval if interval is None else interval
    return WaitPolicy(
        timeout=default.timeout if timeout is None else timeout,
        min_interval=shortest,
        max_interval=max(shortest, default.max_interval),
    )
