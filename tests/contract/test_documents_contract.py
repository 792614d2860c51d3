"""Each operation on documents, as the vendored spec has it, through both clients."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import respx

from datalab_facade import (
    AuthenticationError,
    BadRequestError,
    DocumentFailedError,
    InternalServerError,
    InvalidResponseError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    RequestRejectedError,
    ResultExpiredError,
    SubmissionUncertainError,
    UnprocessableEntityError,
    ValidationIssue,
)
from datalab_facade.documents.sources import CheckpointSource
from datalab_facade.documents.tasks import (
    Convert,
    CreateDocument,
    Extract,
    Fill,
    RunAgent,
    Segment,
    SuggestSchemas,
    Task,
    TrackChanges,
)
from datalab_facade.testing import VirtualClock
from datalab_facade.testing.forms import parse_form
from tests.ways import Way

BODIES = Path(__file__).parent / "bodies"
RECORDED: Final[dict[str, Any]] = json.loads((BODIES / "convert-complete.json").read_text())
TAKEN: Final[dict[str, Any]] = json.loads((BODIES / "convert-submit.json").read_text())
REQUEST_ID: Final[str] = TAKEN["request_id"]
PDF = b"%PDF-1.7\r\n--not a boundary"
URL = "https://files.example/a.pdf"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}
ISSUE = {"loc": ["body", "max_pages"], "msg": "Input should be a valid integer", "type": "int"}

COMMON: dict[str, Any] = {
    "max_pages": 3,
    "page_range": "0,5-10",
    "skip_cache": True,
    "webhook_url": "https://hooks.example/done",
    "workflowstepdata_id": 7,
    "model_override_settings": {"a": 1},
}
CONVERT = Convert(
    **COMMON,
    mode="accurate",
    paginate=True,
    add_block_ids=False,
    include_markdown_in_chunks=True,
    disable_image_extraction=True,
    disable_image_captions=True,
    fence_synthetic_captions=True,
    output_format=["markdown", "html"],
    token_efficient_markdown=True,
    save_checkpoint=True,
    additional_config={"keep_pageheader_in_output": True},
    extras=["extract_links"],
    force_new=False,
    eval_rubric_id=5,
    word_bboxes=True,
    merge_cross_page=True,
    disable_html_prettify=True,
)
EXTRACT = Extract(
    SCHEMA,
    **COMMON,
    mode="fast",
    extraction_mode="turbo",
    output_format="json",
    save_checkpoint=True,
    include_scores=True,
)
SEGMENT = Segment({"Invoice": "a bill"}, **COMMON, mode="fast", save_checkpoint=True)
FILL = Fill(
    {"name": "Jane"}, context="a hire", confidence_threshold=0.25, page_range="0", skip_cache=True
)
TRACK_CHANGES = TrackChanges(**COMMON, output_format="markdown", paginate=True)
AGENT = RunAgent(
    "cp_abc123@2.0",
    verification_effort="accurate",
    return_images=True,
    skip_cache=True,
    webhook_url="https://hooks.example/done",
)
FORMS: list[Task[Any]] = [CONVERT, EXTRACT, SEGMENT, FILL, TRACK_CHANGES, AGENT]
CREATE = CreateDocument(
    "# New",
    output_format="docx",
    webhook_url="https://hooks.example/done",
    processing_location="eu",
    model_override_settings={"a": 1},
)
SUGGEST = SuggestSchemas(
    webhook_url="https://hooks.example/done",
    processing_location="eu",
    model_override_settings={"a": 1},
)

VERBS: dict[str, Task[Any]] = {
    **{task.endpoint: task for task in FORMS},
    CREATE.endpoint: CREATE,
    SUGGEST.endpoint: SUGGEST,
}
LEFT_OVER = {
    # Instead of a file, or of the schema that is sent.
    "convert": {"file_url", "processing_location"},
    "extract": {
        *("file_url", "processing_location", "checkpoint_id", "schema_id", "schema_version"),
    },
    "segment": {"file_url", "processing_location", "checkpoint_id"},
    "fill": {"file_url", "processing_location"},
    "track-changes": {"file_url", "processing_location"},
    "agent": {"file_url", "processing_location"},
}


@pytest.fixture
def documents(way: Way) -> Any:
    """The documents of a client that takes no second try, and never sleeps."""
    return way.network_client(max_retries=0, clock=VirtualClock()).documents


@pytest.fixture
def call(way: Way, documents: Any) -> Callable[..., Any]:
    """Give a way to call a method of ``client.documents``."""
    return lambda method, *args, **options: way.done(getattr(documents, method)(*args, **options))


def taken(endpoint: str) -> dict[str, Any]:
    url = TAKEN["request_check_url"].replace("/convert/", f"/{endpoint}/")
    return {**TAKEN, "request_check_url": url}


def form_of(route: respx.Route) -> dict[str, str | bytes]:
    """Give the fields of the form that was sent."""
    request = route.calls.last.request
    parts = parse_form(request.headers["content-type"], request.content)
    return {one.name: one.text if one.filename is None else one.body for one in parts}


def source_of(task: Task[Any]) -> Any:
    """Give what a task is about, if it needs anything."""
    if task.takes_file:
        return PDF
    return CheckpointSource("a checkpoint") if task.takes_checkpoint else None


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.verb)
def test_every_field_of_a_form_can_be_sent_with_a_file(
    api: respx.MockRouter, call: Any, spec: dict[str, Any], task: Task[Any]
) -> None:
    """The guard holds each of them against the document."""
    route = api.post(f"/api/v1/{task.endpoint}").respond(200, json=taken(task.endpoint))
    handle = call("submit", task, PDF)
    assert handle.id == f"{task.endpoint}/{REQUEST_ID}"
    name = task.endpoint.replace("-", "_")
    fields = spec["components"]["schemas"][f"Body_{name}_api_v1_{name}_post"]["properties"]
    sent = form_of(route)
    assert sent.keys() == fields.keys() - LEFT_OVER[task.endpoint]
    assert sent["file"] == PDF
    request = route.calls.last.request
    assert int(request.headers["content-length"]) == len(request.content)


def test_fields_are_sent_as_the_api_reads_them(api: respx.MockRouter, call: Any) -> None:
    route = api.post("/api/v1/convert").respond(200, json=TAKEN)
    call("submit", CONVERT, PDF)
    sent = form_of(route)
    assert (sent["output_format"], sent["page_range"]) == ("markdown,html", "0,5-10")
    assert (sent["paginate"], sent["add_block_ids"], sent["max_pages"]) == ("true", "false", "3")
    assert sent["additional_config"] == '{"keep_pageheader_in_output":true}'


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.verb)
def test_a_document_may_be_anywhere_else(api: respx.MockRouter, call: Any, task: Task[Any]) -> None:
    """Then a region may be asked for, which the API refuses with a file."""
    route = api.post(f"/api/v1/{task.endpoint}").respond(200, json=taken(task.endpoint))
    there = type(task).from_dict({**task.to_dict(), "processing_location": "eu"})
    call("submit", there, URL)
    assert form_of(route)["file_url"] == URL
    assert form_of(route)["processing_location"] == "eu"
    assert "file" not in form_of(route)


@pytest.mark.parametrize("task", [EXTRACT, SEGMENT], ids=lambda task: task.verb)
def test_a_checkpoint_takes_the_place_of_a_document(
    api: respx.MockRouter, call: Any, task: Task[Any]
) -> None:
    route = api.post(f"/api/v1/{task.endpoint}").respond(200, json=taken(task.endpoint))
    call("submit", task, CheckpointSource("a checkpoint"))
    assert form_of(route)["checkpoint_id"] == "a checkpoint"
    assert not form_of(route).keys() & {"file", "file_url"}


def test_a_saved_schema_takes_the_place_of_a_schema(api: respx.MockRouter, call: Any) -> None:
    route = api.post("/api/v1/extract").respond(200, json=taken("extract"))
    call("submit", Extract(schema_id="sch_1", schema_version=2), PDF)
    assert form_of(route) == {"schema_id": "sch_1", "schema_version": "2", "file": PDF}


@pytest.mark.parametrize(
    ("task", "source", "body"),
    [
        (CREATE, None, {**CREATE.body()}),
        (CreateDocument("# New"), None, {"markdown": "# New"}),
        (SUGGEST, CheckpointSource("c"), {**SUGGEST.body(), "checkpoint_id": "c"}),
        (SuggestSchemas(), CheckpointSource("c"), {"checkpoint_id": "c"}),
    ],
)
def test_some_are_asked_for_with_json(
    api: respx.MockRouter, call: Any, task: Task[Any], source: Any, body: dict[str, Any]
) -> None:
    route = api.post(f"/api/v1/{task.endpoint}").respond(200, json=taken(task.endpoint))
    assert call("submit", task, source).id == f"{task.endpoint}/{REQUEST_ID}"
    assert json.loads(route.calls.last.request.content) == body


def test_what_is_not_given_is_not_sent(api: respx.MockRouter, call: Any) -> None:
    """So the server's defaults hold; never is None sent as a text."""
    route = api.post("/api/v1/convert").respond(200, json=TAKEN)
    call("submit", Convert(), PDF)
    assert form_of(route) == {"file": PDF}


