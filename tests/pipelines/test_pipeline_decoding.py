"""Whatever the server answers about pipelines becomes a model or a typed error."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from datalab_facade import DatalabError, InvalidResponseError, RequestRejectedError, Status
from datalab_facade.pipelines import decoding
from datalab_facade.pipelines.execution_decoding import (
    decode_pipeline_execution,
    decode_pipeline_executions,
)
from datalab_facade.pipelines.execution_models import PipelineExecution, PipelineStepRun

NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)
NAMES = st.sampled_from(
    [
        "active_version", "archived", "avg_score", "batch_runs", "completed_at", "created",
        "custom_processor_id", "error", "execution_id", "executions", "id", "name", "pipeline_id",
        "pipelines", "rate_breakdown", "schema_id", "schema_json", "schemas", "settings", "status",
        "step_index", "step_type", "steps", "success", "total", "type", "version", "versions",
    ]
)  # fmt: skip
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["completed", "running", "failed", "2026-11-01T10:00:00"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=25,
)
DECODERS: list[Callable[[Any], Any]] = [
    decoding.decode_pipeline,
    decoding.decode_pipelines,
    decoding.decode_version,
    decoding.decode_versions,
    decoding.decode_rate,
    decoding.decode_schema,
    decoding.decode_schemas,
    decoding.decode_batch_run,
    decoding.decode_batch_runs,
    decode_pipeline_execution,
    lambda body: decode_pipeline_executions(body, NOW),
]


TEXTS = st.text(min_size=1, max_size=8)
# Without these nothing can be decoded.
NAMED = st.builds(
    lambda odd, required: {**odd, **required},
    st.dictionaries(NAMES | TEXTS, ANY_JSON, max_size=6),
    st.fixed_dictionaries(
        {
            **dict.fromkeys(("execution_id", "pipeline_id", "id", "schema_id", "name"), TEXTS),
            "version": st.integers(0, 99),
            "schema_json": st.just({}),
            "status": st.sampled_from(["completed", "running", "failed"]),
        }
    ),
)
LISTS = st.lists(NAMED | ANY_JSON, max_size=3).map(
    lambda items: dict.fromkeys(
        ("pipelines", "versions", "schemas", "batch_runs", "executions"), items
    )
)


# Making a body takes a hundred times as long as decoding it, so every decoder gets all of them.
@settings(max_examples=300)
@given(body=ANY_JSON | NAMED | LISTS)
def test_decoding_is_total(body: Any) -> None:
    for decode in DECODERS:
        note(f"by {decode}")
        try:
            value, _ = decode(body)
        except (InvalidResponseError, RequestRejectedError):
            continue
        assert pickle.loads(pickle.dumps(value)) == value


def test_values_go_through_json_and_come_back() -> None:
    body: dict[str, Any] = {
        "execution_id": "pex_1",
        "status": "completed_with_errors",
        "created": "2026-11-01T10:00:00",
        "steps": [
            {"step_index": 0, "step_type": "convert", "status": "completed"},
            {"step_index": 1, "step_type": "extract", "status": "failed", "error_message": "no"},
        ],
    }
    execution, drift = decode_pipeline_execution(body)
    assert not [one for one in drift if one.kind != "zone"]
    assert execution.timezone_assumed
    again = PipelineExecution.from_dict(json.loads(json.dumps(execution.to_dict())))
    assert again == execution
    assert str(execution.failures[0]) == "extract (step 1): no"


@pytest.mark.parametrize(
    ("word", "status", "ended"),
    [
        ("pending", Status.PENDING, False),
        ("dispatched", Status.QUEUED, False),
        ("running", Status.IN_PROGRESS, False),
        ("completed", Status.COMPLETED, True),
        ("completed_with_errors", Status.COMPLETED_WITH_ERRORS, True),
        ("failed", Status.FAILED, True),
        ("skipped", Status.SKIPPED, True),
        ("unheard_of", Status("unheard_of"), False),
    ],
)
def test_the_words_of_pipelines_are_known(word: str, status: Status, *, ended: bool) -> None:
    execution, _ = decode_pipeline_execution({"execution_id": "pex_1", "status": word})
    assert (execution.status, execution.is_terminal) == (status, ended)


def execution(status: str, *steps: str) -> PipelineExecution:
    return PipelineExecution(
        id="pex_1",
        status=Status.parse(status),
        steps=tuple(
            PipelineStepRun(index=n, type="convert", status=Status.parse(word))
            for n, word in enumerate(steps)
        ),
    )


@pytest.mark.parametrize(
    ("found", "usable", "partly"),
    [
        (execution("completed", "completed"), True, False),
        (execution("completed"), True, False),
        (execution("completed_with_errors", "completed", "failed"), True, True),
        (execution("completed_with_errors", "failed", "failed"), False, True),
        (execution("completed_with_errors"), False, True),
        (execution("failed", "completed", "failed"), True, False),
        (execution("failed", "failed", "skipped"), False, False),
        (execution("failed"), False, False),
        (execution("running", "completed", "running"), False, False),
    ],
)
def test_what_is_usable_is_said(found: PipelineExecution, *, usable: bool, partly: bool) -> None:
    assert (found.is_usable, found.partially_failed) == (usable, partly)
    has_failed = found.status == Status.FAILED or any(step.failed for step in found.steps)
    assert bool(found.failures) == has_failed


@pytest.mark.parametrize(
    ("seconds", "ended"), [(-3600, True), (0, False), (30, False), (60, False), (61, True)]
)
def test_a_step_that_stands_as_running_is_waited_for_a_minute(seconds: int, *, ended: bool) -> None:
    """Not longer, and not at all by a clock that lags behind the server's."""
    found = attrs.evolve(
        execution("completed", "completed", "running"),
        ended_at=NOW,
        observed_at=NOW + timedelta(seconds=seconds),
    )
    assert found.is_terminal is ended


def test_errors_quote_the_answer() -> None:
    # The rate has no type, so that any object is one.
    for decode in set(DECODERS) - {decoding.decode_rate}:
        with pytest.raises(DatalabError, match="what is this"):
            decode({"what is this": 1})


def test_reprs_are_short_and_have_no_times() -> None:
    at = "2026-11-01T10:00:00Z"
    version, _ = decoding.decode_version(
        {"version": 2, "description": "faster", "created": at, "steps": [{"type": "convert"}]}
    )
    assert repr(version) == "<PipelineVersion 2 'faster' steps=[convert]>"
    schema, _ = decoding.decode_schema({"schema_id": "sch_1", "name": "Invoice", "created": at})
    run, _ = decoding.decode_batch_run({"id": 1, "status": "running", "created": at})
    step: dict[str, Any] = {
        "step_index": 0,
        "step_type": "convert",
        "status": "running",
        "started_at": at,
    }
    found, _ = decode_pipeline_execution(
        {"execution_id": "pex_1", "status": "running", "steps": [step]}
    )
    for value in (schema, run, found, found.steps[0]):
        assert "datetime" not in repr(value)
        assert "\n" not in repr(value)
