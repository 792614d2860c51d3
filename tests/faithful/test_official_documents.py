"""Datalab's own client finds in the embedded Datalab what it looks for in documents."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade.testing import (
    DocumentScript,
    Fault,
    Request,
    Simulator,
    SimulatorServer,
    StoredDocumentRequest,
    VirtualClock,
)

ENDPOINTS = [
    *("convert", "convert", "extract", "extract", "segment", "fill", "track-changes"),
    *("create-document", "convert", "convert", "convert", "convert"),
]


@attrs.frozen
class Result:
    """What the client saw, and what came in."""

    seen: dict[str, Any]
    requests: list[StoredDocumentRequest]
    folder: Path


@pytest.fixture(scope="module", params=["sync", "async"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What a client of either kind saw."""
    file = tmp_path_factory.mktemp("files") / "räport v2.pdf"
    file.write_bytes(b"%PDF-1.7 \r\n--x")
    clock = VirtualClock()
    simulator = Simulator(clock)

    def time_passes_with_every_poll(asked: Request, _count: int) -> Fault | None:
        if asked.method == "GET":
            clock.advance(2)
        return None

    first = DocumentScript(pages=2, images={"a.png": b"\x89PNG"}, cost_after=60)
    simulator.documents.script(first, *[DocumentScript()] * 8)
    simulator.documents.script(
        DocumentScript(error="no pages"),
        DocumentScript(error="no pages", status="failed"),
        DocumentScript(seconds=None),
    )
    simulator.inject_with(time_passes_with_every_poll)
    with SimulatorServer(simulator) as server:
        given = {
            "kind": request.param,
            "url": server.api_url,
            "key": simulator.api_key,
            "file": str(file),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.faithful.official_documents"],
            input=json.dumps(given),
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
    assert done.returncode == 0, done.stderr
    return Result(json.loads(done.stdout), list(simulator.documents.values()), file.parent)


def test_every_request_came_to_its_endpoint(told: Result) -> None:
    assert [one.endpoint for one in told.requests] == ENDPOINTS
    assert {one.file.body for one in told.requests if one.file} == {b"%PDF-1.7 \r\n--x"}


def test_it_converts_into_all_formats(told: Result) -> None:
    converted = told.seen["convert"]
    assert (converted["success"], converted["status"], converted["error"]) == (True, "complete", "")
    assert "Page 1." in converted["markdown"]
    assert "<p>Page 1.</p>" in converted["html"]
    assert [page["block_type"] for page in converted["json"]["children"]] == ["Page", "Page"]
    assert len(converted["chunks"]["blocks"]) == 2
    assert (converted["page_count"], converted["cost_breakdown"]) == (2, None)
    assert base64.b64decode(converted["images"]["a.png"]) == b"\x89PNG"
    assert told.seen["saved"].keys() == {
        "converted.md",
        "converted.html",
        "converted.json",
        "converted.chunks.json",
        "converted.metadata.json",
        "a.png",
    }


def test_its_options_arrive(told: Result) -> None:
    fields = told.requests[0].fields
    assert (fields["paginate"], fields["save_checkpoint"]) == ("True", "True")
    assert fields["additional_config"] == '{"keep_pageheader_in_output": true}'
    assert told.requests[1].fields["file_url"] == "https://files.example/a.pdf"
    assert told.requests[1].file is None
    assert told.seen["by_url"]["markdown"].startswith("# a.pdf")


def test_it_extracts_from_a_checkpoint_and_by_a_saved_schema(told: Result) -> None:
    data = json.loads(told.seen["extract"]["extraction_schema_json"])
    assert data["total"] == 1.5
    assert data["total_citations"] == ["/page/0/Text/0"]
    assert told.requests[2].fields["checkpoint_id"] == told.requests[0].checkpoint_id
    assert told.seen["extract"]["page_count"] == 2
    assert told.seen["by_schema_id"]["extraction_schema_json"] == "{}"


def test_it_segments(told: Result) -> None:
    [segment] = told.seen["segment"]["segmentation_results"]["segments"]
    assert segment == {"name": "A", "pages": [0], "confidence": "high"}


def test_it_fills_a_form(told: Result) -> None:
    filled = told.seen["fill"]
    assert (filled["fields_filled"], filled["fields_not_found"]) == (["name"], [])
    assert (told.folder / "filled.pdf").read_bytes() == b"%PDF-1.7 \r\n--x"


def test_it_tracks_changes_and_creates_documents(told: Result) -> None:
    assert told.seen["track_changes"]["html"].startswith("<h1>")
    assert told.seen["create"]["output_format"] == "docx"
    assert (told.folder / "created.docx").read_bytes().startswith(b"PK")


def test_it_streams_an_answer_to_disk(told: Result) -> None:
    assert told.seen["streamed"]["markdown"].startswith("# ")


def test_it_takes_a_failure_that_is_complete_for_a_result(told: Result) -> None:
    """So it is documented; a status of another name raises."""
    assert (told.seen["failed"]["success"], told.seen["failed"]["error"]) == (False, "no pages")
    assert told.seen["raised"] == ["DatalabAPIError", "Processing failed: no pages"]


def test_it_meets_refusals_and_gives_up(told: Result) -> None:
    assert told.seen["refused"] == 400
    assert told.seen["late"][0] == "DatalabTimeoutError"
