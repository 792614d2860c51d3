"""What the facade sends and makes of the answers, for pipelines, schemas and batch runs."""

from __future__ import annotations

import json
from typing import Any

import attrs
import httpx
import pytest
import respx

from datalab_facade import (
    APIConnectionError,
    AuthenticationError,
    ConflictError,
    InternalServerError,
    InvalidResponseError,
    NotFoundError,
    PaymentRequiredError,
    RateLimitError,
    SubmissionUncertainError,
    UnprocessableEntityError,
)
from datalab_facade.documents.tasks import Convert, Extract, Segment
from datalab_facade.pipelines.definitions import PipelineStep
from tests.ways import Way

BASE = "/api/v1/pipelines"
SCHEMAS = "/api/v1/extraction_schemas"
RUNS = "/api/v1/eval_batch_runs"
INVOICE: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}
PIPELINE: dict[str, Any] = {
    "id": 3,
    "pipeline_id": "pl_a1",
    "name": "Invoices",
    "steps": [
        {"type": "convert", "settings": {"mode": "balanced"}},
        {"type": "extract", "settings": {"page_schema": INVOICE}},
    ],
    "is_saved": True,
    "archived": False,
    "active_version": 2,
    "created": "2026-11-01T10:00:00Z",
    "updated": "2026-11-02T10:00:00Z",
}
VERSION = {"id": 9, "version": 2, "steps": PIPELINE["steps"], "description": "faster"}
EXECUTION: dict[str, Any] = {
    "execution_id": "pex_b2",
    "pipeline_id": "pl_a1",
    "pipeline_version": 2,
    "status": "completed",
    "created": "2026-11-01T10:00:00Z",
    "started_at": "2026-11-01T10:00:01Z",
    "completed_at": "2026-11-01T10:00:30Z",
    "steps": [
        {"step_index": 0, "step_type": "convert", "status": "completed", "checkpoint_id": "cp1"},
        {"step_index": 1, "step_type": "extract", "status": "completed"},
    ],
    "rate_breakdown": {"total_rate_per_1000_cents": 600.0},
}
SCHEMA: dict[str, Any] = {
    "id": 4,
    "schema_id": "sch_c3",
    "name": "Invoice",
    "schema_json": INVOICE,
    "version": 1,
    "archived": False,
}
RUN: dict[str, Any] = {
    "id": 6,
    "collection_id": 8,
    "eval_rubric_id": None,
    "pipeline_id": "pl_a1",
    "pipeline_type": "convert",
    "status": "running",
    "started_at": "2026-11-01T10:00:00Z",
    "completed_at": None,
    "total_files": 20,
    "completed_files": 5,
    "avg_score": 4.5,
    "created": "2026-11-01T10:00:00Z",
}
STEPS = [Convert(mode="balanced"), Extract(INVOICE)]
PDF = b"%PDF-1.7 one page"


@pytest.fixture
def do(way: Way) -> Any:
    """Give a way to call a method of a client, named with its resource."""
    client = way.network_client(max_retries=0)

    def call(name: str, /, *given: Any, **options: Any) -> Any:
        method: Any = client
        for part in name.split("."):
            method = getattr(method, part)
        result = way.done(method(*given, **options))
        return way.collect(result) if name.endswith(".list") else result

    return call


@attrs.frozen
class Asked:
    """A request, the call that sends it, and a good answer."""

    method: str
    path: str
    call: tuple[Any, ...]
    answer: Any
    creates: bool = False
    """Whether it must not be carried out twice."""


