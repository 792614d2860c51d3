"""The simulator plays document requests: what was sent, what a script says, and when."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade.testing import (
    Answer,
    DocumentScript,
    Fault,
    Request,
    Simulator,
    SimulatorTransport,
    StoredDocumentRequest,
    VirtualClock,
    documents_api,
)
from datalab_facade.testing.document_samples import fit_schema, segment_names
from datalab_facade.testing.headers import HeadersLike

PDF = {"file": ("scans/report.v2.pdf", b"%PDF-1.7", "application/pdf")}
SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
    },
}


class Caller:
    """Sends requests, and lets time pass."""

    def __init__(self, simulator: Simulator, clock: VirtualClock, http: httpx.Client) -> None:
        self.simulator, self.clock, self.http = simulator, clock, http

    def post(self, endpoint: str, data: Any = None, files: Any = PDF) -> httpx.Response:
        return self.http.post(f"/api/v1/{endpoint}", data=data, files=files)

    def submit(self, endpoint: str = "convert", **data: Any) -> str:
        """Submit; return the address of the result."""
        answer = self.post(endpoint, data, None if "file_url" in data else PDF)
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["request_check_url"]
        return url

    def poll(self, url: str) -> dict[str, Any]:
        answer = self.http.get(url)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def fetch(self, url: str, headers: HeadersLike = ()) -> Answer:
        """Fetch from storage; httpx would log the signature."""
        path, _, query = url.removeprefix(self.simulator.storage_origin).partition("?")
        return self.simulator.handle(Request("storage", "GET", path, query, headers))

    def result(self, endpoint: str = "convert", **data: Any) -> dict[str, Any]:
        url = self.submit(endpoint, **data)
        self.clock.advance(3)
        return self.poll(url)


@pytest.fixture
def caller(simulator: Simulator, clock: VirtualClock) -> Iterator[Caller]:
    with httpx.Client(
        transport=SimulatorTransport(simulator),
        base_url=simulator.api_origin,
        headers={"X-API-Key": simulator.api_key},
    ) as http:
        yield Caller(simulator, clock, http)


def test_a_conversion_takes_three_seconds(caller: Caller) -> None:
    url = caller.submit()
    assert [caller.poll(url)["status"], caller.poll(url)["success"]] == ["processing", None]
    caller.clock.advance(2.9)
    assert caller.poll(url)["markdown"] is None
    caller.clock.advance(0.1)
    done = caller.poll(url)
    assert done["markdown"] == "# scans/report.v2.pdf\n\nPage 0."
    assert (done["success"], done["error"], done["page_count"]) == (True, "", 1)
    assert (done["total_cost"], done["runtime"], done["parse_quality_score"]) == (1, 3.0, 5.0)


def test_a_script_says_what_the_next_requests_do(caller: Caller) -> None:
    caller.simulator.documents.script(
        DocumentScript(seconds=10, markdown="first"), DocumentScript(markdown="second")
    )
    first, second, third = (caller.submit() for _ in range(3))
    caller.clock.advance(3)
    assert caller.poll(first)["status"] == "processing"
    assert [caller.poll(url)["markdown"] for url in (second, third)] == [
        "second",
        "# scans/report.v2.pdf\n\nPage 0.",
    ]
    caller.clock.advance(7)
    assert caller.poll(first)["markdown"] == "first"


def test_a_script_is_for_an_endpoint_if_it_says_so(caller: Caller) -> None:
    documents = caller.simulator.documents
    documents.script_always(DocumentScript(error="always"))
    documents.script_always(DocumentScript(error="no tables"), endpoint="track-changes")
    documents.script(DocumentScript(error="no pages"), endpoint="fill")
    assert caller.result()["error"] == "always"
    assert caller.result("track-changes")["error"] == "no tables"
    assert [caller.result("fill", field_data="{}")["error"] for _ in range(2)] == [
        "no pages",
        "always",
    ]


def test_a_function_may_select_the_script(caller: Caller) -> None:
    def select(request: StoredDocumentRequest) -> DocumentScript | None:
        if request.fields.get("mode") != "accurate":
            return None
        assert request.file is not None
        return DocumentScript(markdown=f"{request.file.filename}: {request.file.body.decode()}")

    caller.simulator.documents.script_with(select)
    assert caller.result(mode="accurate")["markdown"] == "scans/report.v2.pdf: %PDF-1.7"
    assert caller.result(mode="fast")["markdown"].startswith("# scans")


def test_what_was_sent_is_there_to_be_checked(caller: Caller) -> None:
    caller.submit(mode="fast", max_pages=3, unheard_of="x", webhook_url="")
    [request] = caller.simulator.documents.values()
    assert request.endpoint == "convert"
    assert request.fields == {"mode": "fast", "max_pages": "3"}
    assert request.file is not None
    assert request.file.content_type == "application/pdf"
    assert [request.request_id] == list(caller.simulator.documents)
    assert len(request.request_id) == 22


def test_a_request_may_be_there_that_nobody_sent(caller: Caller) -> None:
    script = DocumentScript(markdown="of yesterday")
    request_id = caller.simulator.documents.start(script, fields={"output_format": "markdown"})
    caller.clock.advance(3)
    assert caller.poll(f"/api/v1/convert/{request_id}")["markdown"] == "of yesterday"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {"markdown"}),
        ({"output_format": "html"}, {"html"}),
        ({"output_format": "json,chunks , markdown"}, {"json", "chunks", "markdown"}),
    ],
)
def test_only_the_formats_that_were_asked_for_come(
    caller: Caller, asked: dict[str, str], expected: set[str]
) -> None:
    done = caller.result(**asked)
    formats = ("markdown", "html", "json", "chunks")
    assert {name for name in formats if done[name] is not None} == expected


def test_of_a_repeated_field_only_the_last_one_counts(caller: Caller) -> None:
    assert caller.result(output_format=["markdown", "html"])["markdown"] is None


def test_tracked_changes_come_in_three_formats(caller: Caller) -> None:
    done = caller.result("track-changes")
    assert done["output_format"] == "markdown,html,chunks"
    assert None not in (done["markdown"], done["html"], done["chunks"])
    assert done["json"] is None


@pytest.mark.parametrize(
    ("asked", "pages"),
    [
        ({}, [0, 1, 2, 3]),
        ({"max_pages": 2}, [0, 1]),
        ({"max_pages": 9}, [0, 1, 2, 3]),
        ({"page_range": "1,3-9"}, [1, 3]),
        ({"page_range": "0", "max_pages": 3}, [0]),
        ({"page_range": "7"}, []),
    ],
)
def test_pages_are_selected_and_count_from_zero(
    caller: Caller, asked: dict[str, Any], pages: list[int]
) -> None:
    caller.simulator.documents.script(DocumentScript(pages=4))
    done = caller.result(output_format="chunks", **asked)
    assert [one["page_id"] for one in done["metadata"]["page_stats"]] == pages
    assert [one["page"] for one in done["chunks"]["blocks"]] == pages
    assert (done["page_count"], done["total_cost"]) == (len(pages), len(pages))


def test_pages_are_told_apart_if_asked_for(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(pages=2))
    text = caller.result(paginate=True)["markdown"]
    assert text.split("\n\n")[1::2][0] == "{0}" + "-" * 48
    assert "\n\n{1}" + "-" * 48 + "\n\nPage 1." in text


def test_images_come_by_name_unless_they_are_not_wanted(caller: Caller) -> None:
    script = DocumentScript(markdown="![](a.png)", images={"a.png": b"\x89PNG"})
    caller.simulator.documents.script_always(script)
    assert caller.result()["images"] == {"a.png": base64.b64encode(b"\x89PNG").decode()}
    assert caller.result(disable_image_extraction=True)["images"] == {}


def test_an_extraction_fits_the_schema_that_was_sent(caller: Caller) -> None:
    done = caller.result("extract", page_schema=json.dumps(SCHEMA), extraction_mode="turbo")
    data = json.loads(done["extraction_schema_json"])
    assert data["total"] == 1.5
    assert data["items"][0]["name"] == "Sample name"
    assert data["total_citations"] == data["items"][0]["name_citations"] == ["/page/0/Text/0"]
    assert set(data) == {"total", "total_citations", "items", "items_citations"}
    assert done["extraction_mode"] == "turbo"


def test_an_extraction_fits_the_schema_that_is_stored(caller: Caller) -> None:
    made = {"name": "Bills", "schema_json": SCHEMA}
    stored = caller.http.post("/api/v1/extraction_schemas", json=made).json()
    newer = {"properties": {"date": {"type": "string"}}}
    changed = caller.http.put(
        f"/api/v1/extraction_schemas/{stored['schema_id']}",
        json={"schema_json": newer, "create_new_version": True},
    ).json()
    assert changed["version"] == 2
    for version, name in (({}, "date"), ({"schema_version": 1}, "total")):
        done = caller.result("extract", schema_id=stored["schema_id"], **version)
        assert name in json.loads(done["extraction_schema_json"])


def test_an_extraction_is_what_a_script_says(caller: Caller) -> None:
    """A name that looks like a citation and is a field stays a field."""
    script = DocumentScript(extraction={"x": 1, "x_citations": "mine"})
    caller.simulator.documents.script(script)
    done = caller.result("extract", schema_id="sch_1", extraction_mode="turbo")
    data = json.loads(done["extraction_schema_json"])
    assert (data["x"], data["x_citations"]) == (1, "mine")


def test_a_verified_extraction_says_how_it_was_verified(caller: Caller) -> None:
    done = caller.result("extract", page_schema=json.dumps(SCHEMA))
    assert done["extraction_mode"] == "balanced"
    assert json.loads(done["extraction_schema_json"])["total_meta"]["extraction_status"] == (
        "EXTRACTED"
    )


@pytest.mark.parametrize(
    ("asked", "script", "after"),
    [
        ({"extraction_mode": "fast"}, DocumentScript(), 20),
        ({"extraction_mode": "fast"}, DocumentScript(scores_after=5), 5),
        ({"include_scores": "true"}, DocumentScript(), 0),
        ({}, DocumentScript(scores_after=1), 1),
        ({}, DocumentScript(), None),
    ],
)
def test_scores_come_late(
    caller: Caller, asked: dict[str, Any], script: DocumentScript, after: int | None
) -> None:
    caller.simulator.documents.script(script)
    url = caller.submit("extract", page_schema=json.dumps(SCHEMA), **asked)
    caller.clock.advance(3)
    for second in range(30):
        done = caller.poll(url)
        data = json.loads(done["extraction_schema_json"])
        scored = after is not None and second >= after
        assert ("total_score" in data) is scored
        assert (done["extraction_score_average"] is not None) is scored
        caller.clock.advance(1)


def test_the_cost_may_come_late(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(cost_cents=7, cost_after=5))
    url = caller.submit()
    caller.clock.advance(3)
    assert (caller.poll(url)["total_cost"], caller.poll(url)["cost_breakdown"]) == (None, None)
    caller.clock.advance(5)
    assert caller.poll(url)["total_cost"] == 7
    assert caller.poll(url)["cost_breakdown"] == {"final_cost_cents": 7.0}


@pytest.mark.parametrize(
    "schema",
    [
        {"segments": [{"name": "Invoice", "description": "one"}, {"name": "Letter"}]},
        {"sections": ["Invoice", "Letter"]},
        {"type": "object", "properties": {"Invoice": {}, "Letter": {}}},
        {"Invoice": "one", "Letter": "another"},
    ],
)
def test_segments_have_the_names_of_their_schema(caller: Caller, schema: Any) -> None:
    caller.simulator.documents.script(DocumentScript(pages=3))
    done = caller.result("segment", segmentation_schema=json.dumps(schema))
    assert done["segmentation_results"]["segments"] == [
        {"name": "Invoice", "pages": [0, 2], "confidence": "high"},
        {"name": "Letter", "pages": [1], "confidence": "high"},
    ]
    assert done["segmentation_results"]["metadata"]["total_pages"] == 3


def test_segments_are_what_a_script_says(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(segments={"A": [0], "B": (1, 2)}))
    done = caller.result("segment", segmentation_schema='{"segments": []}')
    assert [one["pages"] for one in done["segmentation_results"]["segments"]] == [[0], [1, 2]]


def test_without_names_a_document_is_one_segment(caller: Caller) -> None:
    done = caller.result("segment", segmentation_schema='{"segments": []}')
    assert [one["name"] for one in done["segmentation_results"]["segments"]] == ["Document"]


def test_a_form_is_filled_as_far_as_its_fields_are_found(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(not_found=["fax"]))
    fields = {"name": {"value": "Jane"}, "fax": {"value": "1"}}
    done = caller.result("fill", field_data=json.dumps(fields))
    assert (done["fields_filled"], done["fields_not_found"]) == (["name"], ["fax"])
    assert base64.b64decode(done["output_base64"]) == b"%PDF-1.7"
    assert done["output_format"] == "pdf"


def test_a_filled_picture_is_a_picture(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(output=b"\x89PNG..."))
    done = caller.result("fill", field_data="{}", file_url="https://files.example/form.png")
    assert done["output_format"] == "png"


def test_a_created_document_holds_its_text(caller: Caller) -> None:
    answer = caller.http.post("/api/v1/create-document", json={"markdown": "a < b\n\x01second"})
    caller.clock.advance(3)
    done = caller.poll(answer.json()["request_check_url"])
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(done["output_base64"]))) as archive:
        text = archive.read("word/document.xml").decode()
    assert "a &lt; b</w:t>" in text
    assert ">second</w:t>" in text


def test_a_created_document_is_what_a_script_says(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(output=b"PK made before"))
    answer = caller.http.post("/api/v1/create-document", json={"markdown": "# A"})
    caller.clock.advance(3)
    done = caller.poll(answer.json()["request_check_url"])
    assert base64.b64decode(done["output_base64"]) == b"PK made before"


def test_an_agent_answers_what_a_script_says(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(extra={"found": [1, 2]}))
    done = caller.result("agent", processor="cp_1")
    assert done == {"status": "complete", "success": True, "error": "", "found": [1, 2]}


def test_a_checkpoint_is_a_document_of_later_requests(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(pages=3))
    checkpoint = caller.result(save_checkpoint=True)["checkpoint_id"]
    data = {"checkpoint_id": checkpoint, "page_schema": json.dumps(SCHEMA)}
    extracted = caller.post("extract", data, files=None).json()["request_check_url"]
    suggested = caller.http.post(
        "/api/v1/marker/extraction/gen_schemas", json={"checkpoint_id": checkpoint}
    ).json()["request_check_url"]
    caller.clock.advance(3)
    assert caller.poll(extracted)["page_count"] == 3
    suggestions = caller.poll(suggested)["suggestions"]
    assert "properties" in json.loads(suggestions["simple_schema"])
    assert caller.result()["checkpoint_id"] is None


@pytest.mark.parametrize("status", ["complete", "failed", "error", "expired"])
def test_a_failure_says_so_in_success_and_not_only_in_its_status(
    caller: Caller, status: str
) -> None:
    caller.simulator.documents.script(DocumentScript(error="no pages", status=status))
    done = caller.result()
    assert (done["status"], done["success"], done["error"]) == (status, False, "no pages")
    assert (done["markdown"], done["total_cost"]) == (None, None)


def test_a_status_that_means_no_success_is_a_failure_without_a_reason_too(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(status="expired"))
    assert caller.result()["success"] is False


def test_an_unknown_status_may_come_first(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(status_before="warming_up"))
    assert caller.poll(caller.submit())["status"] == "warming_up"


def test_a_request_may_never_end_and_be_known_late(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(seconds=None, visible_after=1))
    url = caller.submit()
    assert caller.http.get(url).status_code == 404
    caller.clock.advance(1e6)
    assert caller.poll(url)["status"] == "processing"


@pytest.mark.parametrize("via_url", [False, True])
def test_a_result_is_deleted_an_hour_after_its_end(caller: Caller, via_url: bool) -> None:
    caller.simulator.documents.script(DocumentScript(via_url=via_url))
    url = caller.submit()
    caller.clock.advance(3 + 3599)
    done = caller.poll(url)
    caller.clock.advance(1)
    assert caller.http.get(url).status_code == 404
    if via_url:
        assert caller.fetch(done["result_url"]).status == 404


@pytest.mark.parametrize(
    ("script", "data"),
    [
        (DocumentScript(via_url=True), {}),
        (DocumentScript(), {"processing_location": "eu"}),
    ],
)
def test_a_result_may_be_behind_a_url(
    caller: Caller, script: DocumentScript, data: dict[str, str]
) -> None:
    extra = {"metadata": {"new": 1}}
    file_url = "https://files.example/a.pdf"
    caller.simulator.documents.script(
        DocumentScript(via_url=script.via_url, markdown="text", cost_after=9, extra=extra)
    )
    url = caller.submit(file_url=file_url, **data)
    caller.clock.advance(3)
    done = caller.poll(url)
    assert (done["status"], done["success"], done["markdown"]) == ("complete", True, None)
    assert done["expires_in"] == 3600
    behind = caller.fetch(done["result_url"])
    part = caller.fetch(done["result_url"], {"Range": "bytes=0-4"})
    result = json.loads(behind.body)
    assert (result["markdown"], result["metadata"]) == ("text", {"new": 1})
    assert result["total_cost"] is None
    assert (part.status, part.body) == (206, behind.body[:5])
    caller.clock.advance(9)
    assert caller.poll(url)["total_cost"] == 1


def test_a_failure_is_in_the_answer_itself(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(via_url=True, error="no"))
    assert caller.result()["result_url"] is None


def test_the_url_of_a_result_is_renewed_by_asking_again(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(via_url=True, kept_for=None))
    url = caller.submit()
    caller.clock.advance(3)
    first = caller.poll(url)["result_url"]
    caller.clock.advance(3601)
    assert caller.fetch(first).status == 403
    assert caller.fetch(caller.poll(url)["result_url"]).status == 200


def test_too_many_pages_in_flight_are_told_in_the_result(caller: Caller) -> None:
    caller.simulator.documents.page_limit = 5
    caller.simulator.documents.script_always(DocumentScript(pages=3))
    first = caller.submit()
    refused = caller.poll(caller.submit())
    assert (refused["status"], refused["success"]) == ("complete", False)
    assert refused["error"].startswith(
        "Page rate limit exceeded. Your team has 3 pages in flight and this request adds 3 more "
        "(6 total, limit: 5)."
    )
    caller.clock.advance(3)
    assert caller.poll(first)["success"]
    assert caller.result()["success"]


def test_a_cap_on_costs_refuses_more(caller: Caller) -> None:
    caller.simulator.documents.spend_cap_cents = 2
    assert caller.simulator.documents.spend_cap_cents == 2
    statuses = [caller.post("convert").status_code for _ in range(3)]
    created = caller.http.post("/api/v1/create-document", json={"markdown": ""})
    assert [*statuses, created.status_code] == [200, 200, 402, 402]


def test_all_faults_apply(caller: Caller) -> None:
    url = caller.submit()
    caller.simulator.inject(Fault.status(503), path="/api/v1/convert/")
    caller.simulator.inject(Fault.truncate(5), path="/api/v1/convert")
    assert caller.http.get(url).status_code == 503
    with pytest.raises(httpx.RemoteProtocolError):
        caller.post("convert")
    assert len(caller.simulator.documents) == 2


def test_an_id_belongs_to_its_endpoint(caller: Caller) -> None:
    url = caller.submit()
    assert caller.http.get(url.replace("/convert/", "/extract/")).status_code == 404


def test_ids_go_on_after_a_reset_and_nothing_else_does(caller: Caller) -> None:
    documents = caller.simulator.documents
    documents.script_always(DocumentScript(error="no"))
    documents.page_limit = 0
    before = caller.submit()
    caller.simulator.reset()
    assert not documents
    assert caller.submit() != before
    assert caller.result()["success"]
    assert documents.page_limit == 5000


REFUSED: list[tuple[str, dict[str, Any], Any, int, str]] = [
    ("convert", {}, None, 400, "Exactly one of file or file_url"),
    ("convert", {"file_url": "https://x.example/a"}, PDF, 400, "Exactly one"),
    ("convert", {"file_url": "a.pdf"}, None, 400, "http or https"),
    ("convert", {"file_url": "datalab://file-none"}, None, 400, "not found"),
    ("convert", {"processing_location": "eu"}, PDF, 400, "multipart uploads are rejected"),
    ("convert", {"page_range": "5-1"}, PDF, 400, "Invalid page range"),
    ("convert", {"page_range": "one"}, PDF, 400, "Invalid page range"),
    ("convert", {"additional_config": "{"}, PDF, 400, "additional_config is not valid JSON"),
    ("convert", {}, {"file": ("a.pdf", b"")}, 400, "empty"),
    ("extract", {"checkpoint_id": "none"}, None, 400, "Checkpoint none not found"),
    ("extract", {"page_schema": "[]"}, PDF, 400, "page_schema must be a JSON object"),
    ("extract", {"page_schema": "{}"}, PDF, 400, "must contain a 'properties' key"),
    ("extract", {"page_schema": '{"properties": 1e999}'}, PDF, 400, "not valid JSON"),
    ("extract", {"page_schema": "[" * 100_000}, PDF, 400, "not valid JSON"),
    ("extract", {"page_schema": "{}", "schema_id": "s"}, PDF, 400, "mutually exclusive"),
    ("extract", {"schema_version": "1"}, PDF, 400, "only valid with schema_id"),
    ("segment", {"segmentation_schema": '{"\\ud800": 1}'}, PDF, 400, "not valid JSON"),
    ("segment", {}, PDF, 422, "Field required"),
    ("segment", {"segmentation_schema": ""}, PDF, 422, "Field required"),
    ("fill", {"field_data": "{}", "confidence_threshold": "high"}, PDF, 422, "valid number"),
    ("agent", {}, PDF, 422, "Field required"),
    ("convert", {"max_pages": "1.5"}, PDF, 422, "valid integer"),
    ("convert", {"paginate": "maybe"}, PDF, 422, "valid boolean"),
    ("convert", {"file": "%PDF"}, None, 422, "Expected UploadFile"),
    ("convert", {}, {**PDF, "mode": ("m.txt", b"fast")}, 422, "valid string"),
]


@pytest.mark.parametrize("refused", REFUSED)
def test_what_the_api_refuses_is_refused(caller: Caller, refused: Any) -> None:
    endpoint, data, files, status, words = refused
    answer = caller.post(endpoint, data, files)
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert not caller.simulator.documents


def test_a_broken_form_is_refused(caller: Caller) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = caller.http.post("/api/v1/convert", content=b"--b\r\n", headers=kind)
    assert answer.status_code == 400
    assert "detail" in answer.json()


def test_a_file_that_is_too_large_is_refused(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_api, "MAX_FILE_BYTES", 8)
    assert caller.post("convert").status_code == 200
    answer = caller.post("convert", files={"file": ("a.pdf", b"%PDF-1.7\n")})
    assert answer.status_code == 413
    assert "larger than 200 MB" in answer.text
    assert len(caller.simulator.documents) == 1


def test_a_file_field_that_a_browser_leaves_empty_is_no_file(caller: Caller) -> None:
    body = b"\r\n".join(
        [
            b"--b",
            b'Content-Disposition: form-data; name="file"; filename=""',
            b"",
            b"",
            b"--b",
            b'Content-Disposition: form-data; name="file_url"',
            b"",
            b"https://x.example/a.pdf",
            b"--b--",
            b"",
        ]
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = caller.http.post("/api/v1/convert", content=body, headers=kind)
    assert answer.status_code == 200, answer.text
    [request] = caller.simulator.documents.values()
    assert request.file is None
    assert request.text("file_url") == "https://x.example/a.pdf"


def test_an_uploaded_file_is_a_source(caller: Caller) -> None:
    file_id = caller.simulator.files.add("a.pdf", b"%PDF")
    reference = caller.simulator.files[file_id].reference
    assert caller.result(file_url=reference)["success"]


def test_thumbnails_are_one_picture_for_each_page(caller: Caller) -> None:
    caller.simulator.documents.script(DocumentScript(pages=3))
    request_id = caller.submit().rpartition("/")[2]
    url = f"/api/v1/thumbnails/{request_id}"
    pictures = caller.http.get(url).json()["thumbnails"]
    assert len(pictures) == 3
    assert base64.b64decode(pictures[0]).startswith(b"\xff\xd8\xff")
    assert len(caller.http.get(url, params={"page_range": "1"}).json()["thumbnails"]) == 1
    statuses = [
        caller.http.get(address, params=params).status_code
        for address, params in [
            (url, {"page_range": "x"}),
            (url, {"thumb_width": "x"}),
            (url, {"track_changes": "x"}),
            ("/api/v1/thumbnails/none", {}),
        ]
    ]
    assert statuses == [400, 422, 422, 404]


def test_a_key_can_be_checked(caller: Caller) -> None:
    assert caller.http.get("/api/v1/user_health").json() == {"status": "ok"}
    answer = caller.http.get("/api/v1/user_health", headers={"X-API-Key": "another"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seconds": -1}, "seconds must be a finite number"),
        ({"cost_after": float("nan")}, "cost_after must be"),
        ({"pages": 0}, "pages must be a whole number from 1 on"),
        ({"pages": 1.5}, "pages must be a whole number from 1 on, not 1.5"),
        ({"pages": True}, "pages must be a whole number from 1 on"),
        ({"cost_cents": 1.5}, "cost_cents must be a whole number from 0 on"),
        ({"cost_cents": -1}, "cost_cents must be a whole number from 0 on"),
        ({"quality_score": float("nan")}, "quality_score must be a finite number"),
    ],
)
def test_a_script_that_cannot_be_played_is_an_error(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DocumentScript(**wrong)


EVERYTHING = DocumentScript(
    seconds=None,
    error="no",
    status="failed",
    status_before="queued",
    pages=4,
    cost_cents=3,
    cost_after=1,
    markdown="a",
    html="b",
    json={"c": 1},
    chunks={"d": 2},
    images={"e.png": b"\x89", "f.svg": b"<svg/>"},
    extraction={"g": [None]},
    scores_after=2,
    segments={"h": (0, 1)},
    not_found=["i"],
    output=b"\xff",
    quality_score=None,
    via_url=True,
    visible_after=1,
    kept_for=None,
    extra={"j": True},
)


@pytest.mark.parametrize("script", [DocumentScript(), EVERYTHING])
def test_a_script_survives_json(script: DocumentScript) -> None:
    assert DocumentScript.from_dict(json.loads(json.dumps(script.to_dict()))) == script


def test_a_script_in_json_says_what_is_wrong_and_where() -> None:
    with pytest.raises(ValueError, match=r"images\.a must be text or base64"):
        DocumentScript.from_dict({"images": {"a": {"json": 1}}})
    for wrong in (["a.png"], "a.png", 7):
        with pytest.raises(ValueError, match="images must be an object"):
            DocumentScript.from_dict({"images": wrong})
    with pytest.raises(ValueError, match="unknown field 'markdwon'"):
        DocumentScript.from_dict({"markdwon": "a"})


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "format": "date"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["a", "b"]},
        {"const": 5},
        {"anyOf": [{"type": "null"}, {"type": "integer"}]},
        {"type": ["null", "string"]},
        {"$ref": "#/$defs/Address"},
    ]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": list(properties),
            },
            st.dictionaries(st.text(max_size=3), inner, max_size=3),
        )
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_made_up_values_fit_their_schema(schema: dict[str, Any]) -> None:
    address = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    whole = {**schema, "$defs": {"Address": address}}
    jsonschema_rs.validate(whole, fit_schema(whole))


ANY_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "$ref", "anyOf", "enum", "segments", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(ANY_JSON)
def test_values_are_made_up_for_whatever_is_said_to_be_a_schema(schema: Any) -> None:
    fit_schema(schema)
    assert all(isinstance(name, str) for name in segment_names(schema))


def test_a_schema_that_holds_itself_ends() -> None:
    loop: dict[str, Any] = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert fit_schema(loop) is None
    nested: Any = {
        "$ref": "#/$defs/n",
        "$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}}},
    }
    assert fit_schema(nested)


def test_a_schema_that_holds_itself_many_times_ends_soon() -> None:
    node: dict[str, Any] = {"$ref": "#/$defs/node"}
    fields = {"left": node, "right": {"anyOf": [node, {"type": "null"}]}}
    children = {"type": "array", "items": node}
    tree = {"properties": {**fields, "more": node, "children": children, "name": {"const": "x"}}}
    made: Any = fit_schema({**node, "$defs": {"node": tree}})
    assert made == {"left": None, "right": None, "more": None, "children": [], "name": "x"}


def test_a_limit_that_makes_no_sense_is_an_error(simulator: Simulator) -> None:
    documents, pipelines, nan = simulator.documents, simulator.pipelines, float("nan")
    for owner, name, wrong in (
        (documents, "page_limit", 0.5),
        (documents, "spend_cap_cents", -1),
        (pipelines, "steps_lag", nan),
    ):
        with pytest.raises(ValueError, match=f"{name} must be a"):
            setattr(owner, name, wrong)
    documents.spend_cap_cents = None


def test_a_pipeline_that_nobody_sent_has_steps_that_can_be_run(simulator: Simulator) -> None:
    pipelines: Any = simulator.pipelines
    wrongs: list[Any] = [[], [{"type": "marker_parse"}], [{}], ["convert"]]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="steps must be a list, each such as"):
            pipelines.create(wrong)
    assert pipelines.create([{"type": "convert"}]) in pipelines


def test_one_name_is_not_a_list_of_letters() -> None:
    name: Any = "date"
    assert DocumentScript(not_found=name).not_found == ("date",)


def test_a_request_that_nobody_sent_may_have_an_id_of_choice(simulator: Simulator) -> None:
    assert simulator.documents.start(request_id="mine") == "mine"
    with pytest.raises(ValueError, match="the id 'mine' already"):
        simulator.documents.start(request_id="mine")


def test_an_endpoint_that_does_not_exist_is_an_error(simulator: Simulator) -> None:
    """Its script would wait for requests in vain."""
    documents: Any = simulator.documents
    for call in (documents.script, documents.script_always, documents.start):
        with pytest.raises(ValueError, match="endpoint must be one of convert, extract, "):
            call(DocumentScript(), endpoint="track_changes")


def test_requests_are_shown(simulator: Simulator) -> None:
    request_id = simulator.documents.start()
    assert request_id in repr(simulator.documents)


def test_a_script_that_is_none_is_an_error(simulator: Simulator) -> None:
    documents: Any = simulator.documents
    for call in (documents.script, documents.script_always, documents.start):
        with pytest.raises(TypeError, match="a script must be a DocumentScript, such as"):
            call("#")
    with pytest.raises(TypeError, match="a hook must be a function"):
        documents.script_with(DocumentScript())
