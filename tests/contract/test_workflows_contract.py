"""What the facade sends and makes of the answers, for each operation about workflows."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
import respx

from datalab_facade import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ExecutionHandle,
    InputConfig,
    InternalServerError,
    InvalidResponseError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    StepDefinition,
    SubmissionUncertainError,
    UnprocessableEntityError,
    ValidationIssue,
    WorkflowDefinition,
)
from tests.ways import Way

BASE = "/api/v1/workflows"
WORKFLOWS = f"{BASE}/workflows"
WORKFLOW: dict[str, Any] = {"id": 5, "name": "Invoices", "team_id": 7, "steps": [{}]}
DEFINITION = WorkflowDefinition(
    name="Invoices",
    steps=[
        StepDefinition(
            step_key="marker_parse", unique_name="parse", settings={"max_pages": 5}, version="2"
        ),
        StepDefinition(
            step_key="marker_extract",
            unique_name="extract",
            settings={"page_schema": {}},
            depends_on=["parse"],
        ),
    ],
)


@pytest.fixture
def do(way: Way) -> Any:
    """Give a way to call a method of ``client.workflows``."""
    client = way.network_client(max_retries=0)
    return lambda name, *given, **options: way.done(
        getattr(client.workflows, name)(*given, **options)
    )


@attrs.frozen
class Asked:
    """A request, and the call that sends it."""

    method: str
    path: str
    call: tuple[Any, ...]


each_operation = pytest.mark.parametrize(
    "asked",
    [
        Asked("GET", f"{BASE}/step-types", ("step_types",)),
        Asked("GET", WORKFLOWS, ("list",)),
        Asked("GET", f"{WORKFLOWS}/5", ("get", 5)),
        Asked("POST", WORKFLOWS, ("create", DEFINITION)),
        Asked("DELETE", f"{WORKFLOWS}/5", ("delete", 5)),
        Asked("POST", f"{WORKFLOWS}/5/execute", ("execute", 5, "https://a.example/1.pdf")),
    ],
    ids=lambda asked: asked.call[0],
)


def test_step_types_come_out_typed(api: respx.MockRouter, do: Any) -> None:
    item = {"type": "marker_parse", "version": "1", "name": "Parse", "description": "d"}
    api.get(f"{BASE}/step-types").respond(200, json={"step_types": [item]})
    [found] = do("step_types")
    assert (found.step_key, found.version, found.name) == ("marker_parse", "1", "Parse")


def test_workflows_come_out_typed(api: respx.MockRouter, do: Any) -> None:
    route = api.get(WORKFLOWS).respond(200, json={"workflows": [WORKFLOW]})
    [found] = do("list", team_id=7)
    assert (found.id, found.name, found.team_id) == (5, "Invoices", 7)
    assert dict(route.calls.last.request.url.params) == {"team_id": "7"}


def test_without_a_team_none_is_asked_for(api: respx.MockRouter, do: Any) -> None:
    route = api.get(WORKFLOWS).respond(200, json=[])
    assert do("list") == ()
    assert not route.calls.last.request.url.query


def test_one_workflow_comes_out_typed(api: respx.MockRouter, do: Any) -> None:
    api.get(f"{WORKFLOWS}/5").respond(200, json=WORKFLOW)
    found = do("get", 5)
    assert (found.id, len(found.steps)) == (5, 1)
    assert found.raw == WORKFLOW


def test_a_definition_is_sent_as_the_spec_wants_it(api: respx.MockRouter, do: Any) -> None:
    route = api.post(WORKFLOWS).respond(200, json=WORKFLOW)
    assert do("create", DEFINITION).id == 5
    assert json.loads(route.calls.last.request.content) == {
        "name": "Invoices",
        "steps": [
            {
                "step_key": "marker_parse",
                "unique_name": "parse",
                "settings": {"max_pages": 5},
                "depends_on": [],
                "version": "2",
            },
            {
                "step_key": "marker_extract",
                "unique_name": "extract",
                "settings": {"page_schema": {}},
                "depends_on": ["parse"],
            },
        ],
    }


def test_a_deletion_gives_nothing(api: respx.MockRouter, do: Any) -> None:
    api.delete(f"{WORKFLOWS}/5").respond(200, json={"success": True, "message": "gone"})
    assert do("delete", 5) is None


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (None, {}),
        (
            InputConfig.single_file("https://example.com/file.pdf"),
            {
                "input_config": {
                    "type": "single_file",
                    "file_url": "https://example.com/file.pdf",
                }
            },
        ),
        (
            InputConfig.file_list(["https://example.com/file1.pdf"]),
            {"input_config": {"type": "file_list", "file_urls": ["https://example.com/file1.pdf"]}},
        ),
        (
            InputConfig.bucket("my-bucket", "path/", "*.pdf", "s3"),
            {
                "input_config": {
                    "bucket": "my-bucket",
                    "prefix": "path/",
                    "pattern": "*.pdf",
                    "storage_type": "s3",
                }
            },
        ),
    ],
)
def test_an_input_is_sent_as_the_spec_wants_it(
    api: respx.MockRouter, do: Any, given: Any, body: Any
) -> None:
    route = api.post(f"{WORKFLOWS}/5/execute").respond(
        200, json={"execution_id": 9, "status": "processing", "success": True}
    )
    handle = do("execute", 5, given)
    assert handle.id == 9
    assert type(handle).__name__.endswith(ExecutionHandle.__name__)
    assert json.loads(route.calls.last.request.content) == body


@each_operation
def test_a_422_carries_each_issue_with_its_place(
    api: respx.MockRouter, do: Any, asked: Asked
) -> None:
    issue = {"type": "missing", "loc": ["body", "steps", 0], "msg": "Field required"}
    api.request(asked.method, asked.path).respond(
        422, json={"detail": [{**issue, "input": {"a": 1}}]}
    )
    with pytest.raises(UnprocessableEntityError) as caught:
        do(*asked.call)
    assert caught.value.issues == (
        ValidationIssue(loc=("body", "steps", 0), msg="Field required", type="missing"),
    )
    assert (caught.value.method, caught.value.url) == (
        asked.method,
        "https://www.datalab.to" + asked.path,
    )


@each_operation
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (429, RateLimitError),
        (500, InternalServerError),
        (529, OverloadedError),
    ],
)
def test_an_error_is_of_its_own_class(
    api: respx.MockRouter,
    do: Any,
    asked: Asked,
    status: int,
    kind: type[APIStatusError],
) -> None:
    api.request(asked.method, asked.path).respond(status, json={"detail": "the server's words"})
    expected = SubmissionUncertainError if asked.method == "POST" and status >= 500 else kind
    with pytest.raises(expected, match="the server's words") as caught:
        do(*asked.call)
    assert type(caught.value) is expected
    error: Any = caught.value
    assert (error.method, error.url) == (asked.method, "https://www.datalab.to" + asked.path)


@pytest.mark.off_spec
@each_operation
@pytest.mark.parametrize("body", ["<html>", "[1, 2]", '{"a": 1', "5", '"x"'])
def test_an_odd_body_is_a_typed_error_that_names_the_request(
    api: respx.MockRouter, do: Any, asked: Asked, body: str
) -> None:
    api.request(asked.method, asked.path).respond(200, text=body)
    expected = SubmissionUncertainError if asked.method == "POST" else InvalidResponseError
    with pytest.raises(expected) as caught:
        do(*asked.call)
    error: Any = caught.value
    assert (error.method, error.url) == (asked.method, "https://www.datalab.to" + asked.path)
    cause = error.__cause__ if asked.method == "POST" else error
    assert cause.body in str(error)
    assert cause.body