OPERATIONS = [
    Asked("POST", BASE, ("pipelines.create", STEPS), PIPELINE, creates=True),
    Asked("GET", BASE, ("pipelines.list",), {"pipelines": [PIPELINE], "total": 1}),
    Asked("GET", f"{BASE}/pl_a1", ("pipelines.get", "pl_a1"), PIPELINE),
    Asked("PUT", f"{BASE}/pl_a1", ("pipelines.update", "pl_a1", STEPS), PIPELINE),
    Asked("PUT", f"{BASE}/pl_a1/save", ("pipelines.save", "pl_a1", "Invoices"), PIPELINE),
    Asked("POST", f"{BASE}/pl_a1/archive", ("pipelines.archive", "pl_a1"), {"success": True}),
    Asked("POST", f"{BASE}/pl_a1/unarchive", ("pipelines.unarchive", "pl_a1"), {}),
    Asked(
        "POST",
        f"{BASE}/pl_a1/versions",
        ("pipelines.create_version", "pl_a1"),
        VERSION,
        creates=True,
    ),
    Asked(
        "GET", f"{BASE}/pl_a1/versions", ("pipelines.versions", "pl_a1"), {"versions": [VERSION]}
    ),
    Asked("POST", f"{BASE}/pl_a1/discard", ("pipelines.discard", "pl_a1"), PIPELINE),
    Asked("GET", f"{BASE}/pl_a1/rate", ("pipelines.rate", "pl_a1"), {"rate_per_1000_cents": 600}),
    Asked(
        "POST",
        f"{BASE}/pl_a1/run",
        ("pipelines.run", "pl_a1", "https://a.example/1.pdf"),
        EXECUTION,
        creates=True,
    ),
    Asked(
        "GET",
        f"{BASE}/pl_a1/executions",
        ("pipelines.executions.list", "pl_a1"),
        {"executions": [EXECUTION], "total": 1},
    ),
    Asked("GET", f"{BASE}/executions/pex_b2", ("pipelines.executions.get", "pex_b2"), EXECUTION),
    Asked("POST", SCHEMAS, ("extraction_schemas.create", "Invoice", INVOICE), SCHEMA, creates=True),
    Asked("GET", SCHEMAS, ("extraction_schemas.list",), {"schemas": [SCHEMA], "total": 1}),
    Asked("GET", f"{SCHEMAS}/sch_c3", ("extraction_schemas.get", "sch_c3"), SCHEMA),
    Asked("PUT", f"{SCHEMAS}/sch_c3", ("extraction_schemas.update", "sch_c3", INVOICE), SCHEMA),
    Asked("DELETE", f"{SCHEMAS}/sch_c3", ("extraction_schemas.delete", "sch_c3"), SCHEMA),
    Asked("POST", RUNS, ("batch_runs.start", "pl_a1", 8), RUN, creates=True),
    Asked("GET", RUNS, ("batch_runs.list",), {"batch_runs": [RUN], "total": 1}),
]


def name_of(asked: Asked) -> str:
    return str(asked.call[0])


each_operation = pytest.mark.parametrize("asked", OPERATIONS, ids=name_of)
each_creation = pytest.mark.parametrize(
    "asked", [one for one in OPERATIONS if one.creates], ids=name_of
)


@each_operation
def test_each_operation_is_answered(api: respx.MockRouter, do: Any, asked: Asked) -> None:
    api.route(method=asked.method, path=asked.path).respond(200, json=asked.answer)
    do(*asked.call)


@each_operation
def test_invalid_values_name_what_is_wrong(api: respx.MockRouter, do: Any, asked: Asked) -> None:
    issue = {"loc": ["body", "steps", 0], "msg": "not a step", "type": "value_error"}
    api.route(method=asked.method, path=asked.path).respond(422, json={"detail": [issue]})
    with pytest.raises(UnprocessableEntityError) as caught:
        do(*asked.call)
    [found] = caught.value.issues
    assert (found.loc, found.msg) == (("body", "steps", 0), "not a step")


@pytest.mark.off_spec
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationError),
        (402, PaymentRequiredError),
        (404, NotFoundError),
        (409, ConflictError),
        (429, RateLimitError),
    ],
)
@each_operation
def test_a_refusal_is_an_error_of_its_own(
    api: respx.MockRouter, do: Any, asked: Asked, status: int, error: type[Exception]
) -> None:
    api.route(method=asked.method, path=asked.path).respond(status, json={"detail": "no"})
    with pytest.raises(error):
        do(*asked.call)


