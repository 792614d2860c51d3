"""What the API is said to be: its document, the published errors, and our own schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from datalab_facade import StepDefinition
from datalab_facade.testing.schemas import load
from datalab_facade.testing.workflows import STEP_TYPES
from tests.contract.left_out import LEFT_OUT

DOCUMENT: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "openapi.json").read_text()
)
DOCUMENT_ENDPOINTS: Final = (
    "convert",
    "extract",
    "segment",
    "fill",
    "track-changes",
    "agent",
    "create-document",
    "marker/extraction/gen_schemas",
)
"""What document requests are sent to, below `/api/v1/`."""
DOCUMENT_OPERATIONS: Final[dict[str, tuple[str, str, Any]]] = {
    f"{method.upper()} {path.removeprefix('/api/v1/')}": (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if path.removeprefix("/api/v1/").removesuffix("/{request_id}") in DOCUMENT_ENDPOINTS
    or path in ("/api/v1/thumbnails/{lookup_key}", "/api/v1/user_health")
}
"""Every operation of document requests, by its method and path: the same, and what is said of it.

Their polls have one name in the document.
"""
PIPELINE_OPERATIONS: Final[dict[str, tuple[str, str, Any]]] = {
    f"{method.upper()} {path.removeprefix('/api/v1/')}": (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if path.split("/")[3] in ("pipelines", "extraction_schemas", "eval_batch_runs")
}
"""Every operation of pipelines, schemas and batch runs, named in the same way."""
OPERATIONS: Final[dict[str, tuple[str, str, Any]]] = {
    operation["operationId"].partition("_api_v1_")[0]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if f"{method.upper()} {path}" not in LEFT_OUT
    and f"{method.upper()} {path.removeprefix('/api/v1/')}"
    not in {*DOCUMENT_OPERATIONS, *PIPELINE_OPERATIONS}
}
"""Every other operation that the embedded Datalab serves, which is every one that the facade calls.

By its short name: its method, the template of its path, what is said of it.
"""

UNTYPED: Final = frozenset(
    name
    for name, (_, _, operation) in OPERATIONS.items()
    if not operation["responses"]["200"]["content"]["application/json"]["schema"]
)
REFUSALS: Final = ("400", "401", "404")
"""The published errors that the embedded Datalab gives without being asked to."""


def closed(schema: Any) -> Any:
    """Give a schema that allows only the fields and the words that it knows."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(value) for name, value in schema.items()}
    if "x-extensible-enum" in schema:
        made["enum"] = schema["x-extensible-enum"]
    if isinstance(schema.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def schema_of(name: str) -> dict[str, Any]:
    """Give our own schema of an untyped answer, closed; of both shapes where there are two."""
    if name != "get_execution_status":
        return _in_openapi(name)
    return {"anyOf": [_in_openapi(f"{name}.flat"), _in_openapi(f"{name}.nested")]}


def whole_document(
    operations: dict[str, tuple[str, str, Any]] = OPERATIONS,
) -> dict[str, Any]:
    """Give the API's document of some operations, with what it leaves out.

    Added are: the bodies of untyped answers, the published errors, the words that
    it takes as step types, the lower limits of numbers, and names of files.
    """
    document: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    served = {(method.lower(), path) for method, path, _ in operations.values()}
    document["paths"] = {
        path: {method: one for method, one in item.items() if (method, path) in served}
        for path, item in document["paths"].items()
        if any(path == known for _, known in served)
    }
    schemas = document["components"]["schemas"]
    schemas["Refusal"] = _in_openapi("refusal")
    # An optional field that is new is none that the embedded Datalab has to know.
    sent = StepDefinition(step_key="a", unique_name="b", version="1").to_dict().keys()
    fields = schemas["WorkflowStepDefinition"]["properties"]
    fields = {name: field for name, field in fields.items() if name in sent}
    fields["step_key"]["enum"] = list(STEP_TYPES)
    schemas["WorkflowStepDefinition"]["properties"] = fields
    for name, schema in schemas.items():
        if name.startswith("Body_"):
            # A form has no null, and an empty field is none.
            fields = schema["properties"]
            fields |= {field: one["anyOf"][0] for field, one in fields.items() if "anyOf" in one}
            for field in schema.get("required", ()):
                fields[field]["minLength"] = 1
    for name, (method, path, _) in operations.items():
        operation = document["paths"][path][method.lower()]
        if name in UNTYPED:
            schemas[name] = schema_of(name)
            operation["responses"]["200"]["content"]["application/json"]["schema"] = {
                "$ref": f"#/components/schemas/{name}"
            }
        for status in REFUSALS:
            operation["responses"][status] = {
                "description": "Refused",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}
                },
            }
        for parameter in operation.get("parameters", []):
            if parameter["name"] in ("limit", "offset", "expires_in"):
                parameter["schema"]["minimum"] = 0
            elif parameter["name"] == "file_id_or_hashid":
                # Nothing says that it is the name of a file that there is.
                parameter["schema"]["examples"] = ["1", "2"]
    return document


def _in_openapi(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = closed(load(name))
    definitions = schema.pop("$defs", {})
    del schema["$schema"]
    inlined: dict[str, Any] = _inlined(schema, definitions)
    return inlined


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in schema.items()}
