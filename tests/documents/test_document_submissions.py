"""A document is submitted once: what is sent, when it is sent again, and what is said if not."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from datalab_facade import (
    APIConnectionError,
    BadRequestError,
    InvalidArgumentError,
    PaymentRequiredError,
    RequestRejectedError,
    SubmissionUncertainError,
    UploadError,
)
from datalab_facade.documents.job_ids import ENDPOINTS
from datalab_facade.documents.submissions import planned_submission
from datalab_facade.documents.tasks import Convert, CreateDocument, Extract
from datalab_facade.testing import Fault, Simulator, VirtualClock
from datalab_facade.testing.forms import FormPart, parse_form
from datalab_facade.transport.document_operations import (
    document_status,
    submit_form,
    submit_json,
)
from tests.in_process import new_simulator
from tests.secrets_for_tests import FILLED_IN, SIGNATURE, presigned
from tests.ways import Way

ROOT = Path(__file__).resolve().parents[2]
PDF = b"%PDF-1.7 not much"
TAKEN = {
    "success": True,
    "error": None,
    "request_id": "Qm3xT0yLr8sWb2ZkVf6NcA",
    "request_check_url": "https://www.datalab.to/api/v1/convert/Qm3xT0yLr8sWb2ZkVf6NcA",
}
WEBHOOK = f"https://hooks.example/{FILLED_IN}"


class Server(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers each request with the next of these, the last one again and again.

    A number is how much of the body is read before the connection breaks.
    """

    def __init__(self, *answers: httpx.Response | int | Exception) -> None:
        self.clock = VirtualClock()
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self._answers = list(answers)

    def _next(self) -> httpx.Response | int | Exception:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        answer, body = self._next(), b""
        parts: Iterator[bytes] = iter(request.stream)
        while not isinstance(answer, int) or len(body) < answer:
            part = next(parts, None)
            if part is None:
                break
            body += part
        return self._answered(request, body, answer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        answer, body = self._next(), b""
        parts: AsyncIterator[bytes] = aiter(request.stream)
        while not isinstance(answer, int) or len(body) < answer:
            part = await anext(parts, None)
            if part is None:
                break
            body += part
        return self._answered(request, body, answer)

    def _answered(
        self, request: httpx.Request, body: bytes, answer: httpx.Response | int | Exception
    ) -> httpx.Response:
        self.requests.append(request)
        self.bodies.append(body)
        if isinstance(answer, int):
            raise httpx.WriteError("the connection broke", request=request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content, request=request
        )


def taken() -> httpx.Response:
    return httpx.Response(200, json=TAKEN)


def submit(way: Way, server: Server, task: Any = None, source: Any = PDF, **options: Any) -> Any:
    client = way.client_over(server, clock=server.clock, random=lambda: 0.5)
    return way.done(client.documents.submit(task or Convert(), source, **options))


@attrs.frozen
class Form:
    """What a form has: its fields, and its file."""

    texts: dict[str, str]
    file: FormPart | None

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        assert self.file is not None
        return self.file.body


def form_of(server: Server, number: int = -1) -> Form:
    request = server.requests[number]
    assert int(request.headers["content-length"]) == len(server.bodies[number])
    parts = parse_form(request.headers["content-type"], server.bodies[number])
    files = [part for part in parts if part.filename is not None]
    assert all(part.name == "file" and part is parts[-1] for part in files)
    texts = {part.name: part.text for part in parts if part.filename is None}
    return Form(texts, files[0] if files else None)


def test_a_file_goes_as_the_last_part_of_a_form(way: Way, tmp_path: Path) -> None:
    path = tmp_path / "report.v2.pdf"
    content = PDF + bytes(700_000)
    path.write_bytes(content)
    server = Server(taken())
    task = Convert(mode="accurate", output_format=["markdown", "json"], paginate=False)
    handle = submit(way, server, task, path)
    assert handle.id == "convert/Qm3xT0yLr8sWb2ZkVf6NcA"
    form = form_of(server)
    assert form.texts == {
        "mode": "accurate",
        "output_format": "markdown,json",
        "paginate": "false",
    }
    assert form.file is not None
    assert form.file.filename == "report.v2.pdf"
    assert form.file.content_type == "application/pdf"
    assert form.content == content


def test_each_form_has_a_boundary_of_its_own(way: Way) -> None:
    server = Server(taken())
    # The generated client writes the same one into each, so a document could add fields.
    smuggled = PDF + b"\r\n--+++\r\nContent-Disposition: form-data; name=mode\r\n\r\nx\r\n--+++--"
    for _ in range(2):
        submit(way, server, source=smuggled)
    one, two = (request.headers["content-type"] for request in server.requests)
    assert one != two
    assert form_of(server).texts == {}
    assert form_of(server).content == smuggled


@pytest.mark.parametrize("name", ['a"b.pdf', "häßlich 中.pdf", "a; filename=b.pdf", "a%22b.pdf"])
def test_names_are_encoded_safely(way: Way, name: str) -> None:
    server = Server(taken())
    submit(way, server, name=name)
    assert form_of(server).texts == {}
    [sent] = [form_of(server).file]
    assert sent is not None
    assert str(sent.filename).replace("%22", '"') == name.replace("%22", '"')


def test_a_url_goes_as_a_field_of_a_form(way: Way) -> None:
    server = Server(taken())
    submit(way, server, Convert(extra={"new": True}), "https://a.example/b.pdf")
    form = form_of(server)
    assert form.texts == {"new": "true", "file_url": "https://a.example/b.pdf"}
    assert form.file is None


def test_a_document_is_created_with_json(way: Way) -> None:
    server = Server(taken())
    handle = submit(way, server, CreateDocument("# A"), None)
    assert handle.id.startswith("create-document/")
    assert server.requests[0].headers["content-type"] == "application/json"
    assert server.bodies == [b'{"markdown": "# A"}']


def test_an_open_file_is_sent_from_its_position_and_stays_open(way: Way) -> None:
    server = Server(httpx.Response(429), taken())
    file = io.BytesIO(b"before" + PDF)
    file.seek(6)
    submit(way, server, source=file, name="a.pdf")
    assert [form_of(server, number).content for number in (0, 1)] == [PDF, PDF]
    assert not file.closed


def test_progress_is_told(way: Way, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(PDF + bytes(600_000))
    seen: list[Any] = []
    submit(way, Server(taken()), source=path, on_progress=seen.append)
    assert (seen[0].bytes_done, seen[-1].bytes_done) == (0, path.stat().st_size)
    assert {one.name for one in seen} == {"a.pdf"}


@pytest.mark.parametrize(
    "first",
    [
        httpx.ConnectError("nobody there"),
        httpx.ConnectTimeout("nobody there"),
        httpx.Response(429, headers={"retry-after": "2"}),
        httpx.Response(425),
        # Without its end nobody can read a form.
        1_000,
        400_000,
    ],
    ids=["unreached", "no connection", "429", "425", "broken at once", "broken midway"],
)
def test_it_is_sent_again_where_the_server_certainly_did_nothing(
    way: Way, first: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(PDF + bytes(900_000))
    server = Server(first, taken())
    assert submit(way, server, source=path).request_id == TAKEN["request_id"]
    assert len(server.requests) == 2
    assert form_of(server).content == path.read_bytes()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("silence"),
        httpx.ReadError("broken"),
        httpx.RemoteProtocolError("closed"),
        httpx.Response(500),
        httpx.Response(502),
        httpx.Response(503),
        httpx.Response(529),
        httpx.Response(408),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"success": True}),
        httpx.Response(200, json={**TAKEN, "request_id": "../../files"}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={**TAKEN, "request_id": True}),
    ],
    ids=repr,
)
def test_it_is_not_sent_again_where_the_server_may_have_acted(way: Way, answer: Any) -> None:
    server = Server(answer)
    task = Convert(mode="fast", webhook_url=WEBHOOK)
    with pytest.raises(SubmissionUncertainError) as caught:
        submit(way, server, task, name="a.pdf")
    assert len(server.requests) == 1
    error = caught.value
    assert error.sent["endpoint"] == "convert"
    assert error.sent["file"] == "a.pdf"
    task_sent = error.sent["task"]
    assert isinstance(task_sent, dict)
    assert task_sent["mode"] == "fast"
    assert "dashboard" in str(error)
    shown = f"{error!r} {error} {error.sent}"
    assert FILLED_IN not in shown


