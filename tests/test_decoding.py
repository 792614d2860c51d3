"""Untyped answers become models, whatever comes."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    Execution,
    InvalidResponseError,
    Status,
    StepRun,
    UnprocessableEntityError,
    ValidationIssue,
)
from datalab_facade.decoding import (
    decode_failure,
    decode_json,
    decode_retry_after,
)
from datalab_facade.drift import Drift
from datalab_facade.errors import APIStatusError
from datalab_facade.executions.decoding import decode_execution
from datalab_facade.fields import whole_number
from datalab_facade.models import JSON

NOW = datetime(2025, 10, 22, 12, tzinfo=UTC)
AT_TEN = datetime(2025, 10, 22, 10, tzinfo=UTC)


def decode(body: Any, requested_id: int = 123) -> Execution:
    execution, _ = decode_execution(body, requested_id=requested_id)
    return execution


def drift_of(body: Any) -> set[Drift]:
    return decode_execution(body, requested_id=123)[1]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
infinite = st.recursive(
    st.sampled_from([math.inf, -math.inf]),
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner, min_size=1),
    max_leaves=4,
)
words = st.sampled_from(
    ["COMPLETED", "completed", "FAILED", "IN_PROGRESS", "PENDING", "QUEUED", "SKIPPED", " ", ""]
)
times = st.sampled_from(
    ["2025-10-22T10:00:00", "2025-10-22T10:00:00Z", "2025-10-22T10:00:00.123456+02:00", "soon", ""]
)
RUN_FIELDS: dict[str, tuple[Any, str, Any]] = {
    "id": (5, "id", 5),
    "status": ("FAILED", "status", Status.FAILED),
    "started_at": ("2025-10-22T10:00:00Z", "started_at", AT_TEN),
    "completed_at": (None, "finished_at", AT_TEN + timedelta(seconds=5)),
    "finished_at": ("2025-10-22T10:00:05Z", "finished_at", AT_TEN + timedelta(seconds=5)),
    "file_ids": (["a", 2], "file_ids", ("a", "2")),
    "output_url": ("https://storage.example/out", "output_url", "https://storage.example/out"),
    "error": ("Page range out of bounds", "error", "Page range out of bounds"),
    "error_in": ("VALIDATION", "error_stage", "VALIDATION"),
    "success": (False, "success", False),
    "total_pages": (12, "total_pages", 12),
}
"""The fields of a step run: what the server sends, what it is called here, what is read."""

likely = {"status": words, "output_url": st.text()} | dict.fromkeys(
    ("started_at", "completed_at", "finished_at"), times
)
fields = {name: likely.get(name, json_values) | json_values for name in (*RUN_FIELDS, "surprise")}
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


@given(executions | json_values | infinite)
def test_any_json_is_an_execution_or_a_typed_error(body: Any) -> None:
    try:
        execution, drift = decode_execution(body, requested_id=123)
    except InvalidResponseError:
        return
    assert isinstance(execution, Execution)
    assert all(isinstance(oddity, Drift) for oddity in drift)
    assert isinstance(repr(execution), str)
    assert isinstance(execution._repr_html_(), str)
    assert 0 <= execution.progress.finished <= execution.progress.total
    for failure in execution.failures:
        assert str(failure)


@given(executions)
def test_a_snapshot_survives_json_pickle_and_copy(body: Any) -> None:
    try:
        execution = decode(body)
    except InvalidResponseError:
        return
    assert Execution.from_dict(execution.to_dict()) == execution
    through_json = Execution.from_dict(json.loads(json.dumps(execution.to_dict())))
    assert through_json == execution
    assert pickle.loads(pickle.dumps(execution)) == execution
    assert copy.deepcopy(execution) == execution
    assert hash(through_json) == hash(execution)


@given(infinite)
def test_infinity_is_null_in_strict_json(value: Any) -> None:
    execution = decode({"status": "COMPLETED", "execution_id": 123, "surprise": value})
    written = json.dumps(execution.to_dict(), allow_nan=False)
    assert Execution.from_dict(json.loads(written)).to_dict() == execution.to_dict()


@given(st.binary())
def test_any_bytes_are_json_or_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(InvalidResponseError):
        decode_json(body)


@given(
    st.integers(300, 599),
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location"]), st.text()),
)
def test_any_refusal_is_a_typed_error(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = decode_failure(status, body, headers, method="GET", url="https://a.example", now=NOW)
    assert isinstance(error, APIStatusError)
    assert error.status == status
    assert len(str(error)) < 100_000
    assert pickle.loads(pickle.dumps(error)).args == error.args


@pytest.mark.parametrize(
    ("body", "said", "shown"),
    [
        (b"<html>Bad gateway", "the body is not JSON: <html>Bad gateway", "<html>Bad gateway"),
        (b" \r\n", "the body is empty", ""),
    ],
)
def test_a_body_that_is_no_json_is_quoted(body: bytes, said: str, shown: str) -> None:
    with pytest.raises(InvalidResponseError) as failed:
        decode_json(body)
    assert str(failed.value) == said
    assert failed.value.body == shown


@pytest.mark.parametrize(
    ("body", "why", "shown"),
    [
        (["é", 1], "it is a list", '["é",1]'),
        ("soon", "it is a string", '"soon"'),
        (True, "it is a boolean", "true"),
        (2.5, "it is a number", "2.5"),
        (None, "it is null", "null"),
        ({"id": 1, "status": " "}, "it has no status", '{"id":1,"status":" "}'),
    ],
)
def test_an_answer_that_is_no_execution_is_quoted(body: Any, why: str, shown: str) -> None:
    with pytest.raises(InvalidResponseError) as failed:
        decode(body)
    assert str(failed.value) == f"the answer is not an execution, {why}: {shown}"
    assert failed.value.body == shown


def test_an_answer_that_is_nested_too_deeply_to_be_quoted_is_named() -> None:
    body: list[Any] = []
    for _ in range(100_000):
        body = [body]
    with pytest.raises(InvalidResponseError, match="a list that is nested too deeply"):
        decode(body)


def refused(status: int, body: bytes, headers: dict[str, str] | None = None) -> APIStatusError:
    url = "https://a.example/7"
    return decode_failure(status, body, headers or {}, method="PUT", url=url, now=NOW)


@pytest.mark.parametrize("status", [404, 422, 423])
def test_a_refusal_tells_all_that_is_worth_knowing_about_it(status: int) -> None:
    headers = {
        "Retry-After": "Wed, 22 Oct 2025 12:01:30 GMT",
        "X-Request-ID": "r-1",
        "Set-Cookie": "session=1",
    }
    error = refused(status, b'{"detail": "No such thing"}', headers)
    assert isinstance(error, UnprocessableEntityError) == (status == 422)
    assert (error.method, error.url) == ("PUT", "https://a.example/7")
    assert error.detail == "No such thing"
    assert error.body == '{"detail": "No such thing"}'
    assert error.headers == {"retry-after": headers["Retry-After"], "x-request-id": "r-1"}
    assert error.retry_after == 90


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ({"detail": "a sentence", "error": "another"}, "a sentence"),
        ({"error": "a sentence"}, "a sentence"),
        ("a sentence", "a sentence"),
        ({"detail": {"reason": "odd"}}, '{"reason":"odd"}'),
        ({"detail": [{"loc": ["a", 1], "msg": "m"}, {"msg": "n"}]}, "a.1: m; n"),
        ({"detail": None}, ""),
        ({"detail": "x" * 1_001}, "x" * 999 + "…"),
    ],
)
def test_the_servers_words_are_found_wherever_it_puts_them(answer: Any, detail: str) -> None:
    assert refused(400, json.dumps(answer).encode()).detail == detail


def test_a_page_holds_no_words_of_the_api() -> None:
    error = refused(400, b"<html>Bad gateway")
    assert (error.detail, error.body) == ("", "<html>Bad gateway")


@pytest.mark.parametrize(
    ("entry", "issue"),
    [
        (
            {"loc": ["path", "execution_id", 0], "msg": "not a number", "type": "int_parsing"},
            ValidationIssue(
                loc=("path", "execution_id", 0), msg="not a number", type="int_parsing"
            ),
        ),
        ({"loc": "body", "msg": "m", "type": 5}, ValidationIssue(loc=("body",), msg="m", type="5")),
        (
            {"loc": [None, {"a": 1}], "msg": "m"},
            ValidationIssue(loc=("null", '{"a":1}'), msg="m", type=""),
        ),
        ({"msg": "m" * 1_001}, ValidationIssue(loc=(), msg="m" * 999 + "…", type="")),
        ({"loc": None, "n": 1}, ValidationIssue(loc=(), msg='{"loc":null,"n":1}', type="")),
        (["just", "words"], ValidationIssue(loc=(), msg='["just","words"]', type="")),
        ("w" * 1_001, ValidationIssue(loc=(), msg='"' + "w" * 998 + "…", type="")),
    ],
)
def test_an_issue_is_read_in_whatever_shape_it_comes(entry: Any, issue: ValidationIssue) -> None:
    error = refused(422, json.dumps({"detail": [entry]}).encode())
    assert isinstance(error, UnprocessableEntityError)
    assert error.issues == (issue,)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"detail": "a sentence"}', "a sentence"),
        (b"<html>a page", "<html>a page"),
        (b"", "no reason given"),
    ],
)
def test_a_422_has_an_issue_whatever_its_body(body: bytes, message: str) -> None:
    error = refused(422, body)
    assert isinstance(error, UnprocessableEntityError)
    assert error.issues == (ValidationIssue(loc=(), msg=message, type=""),)


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
        ("Wed, 22 Oct 2025 14:01:30 +0200", 90.0),
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


AT_NOON = "Wed, 22 Oct 2025 12:00:00 GMT"
AT_NOON_AND_3 = "Wed, 22 Oct 2025 12:00:03 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": AT_NOON_AND_3, "Date": AT_NOON}, 3.0),
        ({"Retry-After": AT_NOON, "Date": AT_NOON_AND_3}, 0.0),
        ({"Retry-After": "7", "Date": AT_NOON}, 7.0),
        ({"Retry-After": "soon", "Date": AT_NOON}, None),
        ({"Date": AT_NOON}, None),
    ],
)
@given(ahead=st.floats(-1e6, 1e6))
def test_a_date_to_come_back_counts_from_the_answers_own_date(
    headers: dict[str, str], seconds: float | None, ahead: float
) -> None:
    ours = NOW + timedelta(seconds=ahead)
    failure = decode_failure(429, b"", headers, method="GET", url="u", now=ours)
    assert failure.retry_after == seconds


@pytest.mark.parametrize("date", [None, "", "today"])
@pytest.mark.parametrize(("ahead", "seconds"), [(0, 3), (2, 1), (120, 0), (-20, 23), (-1e6, 120)])
def test_where_it_has_none_our_clock_is_believed_up_to_two_minutes(
    date: str | None, ahead: float, seconds: float
) -> None:
    headers = {"Retry-After": AT_NOON_AND_3} | ({} if date is None else {"Date": date})
    ours = NOW + timedelta(seconds=ahead)
    failure = decode_failure(503, b"", headers, method="GET", url="u", now=ours)
    assert failure.retry_after == seconds


@pytest.mark.parametrize("word", ["completed", "COMPLETED", "Completed", " completed ", "complete"])
def test_a_status_is_read_in_any_letter_case(word: str) -> None:
    assert decode({"status": word}).status is Status.COMPLETED


def test_the_word_of_the_first_weeks_for_running_is_known() -> None:
    assert decode({"status": "processing"}).status is Status.IN_PROGRESS


@pytest.mark.parametrize("word", ["UNHEARD_OF", "Timed Out", "???"])
def test_an_unknown_status_is_kept_as_it_came_and_counts_as_running(word: str) -> None:
    execution = decode({"status": word})
    assert execution.status == word
    assert not execution.is_terminal
    assert not execution.failed
    assert Drift(kind="status", where="execution", name=f"status={word}") in drift_of(
        {"status": word}
    )


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
        ("2025-10-22", datetime(2025, 10, 22, tzinfo=UTC), True),
        ("yesterday", None, False),
        (1_761_127_200, None, False),
    ],
)
def test_times_are_aware_and_the_model_says_when_the_zone_was_assumed(
    written: object, read: datetime | None, assumed: bool
) -> None:
    execution = decode({"status": "QUEUED", "created": written})
    assert execution.created_at == read
    assert execution.timezone_assumed is assumed
    assert execution.raw["created"] == written


def test_the_end_of_a_run_is_read_under_both_names() -> None:
    times = {"started_at": "2025-10-22T10:00:00Z"}
    for name in ("completed_at", "finished_at"):
        run = {"status": "COMPLETED", **times, name: "2025-10-22T10:01:00Z"}
        execution = decode({"status": "COMPLETED", "steps": {"parse": run}})
        assert execution.steps["parse"].duration == timedelta(minutes=1)


def test_the_id_is_read_under_both_names_and_else_taken_from_the_request() -> None:
    assert decode({"status": "QUEUED", "execution_id": 7, "id": 8}, requested_id=7).id == 7
    assert decode({"status": "QUEUED", "id": 8}, requested_id=8).id == 8
    assert decode({"status": "QUEUED", "id": "9"}, requested_id=9).id == 9
    assert decode({"status": "QUEUED", "id": "hash"}, requested_id=10).id == 10


@pytest.mark.parametrize(
    "names",
    [
        {"execution_id": 999_999},
        {"execution_id": "999999"},
        {"execution_id": 999_999.0},
        {"id": 999_999},
        {"execution_id": None, "id": 999_999},
        {"execution_id": "hash", "id": 999_999},
        {"execution_id": 999_999, "id": 123},
        {"execution_id": -123},
        {"execution_id": "9" * 40},
        {"execution_id": "9" * 5_000},
    ],
)
def test_an_answer_about_another_execution_is_none_about_this_one(names: dict[str, Any]) -> None:
    with pytest.raises(
        InvalidResponseError, match=r"is about execution .*execution 123 was asked for"
    ):
        decode({"status": "COMPLETED", **names}, requested_id=123)


@given(st.integers(0, 10**30))
def test_an_id_is_the_same_in_digits_and_as_a_number(execution_id: int) -> None:
    for written in (execution_id, str(execution_id), f"0{execution_id}"):
        body = {"status": "QUEUED", "execution_id": written}
        assert decode(body, requested_id=execution_id).id == execution_id


def test_every_field_seen_so_far_is_read() -> None:
    run = {name: sent for name, (sent, _, _) in RUN_FIELDS.items()}
    run["new_field"] = {"kept": True}
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
    for _, name, value in RUN_FIELDS.values():
        assert getattr(read, name) == value
    assert read.extra == {"new_field": {"kept": True}}


def test_every_field_of_a_step_run_is_tried() -> None:
    known = {field.name for field in attrs.fields(StepRun)}
    tried = {name for _, name, _ in RUN_FIELDS.values()}
    assert known - tried == {"file_key", "timezone_assumed", "extra"}


@pytest.mark.parametrize("entry", [None, [], "COMPLETED", 3, {}, {"987": None}])
def test_a_step_in_a_shape_unseen_is_kept_without_runs(entry: object) -> None:
    execution = decode({"status": "IN_PROGRESS", "steps": {"parse": entry}})
    assert execution.steps["parse"].runs == ()
    assert execution.steps["parse"].status == "UNKNOWN"
    assert execution.raw["steps"] == {"parse": entry}
    if entry != {}:
        assert drift_of({"status": "IN_PROGRESS", "steps": {"parse": entry}})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"steps": 5}, "shape steps=a number in execution"),
        ({"success": "yes"}, "shape success=a string in execution"),
        ({"created": 5}, "shape created=a number in execution"),
        ({"error": {"code": 1}}, "shape error=an object in execution"),
        ({"workflow_id": "9" * 20}, "shape workflow_id=a string in execution"),
        ({"steps": {"parse": []}}, "shape parse=a list in step run"),
        ({"steps": {"parse": {"987": 5}}}, "shape 987=a number in step run"),
        ({"steps": {"parse": {"987": {"status": True}}}}, "shape status=a boolean in step run"),
        (
            {"steps": {"parse": {"status": "QUEUED", "file_ids": "a"}}},
            "shape file_ids=a string in step run",
        ),
    ],
)
def test_a_value_of_another_type_is_told_with_its_place(fields: Any, told: str) -> None:
    assert [str(oddity) for oddity in drift_of({"status": "QUEUED", "steps": {}, **fields})] == [
        told
    ]


def test_an_error_that_is_no_text_keeps_the_servers_words() -> None:
    assert decode({"status": "FAILED", "error": {"code": 1}}).error == '{"code":1}'


def test_that_no_zone_is_named_is_told_once_for_each_kind_of_object() -> None:
    naive = "2025-10-22T10:00:00"
    run = {"status": "COMPLETED", "started_at": naive, "finished_at": naive}
    body = {
        "status": "COMPLETED",
        "created": naive,
        "updated": naive,
        "steps": {"parse": run, "extract": run},
    }
    assert {str(oddity) for oddity in drift_of(body)} == {
        "zone created in execution",
        "zone started_at in step run",
    }


def test_each_run_says_for_itself_whether_its_zone_was_assumed() -> None:
    naive, aware = "2025-10-22T10:00:00", "2025-10-22T10:00:00Z"
    runs = {
        key: {"status": "IN_PROGRESS", "started_at": moment}
        for key, moment in (("a", naive), ("b", aware), ("c", naive))
    }
    step = decode({"status": "IN_PROGRESS", "steps": {"parse": runs}}).steps["parse"]
    assert [run.timezone_assumed for run in step.runs] == [True, False, True]


def test_an_execution_tells_its_times() -> None:
    body: dict[str, JSON] = {
        "status": "QUEUED",
        "created": "2025-10-22T10:00:00Z",
        "updated": "2025-10-22T10:05:00Z",
    }
    execution, _ = decode_execution(body, requested_id=1, observed_at=NOW)
    assert execution.created_at == datetime(2025, 10, 22, 10, tzinfo=UTC)
    assert execution.updated_at == datetime(2025, 10, 22, 10, 5, tzinfo=UTC)
    assert execution.observed_at == NOW


def test_a_whole_number_of_absurd_length_is_none() -> None:
    assert whole_number("9" * 19) == 10**19 - 1
    assert whole_number("9" * 20) is None


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
