"""Our own schemas of the untyped answers say what the documentation shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from datalab_facade.testing import schemas
from datalab_facade.testing.schemas import NAMES, load
from tests.contract.documented import NESTED, documented_body
from tests.faithful.documents import UNTYPED, closed

STATUSES = ["PENDING", "QUEUED", "IN_PROGRESS", "COMPLETED", "FAILED"]
FLAT, NESTED_NAME = "get_execution_status.flat", "get_execution_status.nested"


def allows(name: str, body: Any) -> bool:
    return jsonschema_rs.is_valid(load(name), body)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_tells_what_it_is_of(name: str) -> None:
    schema = load(name)
    jsonschema_rs.meta.validate(schema)
    assert schema["title"]
    assert schema["description"]


def test_every_untyped_answer_has_a_schema() -> None:
    assert {name.partition(".")[0] for name in NAMES} == UNTYPED | {"refusal"}


def test_every_schema_that_is_there_has_a_name() -> None:
    found = {file.stem for file in Path(schemas.__path__[0]).glob("*.json")}
    assert found == set(NAMES)


def test_a_schema_of_another_name_is_an_error_that_lists_them() -> None:
    with pytest.raises(ValueError, match="name must be one of delete_workflow, "):
        load("nothing")


@pytest.mark.parametrize("status", STATUSES)
def test_what_the_documentation_shows_is_allowed_to_the_last_field(status: str) -> None:
    body = json.loads(documented_body(status))
    assert jsonschema_rs.is_valid(closed(load(FLAT)), body)
    assert not allows(NESTED_NAME, body)


def test_what_the_official_client_reads_is_allowed_to_the_last_field() -> None:
    assert jsonschema_rs.is_valid(closed(load(NESTED_NAME)), NESTED)
    assert not allows(FLAT, NESTED)


@pytest.mark.parametrize("name", [FLAT, NESTED_NAME])
def test_other_fields_and_other_words_are_allowed_as_the_api_reserves_them(name: str) -> None:
    body: dict[str, Any] = {
        **NESTED,
        "steps": {},
        "status": "UNHEARD_OF",
        "external_workflow_id": "w",
    }
    assert allows(name, body)
    assert not jsonschema_rs.is_valid(closed(load(name)), body)


EXECUTION = {**NESTED, "steps": {}}
WORKFLOW = {"id": 1, "name": "a", "team_id": 1, "steps": []}
CHANGES: list[dict[str, Any]] = [
    {"status": None},
    {"status": 5},
    {"execution_id": "123"},
    {"workflow_id": None},
    {"created": "yesterday"},
    {"updated": 1761127200},
    {"steps": []},
]
WRONG: list[tuple[str, Any]] = [
    *((name, {**EXECUTION, **change}) for name in (FLAT, NESTED_NAME) for change in CHANGES),
    *(
        (name, {key: value for key, value in EXECUTION.items() if key != left_out})
        for name in (FLAT, NESTED_NAME)
        for left_out in ("execution_id", "status", "steps")
    ),
    (FLAT, {**EXECUTION, "steps": {"parse": {}}}),
    (FLAT, {**EXECUTION, "steps": {"parse": {"status": "FAILED", "output_url": "parse.json"}}}),
    (NESTED_NAME, {**EXECUTION, "steps": {"parse": {"987": {}}}}),
    (NESTED_NAME, {**EXECUTION, "steps": {"parse": {"987": {"status": "x", "file_ids": [987]}}}}),
    ("delete_workflow", {}),
    ("delete_workflow", {"success": "yes"}),
    ("execute_workflow", {"status": "processing"}),
    ("execute_workflow", {"execution_id": "1"}),
    ("list_step_types", []),
    ("list_step_types", {"step_types": [{"description": "of what?"}]}),
    ("list_workflows", {"workflows": [{**WORKFLOW, "id": "1"}]}),
    ("list_workflows", {"workflows": [{**WORKFLOW, "steps": [{"unique_name": "parse"}]}]}),
    ("refusal", {"detail": [{"loc": [], "msg": "", "type": ""}]}),
    ("refusal", {"detail": ""}),
    ("refusal", {"error": "no"}),
]


@pytest.mark.parametrize(("name", "body"), WRONG)
def test_what_is_no_such_answer_is_refused(name: str, body: Any) -> None:
    assert not allows(name, body)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("execute_workflow", {"execution_id": 1, "status": "processing", "success": True}),
        ("execute_workflow", {"id": 1}),
        ("delete_workflow", {"success": True, "message": "Workflow 1 deleted successfully"}),
        ("list_workflows", {"workflows": [WORKFLOW]}),
        ("list_step_types", {"step_types": [{"step_type": "marker_parse", "description": "x"}]}),
        ("list_step_types", {"step_types": [{"type": "marker_parse", "version": "1"}]}),
        ("refusal", {"detail": "Not Found"}),
    ],
)
def test_the_other_answers_that_are_told_of_are_allowed(name: str, body: Any) -> None:
    assert jsonschema_rs.is_valid(closed(load(name)), body)
