"""A clock for the programs that tests run.

Of the seconds between two polls, tests of the command line would wait minutes.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from datalab_facade import client_options, clock
from datalab_facade.testing import FastClock

PLACES: Final[tuple[ModuleType, ...]] = (clock, client_options)
"""Where programs take ``SystemClock`` from."""


def quick_clock() -> FastClock:
    """Give a clock on which programs sleep a tenth of the time."""
    return FastClock(10.0)
