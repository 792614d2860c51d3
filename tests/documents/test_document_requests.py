"""Document requests are found again, waited for, and give their results."""

from __future__ import annotations

import copy
import errno
import io
import json
import pickle
import random
import statistics
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import (
    ClientStateError,
    Conversion,
    Convert,
    DocumentFailedError,
    DocumentRequest,
    DurationModel,
    Extract,
    Extraction,
    ExtractionMismatchError,
    InvalidArgumentError,
    InvalidResponseError,
    LocalFileError,
    NotFoundError,
    OutputTooLargeError,
    RequestRejectedError,
    ResultExpiredError,
    Segment,
    Status,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.documents.kind import DOCUMENT_POLICY
from datalab_facade.documents.snapshots import decode_request
from datalab_facade.health import decode_health
from datalab_facade.jobs.wait import adapted_policy
from datalab_facade.testing import Fault, Simulator, VirtualClock
from datalab_facade.testing.document_scripts import DocumentScript
from datalab_facade.testing.server import SimulatorServer
from tests.in_process import new_simulator
from tests.secrets_for_tests import API_KEY, FILLED_IN
from tests.ways import Way

PDF = b"%PDF-1.7 not much"
ID = "convert/Qm3xT0yLr8sWb2ZkVf6NcA"
URL = f"https://www.datalab.to/api/v1/{ID}"


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@dataclass
class Invoice:
    """What is extracted."""

    number: str
    total: float


def virtual(simulator: Simulator) -> VirtualClock:
    assert isinstance(simulator.clock, VirtualClock)
    return simulator.clock


def submitted(way: Way, client: Any, task: Any = None, source: Any = PDF, **options: Any) -> Any:
    return way.done(client.documents.submit(task or Convert(), source, **options))


# How a request is found again


@pytest.mark.parametrize(
    "job",
    [
        ID,
        URL,
        URL + "/",
        DocumentRequest(id=ID, status=Status.IN_PROGRESS),
        Conversion(id=ID, raw={"markdown": "x"}),
        {"version": 1, "kind": "document", "id": ID, "origin": "https://www.datalab.to"},
    ],
    ids=["id", "address", "slash", "snapshot", "result", "dict"],
)
def test_whatever_stands_for_a_request_is_taken(way: Way, simulator: Simulator, job: Any) -> None:
    client = way.client(simulator)
    handle = client.documents.handle(job)
    assert (handle.id, handle.endpoint, handle.request_id) == (ID, *ID.split("/"))
    snapshot = DocumentRequest(id=ID, status=Status.IN_PROGRESS)
    assert (snapshot.endpoint, snapshot.request_id) == (handle.endpoint, handle.request_id)
    assert client.documents.handle(handle) == handle
    with pytest.raises(ResultExpiredError, match="deleted an hour after"):
        way.done(client.documents.get(job))


def test_a_bare_id_needs_its_verb(way: Way, simulator: Simulator) -> None:
    documents = way.client(simulator).documents
    request_id = ID.split("/")[1]
    assert documents.handle(request_id, verb="track_changes").endpoint == "track-changes"
    suggesting = documents.handle(request_id, verb="suggest_schemas")
    assert suggesting.id == f"marker/extraction/gen_schemas/{request_id}"
    assert documents.handle(suggesting.id) == suggesting
    with pytest.raises(InvalidArgumentError, match="verb='convert'"):
        documents.handle(request_id)
    with pytest.raises(InvalidArgumentError, match="The id of a request is a text"):
        documents.handle("a/b", verb="convert")
    with pytest.raises(InvalidArgumentError, match="verb must be one of convert, extract"):
        documents.handle(request_id, verb="covert")


@pytest.mark.parametrize(
    "job",
    [
        f"https://elsewhere.example/api/v1/{ID}",
        f"http://www.datalab.to/api/v1/{ID}",
        f"https://www.datalab.to:444/api/v1/{ID}",
        f"https://www.datalab.to.evil.example/api/v1/{ID}",
        f"https://me@www.datalab.to/api/v1/{ID}",
        "https://www.datalab.to/api/v1/files/12",
        "https://www.datalab.to/api/v1/convert/..%2F..%2Ffiles",
        "https://[/",
        "convert/../files",
        "files/12",
        "convert/",
        "",
        12,
        None,
        {"version": 1, "kind": "document", "id": ID, "origin": "https://elsewhere.example"},
        {"version": 1, "kind": "execution", "id": 12, "origin": "https://www.datalab.to"},
        {
            "version": 1,
            "kind": "document",
            "id": ID,
            "origin": "https://www.datalab.to",
            "task": "convert",
        },
        {
            "version": 1,
            "kind": "document",
            "id": ID,
            "origin": "https://www.datalab.to",
            "submitted_at": "soon",
        },
    ],
    ids=repr,
)
def test_what_stands_for_no_request_of_this_api_is_refused(
    way: Way, simulator: Simulator, job: Any
) -> None:
    with pytest.raises(InvalidArgumentError):
        way.client(simulator).documents.handle(job)
    assert not simulator.requests


def test_a_handle_travels(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    task = Convert(output_format="html", webhook_url=f"https://hooks.example/{FILLED_IN}")
    handle = submitted(way, client, task, name="a.pdf")
    data = json.loads(json.dumps(handle.to_dict()))
    assert FILLED_IN not in json.dumps(data)
    assert (data["kind"], data["source"]) == ("document", "a.pdf")
    assert data["task"]["output_format"] == ["html"]
    again = way.client(simulator).documents.handle(data)
    assert again.task == attrs.evolve(task, webhook_url=None)
    assert again.to_dict() == data
    assert way.done(again.result()).html
    assert copy.deepcopy(handle) is handle
    revived = pickle.loads(pickle.dumps(handle))
    assert revived.to_dict() == data
    assert revived.task == again.task
    with pytest.raises(ClientStateError, match=r"client\.documents\.handle"):
        way.done(revived.get())
    assert way.done(client.documents.handle(revived).result()).html


def test_a_handle_knows_the_type_of_a_value_which_json_does_not(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator)
    simulator.documents.script_always(
        DocumentScript(extraction={"number": "A-1", "total": 12.5}), endpoint="extract"
    )
    handle = submitted(way, client, Extract(Invoice))
    assert way.done(handle.result()).value == Invoice("A-1", 12.5)
    data = handle.to_dict()
    assert way.done(client.documents.handle(data).result()).value == {
        "number": "A-1",
        "total": 12.5,
    }
    typed = client.documents.handle(data, into=Invoice)
    assert way.done(typed.result()).value == Invoice("A-1", 12.5)
    assert way.done(client.documents.refresh(way.done(typed.result()))).value.number == "A-1"


# Snapshots


@pytest.mark.parametrize(
    ("body", "is_terminal", "succeeded"),
    [
        ({"status": "processing"}, False, False),
        ({"status": "processing", "success": False}, False, False),
        ({"status": "dreaming", "success": True}, False, False),
        ({"status": "complete"}, True, True),
        ({"status": "complete", "success": True, "error": ""}, True, True),
        ({"status": "complete", "success": True, "error": "a warning"}, True, True),
        ({"status": "complete", "success": None, "error": "bad"}, True, False),
        ({"status": "complete", "success": False}, True, False),
        ({"status": "failed", "success": True}, True, False),
        ({"status": "error"}, True, False),
        ({"status": "expired"}, True, False),
        ({"success": False, "error": "Page rate limit exceeded"}, True, False),
    ],
    ids=str,
)
def test_success_is_never_guessed(body: Any, is_terminal: bool, succeeded: bool) -> None:
    request, _ = decode_request(body, job_id=ID)
    assert (request.is_terminal, request.succeeded) == (is_terminal, succeeded)
    assert DocumentRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert pickle.loads(pickle.dumps(request)) == request


def test_an_unknown_status_is_drift() -> None:
    _, drift = decode_request({"status": "dreaming"}, job_id=ID)
    assert [str(one) for one in drift] == ["status status=dreaming in document request"]


@pytest.mark.parametrize(
    "body", [[], None, {}, {"status": None}, {"status": "complete", "request_id": "another"}]
)
def test_what_is_no_request_or_another_one_is_refused(body: Any) -> None:
    with pytest.raises(InvalidResponseError):
        decode_request(body, job_id=ID)


# Results


def test_a_verb_does_it_all(way: Way, simulator: Simulator, tmp_path: Path) -> None:
    client = way.client(simulator)
    changes: list[Any] = []
    conversion = way.done(
        client.documents.convert(
            PDF,
            name="report.v2.pdf",
            output_format=["markdown", "html"],
            output_dir=tmp_path,
            on_change=changes.append,
        )
    )
    assert isinstance(conversion, Conversion)
    assert conversion.markdown
    assert conversion.html
    assert [str(change.after) for change in changes] == ["IN_PROGRESS", "COMPLETED"]
    assert (tmp_path / "report.v2" / "report.v2.md").read_text("utf-8") == conversion.markdown
    receipt = json.loads((tmp_path / "report.v2" / "report.v2.result.json").read_text("utf-8"))
    assert receipt["source"] == "report.v2.pdf"
    assert len(receipt["source_sha256"]) == 64


VERBS = [
    ("segment", ({"Invoice": "a bill"},)),
    ("fill", ({"name": "Jane"},)),
    ("track_changes", ()),
    ("run_agent", ("cp_abc123",)),
]


@pytest.mark.parametrize(("verb", "arguments"), VERBS, ids=[verb for verb, _ in VERBS])
def test_every_verb(way: Way, simulator: Simulator, verb: str, arguments: Any) -> None:
    documents = way.client(simulator).documents
    result = way.done(getattr(documents, verb)(PDF, *arguments))
    assert result.task.verb == verb
    assert result.succeeded


def test_a_document_is_parsed_once_and_used_twice(way: Way, simulator: Simulator) -> None:
    documents = way.client(simulator).documents
    conversion = way.done(documents.convert(PDF, save_checkpoint=True))
    extraction = way.done(documents.extract(conversion, Invoice))
    assert isinstance(extraction, Extraction)
    assert isinstance(extraction.value, Invoice)
    assert way.done(documents.suggest_schemas(conversion)).succeeded
    assert way.done(documents.create("# A")).content


def test_an_unknown_keyword_is_told(way: Way, simulator: Simulator) -> None:
    documents = way.client(simulator).documents
    with pytest.raises(TypeError, match="'paginate'"):
        way.done(documents.convert(PDF, paginat=True))
    with pytest.raises(TypeError, match="unknown option 'max_poll'"):
        way.done(documents.submit(Convert(), PDF, max_poll=3))
    with pytest.raises(TypeError, match="unknown option 'max_poll'"):
        way.done(documents.result(ID, max_poll=3))
    with pytest.raises(InvalidArgumentError, match="wait_for must be 'cost' or 'scores'"):
        way.done(documents.convert(PDF, wait_for="money"))
    assert not simulator.requests


@pytest.mark.parametrize("status", ["complete", "failed", "error", "expired"])
def test_a_failure_has_the_servers_words(way: Way, simulator: Simulator, status: str) -> None:
    simulator.documents.script(DocumentScript(error="no pages", status=status))
    documents = way.client(simulator).documents
    handle = submitted(way, way.client(simulator))
    assert not way.done(handle.wait()).succeeded
    with pytest.raises(DocumentFailedError, match="no pages") as caught:
        way.done(handle.result())
    assert isinstance(caught.value.snapshot, DocumentRequest)
    with pytest.raises(DocumentFailedError):
        way.done(documents.save(handle.id, "unused"))


def test_a_result_is_gone_after_an_hour(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    result = way.done(client.documents.convert(PDF))
    virtual(simulator).advance(3_700)
    for ask in (client.documents.refresh, client.documents.get, client.documents.result):
        with pytest.raises(ResultExpiredError) as caught:
            way.done(ask(result))
        assert isinstance(caught.value, NotFoundError)
    [outcome] = way.done(client.documents.wait_many([result]))
    assert isinstance(outcome.error, ResultExpiredError)


def test_many_of_different_verbs_are_waited_for_together(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    tasks = [Convert(), Extract(Invoice), Segment()]
    handles = [submitted(way, client, task) for task in tasks]
    outcomes = way.done(client.documents.wait_many(handles))
    assert [outcome.id for outcome in outcomes] == [handle.id for handle in handles]
    assert all(outcome.succeeded for outcome in outcomes)
    completed = way.collect(client.documents.as_completed([handles[0].to_dict(), handles[1].id]))
    assert {outcome.id for outcome in completed} == {handle.id for handle in handles[:2]}
    results = [way.done(client.documents.result(handle)) for handle in handles]
    assert [result.task for result in results] == tasks


def test_a_result_behind_a_url_is_fetched_without_the_key(way: Way, simulator: Simulator) -> None:
    simulator.documents.script_always(DocumentScript(via_url=True, markdown="# From afar"))
    client = way.client(simulator)
    result = way.done(client.documents.convert(PDF))
    assert result.markdown == "# From afar"
    [fetched] = [one for one in simulator.requests if one.origin == "storage"]
    assert API_KEY not in str(fetched.headers)
    with pytest.raises(OutputTooLargeError, match="max_bytes"):
        way.done(client.documents.result(result, max_bytes=10))


def test_a_url_that_expired_is_renewed(way: Way, simulator: Simulator) -> None:
    simulator.documents.script_always(DocumentScript(via_url=True, markdown="# From afar"))
    client = way.client(simulator)
    simulator.inject(Fault.status(403), origin="storage")
    assert way.done(client.documents.convert(PDF)).markdown == "# From afar"


def test_a_result_behind_a_url_is_saved(way: Way, simulator: Simulator, tmp_path: Path) -> None:
    simulator.documents.script_always(DocumentScript(via_url=True, markdown="# From afar"))
    handle = submitted(way, way.client(simulator), name="a.pdf")
    receipt = way.done(way.client(simulator).documents.save(handle, tmp_path))
    assert receipt.id == handle.id
    assert (tmp_path / "a" / "a.md").read_text("utf-8") == "# From afar"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_does_not_fit_the_type_is_not_lost(way: Way, simulator: Simulator) -> None:
    simulator.documents.script_always(
        DocumentScript(extraction={"number": "A-1", "total": "twelve"}), endpoint="extract"
    )
    with pytest.raises(ExtractionMismatchError) as caught:
        way.done(way.client(simulator).documents.extract(PDF, Invoice))
    assert caught.value.extraction.data == {"number": "A-1", "total": "twelve"}


def test_late_cost_is_waited_for(way: Way, simulator: Simulator) -> None:
    simulator.documents.script_always(DocumentScript(cost_after=10, cost_cents=7))
    documents = way.client(simulator).documents
    early = way.done(documents.convert(PDF))
    assert early.cost_cents is None
    late = way.done(documents.convert(PDF, wait_for="cost"))
    assert late.cost_cents == 7
    assert way.done(documents.refresh(early)).cost_cents == 7


def test_late_scores_are_waited_for(way: Way, simulator: Simulator) -> None:
    simulator.documents.script_always(DocumentScript(scores_after=10))
    extraction = way.done(way.client(simulator).documents.extract(PDF, Invoice, wait_for="scores"))
    assert extraction.scored


@pytest.mark.parametrize(("timeout", "most"), [(600, 64), (20, 21)])
def test_what_never_comes_fails_nothing(
    way: Way, simulator: Simulator, timeout: float, most: float
) -> None:
    simulator.documents.script_always(DocumentScript(cost_after=1e6))
    began = simulator.clock.monotonic()
    documents = way.client(simulator).documents
    result = way.done(documents.convert(PDF, wait_for="cost", timeout=timeout))
    assert result.cost_cents is None
    assert simulator.clock.monotonic() - began <= most


def test_polls_that_hang_while_a_late_cost_is_waited_for_keep_the_deadline(
    way: Way, simulator: Simulator
) -> None:
    simulator.documents.script_always(DocumentScript(cost_after=1e6))
    documents = way.client(simulator).documents
    handle = way.done(documents.submit(Convert(), PDF))
    way.done(documents.result(handle))
    path = f"/api/v1/{handle.id}"
    simulator.inject(Fault.none(), path=path)
    simulator.inject_always(Fault.hang(), path=path)
    began = simulator.clock.monotonic()
    result = way.done(documents.result(handle, wait_for="cost", timeout=5))
    assert result.cost_cents is None
    assert simulator.clock.monotonic() - began <= 6


def test_the_timeout_is_for_all_of_it(way: Way, simulator: Simulator) -> None:
    simulator.documents.script_always(DocumentScript(seconds=100))
    simulator.inject(Fault.delay(15), path="/api/v1/convert")
    began = simulator.clock.monotonic()
    with pytest.raises(WaitTimeoutError) as caught:
        way.done(way.client(simulator).documents.convert(PDF, timeout=timedelta(seconds=30)))
    assert simulator.clock.monotonic() - began == pytest.approx(30, abs=1)
    assert str(caught.value.id).startswith("convert/")
    assert way.done(way.client(simulator).documents.result(caught.value.id)).markdown


def test_thumbnails(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    result = way.done(client.documents.convert(PDF))
    pictures = way.done(client.documents.thumbnails(result, page_range=0, width=100))
    assert pictures
    assert simulator.requests[-1].path == f"/api/v1/thumbnails/{result.request_id}"
    assert pictures == way.done(client.documents.thumbnails(result.request_id))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"success": False, "error": "no"}, RequestRejectedError),
        ({"success": True}, InvalidResponseError),
        ({"thumbnails": ["abc"]}, InvalidResponseError),
        ({"thumbnails": [1]}, InvalidResponseError),
    ],
)
def test_no_thumbnails(way: Way, simulator: Simulator, body: Any, error: type[Exception]) -> None:
    simulator.inject_always(Fault.status(200, body))
    with pytest.raises(error):
        way.done(way.client(simulator).documents.thumbnails("abc", max_retries=0))


def test_health(way: Way, simulator: Simulator) -> None:
    health = way.done(way.client(simulator).health())
    assert health.is_ok
    assert health.answered_at is not None


TEN = datetime(2025, 10, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "date", "answered_at"),
    [
        ({"status": "ok"}, None, None),
        ({"status": "ok"}, "yesterday", None),
        ({"status": "OK"}, "Wed, 22 Oct 2025 10:00:00 GMT", TEN),
        # Which zone it is of is not known, so UTC is meant: not that of this machine.
        ({"status": "OK"}, "Wed, 22 Oct 2025 10:00:00 -0000", TEN),
        ({"status": "OK"}, "Wed, 22 Oct 2025 10:00:00", TEN),
    ],
)
def test_health_has_the_time_of_the_server(
    monkeypatch: pytest.MonkeyPatch, body: Any, date: str | None, answered_at: datetime | None
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        health = decode_health(body, date)
    time.tzset()
    assert health.is_ok
    assert health.answered_at == answered_at


@pytest.mark.parametrize("body", [None, [], {}, {"status": ""}, {"status": 1}])
def test_health_is_never_guessed(body: Any) -> None:
    with pytest.raises(InvalidResponseError, match="has no status"):
        decode_health(body, None)


def test_a_saved_result_is_saved_again_without_a_request(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    documents = way.client(simulator).documents
    result = way.done(documents.convert(PDF, name="a.pdf"))
    before = len(simulator.requests)
    assert way.done(documents.save(result, tmp_path)).id == result.id
    assert len(simulator.requests) == before


def test_a_result_in_the_answer_is_saved_too(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    handle = submitted(way, way.client(simulator), name="a.pdf")
    way.done(way.client(simulator).documents.save(handle, tmp_path))
    assert (tmp_path / "a" / "a.md").exists()


def test_what_cannot_be_written_is_told(way: Way, simulator: Simulator, tmp_path: Path) -> None:
    simulator.documents.script_always(DocumentScript(via_url=True))
    client = way.client(simulator)
    handle = submitted(way, client)
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(LocalFileError, match="not lost"):
        way.done(client.documents.save(handle, blocked / "out"))


def test_a_disk_that_is_full_is_told(
    way: Way, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    simulator.documents.script_always(DocumentScript(via_url=True))
    client = way.client(simulator)
    with pytest.raises(LocalFileError, match="No space left on device"):
        way.done(client.documents.save(submitted(way, client), tmp_path))


# How often is polled


def requests_and_lateness(way: Way, seconds: float, known: int) -> tuple[float, float]:
    found: list[tuple[int, float]] = []
    for seed in range(15):
        simulator = new_simulator()
        client = way.client(simulator, random=random.Random(seed).random)
        simulator.documents.script_always(DocumentScript(seconds=seconds))
        for _ in range(known):
            way.done(submitted(way, client).wait())
        before, began = len(simulator.requests), simulator.clock.monotonic()
        way.done(submitted(way, client).wait())
        late = simulator.clock.monotonic() - began - seconds
        found.append((len(simulator.requests) - before - 1, late))
    requests, lateness = zip(*found, strict=True)
    return statistics.median(requests), statistics.median(lateness)


@pytest.mark.parametrize(
    ("seconds", "known", "most_requests", "most_late"),
    [(3, 0, 5, 0.4), (3, 1, 3, 0.2), (3, 5, 3, 0.2), (60, 0, 16, 2.5), (60, 5, 8, 1.0)],
)
def test_few_polls_see_the_end_soon(
    way: Way, seconds: float, known: int, most_requests: float, most_late: float
) -> None:
    requests, late = requests_and_lateness(way, seconds, known)
    assert requests <= most_requests
    assert late <= most_late


def test_durations_are_learned_for_each_mode(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    for mode in ("fast", "accurate", None):
        way.done(submitted(way, client, Convert(mode=mode)).wait())
    way.done(submitted(way, client, Extract(Invoice, extraction_mode="turbo")).wait())
    way.done(submitted(way, client, Convert(page_range=range(5))).wait())
    learned = client.duration_model.to_dict()["durations"]
    assert list(learned) == [
        "convert fast",
        "convert accurate",
        "convert",
        "extract turbo",
        "convert, up to 8 pages",
    ]
    assert learned["convert"] == [pytest.approx(3, abs=0.7)]


def test_a_failure_teaches_nothing(way: Way, simulator: Simulator) -> None:
    simulator.documents.script_always(DocumentScript(error="no"))
    client = way.client(simulator)
    way.done(submitted(way, client).wait())
    assert client.duration_model.to_dict()["durations"] == {}


def test_a_request_that_was_left_for_a_day_is_polled_at_once(
    way: Way, simulator: Simulator
) -> None:
    simulator.documents.script_always(DocumentScript(kept_for=None))
    client = way.client(simulator)
    way.done(submitted(way, client).wait())
    data = submitted(way, client).to_dict()
    virtual(simulator).advance(86_400)
    began = simulator.clock.monotonic()
    fresh = way.client(simulator)
    way.done(fresh.documents.handle(data).wait())
    assert simulator.clock.monotonic() == began
    way.done(client.documents.handle(data).wait())
    assert simulator.clock.monotonic() == began


def test_settings_of_the_caller_go_before_those_of_documents() -> None:
    assert adapted_policy(WaitPolicy(), DOCUMENT_POLICY) == DOCUMENT_POLICY
    mixed = adapted_policy(WaitPolicy(timeout=60, jitter=0.3), DOCUMENT_POLICY)
    assert mixed == attrs.evolve(DOCUMENT_POLICY, timeout=60, jitter=0.3)
    assert mixed is adapted_policy(WaitPolicy(timeout=60, jitter=0.3), DOCUMENT_POLICY)
    often = adapted_policy(WaitPolicy(min_interval=0.05, max_retries=3), DOCUMENT_POLICY)
    assert often == WaitPolicy(min_interval=0.05, max_retries=3)
    rare = adapted_policy(WaitPolicy(min_interval=80, max_interval=90), DOCUMENT_POLICY)
    assert (rare.min_interval, rare.max_interval) == (80, 90)
    capped = adapted_policy(WaitPolicy(max_interval=3), DOCUMENT_POLICY)
    assert capped == attrs.evolve(DOCUMENT_POLICY, max_interval=3)


@pytest.mark.parametrize("learns", [False, True])
def test_whoever_wants_many_polls_gets_them(way: Way, simulator: Simulator, learns: bool) -> None:
    policy = WaitPolicy(min_interval=0.05)
    model = DurationModel() if learns else None
    client = way.client(simulator, policy=policy, duration_model=model)
    way.done(submitted(way, client).wait())
    assert len(simulator.requests) > 10


# What outlives a process


CHILD = """
import json, os, signal, sys
from datalab_facade import Convert, Datalab
client = Datalab({key!r}, base_url=sys.argv[1])
handle = client.documents.submit(Convert(output_format="html"), b"%PDF-1.7", name="a.pdf")
print(json.dumps(handle.to_dict()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_another_process_goes_on_after_a_kill(way: Way) -> None:
    with SimulatorServer(Simulator(api_key=API_KEY)) as served:
        code = textwrap.dedent(CHILD).format(key=API_KEY)
        died = subprocess.run(
            [sys.executable, "-c", code, served.api_url],
            capture_output=True,
            text=True,
            check=False,
        )
        assert died.returncode == -9, died.stderr
        client = way.network_client(base_url=served.api_url)
        handle = client.documents.handle(json.loads(died.stdout))
        assert way.done(handle.result(timeout=30)).html
