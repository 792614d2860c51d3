"""Untyped answers become models, whatever comes."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import Execution, Status, UnexpectedBody
from datalab_facade.decoding import (
    decode_execution,
    decode_failure,
    decode_json,
    decode_retry_after,
)
from datalab_facade.drift import Drift
from datalab_facade.errors import StatusError

NOW = datetime(2025, 10, 22, 12, tzinfo=UTC)


def decode(body: Any, requested_id: int = 123) -> Execution:
    execution, _ = decode_execution(body, requested_id=requested_id)
    return execution


def drift_of(body: Any) -> set[Drift]:
    return decode_execution(body, requested_id=123)[1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
words = st.sampled_from(
    ["COMPLETED", "completed", "FAILED", "IN_PROGRESS", "PENDING", "QUEUED", "SKIPPED", " ", ""]
)
times = st.sampled_from(
    ["2025-10-22T10:00:00", "2025-10-22T10:00:00Z", "2025-10-22T10:00:00.123456+02:00", "soon", ""]
)
fields = {
    "id": json_values,
    "status": words | json_values,
    "started_at": times | json_values,
    "completed_at": times | json_values,
    "finished_at": times | json_values,
    "output_url": st.text() | json_values,
    "error": json_values,
    "error_in": json_values,
    "success": json_values,
    "total_pages": json_values,
    "file_ids": json_values,
    "surprise": json_values,
}
runs = st.fixed_dictionaries({}, optional=fields)
steps = st.dictionaries(
    st.text(max_size=8),
    runs | st.dictionaries(st.text(max_size=8), runs | json_values, max_size=3) | json_values,
    max_size=4,
)
executions = st.fixed_dictionaries(
    {"status": words},
    optional={
        "execution_id": json_values,
        "id": json_values,
        "workflow_id": json_values,
        "created": times | json_values,
        "updated": times | json_values,
        "steps": steps | json_values,
        "error": json_values,
        "success": json_values,
        "input_config": json_values,
        "external_workflow_id": json_values,
        "surprise": json_values,
    },
)


@given(executions | json_values)
def test_any_json_is_an_execution_or_a_typed_error(body: Any) -> None:
    try:
        execution, drift = decode_execution(body, requested_id=123)
    except UnexpectedBody:
        return
    assert isinstance(execution, Execution)
    assert all(isinstance(oddity, Drift) for oddity in drift)
    assert isinstance(repr(execution), str)
    assert isinstance(execution._repr_html_(), str)
    assert 0 <= execution.progress.done <= execution.progress.total
    for failure in execution.failures:
        assert str(failure)


@given(executions)
def test_a_snapshot_survives_json_pickle_and_copy(body: Any) -> None:
    try:
        execution = decode(body)
    except UnexpectedBody:
        return
    assert Execution.from_dict(execution.to_dict()) == execution
    through_json = Execution.from_dict(json.loads(json.dumps(execution.to_dict())))
    assert through_json == execution
    assert pickle.loads(pickle.dumps(execution)) == execution
    assert copy.deepcopy(execution) == execution
    assert hash(through_json) == hash(execution)


@given(st.binary())
def test_any_bytes_are_json_or_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(UnexpectedBody):
        decode_json(body)


@given(
    st.integers(300, 599),
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location"]), st.text()),
)
def test_any_refusal_is_a_typed_error(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = decode_failure(status, body, headers, method="GET", url="https://a.example", now=NOW)
    assert isinstance(error, StatusError)
    assert error.status == status
    assert len(str(error)) < 100_000
    assert pickle.loads(pickle.dumps(error)).args == error.args


@given(st.text())
def test_any_retry_after_is_seconds_or_nothing(value: str) -> None:
    seconds = decode_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Wed, 22 Oct 2025 12:01:30 GMT", 90.0),
        ("Wed, 22 Oct 2025 11:00:00 GMT", 0.0),
        ("Wed, 22 Oct 2025 12:01:30 -0000", 90.0),
        ("Wed, 22 Oct 2025 12:01:30", 90.0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert decode_retry_after(value, NOW) == seconds


@pytest.mark.parametrize("word", ["completed", "COMPLETED", "Completed", " completed ", "complete"])
def test_a_status_is_read_in_any_letter_case(word: str) -> None:
    assert decode({"status": word}).status is Status.COMPLETED


def test_the_word_of_the_first_weeks_for_running_is_known() -> None:
    assert decode({"status": "processing"}).status is Status.IN_PROGRESS


@pytest.mark.parametrize("word", ["CANCELLED", "Timed Out", "???"])
def test_an_unknown_status_is_kept_as_it_came_and_counts_as_running(word: str) -> None:
    execution = decode({"status": word})
    assert execution.status == word
    assert not execution.is_terminal
    assert not execution.failed
    assert Drift("status", "execution", f"status={word}") in drift_of({"status": word})


@pytest.mark.parametrize(
    ("written", "read", "assumed"),
    [
        ("2025-10-22T10:00:00", datetime(2025, 10, 22, 10, tzinfo=UTC), True),
        ("2025-10-22T10:00:00Z", datetime(2025, 10, 22, 10, tzinfo=UTC), False),
        (
            "2025-10-22T10:00:00+02:00",
            datetime(2025, 10, 22, 10, tzinfo=timezone(timedelta(hours=2))),
            False,
        ),
        (
            "2025-10-22T10:00:00.250",
            datetime(2025, 10, 22, 10, 0, 0, 250_000, tzinfo=UTC),
            True,
        ),
        ("yesterday", None, False),
        (1_761_127_200, None, False),
    ],
)
def test_times_are_aware_and_the_model_says_when_the_zone_was_assumed(
    written: object, read: datetime | None, assumed: bool
) -> None:
    execution = decode({"status": "QUEUED", "created": written})
    assert execution.created == read
    assert execution.zone_assumed is assumed
    assert execution.raw["created"] == written


def test_the_end_of_a_run_is_read_under_both_names() -> None:
    times = {"started_at": "2025-10-22T10:00:00Z"}
    for name in ("completed_at", "finished_at"):
        run = {"status": "COMPLETED", **times, name: "2025-10-22T10:01:00Z"}
        execution = decode({"status": "COMPLETED", "steps": {"parse": run}})
        assert execution.steps["parse"].duration == timedelta(minutes=1)


def test_the_id_is_read_under_both_names_and_else_taken_from_the_request() -> None:
    assert decode({"status": "QUEUED", "execution_id": 7, "id": 8}).id == 7
    assert decode({"status": "QUEUED", "id": 8}).id == 8
    assert decode({"status": "QUEUED", "id": "9"}).id == 9
    assert decode({"status": "QUEUED", "id": "hash"}, requested_id=10).id == 10


def test_every_field_seen_so_far_is_read() -> None:
    run = {
        "id": 5,
        "status": "FAILED",
        "started_at": "2025-10-22T10:00:00Z",
        "finished_at": "2025-10-22T10:00:05Z",
        "file_ids": ["a", 2],
        "output_url": "https://storage.example/out",
        "error": "Page range out of bounds",
        "error_in": "VALIDATION",
        "success": False,
        "total_pages": 12,
        "new_field": {"kept": True},
    }
    execution = decode(
        {
            "status": "FAILED",
            "workflow_id": 4,
            "error": "Processing error occurred",
            "success": False,
            "external_workflow_id": "temporal-1",
            "input_config": {"file_urls": ["https://a.example/1.pdf"]},
            "steps": {"parse": {"npl94jxy": run}},
        }
    )
    assert execution.workflow_id == 4
    assert execution.error == "Processing error occurred"
    assert execution.success is False
    assert execution.external_workflow_id == "temporal-1"
    assert execution.input_config == {"file_urls": ["https://a.example/1.pdf"]}
    [read] = execution.steps["parse"].runs
    assert read.file_key == "npl94jxy"
    assert read.id == 5
    assert read.file_ids == ("a", "2")
    assert (read.error, read.error_in) == ("Page range out of bounds", "VALIDATION")
    assert (read.success, read.total_pages) == (False, 12)
    assert read.extra == {"new_field": {"kept": True}}


@pytest.mark.parametrize("entry", [None, [], "COMPLETED", 3, {}, {"987": None}])
def test_a_step_in_a_shape_unseen_is_kept_without_runs(entry: object) -> None:
    execution = decode({"status": "IN_PROGRESS", "steps": {"parse": entry}})
    assert execution.steps["parse"].runs == ()
    assert execution.steps["parse"].status == "UNKNOWN"
    assert execution.raw["steps"] == {"parse": entry}
    if entry != {}:
        assert drift_of({"status": "IN_PROGRESS", "steps": {"parse": entry}})


def test_what_was_not_expected_is_told() -> None:
    drift = drift_of(
        {
            "status": "UNHEARD_OF",
            "priority": 1,
            "created": "2025-10-22T10:00:00",
            "updated": "soon",
            "workflow_id": [4],
            "steps": {"parse": {"status": "COMPLETED", "cost": 1}},
        }
    )
    assert {str(oddity) for oddity in drift} == {
        "status status=UNHEARD_OF in execution",
        "field priority in execution",
        "zone created in execution",
        "time updated=soon in execution",
        "shape workflow_id=a list in execution",
        "field cost in step run",
    }


def test_a_documented_answer_holds_nothing_unexpected_but_its_zone() -> None:
    from tests.contract.documented import NESTED

    assert {oddity.kind for oddity in drift_of(NESTED)} == {"zone"}


def test_what_is_nested_too_deeply_to_write_is_told_as_such() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    execution = decode({"status": "FAILED", "error": deep})
    assert execution.error == "a list that is nested too deeply"
