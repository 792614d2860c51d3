from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.file_download_response import FileDownloadResponse
from ...models.http_validation_error import HTTPValidationError
from ...types import UNSET, Response, Unset


def _get_kwargs(
    file_id: int,
    *,
    expires_in: int | Unset = 3600,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["expires_in"] = expires_in

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/files/{file_id}/download".format(
            file_id=quote(str(file_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> FileDownloadResponse | HTTPValidationError | None:
    if response.status_code == 200:
        response_200 = FileDownloadResponse.from_dict(response.json())

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
) -> Response[FileDownloadResponse | HTTPValidationError]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    file_id: int,
    *,
    client: AuthenticatedClient,
    expires_in: int | Unset = 3600,
) -> Response[FileDownloadResponse | HTTPValidationError]:
    """Get File Download Url

     Generate presigned URL for downloading a file.

    The URL is valid for the specified expiry time (default: 1 hour).

    Args:
        file_id: File ID
        expires_in: URL expiry time in seconds (default: 3600, max: 86400)

    Args:
        file_id (int):
        expires_in (int | Unset):  Default: 3600.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FileDownloadResponse | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        file_id=file_id,
        expires_in=expires_in,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    file_id: int,
    *,
    client: AuthenticatedClient,
    expires_in: int | Unset = 3600,
) -> FileDownloadResponse | HTTPValidationError | None:
    """Get File Download Url

     Generate presigned URL for downloading a file.

    The URL is valid for the specified expiry time (default: 1 hour).

    Args:
        file_id: File ID
        expires_in: URL expiry time in seconds (default: 3600, max: 86400)

    Args:
        file_id (int):
        expires_in (int | Unset):  Default: 3600.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FileDownloadResponse | HTTPValidationError
    """

    return sync_detailed(
        file_id=file_id,
        client=client,
        expires_in=expires_in,
    ).parsed


async def asyncio_detailed(
    file_id: int,
    *,
    client: AuthenticatedClient,
    expires_in: int | Unset = 3600,
) -> Response[FileDownloadResponse | HTTPValidationError]:
    """Get File Download Url

     Generate presigned URL for downloading a file.

    The URL is valid for the specified expiry time (default: 1 hour).

    Args:
        file_id: File ID
        expires_in: URL expiry time in seconds (default: 3600, max: 86400)

    Args:
        file_id (int):
        expires_in (int | Unset):  Default: 3600.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FileDownloadResponse | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        file_id=file_id,
        expires_in=expires_in,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    file_id: int,
    *,
    client: AuthenticatedClient,
    expires_in: int | Unset = 3600,
) -> FileDownloadResponse | HTTPValidationError | None:
    """Get File Download Url

     Generate presigned URL for downloading a file.

    The URL is valid for the specified expiry time (default: 1 hour).

    Args:
        file_id: File ID
        expires_in: URL expiry time in seconds (default: 3600, max: 86400)

    Args:
        file_id (int):
        expires_in (int | Unset):  Default: 3600.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FileDownloadResponse | HTTPValidationError
    """

    return (
        await asyncio_detailed(
            file_id=file_id,
            client=client,
            expires_in=expires_in,
        )
    ).parsed
