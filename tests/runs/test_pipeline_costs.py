"""What a run of a pipeline costs, also where the server says it late or never."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import RunReport
from datalab_facade.testing import DocumentScript, Request, Simulator
from tests.in_process import new_simulator
from tests.runs.test_document_runs import STEPS
from tests.ways import Way

# Without the pages of the document, the rate of its pipeline does not say what it cost.
NO_PAGES: dict[str, Any] = {"page_count": None}


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(b"%PDF-1.7")
    return path


def run(way: Way, simulator: Simulator, document: Path, steps: list[Any] = STEPS) -> RunReport:
    """Run a new pipeline over the document; what it wrote is in ``out`` beside it."""
    pipeline_id, client = simulator.pipelines.create(steps), way.client(simulator)
    report: RunReport = way.done(
        client.run(pipeline_id, document, output_dir=document.with_name("out"))
    )
    way.done(client.close())
    return report


def is_for_result(request: Request) -> bool:
    return "/pipelines/executions/" in request.path and "/steps/" in request.path


def test_the_costs_of_the_steps_are_added_up_when_they_come_late(
    way: Way, simulator: Simulator, document: Path
) -> None:
    scripts = [DocumentScript(cost_cents=cents, cost_after=20, extra=NO_PAGES) for cents in (7, 5)]
    simulator.documents.script(*scripts)
    report = run(way, simulator, document)
    assert (report.cost_cents, report.results[0].cost_cents) == (12, 12)
    known = RunReport.read(document.with_name("out"))
    assert known.cost_cents == 12


def test_a_step_that_has_no_result_is_not_asked_for_a_cost_that_comes_late(
    way: Way, simulator: Simulator, document: Path
) -> None:
    simulator.pipelines.steps_lag = 4000
    simulator.documents.script(
        DocumentScript(cost_cents=7, cost_after=80, extra=NO_PAGES), DocumentScript()
    )
    report = run(way, simulator, document)
    assert report.results[0].cost_cents == 7
    asked = [request.path for request in simulator.requests if is_for_result(request)]
    assert len(asked) > 1
    assert all("/steps/0/" in path for path in asked)


def test_a_cost_that_never_comes_is_asked_for_for_a_minute_at_most(
    way: Way, simulator: Simulator, document: Path
) -> None:
    scripts = [DocumentScript(cost_after=4000, extra=NO_PAGES) for _ in STEPS]
    simulator.documents.script(*scripts)
    report = run(way, simulator, document)
    assert [one.succeeded for one in report.results] == [True]
    assert report.cost_cents is None
    [execution] = simulator.pipelines.executions.values()
    since = execution.since_end(simulator.clock)
    assert since is not None
    assert 30 < since <= 75


def test_a_cost_that_comes_late_is_asked_for_without_fetching_a_result_again(
    way: Way, simulator: Simulator, document: Path
) -> None:
    scripts = [
        DocumentScript(cost_cents=cents, cost_after=20, extra=NO_PAGES, via_url=True)
        for cents in (7, 5)
    ]
    simulator.documents.script(*scripts)
    report = run(way, simulator, document)
    assert report.results[0].cost_cents == 12
    assert len(simulator.requests.of("storage")) == len(STEPS)


def test_an_empty_result_is_paid_for_and_counts(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.pdf" for number in range(4)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    for _ in paths:
        simulator.documents.script(
            DocumentScript(markdown="", cost_cents=100), DocumentScript(cost_cents=5)
        )
    pipeline_id, client = simulator.pipelines.create(STEPS), way.client(simulator)
    options: dict[str, Any] = {"concurrency": 1, "max_cost_cents": 300}
    report = way.done(client.run(pipeline_id, paths, output_dir=tmp_path / "out", **options))
    way.done(client.close())
    assert report.cost_cents == 105 * len(simulator.pipelines.executions) <= 300
    assert len(report.left) == 2


def test_a_document_that_came_empty_is_not_asked_for_its_cost_again(
    way: Way, simulator: Simulator, document: Path
) -> None:
    simulator.documents.script(DocumentScript(markdown="", cost_cents=100))
    report = run(way, simulator, document, STEPS[:1])
    assert report.cost_cents == 100
    assert len([one for one in simulator.requests if is_for_result(one)]) == 1


def test_what_a_step_results_in_is_saved_although_another_one_came_empty(
    way: Way, simulator: Simulator, document: Path
) -> None:
    simulator.documents.script(
        DocumentScript(markdown=""), DocumentScript(extraction={"total": 12.5})
    )
    report = run(way, simulator, document)
    [result] = report.failed
    assert "has no markdown" in (result.reason or "")
    assert [receipt.id.partition("/")[0] for receipt in result.receipts] == ["extract"]
    assert json.loads((result.folder / "invoice.extraction.json").read_text()) == {"total": 12.5}
    # It is told again, and not paid again.
    client = way.client(simulator)
    [pipeline_id] = simulator.pipelines
    again = way.done(client.run(pipeline_id, document, output_dir=document.with_name("out")))
    way.done(client.close())
    assert [one.reason for one in again.failed] == [result.reason]
    assert len(simulator.pipelines.executions) == 1


def test_a_step_that_failed_is_said_and_the_result_of_the_step_before_is_saved(
    way: Way, simulator: Simulator, document: Path
) -> None:
    simulator.documents.script(
        DocumentScript(markdown="# Invoice"), DocumentScript(error="No page could be read")
    )
    report = run(way, simulator, document)
    [result] = report.failed
    assert result.status == "COMPLETED_WITH_ERRORS"
    assert "No page could be read" in (result.reason or "")
    assert [receipt.id.partition("/")[0] for receipt in result.receipts] == ["convert"]
    assert (result.folder / "invoice.md").read_text() == "# Invoice"


def test_a_pipeline_that_too_many_pages_in_flight_kept_from_running_is_run_again(
    way: Way, simulator: Simulator, document: Path
) -> None:
    simulator.documents.page_limit = 10
    simulator.documents.start(DocumentScript(pages=10, seconds=120))
    report = run(way, simulator, document)
    assert report, str(report)
    assert report.results[0].succeeded
    assert len(simulator.pipelines.executions) > 1
    [last] = [
        execution_id
        for execution_id, execution in simulator.pipelines.executions.items()
        if execution.status(simulator.clock) == "completed"
    ]
    assert report.results[0].job_id == last