@pytest.mark.parametrize("status", [500, 502])
@each_creation
def test_a_creation_that_may_have_happened_is_not_repeated(
    api: respx.MockRouter, way: Way, asked: Asked, status: int
) -> None:
    route = api.route(method=asked.method, path=asked.path).respond(
        status, json={"detail": "broken"}
    )
    resource, _, method = str(asked.call[0]).rpartition(".")
    client = way.network_client(max_retries=5)
    with pytest.raises(SubmissionUncertainError) as caught:
        way.done(getattr(getattr(client, resource), method)(*asked.call[1:]))
    assert route.call_count == 1
    assert "again" in str(caught.value)


@pytest.mark.parametrize("asked", [one for one in OPERATIONS if not one.creates], ids=name_of)
def test_whatever_creates_nothing_is_repeated_after_a_failure(
    api: respx.MockRouter, way: Way, asked: Asked
) -> None:
    route = api.route(method=asked.method, path=asked.path)
    route.side_effect = [
        httpx.Response(500, json={"detail": "broken"}),
        httpx.Response(200, json=asked.answer),
    ]
    method: Any = way.network_client(max_retries=1, random=lambda: 0.0)
    for part in str(asked.call[0]).split("."):
        method = getattr(method, part)
    result = way.done(method(*asked.call[1:]))
    if str(asked.call[0]).endswith(".list"):
        way.collect(result)
    assert route.call_count == 2


def test_a_pipeline_comes_out_typed(api: respx.MockRouter, do: Any) -> None:
    api.get(f"{BASE}/pl_a1").respond(200, json=PIPELINE)
    found = do("pipelines.get", "pl_a1")
    assert (found.id, found.name, found.active_version) == ("pl_a1", "Invoices", 2)
    assert [step.type for step in found.steps] == ["convert", "extract"]
    assert found.steps[1].settings == {"page_schema": INVOICE}
    assert (found.is_saved, found.is_archived, found.raw) == (True, False, PIPELINE)


def test_steps_are_sent_as_the_spec_wants_them(api: respx.MockRouter, do: Any) -> None:
    route = api.post(BASE).respond(200, json=PIPELINE)
    custom = PipelineStep(type="custom", custom_processor_id="cp_1", settings={"a": [1]})
    rubric = PipelineStep.of(Extract(INVOICE), eval_rubric_id=7)
    do("pipelines.create", [Convert(paginate=True), Segment({"Bill": "a bill"}), custom, rubric])
    sent = json.loads(route.calls.last.request.content)["steps"]
    assert sent[0] == {"type": "convert", "settings": {"paginate": True}}
    assert sent[1]["type"] == "segment"
    assert "segmentation_schema" in sent[1]["settings"]
    assert sent[2] == {"type": "custom", "settings": {"a": [1]}, "custom_processor_id": "cp_1"}
    assert sent[3] == {
        "type": "extract",
        "settings": {"page_schema": INVOICE},
        "eval_rubric_id": 7,
    }


def test_pages_are_followed(api: respx.MockRouter, do: Any) -> None:
    pages = [
        {"pipelines": [{**PIPELINE, "pipeline_id": f"pl_{n}"} for n in names], "total": 3}
        for names in ((1, 2), (3,))
    ]
    route = api.get(BASE)
    route.side_effect = [httpx.Response(200, json=page) for page in pages]
    found = do("pipelines.list", saved_only=False, include_archived=True, page_size=2)
    assert [one.id for one in found] == ["pl_1", "pl_2", "pl_3"]
    assert [dict(call.request.url.params)["offset"] for call in route.calls] == ["0", "2"]
    assert dict(route.calls.last.request.url.params) == {
        "saved_only": "false",
        "include_archived": "true",
        "limit": "2",
        "offset": "2",
    }


