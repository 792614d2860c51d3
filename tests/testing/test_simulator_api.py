"""The simulated API refuses as the real one does, and keeps a record."""

from __future__ import annotations

import json

import pytest

from datalab_facade.testing import TEST_API_KEY, Fault, Headers, Request, Simulator, VirtualClock

from .carriers import Carrier

EXECUTIONS = "/api/v1/workflows/executions"


WRONG_KEY = "Invalid API key provided.  Set the X-API-Key header to your API key."


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        ("", "Invalid API key or access token."),
        ("wrong", WRONG_KEY),
        ("schlüssel", WRONG_KEY),
    ],
)
def test_a_missing_or_wrong_key_is_401(
    simulator: Simulator, execution_path: str, key: str, detail: str
) -> None:
    """With the words that were recorded."""
    answer = simulator.handle(Request("api", "GET", execution_path, headers={"X-API-Key": key}))
    assert answer.status == 401
    assert json.loads(answer.body) == {"detail": detail}
    assert simulator.handle(Request("api", "GET", execution_path)).status == 401


def test_a_revoked_key_is_401_from_then_on(carrier: Carrier, execution_path: str) -> None:
    """The key can change while executions run."""
    assert carrier.get(execution_path).status == 200
    carrier.simulator.api_key = "another"
    assert carrier.get(execution_path).status == 401


def test_an_unknown_execution_is_404_with_a_detail(carrier: Carrier) -> None:
    """The id is well-formed, but no execution has it."""
    outcome = carrier.get(f"{EXECUTIONS}/7")
    assert outcome.status == 404
    assert "7" in json.loads(outcome.body)["detail"]


def test_an_id_that_is_not_an_integer_is_422(carrier: Carrier) -> None:
    """With the body of FastAPI, and the id as it was meant."""
    outcome = carrier.get(f"{EXECUTIONS}/a%20b")
    assert outcome.status == 422
    assert json.loads(outcome.body) == {
        "detail": [
            {
                "type": "int_parsing",
                "loc": ["path", "execution_id"],
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "a b",
            }
        ]
    }


def test_the_wrong_method_is_405(simulator: Simulator, execution_path: str) -> None:
    """And the answer says which is right; no key is needed to learn it."""
    answer = simulator.handle(Request("api", "DELETE", execution_path))
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert json.loads(answer.body) == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_a_fixed_path_is_never_taken_for_a_variable_one(simulator: Simulator, method: str) -> None:
    """``upload`` is not a file's id, whatever the method."""
    headers = {"X-API-Key": TEST_API_KEY}
    answer = simulator.handle(Request("api", method, "/api/v1/files/upload", headers=headers))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/api/v1", EXECUTIONS, f"{EXECUTIONS}/1/2"])
def test_an_unknown_path_is_404(simulator: Simulator, path: str) -> None:
    """FastAPI's own words, which no endpoint writes."""
    answer = simulator.handle(Request("api", "GET", path))
    assert (answer.status, json.loads(answer.body)) == (404, {"detail": "Not Found"})


def test_the_rate_limit_counts(clock: VirtualClock) -> None:
    """Any span of so many seconds admits so many requests, and refusals do not count."""
    simulator = Simulator(clock, rate_limit=(2, 60), retry_after=True)
    request = Request("api", "GET", f"{EXECUTIONS}/1", headers={"X-API-Key": TEST_API_KEY})

    def ask() -> int:
        return simulator.handle(request).status

    assert ask() == 404
    clock.advance(20)
    assert [ask(), ask()] == [404, 429]
    refused = simulator.handle(request)
    assert refused.headers["retry-after"] == "40"
    assert json.loads(refused.body)["detail"].startswith(
        f"Rate limit exceeded for endpoint {EXECUTIONS}/1. "
        "You can make 2 requests every 60 seconds. "
    )
    clock.advance(39)
    assert ask() == 429
    clock.advance(1)
    assert [ask(), ask()] == [404, 429]
    clock.advance(20)
    assert ask() == 404


def test_a_rate_limit_sends_no_retry_after_by_default(clock: VirtualClock) -> None:
    """The real service documents no ``Retry-After``."""
    simulator = Simulator(clock, rate_limit=(0, 60))
    request = Request("api", "GET", f"{EXECUTIONS}/1", headers={"X-API-Key": TEST_API_KEY})
    answer = simulator.handle(request)
    assert answer.status == 429
    assert "retry-after" not in answer.headers


def test_the_log_holds_requests_with_their_times(
    carrier: Carrier, clock: VirtualClock, execution_path: str
) -> None:
    """Path and query as they came, headers by any case, the time and the status."""
    clock.advance(3)
    carrier.get(f"{execution_path}?a=b%20c", headers={"X-Trace": "t"})
    carrier.get(f"{EXECUTIONS}/abc")
    first, second = carrier.simulator.requests
    assert (first.origin, first.method, first.path) == ("api", "GET", execution_path)
    assert (first.query, first.parameter("a"), first.parameter("z")) == ("a=b%20c", "b c", None)
    assert (first.at, first.status, second.status) == (123.0, 200, 422)
    assert first.headers["x-trace"] == first.headers["X-Trace"] == "t"
    pairs = [(name.lower(), value) for name, value in first.headers.raw]
    assert ("x-api-key", TEST_API_KEY) in pairs
    assert f"GET {execution_path} -> 200" in repr(carrier.simulator.requests)


def test_no_credential_in_the_log_is_a_proof(carrier: Carrier, execution_path: str) -> None:
    """A key that a client sends to the storage shows up there; one that it does not, does not."""
    url = json.loads(carrier.get(execution_path).body)["steps"]["parse"]["output_url"]
    assert carrier.get(url).status == 200
    assert carrier.get(url, headers={"x-api-key": "leaked"}).status == 200
    clean, leaky = carrier.simulator.requests.of("storage")
    assert "X-API-Key" not in clean.headers
    assert "X-API-Key" in leaky.headers


def test_the_log_can_be_cleared(simulator: Simulator) -> None:
    """For tests in several acts."""
    simulator.handle(Request("api", "GET", "/"))
    assert len(simulator.requests) == 1
    simulator.requests.clear()
    assert len(simulator.requests) == 0


def test_everything_but_the_executions_can_be_cleared(
    simulator: Simulator, execution_path: str
) -> None:
    """Faults and log go, executions stay."""
    simulator.inject_always(Fault.status(500))
    request = Request("api", "GET", execution_path, headers={"X-API-Key": TEST_API_KEY})
    assert simulator.handle(request).status == 500
    simulator.clear()
    assert simulator.handle(request).status == 200
    assert len(simulator.requests) == 1


def test_headers_of_one_name_are_joined() -> None:
    """Looked up in any case, replaced as a whole."""
    headers = Headers([("A", "1"), ("a", "2"), ("B", "3")])
    assert dict(headers) == {"a": "1, 2", "b": "3"}
    assert headers.plus({"a": "9"}).raw == (("B", "3"), ("a", "9"))
    assert headers == Headers({"a": "1, 2", "B": "3"})
    assert hash(headers) == hash(Headers({"A": "1, 2", "b": "3"}))
    assert "c" not in headers
    assert len(headers) == 2
