"""The benchmarks run; how fast is not judged here."""

from __future__ import annotations

from benchmarks.many import compare
from benchmarks.outputs_small import Scale, killed, small


def test_many_executions_are_compared_with_the_ideal() -> None:
    rows = {row.name: row for row in compare(many=60, repeats=1)}
    assert rows["fair: refused with 429"].median == 0
    assert rows["learning: refused with 429"].median == 0


def test_small_outputs_are_compared_with_another_client_and_a_killed_download_goes_on() -> None:
    scale = Scale(repeats=1, many=5, later=0.001, large=1_000_000)
    times, ratios, *_ = small(scale).quantities
    assert set(times.sides) == {"ours, blocking", "ours, async", "datalab-python-sdk"}
    assert set(ratios.sides) == {"ours, blocking", "ours, async"}
    [again] = killed(scale).quantities
    assert again.met("ours, blocking")
