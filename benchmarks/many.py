"""Many executions under one budget, on virtual time, against the ideal fair round.

Run it with ``python -m benchmarks.many``. A thousand executions arrive one a
second and take log-normally long (median 120 s, sigma 0.5); the server allows 200
requests a minute and refuses the others. The ideal looks, at exactly that rate, at
whoever was looked at longest ago, and knows every new execution at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path

import attrs

from benchmarks.worlds import Result, World, fair_round, log_normal_world, scheduled
from datalab_facade import Durations, WaitPolicy


@attrs.frozen
class Row:
    """One figure over all repeats, and what it should be."""

    name: str
    median: float
    least: float
    most: float
    goal: str

    @classmethod
    def of(cls, name: str, figures: list[float], goal: str) -> Row:
        return cls(name, statistics.median(figures), min(figures), max(figures), goal)

    def __str__(self) -> str:
        figures = f"{self.median:>8.3f} {self.least:>8.3f} {self.most:>8.3f}"
        return f"{self.name:<52} {figures}   {self.goal}"


def compare(*, many: int, repeats: int) -> list[Row]:
    """Play both schedulers and the ideal in the same worlds."""
    worlds = [
        log_normal_world(many=many, median=120, sigma=0.5, per_second=1, per_minute=200, seed=seed)
        for seed in range(repeats)
    ]
    ideal = [fair_round(world) for world in worlds]
    fair = [_ours(world, seed, None) for seed, world in enumerate(worlds)]
    learnt = [_ours(world, seed, Durations()) for seed, world in enumerate(worlds)]

    def ratio(ours: list[Result], figure: Callable[[Result], float]) -> list[float]:
        return [figure(mine) / figure(best) for mine, best in zip(ours, ideal, strict=True)]

    def late(result: Result) -> float:
        return result.mean_late

    def latest(result: Result) -> float:
        return max(result.late)

    return [
        Row.of("ideal: mean seconds from end to detection", [r.mean_late for r in ideal], ""),
        Row.of("fair: refused with 429", [r.refused for r in fair], "0"),
        Row.of("fair: budget used while looks were due", [r.use for r in fair], ">= 0.95"),
        Row.of("fair: mean time to detection / ideal", ratio(fair, late), "<= 1.05"),
        Row.of("fair: longest time to detection / ideal", ratio(fair, latest), ""),
        Row.of("learning: refused with 429", [r.refused for r in learnt], "0"),
        Row.of("learning: budget used while looks were due", [r.use for r in learnt], ">= 0.95"),
        Row.of("learning: mean time to detection / ideal", ratio(learnt, late), "<= 0.8"),
        Row.of("learning: longest time to detection / ideal", ratio(learnt, latest), ""),
    ]


def _ours(world: World, seed: int, durations: Durations | None) -> Result:
    policy = WaitPolicy()
    return scheduled(world, policy, concurrency=1_000, seed=seed, durations=durations)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--quick", action="store_true", help="a small world, once")
    options = parser.parse_args()
    rows = compare(many=100, repeats=1) if options.quick else compare(many=1_000, repeats=9)
    print(f"{'':<52} {'median':>8} {'min':>8} {'max':>8}   goal")
    for row in rows:
        print(row)
    if options.json:
        figures = [attrs.asdict(row) for row in rows]
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
