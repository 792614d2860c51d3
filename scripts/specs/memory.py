"""How much memory this process and each of those that it starts may use."""

import resource
from contextlib import suppress

MOST = 500 * 1024 * 1024
"""Bytes; the largest documents seen so far take a sixth of it."""


def bound() -> None:
    """From here on, whoever needs more gets a MemoryError. Where a system knows no bounds, none."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MOST, hard))