def test_each_form_has_a_boundary_of_its_own(api: respx.MockRouter, call: Any) -> None:
    """What the generated code would send is the same for all, and may be in a document."""
    route = api.post("/api/v1/convert").respond(200, json=TAKEN)
    for source in (PDF, PDF, URL):
        call("submit", Convert(), source)
    kinds = {one.request.headers["content-type"] for one in route.calls}
    assert len(kinds) == 3
    assert all(re.fullmatch(r"multipart/form-data; boundary=[0-9a-f]{32}", one) for one in kinds)


@pytest.mark.parametrize(
    "name", ["a.pdf", 'say "hi".pdf', "räport \U0001f4c4.pdf", "a;b=c.pdf", "50%.pdf"]
)
def test_a_file_name_arrives(api: respx.MockRouter, call: Any, name: str) -> None:
    route = api.post("/api/v1/convert").respond(200, json=TAKEN)
    call("submit", Convert(), PDF, name=name)
    request = route.calls.last.request
    [part] = parse_form(request.headers["content-type"], request.content)
    assert part.filename in (name, name.replace('"', "%22"))
    assert (part.content_type, part.body) == ("application/pdf", PDF)


COMPLETE: dict[str, dict[str, Any]] = {
    "convert": RECORDED,
    "extract": {
        **RECORDED,
        "extraction_schema_json": '{"total": 1.5, "total_citations": ["/p/0"]}',
    },
    "segment": {
        **RECORDED,
        "segmentation_results": {"segments": [{"name": "A", "pages": [0], "confidence": "high"}]},
    },
    "track-changes": RECORDED,
    "fill": {
        "status": "complete",
        "success": True,
        "output_format": "pdf",
        "output_base64": base64.b64encode(PDF).decode(),
        "fields_filled": ["name"],
        "fields_not_found": [],
    },
    "create-document": {
        "status": "complete",
        "success": True,
        "output_base64": base64.b64encode(b"PK").decode(),
    },
    "agent": {"status": "complete", "success": True, "anything": [1]},
    "marker/extraction/gen_schemas": {
        "status": "complete",
        "success": True,
        "suggestions": {"simple_schema": json.dumps(SCHEMA), "complex_schema": None},
    },
}
READ: dict[str, Callable[[Any], object]] = {
    "convert": lambda result: result.markdown,
    "extract": lambda result: (result.value, result.fields["total"].citations),
    "segment": lambda result: [(one.name, one.pages, one.confidence) for one in result.segments],
    "track-changes": str,
    "fill": lambda result: (result.content, result.filled, result.is_complete),
    "create-document": lambda result: result.content,
    "agent": lambda result: result.raw["anything"],
    "marker/extraction/gen_schemas": lambda result: (result.simple, result.complex),
}
EXPECTED: dict[str, object] = {
    "convert": RECORDED["markdown"],
    "extract": ({"total": 1.5}, ("/p/0",)),
    "segment": [("A", (0,), "high")],
    "track-changes": RECORDED["markdown"],
    "fill": (PDF, ("name",), True),
    "create-document": b"PK",
    "agent": [1],
    "marker/extraction/gen_schemas": (SCHEMA, None),
}


