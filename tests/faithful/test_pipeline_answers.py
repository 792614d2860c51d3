"""Every answer about pipelines, schemas and batch runs is one that the API documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import attrs
import httpx
import jsonschema_rs
import pytest

from datalab_facade.testing import DocumentScript, Simulator, SimulatorTransport, VirtualClock
from datalab_facade.testing.schemas import load
from tests.contract.spec_guard import SpecGuard
from tests.faithful.documents import DOCUMENT, PIPELINE_OPERATIONS, closed

GUARD = SpecGuard(DOCUMENT)
PDF = ("a.pdf", b"%PDF-1.7", "application/pdf")
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}
STEPS: list[Any] = [
    {"type": "convert", "settings": {"mode": "balanced"}},
    {"type": "extract", "settings": {"page_schema": SCHEMA}},
]
NAMES = {
    "pipeline_id": "pl_000000000001",
    "execution_id": "pex_000000000003",
    "schema_id": "sch_000000000001",
    "step_index": 0,
}
"""What there is in the simulator of these tests."""


@attrs.frozen
class Asked:
    """One request of an operation."""

    operation: str
    query: dict[str, Any] = attrs.field(factory=dict)
    json: Any = None
    files: Any = None
    status: int = 200
    names: dict[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return f"{self.operation} {self.status} {self.query or self.json or ''}"[:80]


RUN = "POST pipelines/{pipeline_id}/run"
EXECUTION = "GET pipelines/executions/{execution_id}"
RESULT = "GET pipelines/executions/{execution_id}/steps/{step_index}/result"
SUCCESSES = [
    Asked("POST pipelines", json={"steps": STEPS}),
    Asked("GET pipelines"),
    Asked("GET pipelines", {"saved_only": False, "include_archived": True, "limit": 1}),
    Asked("GET pipelines/{pipeline_id}"),
    Asked("PUT pipelines/{pipeline_id}", json={"steps": STEPS[:1]}),
    Asked("PUT pipelines/{pipeline_id}/save", json={"name": "Bills"}),
    Asked("POST pipelines/{pipeline_id}/archive"),
    Asked("POST pipelines/{pipeline_id}/unarchive"),
    Asked("POST pipelines/{pipeline_id}/versions", json={"description": "second"}),
    Asked("GET pipelines/{pipeline_id}/versions"),
    Asked("POST pipelines/{pipeline_id}/discard", json={"version": 1}),
    Asked("GET pipelines/{pipeline_id}/rate"),
    Asked(RUN, files={"file": PDF, "version": (None, "0"), "page_range": (None, "0-2")}),
    Asked(RUN, files={"file_url": (None, "https://files.example/a.pdf")}),
    Asked("GET pipelines/{pipeline_id}/executions"),
    Asked("GET pipelines/{pipeline_id}/executions", {"limit": 1, "offset": 1}),
    Asked(EXECUTION),
    Asked(RESULT),
    Asked(RESULT, names={"step_index": 1}),
    Asked("POST extraction_schemas", json={"name": "Invoice", "schema_json": SCHEMA}),
    Asked("GET extraction_schemas", {"include_archived": True}),
    Asked("GET extraction_schemas/{schema_id}"),
    Asked(
        "PUT extraction_schemas/{schema_id}",
        json={"name": "Bill", "schema_json": SCHEMA, "create_new_version": True},
    ),
    Asked("DELETE extraction_schemas/{schema_id}"),
    Asked("POST eval_batch_runs", json={"collection_id": 3, "pipeline_id": NAMES["pipeline_id"]}),
    Asked("GET eval_batch_runs"),
    Asked("GET eval_batch_runs", {"collection_id": 3, "pipeline_id": NAMES["pipeline_id"]}),
]
UNKNOWN = {"pipeline_id": "pl_x", "execution_id": "pex_x", "schema_id": "sch_x"}
REFUSED = [
    *(
        attrs.evolve(one, status=404, names=UNKNOWN)
        for one in SUCCESSES
        if "{" in one.operation and not one.names
    ),
    Asked(RESULT, status=404, names={"step_index": 7}),
    Asked("POST pipelines/{pipeline_id}/discard", json={"version": -1}, status=404),
    Asked(RUN, files={"file": PDF, "version": (None, "-2")}, status=404),
]
INVALID = [
    Asked("POST pipelines", json={}, status=422),
    Asked("POST pipelines", json={"steps": [{"type": 5}]}, status=422),
    Asked("PUT pipelines/{pipeline_id}", json=[], status=422),
    Asked(RUN, files={"version": (None, "x")}, status=422),
    Asked(RESULT, status=422, names={"step_index": "x"}),
    Asked("POST extraction_schemas", json={"name": 5}, status=422),
    Asked("PUT extraction_schemas/{schema_id}", json={"archived": "x"}, status=422),
    Asked("PUT extraction_schemas/{schema_id}", json={"create_new_version": None}, status=422),
    Asked("POST eval_batch_runs", json={}, status=422),
    *(
        Asked("POST eval_batch_runs", json={"collection_id": 3, name: value}, status=422)
        for name, value in (
            ("pipeline_id", [1]),
            ("eval_rubric_id", "x"),
            ("pipeline_type", None),
            ("pipeline_type", "fill"),
        )
    ),
    Asked("POST extraction_schemas", json={"name": "x" * 201, "schema_json": SCHEMA}, status=422),
    *(
        Asked(operation, {"limit": "x"}, status=422)
        for operation in ("GET pipelines", "GET extraction_schemas", "GET eval_batch_runs")
    ),
]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def simulator(clock: VirtualClock) -> Simulator:
    """A Datalab with a pipeline that is saved and published, an execution and a schema."""
    return Simulator(clock)


@pytest.fixture
def http(simulator: Simulator, clock: VirtualClock) -> Iterator[httpx.Client]:
    with httpx.Client(
        transport=SimulatorTransport(simulator),
        base_url=simulator.api_origin,
        headers={"X-API-Key": simulator.api_key},
    ) as http:
        for one in (
            SUCCESSES[0],
            Asked("PUT pipelines/{pipeline_id}/save", json={"name": "Invoices"}),
            Asked("POST pipelines/{pipeline_id}/versions", json={}),
            Asked(RUN, files={"file": PDF}),
            Asked("POST extraction_schemas", json={"name": "Invoice", "schema_json": SCHEMA}),
        ):
            assert send(http, one).status_code == 200
        clock.advance(60)
        yield http


def send(http: httpx.Client, asked: Asked) -> httpx.Response:
    method, path, _ = PIPELINE_OPERATIONS[asked.operation]
    return http.request(
        method,
        path.format(**{**NAMES, **asked.names}),
        params=asked.query,
        json=asked.json,
        files=asked.files,
    )


def check(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    if status == 200:
        GUARD.check(answer.request, answer)
    else:
        GUARD.check_answer(answer.request, answer)
    if status not in (200, 422):
        jsonschema_rs.validate(closed(load("refusal")), answer.json())
    return answer.json()


def test_the_world_of_these_tests_has_these_names(http: httpx.Client, simulator: Simulator) -> None:
    assert [*simulator.pipelines] == [NAMES["pipeline_id"]]
    assert [*simulator.pipelines.executions] == [NAMES["execution_id"]]


@pytest.mark.parametrize("asked", SUCCESSES, ids=str)
def test_a_success_is_as_documented(http: httpx.Client, asked: Asked) -> None:
    check(send(http, asked))


@pytest.mark.parametrize("asked", [*REFUSED, *INVALID], ids=str)
def test_a_refusal_is_as_documented(http: httpx.Client, asked: Asked) -> None:
    check(send(http, asked), asked.status)


@pytest.mark.parametrize("asked", SUCCESSES, ids=str)
def test_without_the_right_key_nothing_is_done(http: httpx.Client, asked: Asked) -> None:
    http.headers["X-API-Key"] = "another"
    check(send(http, asked), 401)


@pytest.mark.parametrize(
    "scripts",
    [
        [DocumentScript(), DocumentScript()],
        [DocumentScript(), DocumentScript(error="no pages")],
        [DocumentScript(error="no pages"), DocumentScript()],
        [DocumentScript(via_url=True, pages=3), DocumentScript(cost_after=50, scores_after=50)],
    ],
)
def test_every_answer_on_the_way_is_as_documented(
    simulator: Simulator, clock: VirtualClock, http: httpx.Client, scripts: list[DocumentScript]
) -> None:
    simulator.documents.script(*scripts)
    started = check(send(http, Asked(RUN, files={"file": PDF})))
    seen: list[str] = []
    names = {"execution_id": started["execution_id"]}
    for _ in range(20):
        body = check(send(http, Asked(EXECUTION, names=names)))
        seen.append(body["status"])
        for step in body["steps"]:
            done = step["status"] == "completed"
            at = {**names, "step_index": step["step_index"]}
            check(send(http, Asked(RESULT, names=at)), 200 if done else 404)
        clock.advance(1)
    failed = [script.failed for script in scripts]
    end = {0: "completed", 1: "completed_with_errors"}[sum(failed)] if not failed[0] else "failed"
    assert list(dict.fromkeys(seen)) == ["pending", "running", end]


def test_a_refusal_says_which_field_is_missing(http: httpx.Client) -> None:
    answer = check(send(http, Asked("POST pipelines", json={}, status=422)), 422)
    assert [one["type"] for one in answer["detail"]] == ["missing"]


@pytest.mark.parametrize(
    "settings",
    [{"max_pages": "many"}, {"max_pages": 1.5}, {"page_range": "x"}, {"page_schema": "{"}],
)
def test_settings_that_make_no_sense_are_refused_when_they_are_to_be_used(
    http: httpx.Client, settings: dict[str, Any]
) -> None:
    step = {"type": "extract", "settings": settings}
    check(send(http, Asked("PUT pipelines/{pipeline_id}", json={"steps": [step]})))
    started = send(http, Asked(RUN, files={"file": PDF, "version": (None, "0")}))
    check(started, 400)


def test_a_batch_run_ends_when_its_files_have(http: httpx.Client, clock: VirtualClock) -> None:
    run = check(send(http, Asked("POST eval_batch_runs", json={"collection_id": 3})))
    clock.advance(100)
    [ended] = check(send(http, Asked("GET eval_batch_runs")))["batch_runs"]
    assert (run["started_at"], run["completed_at"]) == (ended["started_at"], None)
    times = map(datetime.fromisoformat, (ended["started_at"], ended["completed_at"]))
    assert sum(moment.timestamp() * sign for moment, sign in zip(times, (-1, 1), strict=True)) == 20


def test_every_operation_is_asked_for() -> None:
    assert {one.operation for one in SUCCESSES} == set(PIPELINE_OPERATIONS)
    with_ids = {name for name in PIPELINE_OPERATIONS if "{" in name}
    assert {one.operation for one in REFUSED} == with_ids
