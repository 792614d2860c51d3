"""Every public value becomes JSON that any library takes, with presigned URLs or without."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datalab_facade
from datalab_facade import (
    Change,
    Drift,
    DriftReport,
    DurationModel,
    Execution,
    Failure,
    File,
    FileLink,
    LocalRateLimiter,
    NotFoundError,
    Outcome,
    Progress,
    RunReport,
    RunResult,
    Status,
    Step,
    StepProgress,
    StepRun,
    Steps,
    Task,
    Totals,
    Update,
    UploadOutcome,
    WaitPolicy,
)
from datalab_facade.codec import ToJSON
from datalab_facade.jobs.changes import ChangeKind
from datalab_facade.jobs.handling import AnyHandle
from datalab_facade.json_forms import strict

SIGNED = "https://bucket.example/out.json?X-Amz-Signature=5ec2e7"
SECRET = "5ec2e7"
NOON = datetime(2025, 10, 22, 12, tzinfo=UTC)

numbers = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf])
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text() | st.just(SIGNED),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), any_json, max_size=4)


def execution_of(raw: Mapping[str, Any]) -> Execution:
    run = StepRun(
        file_key="987",
        status=Status.COMPLETED,
        started_at=NOON,
        finished_at=NOON,
        output_url=SIGNED,
        error=f"cannot read {SIGNED}, sorry",
        extra=raw,
    )
    raw = {**raw, "steps": {"parse": {"output_url": SIGNED, "note": f"see {SIGNED}"}}}
    steps = Steps([Step(name="parse", runs=(run,))])
    return Execution(id=123, status=Status.COMPLETED, steps=steps, raw=raw, observed_at=NOON)


def values(raw: Mapping[str, Any], number: float) -> list[Any]:
    """Give one of each public value that reaches a program."""
    execution = execution_of(raw)
    [output] = execution.outputs
    error = NotFoundError(method="GET", url="https://a.example")
    kind: ChangeKind = "file"
    change = Change(
        job="execution 123",
        sequence=1,
        kind=kind,
        step="parse",
        file_key="987",
        before=None,
        after=Status.COMPLETED,
        snapshot=execution,
    )
    totals = Totals(
        queued=1,
        running=2,
        succeeded=3,
        failed=4,
        requests=5,
        requests_left=None,
        eta_seconds=number,
    )
    failed: Outcome[Execution, int] = Outcome(id=1, error=error)
    done: Outcome[Execution, int] = Outcome(id=123, snapshot=execution)
    file = File(id=4, reference="datalab://file-a", filename="a.pdf", extra=raw)
    result = RunResult(source="a.pdf", folder=Path("out"), execution_id=123, snapshot=execution)
    return [
        execution,
        *execution.steps.values(),
        output,
        execution.progress,
        Failure(step="parse", file_key=None, error=f"no {SIGNED}", error_stage=None),
        StepProgress(finished=1, total=2),
        execution.timeline(),
        change,
        totals,
        failed,
        done,
        Update(totals=totals, change=change, source="a.pdf"),
        Update(totals=totals, outcome=done),
        Progress(name="a", bytes_done=1, bytes_total=None, rate=number, output=output),
        file,
        FileLink(file_id=4, filename="a.pdf", url="https://bucket.example/5ec2e7", expires_in=60),
        UploadOutcome(source=("a.pdf", b"%PDF"), file=file),
        UploadOutcome(source=Path("a.pdf"), error=error),
        UploadOutcome(source=b"%PDF", error=error),
        result,
        RunReport(workflow_id=7, folder=Path("out"), results=(result,)),
        Drift(kind="field", where="execution", name="x"),
        DriftReport(counts={Drift(kind="field", where="execution", name="x"): 2}),
        WaitPolicy(timeout=math.inf),
    ]


@given(objects, numbers)
def test_all_of_them_become_strict_json(raw: dict[str, Any], number: float) -> None:
    for value in values(raw, number):
        for written in (value.to_dict(), value.to_dict(urls=False)):
            assert isinstance(written, dict)
            json.dumps(written, allow_nan=False)


@given(objects)
def test_without_urls_no_signature_is_left_wherever_it_was(raw: dict[str, Any]) -> None:
    # Names may be URLs as well, but the server's are not.
    for value in values({"more": list(raw.values())}, 1.0):
        assert SECRET not in json.dumps(value.to_dict(urls=False))
    assert SECRET in json.dumps(execution_of({}).to_dict())


def test_what_is_left_out_is_null_and_what_was_written_can_be_read() -> None:
    execution = execution_of({})
    written = execution.to_dict(urls=False)
    step = written["raw"]["steps"]["parse"]  # type: ignore[index,call-overload]
    assert step == {"output_url": None, "note": "see https://bucket.example/out.json?…"}
    assert Execution.from_dict(written).steps["parse"].runs[0].output_url is None
    assert Execution.from_dict(execution.to_dict()) == execution


def test_every_public_value_is_tried_here() -> None:
    tried = {type(value) for value in values({}, 1.0)} | {StepRun}
    elsewhere = {
        name
        for name in datalab_facade.__all__
        if inspect.isclass(kind := getattr(datalab_facade, name))
        and attrs.has(kind)
        and not issubclass(kind, BaseException)
        and kind not in tried
        and not issubclass(kind, (ToJSON, AnyHandle, Task))
    }
    # Part of an error, or what is sent and has forms of its own.
    assert elsewhere <= {
        "CheckpointSource",
        "DefinitionIssue",
        "ExtractionIssue",
        "InputConfig",
        "SchemaIssue",
        "ValidationIssue",
    }
    assert not issubclass(LocalRateLimiter, ToJSON)
    json.dumps(DurationModel().to_dict(), allow_nan=False)


def test_what_is_strict_already_is_not_copied() -> None:
    raw = {"a": [1, {"b": "c"}], "d": None}
    assert strict(raw) is raw
    assert strict([1.0, math.inf]) == [1.0, None]


def test_rows_are_flat_and_hold_no_url() -> None:
    [row] = execution_of({}).rows()
    assert row["execution_id"] == 123
    assert row["step"] == "parse"
    assert row["seconds"] == 0
    assert row["has_output"] is True
    assert all(isinstance(value, (str, int, float, type(None))) for value in row.values())
    assert SECRET not in json.dumps(row, allow_nan=False)
    assert Execution(id=1, status=Status.PENDING).rows() == []


@pytest.mark.parametrize("urls", [True, False])
def test_a_web_framework_can_return_a_snapshot(urls: bool) -> None:
    written = execution_of({"score": math.nan}).to_dict(urls=urls)
    # As starlette's JSONResponse renders it.
    assert json.loads(json.dumps(written, ensure_ascii=False, allow_nan=False)) == written
