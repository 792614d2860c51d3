"""What the server fills in after a request is complete, and when to ask for it again. No IO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias, cast

from datalab_facade.arguments import named
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.errors import InvalidArgumentError

LateValue: TypeAlias = Literal["cost", "scores"]
"""What the server may fill in after a request is complete."""

LONGEST: Final = 60.0
"""For how many seconds what the server fills in later is asked for."""

_LATE_VALUES: Final = frozenset({"cost", "scores"})
_FIRST_PAUSE: Final = 1.0
_GROWTH: Final = 1.5


def checked_late_value(value: object) -> LateValue | None:
    """Return what to wait for if it is known.

    Raises:
        InvalidArgumentError: It is not.
    """
    if value is not None and value not in _LATE_VALUES:
        raise InvalidArgumentError(f"wait_for must be 'cost' or 'scores', not {named(value)}")
    return cast("LateValue | None", value)


def has_arrived(result: DocumentResult, value: LateValue | None) -> bool:
    """Tell whether a result has what the server may fill in later."""
    if value == "scores":
        return bool(getattr(result, "scored", True))
    return value is None or result.cost_cents is not None


def asking_again(now: Callable[[], float], deadline: float) -> Iterator[float]:
    """Yield the growing pauses before each next poll, while they end before the deadline."""
    pause = _FIRST_PAUSE
    while deadline - now() > pause:
        yield pause
        pause *= _GROWTH
