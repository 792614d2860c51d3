"""Every operation of the spec is wrapped or left out on purpose, and every answer has a model."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from specs.wrapped import uses

from datalab_facade.transport import operations
from datalab_facade.transport.operations import Operation, described
from datalab_facade.workflow_decoding import decode_workflow

ROOT = Path(__file__).parents[2]

LEFT_OUT: dict[str, str] = {
    "POST /api/v1/files/upload": "client.files is still to come",
    "GET /api/v1/files/{file_id_or_hashid}/confirm": "client.files is still to come",
    "GET /api/v1/files": "client.files is still to come",
    "GET /api/v1/files/{file_id}": "client.files is still to come",
    "DELETE /api/v1/files/{file_id}": "client.files is still to come",
    "GET /api/v1/files/{file_id}/download": "client.files is still to come",
}
"""Operations that the facade leaves out on purpose, and why."""

UNTYPED: dict[str, tuple[str, str]] = {
    "GET /api/v1/workflows/executions/{execution_id}": ("Execution", "decoding.py"),
    "GET /api/v1/workflows/step-types": ("StepType", "workflow_decoding.py"),
    "GET /api/v1/workflows/workflows": ("Workflow", "workflow_decoding.py"),
    "POST /api/v1/workflows/workflows/{workflow_id}/execute": (
        "ExecutionHandle",
        "workflow_decoding.py",
    ),
    "DELETE /api/v1/workflows/workflows/{workflow_id}": ("None", "workflow_decoding.py"),
}
"""Operations whose answer the spec leaves untyped: what the facade gives, and who decodes it."""

ARGUMENTS: dict[str, Any] = {"int": 1, "int | None": 2, "str": "x"}
"""What to call the functions of the transport with; a list of JSON is empty, an object too."""


def wrapped() -> dict[str, Operation]:
    """Give each operation that the transport can send, by the name of its function."""
    found: dict[str, Operation] = {}
    for name, function in inspect.getmembers(operations, inspect.isfunction):
        signature = inspect.signature(function)
        if function.__module__ != operations.__name__ or name.startswith("_"):
            continue
        if signature.return_annotation == "Operation":
            given = [_argument(str(one.annotation)) for one in signature.parameters.values()]
            found[name] = function(*given)
    return found


def _argument(annotation: str) -> Any:
    if annotation in ARGUMENTS:
        return ARGUMENTS[annotation]
    return [] if annotation.startswith("list") else {}


def operations_of(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in spec["paths"].items()
        for method, operation in item.items()
    }


def in_spec(spec: dict[str, Any], operation: Operation) -> str:
    """Give the spec's name of an operation that the transport sends."""
    method, path = described(operation)
    fitting = [
        name
        for name in operations_of(spec)
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", name), f"{method} {path}")
    ]
    # A fixed path goes before one with a variable part.
    return min(fitting, key=lambda name: name.count("{"))


def untyped(operation: dict[str, Any]) -> bool:
    return not operation["responses"]["200"]["content"]["application/json"]["schema"]


def test_every_operation_is_wrapped_or_left_out_on_purpose(spec: dict[str, Any]) -> None:
    done = {in_spec(spec, operation) for operation in wrapped().values()}
    forgotten = operations_of(spec).keys() - done - LEFT_OUT.keys()
    assert not forgotten, (
        "wrap them in datalab_facade/transport/operations.py, or say in LEFT_OUT why not"
    )
    assert not done & LEFT_OUT.keys(), "they are wrapped now: take them out of LEFT_OUT"
    assert not LEFT_OUT.keys() - operations_of(spec).keys(), "the spec knows them no more"


def test_each_operation_is_wrapped_once(spec: dict[str, Any]) -> None:
    names = [in_spec(spec, operation) for operation in wrapped().values()]
    assert len(names) == len(set(names))
    assert len(names) >= 7


def test_whatever_the_transport_can_send_is_sent_by_the_facade() -> None:
    found = uses(ROOT, "datalab_facade", list(wrapped()))
    for name in wrapped():
        outside = [
            use
            for use in found[name]
            if "transport/" not in use.path and "testing/" not in use.path
        ]
        assert outside, name


def test_every_untyped_answer_has_a_model_of_ours(spec: dict[str, Any]) -> None:
    import datalab_facade

    ours = {
        name
        for name, operation in operations_of(spec).items()
        if untyped(operation) and name not in LEFT_OUT
    }
    missing = ours - UNTYPED.keys()
    assert not missing, "decode them into a model, and name it in UNTYPED"
    for model, module in UNTYPED.values():
        assert model == "None" or hasattr(datalab_facade, model)
        assert (ROOT / "datalab_facade" / module).is_file()


@pytest.mark.parametrize("name", UNTYPED)
def test_an_answer_that_becomes_typed_upstream_is_noticed(spec: dict[str, Any], name: str) -> None:
    model, module = UNTYPED[name]
    operation = operations_of(spec).get(name)
    assert operation is not None, f"{name} is gone: take it out of UNTYPED"
    assert untyped(operation), (
        f"{name} says now what it answers: hold its schema against datalab_facade/{module} "
        f"and the model {model}, then take it out of UNTYPED"
    )


def test_a_typed_workflow_has_no_field_that_is_not_read(spec: dict[str, Any]) -> None:
    schema = spec["components"]["schemas"]["WorkflowDefinitionResponse"]
    example: dict[str, Any] = {"integer": 5, "string": "x", "array": []}
    body = {name: example[about["type"]] for name, about in schema["properties"].items()}
    workflow, drift = decode_workflow(body)
    assert not drift, "datalab_facade/workflow_decoding.py does not know all of the schema"
    for name in schema["required"]:
        assert getattr(workflow, name) == (tuple(body[name]) if name == "steps" else body[name])


def test_a_step_that_is_sent_has_exactly_the_keys_of_the_schema(spec: dict[str, Any]) -> None:
    from datalab_facade import StepDefinition

    schema = spec["components"]["schemas"]["WorkflowStepDefinition"]
    assert StepDefinition("a", "b", version="1").to_dict().keys() == schema["properties"].keys()
    assert set(schema["required"]) <= StepDefinition("a", "b").to_dict().keys()
