"""What a pipeline's answers leave out or mix up is said, or does not matter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from datalab_facade import (
    Extract,
    Extraction,
    InvalidArgumentError,
    InvalidResponseError,
    PipelineExecution,
    Status,
)
from datalab_facade.documents.tasks import Convert, Segment
from datalab_facade.pipelines.batch_requests import batch_request
from datalab_facade.pipelines.execution_decoding import (
    decode_pipeline_execution,
    decode_pipeline_executions,
)
from datalab_facade.testing import DocumentScript, Fault, Simulator
from tests.in_process import blocking, new_simulator
from tests.ways import Way

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}
EXTRACT: dict[str, Any] = {"type": "extract", "settings": {"page_schema": SCHEMA}}
STEPS: list[Any] = [{"type": "convert"}, EXTRACT]
PDF = b"%PDF-1.7"
NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)


@attrs.frozen
class Invoice:
    """What is extracted."""

    total: float


@pytest.fixture
def simulator() -> Simulator:
    made = new_simulator()
    made.documents.script_always(DocumentScript(extraction={"total": 12.5}), endpoint="extract")
    return made


def ran(way: Way, simulator: Simulator, client: Any, steps: list[Any]) -> Any:
    """Run a new pipeline to its end; give the handle of its execution."""
    pipeline_id = simulator.pipelines.create(steps)
    handle = way.done(client.pipelines.run(pipeline_id, PDF, name="a.pdf"))
    way.done(handle.result())
    return handle


def test_a_handle_gives_the_result_of_a_step_in_the_type_of_its_task(
    way: Way, simulator: Simulator
) -> None:
    handle = ran(way, simulator, way.client(simulator), STEPS)
    extraction = way.done(handle.step_result("extract", task=Extract(Invoice)))
    assert isinstance(extraction, Extraction)
    assert extraction.value == Invoice(total=12.5)


def test_a_type_that_several_steps_have_is_not_guessed(way: Way, simulator: Simulator) -> None:
    handle = ran(way, simulator, way.client(simulator), [*STEPS, EXTRACT])
    with pytest.raises(InvalidArgumentError, match=r"several extract steps: .* indexes 1, 2"):
        way.done(handle.step_result("extract"))
    for index in (1, 2, -1):
        assert way.done(handle.step_result(index)).data == {"total": 12.5}


@pytest.mark.parametrize("answer", [b"[]", b"7", b'"https://x.example/1"'])
def test_what_is_no_result_of_a_step_is_not_taken_for_one(
    way: Way, simulator: Simulator, answer: bytes
) -> None:
    handle = ran(way, simulator, way.client(simulator), STEPS)
    json_type = {"Content-Type": "application/json"}
    simulator.inject_always(Fault.status(200, answer, json_type), path="*/result")
    with pytest.raises(InvalidResponseError, match="not the result of a step"):
        way.done(handle.step_result(0))


def test_an_answer_about_another_pipeline_is_refused_and_asked_for_again(
    way: Way, simulator: Simulator
) -> None:
    wanted, another = (simulator.pipelines.create(STEPS) for _ in range(2))
    with blocking(simulator) as other:
        mixed_up = Fault.status(200, dict(other.pipelines.get(another).raw))
    path, client = f"/api/v1/pipelines/{wanted}", way.client(simulator)
    simulator.inject(mixed_up, path=path)
    assert way.done(client.pipelines.get(wanted)).id == wanted
    simulator.inject_always(mixed_up, path=path)
    with pytest.raises(InvalidResponseError, match=another):
        way.done(client.pipelines.get(wanted))


def test_a_pipeline_is_run_by_its_name_without_a_timeout_too(
    way: Way, simulator: Simulator
) -> None:
    pipeline_id, client = simulator.pipelines.create(STEPS, name="Invoices"), way.client(simulator)
    handle = way.done(client.pipelines.run("Invoices", PDF, name="a.pdf"))
    assert way.done(handle.get()).pipeline_id == pipeline_id


def test_an_execution_without_an_id_is_left_out_of_a_list() -> None:
    nameless: dict[str, Any] = {"status": "running", "steps": []}
    named = {**nameless, "execution_id": "pex_2"}
    page, drift = decode_pipeline_executions({"executions": [nameless, named]}, NOW)
    assert [one.id for one in page.items] == ["pex_2"]
    assert [one.name for one in drift] == ["execution=an object"]
    with pytest.raises(InvalidResponseError, match="no execution_id"):
        decode_pipeline_execution(nameless)
    # Of one that was asked for, the id is known.
    found, _ = decode_pipeline_execution(nameless, requested_id="pex_1")
    assert found.id == "pex_1"


@pytest.mark.parametrize(
    ("rates", "cents"),
    [
        ({"total_rate_per_1000_cents": 1000}, 1000),
        ({"total_rate_per_1000_cents": "much"}, None),
        ({}, None),
        ([1000], None),
        (None, None),
    ],
)
def test_what_1000_pages_cost_is_known_if_the_server_says_so(
    rates: Any, cents: float | None
) -> None:
    raw: dict[str, Any] = {"rate_breakdown": rates}
    for one, wanted in ((raw, cents), ({}, None)):
        execution = PipelineExecution(id="pex_1", status=Status.COMPLETED, raw=one)
        assert execution.cost_per_1000_pages == wanted


def test_a_notebook_draws_a_pipeline(simulator: Simulator) -> None:
    pipeline_id = simulator.pipelines.create(STEPS, name="Invoices <1>")
    with blocking(simulator) as client:
        pipeline = client.pipelines.get(pipeline_id)
    drawn = pipeline._repr_html_()
    assert drawn == pipeline.graph().svg()
    assert "convert" in drawn
    assert "extract" in drawn
    assert "<1>" not in drawn


def test_a_batch_run_takes_a_pipeline_or_a_task_and_a_rubric(simulator: Simulator) -> None:
    pipeline_id = simulator.pipelines.create(STEPS)
    with blocking(simulator) as client:
        pipeline = client.pipelines.get(pipeline_id)
    by_id = {"collection_id": 3, "pipeline_id": pipeline_id}
    assert batch_request(pipeline, 3, None) == batch_request(pipeline_id, 3, None) == by_id
    assert batch_request(pipeline, 3, 5) == {**by_id, "eval_rubric_id": 5}
    asked = batch_request(Segment({"Bill": "a bill"}), 3, 0)
    assert (asked["pipeline_type"], asked["eval_rubric_id"]) == ("segment", 0)
    assert batch_request(Convert(), 3, None)["pipeline_type"] == "convert"