@pytest.mark.parametrize("endpoint", VERBS)
def test_a_result_is_waited_for(api: respx.MockRouter, way: Way, call: Any, endpoint: str) -> None:
    task = VERBS[endpoint]
    api.post(f"/api/v1/{endpoint}").respond(200, json=taken(endpoint))
    early = {"status": "processing"}
    api.get(f"/api/v1/{endpoint}/{REQUEST_ID}").mock(
        side_effect=[
            httpx.Response(200, json=early),
            httpx.Response(200, json=COMPLETE[endpoint]),
        ]
    )
    handle = call("submit", task, source_of(task))
    assert READ[endpoint](way.done(handle.result())) == EXPECTED[endpoint]


def test_the_recorded_answer_is_read_whole(api: respx.MockRouter, call: Any) -> None:
    api.get(f"/api/v1/convert/{REQUEST_ID}").respond(200, json=RECORDED)
    result = call("result", TAKEN["request_check_url"])
    assert (result.page_count, result.cost_cents, result.quality_score) == (1, 1, 5.0)
    assert (result.runtime, result.checkpoint_id, dict(result.images)) == (
        RECORDED["runtime"],
        None,
        {},
    )
    assert result.raw == RECORDED


@pytest.mark.parametrize("endpoint", VERBS)
@pytest.mark.parametrize(
    "body",
    [
        {"status": "complete", "success": False, "error": "no pages"},
        {"status": "failed", "success": False, "error": "no pages"},
        {"status": "failed", "error": "no pages"},
        {"status": "error", "error": "no pages"},
        {"status": "expired", "error": "no pages"},
    ],
)
def test_a_failure_has_the_words_of_the_server(
    api: respx.MockRouter, call: Any, endpoint: str, body: dict[str, Any]
) -> None:
    api.get(f"/api/v1/{endpoint}/{REQUEST_ID}").respond(200, json=body)
    with pytest.raises(DocumentFailedError, match="no pages"):
        call("result", f"{endpoint}/{REQUEST_ID}")


