"""Pictures of pipelines and of their executions, also where every word is meant to do harm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import Convert, Extract, PipelineDefinition, PipelineExecution, PipelineStep
from datalab_facade.pipelines.decoding import decode_pipeline
from datalab_facade.pipelines.execution_decoding import decode_pipeline_execution
from tests.pictures.checking import check_html, check_svg
from tests.pictures.scenes import BEGAN, HOSTILE, at
from tests.secrets_for_tests import SIGNATURE, presigned

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}


def execution(*steps: dict[str, Any], status: str = "completed", **more: Any) -> PipelineExecution:
    """Return an execution whose steps are numbered."""
    numbered = [{"step_index": place, **step} for place, step in enumerate(steps)]
    body = {
        "execution_id": "pex_1",
        "pipeline_id": "pl_1",
        "status": status,
        "created": at(0),
        "steps": numbered,
        **more,
    }
    return decode_pipeline_execution(body, observed_at=BEGAN)[0]


def step(kind: str, begins: float, ends: float, status: str = "completed") -> dict[str, Any]:
    return {"step_type": kind, "status": status, "started_at": at(begins), "finished_at": at(ends)}


def test_a_timeline_shows_one_step_after_the_other() -> None:
    done = execution(step("convert", 2, 30), step("extract", 32, 60), completed_at=at(60))
    timeline = done.timeline()
    assert [one.step for one in timeline.critical_path] == ["0. convert", "1. extract"]
    assert timeline.kind == "pipeline execution"
    assert "pipeline pl_1" in timeline.text()
    check_svg(timeline.svg())
    check_html(timeline.html())
    check_svg(done._repr_html_())


def test_two_steps_of_one_type_are_two_rows() -> None:
    timeline = execution(step("custom", 0, 9), step("custom", 9, 20)).timeline()
    assert [one.name for one in timeline.steps] == ["0. custom", "1. custom"]


@pytest.mark.parametrize("status", ["completed", "failed", "completed_with_errors", HOSTILE])
def test_hostile_words_of_an_execution_do_no_harm(status: str) -> None:
    bad = {
        **step(HOSTILE, 0, 60, "failed"),
        "error_message": f"{HOSTILE} {presigned('a.json')}",
        "source_step_type": HOSTILE,
    }
    found = execution(bad, step(HOSTILE, 60, 90, HOSTILE), status=status, pipeline_id=HOSTILE)
    timeline = found.timeline()
    for width in (200, 960):
        check_svg(timeline.svg(width=width))
    check_html(timeline.html())
    for text in (timeline.text(), repr(found), timeline.svg(), timeline.html()):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert SIGNATURE not in text


WORDS = st.text(max_size=30) | st.sampled_from([HOSTILE, presigned("a.json"), "", "\ud800"])


@given(st.lists(st.tuples(WORDS, WORDS), max_size=5), WORDS)
def test_the_graph_of_any_pipeline_is_sound(steps: list[tuple[str, str]], name: str) -> None:
    body: dict[str, Any] = {
        "pipeline_id": "pl_1",
        "name": name,
        "steps": [{"type": kind, "settings": {"mode": mode}} for kind, mode in steps],
    }
    graph = decode_pipeline(body)[0].graph()
    assert len(graph.nodes) == len(steps)
    assert not graph.missing
    assert not graph.is_circular
    check_svg(graph.svg())
    check_html(graph.html())
    assert SIGNATURE not in graph.svg() + graph.html() + graph.text()


def test_a_definition_draws_its_steps_in_their_order() -> None:
    custom = PipelineStep(type="custom", custom_processor_id="cp_1")
    definition = PipelineDefinition([Convert(mode="balanced"), custom, Extract(SCHEMA)])
    graph = definition.graph("Invoices")
    assert [[node.name for node in layer] for layer in graph.layers] == [
        ["0. convert"],
        ["1. custom"],
        ["2. extract"],
    ]
    assert [node.label for node in graph.nodes] == ["balanced", "cp_1", ""]
    assert graph.text().startswith("Invoices\n3 steps in 3 layers")
    check_svg(definition._repr_html_())


def test_steps_that_cannot_run_are_drawn_as_well() -> None:
    assert "no steps" in PipelineDefinition([]).graph().text()
    assert len(PipelineDefinition([Extract(SCHEMA), Convert()]).graph().nodes) == 2
