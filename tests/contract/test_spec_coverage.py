"""Every operation of the spec is wrapped or left out on purpose, and every answer has a model."""

from __future__ import annotations

import copy
import inspect
import re
from pathlib import Path
from typing import Any

from specs import documents

import datalab_facade
from datalab_facade import StepDefinition
from datalab_facade.paging import PageRequest
from datalab_facade.transport import document_operations, operations, pipeline_operations
from datalab_facade.transport.operations import Operation
from datalab_facade.workflows.decoding import decode_workflow
from tests.contract.left_out import LEFT_OUT
from tests.faithful.documents import DOCUMENT_ENDPOINTS

ROOT = Path(__file__).parents[2]

UNTYPED: dict[str, tuple[str, str]] = {
    "GET /api/v1/workflows/executions/{execution_id}": ("Execution", "decoding.py"),
    "GET /api/v1/workflows/step-types": ("StepType", "workflows/decoding.py"),
    "GET /api/v1/workflows/workflows": ("Workflow", "workflows/decoding.py"),
    "POST /api/v1/workflows/workflows/{workflow_id}/execute": (
        "ExecutionHandle",
        "workflows/decoding.py",
    ),
    "DELETE /api/v1/workflows/workflows/{workflow_id}": ("None", "workflows/decoding.py"),
    "POST /api/v1/pipelines/{pipeline_id}/archive": ("None", "pipelines/decoding.py"),
    "POST /api/v1/pipelines/{pipeline_id}/unarchive": ("None", "pipelines/decoding.py"),
    "GET /api/v1/pipelines/{pipeline_id}/versions": ("PipelineVersion", "pipelines/decoding.py"),
    "GET /api/v1/pipelines/{pipeline_id}/rate": ("PipelineRate", "pipelines/decoding.py"),
    "GET /api/v1/pipelines/executions/{execution_id}/steps/{step_index}/result": (
        "DocumentResult",
        "documents/result_decoding.py",
    ),
}
"""Operations whose answer the spec leaves untyped: what the facade gives, and who decodes it."""

ARGUMENTS: dict[str, Any] = {
    "int": 1,
    "int | None": 2,
    "int | str": 3,
    "str": "x",
    "str | None": "y",
    "bool": True,
    "Attachment | None": None,
    "PageRequest": PageRequest(limit=1, offset=0),
    "Mapping[str, JSON]": {"collection_id": 1},
}
"""What to call the functions of the transport with; a list of JSON is empty, an object too."""


JSON_ENDPOINTS = frozenset({"create-document", "marker/extraction/gen_schemas"})
ENDPOINTS = {
    "submit_form": frozenset(DOCUMENT_ENDPOINTS) - JSON_ENDPOINTS,
    "submit_json": JSON_ENDPOINTS,
    "document_status": frozenset(DOCUMENT_ENDPOINTS),
}
"""Functions of the transport that send several operations, and to which endpoints."""


def wrapped() -> dict[str, Operation]:
    """Give each operation that the transport can send, by the name of its function."""
    found: dict[str, Operation] = {}
    modules = (operations, document_operations, pipeline_operations)
    functions = [one for kind in modules for one in inspect.getmembers(kind, inspect.isfunction)]
    for name, function in functions:
        signature = inspect.signature(function)
        if not function.__module__.endswith("operations") or name.startswith("_"):
            continue
        if signature.return_annotation != "Operation" or name == "make_operation":
            continue
        for endpoint in sorted(ENDPOINTS[name]) if name in ENDPOINTS else [None]:
            given = signature.bind(
                **{
                    parameter.name: (
                        endpoint
                        if parameter.name == "endpoint"
                        else _argument(str(parameter.annotation))
                    )
                    for parameter in signature.parameters.values()
                }
            )
            found[f"{name} {endpoint or ''}".strip()] = function(*given.args, **given.kwargs)
    return found


def _argument(annotation: str) -> Any:
    if annotation in ARGUMENTS:
        return ARGUMENTS[annotation]
    return [] if annotation.startswith("list") else {}


def operations_of(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{operation.method.upper()} {operation.path}": operation.body
        for operation in documents.operations(spec)
    }


def in_spec(spec: dict[str, Any], operation: Operation) -> str:
    """Give the spec's name of an operation that the transport sends."""
    fitting = [
        name
        for name in operations_of(spec)
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", name), f"{operation.method} {operation.path}")
    ]
    # A fixed path goes before one with a variable part.
    return min(fitting, key=lambda name: name.count("{"))


def untyped(operation: dict[str, Any]) -> bool:
    return not operation["responses"]["200"]["content"]["application/json"]["schema"]


