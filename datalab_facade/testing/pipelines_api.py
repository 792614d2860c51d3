"""The endpoints for pipelines and their executions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, cast

from datalab_facade.testing.bodies import field_problems, not_an_object, object_body
from datalab_facade.testing.document_bodies import render
from datalab_facade.testing.documents import select_pages
from datalab_facade.testing.documents_api import (
    check_schemas,
    check_source,
    check_spend_cap,
    form_fields,
)
from datalab_facade.testing.form_fields import read_form
from datalab_facade.testing.jsonvalue import JSON, time_text
from datalab_facade.testing.messages import Answer, Request, json_answer
from datalab_facade.testing.parameters import boolean, integer, page_of
from datalab_facade.testing.pipelines import (
    STEP_TYPES,
    StoredPipeline,
    StoredPipelineExecution,
    settings_of,
)
from datalab_facade.testing.refusals import InvalidError, RefusedError, problem, raise_if_any
from datalab_facade.testing.routing import Parameters, Route
from datalab_facade.testing.state import State
from datalab_facade.testing.storage import presigned_result

RUN_FIELDS: Final = form_fields(
    "file_url page_range output_format webhook_url checkpoint_id processing_location",
    "version",
    "run_evals skip_cache",
)
_RATES: Final = {"convert": 400, "segment": 200, "extract": 600, "fill": 500, "custom": 900}
"""Cents for 1,000 pages."""


def create_pipeline(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Create a draft."""
    steps = _read_steps(request)
    return json_answer(200, _pipeline_body(state.pipelines.create(state.clock, steps)))


