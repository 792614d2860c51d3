"""The simulated API keeps workflows as the real one is believed to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datalab_facade.testing import (
    TEST_API_KEY,
    Answer,
    ExecutionScript,
    Request,
    Simulator,
    StepScript,
    VirtualClock,
    WorkflowBehavior,
)

BASE = "/api/v1/workflows"
WORKFLOWS = f"{BASE}/workflows"
PARSE: dict[str, Any] = {"step_key": "marker_parse", "unique_name": "parse"}


def ask(
    simulator: Simulator, method: str, path: str, body: Any = None, query: str = ""
) -> tuple[int, Any]:
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-API-Key": TEST_API_KEY}
    answer: Answer = simulator.handle(Request("api", method, path, query, headers, sent))
    return answer.status, json.loads(answer.body)


def created(simulator: Simulator, *steps: Any) -> tuple[int, Any]:
    return ask(simulator, "POST", WORKFLOWS, {"name": "Ours", "steps": list(steps)})


def test_what_is_created_can_be_listed_read_and_deleted(simulator: Simulator) -> None:
    status, workflow = created(simulator, PARSE)
    assert status == 200
    assert workflow["steps"] == [
        {
            "id": 101,
            "step_key": "marker_parse",
            "unique_name": "parse",
            "version": "1",
            "settings": {},
            "depends_on": [],
        }
    ]
    path = f"{WORKFLOWS}/{workflow['id']}"
    assert ask(simulator, "GET", path) == (200, workflow)
    assert ask(simulator, "GET", WORKFLOWS) == (200, {"workflows": [workflow]})
    assert ask(simulator, "DELETE", path)[1]["success"] is True
    assert ask(simulator, "GET", path)[0] == 404
    assert ask(simulator, "DELETE", path)[0] == 404


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (b"{", [["body", 1]]),
        (b"", [["body"]]),
        ([], [["body"]]),
        ({}, [["body", "name"], ["body", "steps"]]),
        ({"name": 5, "steps": {}}, [["body", "name"], ["body", "steps"]]),
        ({"name": "x", "steps": [5]}, [["body", "steps", 0]]),
        (
            {"name": "x", "steps": [PARSE, {}]},
            [["body", "steps", 1, "step_key"], ["body", "steps", 1, "unique_name"]],
        ),
        (
            {"name": "x", "steps": [{**PARSE, "settings": [], "depends_on": "a", "version": 5}]},
            [["body", "steps", 0, name] for name in ("version", "settings", "depends_on")],
        ),
    ],
)
def test_a_definition_of_the_wrong_form_is_422_with_each_place(
    simulator: Simulator, body: Any, places: Any
) -> None:
    status, answer = ask(simulator, "POST", WORKFLOWS, body)
    assert status == 422
    assert [issue["loc"] for issue in answer["detail"]] == places
    assert all({"type", "msg", "input"} <= issue.keys() for issue in answer["detail"])
    assert not simulator.workflows


@pytest.mark.parametrize(
    ("steps", "detail"),
    [
        ([{**PARSE, "step_key": "marker_prase"}], "marker_prase"),
        ([PARSE, PARSE], "not unique"),
        ([{**PARSE, "depends_on": ["gone"]}], "unknown step 'gone'"),
        ([{**PARSE, "depends_on": ["parse"]}], "circle"),
    ],
)
def test_a_definition_that_makes_no_sense_is_400(
    simulator: Simulator, steps: Any, detail: str
) -> None:
    status, answer = created(simulator, *steps)
    assert status == 400
    assert detail in answer["detail"]


def test_a_workflow_of_another_team_is_listed_only_for_that_team(simulator: Simulator) -> None:
    theirs = simulator.workflows.add("Theirs", [PARSE], team_id=9)
    assert ask(simulator, "GET", WORKFLOWS) == (200, {"workflows": []})
    [found] = ask(simulator, "GET", WORKFLOWS, query="team_id=9")[1]["workflows"]
    assert found["id"] == theirs
    assert ask(simulator, "GET", f"{WORKFLOWS}/{theirs}")[0] == 404
    assert ask(simulator, "GET", WORKFLOWS, query="team_id=x")[0] == 422
    simulator.workflows.team_id = 9
    assert ask(simulator, "GET", f"{WORKFLOWS}/{theirs}")[0] == 200


def test_step_types_can_be_others(simulator: Simulator) -> None:
    simulator.workflows.step_types = {"ours": "Does all"}
    simulator.workflows.behavior = WorkflowBehavior(step_type_key="step_type", wrapped=False)
    [found] = ask(simulator, "GET", f"{BASE}/step-types")[1]
    assert (found["step_type"], found["description"]) == ("ours", "Does all")
    assert created(simulator, PARSE)[0] == 400


def test_an_execution_takes_its_steps_in_the_order_of_what_they_need(
    simulator: Simulator, clock: VirtualClock
) -> None:
    steps = [
        PARSE,
        {"step_key": "marker_segment", "unique_name": "segment", "depends_on": ["parse"]},
        {"step_key": "marker_extract", "unique_name": "extract", "depends_on": ["segment"]},
        {"step_key": "api_request", "unique_name": "notify", "depends_on": ["parse"]},
        {"step_key": "api_request", "unique_name": "post", "depends_on": ["extract", "notify"]},
    ]
    workflow_id = created(simulator, *steps)[1]["id"]
    status, answer = ask(simulator, "POST", f"{WORKFLOWS}/{workflow_id}/execute", {})
    assert (status, answer["status"], answer["success"]) == (200, "processing", True)
    path = f"{BASE}/executions/{answer['execution_id']}"
    seen = []
    body: dict[str, Any] = {}
    for _ in range(6):
        body = ask(simulator, "GET", path)[1]
        assert body["workflow_id"] == workflow_id
        seen.append({name: step["status"] for name, step in body["steps"].items()})
        clock.advance(20)
    assert body["status"] == "COMPLETED"
    assert set(seen[0].values()) == {"PENDING"}
    running = [[name for name, word in one.items() if word == "IN_PROGRESS"] for one in seen]
    assert running == [[], ["parse"], ["parse"], ["segment"], ["extract"], []]
    assert simulator.execution_ids == (answer["execution_id"],)


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        (None, ["aggregated"]),
        ({"type": "single_file", "file_url": "https://a.example/1"}, ["901"]),
        ({"file_urls": ["https://a.example/1", "datalab://file-n12"]}, ["901", "n12"]),
        ({"file_urls": ["datalab://file-n12", "datalab://file-n12"]}, ["n12"]),
        ({"bucket": "b"}, ["aggregated"]),
    ],
)
def test_in_the_nested_shape_there_is_a_run_for_each_file(
    simulator: Simulator, config: Any, keys: list[str]
) -> None:
    simulator.workflows.behavior = WorkflowBehavior(shape="nested", execution_key="id")
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    path = f"{WORKFLOWS}/{workflow_id}/execute"
    answer = ask(simulator, "POST", path, {"input_config": config})[1]
    body = ask(simulator, "GET", f"{BASE}/executions/{answer['id']}")[1]
    assert list(body["steps"]["parse"]) == keys


@pytest.mark.parametrize("body", [b"", {}, {"input_config": None}])
def test_an_execution_needs_no_input(simulator: Simulator, body: Any) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    assert ask(simulator, "POST", f"{WORKFLOWS}/{workflow_id}/execute", body)[0] == 200


@pytest.mark.parametrize("body", [b"{", [], {"input_config": "https://a.example"}])
def test_an_input_of_the_wrong_form_is_422_and_starts_nothing(
    simulator: Simulator, body: Any
) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    assert ask(simulator, "POST", f"{WORKFLOWS}/{workflow_id}/execute", body)[0] == 422
    assert ask(simulator, "POST", f"{WORKFLOWS}/99/execute", {})[0] == 404
    assert ask(simulator, "POST", f"{WORKFLOWS}/x/execute", {})[0] == 422
    assert simulator.execution_ids == ()


def test_a_script_can_be_set_and_taken_back(simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    path = f"{WORKFLOWS}/{workflow_id}/execute"
    simulator.script_for(workflow_id, ExecutionScript([StepScript("other", ends=5)]))
    first = ask(simulator, "POST", path, {})[1]["execution_id"]
    simulator.script_for(workflow_id, None)
    second = ask(simulator, "POST", path, {})[1]["execution_id"]
    names = [
        list(ask(simulator, "GET", f"{BASE}/executions/{one}")[1]["steps"])
        for one in (first, second)
    ]
    assert names == [["other"], ["parse"]]
    with pytest.raises(KeyError):
        simulator.script_for(99, None)


@pytest.mark.parametrize(
    ("refusal", "status", "gone"),
    [("status", 400, False), ("success", 200, False), ("none", 200, True)],
)
def test_the_deletion_of_a_workflow_with_executions_is_refused_as_wanted(
    simulator: Simulator, refusal: Any, status: int, gone: bool
) -> None:
    simulator.workflows.behavior = WorkflowBehavior(refusal=refusal)
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    ask(simulator, "POST", f"{WORKFLOWS}/{workflow_id}/execute", {})
    answer = ask(simulator, "DELETE", f"{WORKFLOWS}/{workflow_id}")
    assert answer[0] == status
    assert (workflow_id not in simulator.workflows) == gone
    if status == 200:
        assert answer[1]["success"] is gone


def test_steps_in_a_circle_that_a_test_adds_begin_at_once(simulator: Simulator) -> None:
    steps = [{**PARSE, "unique_name": one, "depends_on": [other]} for one, other in ("ab", "ba")]
    workflow_id = simulator.workflows.add("Ours", steps)
    assert ask(simulator, "POST", f"{WORKFLOWS}/{workflow_id}/execute", {})[0] == 200


def test_the_workflows_can_be_inspected(simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    assert list(simulator.workflows) == [workflow_id]
    assert simulator.workflows[workflow_id].name == "Ours"
    assert len(simulator.workflows) == 1
    assert "Ours" in repr(simulator.workflows)
