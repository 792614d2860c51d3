"""Controlling a simulator over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from datalab_facade.testing import (
    TEST_API_KEY,
    ExecutionScript,
    Fault,
    Request,
    Simulator,
    SimulatorServer,
    StepScript,
    VirtualClock,
)
from datalab_facade.testing.control import answer_control

from .carriers import PATIENCE

KEY = {"X-API-Key": TEST_API_KEY}


@pytest.fixture
def server(simulator: Simulator) -> Iterator[SimulatorServer]:
    with SimulatorServer(simulator, control=True) as server:
        yield server


@pytest.fixture
def control(server: SimulatorServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.control_url, timeout=PATIENCE) as control:
        yield control


def test_a_whole_story_runs_under_control(server: SimulatorServer, control: httpx.Client) -> None:
    """A script, faults, time, what came in, and an end."""
    script = {"steps": [{"name": "parse", "ends": 120}], "shape": "nested"}
    started = control.post("executions", json=script)
    assert started.status_code == 201
    faults = [{"status": {"status": 503}}, {"reset": {}}]
    assert control.post("faults", json={"faults": faults}).status_code == 204
    path = f"/api/v1/workflows/executions/{started.json()['execution_id']}"
    with httpx.Client(base_url=server.api_url, headers=KEY, timeout=PATIENCE) as api:
        assert api.get(path).status_code == 503
        with pytest.raises(httpx.ReadError):
            api.get(path)
        assert api.get(path).json()["status"] == "IN_PROGRESS"
        reading = control.post("clock", json={"advance": 120}).json()
        assert reading == {
            "now": "2025-10-22T10:02:00+00:00",
            "monotonic": 120.0,
            "virtual": True,
        }
        assert control.get("clock").json() == reading
        assert api.get(path).json()["status"] == "COMPLETED"
        requests = control.get("requests").json()["requests"]
        assert [one["status"] for one in requests] == [503, None, 200, 200]
        assert requests[0]["path"] == path
        assert requests[0]["body"] == {"text": ""}
        assert requests[0]["headers"]["x-api-key"] == "***"
        assert control.delete("requests").status_code == 204
        assert control.get("requests").json() == {"requests": []}
        assert control.post("reset", json={}).status_code == 204
        assert api.get(path).status_code == 404


def test_standing_faults_come_and_go(
    simulator: Simulator, control: httpx.Client, execution_path: str
) -> None:
    command = {"faults": [{"html": {}}], "always": True, "path": "/api/", "origin": "api"}
    assert control.post("faults", json=command).status_code == 204
    request = Request("api", "GET", execution_path, headers=KEY)
    assert simulator.handle(request).headers["content-type"].startswith("text/html")
    assert control.delete("faults").status_code == 204
    assert simulator.handle(request).headers["content-type"] == "application/json"


def test_scripts_of_documents_are_set(simulator: Simulator, control: httpx.Client) -> None:
    always = {"scripts": [{"markdown": "always"}], "always": True, "endpoint": "convert"}
    assert control.post("documents", json=always).status_code == 204
    assert control.post("documents", json={"scripts": [{"pages": 2}]}).status_code == 204
    requests = [simulator.documents[simulator.documents.start()] for _ in range(2)]
    assert [len(request.pages) for request in requests] == [2, 1]
    assert [request.script.markdown for request in requests] == [None, "always"]


@pytest.mark.parametrize(
    ("command", "status", "detail"),
    [
        (("POST", "executions", '{"steps": [{"name": 5}]}'), 422, "steps[0].name must be a string"),
        (("POST", "executions", "{"), 422, "the body is not JSON"),
        (
            ("POST", "faults", '{"faults": [{}, {"hung": {}}]}'),
            422,
            "faults[1]: unknown field 'hung'",
        ),
        (("POST", "faults", '{"origin": "moon"}'), 422, "origin must be 'api' or 'storage'"),
        (
            ("POST", "faults", '{"always": true}'),
            422,
            "faults must hold exactly one fault with always",
        ),
        (
            ("POST", "documents", '{"scripts": [{"pages": 0}]}'),
            422,
            "scripts[0]: pages must be a whole number from 1 on",
        ),
        (("POST", "documents", '{"endpoint": "ocr"}'), 422, "endpoint must be 'convert' or "),
        (
            ("POST", "documents", '{"always": true}'),
            422,
            "scripts must hold exactly one script with always",
        ),
        (("POST", "clock", "{}"), 422, "the value has no advance"),
        (("POST", "clock", '{"advance": -1}'), 422, "seconds must be a finite number"),
        (
            ("GET", "nonsense", ""),
            404,
            "unknown path 'nonsense'; known paths: executions, workflows, faults",
        ),
        (("PUT", "executions", ""), 405, "PUT is not allowed for executions; use POST"),
    ],
)
def test_an_invalid_command_says_why(
    control: httpx.Client, command: tuple[str, str, str], status: int, detail: str
) -> None:
    method, path, body = command
    kind = {"Content-Type": "application/json"}
    answer = control.request(method, path, content=body, headers=kind)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(detail)


def test_real_time_cannot_be_advanced() -> None:
    with SimulatorServer(Simulator(), control=True) as server:
        answer = httpx.post(f"{server.control_url}clock", json={"advance": 1}, timeout=PATIENCE)
    assert answer.status_code == 409


def test_control_is_off_by_default(simulator: Simulator) -> None:
    """Then the path does not exist, not even for this machine."""
    with SimulatorServer(simulator) as server:
        answer = httpx.get(f"{server.api_url}/_simulator/requests", timeout=PATIENCE)
        with pytest.raises(RuntimeError, match="control=True"):
            _ = server.control_url
    assert (answer.status_code, len(simulator.requests)) == (404, 1)


@pytest.mark.parametrize(
    ("client", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:80", 200),
        ("::1", "[::1]:80", 200),
        ("127.0.0.1", "localhost", 200),
        ("192.0.2.1", "127.0.0.1", 403),
        (None, "127.0.0.1", 403),
        ("somewhere", "127.0.0.1", 403),
        ("127.0.0.1", "rebound.invalid:80", 403),
        ("127.0.0.1", "", 403),
    ],
)
def test_commands_come_from_this_machine_only(
    simulator: Simulator, client: str | None, host: str, status: int
) -> None:
    """By address, and by a name that nobody else can give it."""
    request = Request("api", "GET", "/_simulator/requests", headers={"Host": host})
    assert answer_control(simulator, request, client).status == status


def test_a_form_in_a_browser_is_not_a_command(simulator: Simulator) -> None:
    headers = {"Host": "localhost", "Content-Type": "text/plain"}
    request = Request("api", "POST", "/_simulator/reset", headers=headers, body=b"{}")
    assert answer_control(simulator, request, "127.0.0.1").status == 415


def test_after_a_reset_fault_hooks_count_anew(clock: VirtualClock) -> None:
    simulator = Simulator(clock)
    counts: list[int] = []
    for _ in range(2):
        simulator.inject_with(lambda _, count: counts.append(count))
        for _ in range(2):
            simulator.handle(Request("api", "GET", "/", headers=KEY))
        simulator.reset()
    assert counts == [1, 2, 1, 2]


def test_a_reset_leaves_nothing_but_the_next_ids(clock: VirtualClock) -> None:
    simulator = Simulator(clock, rate_limit=(1, 60))
    file_id = simulator.files.add("a.pdf", b"%PDF")
    first = simulator.start(ExecutionScript([StepScript("parse")]))
    simulator.inject_always(Fault.status(500))
    path = f"/api/v1/workflows/executions/{first}"
    simulator.handle(Request("api", "GET", path, headers=KEY))
    simulator.reset()
    assert not simulator.execution_ids
    assert not simulator.requests
    assert not simulator.files
    second = simulator.start(ExecutionScript([StepScript("parse")]))
    assert second != first
    assert simulator.files.add("a.pdf", b"%PDF") != file_id
    path = f"/api/v1/workflows/executions/{second}"
    assert simulator.handle(Request("api", "GET", path, headers=KEY)).status == 200


CHILD = """
import json, os, urllib.request
url = os.environ["CONTROL_URL"]
def post(path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()
print(json.loads(post("executions", {"steps": [{"name": "parse"}]}))["execution_id"])
"""


def test_another_process_needs_nothing_of_ours(
    simulator: Simulator, server: SimulatorServer
) -> None:
    environment: dict[str, Any] = {**os.environ, "CONTROL_URL": server.control_url}
    done = subprocess.run(
        [sys.executable, "-I", "-c", CHILD],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert simulator.execution_ids == (json.loads(done.stdout),)
