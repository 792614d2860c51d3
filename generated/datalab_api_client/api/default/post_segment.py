from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.body_segment_api_v1_segment_post import BodySegmentApiV1SegmentPost
from ...models.http_validation_error import HTTPValidationError
from ...models.initial_response import InitialResponse
from ...types import Response


def _get_kwargs(
    *,
    body: BodySegmentApiV1SegmentPost,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/segment",
    }

    _kwargs["files"] = body.to_multipart()

    headers["Content-Type"] = "multipart/form-data; boundary=+++"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> HTTPValidationError | InitialResponse | None:
    if response.status_code == 200:
        response_200 = InitialResponse.from_dict(response.json())

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
) -> Response[HTTPValidationError | InitialResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: BodySegmentApiV1SegmentPost,
) -> Response[HTTPValidationError | InitialResponse]:
    """Segment Document

     Segment a document into sections using a schema. Returns page ranges for each identified segment.
    Provide a file for end-to-end processing, or a checkpoint_id from a previous /convert call.

    Args:
        body (BodySegmentApiV1SegmentPost):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | InitialResponse]
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
    body: BodySegmentApiV1SegmentPost,
) -> HTTPValidationError | InitialResponse | None:
    """Segment Document

     Segment a document into sections using a schema. Returns page ranges for each identified segment.
    Provide a file for end-to-end processing, or a checkpoint_id from a previous /convert call.

    Args:
        body (BodySegmentApiV1SegmentPost):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | InitialResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: BodySegmentApiV1SegmentPost,
) -> Response[HTTPValidationError | InitialResponse]:
    """Segment Document

     Segment a document into sections using a schema. Returns page ranges for each identified segment.
    Provide a file for end-to-end processing, or a checkpoint_id from a previous /convert call.

    Args:
        body (BodySegmentApiV1SegmentPost):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | InitialResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: BodySegmentApiV1SegmentPost,
) -> HTTPValidationError | InitialResponse | None:
    """Segment Document

     Segment a document into sections using a schema. Returns page ranges for each identified segment.
    Provide a file for end-to-end processing, or a checkpoint_id from a previous /convert call.

    Args:
        body (BodySegmentApiV1SegmentPost):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | InitialResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
