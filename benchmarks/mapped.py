"""Thousands of outputs through two workers of a Dask cluster, and through one process.

distributed is installed in an environment of its own. If neither this environment nor that
one has it, nothing is measured, and the report says so instead of numbers.
:mod:`benchmarks.dask_outputs` says what is done with each output, and why.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import attrs

from benchmarks.apart import apart_in
from benchmarks.measuring import Goal, Quantity, Section, ratios

_HEAVY = Path(__file__).parents[1] / ".venv" / "heavy" / "bin" / "python"
_SIZE = 1_000_000

_DASK, _ALONE = "two workers", "one process"
_SIDES = {_DASK: "with_dask", _ALONE: "in_one_process"}
_LEAST_TIMES_ALONE = Goal(at_least=1.6)


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    many: int
    """Outputs for each side, in each repeat."""
    repeats: int


FULL = Scale(many=500, repeats=4)
QUICK = Scale(many=10, repeats=1)


def measure(scale: Scale) -> Iterator[Section]:
    """Let both sides work on so many outputs, in turn."""
    title = f"{scale.many * scale.repeats:,} outputs of 1 MB through Dask"
    python = python_with_dask()
    if python is None:
        why = f"distributed is not installed; `make check-heavy` does so in {_HEAVY.parents[1]}"
        yield Section(title, [], [], [f"ours: {why}"])
        return
    seconds: dict[str, list[float]] = {side: [] for side in _SIDES}
    for _ in range(scale.repeats):
        for side, function in _SIDES.items():
            module = "benchmarks.dask_outputs"
            took = apart_in(python, module, function, many=scale.many, size=_SIZE)
            seconds[side].append(took)
    yield Section(
        title,
        [
            f"{scale.repeats} times {scale.many}. The function takes one core some 60 ms.",
            "Server, scheduler and the process that waits have no core of their own.",
        ],
        [
            Quantity(
                "throughput, as a multiple of one process",
                {_DASK: ratios(seconds[_ALONE], seconds[_DASK])},
                _LEAST_TIMES_ALONE,
            ),
            Quantity("seconds", seconds),
        ],
    )


def python_with_dask() -> str | None:
    """Give an interpreter that has distributed, if there is one."""
    if find_spec("distributed") is not None:
        return sys.executable
    return str(_HEAVY) if _HEAVY.exists() else None
