from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.create_workflow_request import CreateWorkflowRequest
from ...models.http_validation_error import HTTPValidationError
from ...models.workflow_definition_response import WorkflowDefinitionResponse
from ...types import Response


def _get_kwargs(
    *,
    body: CreateWorkflowRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/workflows/workflows",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> HTTPValidationError | WorkflowDefinitionResponse | None:
    if response.status_code == 200:
        response_200 = WorkflowDefinitionResponse.from_dict(response.json())

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
) -> Response[HTTPValidationError | WorkflowDefinitionResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowRequest,
) -> Response[HTTPValidationError | WorkflowDefinitionResponse]:
    """Create Workflow

     Create a new workflow definition.

    Example:
    ```json
    {
      "name": "PDF Processing Pipeline",
      "team_id": 1,
      "steps": [
        {
          "step_key": "marker_parse",
          "unique_name": "parse",
          "settings": {"extract_images": true}
        },
        {
          "step_key": "marker_extract",
          "unique_name": "extract",
          "version": "1.0.0",
          "settings": {},
          "depends_on": ["parse"]
        },
        {
          "step_key": "marker_segment",
          "unique_name": "segment",
          "settings": {"method": "auto"},
          "depends_on": ["parse"]
        }
      ]
    }
    ```

    This creates a template that can be executed multiple times.
    Note:
    - version is optional and defaults to the latest active version
    - unique_name is required and must be unique within the workflow
    - depends_on references other steps by their unique_name

    Args:
        body (CreateWorkflowRequest): Request to create a new workflow definition.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | WorkflowDefinitionResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowRequest,
) -> HTTPValidationError | WorkflowDefinitionResponse | None:
    """Create Workflow

     Create a new workflow definition.

    Example:
    ```json
    {
      "name": "PDF Processing Pipeline",
      "team_id": 1,
      "steps": [
        {
          "step_key": "marker_parse",
          "unique_name": "parse",
          "settings": {"extract_images": true}
        },
        {
          "step_key": "marker_extract",
          "unique_name": "extract",
          "version": "1.0.0",
          "settings": {},
          "depends_on": ["parse"]
        },
        {
          "step_key": "marker_segment",
          "unique_name": "segment",
          "settings": {"method": "auto"},
          "depends_on": ["parse"]
        }
      ]
    }
    ```

    This creates a template that can be executed multiple times.
    Note:
    - version is optional and defaults to the latest active version
    - unique_name is required and must be unique within the workflow
    - depends_on references other steps by their unique_name

    Args:
        body (CreateWorkflowRequest): Request to create a new workflow definition.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | WorkflowDefinitionResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowRequest,
) -> Response[HTTPValidationError | WorkflowDefinitionResponse]:
    """Create Workflow

     Create a new workflow definition.

    Example:
    ```json
    {
      "name": "PDF Processing Pipeline",
      "team_id": 1,
      "steps": [
        {
          "step_key": "marker_parse",
          "unique_name": "parse",
          "settings": {"extract_images": true}
        },
        {
          "step_key": "marker_extract",
          "unique_name": "extract",
          "version": "1.0.0",
          "settings": {},
          "depends_on": ["parse"]
        },
        {
          "step_key": "marker_segment",
          "unique_name": "segment",
          "settings": {"method": "auto"},
          "depends_on": ["parse"]
        }
      ]
    }
    ```

    This creates a template that can be executed multiple times.
    Note:
    - version is optional and defaults to the latest active version
    - unique_name is required and must be unique within the workflow
    - depends_on references other steps by their unique_name

    Args:
        body (CreateWorkflowRequest): Request to create a new workflow definition.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | WorkflowDefinitionResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: CreateWorkflowRequest,
) -> HTTPValidationError | WorkflowDefinitionResponse | None:
    """Create Workflow

     Create a new workflow definition.

    Example:
    ```json
    {
      "name": "PDF Processing Pipeline",
      "team_id": 1,
      "steps": [
        {
          "step_key": "marker_parse",
          "unique_name": "parse",
          "settings": {"extract_images": true}
        },
        {
          "step_key": "marker_extract",
          "unique_name": "extract",
          "version": "1.0.0",
          "settings": {},
          "depends_on": ["parse"]
        },
        {
          "step_key": "marker_segment",
          "unique_name": "segment",
          "settings": {"method": "auto"},
          "depends_on": ["parse"]
        }
      ]
    }
    ```

    This creates a template that can be executed multiple times.
    Note:
    - version is optional and defaults to the latest active version
    - unique_name is required and must be unique within the workflow
    - depends_on references other steps by their unique_name

    Args:
        body (CreateWorkflowRequest): Request to create a new workflow definition.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | WorkflowDefinitionResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
