from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.file_upload_confirm_response import FileUploadConfirmResponse
from ...models.http_validation_error import HTTPValidationError
from ...types import Response


def _get_kwargs(
    file_id_or_hashid: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/files/{file_id_or_hashid}/confirm".format(
            file_id_or_hashid=quote(str(file_id_or_hashid), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> FileUploadConfirmResponse | HTTPValidationError | None:
    if response.status_code == 200:
        response_200 = FileUploadConfirmResponse.from_dict(response.json())

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
) -> Response[FileUploadConfirmResponse | HTTPValidationError]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    file_id_or_hashid: str,
    *,
    client: AuthenticatedClient,
) -> Response[FileUploadConfirmResponse | HTTPValidationError]:
    """Confirm Upload

     Confirm that a file was successfully uploaded to storage.

    Call this endpoint after successfully uploading a file using the presigned URL
    from /upload. This will verify the file exists, get the actual file size,
    and mark it as completed.

    Accepts either integer file_id (e.g., "4") or hashid (e.g., "npl94jxy").

    This makes the file available for use in workflows.

    Args:
        file_id_or_hashid (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FileUploadConfirmResponse | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        file_id_or_hashid=file_id_or_hashid,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    file_id_or_hashid: str,
    *,
    client: AuthenticatedClient,
) -> FileUploadConfirmResponse | HTTPValidationError | None:
    """Confirm Upload

     Confirm that a file was successfully uploaded to storage.

    Call this endpoint after successfully uploading a file using the presigned URL
    from /upload. This will verify the file exists, get the actual file size,
    and mark it as completed.

    Accepts either integer file_id (e.g., "4") or hashid (e.g., "npl94jxy").

    This makes the file available for use in workflows.

    Args:
        file_id_or_hashid (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FileUploadConfirmResponse | HTTPValidationError
    """

    return sync_detailed(
        file_id_or_hashid=file_id_or_hashid,
        client=client,
    ).parsed


async def asyncio_detailed(
    file_id_or_hashid: str,
    *,
    client: AuthenticatedClient,
) -> Response[FileUploadConfirmResponse | HTTPValidationError]:
    """Confirm Upload

     Confirm that a file was successfully uploaded to storage.

    Call this endpoint after successfully uploading a file using the presigned URL
    from /upload. This will verify the file exists, get the actual file size,
    and mark it as completed.

    Accepts either integer file_id (e.g., "4") or hashid (e.g., "npl94jxy").

    This makes the file available for use in workflows.

    Args:
        file_id_or_hashid (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FileUploadConfirmResponse | HTTPValidationError]
    """

    kwargs = _get_kwargs(
        file_id_or_hashid=file_id_or_hashid,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    file_id_or_hashid: str,
    *,
    client: AuthenticatedClient,
) -> FileUploadConfirmResponse | HTTPValidationError | None:
    """Confirm Upload

     Confirm that a file was successfully uploaded to storage.

    Call this endpoint after successfully uploading a file using the presigned URL
    from /upload. This will verify the file exists, get the actual file size,
    and mark it as completed.

    Accepts either integer file_id (e.g., "4") or hashid (e.g., "npl94jxy").

    This makes the file available for use in workflows.

    Args:
        file_id_or_hashid (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FileUploadConfirmResponse | HTTPValidationError
    """

    return (
        await asyncio_detailed(
            file_id_or_hashid=file_id_or_hashid,
            client=client,
        )
    ).parsed
