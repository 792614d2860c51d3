"""A timeline tells truly what a snapshot tells, and no more."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given

from datalab_facade import Execution, Status, Step, StepRun, Steps
from datalab_facade.timeline import Timeline, TimelineRun
from tests.pictures import scenes
from tests.pictures.scenes import BEGAN, execution, run
from tests.pictures.strategies import executions
from tests.secrets_for_tests import SIGNATURE


def after(seconds: float) -> Any:
    return BEGAN + timedelta(seconds=seconds)


def spans(timeline: Timeline) -> dict[tuple[str, str | None], list[tuple[float, float] | None]]:
    """Give the waiting and the working of each run, in seconds since 10 o'clock."""
    return {
        (found.step, found.file_key): [
            None
            if span is None
            else (
                (span.started_at - BEGAN).total_seconds(),
                (span.ended_at - BEGAN).total_seconds(),
            )
            for span in (found.waiting, found.working)
        ]
        for step in timeline.steps
        for found in step.runs
    }


def path(timeline: Timeline) -> list[tuple[str, str | None]]:
    return [(found.step, found.file_key) for found in timeline.critical_path]


def all_runs(timeline: Timeline) -> list[TimelineRun]:
    return [found for step in timeline.steps for found in step.runs]


@given(executions())
def test_every_span_lies_within_the_timeline_and_ends_after_it_starts(told: Execution) -> None:
    timeline = told.timeline()
    for found in all_runs(timeline):
        for span in (found.waiting, found.working):
            if span is not None:
                assert timeline.started_at is not None
                assert timeline.ended_at is not None
                assert timeline.started_at <= span.started_at <= span.ended_at <= timeline.ended_at
                assert not span.is_open or (timeline.is_open and span.ended_at == timeline.ended_at)
        if found.waiting is not None and found.working is not None:
            assert found.waiting.ended_at == found.working.started_at
    assert timedelta(0) <= timeline.worked <= timeline.total
    assert timedelta(0) <= timeline.waited


@given(executions())
def test_every_step_and_run_is_there_once(told: Execution) -> None:
    timeline = told.timeline()
    assert sorted(step.name for step in timeline.steps) == sorted(told.steps)
    for step in timeline.steps:
        assert step.status == told.steps[step.name].status
        key = [(str(found.file_key), found.status) for found in step.runs]
        assert sorted(key) == sorted(
            (str(found.file_key), found.status) for found in told.steps[step.name].runs
        )


@given(executions())
def test_steps_and_runs_stand_in_the_order_in_which_they_began(told: Execution) -> None:
    timeline = told.timeline()
    working_steps = [step.working for step in timeline.steps]
    for working in (working_steps, *([r.working for r in s.runs] for s in timeline.steps)):
        began = [span.started_at for span in working if span is not None]
        assert began == sorted(began)
        assert working[len(began) :] == [None] * (len(working) - len(began))


@given(executions())
def test_the_critical_path_goes_forward_in_time_up_to_the_last_end(told: Execution) -> None:
    timeline = told.timeline()
    working = [found.working for found in timeline.critical_path]
    starts = [span.started_at for span in working if span is not None]
    assert len(starts) == len(working)
    assert all(before < later for before, later in pairwise(starts[:-1]))
    assert [found for found in all_runs(timeline) if found.is_critical] == sorted(
        timeline.critical_path, key=all_runs(timeline).index
    )
    ends = [found.working.ended_at for found in all_runs(timeline) if found.working]
    assert not ends or (working[-1] is not None and working[-1].ended_at == max(ends))


@given(executions())
def test_a_timeline_is_a_value_that_pickles_and_becomes_json(told: Execution) -> None:
    timeline = told.timeline()
    assert pickle.loads(pickle.dumps(timeline)) == timeline == told.timeline()
    assert hash(timeline) == hash(told.timeline())
    assert json.loads(json.dumps(timeline.to_dict()))["job_id"] == 123
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(timeline, "status", Status.FAILED)  # noqa: B010


def test_a_run_waits_from_the_end_of_the_work_before_it_on_its_file() -> None:
    timeline = execution(
        {
            "parse": {"a": run(begins=1, ends=10), "b": run(begins=1, ends=30)},
            "extract": {"a": run(begins=12, ends=20), "b": run(begins=35, ends=50)},
            "post": {"aggregated": run(begins=55, ends=60)},
        }
    ).timeline()
    assert spans(timeline) == {
        ("parse", "a"): [(0, 1), (1, 10)],
        ("parse", "b"): [(0, 1), (1, 30)],
        ("extract", "a"): [(10, 12), (12, 20)],
        ("extract", "b"): [(30, 35), (35, 50)],
        ("post", "aggregated"): [(50, 55), (55, 60)],
    }
    assert path(timeline) == [("parse", "b"), ("extract", "b"), ("post", "aggregated")]
    assert (timeline.total, timeline.worked, timeline.waited) == (
        timedelta(seconds=60),
        timedelta(seconds=29 + 15 + 5),
        timedelta(seconds=11),
    )


def test_both_shapes_of_one_execution_give_the_same_spans() -> None:
    flat = execution({"parse": run(begins=1, ends=10), "extract": run(begins=12, ends=20)})
    nested = execution(
        {"parse": {"a": run(begins=1, ends=10)}, "extract": {"a": run(begins=12, ends=20)}}
    )
    assert list(spans(flat.timeline()).values()) == list(spans(nested.timeline()).values())


