from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.http_validation_error import HTTPValidationError
from ...types import Response


def _get_kwargs(
    execution_id: int,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/workflows/executions/{execution_id}".format(
            execution_id=quote(str(execution_id), safe=""),
        ),
    }

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
    execution_id: int,
    *,
    client: AuthenticatedClient,
) -> Response[Any | HTTPValidationError]:
    """Get Execution Status

     Get the status and results of a workflow execution.

    Returns execution status and step data keyed by unique_name.
    For completed or failed steps, output data is provided as presigned URLs
    since outputs can be large/complex.

    Users can poll this endpoint until status is COMPLETED or FAILED.

    Response:
    {
        "execution_id": 123,
        "workflow_id": 456,
        "status": "IN_PROGRESS" | "COMPLETED" | "FAILED" | "QUEUED" | "PENDING",
        "created": "2025-10-22T10:00:00",
        "updated": "2025-10-22T10:05:00",
        "steps": {
            "parse": {
                "status": "COMPLETED",
                "started_at": "2025-10-22T10:00:00",
                "completed_at": "2025-10-22T10:02:00",
                "output_url": "https://presigned-url-to-output.json"
            },
            "extract": {
                "status": "IN_PROGRESS",
                "started_at": "2025-10-22T10:02:00"
            },
            "segment": {
                "status": "PENDING"
            }
        }
    }

    Args:
        execution_id (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        execution_id=execution_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    execution_id: int,
    *,
    client: AuthenticatedClient,
) -> Any | HTTPValidationError | None:
    """Get Execution Status

     Get the status and results of a workflow execution.

    Returns execution status and step data keyed by unique_name.
    For completed or failed steps, output data is provided as presigned URLs
    since outputs can be large/complex.

    Users can poll this endpoint until status is COMPLETED or FAILED.

    Response:
    {
        "execution_id": 123,
        "workflow_id": 456,
        "status": "IN_PROGRESS" | "COMPLETED" | "FAILED" | "QUEUED" | "PENDING",
        "created": "2025-10-22T10:00:00",
        "updated": "2025-10-22T10:05:00",
        "steps": {
            "parse": {
                "status": "COMPLETED",
                "started_at": "2025-10-22T10:00:00",
                "completed_at": "2025-10-22T10:02:00",
                "output_url": "https://presigned-url-to-output.json"
            },
            "extract": {
                "status": "IN_PROGRESS",
                "started_at": "2025-10-22T10:02:00"
            },
            "segment": {
                "status": "PENDING"
            }
        }
    }

    Args:
        execution_id (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | HTTPValidationError
    """

    return sync_detailed(
        execution_id=execution_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    execution_id: int,
    *,
    client: AuthenticatedClient,
) -> Response[Any | HTTPValidationError]:
    """Get Execution Status

     Get the status and results of a workflow execution.

    Returns execution status and step data keyed by unique_name.
    For completed or failed steps, output data is provided as presigned URLs
    since outputs can be large/complex.

    Users can poll this endpoint until status is COMPLETED or FAILED.

    Response:
    {
        "execution_id": 123,
        "workflow_id": 456,
        "status": "IN_PROGRESS" | "COMPLETED" | "FAILED" | "QUEUED" | "PENDING",
        "created": "2025-10-22T10:00:00",
        "updated": "2025-10-22T10:05:00",
        "steps": {
            "parse": {
                "status": "COMPLETED",
                "started_at": "2025-10-22T10:00:00",
                "completed_at": "2025-10-22T10:02:00",
                "output_url": "https://presigned-url-to-output.json"
            },
            "extract": {
                "status": "IN_PROGRESS",
                "started_at": "2025-10-22T10:02:00"
            },
            "segment": {
                "status": "PENDING"
            }
        }
    }

    Args:
        execution_id (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        execution_id=execution_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    execution_id: int,
    *,
    client: AuthenticatedClient,
) -> Any | HTTPValidationError | None:
    """Get Execution Status

     Get the status and results of a workflow execution.

    Returns execution status and step data keyed by unique_name.
    For completed or failed steps, output data is provided as presigned URLs
    since outputs can be large/complex.

    Users can poll this endpoint until status is COMPLETED or FAILED.

    Response:
    {
        "execution_id": 123,
        "workflow_id": 456,
        "status": "IN_PROGRESS" | "COMPLETED" | "FAILED" | "QUEUED" | "PENDING",
        "created": "2025-10-22T10:00:00",
        "updated": "2025-10-22T10:05:00",
        "steps": {
            "parse": {
                "status": "COMPLETED",
                "started_at": "2025-10-22T10:00:00",
                "completed_at": "2025-10-22T10:02:00",
                "output_url": "https://presigned-url-to-output.json"
            },
            "extract": {
                "status": "IN_PROGRESS",
                "started_at": "2025-10-22T10:02:00"
            },
            "segment": {
                "status": "PENDING"
            }
        }
    }

    Args:
        execution_id (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | HTTPValidationError
    """

    return (
        await asyncio_detailed(
            execution_id=execution_id,
            client=client,
        )
    ).parsed
