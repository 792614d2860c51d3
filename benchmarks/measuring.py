"""What was measured, how often, against which goal, and how it is shown."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import attrs


@attrs.frozen
class Goal:
    """The most, or the least, that is allowed."""

    at_most: float | None = None
    at_least: float | None = attrs.field(default=None, kw_only=True)
    each: bool = attrs.field(default=False, kw_only=True)
    """Whether it holds for each of the repeats, and not only for their median."""

    def met(self, values: Sequence[float]) -> bool:
        """Tell whether these repeats reach the goal."""
        middle = statistics.median(values)
        most, least = (max(values), min(values)) if self.each else (middle, middle)
        return (self.at_most is None or most <= self.at_most) and (
            self.at_least is None or least >= self.at_least
        )

    def __str__(self) -> str:
        bounds = {"at most": self.at_most, "at least": self.at_least}
        said = [f"{name} {written(bound)}" for name, bound in bounds.items() if bound is not None]
        return " and ".join(said) + (" each time" if self.each else "")


@attrs.frozen
class Quantity:
    """One quantity, measured on several sides, as often as the run was repeated."""

    what: str
    sides: Mapping[str, Sequence[float]]
    goal: Goal | None = None
    others: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    """Sides to compare with, which the goal is not for."""

    def met(self, side: str) -> bool | None:
        """Tell whether a side reaches the goal; None if there is none for it."""
        return None if self.goal is None or side in self.others else self.goal.met(self.sides[side])

    def all_sides(self) -> dict[str, Sequence[float]]:
        """Give the sides, and those to compare with."""
        return {**self.sides, **self.others}

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
                for side, values in self.all_sides().items()
            },
        }


@attrs.frozen
class Section:
    """Quantities that belong together, and what one has to know to read them."""

    title: str
    notes: Sequence[str]
    quantities: Sequence[Quantity]
    unmeasured: Sequence[str] = ()
    """What belongs here and was not measured, with the reason."""

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
            "unmeasured": list(self.unmeasured),
        }


_NAMES, _NUMBERS, _GOALS = 52, 9, 22
_VERDICTS = {True: "  ok", False: "  MISSED", None: ""}


def table(section: Section, *, judged: bool) -> str:
    """Write a section as a table of plain text."""
    width = _NAMES + 3 * _NUMBERS
    headings = "".join(heading.rjust(_NUMBERS) for heading in ("median", "min", "max"))
    lines = [section.title, "=" * width, *section.notes]
    if section.quantities:
        lines.append(headings.rjust(width))
    for quantity in section.quantities:
        lines.append(
            quantity.what + ("" if quantity.goal is None else f"  (goal: {quantity.goal})")
        )
        for side, values in quantity.all_sides().items():
            verdict = _VERDICTS[quantity.met(side)] if judged else ""
            lines.append(f"  {side:{_NAMES - 2}}{_numbers(values)}{verdict}")
    lines += [f"NOT MEASURED: {what}" for what in section.unmeasured]
    return "\n".join(lines)


def goals(sections: Iterable[Section], *, judged: bool) -> str:
    """Write goal and reached side by side, for everything that has a goal."""
    width = _NAMES + _GOALS + 3 * _NUMBERS
    headings = "".join(heading.rjust(_NUMBERS) for heading in ("median", "min", "max"))
    lines = [f"{'':{_NAMES}}{'goal':{_GOALS}}{headings}", "=" * (width + 8)]
    for section in sections:
        judgements = [quantity for quantity in section.quantities if quantity.goal is not None]
        if judgements or section.unmeasured:
            lines.append(section.title)
        for quantity in judgements:
            lines.append(f"  {quantity.what}")
            for side, values in quantity.sides.items():
                verdict = _VERDICTS[quantity.met(side)] if judged else ""
                limit = f"{quantity.goal!s:{_GOALS}}"
                lines.append(f"    {side:{_NAMES - 4}}{limit}{_numbers(values)}{verdict}")
        lines += [f"  NOT MEASURED: {what}" for what in section.unmeasured]
    return "\n".join(lines)


def _numbers(values: Sequence[float]) -> str:
    shown = [statistics.median(values), min(values), max(values)]
    return "".join(written(number).rjust(_NUMBERS) for number in shown)


def written(value: float) -> str:
    """Write a number as short as it is still worth reading."""
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"


def ratios(mine: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Divide what was measured side by side, pair by pair."""
    return [one / other for one, other in zip(mine, theirs, strict=True)]


def resident_bytes() -> int:
    """Give how much of this process is in memory: now on Linux, the most so far elsewhere."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> float:
    """Give the most memory that this process has had since :func:`forget_peak`."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return float(line.split()[1]) * 1024


def forget_peak() -> None:
    """Begin to measure the peak anew: a process begins with that of the one that started it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def seconds_and_growth(act: Callable[[], object]) -> dict[str, float]:
    """Do something, and give how long it took, and by how many MiB the process grew."""
    forget_peak()
    idle, began = peak_bytes(), time.perf_counter()
    act()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "grown_mib": (peak_bytes() - idle) / 1024**2}
