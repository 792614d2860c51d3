"""What the facade makes of every answer that the status operation can give."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx

from datalab_facade import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    Datalab,
    DatalabError,
    InternalServerError,
    InvalidResponseError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    Status,
    UnprocessableEntityError,
    ValidationIssue,
    WaitPolicy,
)
from tests import secrets_for_tests
from tests.contract.documented import NESTED, documented_body
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

PATH = "/api/v1/workflows/executions/123"
WRONG_KEY = "Invalid API key provided. Set the X-API-Key header to your API key."

FAST = WaitPolicy(min_interval=0.01)


@pytest.fixture
def get(way: Way) -> Callable[[int], Any]:
    """Give a way to poll an execution once."""
    client = way.network_client(max_retries=0)
    return lambda execution_id: way.done(client.executions.get(execution_id))


def test_the_documented_body_comes_out_typed(api: respx.MockRouter, get: Any) -> None:
    body = documented_body("IN_PROGRESS")
    api.get(PATH).respond(200, text=body, content_type="application/json")

    execution = get(123)

    at_ten = datetime(2025, 10, 22, 10, tzinfo=UTC)
    assert execution.id == 123
    assert execution.workflow_id == 456
    assert execution.status == "IN_PROGRESS"
    assert not execution.is_terminal
    assert execution.created_at == at_ten
    assert execution.updated_at == at_ten + timedelta(minutes=5)
    assert execution.timezone_assumed
    assert list(execution.steps) == ["parse", "extract", "segment"]
    [parse] = execution.steps["parse"].runs
    assert parse.file_key is None
    assert parse.status is Status.COMPLETED
    assert parse.duration == timedelta(minutes=2)
    assert parse.output_url == "https://presigned-url-to-output.json"
    assert execution.steps["extract"].status == "IN_PROGRESS"
    assert execution.steps["extract"].started_at == at_ten + timedelta(minutes=2)
    assert execution.steps["segment"].status == "PENDING"
    assert str(execution.progress) == "1/3"
    assert [output.step for output in execution.outputs] == ["parse"]
    assert execution.raw == json.loads(body)


@pytest.mark.parametrize("status", ["IN_PROGRESS", "COMPLETED", "FAILED", "QUEUED", "PENDING"])
def test_every_documented_status_is_known(api: respx.MockRouter, get: Any, status: str) -> None:
    api.get(PATH).respond(200, text=documented_body(status), content_type="application/json")
    execution = get(123)
    assert execution.status == status
    assert execution.status.is_known
    assert execution.is_terminal == (status in ("COMPLETED", "FAILED"))


def test_the_nested_body_comes_out_as_the_same_models(api: respx.MockRouter, get: Any) -> None:
    api.get(PATH).respond(200, json=NESTED)

    execution = get(123)

    assert execution.succeeded
    [parse] = execution.steps["parse"].runs
    assert (parse.file_key, parse.id, parse.duration) == ("987", 1, timedelta(minutes=2))
    [post] = execution.steps["post_to_slack"].runs
    assert (post.file_key, post.file_ids) == ("aggregated", ("987",))
    assert [(o.step, o.file_key) for o in execution.outputs] == [
        ("parse", "987"),
        ("post_to_slack", "aggregated"),
    ]


@pytest.mark.parametrize(
    ("status", "kind", "detail"),
    [
        (400, BadRequestError, "Invalid file type."),
        (401, AuthenticationError, WRONG_KEY),
        (403, PermissionDeniedError, "You need an active, paid subscription to use this API."),
        (404, NotFoundError, "Execution not found"),
        (413, PayloadTooLargeError, "Request too large"),
        (429, RateLimitError, "Rate limit exceeded for endpoint /api/v1/convert."),
        (500, InternalServerError, "Internal server error"),
        (529, OverloadedError, "OverloadedError"),
    ],
)
def test_an_error_is_of_its_own_class_and_tells_the_servers_words(
    api: respx.MockRouter, get: Any, status: int, kind: type[APIStatusError], detail: str
) -> None:
    api.get(PATH).respond(status, json={"detail": detail}, headers={"X-Request-ID": "r-1"})
    with pytest.raises(kind) as caught:
        get(123)
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.detail, error.method) == (status, detail, "GET")
    assert error.url == "https://www.datalab.to" + PATH
    assert error.headers["x-request-id"] == "r-1"
    assert detail.rstrip(".") in str(error)
    assert str(status) in str(error)


def test_a_gateway_error_quotes_the_start_of_the_page(api: respx.MockRouter, get: Any) -> None:
    api.get(PATH).respond(502, html="<html><h1>Bad gateway</h1>" + "x" * 10_000)
    with pytest.raises(InternalServerError) as caught:
        get(123)
    assert "Bad gateway" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_422_carries_each_issue_with_its_place(api: respx.MockRouter, get: Any) -> None:
    issue = {
        "type": "int_parsing",
        "loc": ["path", "execution_id"],
        "msg": "Input should be a valid integer",
        "input": "abc",
    }
    other = {"type": "missing", "loc": ["body", 0], "msg": "Field required"}
    api.get(PATH).respond(422, json={"detail": [issue, other]})
    with pytest.raises(UnprocessableEntityError) as caught:
        get(123)
    assert caught.value.issues == (
        ValidationIssue(
            loc=("path", "execution_id"), msg="Input should be a valid integer", type="int_parsing"
        ),
        ValidationIssue(loc=("body", 0), msg="Field required", type="missing"),
    )
    assert "path.execution_id: Input should be a valid integer" in str(caught.value)


@pytest.mark.off_spec
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "execution_id is out of range"}, "execution_id is out of range"),
        ({"error": "bad id"}, "bad id"),
        ({"detail": {"reason": "odd"}}, "odd"),
        ({"detail": ["just words"]}, "just words"),
        ({"detail": [{"loc": None, "msg": None}]}, "null"),
        ({"detail": []}, "detail"),
        ([1, 2], "1"),
        (None, "no reason given"),
    ],
)
def test_a_422_in_another_form_still_has_issues(
    api: respx.MockRouter, get: Any, body: object, message: str
) -> None:
    api.get(PATH).respond(422, json=body)
    with pytest.raises(UnprocessableEntityError) as caught:
        get(123)
    assert caught.value.issues
    assert message in str(caught.value)


@pytest.mark.off_spec
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"html": "<html><title>Sign in</title>"}, id="a web page"),
        pytest.param({"text": '{"status": "COMPL'}, id="cut JSON"),
        pytest.param({"json": [1, 2, 3]}, id="a list"),
        pytest.param({"json": {"execution_id": 123}}, id="no status"),
        pytest.param({"json": {"status": None}}, id="a null status"),
        pytest.param({"text": ""}, id="nothing"),
        pytest.param({"content": b"\xff\xfe\x00"}, id="not text"),
        pytest.param({"text": "9" * 5_000}, id="a number of absurd length"),
        pytest.param({"text": "[" * 100_000}, id="nested without end"),
    ],
)
def test_a_success_that_is_no_execution_is_an_error_that_quotes_it(
    api: respx.MockRouter, get: Any, answer: dict[str, Any]
) -> None:
    api.get(PATH).respond(200, **answer)
    with pytest.raises(InvalidResponseError) as caught:
        get(123)
    assert "executions/123" in str(caught.value) or "Execution 123" in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.off_spec
@pytest.mark.parametrize("status", [204, 299, 301, 307, 418, 520, 599])
def test_a_status_that_nobody_documents_is_still_an_error_of_ours(
    api: respx.MockRouter, get: Any, status: int
) -> None:
    api.get(PATH).respond(status, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(DatalabError):
        get(123)


@pytest.mark.parametrize(
    ("raised", "kind", "may_have_arrived"),
    [
        (httpx.ConnectError("refused"), APIConnectionError, False),
        (httpx.ConnectTimeout("late"), APITimeoutError, False),
        (httpx.ReadError("reset"), APIConnectionError, True),
        (httpx.ReadTimeout("late"), APITimeoutError, True),
        (httpx.RemoteProtocolError("cut"), APIConnectionError, True),
        (httpx.ProxyError("no"), APIConnectionError, False),
    ],
)
def test_a_connection_that_fails_is_an_error_of_ours(
    api: respx.MockRouter,
    get: Any,
    raised: httpx.RequestError,
    kind: type[APIConnectionError],
    may_have_arrived: bool,
) -> None:
    api.get(PATH).mock(side_effect=raised)
    with pytest.raises(kind) as caught:
        get(123)
    assert type(caught.value) is kind
    assert caught.value.may_have_arrived is may_have_arrived
    assert "executions/123" in str(caught.value)


def test_a_wait_ends_with_the_terminal_snapshot(api: respx.MockRouter, client: Datalab) -> None:
    running = json.loads(documented_body("IN_PROGRESS"))
    done = json.loads(documented_body("COMPLETED"))
    route = api.get(PATH).mock(
        side_effect=[httpx.Response(200, json=running), httpx.Response(200, json=done)]
    )
    execution = client.executions.wait(123, timeout=10, policy=FAST)
    assert execution.succeeded
    assert route.call_count == 2


@pytest.mark.off_spec
def test_a_cookie_of_the_server_is_not_sent_back(api: respx.MockRouter, client: Datalab) -> None:
    api.get(PATH).respond(
        200, json=NESTED, headers={"Set-Cookie": f"wos-session={secrets_for_tests.COOKIE}"}
    )
    client.executions.get(123)
    client.executions.get(123)
    assert all("cookie" not in call.request.headers for call in api.calls)


@pytest.mark.off_spec
def test_an_echoed_key_reaches_no_model_and_no_error(
    api: respx.MockRouter, client: Datalab
) -> None:
    issue = {"loc": [API_KEY], "msg": API_KEY, "type": API_KEY}
    api.get(PATH).mock(
        side_effect=[
            httpx.Response(200, json={**NESTED, "echo": API_KEY}),
            httpx.Response(
                401, json={"detail": f"{API_KEY} is wrong"}, headers={"Server": API_KEY}
            ),
            httpx.Response(422, json={"detail": [issue]}),
            httpx.Response(200, text=f"<html>{API_KEY}"),
        ]
    )
    assert API_KEY not in str(client.executions.get(123).raw)
    for kind in (AuthenticationError, UnprocessableEntityError, InvalidResponseError):
        with pytest.raises(kind) as caught:
            client.executions.get(123)
        assert API_KEY not in str(vars(caught.value)) + str(caught.value)
