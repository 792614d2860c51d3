"""The generated functions that the facade calls, one small function for each.

A generated module has a sync and an async form of the same request. Both are
kept, with the arguments already in place, so that the decision what to ask is
made once. A module is imported when it is first needed: together they cost as
much as httpx.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import attrs

from datalab_facade.models import JSON

if TYPE_CHECKING:
    import httpx
    from datalab_api_client.client import AuthenticatedClient


class _Sync(Protocol):
    def __call__(self, *, client: AuthenticatedClient) -> object: ...


class _Async(Protocol):
    def __call__(self, *, client: AuthenticatedClient) -> Awaitable[object]: ...


@attrs.frozen
class Operation:
    """One request, ready to be sent either way."""

    name: str
    send: _Sync
    send_async: _Async


def described(operation: Operation) -> tuple[str, str]:
    """Give the method and the path of a request, as its generated function builds them.

    >>> described(execution_status(123))
    ('GET', '/api/v1/workflows/executions/123')
    """
    import httpx
    from datalab_api_client.client import AuthenticatedClient

    built = _Noting(httpx.Response(204))
    client = AuthenticatedClient(base_url="", token="")
    operation.send(client=client.set_httpx_client(cast("httpx.Client", built)))
    return built.method, built.path


class _Noting:
    """Stands where a generated function expects its httpx client, and sends nothing."""

    method: str = ""
    path: str = ""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def request(self, method: str, url: str, **_: object) -> httpx.Response:
        self.method, self.path = method.upper(), url
        return self._answer


def execution_status(execution_id: int) -> Operation:
    """``GET /api/v1/workflows/executions/{execution_id}``."""
    from datalab_api_client.api.default import get_workflows_executions_id as generated

    return Operation(
        "get_execution_status",
        partial(generated.sync_detailed, execution_id),
        partial(generated.asyncio_detailed, execution_id),
    )


def request_upload_url(name: str, content_type: str) -> Operation:
    """``POST /api/v1/files/upload``."""
    from datalab_api_client.api.files import post_files_upload as generated
    from datalab_api_client.models.file_upload_request import FileUploadRequest

    body = FileUploadRequest(filename=name, content_type=content_type)
    return Operation(
        "request_upload_url",
        partial(generated.sync_detailed, body=body),
        partial(generated.asyncio_detailed, body=body),
    )


def confirm_upload(file: int | str) -> Operation:
    """``GET /api/v1/files/{file_id_or_hashid}/confirm``."""
    from datalab_api_client.api.files import get_files_id_confirm as generated

    return Operation(
        "confirm_upload",
        partial(generated.sync_detailed, str(file)),
        partial(generated.asyncio_detailed, str(file)),
    )


def list_files(limit: int, offset: int) -> Operation:
    """``GET /api/v1/files``."""
    from datalab_api_client.api.files import get_files as generated

    return Operation(
        "list_files",
        partial(generated.sync_detailed, limit=limit, offset=offset),
        partial(generated.asyncio_detailed, limit=limit, offset=offset),
    )


def file_metadata(file: int | str) -> Operation:
    """``GET /api/v1/files/{file_id}``."""
    from datalab_api_client.api.files import get_files_id as generated

    return Operation(
        "get_file_metadata",
        partial(generated.sync_detailed, _integer_or_hashid(file)),
        partial(generated.asyncio_detailed, _integer_or_hashid(file)),
    )


def file_download_url(file: int | str, expires_in: int) -> Operation:
    """``GET /api/v1/files/{file_id}/download``."""
    from datalab_api_client.api.files import get_files_id_download as generated

    file_id = _integer_or_hashid(file)
    return Operation(
        "get_file_download_url",
        partial(generated.sync_detailed, file_id, expires_in=expires_in),
        partial(generated.asyncio_detailed, file_id, expires_in=expires_in),
    )


def delete_file(file: int | str) -> Operation:
    """``DELETE /api/v1/files/{file_id}``."""
    from datalab_api_client.api.files import delete_files_id as generated

    return Operation(
        "delete_file",
        partial(generated.sync_detailed, _integer_or_hashid(file)),
        partial(generated.asyncio_detailed, _integer_or_hashid(file)),
    )


def _integer_or_hashid(file: int | str) -> int:
    # The spec says integer, the documentation of the official client says either; the
    # generated function puts into the path whatever it is given.
    return cast("int", file)


def list_step_types() -> Operation:
    """``GET /api/v1/workflows/step-types``."""
    from datalab_api_client.api.default import get_workflows_step_types_fc191a as generated

    return Operation("list_step_types", generated.sync_detailed, generated.asyncio_detailed)


def list_workflows(team_id: int | None) -> Operation:
    """``GET /api/v1/workflows/workflows``."""
    from datalab_api_client.api.default import get_workflows_workflows as generated
    from datalab_api_client.types import UNSET

    asked = UNSET if team_id is None else team_id
    return Operation(
        "list_workflows",
        partial(generated.sync_detailed, team_id=asked),
        partial(generated.asyncio_detailed, team_id=asked),
    )


def get_workflow(workflow_id: int) -> Operation:
    """``GET /api/v1/workflows/workflows/{workflow_id}``."""
    from datalab_api_client.api.default import get_workflows_workflows_id as generated

    return Operation(
        "get_workflow",
        partial(generated.sync_detailed, workflow_id),
        partial(generated.asyncio_detailed, workflow_id),
    )


def create_workflow(name: str, steps: list[JSON]) -> Operation:
    """``POST /api/v1/workflows/workflows``."""
    from datalab_api_client.api.default import post_workflows_workflows as generated
    from datalab_api_client.models import CreateWorkflowRequest

    body = CreateWorkflowRequest.from_dict({"name": name, "steps": steps})
    return Operation(
        "create_workflow",
        partial(generated.sync_detailed, body=body),
        partial(generated.asyncio_detailed, body=body),
    )


def delete_workflow(workflow_id: int) -> Operation:
    """``DELETE /api/v1/workflows/workflows/{workflow_id}``."""
    from datalab_api_client.api.default import delete_workflows_workflows_id as generated

    return Operation(
        "delete_workflow",
        partial(generated.sync_detailed, workflow_id),
        partial(generated.asyncio_detailed, workflow_id),
    )


def execute_workflow(workflow_id: int, input_config: dict[str, JSON] | None) -> Operation:
    """``POST /api/v1/workflows/workflows/{workflow_id}/execute``."""
    from datalab_api_client.api.default import post_workflows_workflows_id_execute as generated
    from datalab_api_client.models import ExecuteWorkflowRequest

    given = {} if input_config is None else {"input_config": input_config}
    body = ExecuteWorkflowRequest.from_dict(given)
    return Operation(
        "execute_workflow",
        partial(generated.sync_detailed, workflow_id, body=body),
        partial(generated.asyncio_detailed, workflow_id, body=body),
    )
