"""What users of such APIs complain of while they submit and wait, each turned into a promise.

The complaints are public: issues of SDKs that turn documents into text. A docstring says whose.
"""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from datalab_facade import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    Datalab,
    DatalabError,
    DocumentFailedError,
    InvalidArgumentError,
    InvalidResponseError,
    PaymentRequiredError,
    SubmissionUncertainError,
    UnprocessableEntityError,
    UploadError,
    WaitTimeoutError,
)
from datalab_facade.documents.tasks import Convert, CreateDocument, Extract, Segment
from datalab_facade.testing import (
    DocumentScript,
    Fault,
    Simulator,
    SimulatorTransport,
    VirtualClock,
)
from tests.in_process import blocking, new_simulator
from tests.ways import Way

PDF = b"%PDF-1.7 not much"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def documents(way: Way, simulator: Simulator) -> Any:
    return way.client(simulator).documents


def now(simulator: Simulator) -> float:
    return simulator.clock.monotonic()


def polls(simulator: Simulator) -> int:
    return sum(one.method == "GET" for one in simulator.requests.of("api"))


def submissions(simulator: Simulator) -> int:
    return sum(one.method == "POST" for one in simulator.requests.of("api"))


def test_a_timeout_says_how_to_go_on_and_the_job_is_not_lost(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """Datalab's client, LlamaParse #39 and #642: done and billed, but the client gave up."""
    simulator.documents.script(DocumentScript(seconds=600, markdown="# Late"))
    with pytest.raises(WaitTimeoutError) as raised:
        way.done(documents.convert(PDF, timeout=60))
    assert now(simulator) <= 61
    [request_id] = simulator.documents
    assert request_id in str(raised.value)
    job_id = json.loads(json.dumps(f"convert/{request_id}"))
    assert way.done(documents.result(job_id)).markdown == "# Late"
    assert submissions(simulator) == 1


def test_by_default_a_wait_is_long_enough_for_long_documents(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """LlamaParse raised 300 seconds to two hours; docling-serve #162: two minutes at most."""
    simulator.documents.script(DocumentScript(seconds=7000, markdown="# Long"))
    assert way.done(documents.convert(PDF)).markdown == "# Long"


@pytest.mark.parametrize("timeout", [5, 90])
def test_a_timeout_is_seconds_for_all_of_it_and_it_holds(
    way: Way, simulator: Simulator, documents: Any, timeout: int
) -> None:
    """docling-mcp #134: a documented setting that reaches nothing. Datalab's counts polls."""
    simulator.documents.script(DocumentScript(seconds=None))
    with pytest.raises(WaitTimeoutError):
        way.done(documents.convert(PDF, timeout=timeout))
    assert timeout - 1 <= now(simulator) <= timeout


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(503),
        Fault.status(429),
        Fault.status(500),
        Fault.reset(),
        Fault.disconnect(),
        Fault.html(502),
        Fault.invalid_json(),
        Fault.hang(),
    ],
)
def test_one_failed_poll_does_not_end_a_wait(
    way: Way, simulator: Simulator, documents: Any, fault: Fault
) -> None:
    """datalab-to/sdk PR #12: one flaky poll kills the conversion."""
    simulator.inject(fault, path="/api/v1/convert/")
    assert way.done(documents.convert(PDF)).markdown
    assert submissions(simulator) == 1


@pytest.mark.parametrize("status", ["queued", "warming_up", "PROCESSING", ""])
def test_an_unknown_status_is_waited_through(
    way: Way, simulator: Simulator, documents: Any, status: str
) -> None:
    """A new word of the server is no end, and no crash."""
    simulator.documents.script(DocumentScript(seconds=20, status_before=status))
    assert way.done(documents.convert(PDF)).markdown


def test_nothing_is_polled_for_ever(way: Way, simulator: Simulator, documents: Any) -> None:
    """LangChain #11249: a loader polls for ever."""
    simulator.documents.script(DocumentScript(seconds=None, status_before="stuck"))
    with pytest.raises(WaitTimeoutError, match="stuck"):
        way.done(documents.convert(PDF))
    assert now(simulator) <= 7201


