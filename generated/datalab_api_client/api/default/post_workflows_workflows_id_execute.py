from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.execute_workflow_request import ExecuteWorkflowRequest
from ...models.http_validation_error import HTTPValidationError
from ...types import UNSET, Response, Unset


def _get_kwargs(
    workflow_id: int,
    *,
    body: ExecuteWorkflowRequest | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/workflows/workflows/{workflow_id}/execute".format(
            workflow_id=quote(str(workflow_id), safe=""),
        ),
    }

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Any | HTTPValidationError | None:
    if response.status_code == 200:
        response_200 = response.json()
        return response_200

    if response.status_code == 422:
        response_422 = HTTPValidationError.from_dict(response.json())

        return response_422

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Any | HTTPValidationError]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    workflow_id: int,
    *,
    client: AuthenticatedClient,
    body: ExecuteWorkflowRequest | Unset = UNSET,
) -> Response[Any | HTTPValidationError]:
    """Execute Workflow

     Execute a workflow definition.

    This creates a WorkflowExecution and starts a Temporal workflow
    that will dynamically load the steps and execute them.

    Requires: X-API-Key header for authentication

    Body (optional):
    {
        "input_config": {
            "type": "single_file",
            "file_url": "https://example.com/file.pdf"
        }
    }
    or
    {
        "input_config": {
            "type": "file_list",
            "file_urls": ["https://example.com/file1.pdf", "https://example.com/file2.pdf"]
        }
    }

    Args:
        workflow_id (int):
        body (ExecuteWorkflowRequest | Unset): Request to execute a workflow.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        workflow_id=workflow_id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    workflow_id: int,
    *,
    client: AuthenticatedClient,
    body: ExecuteWorkflowRequest | Unset = UNSET,
) -> Any | HTTPValidationError | None:
    """Execute Workflow

     Execute a workflow definition.

    This creates a WorkflowExecution and starts a Temporal workflow
    that will dynamically load the steps and execute them.

    Requires: X-API-Key header for authentication

    Body (optional):
    {
        "input_config": {
            "type": "single_file",
            "file_url": "https://example.com/file.pdf"
        }
    }
    or
    {
        "input_config": {
            "type": "file_list",
            "file_urls": ["https://example.com/file1.pdf", "https://example.com/file2.pdf"]
        }
    }

    Args:
        workflow_id (int):
        body (ExecuteWorkflowRequest | Unset): Request to execute a workflow.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | HTTPValidationError
    """

    return sync_detailed(
        workflow_id=workflow_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    workflow_id: int,
    *,
    client: AuthenticatedClient,
    body: ExecuteWorkflowRequest | Unset = UNSET,
) -> Response[Any | HTTPValidationError]:
    """Execute Workflow

     Execute a workflow definition.

    This creates a WorkflowExecution and starts a Temporal workflow
    that will dynamically load the steps and execute them.

    Requires: X-API-Key header for authentication

    Body (optional):
    {
        "input_config": {
            "type": "single_file",
            "file_url": "https://example.com/file.pdf"
        }
    }
    or
    {
        "input_config": {
            "type": "file_list",
            "file_urls": ["https://example.com/file1.pdf", "https://example.com/file2.pdf"]
        }
    }

    Args:
        workflow_id (int):
        body (ExecuteWorkflowRequest | Unset): Request to execute a workflow.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        workflow_id=workflow_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    workflow_id: int,
    *,
    client: AuthenticatedClient,
    body: ExecuteWorkflowRequest | Unset = UNSET,
) -> Any | HTTPValidationError | None:
    """Execute Workflow

     Execute a workflow definition.

    This creates a WorkflowExecution and starts a Temporal workflow
    that will dynamically load the steps and execute them.

    Requires: X-API-Key header for authentication

    Body (optional):
    {
        "input_config": {
            "type": "single_file",
            "file_url": "https://example.com/file.pdf"
        }
    }
    or
    {
        "input_config": {
            "type": "file_list",
            "file_urls": ["https://example.com/file1.pdf", "https://example.com/file2.pdf"]
        }
    }

    Args:
        workflow_id (int):
        body (ExecuteWorkflowRequest | Unset): Request to execute a workflow.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | HTTPValidationError
    """

    return (
        await asyncio_detailed(
            workflow_id=workflow_id,
            client=client,
            body=body,
        )
    ).parsed
