# pyright: reportPrivateUsage=false
"""The operations of the API that the facade uses, as values: what a request is made of.

The generated module of an operation builds the request, in a function that every generated module
has under the same name. Nothing else of generated code is used. A module is imported when its
operation is first needed: together they cost as much as httpx.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import attrs

from datalab_facade.json_forms import JSON

if TYPE_CHECKING:
    from datalab_facade.transport.multipart import Attachment


@attrs.frozen(kw_only=True)
class Operation:
    """One request to the API, before anybody knows when it is sent, and with which key."""

    name: str
    """A short name that stays the same."""
    template: str
    """The path as the document of the API has it: ids are names in braces."""
    method: str
    """In capitals."""
    path: str
    params: Mapping[str, str | int | float | bool] = attrs.field(factory=dict, repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """With lower-case names."""
    json: JSON = attrs.field(default=None, repr=False)
    """The body, if it is JSON."""
    files: object = attrs.field(default=None, repr=False)
    """The parts of the body, as httpx takes them, if it is a form."""
    attachment: Attachment | None = attrs.field(default=None, repr=False)
    """The last part of the form, if it is a file that is streamed."""

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def is_deprecated(self) -> bool:
        """Whether the document of the API says that the operation is going to end."""
        deprecated = _deprecated()
        return bool(deprecated) and str(self) in deprecated


@functools.cache
def _deprecated() -> frozenset[str]:
    from datalab_api_client.operations import OPERATIONS

    return frozenset(f"{method} {path}" for method, path, deprecated in OPERATIONS if deprecated)


def make_operation(name: str, template: str, built: Mapping[str, object]) -> Operation:
    """Make an operation of what a generated function built."""
    headers: dict[str, str] = {}
    for header, value in cast("Mapping[str, str]", built.get("headers", {})).items():
        headers[header.lower()] = value
    if "files" in built:
        # The generator writes the same boundary into each, so that a document could smuggle in
        # parts of its own. Whoever encodes the parts chooses one.
        headers.pop("content-type", None)
    return Operation(
        name=name,
        template=template,
        method=str(built["method"]).upper(),
        path=str(built["url"]),
        params=cast("Mapping[str, str | int | float | bool]", built.get("params", {})),
        headers=headers,
        json=cast("JSON", built.get("json")),
        files=built.get("files"),
    )


def execution_status(execution_id: int) -> Operation:
    """``GET /api/v1/workflows/executions/{execution_id}``."""
    from datalab_api_client.api.default.get_workflows_executions_id import _get_kwargs

    return make_operation(
        "get_execution_status",
        "/api/v1/workflows/executions/{execution_id}",
        _get_kwargs(execution_id),
    )


def request_upload_url(name: str, content_type: str) -> Operation:
    """``POST /api/v1/files/upload``."""
    from datalab_api_client.api.files.post_files_upload import _get_kwargs
    from datalab_api_client.models.file_upload_request import FileUploadRequest

    body = FileUploadRequest(filename=name, content_type=content_type)
    return make_operation("request_upload_url", "/api/v1/files/upload", _get_kwargs(body=body))


def confirm_upload(file: int | str) -> Operation:
    """``GET /api/v1/files/{file_id_or_hashid}/confirm``."""
    from datalab_api_client.api.files.get_files_id_confirm import _get_kwargs

    return make_operation(
        "confirm_upload", "/api/v1/files/{file_id_or_hashid}/confirm", _get_kwargs(str(file))
    )


def list_files(limit: int, offset: int) -> Operation:
    """``GET /api/v1/files``."""
    from datalab_api_client.api.files.get_files import _get_kwargs

    return make_operation("list_files", "/api/v1/files", _get_kwargs(limit=limit, offset=offset))


def file_metadata(file: int | str) -> Operation:
    """``GET /api/v1/files/{file_id}``."""
    from datalab_api_client.api.files.get_files_id import _get_kwargs

    built = _get_kwargs(_integer_or_hashid(file))
    return make_operation("get_file_metadata", "/api/v1/files/{file_id}", built)


def file_download_url(file: int | str, expires_in: int) -> Operation:
    """``GET /api/v1/files/{file_id}/download``."""
    from datalab_api_client.api.files.get_files_id_download import _get_kwargs

    built = _get_kwargs(_integer_or_hashid(file), expires_in=expires_in)
    return make_operation("get_file_download_url", "/api/v1/files/{file_id}/download", built)


def delete_file(file: int | str) -> Operation:
    """``DELETE /api/v1/files/{file_id}``."""
    from datalab_api_client.api.files.delete_files_id import _get_kwargs

    built = _get_kwargs(_integer_or_hashid(file))
    return make_operation("delete_file", "/api/v1/files/{file_id}", built)


def _integer_or_hashid(file: int | str) -> int:
    # The spec says integer, the documentation of the official client says either; the
    # generated function puts into the path whatever it is given.
    return cast("int", file)


def list_step_types() -> Operation:
    """``GET /api/v1/workflows/step-types``."""
    from datalab_api_client.api.default.get_workflows_step_types_fc191a import _get_kwargs

    return make_operation("list_step_types", "/api/v1/workflows/step-types", _get_kwargs())


def list_workflows(team_id: int | None) -> Operation:
    """``GET /api/v1/workflows/workflows``."""
    from datalab_api_client.api.default.get_workflows_workflows import _get_kwargs
    from datalab_api_client.types import UNSET

    built = _get_kwargs(team_id=UNSET if team_id is None else team_id)
    return make_operation("list_workflows", "/api/v1/workflows/workflows", built)


def get_workflow(workflow_id: int) -> Operation:
    """``GET /api/v1/workflows/workflows/{workflow_id}``."""
    from datalab_api_client.api.default.get_workflows_workflows_id import _get_kwargs

    return make_operation(
        "get_workflow", "/api/v1/workflows/workflows/{workflow_id}", _get_kwargs(workflow_id)
    )


def create_workflow(name: str, steps: list[JSON]) -> Operation:
    """``POST /api/v1/workflows/workflows``."""
    from datalab_api_client.api.default.post_workflows_workflows import _get_kwargs
    from datalab_api_client.models.create_workflow_request import CreateWorkflowRequest

    body = CreateWorkflowRequest.from_dict({"name": name, "steps": steps})
    return make_operation("create_workflow", "/api/v1/workflows/workflows", _get_kwargs(body=body))


def delete_workflow(workflow_id: int) -> Operation:
    """``DELETE /api/v1/workflows/workflows/{workflow_id}``."""
    from datalab_api_client.api.default.delete_workflows_workflows_id import _get_kwargs

    return make_operation(
        "delete_workflow", "/api/v1/workflows/workflows/{workflow_id}", _get_kwargs(workflow_id)
    )


def execute_workflow(workflow_id: int, input_config: dict[str, JSON] | None) -> Operation:
    """``POST /api/v1/workflows/workflows/{workflow_id}/execute``."""
    from datalab_api_client.api.default.post_workflows_workflows_id_execute import _get_kwargs
    from datalab_api_client.models.execute_workflow_request import ExecuteWorkflowRequest

    fields = {} if input_config is None else {"input_config": input_config}
    return make_operation(
        "execute_workflow",
        "/api/v1/workflows/workflows/{workflow_id}/execute",
        _get_kwargs(workflow_id, body=ExecuteWorkflowRequest.from_dict(fields)),
    )
