"""How much is tried of what could be tried without end: some of it, or much in ``make fuzz``.

Tests that have a long form are marked with ``fuzz``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")

LONG = os.environ.get("DATALAB_FUZZ") == "long"
_MANY = 50


def examples(few: int) -> int:
    """Give how many examples Hypothesis tries.

    >>> examples(10) in {10, 500}
    True
    """
    return few * _MANY if LONG else few


def places(every: Sequence[_T], few: int) -> Sequence[_T]:
    """Give the places at which something is to happen: all, or a few at even distances.

    >>> list(places(range(1, 101), 4)) in [[1, 26, 51, 76], list(range(1, 101))]
    True
    """
    if LONG or len(every) <= few:
        return every
    return [every[len(every) * place // few] for place in range(few)]
