"""Datalab's own client finds in the embedded Datalab what it looks for in pipelines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datalab_facade.testing import (
    DocumentScript,
    Fault,
    Request,
    Simulator,
    SimulatorServer,
    VirtualClock,
)

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.fixture(scope="module", params=["sync", "async"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a client of either kind saw."""
    file = tmp_path_factory.mktemp("files") / "a.pdf"
    file.write_bytes(b"%PDF-1.7 \r\n--x")
    clock = VirtualClock()
    simulator = Simulator(clock)

    def time_passes_with_every_poll(asked: Request, _count: int) -> Fault | None:
        if asked.method == "GET" and "/executions/" in asked.path:
            clock.advance(1)
        return None

    simulator.inject_with(time_passes_with_every_poll)
    simulator.documents.script(*[DocumentScript(markdown="# Invoice")] * 3)
    simulator.documents.script(DocumentScript(error="no pages"))
    with SimulatorServer(simulator) as server:
        given = {
            "kind": request.param,
            "url": server.api_url,
            "key": simulator.api_key,
            "file": str(file),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.faithful.official_pipelines"],
            input=json.dumps(given),
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_pipeline_is_created_saved_and_published(seen: Any) -> None:
    created = seen["created"]
    assert [step["type"] for step in created["steps"]] == ["convert", "extract"]
    assert (created["name"], created["is_saved"], created["active_version"]) == (None, False, 0)
    assert (seen["saved"]["name"], seen["saved"]["is_saved"]) == ("Invoices", True)
    assert (seen["version"]["version"], seen["version"]["description"]) == (1, "first")
    assert len(seen["updated"]["steps"]) == 1
    assert len(seen["discarded"]["steps"]) == 2
    assert seen["listed"] == [[created["pipeline_id"]], 1]
    assert seen["versions"] == [1]
    assert seen["rate"]["total_rate_per_1000_cents"] == 1000


def test_an_execution_runs_step_by_step(seen: Any) -> None:
    assert seen["started"] == ["pending", 1]
    assert seen["ended"] == ["completed", ["completed", "completed"]]
    assert seen["converted"]["markdown"] == "# Invoice"
    assert seen["extracted"]["extraction_schema_json"].keys() >= {"total"}
    assert seen["partly"] == ["completed_with_errors", [None, "no pages"]]
    assert len(seen["executions"]) == 2


def test_archived_pipelines_are_not_listed(seen: Any) -> None:
    assert (seen["archived"], seen["unarchived"]) == (0, 1)


def test_schemas_are_stored_and_versioned(seen: Any) -> None:
    assert (seen["schema"]["name"], seen["schema"]["schema_json"]) == ("Invoice", SCHEMA)
    assert seen["changed"] == ["Bill", 2]
    assert (seen["schemas"], seen["fetched"]) == (1, "Bill")
    assert seen["deleted"] == seen["schema"]["schema_id"]


def test_what_is_not_there_is_refused(seen: Any) -> None:
    assert set(seen["refused"].values()) == {404}
