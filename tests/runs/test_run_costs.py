"""What a run costs: told, late or not, and never more than it may."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datalab_facade import (
    Convert,
    CostLimitError,
    InvalidArgumentError,
    LocalFileError,
    PaymentRequiredError,
    RunReport,
    RunResult,
    Status,
)
from datalab_facade.runs.run_plan import RunPlan
from datalab_facade.runs.run_sources import RunItem
from datalab_facade.testing import DocumentScript, Fault, Simulator
from tests.fuzzing import examples
from tests.in_process import new_simulator
from tests.runs.test_document_runs import STEPS
from tests.ways import KINDS, Kind, Way


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    return written(tmp_path / "in", 6)


def written(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number}.pdf" for number in range(count)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    return paths


def run(way: Way, simulator: Simulator, *args: Any, **options: Any) -> RunReport:
    """Run with a client of its own, as a process would that begins anew."""
    client = way.client(simulator)
    report: RunReport = way.done(client.run(*args, **options))
    way.done(client.close())
    return report


def spent(simulator: Simulator) -> int:
    return sum(request.cost_cents for request in simulator.documents.values())


def test_costs_that_come_late_are_filled_in_when_the_run_ends(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_cents=7, cost_after=20))
    report = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert [one.cost_cents for one in report.results] == [7] * 6
    assert report.cost_cents == 42
    again = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert again.cost_cents == 42


def test_a_cost_that_never_comes_is_none_and_ends_nothing(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_after=4000, kept_for=None))
    report = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert report
    assert (report.cost_cents, report.results[0].cost_cents) == (None, None)


def test_a_limit_stops_submitting_and_the_report_says_what_is_left(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_cents=10))
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "max_cost_cents": 35}
    report = run(way, simulator, Convert(), documents, **options)
    assert (len(report.succeeded), len(report.left), spent(simulator)) == (3, 3, 30)
    assert all(isinstance(one.error, CostLimitError) for one in report.left)
    assert "3 left to do: Not submitted, since it may cost more" in str(report)
    # The limit is that of the run, and not of each call.
    again = run(way, simulator, Convert(), documents, **options)
    assert (len(again.succeeded), len(again.left), spent(simulator)) == (3, 3, 30)
    assert run(way, simulator, Convert(), documents, **{**options, "max_cost_cents": 60})
    assert spent(simulator) == 60


def test_what_failed_and_is_submitted_again_counts_as_well(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script(DocumentScript(cost_cents=10, markdown=""))
    simulator.documents.script_always(DocumentScript(cost_cents=10))
    options: dict[str, Any] = {"output_dir": tmp_path / "out"}
    assert len(run(way, simulator, Convert(), documents[:2], **options).failed) == 1
    options |= {"max_cost_cents": 30, "retry_failed": True}
    report = run(way, simulator, Convert(), documents[:3], **options)
    assert (len(report.succeeded), len(report.left), spent(simulator)) == (2, 1, 30)


def test_a_limit_waits_for_costs_that_come_late(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_cents=10, cost_after=15))
    report = run(
        way, simulator, Convert(), documents, output_dir=tmp_path / "out", max_cost_cents=50
    )
    assert (len(report.succeeded), spent(simulator)) == (5, 50)


def test_late_costs_are_asked_for_for_a_minute_at_most_however_many_they_are(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(seconds=1, cost_after=4000))
    paths, client = written(tmp_path / "many", 300), way.client(simulator, requests_per_minute=60)
    ended: list[float] = []
    way.done(
        client.run(
            Convert(),
            paths,
            output_dir=tmp_path / "out",
            concurrency=300,
            on_update=lambda update: ended.append(simulator.clock.monotonic()),
        )
    )
    assert simulator.clock.monotonic() - ended[-1] <= 61
    way.done(client.close())


@pytest.mark.parametrize("concurrency", [1, 100])
def test_a_limit_that_no_cost_allows_to_keep_stops_submitting_and_says_so(
    way: Way,
    simulator: Simulator,
    documents: list[Path],
    tmp_path: Path,
    concurrency: int,
) -> None:
    tried = min(3, concurrency)
    simulator.documents.script_always(DocumentScript(cost_cents=10, cost_after=1800))
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "concurrency": concurrency}
    report = run(way, simulator, Convert(), documents, max_cost_cents=50, **options)
    assert (len(report.succeeded), len(report.left)) == (tried, 6 - tried)
    assert all(isinstance(one.error, CostLimitError) for one in report.left)
    assert f"cannot be kept: Datalab does not say what the {tried} submitted before cost" in str(
        report
    )
    # A later call first asks for what it may know by then.
    simulator.clock.sleep(1800)
    report = run(way, simulator, Convert(), documents, max_cost_cents=50, **options)
    assert (len(report.succeeded), report.cost_cents) == (5, 10 * tried)
    assert "since it may cost more than max_cost_cents=50" in str(report)
    assert run(way, simulator, Convert(), documents, **options)


def test_what_earlier_calls_left_without_a_cost_is_asked_for_at_once_and_not_one_by_one(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_after=4000, kept_for=None))
    options: dict[str, Any] = {"output_dir": tmp_path / "out"}
    assert run(way, simulator, Convert(), documents, **options)
    began = simulator.clock.monotonic()
    assert run(way, simulator, Convert(), documents, max_cost_cents=50, **options)
    assert simulator.clock.monotonic() - began <= 61


def test_a_submission_whose_fate_is_unknown_leaves_the_limit_to_the_others(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_cents=10))
    simulator.inject(Fault.disconnect(), path="/api/v1/convert")
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "max_cost_cents": 1000}
    report = run(way, simulator, Convert(), documents, **options)
    assert (len(report.succeeded), len(report.left)) == (5, 0)
    # From now on, it counts as the others do.
    more = [tmp_path / "a.pdf", tmp_path / "b.pdf"]
    for path in more:
        path.write_bytes(b"%PDF-1.7")
    report = run(way, simulator, Convert(), more, **{**options, "max_cost_cents": 70})
    assert (len(report.succeeded), len(report.left)) == (1, 1)
    assert run(way, simulator, Convert(), documents, retry_unknown=True, **options)


def test_a_submission_whose_fate_an_earlier_call_left_unknown_can_be_retried_with_a_limit(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(cost_cents=10))
    simulator.inject(Fault.disconnect(), path="/api/v1/convert")
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "max_cost_cents": 1000}
    assert not run(way, simulator, Convert(), documents[:1], **options)
    assert run(way, simulator, Convert(), documents, retry_unknown=True, **options)


def test_a_file_that_is_not_waited_for_any_longer_leaves_the_limit_to_the_others(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script(DocumentScript(cost_cents=10, seconds=4000))
    simulator.documents.script_always(DocumentScript(cost_cents=10))
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "max_cost_cents": 1000}
    report = run(way, simulator, Convert(), documents, timeout=60, **options)
    assert (len(report.succeeded), len(report.left)) == (5, 0)


def test_a_file_whose_outputs_cannot_be_saved_leaves_the_limit_to_the_others(
    way: Way,
    simulator: Simulator,
    documents: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, disk_faults = RunPlan.record_saved, [LocalFileError("No space left on device")]

    def record_saved(self: RunPlan, item: RunItem, *args: Any, **options: Any) -> RunResult:
        if disk_faults:
            return self.record_save_error(item, Status.COMPLETED, disk_faults.pop())
        return real(self, item, *args, **options)

    monkeypatch.setattr(RunPlan, "record_saved", record_saved)
    simulator.documents.script_always(DocumentScript(cost_cents=10))
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "max_cost_cents": 1000}
    report = run(way, simulator, Convert(), documents, **options)
    assert (len(report.succeeded), len(report.left)) == (5, 0)
    assert run(way, simulator, Convert(), documents, **options)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=examples(30))
@given(
    costs=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    seconds=st.lists(st.floats(0, 60), min_size=8, max_size=8),
    late=st.lists(st.sampled_from([0.0, 12.0]), min_size=8, max_size=8),
    limit=st.integers(0, 90),
    concurrency=st.integers(1, 8),
)
@example(costs=[1, 30, 30, 30], seconds=[1.0] * 8, late=[0.0] * 8, limit=40, concurrency=8)
@example(
    costs=[2, 21, 25, 13, 16, 18, 22], seconds=[2.0] * 8, late=[12.0] * 8, limit=20, concurrency=2
)
def test_a_limit_is_never_exceeded_by_more_than_what_was_under_way(  # noqa: PLR0917
    kind: Kind,
    costs: list[int],
    seconds: list[float],
    late: list[float],
    limit: int,
    concurrency: int,
) -> None:
    simulator = new_simulator()
    scripts = [
        DocumentScript(cost_cents=cost, seconds=took, cost_after=after)
        for cost, took, after in zip(costs, seconds, late, strict=False)
    ]
    simulator.documents.script(*scripts)
    with tempfile.TemporaryDirectory() as folder, Way(kind) as way:
        paths = written(Path(folder) / "in", len(costs))
        report = run(
            way,
            simulator,
            Convert(),
            paths,
            output_dir=Path(folder) / "out",
            max_cost_cents=limit,
            concurrency=concurrency,
        )
        assert len(report.results) == len(costs)
        assert len(report.succeeded) + len(report.left) == len(costs)
        assert report.cost_cents in (None, spent(simulator))
        known = 0
        for line in (Path(folder) / "out" / "run.jsonl").read_text().splitlines():
            facts = json.loads(line)
            known += facts.get("cents") or 0
            # Whenever a request leaves, what is known is within the limit.
            assert known <= limit or not facts.get("submitting")
        assert spent(simulator) <= limit + sum(sorted(costs)[-concurrency:])
        assert run(way, simulator, Convert(), paths, output_dir=Path(folder) / "out")


def test_a_spending_limit_of_the_account_stops_submitting_and_the_next_call_goes_on(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.spend_cap_cents = 3
    report = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert (len(report.succeeded), len(report.left)) == (3, 3)
    assert all(isinstance(one.error, PaymentRequiredError) for one in report.left)
    assert all((one.folder / f"{one.folder.name}.md").is_file() for one in report.succeeded)
    assert "3 left to do" in str(report)
    posts = [request for request in simulator.requests if request.method == "POST"]
    assert len(posts) == 4
    simulator.documents.spend_cap_cents = None
    assert run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert len(simulator.documents) == 6


def test_a_spending_limit_in_the_middle_of_a_pipeline_run(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    pipeline_id = simulator.pipelines.create(STEPS)
    simulator.documents.spend_cap_cents = 4
    report = run(way, simulator, pipeline_id, documents, output_dir=tmp_path / "out")
    assert (len(report.succeeded), len(report.left)) == (2, 4)
    assert report.cost_cents == 4
    simulator.documents.spend_cap_cents = None
    assert run(way, simulator, pipeline_id, documents, output_dir=tmp_path / "out")
    assert len(simulator.pipelines.executions) == 6


@pytest.mark.parametrize("wrong", [-1, "5", float("nan")])
def test_a_wrong_limit_is_refused(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path, wrong: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="max_cost_cents"):
        run(way, simulator, Convert(), documents, output_dir=tmp_path, max_cost_cents=wrong)
    with pytest.raises(InvalidArgumentError, match="does not tell what its executions cost"):
        run(way, simulator, 1, documents, output_dir=tmp_path, max_cost_cents=5)
    assert not simulator.requests


def test_too_many_pages_in_flight_put_a_file_back_and_cost_nothing(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    # They take so long that none ends while a thread of the run is still reading the next file.
    simulator.documents.script_always(DocumentScript(pages=4, seconds=3_000))
    simulator.documents.page_limit = 10
    updates: list[Any] = []
    report = run(
        way,
        simulator,
        Convert(),
        documents,
        output_dir=tmp_path / "out",
        on_update=updates.append,
    )
    assert report, str(report)
    assert spent(simulator) == report.cost_cents == 24
    refused = [one for one in simulator.documents.values() if one.script.failed]
    assert 0 < len(refused) <= 8
    assert all(update.totals.failed == 0 for update in updates)
    assert not any(update.outcome and not update.outcome.succeeded for update in updates)
    assert updates[-1].totals.succeeded == 6
    again = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert again.cost_cents == 24


def test_a_document_that_is_larger_than_the_limit_fails_at_once(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.script(DocumentScript(pages=20))
    simulator.documents.page_limit = 10
    report = run(way, simulator, Convert(), documents, output_dir=tmp_path / "out")
    assert len(report.succeeded) == 5
    assert "Page rate limit exceeded" in (report.failed[0].reason or "")
    assert len(simulator.documents) == 6


def test_pages_that_others_keep_in_flight_are_waited_for(
    way: Way, simulator: Simulator, documents: list[Path], tmp_path: Path
) -> None:
    simulator.documents.page_limit = 10
    simulator.documents.start(DocumentScript(pages=10, seconds=120))
    report = run(way, simulator, Convert(), documents[:2], output_dir=tmp_path / "out")
    assert report, str(report)
    assert len(simulator.documents) < 20


def test_many_that_are_refused_in_one_burst_are_all_done_in_the_end(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.documents.script_always(DocumentScript(pages=1, seconds=60))
    simulator.documents.page_limit = 10
    paths = written(tmp_path / "many", 100)
    report = run(way, simulator, Convert(), paths, output_dir=tmp_path / "out", concurrency=100)
    assert len(report.succeeded) == 100, str(report)
    assert spent(simulator) == 100
