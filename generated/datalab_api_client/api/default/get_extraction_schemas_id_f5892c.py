from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.extraction_schema_response import ExtractionSchemaResponse
from ...models.http_validation_error import HTTPValidationError
from ...types import Response


def _get_kwargs(
    schema_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/extraction_schemas/{schema_id}".format(
            schema_id=quote(str(schema_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ExtractionSchemaResponse | HTTPValidationError | None:
    if response.status_code == 200:
        response_200 = ExtractionSchemaResponse.from_dict(response.json())

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
) -> Response[ExtractionSchemaResponse | HTTPValidationError]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    schema_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ExtractionSchemaResponse | HTTPValidationError]:
    """Get Extraction Schema

    Args:
        schema_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExtractionSchemaResponse | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        schema_id=schema_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    schema_id: str,
    *,
    client: AuthenticatedClient,
) -> ExtractionSchemaResponse | HTTPValidationError | None:
    """Get Extraction Schema

    Args:
        schema_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExtractionSchemaResponse | HTTPValidationError
    """

    return sync_detailed(
        schema_id=schema_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    schema_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ExtractionSchemaResponse | HTTPValidationError]:
    """Get Extraction Schema

    Args:
        schema_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExtractionSchemaResponse | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        schema_id=schema_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    schema_id: str,
    *,
    client: AuthenticatedClient,
) -> ExtractionSchemaResponse | HTTPValidationError | None:
    """Get Extraction Schema

    Args:
        schema_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExtractionSchemaResponse | HTTPValidationError
    """

    return (
        await asyncio_detailed(
            schema_id=schema_id,
            client=client,
        )
    ).parsed
