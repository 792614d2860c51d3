"""The endpoints for files: upload, confirm, list, download and delete."""

from __future__ import annotations

from typing import Final

import attrs

from datalab_facade.testing.bodies import field_problems, object_body
from datalab_facade.testing.files import StoredFile
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.messages import Answer, Request, json_answer
from datalab_facade.testing.parameters import integer, integer_in_query
from datalab_facade.testing.refusals import RefusedError, raise_if_any
from datalab_facade.testing.routing import Parameters, Route
from datalab_facade.testing.state import State
from datalab_facade.testing.storage import presigned_file

_MAX_PAGE_SIZE: Final = 100
_MAX_LIFETIME: Final = 86400


def request_upload_url(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Create a file and return a URL for its upload."""
    fields = object_body(request)
    raise_if_any(
        problem
        for name in ("filename", "content_type")
        for problem in field_problems(fields, name, str, ("body",), required=True)
    )
    name, kind = str(fields["filename"]), str(fields["content_type"])
    file = state.files.request(name, kind, state.clock.now())
    return json_answer(
        200,
        {
            "file_id": file.file_id,
            "upload_url": presigned_file(state, file, "PUT", state.url_lifetime),
            "expires_in": state.url_lifetime,
            "reference": file.reference,
        },
    )


def confirm_upload(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Check that the bytes were uploaded, and mark the file as complete."""
    file = _find(state, parameters["file_id_or_hashid"])
    if file.body is None:
        raise RefusedError(400, "File has not been uploaded to storage yet")
    state.files.keep(attrs.evolve(file, upload_status="completed"))
    return json_answer(
        200,
        {
            "success": True,
            "file_id": file.file_id,
            "reference": file.reference,
            "message": "Upload confirmed",
        },
    )


def list_files(state: State, request: Request, _parameters: Parameters) -> Answer:
    """Return a page of files, newest first."""
    limit = min(integer_in_query(request, "limit", 50), _MAX_PAGE_SIZE)
    offset = integer_in_query(request, "offset", 0)
    files = sorted(state.files.by_id.values(), key=lambda file: -file.file_id)
    return json_answer(
        200,
        {
            "files": [_metadata(file) for file in files[offset : offset + limit]],
            "total": len(files),
            "limit": limit,
            "offset": offset,
        },
    )


def get_file_metadata(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Return the metadata of a file."""
    return json_answer(200, _metadata(_file(state, parameters)))


def get_file_download_url(state: State, request: Request, parameters: Parameters) -> Answer:
    """Return a presigned URL for a download."""
    file = _file(state, parameters)
    if file.upload_status != "completed":
        raise RefusedError(400, "File upload is not completed")
    lifetime = min(integer_in_query(request, "expires_in", state.url_lifetime), _MAX_LIFETIME)
    return json_answer(
        200,
        {
            "download_url": presigned_file(state, file, "GET", lifetime),
            "expires_in": lifetime,
            "file_id": file.file_id,
            "original_filename": file.filename,
        },
    )


def delete_file(state: State, _request: Request, parameters: Parameters) -> Answer:
    """Delete a file and its bytes."""
    file = _file(state, parameters)
    del state.files.by_id[file.file_id]
    return json_answer(200, {"success": True, "message": f"File {file.file_id} deleted"})


FILE_ROUTES: Final = (
    Route("POST", "/api/v1/files/upload", request_upload_url),
    Route("GET", "/api/v1/files", list_files),
    Route("GET", "/api/v1/files/{file_id_or_hashid}/confirm", confirm_upload),
    Route("GET", "/api/v1/files/{file_id}/download", get_file_download_url),
    Route("GET", "/api/v1/files/{file_id}", get_file_metadata),
    Route("DELETE", "/api/v1/files/{file_id}", delete_file),
)


def _metadata(file: StoredFile) -> dict[str, JSON]:
    return {
        "file_id": file.file_id,
        "original_filename": file.filename,
        "content_type": file.content_type,
        "reference": file.reference,
        "upload_status": file.upload_status,
        "file_size": None if file.body is None else len(file.body),
        "created": file.created_at.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def _file(state: State, parameters: Parameters) -> StoredFile:
    name = parameters["file_id"]
    if not state.files.hashids:
        name = str(integer(("path", "file_id"), name))
    return _find(state, name)


def _find(state: State, name: str) -> StoredFile:
    file = state.files.find(name)
    if file is None:
        raise RefusedError(404, f"File {name} not found")
    return file