@pytest.mark.parametrize("endpoint", VERBS)
def test_a_validation_error_has_its_issues(api: respx.MockRouter, call: Any, endpoint: str) -> None:
    api.post(f"/api/v1/{endpoint}").respond(422, json={"detail": [ISSUE]})
    task = VERBS[endpoint]
    with pytest.raises(UnprocessableEntityError) as raised:
        call("submit", task, source_of(task))
    [issue] = raised.value.issues
    assert issue == ValidationIssue(loc=("body", "max_pages"), msg=str(ISSUE["msg"]), type="int")


@pytest.mark.parametrize("endpoint", VERBS)
def test_an_id_that_the_api_does_not_take_says_why(
    api: respx.MockRouter, call: Any, endpoint: str
) -> None:
    issue = {**ISSUE, "loc": ["path", "request_id"]}
    api.get(f"/api/v1/{endpoint}/odd").respond(422, json={"detail": [issue]})
    with pytest.raises(UnprocessableEntityError, match="request_id"):
        call("get", f"{endpoint}/odd")


ERRORS = [
    (400, BadRequestError),
    (401, AuthenticationError),
    (402, PaymentRequiredError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (413, PayloadTooLargeError),
    (429, RateLimitError),
]


@pytest.mark.parametrize(("status", "error"), ERRORS)
@pytest.mark.parametrize("endpoint", ["convert", "create-document"])
def test_a_refusal_is_an_error_of_its_own_and_starts_nothing(
    api: respx.MockRouter, call: Any, endpoint: str, status: int, error: type[Exception]
) -> None:
    api.post(f"/api/v1/{endpoint}").respond(status, json={"detail": "the server's words"})
    task = VERBS[endpoint]
    with pytest.raises(error, match="the server's words"):
        call("submit", task, source_of(task))


@pytest.mark.parametrize("status", [500, 529])
def test_after_an_error_of_the_server_it_is_not_known_whether_it_started(
    api: respx.MockRouter, call: Any, status: int
) -> None:
    api.post("/api/v1/convert").respond(status, json={"detail": "the server's words"})
    with pytest.raises(SubmissionUncertainError):
        call("submit", Convert(), PDF)


@pytest.mark.parametrize(
    ("status", "error"),
    [*ERRORS[:4], (404, ResultExpiredError), (500, InternalServerError), (529, OverloadedError)],
)
def test_a_poll_that_is_refused_is_an_error_of_its_own(
    api: respx.MockRouter, call: Any, status: int, error: type[Exception]
) -> None:
    api.get(f"/api/v1/convert/{REQUEST_ID}").respond(status, json={"detail": "the server's words"})
    with pytest.raises(error, match="the server's words"):
        call("get", f"convert/{REQUEST_ID}")


def test_a_wrong_key_is_told_in_the_recorded_words(api: respx.MockRouter, call: Any) -> None:
    body = json.loads((BODIES / "401.json").read_text())
    api.post("/api/v1/convert").respond(401, json=body)
    with pytest.raises(AuthenticationError) as raised:
        call("submit", Convert(), PDF)
    assert raised.value.detail == " ".join(body["detail"].split())


def test_a_refusal_with_a_status_of_success_is_one(api: respx.MockRouter, call: Any) -> None:
    body = {**TAKEN, "success": False, "error": "the server's words"}
    api.post("/api/v1/convert").respond(200, json=body)
    with pytest.raises(RequestRejectedError, match="the server's words"):
        call("submit", Convert(), PDF)


@pytest.mark.off_spec
def test_an_answer_that_is_none_is_quoted(api: respx.MockRouter, call: Any) -> None:
    api.get(f"/api/v1/convert/{REQUEST_ID}").respond(200, json=["odd"])
    with pytest.raises(InvalidResponseError, match="odd"):
        call("get", f"convert/{REQUEST_ID}")


def test_the_health_of_the_api_is_asked_for(api: respx.MockRouter, way: Way) -> None:
    client = way.network_client(max_retries=0, clock=VirtualClock())
    api.get("/api/v1/user_health").respond(200, json={"status": "ok"})
    assert way.done(client.health()).status == "ok"


@pytest.mark.parametrize("status", [401, 422])
def test_a_key_that_is_wrong_is_told_by_the_health_of_the_api(
    api: respx.MockRouter, way: Way, status: int
) -> None:
    client = way.network_client(max_retries=0, clock=VirtualClock())
    detail = "the server's words" if status == 401 else [{**ISSUE, "msg": "the server's words"}]
    api.get("/api/v1/user_health").respond(status, json={"detail": detail})
    with pytest.raises((AuthenticationError, UnprocessableEntityError), match="the server's words"):
        way.done(client.health())


def test_thumbnails_are_asked_for(api: respx.MockRouter, call: Any) -> None:
    pictures = [base64.b64encode(b"\xff\xd8 first").decode(), ""]
    params = {"page_range": "0-1", "thumb_width": 100, "track_changes": "true"}
    api.get(f"/api/v1/thumbnails/{REQUEST_ID}", params=params).respond(
        200, json={"success": True, "error": None, "thumbnails": pictures}
    )
    found = call("thumbnails", REQUEST_ID, page_range="0-1", width=100, track_changes=True)
    assert found[0] == b"\xff\xd8 first"


def test_thumbnails_that_are_refused_say_why(api: respx.MockRouter, call: Any) -> None:
    issue = {**ISSUE, "loc": ["query", "thumb_width"]}
    api.get(f"/api/v1/thumbnails/{REQUEST_ID}").respond(422, json={"detail": [issue]})
    with pytest.raises(UnprocessableEntityError, match="thumb_width"):
        call("thumbnails", REQUEST_ID)
