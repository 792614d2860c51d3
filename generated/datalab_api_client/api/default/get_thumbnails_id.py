from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.http_validation_error import HTTPValidationError
from ...models.thumbnail_response import ThumbnailResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    lookup_key: str,
    *,
    page_range: None | str | Unset = UNSET,
    thumb_width: int | Unset = 300,
    track_changes: bool | Unset = False,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_page_range: None | str | Unset
    if isinstance(page_range, Unset):
        json_page_range = UNSET
    else:
        json_page_range = page_range
    params["page_range"] = json_page_range

    params["thumb_width"] = thumb_width

    params["track_changes"] = track_changes

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/thumbnails/{lookup_key}".format(
            lookup_key=quote(str(lookup_key), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> HTTPValidationError | ThumbnailResponse | None:
    if response.status_code == 200:
        response_200 = ThumbnailResponse.from_dict(response.json())

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
) -> Response[HTTPValidationError | ThumbnailResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    lookup_key: str,
    *,
    client: AuthenticatedClient,
    page_range: None | str | Unset = UNSET,
    thumb_width: int | Unset = 300,
    track_changes: bool | Unset = False,
) -> Response[HTTPValidationError | ThumbnailResponse]:
    """Thumbnails

    Args:
        lookup_key (str):
        page_range (None | str | Unset):
        thumb_width (int | Unset):  Default: 300.
        track_changes (bool | Unset):  Default: False.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | ThumbnailResponse]
    """

    kwargs = _get_kwargs(
        lookup_key=lookup_key,
        page_range=page_range,
        thumb_width=thumb_width,
        track_changes=track_changes,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    lookup_key: str,
    *,
    client: AuthenticatedClient,
    page_range: None | str | Unset = UNSET,
    thumb_width: int | Unset = 300,
    track_changes: bool | Unset = False,
) -> HTTPValidationError | ThumbnailResponse | None:
    """Thumbnails

    Args:
        lookup_key (str):
        page_range (None | str | Unset):
        thumb_width (int | Unset):  Default: 300.
        track_changes (bool | Unset):  Default: False.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | ThumbnailResponse
    """

    return sync_detailed(
        lookup_key=lookup_key,
        client=client,
        page_range=page_range,
        thumb_width=thumb_width,
        track_changes=track_changes,
    ).parsed


async def asyncio_detailed(
    lookup_key: str,
    *,
    client: AuthenticatedClient,
    page_range: None | str | Unset = UNSET,
    thumb_width: int | Unset = 300,
    track_changes: bool | Unset = False,
) -> Response[HTTPValidationError | ThumbnailResponse]:
    """Thumbnails

    Args:
        lookup_key (str):
        page_range (None | str | Unset):
        thumb_width (int | Unset):  Default: 300.
        track_changes (bool | Unset):  Default: False.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[HTTPValidationError | ThumbnailResponse]
    """

    kwargs = _get_kwargs(
        lookup_key=lookup_key,
        page_range=page_range,
        thumb_width=thumb_width,
        track_changes=track_changes,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    lookup_key: str,
    *,
    client: AuthenticatedClient,
    page_range: None | str | Unset = UNSET,
    thumb_width: int | Unset = 300,
    track_changes: bool | Unset = False,
) -> HTTPValidationError | ThumbnailResponse | None:
    """Thumbnails

    Args:
        lookup_key (str):
        page_range (None | str | Unset):
        thumb_width (int | Unset):  Default: 300.
        track_changes (bool | Unset):  Default: False.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        HTTPValidationError | ThumbnailResponse
    """

    return (
        await asyncio_detailed(
            lookup_key=lookup_key,
            client=client,
            page_range=page_range,
            thumb_width=thumb_width,
            track_changes=track_changes,
        )
    ).parsed