def test_a_request_that_runs_is_a_snapshot_and_not_an_error(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """documentai-toolbox #285: a running operation crashes the reader."""
    snapshot = way.done(documents.get(f"convert/{simulator.documents.start()}"))
    assert not snapshot.is_terminal


def test_a_request_is_submitted_without_waiting(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """LlamaParse #513, #880: no fire-and-forget."""
    way.done(documents.submit(Convert(), PDF))
    assert (polls(simulator), now(simulator)) == (0, 0)


@pytest.mark.parametrize("how", ["id", "url", "dict", "verb"])
def test_a_result_is_fetched_later_by_another_process(
    way: Way, simulator: Simulator, documents: Any, how: str
) -> None:
    """datalab-to/sdk #16; Azure #35945, #47951: no result by id for another process."""
    handle = way.done(documents.submit(Convert(output_format="html"), PDF))
    written = json.dumps(handle.to_dict())
    simulator.clock.sleep(1800)
    [request_id] = simulator.documents
    elsewhere = way.client(simulator).documents
    found = {
        "id": lambda: elsewhere.handle(f"convert/{request_id}"),
        "url": lambda: elsewhere.handle(f"{simulator.api_origin}/api/v1/convert/{request_id}"),
        "dict": lambda: elsewhere.handle(json.loads(written)),
        "verb": lambda: elsewhere.handle(request_id, verb="convert"),
    }[how]()
    assert way.done(found.result()).html.startswith("<h1>")


def test_a_handle_can_wait_and_not_only_look_once(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """LightOn #6: a handle whose poll() looks once and that has no wait()."""
    handle = way.done(documents.submit(Convert(), PDF))
    assert not way.done(handle.get()).is_terminal
    assert way.done(handle.wait()).succeeded
    assert now(simulator) >= 3


def test_jobs_of_all_kinds_have_one_form_and_are_waited_for_together(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """ade-python #95: the envelopes of parse and extract jobs differ."""
    tasks = [(Convert(), PDF), (Extract(SCHEMA), PDF), (CreateDocument("# New"), None)]
    handles = [way.done(documents.submit(task, source)) for task, source in tasks]
    outcomes = way.done(documents.wait_many(handles))
    assert [one.succeeded for one in outcomes] == [True] * 3
    assert len(simulator.documents) == 3


def test_of_many_documents_each_one_is_accounted_for(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """Marker #159: 15 of 20 files converted, not a word of the others."""
    bad = (3, 7, 8, 12, 19)
    for number in range(20):
        script = DocumentScript(error=f"page {number} is broken" if number in bad else None)
        simulator.documents.script(script)
    handles = [way.done(documents.submit(Convert(), PDF)) for _ in range(20)]
    outcomes = way.done(documents.wait_many(handles))
    assert [one.id for one in outcomes] == [one.id for one in handles]
    failed = [number for number, one in enumerate(outcomes) if not one.succeeded]
    assert failed == list(bad)


def test_a_document_that_hangs_does_not_hold_up_the_others(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """Marker #761: a bad PDF hangs the batch."""
    simulator.documents.script(DocumentScript(seconds=None), DocumentScript(), DocumentScript())
    handles = [way.done(documents.submit(Convert(), PDF)) for _ in range(3)]
    first: list[Any] = way.collect(documents.as_completed(handles), most=2)
    assert {one.id for one in first} == {handles[1].id, handles[2].id}
    assert now(simulator) < 30


@pytest.mark.parametrize(
    "fault", [Fault.reset(), Fault.disconnect(), Fault.hang(), Fault.status(504), Fault.html(500)]
)
def test_a_submission_whose_fate_is_not_known_is_not_sent_again(
    way: Way, simulator: Simulator, documents: Any, fault: Fault
) -> None:
    """unstructured-api #393: a retried POST starts the work anew while the first goes on."""
    simulator.inject_always(fault, path="/api/v1/convert")
    with pytest.raises(SubmissionUncertainError) as raised:
        way.done(documents.submit(Convert(), PDF, name="scan.pdf"))
    assert submissions(simulator) == 1
    assert raised.value.sent["file"] == "scan.pdf"


def test_a_local_file_takes_one_request(
    way: Way, simulator: Simulator, documents: Any, tmp_path: Path
) -> None:
    """llm-mistral #24: local files take an upload first."""
    path = tmp_path / "scan.pdf"
    path.write_bytes(PDF)
    way.done(documents.submit(Convert(), str(path)))
    assert len(simulator.requests) == 1
    [request] = simulator.documents.values()
    assert request.file is not None
    assert (request.file.filename, request.file.body) == ("scan.pdf", PDF)


@pytest.mark.parametrize("kind", [bytes, io.BytesIO])
def test_bytes_that_say_what_they_are_need_no_name(
    way: Way, simulator: Simulator, documents: Any, kind: Any
) -> None:
    """LlamaParse #596, Unstructured #533: bytes and open files are refused without a name."""
    way.done(documents.submit(Convert(), kind(PDF)))
    [request] = simulator.documents.values()
    assert request.file is not None
    assert (request.file.content_type, request.file.body) == ("application/pdf", PDF)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf", "application/pdf"),
        ("A.PNG", "image/png"),
        ("a.jpeg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)
def test_the_media_type_is_that_of_the_name_on_every_machine(
    way: Way, simulator: Simulator, documents: Any, name: str, kind: str
) -> None:
    """Mistral client-python #212: media types that surprise."""
    way.done(documents.submit(Convert(), b"anything", name=name))
    [request] = simulator.documents.values()
    assert request.file is not None
    assert request.file.content_type == kind


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("missing.pdf", DatalabError),
        ("invoices1.pdf", DatalabError),
        (b"", DatalabError),
        (b"nobody knows what this is", InvalidArgumentError),
        (12, InvalidArgumentError),
        (None, InvalidArgumentError),
        ("ftp://files.example/a.pdf", DatalabError),
    ],
)
def test_a_source_that_is_none_is_told_before_anything_is_sent(
    way: Way,
    simulator: Simulator,
    documents: Any,
    source: Any,
    error: type[Exception],
) -> None:
    """Azure #36434: what the body may be is guessed wrong. Chunkr sends a missing path as data."""
    with pytest.raises(error):
        way.done(documents.convert(source))
    assert not simulator.requests


def test_a_file_that_is_missing_is_named(way: Way, documents: Any, tmp_path: Path) -> None:
    with pytest.raises((UploadError, InvalidArgumentError), match=r"missing\.pdf"):
        way.done(documents.convert(tmp_path / "missing.pdf"))


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "object"}, "properties"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/Nothing"}}}, "a"),
        (
            {
                "properties": {"node": {"$ref": "#/$defs/Node"}},
                "$defs": {"Node": {"properties": {"next": {"$ref": "#/$defs/Node"}}}},
            },
            "node",
        ),
    ],
)
def test_a_mistake_in_a_schema_is_told_with_its_place_and_costs_nothing(
    way: Way, simulator: Simulator, documents: Any, schema: Any, place: str
) -> None:
    """Sarvam PR #168: each schema mistake costs a paid round trip. mistral client-ts #137."""
    with pytest.raises(InvalidArgumentError, match=place):
        way.done(documents.extract(PDF, schema))
    assert not simulator.requests


ACCOUNT = [
    (400, BadRequestError, "page_schema is not valid"),
    (401, AuthenticationError, "Invalid API key"),
    (402, PaymentRequiredError, "spend cap"),
    (403, APIStatusError, "You need an active, paid subscription"),
    (413, APIStatusError, "too large"),
]


@pytest.mark.parametrize("refusal", ACCOUNT)
def test_a_refusal_has_the_words_of_the_server(
    way: Way, simulator: Simulator, documents: Any, refusal: tuple[int, type[Exception], str]
) -> None:
    """Datalab's users: opaque account errors. LlamaParse #579: no quota, no documents, no error."""
    status, error, words = refusal
    simulator.inject(Fault.status(status, {"detail": words}), path="/api/v1/convert")
    with pytest.raises(error, match=words):
        way.done(documents.convert(PDF))
    assert submissions(simulator) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body", "mode"], "msg": "is not a mode", "type": "enum"}]},
        {"detail": "mode: is not a mode"},
        {"error": "is not a mode"},
        {"detail": {"message": "is not a mode", "code": 7}},
        {"message": "is not a mode"},
        ["is not a mode"],
        b"is not a mode",
        b'{"detail": "is not a mode',
    ],
)
def test_a_bare_422_has_the_words_of_the_server_whatever_its_form(
    way: Way, simulator: Simulator, documents: Any, body: Any
) -> None:
    """Mathpix (mpxpy) #9: a KeyError for an error body. Tensorlake #408: an error of pydantic."""
    simulator.inject(Fault.status(422, body), path="/api/v1/convert")
    with pytest.raises(UnprocessableEntityError, match="is not a mode"):
        way.done(documents.convert(PDF))