def list_pipelines(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Return a page of the pipelines, the newest first."""
    flags = {
        name: boolean(("query", name), request.parameter(name) or default)
        for name, default in (("saved_only", "true"), ("include_archived", "false"))
    }
    chosen = [
        one
        for one in reversed(state.pipelines.by_id.values())
        if (one.is_saved or not flags["saved_only"])
        and (not one.archived or flags["include_archived"])
    ]
    page = [_pipeline_body(one) for one in page_of(request, chosen, default=50, most=200)]
    return json_answer(200, {"pipelines": page, "total": len(chosen)})


def get_pipeline(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return a pipeline."""
    return json_answer(200, _pipeline_body(_find(state, parameters)))


def update_pipeline(state: State, request: Request, parameters: Parameters) -> Answer:
    """Replace the steps of the draft."""
    pipeline, steps = _find(state, parameters), _read_steps(request)
    pipeline.steps, pipeline.updated_at = steps, state.clock.now()
    return json_answer(200, _pipeline_body(pipeline))


def save_pipeline(state: State, request: Request, parameters: Parameters) -> Answer:
    """Give a pipeline a name."""
    pipeline, body = _find(state, parameters), _optional_body(request)
    raise_if_any(field_problems(body, "name", str, ("body",)))
    pipeline.name = str(body.get("name") or f"Pipeline {pipeline.number}")
    pipeline.is_saved, pipeline.updated_at = True, state.clock.now()
    return json_answer(200, _pipeline_body(pipeline))


def _set_archived(
    state: State, _request: Request, parameters: Parameters, *, archived: bool
) -> Answer:
    pipeline = _find(state, parameters)
    pipeline.archived = archived
    return json_answer(200, {"success": True, "pipeline_id": pipeline.pipeline_id})


def create_version(state: State, request: Request, parameters: Parameters) -> Answer:
    """Publish the draft."""
    pipeline, body = _find(state, parameters), _optional_body(request)
    raise_if_any(field_problems(body, "description", str, ("body",), nullable=True))
    version: dict[str, JSON] = {
        "id": state.pipelines.next_number(),
        "version": len(pipeline.versions) + 1,
        "steps": list(pipeline.steps),
        "description": body.get("description"),
        "created": time_text(state.clock.now()),
    }
    pipeline.versions.append(version)
    return json_answer(200, version)


def list_versions(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return the published versions, the newest first."""
    versions = cast("list[JSON]", _find(state, parameters).versions[::-1])
    return json_answer(200, {"versions": versions})


def discard_draft(state: State, request: Request, parameters: Parameters) -> Answer:
    """Replace the draft by a published version."""
    pipeline, body = _find(state, parameters), _optional_body(request)
    raise_if_any(field_problems(body, "version", int, ("body",), nullable=True))
    version = cast("int | None", body.get("version"))
    found = pipeline.steps_of(version)
    if found is None:
        raise RefusedError(404, f"Version {version} not found")
    pipeline.steps = list(found[1])
    return json_answer(200, _pipeline_body(pipeline))


def get_rate(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return what a pipeline costs."""
    return json_answer(200, _rates(_find(state, parameters).steps))


def run_pipeline(state: State, request: Request, parameters: Parameters) -> Answer:
    """Start an execution."""
    check_spend_cap(state)
    pipeline = _find(state, parameters)
    form = read_form(request, RUN_FIELDS)
    check_source(state, form, has_checkpoints=True)
    asked = form.fields.get("version")
    found = pipeline.steps_of(None if asked is None else int(asked))
    if found is None:
        raise RefusedError(404, f"Version {asked} not found")
    version, steps = found
    # Nothing has checked the settings of the steps before.
    for step in cast("Sequence[Mapping[str, JSON]]", steps):
        check_schemas(settings_of(step))
    try:
        _ = select_pages(form.fields.get("page_range", ""), "", 1)
        execution = state.pipelines.execute(
            state.documents,
            state.clock,
            pipeline=pipeline,
            version=version,
            steps=steps,
            fields=form.fields,
            file=form.file,
        )
    except ValueError as error:
        raise RefusedError(400, str(error)) from error
    return json_answer(200, _execution_body(state, execution))


def get_execution(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return the state of an execution."""
    return json_answer(200, _execution_body(state, _find_execution(state, parameters)))


def list_executions(state: State, request: Request, parameters: Parameters) -> Answer:
    """Return a page of the executions of a pipeline, the newest first."""
    pipeline = _find(state, parameters)
    chosen = [
        one
        for one in reversed(state.pipelines.executions.values())
        if one.pipeline_id == pipeline.pipeline_id
    ]
    page = [_execution_body(state, one) for one in page_of(request, chosen, default=20, most=100)]
    return json_answer(200, {"executions": page, "total": len(chosen)})


def get_step_result(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return the result of a step, or a URL of it."""
    index = integer(("path", "step_index"), parameters["step_index"])
    execution = _find_execution(state, parameters)
    statuses = execution.statuses(state.clock)
    if not 0 <= index < len(statuses):
        raise RefusedError(404, f"Step {index} not found")
    if statuses[index] != "completed":
        raise RefusedError(404, f"Step {index} has no result: it is {statuses[index]}")
    stored = execution.requests[index]
    if not stored.is_visible(state.clock):
        raise RefusedError(404, f"The result of step {index} was deleted")
    sign = partial(presigned_result, state, stored.request_id)
    body = render(stored, stored.since_end(state.clock), sign)
    extraction = body.get("extraction_schema_json")
    if isinstance(extraction, str):
        # Of a pipeline's step it is an object, and not a text as of a request.
        body["extraction_schema_json"] = cast("JSON", json.loads(extraction))
    return json_answer(200, body)


def _find(state: State, parameters: Parameters) -> StoredPipeline:
    pipeline = state.pipelines.by_id.get(parameters["pipeline_id"])
    if pipeline is None:
        raise RefusedError(404, f"Pipeline {parameters['pipeline_id'][:80]} not found")
    return pipeline


def _find_execution(state: State, parameters: Parameters) -> StoredPipelineExecution:
    execution = state.pipelines.executions.get(parameters["execution_id"])
    if execution is None:
        raise RefusedError(404, f"Execution {parameters['execution_id'][:80]} not found")
    return execution


def _optional_body(request: Request) -> Mapping[str, JSON]:
    return object_body(request) if request.body else {}


def _read_steps(request: Request) -> list[JSON]:
    body = object_body(request)
    raise_if_any(field_problems(body, "steps", list, ("body",), required=True))
    steps = cast("list[JSON]", body["steps"])
    if not steps:
        message = "List should have at least 1 item after validation, not 0"
        raise InvalidError(problem("too_short", ("body", "steps"), message, []))
    for number, step in enumerate(steps):
        if not isinstance(step, Mapping):
            raise InvalidError(not_an_object(("body", "steps", number), step))
        raise_if_any(field_problems(step, "type", str, ("body", "steps", number), required=True))
        if step["type"] not in STEP_TYPES:
            raise RefusedError(400, f"Unknown step type: {str(step['type'])[:40]}")
    return steps


def _pipeline_body(pipeline: StoredPipeline) -> dict[str, JSON]:
    return {
        "id": pipeline.number,
        "pipeline_id": pipeline.pipeline_id,
        "name": pipeline.name,
        "steps": pipeline.steps,
        "is_saved": pipeline.is_saved,
        "archived": pipeline.archived,
        "active_version": len(pipeline.versions),
        "created": time_text(pipeline.created_at),
        "updated": time_text(pipeline.updated_at),
    }


def _rates(steps: Sequence[JSON]) -> dict[str, JSON]:
    each: list[JSON] = [
        {"type": step["type"], "rate_per_1000_cents": _RATES[str(step["type"])]}
        for step in cast("Sequence[Mapping[str, JSON]]", steps)
    ]
    total = sum(_RATES[str(step["type"])] for step in cast("Sequence[Mapping[str, JSON]]", steps))
    return {"steps": each, "total_rate_per_1000_cents": total}


def _execution_body(state: State, execution: StoredPipelineExecution) -> dict[str, JSON]:
    clock = state.clock
    since_end = execution.since_end(clock)
    ended_at = None if since_end is None else clock.now() - timedelta(seconds=since_end)
    statuses = execution.statuses(clock, state.pipelines.steps_lag)
    steps: list[JSON] = [
        _step_body(execution, index, status) for index, status in enumerate(statuses)
    ]
    kinds: list[JSON] = [{"type": kind} for kind in execution.types]
    return {
        "execution_id": execution.execution_id,
        "pipeline_id": execution.pipeline_id,
        "pipeline_version": execution.version,
        "status": execution.status(clock),
        "steps": steps,
        "started_at": time_text(execution.created_at),
        "completed_at": None if ended_at is None else time_text(ended_at),
        "created": time_text(execution.created_at),
        "config_snapshot": {"steps": kinds},
        "input_config": {
            "filename": execution.filename,
            "page_range": execution.fields.get("page_range"),
            "output_format": execution.fields.get("output_format"),
        },
        "rate_breakdown": _rates(kinds),
    }


def _step_body(execution: StoredPipelineExecution, index: int, status: str) -> dict[str, JSON]:
    request = execution.requests[index]
    began = status in ("running", "completed", "failed")
    ended = status in ("completed", "failed")
    finished_at = request.created_at + timedelta(seconds=request.script.seconds or 0.0)
    return {
        "step_index": index,
        "step_type": execution.types[index],
        "status": status,
        "lookup_key": request.request_id if began else None,
        "result_url": None,
        "started_at": time_text(request.created_at) if began else None,
        "finished_at": time_text(finished_at) if ended else None,
        "error_message": (request.script.error or "failed") if status == "failed" else None,
        "source_step_type": execution.types[index - 1] if index else None,
        "checkpoint_id": request.checkpoint_id if status == "completed" else None,
    }


def _routes() -> Iterator[Route]:
    base = "/api/v1/pipelines"
    one, execution = f"{base}/{{pipeline_id}}", f"{base}/executions/{{execution_id}}"
    yield Route("POST", base, create_pipeline)
    yield Route("GET", base, list_pipelines)
    yield Route("GET", execution, get_execution)
    yield Route("GET", f"{execution}/steps/{{step_index}}/result", get_step_result)
    yield Route("GET", one, get_pipeline)
    yield Route("PUT", one, update_pipeline)
    yield Route("PUT", f"{one}/save", save_pipeline)
    yield Route("POST", f"{one}/archive", partial(_set_archived, archived=True))
    yield Route("POST", f"{one}/unarchive", partial(_set_archived, archived=False))
    yield Route("POST", f"{one}/versions", create_version)
    yield Route("GET", f"{one}/versions", list_versions)
    yield Route("POST", f"{one}/discard", discard_draft)
    yield Route("GET", f"{one}/rate", get_rate)
    yield Route("POST", f"{one}/run", run_pipeline)
    yield Route("GET", f"{one}/executions", list_executions)


PIPELINE_ROUTES: Final = tuple(_routes())
