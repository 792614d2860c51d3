"""What a snapshot tells."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from datalab_facade import (
    DocumentRequest,
    Execution,
    Failure,
    Output,
    PipelineExecution,
    Status,
    Step,
    StepRun,
    Steps,
    statuses,
)
from datalab_facade.executions.decoding import decode_execution
from datalab_facade.pictures.rows import state_of
from tests.secrets_for_tests import SIGNATURE, presigned

C, F, R, P, Q = (
    Status.COMPLETED,
    Status.FAILED,
    Status.IN_PROGRESS,
    Status.PENDING,
    Status.QUEUED,
)


def step(*statuses: Status) -> Step:
    return Step(
        name="parse",
        runs=tuple(StepRun(file_key=str(n), status=status) for n, status in enumerate(statuses)),
    )


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        ([C], C),
        ([C, C], C),
        ([C, F], F),
        ([F, F], F),
        ([C, R], R),
        ([F, P], R),
        ([P, P], P),
        ([P, Q], P),
        ([C, Status("UNHEARD_OF")], R),
        ([Status("UNHEARD_OF"), Status("UNHEARD_OF")], Status("UNHEARD_OF")),
        ([C, Status.SKIPPED], C),
        ([F, Status.SKIPPED], F),
        ([], Status.UNKNOWN),
    ],
)
def test_the_status_of_a_step_follows_from_its_runs(runs: list[Status], status: Status) -> None:
    assert step(*runs).status == status


def test_the_times_of_a_step_span_its_runs() -> None:
    at = [datetime(2025, 10, 22, 10, minute, tzinfo=UTC) for minute in range(4)]
    first = StepRun(file_key="a", status=C, started_at=at[1], finished_at=at[2])
    second = StepRun(file_key="b", status=C, started_at=at[0], finished_at=at[3])
    whole = Step(name="parse", runs=(first, second))
    assert (whole.started_at, whole.finished_at) == (at[0], at[3])
    assert whole.duration == timedelta(minutes=3)
    going_on = Step(name="parse", runs=(first, attrs.evolve(second, status=R)))
    assert going_on.finished_at is None


def execution(status: Status = C, *steps: Step, **fields: Any) -> Execution:
    return Execution(id=123, status=status, steps=Steps(steps), **fields)


def test_partial_success_is_visible() -> None:
    mixed = execution(C, step(C, F))
    assert mixed.succeeded
    assert mixed.partially_failed
    assert mixed.steps["parse"].partially_failed
    assert mixed.failures == (Failure(step="parse", file_key="1", error=None, error_stage=None),)
    assert not execution(C, step(C, C)).partially_failed
    assert not execution(F, step(F, F)).partially_failed


def test_a_run_that_ended_without_success_has_failed() -> None:
    run = StepRun(file_key="1", status=C, success=False, error="no pages")
    told = execution(C, Step(name="parse", runs=(run,)))
    assert told.failures == (
        Failure(step="parse", file_key="1", error="no pages", error_stage=None),
    )
    assert told.steps["parse"].failed


def test_failures_tell_step_file_stage_and_the_servers_words() -> None:
    run = StepRun(
        file_key="987", status=F, error="Page range out of bounds", error_stage="VALIDATION"
    )
    told = execution(F, Step(name="parse", runs=(run,)), error="Processing error occurred")
    assert [str(failure) for failure in told.failures] == [
        "parse [987] in VALIDATION: Page range out of bounds",
        "the execution: Processing error occurred",
    ]


def test_a_failed_execution_always_has_a_failure() -> None:
    assert [str(failure) for failure in execution(F).failures] == ["the execution: no reason given"]


def test_outputs_are_listed_whatever_became_of_their_step() -> None:
    runs = tuple(
        StepRun(file_key=str(n), status=status, output_url=presigned(f"{n}.json"))
        for n, status in enumerate([C, F, R])
    )
    told = execution(R, Step(name="first", runs=runs), step(C))
    assert [(o.execution_id, o.step, o.file_key) for o in told.outputs] == [
        (123, "first", "0"),
        (123, "first", "1"),
        (123, "first", "2"),
    ]


def test_a_missing_step_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="no step 'prase'; the steps are: 'parse'"):
        execution(C, step(C)).steps["prase"]


def test_no_repr_tells_a_signature() -> None:
    run = StepRun(
        file_key="1", status=F, output_url=presigned(), error=f"cannot read {presigned()}"
    )
    told = execution(F, Step(name="parse", runs=(run,)), error=f"cannot write {presigned()}")
    shown = [told, run, *told.steps.values(), told.steps, *told.outputs, *told.failures]
    for thing in shown:
        assert SIGNATURE not in repr(thing) + str(thing), thing
    assert SIGNATURE not in told._repr_html_()
    assert "https://storage.example/out.json?…" in repr(told.outputs[0])


def test_the_repr_of_a_large_execution_is_still_a_line_or_two() -> None:
    many = [Step(name=f"step {n}", runs=step(*[C] * 500).runs) for n in range(40)]
    shown = repr(execution(C, *many, error="x" * 10_000))
    assert len(shown) < 500
    assert "40/40" in shown
    assert "… 34 more" in shown


def test_the_notebook_table_escapes_everything_from_the_server() -> None:
    hostile = "<script>alert('1')</script>"
    run = StepRun(file_key=hostile, status=F, error=hostile, error_stage=hostile)
    told = execution(Status(hostile), Step(name=hostile, runs=(run,)), error=hostile)
    table = told._repr_html_()
    assert "<script>" not in table
    assert table.count("&lt;script&gt;") >= 5


def test_a_snapshot_is_frozen() -> None:
    told = execution(C, step(C))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(told, "status", F)  # noqa: B010 - the checkers know that this is wrong
    with pytest.raises(AttributeError, match="frozen"):
        setattr(told.steps, "more", 1)  # noqa: B010


def test_a_changed_copy_still_survives_its_own_json() -> None:
    body: dict[str, Any] = {"status": "COMPLETED", "steps": {"parse": {"status": "COMPLETED"}}}
    told, _ = decode_execution(body, requested_id=123)
    changed = attrs.evolve(told, status=F, steps=Steps([step(C, F)]))
    assert Execution.from_dict(json.loads(json.dumps(changed.to_dict()))) == changed


@pytest.mark.parametrize("data", [{}, {"id": 1}, {"status": 3}])
def test_something_else_is_no_snapshot(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an execution"):
        Execution.from_dict(data)


def test_an_output_is_a_value() -> None:
    one, other = (
        Output(execution_id=1, step="parse", file_key=None, url=presigned()) for _ in range(2)
    )
    assert one == other
    assert len({one, other}) == 1


def test_a_step_tells_what_the_server_said_of_each_run_that_failed() -> None:
    runs = (
        StepRun(file_key="a", status=F, error="no pages"),
        StepRun(file_key="b", status=C),
        StepRun(file_key="c", status=F, error="too large"),
    )
    assert Step(name="parse", runs=runs).errors == ("no pages", "too large")


def test_an_execution_that_goes_on_has_not_failed_in_part_yet() -> None:
    running = execution(
        R,
        Step(name="parse", runs=(StepRun(file_key="a", status=F), StepRun(file_key="b", status=C))),
    )
    assert not running.partially_failed
    assert attrs.evolve(running, status=C).partially_failed


def test_steps_are_equal_to_steps_only() -> None:
    steps = Steps([Step(name="parse")])
    assert steps == Steps([Step(name="parse")])
    assert steps != {"parse": Step(name="parse")}


def test_a_status_that_ends_badly_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    new = Status("UNHEARD_OF")
    for name in ("TERMINAL", "FAILURES"):
        monkeypatch.setattr(statuses, name, getattr(statuses, name) | {new})
    assert execution(new).failed
    assert step(new).failed
    assert step(C, new).status == F
    pipeline = PipelineExecution(id="pex_7", status=new)
    request = DocumentRequest(id="convert/Qm3x", status=new)
    assert pipeline.failed
    assert state_of(new, failed=False) == "failed"
    for job in (execution(new), pipeline, request):
        assert job.is_terminal
        assert not job.succeeded


def test_what_ends_badly_has_ended() -> None:
    assert statuses.FAILURES < statuses.TERMINAL
