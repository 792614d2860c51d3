"""The guard bites: what the spec forbids fails a test."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from tests.contract.spec_guard import SpecGuard, SpecViolationError
from tests.secrets_for_tests import API_KEY

URL = "https://www.datalab.to/api/v1/workflows/executions/123"


def request(method: str = "GET", url: str = URL, *, key: str | None = API_KEY) -> httpx.Request:
    return httpx.Request(method, url, headers={"X-API-Key": key} if key else {})


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(request(url=URL.replace("123", "abc")), id="an id that is no number"),
        pytest.param(request(url=URL + "/cancel"), id="a path that is not there"),
        pytest.param(request("DELETE"), id="a method that is not there"),
        pytest.param(request(key=None), id="no key"),
        pytest.param(request(url=URL.replace("www", "api")), id="another host"),
        pytest.param(
            request(url="https://www.datalab.to/api/v1/files?limit=many"),
            id="a query value of the wrong type",
        ),
    ],
)
def test_a_request_that_the_spec_forbids_is_caught(guard: SpecGuard, wrong: httpx.Request) -> None:
    with pytest.raises(SpecViolationError):
        guard.check(wrong, None)


def test_a_body_that_the_spec_forbids_is_caught(guard: SpecGuard) -> None:
    wrong = httpx.Request(
        "POST",
        "https://www.datalab.to/api/v1/workflows/workflows",
        headers={"X-API-Key": API_KEY},
        json={"name": "without steps"},
    )
    with pytest.raises(SpecViolationError, match="steps"):
        guard.check(wrong, None)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(httpx.Response(422, json={"detail": "a sentence"}), id="422 with a string"),
        pytest.param(
            httpx.Response(422, json={"detail": [{"loc": ["path"], "msg": "no type"}]}),
            id="422 with an issue that lacks its type",
        ),
        pytest.param(httpx.Response(200, html="<html>"), id="200 that is HTML"),
        pytest.param(httpx.Response(418, json={"detail": "?"}), id="a status nobody published"),
        pytest.param(httpx.Response(404, json={"error": "?"}), id="an error without detail"),
    ],
)
def test_an_answer_that_the_spec_forbids_is_caught(guard: SpecGuard, wrong: httpx.Response) -> None:
    with pytest.raises(SpecViolationError):
        guard.check(request(), wrong)


@pytest.mark.parametrize(
    "right",
    [
        httpx.Response(200, json={"anything": "since the answer is untyped"}),
        httpx.Response(422, json={"detail": [{"loc": ["path", 0], "msg": "m", "type": "t"}]}),
        httpx.Response(529, json={"detail": "overloaded"}),
        httpx.Response(502, html="<html>"),
    ],
)
def test_what_the_spec_allows_passes(guard: SpecGuard, right: httpx.Response) -> None:
    guard.check(request(), right)


def test_an_answer_may_break_the_spec_on_purpose_but_a_request_may_not(guard: SpecGuard) -> None:
    guard.check(request(), httpx.Response(200, html="<html>"), off_spec=True)
    with pytest.raises(SpecViolationError):
        guard.check(request(key=None), httpx.Response(200, html="<html>"), off_spec=True)


def test_a_harmless_change_upstream_changes_nothing_of_what_is_allowed(
    spec: dict[str, Any],
) -> None:
    changed = copy.deepcopy(spec)
    schemes = changed["components"]["securitySchemes"]
    schemes["Renamed"] = schemes.pop("APIKeyHeader")
    changed["components"]["schemas"]["ValidationError"]["properties"]["input"] = {}
    for item in changed["paths"].values():
        for operation in item.values():
            operation["security"] = [{"Renamed": []}]
            operation["responses"]["529"] = {"description": "OverloadedError"}
    guard = SpecGuard(changed)
    issue = {"loc": ["path", 0], "msg": "m", "type": "t"}
    for issues in ([issue], [{**issue, "input": "abc"}]):
        guard.check(request(), httpx.Response(422, json={"detail": issues}))
    guard.check(request(), httpx.Response(529, json={"detail": "overloaded"}))
    with pytest.raises(SpecViolationError):
        guard.check(request(key=None), None)


FILE = {"file": ("a.pdf", b"%PDF\r\n--x", "application/pdf")}


def form(parts: Any, path: str = "convert") -> httpx.Request:
    url = f"https://www.datalab.to/api/v1/{path}"
    return httpx.Request("POST", url, headers={"X-API-Key": API_KEY}, files=parts)


@pytest.mark.parametrize(
    "right",
    [
        form(FILE),
        form({**FILE, "mode": (None, "fast"), "paginate": (None, "true")}),
        form({"file_url": (None, "https://a.example/"), "max_pages": (None, "3")}),
        form({**FILE, "field_data": (None, "{}"), "confidence_threshold": (None, "0.5")}, "fill"),
        form({**FILE, "run_evals": (None, "false")}, "pipelines/pl_1/run"),
    ],
)
def test_a_form_that_the_spec_allows_passes(guard: SpecGuard, right: httpx.Request) -> None:
    guard.check(right, None)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(form({**FILE, "max_pages": (None, "None")}), id="None as a text"),
        pytest.param(form({**FILE, "paginate": (None, "True")}), id="True as Python writes it"),
        pytest.param(form({**FILE, "unheard_of": (None, "1")}), id="an unknown field"),
        pytest.param(
            form([*({**FILE}.items()), ("extras", (None, "a")), ("extras", (None, "b"))]),
            id="a field that comes twice",
        ),
        pytest.param(form({"file": (None, "%PDF")}), id="a file that is a field"),
        pytest.param(form({**FILE, "mode": ("m.txt", b"fast")}), id="a field that is a file"),
        pytest.param(form(FILE, "fill"), id="a field is missing"),
        pytest.param(
            httpx.Request(
                "POST",
                "https://www.datalab.to/api/v1/convert",
                headers={"X-API-Key": API_KEY},
                data={"file_url": "https://a.example/"},
            ),
            id="another type of form",
        ),
    ],
)
def test_a_form_that_the_spec_forbids_is_caught(guard: SpecGuard, wrong: httpx.Request) -> None:
    with pytest.raises(SpecViolationError):
        guard.check(wrong, None)
