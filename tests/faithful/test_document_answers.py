"""Every answer about a document request is one that the API is documented or recorded to give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import jsonschema_rs
import pytest

from datalab_facade.testing import (
    DocumentScript,
    Simulator,
    SimulatorTransport,
    VirtualClock,
)
from datalab_facade.testing.document_bodies import RESULT_KEYS
from datalab_facade.testing.documents_api import FORMS, JSON_BODIES
from datalab_facade.testing.schemas import load
from tests.contract.spec_guard import SpecGuard
from tests.faithful.documents import (
    DOCUMENT,
    DOCUMENT_ENDPOINTS,
    DOCUMENT_OPERATIONS,
    closed,
)

GUARD = SpecGuard(DOCUMENT)
BODIES = Path(__file__).parents[1] / "contract" / "bodies"
PDF = {"file": ("a.pdf", b"%PDF-1.7", "application/pdf")}
SCHEMA = json.dumps({"type": "object", "properties": {"total": {"type": "number"}}})

SCRIPTS = [
    DocumentScript(),
    DocumentScript(pages=3, cost_after=50, scores_after=50, via_url=True),
    DocumentScript(images={"a.png": b"\x89PNG"}, markdown="![](a.png)", quality_score=None),
    DocumentScript(error="no pages"),
    DocumentScript(error="no pages", status="failed", seconds=50),
    DocumentScript(status="expired"),
]


@attrs.frozen
class Submission:
    """What is sent to an endpoint."""

    endpoint: str
    data: dict[str, Any] = attrs.field(factory=dict)
    file: bool = True

    def __str__(self) -> str:
        return f"{self.endpoint} {self.data or ''}"

    def send(self, http: httpx.Client) -> httpx.Response:
        url = f"/api/v1/{self.endpoint}"
        if self.endpoint in JSON_BODIES:
            return http.post(url, json=self.data)
        parts: dict[str, Any] = {name: (None, str(value)) for name, value in self.data.items()}
        return http.post(url, files={**parts, **(PDF if self.file else {})})


SUBMISSIONS = [
    Submission("convert"),
    Submission(
        "convert", {"output_format": "markdown,html,json,chunks", "save_checkpoint": "true"}
    ),
    Submission("extract", {"page_schema": SCHEMA, "include_scores": "true"}),
    Submission("extract", {"schema_id": "sch_1", "file_url": "https://a.example/"}, file=False),
    Submission("segment", {"segmentation_schema": '{"segments": []}'}),
    Submission("fill", {"field_data": '{"name": {"value": "Jane", "description": "Name"}}'}),
    Submission("track-changes"),
    Submission("agent", {"processor": "cp_1"}),
    Submission("create-document", {"markdown": "# A", "webhook_url": None}),
    Submission("marker/extraction/gen_schemas", {"checkpoint_id": "a checkpoint"}),
]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def simulator(clock: VirtualClock) -> Simulator:
    return Simulator(clock)


@pytest.fixture
def http(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(
        transport=SimulatorTransport(simulator),
        base_url=simulator.api_origin,
        headers={"X-API-Key": simulator.api_key},
    ) as http:
        yield http


def submit(simulator: Simulator, http: httpx.Client, submission: Submission) -> httpx.Response:
    if "checkpoint_id" in submission.data:
        request_id = simulator.documents.start(fields={"save_checkpoint": "true"})
        checkpoint = simulator.documents[request_id].checkpoint_id
        submission = attrs.evolve(submission, data={"checkpoint_id": checkpoint})
    return submission.send(http)


def answer_schema(answer: httpx.Response) -> dict[str, Any]:
    """Give the schema of an operation's answer; it allows no other fields."""
    path = answer.request.url.path.removeprefix("/api/v1/")
    endpoint = next(one for one in DOCUMENT_ENDPOINTS if path.startswith(one))
    name = endpoint if path == endpoint else f"{endpoint}/{{request_id}}"
    _, _, operation = DOCUMENT_OPERATIONS[f"{answer.request.method} {name}"]
    reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    schema: dict[str, Any] = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    return {**schema, "additionalProperties": endpoint == "agent"}