def of_the_facade(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the operations that are not left out."""
    return {name: one for name, one in operations_of(spec).items() if name not in LEFT_OUT}


def media_types(operation: dict[str, Any]) -> set[str]:
    return set(operation.get("requestBody", {}).get("content", {}))


def forgotten(spec: dict[str, Any]) -> set[str]:
    """Give the operations that nobody wraps and nobody left out."""
    done = {in_spec(spec, operation) for operation in wrapped().values()}
    return operations_of(spec).keys() - done - LEFT_OUT.keys()


def without_model(spec: dict[str, Any]) -> set[str]:
    """Give the operations whose untyped answers nobody decodes."""
    ours = {name for name, operation in of_the_facade(spec).items() if untyped(operation)}
    return ours - UNTYPED.keys()


def now_typed(spec: dict[str, Any]) -> list[str]:
    """Say of the answers that are no longer untyped where to look."""
    return [
        f"{name} says now what it answers: hold its schema against datalab_facade/{module} "
        f"and the model {model}, then take it out of UNTYPED"
        for name, (model, module) in UNTYPED.items()
        if not untyped(operations_of(spec)[name])
    ]


def test_every_operation_is_wrapped_or_left_out_on_purpose(spec: dict[str, Any]) -> None:
    assert not forgotten(spec), (
        "wrap them in datalab_facade/transport/operations.py, or say in tests/contract/left_out.py "
        "why not; PLANNED will do"
    )


def test_what_is_left_out_is_not_wrapped(spec: dict[str, Any]) -> None:
    done = {in_spec(spec, operation) for operation in wrapped().values()}
    assert not done & LEFT_OUT.keys(), "they are wrapped now: take them out of LEFT_OUT"
    assert not LEFT_OUT.keys() - operations_of(spec).keys(), "the spec knows them no more"


def test_each_operation_says_which_one_of_the_spec_it_is(spec: dict[str, Any]) -> None:
    for operation in wrapped().values():
        assert str(operation) == in_spec(spec, operation)
    assert len({operation.name for operation in wrapped().values()}) == len(wrapped())


def test_each_operation_is_wrapped_once(spec: dict[str, Any]) -> None:
    names = [in_spec(spec, operation) for operation in wrapped().values()]
    assert len(names) == len(set(names))
    assert len(names) >= 13


def test_each_operation_is_sent_with_the_kind_of_body_that_it_takes(spec: dict[str, Any]) -> None:
    """The generated code for forms has a fixed boundary, which is not safe: httpx makes one."""
    for operation in wrapped().values():
        kinds = media_types(operations_of(spec)[in_spec(spec, operation)])
        assert (operation.files is not None) is (kinds == {"multipart/form-data"})
        assert operation.json is None or kinds == {"application/json"}


def test_whatever_the_transport_can_send_is_sent_by_the_facade() -> None:
    package = ROOT / "datalab_facade"
    elsewhere = "\n".join(
        path.read_text()
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in ("transport", "testing")
    )
    for name in wrapped():
        assert re.search(rf"\b{name.partition(' ')[0]}\b", elsewhere), name


def test_every_untyped_answer_has_a_model_of_ours(spec: dict[str, Any]) -> None:
    assert not without_model(spec), "decode them into a model, and name it in UNTYPED"
    for model, module in UNTYPED.values():
        assert model == "None" or hasattr(datalab_facade, model)
        assert (ROOT / "datalab_facade" / module).is_file()


def test_no_answer_became_typed_upstream(spec: dict[str, Any]) -> None:
    assert not UNTYPED.keys() - operations_of(spec).keys(), "take them out of UNTYPED"
    assert not now_typed(spec)


def test_a_new_operation_is_noticed(spec: dict[str, Any]) -> None:
    changed = copy.deepcopy(spec)
    item = changed["paths"]["/api/v1/workflows/step-types"]
    changed["paths"]["/api/v1/workflows/news"] = copy.deepcopy(item)
    assert forgotten(changed) == {"GET /api/v1/workflows/news"}
    assert without_model(changed) == {"GET /api/v1/workflows/news"}


def test_a_new_method_of_a_known_path_is_noticed(spec: dict[str, Any]) -> None:
    changed = copy.deepcopy(spec)
    item = changed["paths"]["/api/v1/workflows/workflows/{workflow_id}"]
    item["put"] = copy.deepcopy(item["get"])
    assert forgotten(changed) == {"PUT /api/v1/workflows/workflows/{workflow_id}"}


def test_an_answer_that_becomes_typed_is_noticed_with_the_file_to_change(
    spec: dict[str, Any],
) -> None:
    changed = copy.deepcopy(spec)
    answer = changed["paths"]["/api/v1/workflows/step-types"]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = {"type": "array"}
    [difference] = now_typed(changed)
    assert "datalab_facade/workflows/decoding.py" in difference
    assert "StepType" in difference


def test_a_typed_workflow_has_no_required_field_that_is_not_read(spec: dict[str, Any]) -> None:
    """An optional one that is added is drift, and harms nobody."""
    schema = spec["components"]["schemas"]["WorkflowDefinitionResponse"]
    example: dict[str, Any] = {"integer": 5, "string": "x", "array": []}
    body = {name: example[schema["properties"][name]["type"]] for name in schema["required"]}
    workflow, drift = decode_workflow(body)
    assert not drift, "datalab_facade/workflows/decoding.py does not know all of the schema"
    for name in schema["required"]:
        assert getattr(workflow, name) == (tuple(body[name]) if name == "steps" else body[name])


def test_a_step_that_is_sent_has_only_keys_of_the_schema(spec: dict[str, Any]) -> None:
    schema = spec["components"]["schemas"]["WorkflowStepDefinition"]
    assert (
        StepDefinition(step_key="a", unique_name="b", version="1").to_dict().keys()
        <= schema["properties"].keys()
    )
    assert set(schema["required"]) <= StepDefinition(step_key="a", unique_name="b").to_dict().keys()
