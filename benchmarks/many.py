"""Many executions under one rate limit, on virtual time, against the ideal fair round.

A thousand executions arrive one a second, with log-normal durations (median 120 s,
sigma 0.5). The server allows 200 requests a minute and refuses the others. The ideal polls
at exactly that rate, always the execution that was polled longest ago, and knows every
new execution at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from benchmarks.measuring import Goal, Quantity, Section, ratios
from benchmarks.worlds import Result, World, fair_round, log_normal_world, scheduled
from datalab_facade import DurationModel, WaitPolicy

_FAIR = "ours, fair rounds"
_LEARNING = "ours, learning"
_IDEAL = "the ideal fair round"

_NONE = Goal(0, each=True)
_ALL_OF_THE_BUDGET = Goal(at_least=0.95)
_MOST_TIMES_IDEAL = {_FAIR: Goal(1.05), _LEARNING: Goal(0.8)}


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    many: int
    repeats: int


FULL = Scale(many=1_000, repeats=9)
QUICK = Scale(many=60, repeats=1)


def measure(scale: Scale) -> Iterator[Section]:
    """Play both schedulers and the ideal in the same worlds."""
    worlds = [
        log_normal_world(
            many=scale.many, median=120, sigma=0.5, per_second=1, per_minute=200, seed=seed
        )
        for seed in range(scale.repeats)
    ]
    ideal = [fair_round(world) for world in worlds]
    ours = {
        _FAIR: [_ours(world, seed, None) for seed, world in enumerate(worlds)],
        _LEARNING: [_ours(world, seed, DurationModel()) for seed, world in enumerate(worlds)],
    }

    def each(figure: Callable[[Result], float]) -> dict[str, list[float]]:
        return {side: [*map(figure, results)] for side, results in ours.items()}

    def times_ideal(figure: Callable[[Result], float]) -> dict[str, list[float]]:
        best = [figure(result) for result in ideal]
        return {side: ratios(mine, best) for side, mine in each(figure).items()}

    mean = times_ideal(_mean_late)
    yield Section(
        f"{scale.many:,} executions under a rate limit of 200 requests a minute",
        ["One arrives each second; they take about two minutes. Time is virtual."],
        [
            Quantity("refused with 429", each(lambda result: result.refused), _NONE),
            Quantity(
                "share of the rate limit that is used while polls are due",
                each(lambda result: result.use),
                _ALL_OF_THE_BUDGET,
            ),
            *(
                Quantity(
                    "mean time from end to detection, as a multiple of the ideal",
                    {side: mean[side]},
                    goal,
                )
                for side, goal in _MOST_TIMES_IDEAL.items()
            ),
            Quantity(
                "longest time from end to detection, as a multiple of the ideal",
                times_ideal(lambda result: max(result.late)),
            ),
            Quantity(
                "mean time from end to detection, s",
                {**each(_mean_late), _IDEAL: [*map(_mean_late, ideal)]},
            ),
        ],
    )


def _mean_late(result: Result) -> float:
    return result.mean_late


def _ours(world: World, seed: int, durations: DurationModel | None) -> Result:
    policy = WaitPolicy()
    return scheduled(world, policy, concurrency=1_000, seed=seed, durations=durations)
