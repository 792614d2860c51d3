"""Datalab's own client finds in the embedded Datalab what it looks for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Request,
    RunScript,
    Simulator,
    SimulatorServer,
    StepScript,
    VirtualClock,
    WorkflowBehavior,
)

FAILING = ExecutionScript(
    [
        StepScript("parse", ends=5),
        StepScript(
            "extract",
            runs=[
                RunScript("n1", starts=5, ends=10),
                RunScript("n2", starts=5, ends=20, outcome="FAILED", error="no pages"),
            ],
        ),
    ],
    shape="nested",
)


@attrs.frozen
class Result:
    """What became of the whole story."""

    seen: dict[str, Any]
    """What the client saw."""
    simulator: Simulator
    saved: Path
    """The file that the client wrote."""
    link: httpx.Response
    """What was found at the download URL that the client got."""


@pytest.fixture(scope="module", params=["sync", "async"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What a client of either kind saw, and what came in."""
    folder = tmp_path_factory.mktemp("files")
    files = [folder / "first.pdf", folder / "second.pdf"]
    for number, file in enumerate(files):
        file.write_bytes(b"%PDF-1.7 " + b"x" * number)
    clock = VirtualClock()
    simulator = Simulator(clock)
    simulator.workflows.behavior = WorkflowBehavior(shape="nested")

    def time_passes_with_every_look(asked: Request, _count: int) -> Fault | None:
        if "/executions/" in asked.path:
            clock.advance(10)
        return None

    simulator.inject_with(time_passes_with_every_look)
    with SimulatorServer(simulator) as server:
        given = {
            "kind": request.param,
            "url": server.api_url,
            "key": simulator.api_key,
            "files": [str(file) for file in files],
            "failing": simulator.start(FAILING),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.faithful.official_story"],
            input=json.dumps(given),
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        link = httpx.get(seen["download"]["download_url"])
    return Result(seen, simulator, files[0].with_name("saved.json"), link)


def test_it_creates_a_workflow_and_finds_it_again(told: Result) -> None:
    workflow = told.seen["workflow"]
    assert (workflow["name"], workflow["team_id"]) == ("Invoices", 1)
    assert [
        (step["step_key"], step["unique_name"], step["settings"], step["depends_on"])
        for step in workflow["steps"]
    ] == [
        ("marker_parse", "parse", {"max_pages": 10}, []),
        ("marker_extract", "extract", {"page_schema": {"total": {"type": "number"}}}, ["parse"]),
    ]
    assert told.seen["listed"] == [1]
    assert {"type", "version", "name", "description", "settings_schema"} <= (
        told.seen["step_types"]["step_types"][0].keys()
    )


def test_it_uploads_files_and_finds_them_again(told: Result) -> None:
    # It uploads both at once, so either may be the first.
    [[newest], total] = told.seen["page"]
    assert (newest, total) == (2, 2)
    assert told.seen["file"] == ["first.pdf", "completed", 9]
    assert told.seen["file_by_hashid"] == told.seen["download"]["file_id"]
    assert told.seen["download"]["expires_in"] == 600
    assert (told.link.status_code, told.link.content) == (200, b"%PDF-1.7 ")


def test_it_executes_a_workflow_and_downloads_the_results(told: Result) -> None:
    execution_id = told.simulator.execution_ids[1]
    assert told.seen["started"] == [execution_id, "processing", True]
    assert told.seen["early"] == ["IN_PROGRESS", False, None]
    assert told.seen["done"] == [execution_id, 1, "COMPLETED", True, None]
    [left] = told.simulator.files.values()
    for name in ("parse", "extract"):
        runs = told.seen["steps"][name]
        assert left.hashid in runs
        assert len(runs) == 2
        for key, run in runs.items():
            assert run["status"] == "COMPLETED"
            assert run["started_at"] < run["finished_at"]
            assert run["downloaded_data"] == {"step": name, "file": key}
    assert json.loads(told.saved.read_text())["steps"] == told.seen["steps"]


def test_it_tells_which_step_of_a_failed_execution_failed(told: Result) -> None:
    assert told.seen["failed"] == ["FAILED", False, "Step(s) failed: extract[n2]"]


def test_it_understands_every_refusal(told: Result) -> None:
    assert told.seen["stranger"] == 401
    assert told.seen["refused"] == {
        "execution": 404,
        "workflow": 404,
        "step type": 400,
        "file": 404,
        "executed": 400,
    }


def test_it_deletes_what_may_be_deleted(told: Result) -> None:
    assert [one["success"] for one in told.seen["deleted"]] == [True, True]
    assert list(told.simulator.workflows) == [1]
    assert [file.filename for file in told.simulator.files.values()] == ["first.pdf"]


def test_it_sends_its_key_to_the_api_only(told: Result) -> None:
    assert all("x-api-key" in one.headers for one in told.simulator.requests.of("api"))
    stored = told.simulator.requests.of("storage")
    assert {one.method for one in stored} == {"PUT", "GET"}
    assert not any("x-api-key" in one.headers for one in stored)