def test_what_was_sent_is_told_without_signatures(way: Way) -> None:
    with pytest.raises(SubmissionUncertainError) as caught:
        submit(way, Server(httpx.ReadTimeout("silence")), source=presigned("a.pdf"))
    assert SIGNATURE not in f"{caught.value} {caught.value.sent}"
    assert str(caught.value.sent["file_url"]).startswith("https://storage.example/a.pdf")


def test_an_overloaded_server_is_trusted_if_the_caller_says_so(way: Way) -> None:
    server = Server(httpx.Response(503), httpx.Response(529), taken())
    submit(way, server, retry_overloaded=True)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(402, json={"detail": {"error": "spend_cap_error"}}), PaymentRequiredError),
        (httpx.Response(400, json={"detail": "no such mode"}), BadRequestError),
        (httpx.Response(200, json={"success": False, "error": "no"}), RequestRejectedError),
    ],
    ids=repr,
)
def test_a_refusal_is_raised_as_it_is(
    way: Way, answer: httpx.Response, error: type[Exception]
) -> None:
    server = Server(answer)
    with pytest.raises(error):
        submit(way, server)
    assert len(server.requests) == 1


def test_a_server_that_is_never_reached_started_nothing(way: Way) -> None:
    with pytest.raises(APIConnectionError) as caught:
        submit(way, Server(httpx.ConnectError("nobody there")))
    assert not caught.value.may_have_arrived


