"""Every answer of the embedded Datalab is one that the API is documented to give."""

from __future__ import annotations

import json
from typing import Any

import attrs
import httpx
import jsonschema_rs
import pytest

from datalab_facade.testing import (
    ExecutionScript,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
    WorkflowBehavior,
)
from datalab_facade.testing.schemas import load
from tests.contract.spec_guard import SpecGuard
from tests.faithful.documents import DOCUMENT, OPERATIONS, UNTYPED, closed, schema_of

GUARD = SpecGuard(DOCUMENT)
PARSE: dict[str, Any] = {
    "step_key": "marker_parse",
    "unique_name": "parse",
    "settings": {"max_pages": 3},
}
DEFINITION = {"name": "Ours", "steps": [PARSE]}


@attrs.frozen
class Asked:
    """One request of an operation, and the status that it is to get."""

    operation: str
    status: int
    given: dict[str, Any] = attrs.field(factory=dict)
    """What stands in the variable parts of the path."""
    query: dict[str, Any] = attrs.field(factory=dict)
    body: Any = None

    def __str__(self) -> str:
        said = {**self.given, **self.query} or ""
        return f"{self.operation} {self.status} {said}"


SUCCESSES = [
    Asked("list_step_types", 200),
    Asked("list_workflows", 200),
    Asked("list_workflows", 200, query={"team_id": 9}),
    Asked("create_workflow", 200, body=DEFINITION),
    Asked("create_workflow", 200, body={"name": "", "steps": []}),
    Asked("get_workflow", 200, {"workflow_id": 1}),
    Asked("delete_workflow", 200, {"workflow_id": 1}),
    Asked("execute_workflow", 200, {"workflow_id": 1}),
    Asked("execute_workflow", 200, {"workflow_id": 1}, body={"input_config": None}),
    Asked(
        "execute_workflow",
        200,
        {"workflow_id": 1},
        body={"input_config": {"file_urls": ["https://files.example/1.pdf"]}},
    ),
    *(Asked("get_execution_status", 200, {"execution_id": one}) for one in (1001, 1002, 1003)),
    Asked("request_upload_url", 200, body={"filename": "é.pdf", "content_type": "a/b"}),
    Asked("confirm_upload", 200, {"file_id_or_hashid": 1}),
    Asked("list_files", 200),
    Asked("list_files", 200, query={"limit": 1, "offset": 1}),
    *(Asked("get_file_metadata", 200, {"file_id": one}) for one in (1, 2)),
    Asked("get_file_download_url", 200, {"file_id": 1}),
    Asked("get_file_download_url", 200, {"file_id": 1}, {"expires_in": 60}),
    Asked("delete_file", 200, {"file_id": 1}),
]
REFUSED_FOR_NO_SUCH_THING = [
    *(Asked(f"{verb}_workflow", 404, {"workflow_id": 9}) for verb in ("get", "delete", "execute")),
    Asked("get_execution_status", 404, {"execution_id": 9}),
    *(Asked("confirm_upload", 404, {"file_id_or_hashid": one}) for one in (9, "n9")),
    *(
        Asked(name, 404, {"file_id": 9})
        for name in ("get_file_metadata", "get_file_download_url", "delete_file")
    ),
]
REFUSED_FOR_ITS_FORM = [
    Asked("list_workflows", 422, query={"team_id": "ours"}),
    Asked("create_workflow", 422, body=[]),
    Asked("create_workflow", 422, body={}),
    Asked("create_workflow", 422, body={"name": 1, "steps": [{}]}),
    *(
        Asked(f"{verb}_workflow", 422, {"workflow_id": one})
        for verb in ("get", "delete", "execute")
        for one in ("x", "1.5", "9" * 5000)
    ),
    Asked("execute_workflow", 422, {"workflow_id": 1}, body={"input_config": []}),
    Asked("get_execution_status", 422, {"execution_id": "x"}),
    Asked("request_upload_url", 422, body=5),
    Asked("request_upload_url", 422, body={}),
    Asked("request_upload_url", 422, body={"filename": None}),
    *(Asked("list_files", 422, query={name: "x"}) for name in ("limit", "offset")),
    *(
        Asked(name, 422, {"file_id": "x"})
        for name in ("get_file_metadata", "get_file_download_url", "delete_file")
    ),
    Asked("get_file_download_url", 422, {"file_id": 1}, {"expires_in": "x"}),
]
REFUSED_FOR_ITS_KEY = [
    attrs.evolve(one, status=401) for one in SUCCESSES + REFUSED_FOR_NO_SUCH_THING
]
REFUSED_AS_THINGS_STAND = [
    Asked("create_workflow", 400, body={"name": "", "steps": [{**PARSE, "step_key": "x"}]}),
    Asked("delete_workflow", 400, {"workflow_id": 2}),
    Asked("confirm_upload", 400, {"file_id_or_hashid": 2}),
    Asked("get_file_download_url", 400, {"file_id": 2}),
]


@pytest.fixture
def simulator(clock: VirtualClock) -> Simulator:
    """A Datalab that holds a few things of every kind."""
    made = Simulator(clock)
    made.files.hashids = False
    made.workflows.add("Ours", [PARSE])
    made.workflows.add("Executed", [PARSE])
    made.workflows.add("Theirs", [PARSE], team_id=9)
    failing = StepScript("parse", ends=60, outcome="FAILED", error="no pages")
    made.start(ExecutionScript([StepScript("parse", ends=60)], workflow_id=2))
    made.start(ExecutionScript([failing], error="parse failed", shape="nested"))
    made.start(ExecutionScript([StepScript("parse", ends=None)], queued=300))
    made.files.add("a.pdf", b"%PDF")
    status, _ = exchange(
        made, Asked("request_upload_url", 200, body={"filename": "b", "content_type": "a/b"})
    )
    assert status.status_code == 200
    clock.advance(100)
    return made


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def exchange(
    simulator: Simulator, asked: Asked, key: str | None = None
) -> tuple[httpx.Response, httpx.Request]:
    method, path, _ = OPERATIONS[asked.operation]
    with httpx.Client(
        transport=SimulatorTransport(simulator),
        base_url=simulator.api_origin,
        headers={
            "X-API-Key": simulator.api_key if key is None else key,
            "Content-Type": "application/json",
        },
    ) as client:
        answer = client.request(
            method,
            path.format(**asked.given),
            params=asked.query,
            content=None if asked.body is None else json.dumps(asked.body),
        )
    return answer, answer.request