def test_a_definition_says_what_a_step_waited_for() -> None:
    told = execution(
        {
            "parse": run(begins=0, ends=10),
            "classify": run(begins=0, ends=14),
            "extract": run(begins=15, ends=20),
        }
    )
    assert path(told.timeline()) == [("classify", None), ("extract", None)]
    known = told.timeline({"extract": ["parse"], "parse": [], "classify": []})
    assert path(known) == [("parse", None), ("extract", None)]
    assert spans(known)["extract", None][0] == (10, 15)


def test_what_has_no_turn_yet_does_not_count_as_waiting_where_the_definition_is_known() -> None:
    told = execution(
        {
            "parse": {"a": run(ends=10), "b": run("IN_PROGRESS", 0, None)},
            "extract": {
                "a": run("QUEUED", None, None),
                "b": run("PENDING", None, None),
                "aggregated": run("PENDING", None, None),
            },
        },
        "IN_PROGRESS",
        seen=30,
    )
    known = spans(told.timeline({"extract": ["parse"]}))
    assert known["extract", "a"] == [(10, 30), None]
    assert known["extract", "b"] == [None, None]
    assert known["extract", "aggregated"] == [None, None]


def test_what_goes_on_is_open_at_the_moment_of_the_look() -> None:
    timeline = scenes.running().timeline()
    assert timeline.is_open
    assert timeline.ended_at == after(240)
    working = {(found.step, found.file_key): found.working for found in all_runs(timeline)}
    goes_on = working["parse", "c.pdf"]
    assert goes_on is not None
    assert goes_on.is_open
    assert goes_on.ended_at == after(240)
    ended = working["parse", "a.pdf"]
    assert ended is not None
    assert not ended.is_open


def test_a_clock_that_lags_behind_the_server_puts_nothing_into_the_future() -> None:
    told = execution({"parse": run(begins=5, ends=50)}, "IN_PROGRESS", seen=20)
    assert told.timeline().ended_at == after(50)


def test_workers_whose_clocks_differ_a_little_do_not_break_the_critical_path() -> None:
    told = execution({"parse": run(ends=100.3), "extract": run(begins=100, ends=300)})
    assert path(told.timeline()) == [("parse", None), ("extract", None)]
    assert told.timeline().worked == timedelta(seconds=300)


@pytest.mark.parametrize(
    ("told", "working"),
    [
        (run(begins=20, ends=10), (20, 20)),
        (run(begins=20, ends=None), (20, 90)),
        (run(begins=None, ends=30), (0, 30)),
    ],
)
def test_a_time_left_out_or_contradicted_is_guessed_and_marked(
    told: dict[str, Any], working: tuple[float, float]
) -> None:
    timeline = execution({"parse": told}, updated=scenes.at(90)).timeline()
    assert spans(timeline)["parse", None][1] == working
    assert timeline.steps[0].runs[0].is_doubtful


def test_what_never_began_has_no_spans_once_the_execution_has_ended() -> None:
    assert spans(scenes.failed().timeline())["extract", None] == [None, None]


def test_without_any_time_there_is_a_timeline_of_statuses() -> None:
    timeline = scenes.without_times().timeline()
    assert (timeline.started_at, timeline.ended_at, timeline.total) == (None, None, timedelta(0))
    assert [(step.name, step.status) for step in timeline.steps] == [
        ("parse", "COMPLETED"),
        ("extract", "IN_PROGRESS"),
    ]


def test_times_without_a_zone_count_as_utc() -> None:
    naive = StepRun(file_key=None, status=Status.COMPLETED, started_at=BEGAN.replace(tzinfo=None))
    told = Execution(
        id=123,
        status=Status.COMPLETED,
        created_at=BEGAN,
        updated_at=after(9),
        steps=Steps([Step(name="a", runs=(naive,))]),
    )
    assert spans(told.timeline()) == {("a", None): [None, (0, 9)]}


def test_the_same_run_may_stand_in_two_steps() -> None:
    one = StepRun(file_key=None, status=Status.COMPLETED, started_at=BEGAN, finished_at=after(1))
    told = Execution(
        id=123,
        status=Status.COMPLETED,
        steps=Steps([Step(name="a", runs=(one,)), Step(name="b", runs=(one,))]),
    )
    assert [step.runs[0].step for step in told.timeline().steps] == ["a", "b"]


def test_failures_are_told_without_signatures() -> None:
    timeline = scenes.failed().timeline()
    [failure] = timeline.failures
    assert failure.error is not None
    assert failure.error.startswith("VALIDATION: no such page: 14 of 12")
    assert SIGNATURE not in repr(timeline) + str(timeline) + json.dumps(timeline.to_dict())


def test_importing_the_package_loads_nothing_of_the_pictures() -> None:
    code = (
        "import sys, datalab_facade\n"
        "loaded = ('datalab_facade.timeline', 'datalab_facade.pictures', 'xml.etree.ElementTree')\n"
        "assert not [name for name in loaded if name in sys.modules]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_large_execution_is_laid_out_in_a_moment() -> None:
    steps = {
        f"step {n}": {
            f"file {k}": run(begins=10 * n + k / 50, ends=10 * n + k / 40 + 1) for k in range(500)
        }
        for n in range(40)
    }
    timeline = execution(steps).timeline()
    assert len(all_runs(timeline)) == 20_000
    assert len(timeline.critical_path) == 40


def test_a_step_of_which_no_run_has_begun_waits_as_long_as_its_files_do() -> None:
    steps = {
        "parse": run(begins=0, ends=60),
        "extract": {"a": run("PENDING", None, None), "b": run("PENDING", None, None)},
    }
    told = execution(steps, "IN_PROGRESS", seen=90).timeline()
    extract = told.steps[1]
    assert extract.working is None
    assert extract.waiting is not None
    assert (extract.waiting.started_at, extract.waiting.ended_at) == (after(60), after(90))
    assert extract.waiting.is_open
