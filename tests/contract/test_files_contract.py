"""Each operation on files, as the vendored spec has it, through both clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import respx

from datalab_facade import (
    NotFoundError,
    OverloadedError,
    UnprocessableEntityError,
    UploadError,
    ValidationIssue,
)
from tests.secrets_for_tests import presigned
from tests.ways import Way

FILES = "/api/v1/files"
METADATA: dict[str, Any] = {
    "file_id": 123,
    "original_filename": "report.pdf",
    "content_type": "application/pdf",
    "reference": "datalab://file-abc123",
    "upload_status": "completed",
    "file_size": 8,
    "created": "2025-10-22T10:00:00",
}
TICKET = {
    "file_id": 123,
    "upload_url": presigned("report.pdf"),
    "expires_in": 3600,
    "reference": "datalab://file-abc123",
}
CONFIRMATION = {
    "success": True,
    "file_id": 123,
    "reference": "datalab://file-abc123",
    "message": "confirmed",
}
LINK = {
    "download_url": presigned("report.pdf"),
    "expires_in": 60,
    "file_id": 123,
    "original_filename": "report.pdf",
}
ISSUE = {"loc": ["path", "file_id"], "msg": "Input should be a valid integer", "type": "int"}
PDF = b"%PDF-1.7"


@pytest.fixture
def storage() -> Iterator[respx.MockRouter]:
    """Mock the storage, which no spec describes."""
    with respx.mock(base_url="https://storage.example", assert_all_called=True) as router:
        yield router


@pytest.fixture
def call(way: Way) -> Callable[..., Any]:
    """Give a way to call a method of ``client.files``."""
    client = way.network_client(max_retries=0)

    def call(method: str, *args: Any, **options: Any) -> Any:
        result = getattr(client.files, method)(*args, **options)
        return way.collect(result) if method == "list" else way.done(result)

    return call


def test_an_upload_is_asked_for_sent_and_confirmed(
    api: respx.MockRouter, storage: respx.MockRouter, call: Any
) -> None:
    asked = api.post(f"{FILES}/upload").respond(200, json=TICKET)
    sent = storage.put("/report.pdf").respond(200)
    api.get(f"{FILES}/123/confirm").respond(200, json=CONFIRMATION)
    file = call("upload", PDF, name="report.pdf")
    assert (file.id, file.reference, file.is_uploaded) == (123, "datalab://file-abc123", True)
    assert b'"filename":"report.pdf"' in asked.calls[0].request.content.replace(b": ", b":")
    request = sent.calls[0].request
    assert str(request.url) == presigned("report.pdf")
    assert request.content == PDF
    assert request.headers["content-type"] == "application/pdf"
    assert request.headers["content-length"] == "8"
    assert "x-api-key" not in request.headers


def test_a_confirmation_without_its_default_is_a_success(
    api: respx.MockRouter, storage: respx.MockRouter, call: Any
) -> None:
    """The spec gives ``success`` a default, so it may be left out."""
    api.post(f"{FILES}/upload").respond(200, json=TICKET)
    storage.put("/report.pdf").respond(200)
    body = {name: value for name, value in CONFIRMATION.items() if name != "success"}
    api.get(f"{FILES}/123/confirm").respond(200, json=body)
    assert call("upload", PDF, name="report.pdf").is_uploaded


def test_files_are_listed(api: respx.MockRouter, call: Any) -> None:
    page = {"files": [METADATA], "total": 1, "limit": 100, "offset": 0}
    route = api.get(FILES, params={"limit": 100, "offset": 0}).respond(200, json=page)
    [file] = call("list")
    assert (file.filename, file.size) == ("report.pdf", 8)
    assert route.call_count == 1


def test_a_file_is_looked_at(api: respx.MockRouter, call: Any) -> None:
    nothing: dict[str, Any] = {"content_type": None, "file_size": None, "created": None}
    api.get(f"{FILES}/123").respond(200, json={**METADATA, **nothing, "upload_status": "pending"})
    file = call("get", 123)
    assert (file.content_type, file.size, file.created_at) == (None, None, None)
    assert not file.is_uploaded


def test_a_download_url_is_asked_for(api: respx.MockRouter, call: Any) -> None:
    api.get(f"{FILES}/123/download", params={"expires_in": 60}).respond(200, json=LINK)
    link = call("download_url", 123, expires_in=60)
    assert (link.url, link.expires_in, link.filename) == (
        presigned("report.pdf"),
        60,
        "report.pdf",
    )


def test_a_file_is_downloaded(
    api: respx.MockRouter, storage: respx.MockRouter, call: Any, tmp_path: Path
) -> None:
    api.get(f"{FILES}/123/download").respond(200, json=LINK)
    fetched = storage.get("/report.pdf").respond(200, content=PDF)
    assert call("download", 123, tmp_path).read_bytes() == PDF
    assert "x-api-key" not in fetched.calls[0].request.headers


def test_a_file_is_deleted(api: respx.MockRouter, call: Any) -> None:
    api.delete(f"{FILES}/123").respond(200, json={"success": True, "message": "deleted"})
    assert call("delete", 123) is None


@attrs.frozen
class Case:
    """A call, and the request that it makes first."""

    method: str
    path: str
    name: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = attrs.field(factory=dict)


OPERATIONS = [
    Case("POST", f"{FILES}/upload", "upload", (PDF,), {"name": "report.pdf"}),
    Case("GET", FILES, "list"),
    Case("GET", f"{FILES}/123", "get", (123,)),
    Case("GET", f"{FILES}/123/download", "download_url", (123,)),
    Case("DELETE", f"{FILES}/123", "delete", (123,)),
]
each_operation = pytest.mark.parametrize("case", OPERATIONS, ids=[one.name for one in OPERATIONS])


@each_operation
def test_a_422_carries_each_issue_with_its_place(
    api: respx.MockRouter, call: Any, case: Case
) -> None:
    api.request(case.method, case.path).respond(422, json={"detail": [ISSUE]})
    with pytest.raises(UnprocessableEntityError) as caught:
        call(case.name, *case.arguments, **case.options)
    assert caught.value.issues == (
        ValidationIssue(loc=("path", "file_id"), msg="Input should be a valid integer", type="int"),
    )


@each_operation
def test_a_published_error_is_of_its_own_class(
    api: respx.MockRouter, call: Any, case: Case
) -> None:
    api.request(case.method, case.path).respond(529, json={"detail": "OverloadedError"})
    with pytest.raises(OverloadedError):
        call(case.name, *case.arguments, **case.options)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (httpx.Response(422, json={"detail": [ISSUE]}), UnprocessableEntityError),
        (httpx.Response(404, json={"detail": "File not found"}), NotFoundError),
    ],
)
def test_a_confirmation_that_is_refused_carries_its_cause(
    api: respx.MockRouter,
    storage: respx.MockRouter,
    call: Any,
    answer: httpx.Response,
    cause: type[Exception],
) -> None:
    api.post(f"{FILES}/upload").respond(200, json=TICKET)
    storage.put("/report.pdf").respond(200)
    api.get(f"{FILES}/123/confirm").mock(return_value=answer)
    with pytest.raises(UploadError) as caught:
        call("upload", PDF, name="report.pdf")
    assert (caught.value.reason, caught.value.status) == ("unconfirmed", answer.status_code)
    assert isinstance(caught.value.__cause__, cause)
