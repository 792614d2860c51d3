"""The endpoints for extraction schemas and batch runs, and what they store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from datalab_facade.testing.bodies import field_problems, object_body
from datalab_facade.testing.jsonvalue import JSON, time_text
from datalab_facade.testing.messages import Answer, Request, json_answer
from datalab_facade.testing.parameters import boolean, integer, page_of
from datalab_facade.testing.refusals import InvalidError, RefusedError, problem, raise_if_any
from datalab_facade.testing.routing import Parameters, Route
from datalab_facade.testing.state import State
from datalab_facade.testing.stored_schemas import StoredBatchRun

_MAX_NAME: Final = 200
_BATCH_TYPES: Final = ("convert", "extract", "segment")
_CHANGEABLE: Final[Mapping[str, type]] = {
    "name": str,
    "description": str,
    "schema_json": dict,
    "archived": bool,
}


def create_schema(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Store a schema."""
    body = object_body(request)
    raise_if_any(
        [
            *field_problems(body, "name", str, ("body",), required=True),
            *field_problems(body, "schema_json", dict, ("body",), required=True),
            *field_problems(body, "description", str, ("body",), nullable=True),
        ]
    )
    if len(str(body["name"])) > _MAX_NAME:
        message = f"String should have at most {_MAX_NAME} characters"
        context: JSON = {"max_length": _MAX_NAME}
        raise InvalidError(
            problem("string_too_long", ("body", "name"), message, body["name"], context)
        )
    _check_schema(body["schema_json"])
    number = state.schemas.next_number()
    now = time_text(state.clock.now())
    schema: dict[str, JSON] = {
        "id": number,
        "schema_id": f"sch_{number:012d}",
        "name": body["name"],
        "description": body.get("description"),
        "schema_json": body["schema_json"],
        "version": 1,
        "version_history": [],
        "archived": False,
        "created": now,
        "updated": now,
    }
    state.schemas.by_id[str(schema["schema_id"])] = schema
    return json_answer(200, schema)


def list_schemas(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Return a page of the schemas, the newest first."""
    text = request.parameter("include_archived") or "false"
    include_archived = boolean(("query", "include_archived"), text)
    chosen = [
        schema
        for schema in reversed(state.schemas.by_id.values())
        if not schema["archived"] or include_archived
    ]
    page: list[JSON] = list(page_of(request, chosen, default=50, most=200))
    return json_answer(200, {"schemas": page, "total": len(chosen)})


def get_schema(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return a schema."""
    return json_answer(200, _find(state, parameters))


def update_schema(state: State, request: Request, parameters: Parameters) -> Answer:
    """Change a schema, perhaps as a new version."""
    schema, body = _find(state, parameters), object_body(request)
    kinds = {**_CHANGEABLE, "create_new_version": bool}
    raise_if_any(
        problem
        for name, kind in kinds.items()
        for problem in field_problems(body, name, kind, ("body",), nullable=name in _CHANGEABLE)
    )
    if body.get("schema_json") is not None:
        _check_schema(body["schema_json"])
    if body.get("create_new_version") is True:
        history = schema["version_history"]
        assert isinstance(history, list)
        history.append({"version": schema["version"], "schema_json": schema["schema_json"]})
        schema["version"] = len(history) + 1
    schema.update((name, body[name]) for name in _CHANGEABLE if body.get(name) is not None)
    schema["updated"] = time_text(state.clock.now())
    return json_answer(200, schema)


def delete_schema(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Delete a schema."""
    schema = _find(state, parameters)
    del state.schemas.by_id[parameters["schema_id"]]
    return json_answer(200, schema)


def start_batch_run(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Start a batch run over a collection; each has ten files."""
    body = object_body(request)
    raise_if_any(
        [
            *field_problems(body, "collection_id", int, ("body",), required=True),
            *field_problems(body, "eval_rubric_id", int, ("body",), nullable=True),
            *field_problems(body, "pipeline_type", str, ("body",)),
            *field_problems(body, "pipeline_id", str, ("body",), nullable=True),
        ]
    )
    kind = str(body.get("pipeline_type", "convert"))
    if kind not in _BATCH_TYPES:
        expected = "'convert', 'extract' or 'segment'"
        raise InvalidError(
            problem(
                "literal_error",
                ("body", "pipeline_type"),
                f"Input should be {expected}",
                kind,
                {"expected": expected},
            )
        )
    needed = {"extract": "page_schema", "segment": "segmentation_schema"}.get(kind)
    pipeline = cast("str | None", body.get("pipeline_id"))
    if needed is not None and pipeline is None and not body.get(needed):
        raise RefusedError(400, f"{needed} is required when pipeline_type={kind}")
    if pipeline is not None and pipeline not in state.pipelines.by_id:
        raise RefusedError(404, f"Pipeline {pipeline[:80]} not found")
    run = StoredBatchRun(
        number=state.schemas.next_number(),
        collection_id=cast("int", body["collection_id"]),
        eval_rubric_id=body.get("eval_rubric_id"),
        pipeline_id=pipeline,
        pipeline_type=kind,
        created_at=state.clock.now(),
        created_monotonic=state.clock.monotonic(),
    )
    state.schemas.runs.append(run)
    return json_answer(200, run.body(state.clock))


def list_batch_runs(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Return a page of the batch runs, the newest first."""
    chosen = list(reversed(state.schemas.runs))
    for name in ("collection_id", "eval_rubric_id"):
        text = request.parameter(name)
        if text is not None:
            number = integer(("query", name), text)
            chosen = [run for run in chosen if getattr(run, name) == number]
    pipeline = request.parameter("pipeline_id")
    if pipeline is not None:
        chosen = [run for run in chosen if run.pipeline_id == pipeline]
    page: list[JSON] = [
        run.body(state.clock) for run in page_of(request, chosen, default=50, most=200)
    ]
    return json_answer(200, {"batch_runs": page, "total": len(chosen)})


def _find(state: State, parameters: Parameters) -> dict[str, JSON]:
    schema = state.schemas.by_id.get(parameters["schema_id"])
    if schema is None:
        raise RefusedError(404, f"Schema {parameters['schema_id'][:80]} not found")
    return schema


def _check_schema(schema: JSON) -> None:
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        raise RefusedError(400, "schema_json must contain a 'properties' key")


def _routes() -> Iterator[Route]:
    schemas, runs = "/api/v1/extraction_schemas", "/api/v1/eval_batch_runs"
    yield Route("POST", schemas, create_schema)
    yield Route("GET", schemas, list_schemas)
    yield Route("GET", f"{schemas}/{{schema_id}}", get_schema)
    yield Route("PUT", f"{schemas}/{{schema_id}}", update_schema)
    yield Route("DELETE", f"{schemas}/{{schema_id}}", delete_schema)
    yield Route("POST", runs, start_batch_run)
    yield Route("GET", runs, list_batch_runs)


SCHEMA_ROUTES: Final = tuple(_routes())
