"""The benchmarks run; how fast is not judged here."""

from __future__ import annotations

from benchmarks.many import compare


def test_many_executions_are_compared_with_the_ideal() -> None:
    rows = {row.name: row for row in compare(many=60, repeats=1)}
    assert rows["fair: refused with 429"].median == 0
    assert rows["learning: refused with 429"].median == 0
