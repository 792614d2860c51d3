"""The simulated files: created, uploaded, confirmed, listed, fetched and deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datalab_facade.testing import (
    Answer,
    Fault,
    Request,
    Simulator,
    VirtualClock,
    WorkflowBehavior,
)

FILES = "/api/v1/files"
PDF = b"%PDF-1.7 and so on"


def call(simulator: Simulator, method: str, path: str, body: Any = None) -> Answer:
    """Call the API with the key."""
    path, _, query = path.partition("?")
    sent = b"" if body is None else json.dumps(body).encode()
    headers = {"X-API-Key": simulator.api_key}
    return simulator.handle(Request("api", method, path, query, headers, sent))


def json_of(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def store(
    simulator: Simulator, url: str, body: bytes = b"", method: str = "PUT", **headers: str
) -> Answer:
    """Call the storage; underscores in header names are hyphens."""
    path, _, query = url.removeprefix(simulator.storage_origin).partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if method == "PUT":
        named.setdefault("Content-Length", str(len(body)))
        named.setdefault("Content-Type", "application/pdf")
    return simulator.handle(Request("storage", method, path, query, named, body))


def request_upload(simulator: Simulator) -> Any:
    fields = {"filename": "Q3 report.pdf", "content_type": "application/pdf"}
    return json_of(call(simulator, "POST", f"{FILES}/upload", fields))


def test_what_is_uploaded_can_be_downloaded(simulator: Simulator) -> None:
    upload = request_upload(simulator)
    assert upload["expires_in"] == 3600
    assert simulator.files[upload["file_id"]].upload_status == "pending"
    assert store(simulator, upload["upload_url"], PDF).status == 200
    confirmed = json_of(call(simulator, "GET", f"{FILES}/{upload['file_id']}/confirm"))
    assert confirmed["success"] is True
    assert confirmed["reference"] == upload["reference"]
    link = json_of(call(simulator, "GET", f"{FILES}/{upload['file_id']}/download?expires_in=60"))
    assert (link["expires_in"], link["original_filename"]) == (60, "Q3 report.pdf")
    fetched = store(simulator, link["download_url"], method="GET")
    assert (fetched.body, fetched.headers["content-type"]) == (PDF, "application/pdf")


def test_the_metadata_is_that_of_the_documentation(simulator: Simulator) -> None:
    file_id = simulator.files.add("scan.png", b"12345", "image/png")
    assert json_of(call(simulator, "GET", f"{FILES}/{file_id}")) == {
        "file_id": file_id,
        "original_filename": "scan.png",
        "content_type": "image/png",
        "reference": f"datalab://file-{simulator.files[file_id].hashid}",
        "upload_status": "completed",
        "file_size": 5,
        "created": "2025-10-22T10:00:00",
    }


def test_an_upload_is_confirmed_only_when_the_bytes_are_there(simulator: Simulator) -> None:
    """And may be confirmed again, by id and by hashid."""
    upload = request_upload(simulator)
    by_id = f"{FILES}/{upload['file_id']}/confirm"
    assert call(simulator, "GET", by_id).status == 400
    assert call(simulator, "GET", f"{FILES}/{upload['file_id']}/download").status == 400
    store(simulator, upload["upload_url"], PDF)
    by_hashid = f"{FILES}/{simulator.files[upload['file_id']].hashid}/confirm"
    assert json_of(call(simulator, "GET", by_hashid)) == json_of(call(simulator, "GET", by_id))


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"content_type": "application/pdf"}, ["body", "filename"]),
        ({"filename": "a.pdf", "content_type": 7}, ["body", "content_type"]),
        (["a.pdf"], ["body"]),
        (None, ["body"]),
    ],
)
def test_a_request_for_an_upload_that_lacks_something_is_422(
    simulator: Simulator, body: Any, place: list[str]
) -> None:
    answer = call(simulator, "POST", f"{FILES}/upload", body)
    assert answer.status == 422
    assert json.loads(answer.body)["detail"][0]["loc"] == place
    assert len(simulator.files) == 0


def test_storage_takes_only_what_the_url_was_signed_for(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """That method, that type, that path, with a length, and not forever."""
    url = request_upload(simulator)["upload_url"]
    assert store(simulator, url, PDF, Content_Type="image/png").status == 403
    assert store(simulator, url, method="GET").status == 403
    assert store(simulator, url.replace("report", "export"), PDF).status == 403
    assert store(simulator, url, PDF, Authorization="Bearer x").status == 400
    path, _, query = url.removeprefix(simulator.storage_origin).partition("?")
    chunked = {"Content-Type": "application/pdf", "Transfer-Encoding": "chunked"}
    assert simulator.handle(Request("storage", "PUT", path, query, chunked, PDF)).status == 411
    clock.advance(3600)
    assert store(simulator, url, PDF).status == 403
    assert simulator.files[1].body is None


@pytest.mark.parametrize(
    "spelled",
    [
        lambda query: query.replace("%3B", ";").replace("%2F", "/"),
        lambda query: "&".join(sorted(query.split("&"), reverse=True)),
    ],
)
def test_a_signed_url_may_be_spelled_in_another_way(simulator: Simulator, spelled: Any) -> None:
    """As clients do on the way; what it says must be the same."""
    path, _, query = request_upload(simulator)["upload_url"].partition("?")
    changed = spelled(query)
    assert changed != query
    assert store(simulator, f"{path}?{changed}", PDF).status == 200
    assert store(simulator, f"{path}?{changed}".replace("3600", "3601"), PDF).status == 403


def test_a_name_or_a_range_of_thousands_of_digits_is_none(simulator: Simulator) -> None:
    file_id = simulator.files.add("a.pdf", PDF)
    digits = "9" * 5000
    assert call(simulator, "GET", f"{FILES}/{digits}").status == 404
    assert call(simulator, "GET", f"{FILES}?limit={digits}").status == 422
    url = json_of(call(simulator, "GET", f"{FILES}/{file_id}/download"))["download_url"]
    assert store(simulator, url, method="GET", Range=f"bytes={digits}-").body == PDF


def test_a_list_is_the_newest_first_in_pages(simulator: Simulator) -> None:
    for number in range(5):
        simulator.files.add(f"{number}.pdf", PDF)
    page = json_of(call(simulator, "GET", f"{FILES}?limit=2&offset=1"))
    assert [file["original_filename"] for file in page["files"]] == ["3.pdf", "2.pdf"]
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 1)
    assert json_of(call(simulator, "GET", f"{FILES}?limit=1000"))["limit"] == 100
    assert json_of(call(simulator, "GET", FILES))["limit"] == 50
    assert call(simulator, "GET", f"{FILES}?limit=many").status == 422
    assert call(simulator, "GET", f"{FILES}?offset=-1").status == 422


def test_a_deleted_file_is_gone(simulator: Simulator) -> None:
    """From the API and from the storage."""
    file_id = simulator.files.add("a.pdf", PDF)
    url = json_of(call(simulator, "GET", f"{FILES}/{file_id}/download"))["download_url"]
    assert json_of(call(simulator, "DELETE", f"{FILES}/{file_id}"))["success"] is True
    assert store(simulator, url, method="GET").status == 404
    for method, path in (("GET", ""), ("GET", "/confirm"), ("GET", "/download"), ("DELETE", "")):
        assert call(simulator, method, f"{FILES}/{file_id}{path}").status == 404
    assert file_id not in simulator.files


def test_whether_a_hashid_will_do_for_an_integer_can_be_decided(simulator: Simulator) -> None:
    """The spec says no, the documentation of the official client says yes."""
    file_id = simulator.files.add("a.pdf", PDF)
    path = f"{FILES}/{simulator.files[file_id].hashid}"
    assert json_of(call(simulator, "GET", path))["file_id"] == file_id
    simulator.files.hashids = False
    assert call(simulator, "GET", path).status == 422
    assert json_of(call(simulator, "GET", f"{path}/confirm"))["file_id"] == file_id


def test_faults_meet_uploads_too(simulator: Simulator) -> None:
    """A status stands for a storage that never took the bytes in."""
    upload = request_upload(simulator)
    simulator.inject(Fault.status(503), origin="storage")
    assert store(simulator, upload["upload_url"], PDF).status == 503
    assert simulator.files[upload["file_id"]].body is None


def test_tests_can_add_look_and_remove(simulator: Simulator) -> None:
    file_id = simulator.files.add("a.pdf", PDF)
    assert list(simulator.files) == [file_id]
    assert simulator.files[file_id].body == PDF
    assert "PDF-1.7" not in repr(simulator.files)
    simulator.files.remove(file_id)
    assert len(simulator.files) == 0


def test_how_the_embedded_datalab_behaves_can_be_read_as_well_as_said() -> None:
    simulator = Simulator(VirtualClock())
    assert simulator.files.hashids
    simulator.files.hashids = False
    assert not simulator.files.hashids
    simulator.workflows.team_id = 7
    assert simulator.workflows.team_id == 7
    behavior = WorkflowBehavior(shape="flat")
    simulator.workflows.behavior = behavior
    assert simulator.workflows.behavior == behavior
