"""Untyped answers about workflows become models, whatever comes."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from datalab_facade import (
    InvalidResponseError,
    RequestRejectedError,
    StepType,
    Workflow,
    WorkflowStep,
)
from datalab_facade.drift import Drift
from datalab_facade.workflows.decoding import (
    decode_deletion,
    decode_started,
    decode_step_types,
    decode_workflow,
    decode_workflows,
)
from tests.test_decoding import json_values, times

steps = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values,
        "unique_name": st.text() | json_values,
        "step_key": st.text() | json_values,
        "name": json_values,
        "version": st.text() | st.integers() | json_values,
        "settings": st.dictionaries(st.text(), json_values) | json_values,
        "depends_on": st.lists(st.text()) | json_values,
        "surprise": json_values,
    },
)
workflows = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers() | json_values,
        "workflow_id": json_values,
        "name": st.text() | json_values,
        "team_id": json_values,
        "steps": st.lists(steps | json_values) | json_values,
        "created": times | json_values,
        "updated": times | json_values,
        "success": st.booleans() | json_values,
        "message": json_values,
        "surprise": json_values,
    },
)
step_types = st.fixed_dictionaries(
    {},
    optional={
        "type": st.text() | json_values,
        "step_type": st.text() | json_values,
        "step_key": st.text() | json_values,
        "name": json_values,
        "version": json_values,
        "description": json_values,
        "settings_schema": json_values,
        "surprise": json_values,
    },
)
items = st.lists(workflows | step_types | json_values, max_size=4)
bodies = (
    json_values
    | workflows
    | items
    | st.fixed_dictionaries(
        {},
        optional={
            "workflows": items | json_values,
            "step_types": items | json_values,
            "workflow": workflows | json_values,
            "data": items,
            "execution_id": json_values,
            "id": json_values,
            "success": st.booleans(),
            "error": json_values,
        },
    )
)
DECODERS: list[Callable[[Any], Any]] = [
    decode_workflow,
    decode_workflows,
    decode_step_types,
    decode_started,
    decode_deletion,
]


# Making a body takes much longer than decoding it, so every decoder gets all of them.
@settings(max_examples=200)
@given(body=bodies)
def test_any_json_is_a_model_or_a_typed_error(body: Any) -> None:
    for decode in DECODERS:
        note(f"by {decode}")
        try:
            decoded = decode(body)
        except (InvalidResponseError, RequestRejectedError):
            continue
        if isinstance(decoded, tuple):
            models, drift = decoded
            assert isinstance(repr(models), str)
            assert all(isinstance(oddity, Drift) for oddity in drift)


@given(workflows)
def test_a_workflow_survives_json_pickle_and_copy(body: Any) -> None:
    try:
        workflow, _ = decode_workflow(body)
    except (InvalidResponseError, RequestRejectedError):
        return
    through_json = Workflow.from_dict(json.loads(json.dumps(workflow.to_dict())))
    assert through_json == workflow
    assert hash(through_json) == hash(workflow)
    assert pickle.loads(pickle.dumps(workflow)) == workflow
    assert copy.deepcopy(workflow) == workflow


@given(step_types)
def test_a_step_type_survives_json_and_pickle(body: Any) -> None:
    try:
        [one], _ = decode_step_types([body])
    except InvalidResponseError:
        return
    assert StepType.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert hash(pickle.loads(pickle.dumps(one))) == hash(one)


@pytest.mark.parametrize("kind", [Workflow, StepType])
@pytest.mark.parametrize("data", [{}, {"id": 1}, {"novel": 1}])
def test_what_is_no_snapshot_is_a_value_error(kind: type[Workflow], data: Any) -> None:
    with pytest.raises(ValueError, match="to_dict"):
        kind.from_dict(data)


FULL: dict[str, Any] = {
    "id": 123,
    "name": "Invoices",
    "team_id": 7,
    "created": "2025-10-22T10:00:00Z",
    "updated": "2025-10-22T10:05:00Z",
    "steps": [
        {
            "id": 1,
            "step_key": "marker_parse",
            "unique_name": "parse",
            "name": "Parse",
            "version": "2",
            "settings": {"max_pages": 5},
            "depends_on": [],
        }
    ],
}


def test_every_field_that_was_ever_seen_is_read_without_surprise() -> None:
    workflow, drift = decode_workflow(FULL)
    assert not drift
    assert workflow.steps == (
        WorkflowStep(
            unique_name="parse",
            step_key="marker_parse",
            settings={"max_pages": 5},
            depends_on=(),
            version="2",
            id=1,
            name="Parse",
        ),
    )
    assert workflow.raw is FULL
    assert not workflow.timezone_assumed


def test_an_answer_inside_another_object_is_found() -> None:
    assert decode_workflow({"workflow": FULL, "success": True})[0].id == 123


@pytest.mark.parametrize("found", [7, "7"])
def test_an_id_may_be_digits(found: Any) -> None:
    assert decode_workflow({"id": found})[0].id == 7
    assert decode_started({"execution_id": found}) == 7
    assert decode_started({"id": found, "execution_id": None}) == 7


def test_a_list_under_another_name_is_taken_and_noted() -> None:
    found, drift = decode_workflows({"items": [FULL], "total": 1})
    assert [one.id for one in found] == [123]
    assert Drift(kind="field", where="workflow", name="items") in drift


def test_what_is_no_workflow_is_left_out_and_noted() -> None:
    found, drift = decode_workflows({"workflows": [FULL, 5, {"name": "no id"}]})
    assert [one.id for one in found] == [123]
    assert Drift(kind="shape", where="workflow", name="item=a number") in drift


@pytest.mark.parametrize("body", [{"workflows": [1, 2]}, {"a": 1}, "text", None, 5, {}])
def test_what_is_no_list_of_workflows_is_quoted(body: Any) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        decode_workflows(body)
    assert caught.value.body
    assert caught.value.body in str(caught.value)
    with pytest.raises(InvalidResponseError):
        decode_step_types(body)


def test_an_empty_list_is_empty() -> None:
    assert decode_workflows({"workflows": []}) == ((), set())
    assert decode_step_types([]) == ((), set())
    assert decode_workflows({"workflows": None})[0] == ()


def test_a_list_in_a_refusal_is_not_missed() -> None:
    with pytest.raises(RequestRejectedError, match="no team"):
        decode_workflows({"success": False, "error": "no team"})


@pytest.mark.parametrize(
    "body", [{}, {"execution_id": None}, {"execution_id": -1}, {"execution_id": True}, [5], 5]
)
def test_a_start_without_an_id_is_no_start(body: Any) -> None:
    with pytest.raises(InvalidResponseError, match="not a started execution"):
        decode_started(body)


def test_an_id_wins_over_a_success_that_is_false() -> None:
    """What has an id exists, whatever else is said of it."""
    assert decode_started({"execution_id": 5, "success": False}) == 5


@pytest.mark.parametrize("body", [None, {}, {"success": True, "message": "gone"}])
def test_a_deletion_is_done_unless_the_server_says_no(body: Any) -> None:
    assert decode_deletion(body)


def test_a_step_type_that_is_just_a_name_will_do() -> None:
    [one], drift = decode_step_types(["marker_parse"])
    assert one == StepType(step_key="marker_parse")
    assert drift


def test_an_answer_that_is_quoted_is_quoted_without_what_looks_secret() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        decode_workflow({"name": "x", "steps": [{"settings": {"token": "xoxb-1234"}}]})
    assert "xoxb" not in f"{caught.value} {caught.value.body}"
    deep: Any = {}
    for _ in range(900):
        deep = {"a": deep}
    with pytest.raises(InvalidResponseError, match="no id"):
        decode_workflow(deep)


def test_settings_that_look_secret_are_not_shown() -> None:
    step = WorkflowStep(
        unique_name="post", step_key="api_request", settings={"auth": {"token": "xoxb-1234"}}
    )
    assert "xoxb" not in repr(step)
    assert "xoxb" not in repr(Workflow(id=1, steps=(step,), raw={"steps": ["xoxb-1234"]}))
    assert step.to_dict()["settings"] == {"auth": {"token": "xoxb-1234"}}


def test_the_id_of_a_workflow_may_be_called_workflow_id() -> None:
    workflow, _ = decode_workflow({"workflow_id": 5, "name": "Invoices", "steps": []})
    assert workflow.id == 5