def test_a_file_that_changes_meanwhile_is_not_submitted(way: Way, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(PDF + bytes(900_000))

    def grow(_: object) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    server = Server(taken())
    with pytest.raises(UploadError, match="changed"):
        submit(way, server, source=path, on_progress=grow)
    assert server.requests == []


def test_what_the_caller_raises_comes_out_as_it_is(way: Way) -> None:
    def refuse(_: object) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        submit(way, Server(taken()), on_progress=refuse)


WRONG: list[Callable[[Path], dict[str, Any]]] = [
    lambda folder: {"source": folder / "missing.pdf"},
    lambda folder: {"source": _written(folder / "empty.pdf", b"")},
    lambda folder: {"source": folder},
    lambda _: {"source": PDF, "max_file_bytes": 5},
    lambda _: {"source": None},
    lambda _: {"source": PDF, "upload": "pigeon"},
    lambda _: {"source": PDF, "task": "convert"},
    lambda _: {"source": PDF, "timeout": -1},
    lambda _: {"source": PDF, "task": Convert(processing_location="eu"), "upload": "form"},
    lambda _: {"source": PDF, "task": CreateDocument("# A")},
]


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_wrong_is_told_before_anything_is_sent(
    way: Way, number: int, tmp_path: Path
) -> None:
    server = Server(taken())
    with pytest.raises((InvalidArgumentError, UploadError)):
        submit(way, server, **WRONG[number](tmp_path))
    assert server.requests == []


@pytest.mark.parametrize(
    ("task", "upload"),
    [(Convert(processing_location="eu"), "auto"), (Convert(), "storage")],
    ids=["a form is refused", "the caller says so"],
)
def test_a_file_is_uploaded_first(way: Way, task: Convert, upload: Any) -> None:
    simulator = new_simulator()
    client = way.client(simulator)
    handle = way.done(client.documents.submit(task, PDF, name="report.pdf", upload=upload))
    [form] = [one for one in simulator.requests if one.path == "/api/v1/convert"]
    assert b"datalab://file-" in form.body
    assert PDF not in form.body
    assert handle.source == "report.pdf"
    assert way.done(handle.result()).source == "report.pdf"


def test_a_submission_that_was_not_answered_may_have_started(way: Way) -> None:
    simulator: Simulator = new_simulator()
    simulator.inject(Fault.reset(), path="/api/v1/extract")
    client = way.client(simulator)
    task = Extract({"type": "object", "properties": {"a": {"type": "string"}}})
    with pytest.raises(SubmissionUncertainError):
        way.done(client.documents.submit(task, PDF))
    assert len(simulator.documents) == 1


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS.values()))
def test_every_endpoint_is_a_path_of_the_document(endpoint: str) -> None:
    paths = json.loads((ROOT / "openapi.json").read_text("utf-8"))["paths"]
    is_form = "multipart/form-data" in str(paths[f"/api/v1/{endpoint}"]["post"]["requestBody"])
    sent = submit_form(endpoint, {"a": "b"}) if is_form else submit_json(endpoint, {"a": "b"})
    assert (sent.method, sent.path, sent.template) == ("POST", f"/api/v1/{endpoint}", sent.path)
    assert (sent.files is not None) == is_form
    assert sent.headers.get("content-type") == (None if is_form else "application/json")
    polled = document_status(endpoint, "a b")
    assert "get" in paths[polled.template]
    assert (polled.method, polled.path) == ("GET", f"/api/v1/{endpoint}/a%20b")


def test_a_request_may_have_a_number_as_its_id(way: Way) -> None:
    # As those of older versions of the API had.
    server = Server(httpx.Response(200, json={**TAKEN, "request_id": 123}))
    assert submit(way, server).id == "convert/123"


def test_an_endpoint_that_is_not_known_is_a_mistake_of_ours() -> None:
    for build in (submit_form, submit_json):
        with pytest.raises(KeyError):
            build("files", {})
    with pytest.raises(KeyError):
        document_status("files", "1")


def test_a_journal_knows_when_it_leaves_and_when_it_was_refused(way: Way) -> None:
    told: list[str] = []
    server = Server(httpx.Response(429), 5, httpx.ReadTimeout("silence"))
    client = way.client_over(server, clock=server.clock)
    planned = attrs.evolve(
        planned_submission(Convert(), PDF + bytes(600_000), {}),
        on_leaving=lambda: told.append("leaves"),
        on_refused=lambda: told.append("refused"),
    )
    with pytest.raises(SubmissionUncertainError):
        way.done(client.documents.submitter.start(planned, seconds=60, options={}))
    assert told == ["leaves", "refused", "leaves", "refused", "leaves"]


def test_a_run_sends_the_type_that_it_was_told_whatever_the_name_of_a_file(
    way: Way, tmp_path: Path
) -> None:
    simulator = new_simulator()
    scan = tmp_path / "scan"
    scan.write_bytes(PDF)
    client = way.client(simulator)
    options = {"output_dir": tmp_path / "out", "content_type": "application/pdf"}
    done = way.done(client.run(Convert(), [scan], **options))
    assert [one.succeeded for one in done.results] == [True]
    [request] = simulator.documents.values()
    assert request.file is not None
    assert (request.file.content_type, request.file.body) == ("application/pdf", PDF)
