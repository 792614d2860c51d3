from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.http_validation_error import HTTPValidationError
from ...models.pipeline_execution_response import PipelineExecutionResponse
from ...types import Response


def _get_kwargs(
    execution_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/pipelines/executions/{execution_id}".format(
            execution_id=quote(str(execution_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> HTTPValidationError | PipelineExecutionResponse | None:
    if response.status_code == 200:
        response_200 = PipelineExecutionResponse.from_dict(response.json())

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
) -> Response[HTTPValidationError | PipelineExecutionResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    execution_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[HTTPValidationError | PipelineExecutionResponse]:
    """Get Pipeline Execution

     Poll execution status. Returns per-step status with lookup keys for partial results.

    Decision rule: Check PG PipelineExecution.status first.
    - If terminal (completed/failed): return from PostgreSQL (post-sync, complete data)
    - If running/pending: read Firestore for real-time step status

    Args:
        execution_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | PipelineExecutionResponse]
    """

    kwargs = _get_kwargs(
        execution_id=execution_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    execution_id: str,
    *,
    client: AuthenticatedClient,
) -> HTTPValidationError | PipelineExecutionResponse | None:
    """Get Pipeline Execution

     Poll execution status. Returns per-step status with lookup keys for partial results.

    Decision rule: Check PG PipelineExecution.status first.
    - If terminal (completed/failed): return from PostgreSQL (post-sync, complete data)
    - If running/pending: read Firestore for real-time step status

    Args:
        execution_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | PipelineExecutionResponse
    """

    return sync_detailed(
        execution_id=execution_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    execution_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[HTTPValidationError | PipelineExecutionResponse]:
    """Get Pipeline Execution

     Poll execution status. Returns per-step status with lookup keys for partial results.

    Decision rule: Check PG PipelineExecution.status first.
    - If terminal (completed/failed): return from PostgreSQL (post-sync, complete data)
    - If running/pending: read Firestore for real-time step status

    Args:
        execution_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | PipelineExecutionResponse]
    """

    kwargs = _get_kwargs(
        execution_id=execution_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    execution_id: str,
    *,
    client: AuthenticatedClient,
) -> HTTPValidationError | PipelineExecutionResponse | None:
    """Get Pipeline Execution

     Poll execution status. Returns per-step status with lookup keys for partial results.

    Decision rule: Check PG PipelineExecution.status first.
    - If terminal (completed/failed): return from PostgreSQL (post-sync, complete data)
    - If running/pending: read Firestore for real-time step status

    Args:
        execution_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | PipelineExecutionResponse
    """

    return (
        await asyncio_detailed(
            execution_id=execution_id,
            client=client,
        )
    ).parsed
