"""A pipeline's steps are checked before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import InvalidArgumentError, InvalidDefinitionError
from datalab_facade.documents.tasks import Convert, CreateDocument, Extract, Fill, Segment
from datalab_facade.pipelines.batch_requests import batch_request
from datalab_facade.pipelines.definitions import PipelineDefinition, PipelineStep
from datalab_facade.pipelines.run_task import RunPipeline

INVOICE = {"type": "object", "properties": {"total": {"type": "number"}}}
CONVERT, EXTRACT = Convert(), Extract(INVOICE)
SEGMENT, FILL = Segment({"Bill": "a bill"}), Fill({"name": "Jane"})
CUSTOM = PipelineStep(type="custom", custom_processor_id="cp_1")


@pytest.mark.parametrize(
    "steps",
    [
        [CONVERT],
        [CONVERT, EXTRACT],
        [CONVERT, SEGMENT, EXTRACT],
        [CONVERT, CUSTOM, EXTRACT],
        [FILL],
    ],
)
def test_what_the_guides_show_is_a_pipeline(steps: list[Any]) -> None:
    definition = PipelineDefinition(steps)
    definition.validate()
    assert PipelineDefinition.from_dict(definition.to_dict()) == definition
    assert [one["type"] for one in definition.to_settings()] == [  # type: ignore[index,call-overload]
        step.type for step in definition.steps
    ]


@pytest.mark.parametrize(
    ("steps", "place", "message"),
    [
        ([], "steps", "at least one step"),
        ([EXTRACT], r"steps\[0\]", "needs convert before it"),
        ([SEGMENT, CONVERT], r"steps\[1\]", "convert must be the first"),
        ([CONVERT, EXTRACT, SEGMENT], r"steps\[1\]", "extract must be the last"),
        ([CONVERT, FILL], r"steps\[1\]", "fill cannot be combined"),
        ([CONVERT, PipelineStep(type="ocr")], r"steps\[1\]", "unknown type 'ocr'"),
        ([CONVERT, PipelineStep(type="custom")], r"steps\[1\]", "needs a custom_processor_id"),
        (
            [PipelineStep(type="convert", custom_processor_id="cp_1")],
            r"steps\[0\]",
            "cannot have a custom_processor_id",
        ),
        ([PipelineStep(type="convert", settings={"a": {1, 2}})], r"steps\[0\]", "settings"),  # type: ignore[dict-item]
    ],
)
def test_what_cannot_run_is_said_with_its_place(steps: list[Any], place: str, message: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=place) as caught:
        PipelineDefinition(steps).validate()
    assert any(message in issue.message for issue in caught.value.issues)


@pytest.mark.parametrize("steps", ["convert", CONVERT, {"a": 1}, 5, [CreateDocument("# x")], [3]])
def test_what_is_no_list_of_steps_is_said(steps: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"steps must be|A step of a pipeline"):
        PipelineDefinition.coerce(steps)


@given(version=st.none() | st.integers(0, 99), pages=st.none() | st.integers(0, 20))
def test_a_run_comes_back_from_json(version: int | None, pages: int | None) -> None:
    task = RunPipeline(
        "pl_1", pipeline_version=version, page_range=pages, output_format=["markdown"]
    )
    assert RunPipeline.from_dict(task.to_dict()) == task
    assert "pipeline_id" not in task.fields()


@pytest.mark.parametrize("wrong", ["Invoices", "pl_", "", "pl_a/../b", "pl_a b"])
def test_a_run_needs_an_id(wrong: str) -> None:
    with pytest.raises(InvalidArgumentError, match="pl_k8Hx9mP2nQ4v"):
        RunPipeline(wrong)


def test_a_negative_version_is_no_version() -> None:
    with pytest.raises(InvalidArgumentError, match="0, for the draft"):
        RunPipeline("pl_1", pipeline_version=-1)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("Invoices", "takes a pipeline's id"),
        (FILL, "takes a pipeline, Convert, Extract or Segment"),
        (Convert(mode="fast"), "does not take mode"),
        (7, "takes a pipeline"),
    ],
)
def test_what_a_batch_run_cannot_do_is_said(task: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        batch_request(task, 3, None)
