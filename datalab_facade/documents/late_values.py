"""What the server fills in after a request is complete, and when to ask for it again. No IO."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, cast

from datalab_facade.arguments import named
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.errors import InvalidArgumentError

LateValue: TypeAlias = Literal["cost", "scores"]
"""What the server may fill in after a request is complete."""

_LATE_VALUES: Final = frozenset({"cost", "scores"})
_LONGEST: Final = 60.0
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


def asking_again(value: LateValue | None, *, now: float, deadline: float) -> Iterator[float]:
    """Yield the pauses before each next poll: growing, for at most a minute, by the deadline."""
    left = min(_LONGEST, deadline - now) if value is not None else 0.0
    pause = _FIRST_PAUSE
    while left > pause:
        yield pause
        left -= pause
        pause *= _GROWTH