def held_against_the_documents(simulator: Simulator, asked: Asked, key: str | None = None) -> None:
    answer, request = exchange(simulator, asked, key)
    assert answer.status_code == asked.status, answer.text
    assert answer.headers["content-type"] == "application/json"
    if asked.status == 200:
        GUARD.check(request, answer)
    else:
        GUARD.check_answer(request, answer)
    if asked.status == 200 and asked.operation in UNTYPED:
        jsonschema_rs.validate(schema_of(asked.operation), answer.json())
    elif asked.status not in (200, 422):
        jsonschema_rs.validate(closed(load("refusal")), answer.json())


@pytest.mark.parametrize("asked", SUCCESSES, ids=str)
def test_a_success_is_as_documented(simulator: Simulator, asked: Asked) -> None:
    held_against_the_documents(simulator, asked)


@pytest.mark.parametrize("asked", SUCCESSES, ids=str)
def test_a_success_is_as_documented_in_the_nested_shape_too(
    simulator: Simulator, asked: Asked
) -> None:
    simulator.workflows.behavior = WorkflowBehavior(shape="nested", execution_key="id")
    held_against_the_documents(simulator, asked)


@pytest.mark.parametrize(
    "asked",
    [*REFUSED_FOR_NO_SUCH_THING, *REFUSED_FOR_ITS_FORM, *REFUSED_AS_THINGS_STAND],
    ids=lambda asked: str(asked)[:60],
)
def test_a_refusal_is_as_documented(simulator: Simulator, asked: Asked) -> None:
    held_against_the_documents(simulator, asked)


@pytest.mark.parametrize("key", ["", "another"])
@pytest.mark.parametrize("asked", REFUSED_FOR_ITS_KEY, ids=str)
def test_a_request_without_the_right_key_is_refused_as_documented(
    simulator: Simulator, asked: Asked, key: str
) -> None:
    held_against_the_documents(simulator, asked, key)


def test_a_created_workflow_runs_to_its_end_in_documented_answers(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """At every moment on the way."""
    asked = Asked("execute_workflow", 200, {"workflow_id": 1}, body={})
    execution_id = exchange(simulator, asked)[0].json()["execution_id"]
    look = Asked("get_execution_status", 200, {"execution_id": execution_id})
    seen: list[str] = []
    for _ in range(20):
        held_against_the_documents(simulator, look)
        seen.append(exchange(simulator, look)[0].json()["status"])
        clock.advance(5)
    assert list(dict.fromkeys(seen)) == ["QUEUED", "IN_PROGRESS", "COMPLETED"]


def test_every_operation_is_asked_for_all_that_it_can_answer() -> None:
    """What is neither here nor impossible is forgotten."""
    with_ids = {name for name, (_, path, _) in OPERATIONS.items() if "{" in path}
    checked = {
        name
        for name, (_, _, operation) in OPERATIONS.items()
        if "requestBody" in operation
        or any(
            parameter["in"] in ("path", "query") and parameter["schema"].get("type") != "string"
            for parameter in operation.get("parameters", [])
        )
    }
    assert {one.operation for one in SUCCESSES} == set(OPERATIONS)
    assert {one.operation for one in REFUSED_FOR_ITS_KEY} == set(OPERATIONS)
    assert {one.operation for one in REFUSED_FOR_NO_SUCH_THING} == with_ids
    assert {one.operation for one in REFUSED_FOR_ITS_FORM} == checked


HARD_TO_READ: list[tuple[bytes, str, int]] = [
    (b"{", "application/json", 422),
    (b"\xff\xfe\x00", "application/json", 400),
    (b'{"name": "\xff"}', "application/json", 400),
    (b"[" * 100_000, "application/json", 400),
    (b"9" * 5000, "application/json", 400),
    (b"[1e999]", "application/json", 400),
    (b'{"name": NaN, "steps": []}', "application/json", 422),
    (b'{"name": "\\ud800", "steps": []}', "application/json", 422),
    (b'{"name": "", "steps": []}', "text/plain", 422),
    (b'{"name": "", "steps": []}', "application/x-www-form-urlencoded", 422),
    (b"\xff", "application/octet-stream", 422),
    (b'{"name": "", "steps": []}', "application/problem+json; charset=utf-8", 200),
    (b'{"name": "\\u0000", "steps": []}', "application/json", 200),
]


@pytest.mark.parametrize("path", ["workflows", "workflows/1/execute"])
@pytest.mark.parametrize(("content", "kind", "status"), HARD_TO_READ)
def test_a_body_that_is_hard_to_read_gets_a_documented_answer(
    simulator: Simulator, path: str, content: bytes, kind: str, status: int
) -> None:
    with httpx.Client(transport=SimulatorTransport(simulator)) as client:
        answer = client.post(
            f"{simulator.api_origin}/api/v1/workflows/{path}",
            content=content,
            headers={"X-API-Key": simulator.api_key, "Content-Type": kind},
        )
    assert answer.status_code == status, answer.text
    GUARD.check_answer(answer.request, answer)
