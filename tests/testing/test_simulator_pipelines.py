"""The simulated API takes pipelines and batch runs, and refuses what the real one would."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datalab_facade.testing import Answer, DocumentScript, Request, Simulator, VirtualClock

PIPELINES, BATCH_RUNS = "/api/v1/pipelines", "/api/v1/eval_batch_runs"
STEPS: list[Any] = [{"type": "convert"}]


def call(
    simulator: Simulator, method: str, path: str, body: object = None, query: str = ""
) -> Answer:
    """Send a request as a client would that has checked nothing."""
    headers = {"X-API-Key": simulator.api_key, "Content-Type": "application/json"}
    sent = b"" if body is None else json.dumps(body).encode()
    return simulator.handle(Request("api", method, path, query, headers, sent))


def done(answer: Answer) -> Any:
    """Give the body of an answer that is no refusal."""
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def started(simulator: Simulator, pipeline_id: str) -> str:
    """Run a pipeline with the address of a document; give the id of the execution."""
    kind = "application/x-www-form-urlencoded"
    headers = {"X-API-Key": simulator.api_key, "Content-Type": kind}
    form = b"file_url=https%3A%2F%2Fa.example%2F1.pdf"
    path = f"{PIPELINES}/{pipeline_id}/run"
    answer = simulator.handle(Request("api", "POST", path, "", headers, form))
    return str(done(answer)["execution_id"])


@pytest.mark.parametrize(
    ("steps", "status", "words"),
    [
        ([], 422, "at least 1 item"),
        (["convert"], 422, "valid dictionary or object"),
        ([{"settings": {}}], 422, "Field required"),
        ([{"type": 7}], 422, "valid string"),
        ([{"type": "marker_parse"}], 400, "Unknown step type: marker_parse"),
        ("convert", 422, "valid list"),
    ],
)
def test_steps_that_no_pipeline_can_have_are_refused(
    simulator: Simulator, steps: object, status: int, words: str
) -> None:
    pipeline_id = simulator.pipelines.create(STEPS)
    for method, path in (("POST", PIPELINES), ("PUT", f"{PIPELINES}/{pipeline_id}")):
        answer = call(simulator, method, path, {"steps": steps})
        assert answer.status == status
        assert words in answer.body.decode()
    assert list(simulator.pipelines) == [pipeline_id]
    assert simulator.pipelines[pipeline_id].steps == STEPS


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "Field required"),
        ({"collection_id": 1, "pipeline_type": "fill"}, 422, "'convert', 'extract' or 'segment'"),
        ({"collection_id": 1, "pipeline_type": "extract"}, 400, "page_schema is required"),
        ({"collection_id": 1, "pipeline_type": "segment"}, 400, "segmentation_schema is required"),
        ({"collection_id": 1, "pipeline_id": "pl_none"}, 404, "Pipeline pl_none not found"),
    ],
)
def test_a_batch_run_that_cannot_be_is_refused(
    simulator: Simulator, body: object, status: int, words: str
) -> None:
    answer = call(simulator, "POST", BATCH_RUNS, body)
    assert answer.status == status
    assert words in answer.body.decode()
    assert done(call(simulator, "GET", BATCH_RUNS))["total"] == 0


def test_batch_runs_are_listed_by_what_they_run_over(simulator: Simulator) -> None:
    pipeline_id = simulator.pipelines.create(STEPS)
    bodies: list[dict[str, Any]] = [
        {"collection_id": 1, "eval_rubric_id": 5},
        {"collection_id": 2, "pipeline_id": pipeline_id},
        {"collection_id": 1, "pipeline_id": pipeline_id},
    ]
    ids = [done(call(simulator, "POST", BATCH_RUNS, body))["id"] for body in bodies]
    for query, wanted in (
        ("", [2, 1, 0]),
        ("collection_id=1", [2, 0]),
        ("eval_rubric_id=5", [0]),
        (f"pipeline_id={pipeline_id}", [2, 1]),
        (f"pipeline_id={pipeline_id}&collection_id=2", [1]),
        ("pipeline_id=pl_none", []),
    ):
        found = done(call(simulator, "GET", BATCH_RUNS, query=query))
        assert [one["id"] for one in found["batch_runs"]] == [ids[number] for number in wanted]
        assert found["total"] == len(wanted)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "greater than or equal to 1"),
        ("limit=201", "less than or equal to 200"),
        ("offset=-1", "greater than or equal to 0"),
        ("limit=many", "valid integer"),
    ],
)
def test_a_page_that_no_list_has_is_refused(simulator: Simulator, query: str, words: str) -> None:
    answer = call(simulator, "GET", PIPELINES, query=query)
    assert answer.status == 422
    assert words in answer.body.decode()


def test_the_last_step_lags_behind_as_long_as_a_test_says(
    simulator: Simulator, clock: VirtualClock
) -> None:
    assert simulator.pipelines.steps_lag == 0
    simulator.pipelines.steps_lag = 30
    assert simulator.pipelines.steps_lag == 30
    simulator.documents.script_always(DocumentScript(seconds=10))
    pipeline_id = simulator.pipelines.create(STEPS)
    url = f"{PIPELINES}/executions/{started(simulator, pipeline_id)}"
    seen: list[tuple[str, str]] = []
    for seconds in (5, 10, 30):
        clock.advance(seconds)
        found = done(call(simulator, "GET", url))
        seen.append((found["status"], found["steps"][0]["status"]))
    assert seen == [("running", "running"), ("completed", "running"), ("completed", "completed")]


def test_a_list_in_the_settings_of_a_step_is_sent_as_one_field(simulator: Simulator) -> None:
    formats = ["markdown", "html"]
    settings: dict[str, Any] = {"output_format": formats, "max_pages": 3, "extras": None}
    pipeline_id = simulator.pipelines.create([{"type": "convert", "settings": settings}])
    started(simulator, pipeline_id)
    [request] = simulator.documents.values()
    assert request.fields["output_format"] == "markdown,html"
    assert request.fields["max_pages"] == "3"
    assert "extras" not in request.fields


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": ["total"]}])
def test_a_stored_schema_needs_properties(simulator: Simulator, schema: object) -> None:
    path, body = "/api/v1/extraction_schemas", {"name": "Invoice", "schema_json": schema}
    answer = call(simulator, "POST", path, body)
    assert answer.status == 400
    assert "must contain a 'properties' key" in answer.body.decode()
    assert done(call(simulator, "GET", path))["total"] == 0
