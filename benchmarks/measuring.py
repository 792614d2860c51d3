"""What was measured, how often, against which goal, and how it is shown."""

from __future__ import annotations

import os
import resource
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs


@attrs.frozen
class Goal:
    """The most that is allowed."""

    at_most: float
    each: bool = False
    """Whether it holds for each of the repeats, and not only for their median."""

    def met(self, values: Sequence[float]) -> bool:
        """Tell whether these repeats reach the goal."""
        return (max(values) if self.each else statistics.median(values)) <= self.at_most


@attrs.frozen
class Quantity:
    """One quantity, measured on several sides, as often as the run was repeated."""

    what: str
    sides: Mapping[str, Sequence[float]]
    goal: Goal | None = None

    def met(self, side: str) -> bool | None:
        """Tell whether a side reaches the goal; None if there is none."""
        return None if self.goal is None else self.goal.met(self.sides[side])

    def to_dict(self) -> dict[str, object]:
        """Give it as plain JSON."""
        return {
            "what": self.what,
            "goal": None if self.goal is None else attrs.asdict(self.goal),
            "sides": {
                side: {
                    "median": statistics.median(values),
                    "min": min(values),
                    "max": max(values),
                    "values": list(values),
                    "met": self.met(side),
                }
                for side, values in self.sides.items()
            },
        }


@attrs.frozen
class Section:
    """Quantities that belong together, and what one has to know to read them."""

    title: str
    notes: Sequence[str]
    quantities: Sequence[Quantity]

    @property
    def met(self) -> bool:
        """Whether no goal is missed."""
        return not any(
            quantity.met(side) is False for quantity in self.quantities for side in quantity.sides
        )

    def to_dict(self) -> dict[str, object]:
        """Give the section as plain JSON."""
        return {
            "title": self.title,
            "notes": list(self.notes),
            "quantities": [quantity.to_dict() for quantity in self.quantities],
        }


_NAMES, _NUMBERS = 52, 9


def table(section: Section, *, judged: bool) -> str:
    """Write a section as a table of plain text."""
    width = _NAMES + 3 * _NUMBERS
    headings = "".join(heading.rjust(_NUMBERS) for heading in ("median", "min", "max"))
    lines = [section.title, "=" * width, *section.notes, headings.rjust(width)]
    for quantity in section.quantities:
        goal = quantity.goal
        limit = "" if goal is None else f"  (goal: at most {_written(goal.at_most)})"
        lines.append(quantity.what + limit)
        for side, values in quantity.sides.items():
            shown = [statistics.median(values), min(values), max(values)]
            numbers = "".join(_written(number).rjust(_NUMBERS) for number in shown)
            verdict = {True: "  ok", False: "  MISSED", None: ""}[quantity.met(side)]
            lines.append(f"  {side:{_NAMES - 2}}{numbers}{verdict if judged else ''}")
    return "\n".join(lines)


def _written(value: float) -> str:
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"


def resident_bytes() -> int:
    """Give how much of this process is in memory: now on Linux, the most so far elsewhere."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * os.sysconf("SC_PAGE_SIZE")