def check(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    GUARD.check(answer.request, answer)
    body: dict[str, Any] = answer.json()
    jsonschema_rs.validate(answer_schema(answer), body)
    return body


def kinds(body: dict[str, Any]) -> dict[str, type]:
    """Give the types of the fields that are not null; whole numbers are numbers."""
    return {
        name: float if type(value) is int else type(value)
        for name, value in body.items()
        if value is not None
    }


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("submission", SUBMISSIONS, ids=str)
def test_every_answer_on_the_way_is_as_documented(
    simulator: Simulator,
    clock: VirtualClock,
    http: httpx.Client,
    submission: Submission,
    script: DocumentScript,
) -> None:
    simulator.documents.script_always(script)
    answer = submit(simulator, http, submission)
    url = check(answer)["request_check_url"]
    statuses = []
    for _ in range(7):
        body = check(http.get(url))
        statuses.append(body["status"])
        assert (body["success"] is None) is (body["status"] == "processing")
        clock.advance(10)
    assert list(dict.fromkeys(statuses)) == ["processing", script.status]


def test_a_submission_is_answered_as_recorded(http: httpx.Client) -> None:
    recorded = json.loads((BODIES / "convert-submit.json").read_text())
    body = check(SUBMISSIONS[0].send(http))
    assert list(body) == list(recorded)
    assert kinds(body) == kinds(recorded)
    assert len(body["request_id"]) == len(recorded["request_id"])
    assert (
        body["request_check_url"].replace(body["request_id"], recorded["request_id"])
        == (recorded["request_check_url"])
    )


@pytest.mark.parametrize("endpoint", ["convert", "extract", "segment", "track-changes"])
def test_a_result_has_the_keys_and_types_that_were_recorded(
    simulator: Simulator, clock: VirtualClock, http: httpx.Client, endpoint: str
) -> None:
    recorded = json.loads((BODIES / "convert-complete.json").read_text())
    request_id = simulator.documents.start(endpoint=endpoint)  # type: ignore[arg-type]
    url = f"/api/v1/{endpoint}/{request_id}"
    early = check(http.get(url))
    clock.advance(3)
    body = check(http.get(url))
    assert list(body) == list(early) == list(recorded) == list(RESULT_KEYS)
    assert len(recorded) == 25
    known, seen = kinds(recorded), kinds(body)
    assert {name: kind for name, kind in seen.items() if name in known} == {
        name: kind for name, kind in known.items() if name in seen
    }
    if endpoint == "convert":
        assert seen == known
        assert kinds(body["cost_breakdown"]) == kinds(recorded["cost_breakdown"])
        assert list(body["metadata"]["page_stats"][0]) == list(
            recorded["metadata"]["page_stats"][0]
        )


@pytest.mark.parametrize("submission", SUBMISSIONS, ids=str)
def test_without_the_right_key_nothing_is_submitted(
    simulator: Simulator, http: httpx.Client, submission: Submission
) -> None:
    http.headers["X-API-Key"] = "another"
    answer = submission.send(http)
    assert answer.status_code == 401
    jsonschema_rs.validate(closed(load("refusal")), answer.json())
    assert not simulator.documents


@pytest.mark.parametrize("endpoint", DOCUMENT_ENDPOINTS)
def test_a_request_that_is_not_known_is_a_404(http: httpx.Client, endpoint: str) -> None:
    answer = http.get(f"/api/v1/{endpoint}/none")
    assert answer.status_code == 404
    GUARD.check_answer(answer.request, answer)


@pytest.mark.parametrize(
    "submission",
    [
        Submission("convert", {"max_pages": "x", "paginate": "x"}),
        *(Submission(endpoint) for endpoint in ("segment", "fill", "agent")),
        Submission("create-document", {"markdown": 5}),
        Submission("marker/extraction/gen_schemas"),
    ],
    ids=str,
)
def test_an_invalid_form_is_refused_as_documented(
    http: httpx.Client, submission: Submission
) -> None:
    answer = submission.send(http)
    assert answer.status_code == 422
    GUARD.check_answer(answer.request, answer)


@pytest.mark.parametrize("status", [400, 402])
def test_a_refusal_is_a_sentence(simulator: Simulator, http: httpx.Client, status: int) -> None:
    if status == 402:
        simulator.documents.spend_cap_cents = 0
    answer = Submission("convert", file=False).send(http)
    assert answer.status_code == status
    GUARD.check_answer(answer.request, answer)
    jsonschema_rs.validate(closed(load("refusal")), answer.json())


def test_thumbnails_and_health_are_as_documented(simulator: Simulator, http: httpx.Client) -> None:
    request_id = simulator.documents.start(DocumentScript(pages=2))
    for url in (f"/api/v1/thumbnails/{request_id}?thumb_width=100", "/api/v1/user_health"):
        answer = http.get(url)
        GUARD.check(answer.request, answer)


@pytest.mark.parametrize("endpoint", FORMS)
def test_the_fields_of_each_form_are_those_of_the_document(endpoint: str) -> None:
    name = f"Body_{endpoint.replace('-', '_')}_api_v1_{endpoint.replace('-', '_')}_post"
    schema = DOCUMENT["components"]["schemas"][name]
    known = FORMS[endpoint]  # type: ignore[index]
    types = {field: _type(one) for field, one in schema["properties"].items() if field != "file"}
    assert known.kinds == types
    assert known.required == set(schema.get("required", ()))


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("create-document", "CreateDocumentRequest"),
        ("marker/extraction/gen_schemas", "ExtractionGenSchemasRequest"),
    ],
)
def test_the_fields_of_each_json_body_are_those_of_the_document(endpoint: str, name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    fields = JSON_BODIES[endpoint]  # type: ignore[index]
    names: dict[type, str] = {str: "string", dict: "object"}
    assert {field: (names[kind], nullable) for field, (kind, nullable) in fields.items()} == {
        field: (_type(one), "anyOf" in one) for field, one in schema["properties"].items()
    }
    assert schema["required"] == [next(iter(fields))]


def _type(schema: dict[str, Any]) -> str:
    kind: str = schema.get("anyOf", [schema])[0]["type"]
    return kind
