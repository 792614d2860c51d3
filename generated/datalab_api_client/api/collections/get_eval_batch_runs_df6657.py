from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.http_validation_error import HTTPValidationError
from ...models.list_batch_runs_response import ListBatchRunsResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    collection_id: int | None | Unset = UNSET,
    eval_rubric_id: int | None | Unset = UNSET,
    pipeline_id: None | str | Unset = UNSET,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_collection_id: int | None | Unset
    if isinstance(collection_id, Unset):
        json_collection_id = UNSET
    else:
        json_collection_id = collection_id
    params["collection_id"] = json_collection_id

    json_eval_rubric_id: int | None | Unset
    if isinstance(eval_rubric_id, Unset):
        json_eval_rubric_id = UNSET
    else:
        json_eval_rubric_id = eval_rubric_id
    params["eval_rubric_id"] = json_eval_rubric_id

    json_pipeline_id: None | str | Unset
    if isinstance(pipeline_id, Unset):
        json_pipeline_id = UNSET
    else:
        json_pipeline_id = pipeline_id
    params["pipeline_id"] = json_pipeline_id

    params["limit"] = limit

    params["offset"] = offset

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/eval_batch_runs",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> HTTPValidationError | ListBatchRunsResponse | None:
    if response.status_code == 200:
        response_200 = ListBatchRunsResponse.from_dict(response.json())

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
) -> Response[HTTPValidationError | ListBatchRunsResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    collection_id: int | None | Unset = UNSET,
    eval_rubric_id: int | None | Unset = UNSET,
    pipeline_id: None | str | Unset = UNSET,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> Response[HTTPValidationError | ListBatchRunsResponse]:
    """List Batch Runs

    Args:
        collection_id (int | None | Unset):
        eval_rubric_id (int | None | Unset):
        pipeline_id (None | str | Unset):
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | ListBatchRunsResponse]
    """

    kwargs = _get_kwargs(
        collection_id=collection_id,
        eval_rubric_id=eval_rubric_id,
        pipeline_id=pipeline_id,
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
    collection_id: int | None | Unset = UNSET,
    eval_rubric_id: int | None | Unset = UNSET,
    pipeline_id: None | str | Unset = UNSET,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> HTTPValidationError | ListBatchRunsResponse | None:
    """List Batch Runs

    Args:
        collection_id (int | None | Unset):
        eval_rubric_id (int | None | Unset):
        pipeline_id (None | str | Unset):
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | ListBatchRunsResponse
    """

    return sync_detailed(
        client=client,
        collection_id=collection_id,
        eval_rubric_id=eval_rubric_id,
        pipeline_id=pipeline_id,
        limit=limit,
        offset=offset,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    collection_id: int | None | Unset = UNSET,
    eval_rubric_id: int | None | Unset = UNSET,
    pipeline_id: None | str | Unset = UNSET,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> Response[HTTPValidationError | ListBatchRunsResponse]:
    """List Batch Runs

    Args:
        collection_id (int | None | Unset):
        eval_rubric_id (int | None | Unset):
        pipeline_id (None | str | Unset):
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | ListBatchRunsResponse]
    """

    kwargs = _get_kwargs(
        collection_id=collection_id,
        eval_rubric_id=eval_rubric_id,
        pipeline_id=pipeline_id,
        limit=limit,
        offset=offset,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    collection_id: int | None | Unset = UNSET,
    eval_rubric_id: int | None | Unset = UNSET,
    pipeline_id: None | str | Unset = UNSET,
    limit: int | Unset = 50,
    offset: int | Unset = 0,
) -> HTTPValidationError | ListBatchRunsResponse | None:
    """List Batch Runs

    Args:
        collection_id (int | None | Unset):
        eval_rubric_id (int | None | Unset):
        pipeline_id (None | str | Unset):
        limit (int | Unset):  Default: 50.
        offset (int | Unset):  Default: 0.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | ListBatchRunsResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            collection_id=collection_id,
            eval_rubric_id=eval_rubric_id,
            pipeline_id=pipeline_id,
            limit=limit,
            offset=offset,
        )
    ).parsed