def test_a_file_is_run_as_a_form(api: respx.MockRouter, do: Any) -> None:
    route = api.post(f"{BASE}/pl_a1/run").respond(200, json=EXECUTION)
    handle = do("pipelines.run", "pl_a1", PDF, name="a b.pdf", version=0, page_range=[0, 1, 2])
    assert handle.id == "pex_b2"
    request = route.calls.last.request
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(request.headers["content-length"]) == len(request.content)
    assert b'name="version"\r\n\r\n0\r\n' in request.content
    assert b'name="page_range"\r\n\r\n0-2\r\n' in request.content
    assert b'filename="a b.pdf"' in request.content
    assert PDF in request.content


def test_a_broken_connection_after_the_form_leaves_it_uncertain(
    api: respx.MockRouter, do: Any
) -> None:
    api.post(f"{BASE}/pl_a1/run").mock(side_effect=httpx.ReadError("gone"))
    with pytest.raises(SubmissionUncertainError, match="pl_a1") as caught:
        do("pipelines.run", "pl_a1", "https://a.example/1.pdf?token=secret")
    assert "secret" not in str(caught.value.sent)


def test_a_server_that_is_not_reached_started_nothing(api: respx.MockRouter, do: Any) -> None:
    api.post(f"{BASE}/pl_a1/run").mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(APIConnectionError):
        do("pipelines.run", "pl_a1", "https://a.example/1.pdf")


def test_an_execution_comes_out_typed(api: respx.MockRouter, do: Any) -> None:
    api.get(f"{BASE}/executions/pex_b2").respond(200, json=EXECUTION)
    found = do("pipelines.executions.get", "pex_b2")
    assert (found.id, found.status, found.pipeline_version) == ("pex_b2", "COMPLETED", 2)
    assert [step.checkpoint_id for step in found.steps] == ["cp1", None]
    assert found.cost_per_1000_pages == 600


@pytest.mark.off_spec
def test_an_answer_about_another_execution_is_an_error(api: respx.MockRouter, do: Any) -> None:
    api.get(f"{BASE}/executions/pex_b2").respond(200, json={**EXECUTION, "execution_id": "pex_x"})
    with pytest.raises(InvalidResponseError, match="pex_x, but pipeline execution pex_b2"):
        do("pipelines.executions.get", "pex_b2")


def test_a_schema_comes_out_typed(api: respx.MockRouter, do: Any) -> None:
    route = api.post(SCHEMAS).respond(200, json=SCHEMA)
    found = do("extraction_schemas.create", "Invoice", INVOICE, description="of 2026")
    assert (found.id, found.name, found.schema, found.version) == ("sch_c3", "Invoice", INVOICE, 1)
    assert json.loads(route.calls.last.request.content) == {
        "name": "Invoice",
        "schema_json": INVOICE,
        "description": "of 2026",
    }


def test_only_what_changes_is_sent(api: respx.MockRouter, do: Any) -> None:
    route = api.put(f"{SCHEMAS}/sch_c3").respond(200, json=SCHEMA)
    do("extraction_schemas.update", "sch_c3", is_archived=True)
    assert json.loads(route.calls.last.request.content) == {"archived": True}
    do("extraction_schemas.update", "sch_c3", INVOICE, create_new_version=True)
    assert json.loads(route.calls.last.request.content) == {
        "schema_json": INVOICE,
        "create_new_version": True,
    }


def test_a_batch_run_comes_out_typed(api: respx.MockRouter, do: Any) -> None:
    route = api.post(RUNS).respond(200, json=RUN)
    found = do("batch_runs.start", Extract(INVOICE, output_format="json"), 8, eval_rubric_id=2)
    assert (found.id, found.total_files, found.average_score) == (6, 20, 4.5)
    sent = json.loads(route.calls.last.request.content)
    assert json.loads(sent.pop("page_schema")) == INVOICE
    assert sent == {
        "collection_id": 8,
        "eval_rubric_id": 2,
        "pipeline_type": "extract",
        "output_format": "json",
    }


def test_a_server_that_fails_is_told_apart(api: respx.MockRouter, do: Any) -> None:
    api.get(f"{BASE}/pl_a1").respond(500, json={"detail": "broken"})
    with pytest.raises(InternalServerError):
        do("pipelines.get", "pl_a1")
