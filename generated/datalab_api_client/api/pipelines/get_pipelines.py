from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.http_validation_error import HTTPValidationError
from ...models.list_pipelines_response import ListPipelinesResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    saved_only: bool | Unset = True,
    include_archived: bool | Unset = False,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["saved_only"] = saved_only

    params["include_archived"] = include_archived

    params["limit"] = limit

    params["offset"] = offset

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/pipelines",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> HTTPValidationError | ListPipelinesResponse | None:
    if response.status_code == 200:
        response_200 = ListPipelinesResponse.from_dict(response.json())

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
) -> Response[HTTPValidationError | ListPipelinesResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    saved_only: bool | Unset = True,
    include_archived: bool | Unset = False,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> Response[HTTPValidationError | ListPipelinesResponse]:
    """List Pipelines

    Args:
        saved_only (bool | Unset):  Default: True.
        include_archived (bool | Unset):  Default: False.
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | ListPipelinesResponse]
    """

    kwargs = _get_kwargs(
        saved_only=saved_only,
        include_archived=include_archived,
        limit=limit,
        offset=offset,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    saved_only: bool | Unset = True,
    include_archived: bool | Unset = False,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> HTTPValidationError | ListPipelinesResponse | None:
    """List Pipelines

    Args:
        saved_only (bool | Unset):  Default: True.
        include_archived (bool | Unset):  Default: False.
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | ListPipelinesResponse
    """

    return sync_detailed(
        client=client,
        saved_only=saved_only,
        include_archived=include_archived,
        limit=limit,
        offset=offset,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    saved_only: bool | Unset = True,
    include_archived: bool | Unset = False,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> Response[HTTPValidationError | ListPipelinesResponse]:
    """List Pipelines

    Args:
        saved_only (bool | Unset):  Default: True.
        include_archived (bool | Unset):  Default: False.
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | ListPipelinesResponse]
    """

    kwargs = _get_kwargs(
        saved_only=saved_only,
        include_archived=include_archived,
        limit=limit,
        offset=offset,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    saved_only: bool | Unset = True,
    include_archived: bool | Unset = False,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> HTTPValidationError | ListPipelinesResponse | None:
    """List Pipelines

    Args:
        saved_only (bool | Unset):  Default: True.
        include_archived (bool | Unset):  Default: False.
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | ListPipelinesResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            saved_only=saved_only,
            include_archived=include_archived,
            limit=limit,
            offset=offset,
        )
    ).parsed
