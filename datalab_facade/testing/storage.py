"""The object storage: presigned URLs, whole objects and byte ranges."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

import attrs

from datalab_facade.testing.document_bodies import encode_result
from datalab_facade.testing.execution_bodies import stored_output
from datalab_facade.testing.files import StoredFile
from datalab_facade.testing.headers import Headers, HeadersLike
from datalab_facade.testing.messages import Answer, Request
from datalab_facade.testing.routing import NoMatch, Parameters, Route, find_route
from datalab_facade.testing.state import State


def presigned_output(state: State, execution_id: int, step: str, file_key: str) -> str:
    """Return a presigned URL of an output."""
    names = (state.bucket, "executions", str(execution_id), step, f"{file_key}.json")
    path = "".join(f"/{quote(name, safe='')}" for name in names)
    query = state.signer.sign("GET", path, state.clock.now(), state.url_lifetime)
    return f"{state.storage_origin}{path}?{query}"


def presigned_file(state: State, file: StoredFile, method: str, lifetime: int) -> str:
    """Return a presigned URL of a file, for a download or an upload."""
    path = f"/{quote(state.bucket, safe='')}/files/{file.hashid}/{quote(file.filename, safe='')}"
    kind = file.content_type if method == "PUT" else None
    query = state.signer.sign(method, path, state.clock.now(), lifetime, kind)
    return f"{state.storage_origin}{path}?{query}"


def presigned_result(state: State, request_id: str) -> tuple[str, int]:
    """Return a presigned URL of a document's result, and the seconds for which it is valid."""
    path = f"/{quote(state.bucket, safe='')}/results/{request_id}.json"
    query = state.signer.sign("GET", path, state.clock.now(), state.url_lifetime)
    return f"{state.storage_origin}{path}?{query}", state.url_lifetime


def get_output(state: State, request: Request, parameters: Parameters) -> Answer:
    """Return an output, or a byte range of it."""
    execution = state.execution(int(parameters["execution_id"]))
    file_key = parameters["file"].removesuffix(".json")
    if execution is None:
        return _no_such_key()
    age = execution.age(state.clock)
    output = stored_output(execution.script, parameters["step"], file_key, age)
    if output is None:
        return _no_such_key()
    stored = execution.created + timedelta(seconds=output.age)
    return _stored_answer(request, output.body, output.content_type, stored)


def get_result(state: State, request: Request, parameters: Parameters) -> Answer:
    """Return a document's result, or a byte range of it."""
    stored = state.documents.by_id.get(parameters["file"].removesuffix(".json"))
    since_end = None if stored is None else stored.since_end(state.clock)
    if stored is None or since_end is None or not stored.is_visible(state.clock):
        return _no_such_key()
    body = encode_result(stored, since_end)
    ended_at = state.clock.now() - timedelta(seconds=since_end)
    return _stored_answer(request, body, "application/json", ended_at)


def get_file(state: State, request: Request, parameters: Parameters) -> Answer:
    """Return a file, or a byte range of it."""
    file = state.files.find(parameters["hashid"])
    if file is None or file.body is None:
        return _no_such_key()
    return _stored_answer(request, file.body, file.content_type, file.created_at)


def put_file(state: State, request: Request, parameters: Parameters) -> Answer:
    """Store the bytes of a file, in place of older ones."""
    file = state.files.find(parameters["hashid"])
    if file is None:
        return _no_such_key()
    if "content-length" not in request.headers:
        message = "You must provide the Content-Length HTTP header."
        return xml_error(411, "MissingContentLength", message)
    state.files.keep(attrs.evolve(file, body=request.body))
    return Answer(200, {"ETag": _etag(request.body)})


ROUTES: Final = (
    Route("GET", "/{bucket}/executions/{execution_id}/{step}/{file}", get_output),
    Route("GET", "/{bucket}/results/{file}", get_result),
    Route("GET", "/{bucket}/files/{hashid}/{name}", get_file),
    Route("PUT", "/{bucket}/files/{hashid}/{name}", put_file),
)


def answer_storage(state: State, request: Request) -> Answer:
    """Answer a storage request: check route and signature, then call the endpoint."""
    match = find_route(ROUTES, request)
    if isinstance(match, NoMatch):
        if match.allowed:
            message = "The specified method is not allowed against this resource."
            allowed = {"Allow": ", ".join(match.allowed)}
            return xml_error(405, "MethodNotAllowed", message, allowed)
        return _no_such_key()
    if "authorization" in request.headers:
        message = "Only one auth mechanism allowed"
        return xml_error(400, "InvalidArgument", message)
    refusal = state.signer.check(
        request.method,
        request.path,
        request.query,
        state.clock.now(),
        request.headers.get("content-type"),
    )
    if refusal is not None:
        return xml_error(403, refusal.code, refusal.message)
    return match.route.endpoint(state, request, match.parameters)


def _no_such_key() -> Answer:
    return xml_error(404, "NoSuchKey", "The specified key does not exist.")


def xml_error(status: int, code: str, message: str, headers: HeadersLike = ()) -> Answer:
    """Make an error answer in S3's format."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    kind = Headers({"Content-Type": "application/xml"})
    return Answer(status, kind.plus(headers), body.encode())


@attrs.frozen
class _Range:
    """The bytes from ``start`` up to, not including, ``stop``."""

    start: int
    stop: int


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _stored_answer(request: Request, body: bytes, content_type: str, stored: datetime) -> Answer:
    return _object_answer(
        request,
        body,
        {
            "Content-Type": content_type,
            "ETag": _etag(body),
            "Last-Modified": format_datetime(stored.replace(microsecond=0), usegmt=True),
            "Accept-Ranges": "bytes",
        },
    )


def _object_answer(request: Request, body: bytes, headers: dict[str, str]) -> Answer:
    byte_range = _parse_range(request, len(body), headers)
    if byte_range is None:
        return Answer(200, headers, body)
    if byte_range.start >= byte_range.stop:
        message = "The requested range is not satisfiable"
        return xml_error(416, "InvalidRange", message, {"Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {byte_range.start}-{byte_range.stop - 1}/{len(body)}"
    return Answer(206, headers, body[byte_range.start : byte_range.stop])


def _parse_range(request: Request, length: int, headers: dict[str, str]) -> _Range | None:
    """Parse the byte range of a request, perhaps empty; ``None``: the whole object."""
    condition = request.headers.get("if-range")
    if condition is not None and condition not in (headers["ETag"], headers["Last-Modified"]):
        return None
    match = re.fullmatch(
        r"bytes=([0-9]{0,18})-([0-9]{0,18})", request.headers.get("range", "").strip()
    )
    if match is None:
        return None
    first, last = match.groups()
    if first:
        stop = min(int(last) + 1, length) if last else length
        backwards = last != "" and int(last) < int(first)
        return None if backwards else _Range(int(first), stop)
    return _Range(max(0, length - int(last)), length) if last else None
