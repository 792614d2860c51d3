"""Thousands of tasks that are deferred to one triggerer of Airflow, on virtual time.

Airflow is installed in an environment of its own. If neither this environment nor that
one has it, nothing is measured, and the report says so instead of numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import attrs

from benchmarks.apart import apart_in
from benchmarks.measuring import Goal, Quantity, Section

_HEAVY = Path(__file__).parents[1] / ".venv" / "heavy" / "bin" / "python"

_SIDE = "Airflow's trigger runner"
_PER_MINUTE = 200
_MOST_BYTES = Goal(16 * 1024)


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    many: int
    """Executions that are waited for at once."""


FULL = Scale(many=10_000)
QUICK = Scale(many=50)


def measure(scale: Scale) -> Iterator[Section]:
    """Wait for so many at once, in a process of Airflow's environment."""
    title = f"{scale.many:,} deferred waits in one triggerer, {_PER_MINUTE} requests a minute"
    python = python_with_airflow()
    if python is None:
        why = f"Apache Airflow is not installed; `make check-heavy` does so in {_HEAVY.parents[1]}"
        yield Section(title, [], [], [f"ours: {why}"])
        return
    found = apart_in(
        python, "benchmarks.airflow_waits", "measure", many=scale.many, per_minute=_PER_MINUTE
    )
    yield Section(
        title,
        [
            f"{found['requests']:,} requests in {found['hours']:.1f} hours of virtual time",
            f"{found['events']:,} events",
        ],
        [
            Quantity("bytes per wait", {_SIDE: [found["bytes_per_wait"]]}, _MOST_BYTES),
            Quantity(
                "most requests in any minute",
                {_SIDE: [found["most_in_a_minute"]]},
                Goal(_PER_MINUTE, each=True),
            ),
            Quantity("refused with 429", {_SIDE: [found["refused"]]}, Goal(0, each=True)),
            Quantity(
                "waits without an event",
                {_SIDE: [scale.many - found["events"]]},
                Goal(0, each=True),
            ),
        ],
    )


def python_with_airflow() -> str | None:
    """Give an interpreter that has Airflow, if there is one."""
    if find_spec("airflow") is not None:
        return sys.executable
    return str(_HEAVY) if _HEAVY.exists() else None
