"""The endpoints of the API. To add one, write a function and list it in :data:`ROUTES`."""

from __future__ import annotations

import hmac
import math
from typing import Final

from datalab_facade.testing.documents_api import DOCUMENT_ROUTES
from datalab_facade.testing.execution_bodies import render
from datalab_facade.testing.files_api import FILE_ROUTES
from datalab_facade.testing.messages import Answer, Request, json_answer
from datalab_facade.testing.parameters import integer
from datalab_facade.testing.pipelines_api import PIPELINE_ROUTES
from datalab_facade.testing.refusals import InvalidError, RefusedError
from datalab_facade.testing.routing import NoMatch, Parameters, Route, find_route
from datalab_facade.testing.schemas_api import SCHEMA_ROUTES
from datalab_facade.testing.state import State
from datalab_facade.testing.storage import presigned_output
from datalab_facade.testing.workflows_api import WORKFLOW_ROUTES


def get_execution_status(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return the current state of an execution, with freshly signed URLs."""
    execution_id = integer(("path", "execution_id"), parameters["execution_id"])
    execution = state.execution(execution_id)
    if execution is None:
        raise RefusedError(404, f"Workflow execution {execution_id} not found")
    body = render(
        execution.script,
        execution_id,
        execution.created,
        execution.age(state.clock),
        lambda step, file_key: presigned_output(state, execution_id, step, file_key),
    )
    return json_answer(200, body)


# As recorded, with two spaces; nobody should compare these texts.
_WRONG_KEY: Final = "Invalid API key provided.  Set the X-API-Key header to your API key."
_NO_KEY: Final = "Invalid API key or access token."

ROUTES: Final = (
    Route("GET", "/api/v1/workflows/executions/{execution_id}", get_execution_status),
    *DOCUMENT_ROUTES,
    *FILE_ROUTES,
    *PIPELINE_ROUTES,
    *SCHEMA_ROUTES,
    *WORKFLOW_ROUTES,
)


def answer_api(state: State, request: Request) -> Answer:
    """Answer an API request: check route, key and rate limit, then call the endpoint."""
    match = find_route(ROUTES, request)
    if isinstance(match, NoMatch):
        if match.allowed:
            allowed = {"Allow": ", ".join(match.allowed)}
            return json_answer(405, {"detail": "Method Not Allowed"}, allowed)
        return json_answer(404, {"detail": "Not Found"})
    refusal = _check_key(state, request) or _check_rate_limit(state, request, match.route)
    if refusal is not None:
        return refusal
    try:
        return match.route.endpoint(state, request, match.parameters)
    except InvalidError as invalid:
        return json_answer(422, {"detail": invalid.problems})
    except RefusedError as refused:
        return json_answer(refused.status, {"detail": str(refused)})


def _check_key(state: State, request: Request) -> Answer | None:
    key = request.headers.get("x-api-key", "")
    if any(hmac.compare_digest(key.encode(), accepted.encode()) for accepted in state.keys):
        return None
    detail = _WRONG_KEY if key else _NO_KEY
    return json_answer(401, {"detail": detail})


def _check_rate_limit(state: State, request: Request, route: Route) -> Answer | None:
    limit = state.rate_limit
    if limit is None:
        return None
    endpoint = f"{route.method} {route.template}"
    key = request.headers["x-api-key"]
    wait = limit.admit(state.clock.monotonic(), key=key, endpoint=endpoint)
    if wait is None:
        return None
    detail = (
        f"Rate limit exceeded for endpoint {request.path}. You can make {limit.requests} requests "
        f"every {limit.seconds:g} seconds. Please try again later, or reach out to "
        "support@datalab.to if you need a higher limit."
    )
    headers = {"Retry-After": str(max(1, math.ceil(wait)))} if limit.send_retry_after else {}
    return json_answer(429, {"detail": detail}, headers)
