"""The endpoints for workflows: list, create, delete and execute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from datalab_facade.testing.bodies import (
    field_problems,
    not_an_object,
    object_body,
    value_problems,
)
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.messages import Answer, Request, json_answer
from datalab_facade.testing.parameters import integer
from datalab_facade.testing.refusals import InvalidError, RefusedError, problem, raise_if_any
from datalab_facade.testing.routing import Parameters, Route
from datalab_facade.testing.state import State
from datalab_facade.testing.workflows import StoredWorkflow, build_script, dependencies_of


def list_step_types(state: State, _request: Request, _parameters: Parameters) -> Answer:
    """Return the known step types."""
    store = state.workflows
    items: list[JSON] = [
        {
            store.behavior.step_type_key: key,
            "name": key.replace("_", " ").title(),
            "version": "1",
            "description": description,
            "settings_schema": {"type": "object"},
        }
        for key, description in store.step_types.items()
    ]
    return json_answer(200, {"step_types": items} if store.behavior.wrapped else items)


def list_workflows(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Return the workflows of a team, by default the key's."""
    store = state.workflows
    text = request.parameter("team_id")
    team_id = store.team_id if text is None else integer(("query", "team_id"), text)
    items: list[JSON] = [
        _workflow_json(workflow) for workflow in store.by_id.values() if workflow.team_id == team_id
    ]
    return json_answer(200, {"workflows": items} if store.behavior.wrapped else items)


def get_workflow(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return a workflow."""
    return _workflow_answer(_find(state, parameters))


def create_workflow(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Check a definition as FastAPI does, then as an engine does, and store it."""
    definition = object_body(request)
    raise_if_any(_form_problems(definition))
    steps = [dict(step) for step in cast("list[Mapping[str, JSON]]", definition["steps"])]
    refusal = _engine_refusal(steps, state.workflows.step_types)
    if refusal is not None:
        raise RefusedError(400, refusal)
    store = state.workflows
    name = str(definition["name"])
    workflow = store.add(name, steps, store.team_id, state.clock.now())
    return _workflow_answer(workflow, step_keys=store.behavior.create_tells_step_key)


def delete_workflow(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Delete a workflow, unless it has executions."""
    workflow = _find(state, parameters)
    refusal = state.workflows.behavior.refusal
    executed = any(
        execution.script.workflow_id == workflow.workflow_id
        for execution in state.executions.values()
    )
    if executed and refusal != "none":
        reason = f"Workflow {workflow.workflow_id} has executions and cannot be deleted"
        if refusal == "status":
            raise RefusedError(400, reason)
        return json_answer(200, {"success": False, "message": reason})
    del state.workflows.by_id[workflow.workflow_id]
    return json_answer(
        200, {"success": True, "message": f"Workflow {workflow.workflow_id} deleted"}
    )


def execute_workflow(state: State, request: Request, parameters: Parameters) -> Answer:
    """Start an execution with the workflow's script."""
    workflow_id = integer(("path", "workflow_id"), parameters["workflow_id"])
    body = object_body(request) if request.body else {}
    config = body.get("input_config")
    if config is not None and not isinstance(config, Mapping):
        message = "Input should be a valid dictionary"
        raise InvalidError(problem("dict_type", ("body", "input_config"), message, config))
    workflow = _find(state, parameters)
    behavior = state.workflows.behavior
    execution_id = state.start(build_script(workflow, _file_keys(config), behavior))
    return json_answer(
        200,
        {
            behavior.execution_key: execution_id,
            "workflow_id": workflow_id,
            "status": "processing",
            "success": True,
        },
    )


_WORKFLOWS: Final = "/api/v1/workflows/workflows"
_WORKFLOW: Final = f"{_WORKFLOWS}/{{workflow_id}}"

WORKFLOW_ROUTES: Final = (
    Route("GET", "/api/v1/workflows/step-types", list_step_types),
    Route("GET", _WORKFLOWS, list_workflows),
    Route("POST", _WORKFLOWS, create_workflow),
    Route("GET", _WORKFLOW, get_workflow),
    Route("DELETE", _WORKFLOW, delete_workflow),
    Route("POST", f"{_WORKFLOW}/execute", execute_workflow),
)


def _find(state: State, parameters: Parameters) -> StoredWorkflow:
    workflow_id = integer(("path", "workflow_id"), parameters["workflow_id"])
    workflow = state.workflows.find(workflow_id)
    if workflow is None:
        raise RefusedError(404, f"Workflow {workflow_id} not found")
    return workflow


def _workflow_answer(workflow: StoredWorkflow, *, step_keys: bool = True) -> Answer:
    return json_answer(200, _workflow_json(workflow, step_keys=step_keys))


def _workflow_json(workflow: StoredWorkflow, *, step_keys: bool = True) -> dict[str, JSON]:
    created = workflow.created_at.replace(microsecond=0, tzinfo=None).isoformat()
    steps: list[JSON] = []
    for number, step in enumerate(workflow.steps, 1):
        entry = {
            "id": workflow.workflow_id * 100 + number,
            "step_key": step["step_key"],
            "unique_name": step["unique_name"],
            "version": step.get("version") or "1",
            "settings": step.get("settings") or {},
            "depends_on": list(dependencies_of(step)),
        }
        if not step_keys:
            del entry["step_key"]
        steps.append(entry)
    return {
        "id": workflow.workflow_id,
        "name": workflow.name,
        "team_id": workflow.team_id,
        "steps": steps,
        "created": created,
        "updated": created,
    }


def _file_keys(config: Mapping[str, JSON] | None) -> Iterator[str]:
    values = dict(config or {})
    urls = values.get("file_urls", [values["file_url"]] if "file_url" in values else [])
    for number, url in enumerate(urls if isinstance(urls, (list, tuple)) else [], 1):
        reference = str(url).removeprefix("datalab://file-")
        yield reference if reference != url else str(900 + number)


def _form_problems(body: Mapping[str, JSON]) -> Iterator[JSON]:
    yield from field_problems(body, "name", str, ("body",), required=True)
    yield from field_problems(body, "steps", list, ("body",), required=True)
    steps = body.get("steps")
    for number, step in enumerate(steps if isinstance(steps, list) else []):
        location = ("body", "steps", number)
        if not isinstance(step, Mapping):
            yield not_an_object(location, step)
            continue
        yield from field_problems(step, "step_key", str, location, required=True)
        yield from field_problems(step, "unique_name", str, location, required=True)
        yield from field_problems(step, "version", str, location, nullable=True)
        yield from field_problems(step, "settings", dict, location)
        yield from field_problems(step, "depends_on", list, location)
        dependencies = step.get("depends_on")
        for index, dependency in enumerate(dependencies if isinstance(dependencies, list) else []):
            yield from value_problems(dependency, str, (*location, "depends_on", index))


def _engine_refusal(steps: list[dict[str, JSON]], step_types: Mapping[str, str]) -> str | None:
    names = [str(step["unique_name"]) for step in steps]
    for step in steps:
        if step["step_key"] not in step_types:
            return f"Step type '{step['step_key']}' not found"
        if names.count(str(step["unique_name"])) > 1:
            return f"Step name '{step['unique_name']}' is not unique"
        for dependency in dependencies_of(step):
            if dependency not in names:
                return f"Step '{step['unique_name']}' depends on unknown step '{dependency}'"
    waiting = {name: set(dependencies_of(step)) for name, step in zip(names, steps, strict=True)}
    while waiting:
        ready = [name for name, needs in waiting.items() if not needs & waiting.keys()]
        if not ready:
            return "The steps depend on each other in a circle"
        for name in ready:
            del waiting[name]
    return None