def test_a_refusal_that_is_a_200_is_an_error(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """The page limit comes as a result that says success: false, and not as a 429."""
    simulator.documents.page_limit = 2
    simulator.documents.script_always(DocumentScript(pages=3))
    with pytest.raises(DocumentFailedError, match="Page rate limit exceeded"):
        way.done(documents.convert(PDF))


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.reset(), Fault.html(), Fault.truncate(5)])
def test_no_error_is_without_words(
    way: Way, simulator: Simulator, documents: Any, fault: Fault
) -> None:
    """Chunkr #451: all uploads end in an empty ReadTimeout."""
    simulator.inject_always(fault)
    with pytest.raises(DatalabError) as raised:
        way.done(documents.submit(Convert(), PDF))
    assert len(str(raised.value)) > 40


def test_an_answer_that_is_no_json_is_a_typed_error_that_quotes_it(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    simulator.inject_always(Fault.html(), path="/api/v1/convert/")
    with pytest.raises(InvalidResponseError, match="Just a moment"):
        way.done(documents.get(f"convert/{simulator.documents.start()}"))


def test_the_blocking_client_works_inside_a_running_loop(simulator: Simulator) -> None:
    """Notebooks, FastAPI: Datalab's client, LlamaParse #344."""

    async def cell() -> str:
        with blocking(simulator) as client:
            return client.documents.convert(PDF).markdown

    assert asyncio.run(cell()).startswith("#")


def test_the_blocking_client_starts_no_loop(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: pytest.fail("a loop was started"))
    with blocking(simulator) as client:
        assert client.documents.convert(PDF).markdown


def test_a_field_that_is_new_at_the_server_can_be_sent(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """The official client lags behind the documentation."""
    seen: list[bytes] = []

    class Keeping(SimulatorTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request.read())
            return super().handle_request(request)

    with Datalab(
        simulator.api_key,
        http_client=httpx.Client(transport=Keeping(simulator)),
        clock=VirtualClock(),
    ) as client:
        client.documents.submit(Convert(extra={"brand_new": True}, word_bboxes=True), PDF)
    assert b'name="brand_new"\r\n\r\ntrue\r\n' in seen[0]
    way.done(documents.submit(Extract(SCHEMA, extraction_mode="turbo"), PDF))
    way.done(documents.submit(Segment({"A": "b"}, processing_location="eu"), "https://a.example/"))
    fields = [one.fields for one in simulator.documents.values()]
    assert fields[0]["word_bboxes"] == "true"
    assert fields[1]["extraction_mode"] == "turbo"
    assert fields[2]["processing_location"] == "eu"


@pytest.mark.parametrize(
    ("pages", "expected"),
    [("1", [1]), (range(1), [0]), ([0, 2, 3], [0, 2, 3]), (range(1, 3), [1, 2])],
)
def test_the_first_page_is_0_however_pages_are_said(
    way: Way, simulator: Simulator, documents: Any, pages: Any, expected: list[int]
) -> None:
    """Docling #2654, chandra PR #107: is it page 0 or page 1?"""
    simulator.documents.script(DocumentScript(pages=5))
    way.done(documents.submit(Convert(page_range=pages), PDF))
    [request] = simulator.documents.values()
    assert list(request.pages) == expected
