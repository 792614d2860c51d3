"""The simulated storage: presigned URLs that expire, ranges, and what lies there."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade.testing import (
    Answer,
    ExecutionScript,
    Request,
    Simulator,
    StepScript,
    VirtualClock,
)
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.storage import presigned_output

from .carriers import Carrier


def output_url(simulator: Simulator, execution_id: int, step: str = "parse") -> str:
    """Poll an execution; return the URL of one of its outputs."""
    path = f"/api/v1/workflows/executions/{execution_id}"
    headers = {"X-API-Key": simulator.api_key}
    answer = simulator.handle(Request("api", "GET", path, headers=headers))
    url: str = json.loads(answer.body)["steps"][step]["output_url"]
    return url


def fetch(simulator: Simulator, url: str, **headers: str) -> Answer:
    """GET a presigned URL; underscores in header names are hyphens."""
    path, _, query = url.removeprefix(simulator.storage_origin).partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return simulator.handle(Request("storage", "GET", path, query, named))


def stored(simulator: Simulator, output: JSON | bytes) -> str:
    """Start an execution that is complete at once; the URL of its output."""
    return output_url(
        simulator, simulator.start(ExecutionScript([StepScript("parse", output=output)]))
    )


def test_an_output_is_what_the_script_says(carrier: Carrier) -> None:
    """JSON, bytes and the sample, each with type, length and tag."""
    simulator = carrier.simulator
    value = carrier.get(stored(simulator, {"pages": [1, "é"]}))
    assert value.body == '{"pages":[1,"é"]}'.encode()
    assert value.headers["content-type"] == "application/json"
    assert value.headers["content-length"] == str(len(value.body))
    assert value.headers["accept-ranges"] == "bytes"
    raw = carrier.get(stored(simulator, b"\x00\xff"))
    assert raw.body == b"\x00\xff"
    assert raw.headers["content-type"] == "application/octet-stream"
    assert raw.headers["etag"] != value.headers["etag"]
    sample = output_url(simulator, simulator.start(ExecutionScript([StepScript("parse")])))
    assert json.loads(carrier.get(sample).body) == {"step": "parse", "file": "987"}


def test_names_from_scripts_survive_the_url(carrier: Carrier) -> None:
    """Spaces, slashes and dots in a step name or file key lead to the output they belong to."""
    step = StepScript("../a b/ü", files=["x/../y?z"], output={"found": True})
    execution_id = carrier.simulator.start(ExecutionScript([step]))
    url = output_url(carrier.simulator, execution_id, step.name)
    assert carrier.get(url).body == b'{"found":true}'


def test_each_poll_signs_anew(simulator: Simulator, execution_path: str) -> None:
    """Two polls in the same second give two URLs, and both are valid."""
    execution_id = int(execution_path.rsplit("/", 1)[1])
    first, second = output_url(simulator, execution_id), output_url(simulator, execution_id)
    assert first != second
    assert first.partition("?")[0] == second.partition("?")[0]
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256&" in first
    assert "&X-Amz-Expires=3600&" in first
    assert [fetch(simulator, url).status for url in (first, second)] == [200, 200]


def test_a_url_expires_by_the_clock(carrier: Carrier, clock: VirtualClock) -> None:
    """Good for its lifetime to the second, then 403 in XML; the next poll gives a valid one."""
    execution_id = carrier.simulator.start(ExecutionScript([StepScript("parse")]))
    url = output_url(carrier.simulator, execution_id)
    clock.advance(3599)
    assert carrier.get(url).status == 200
    clock.advance(1)
    expired = carrier.get(url)
    assert expired.status == 403
    assert expired.headers["content-type"] == "application/xml"
    assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in expired.body
    assert carrier.get(output_url(carrier.simulator, execution_id)).status == 200


def test_a_changed_url_is_refused(simulator: Simulator) -> None:
    """Path, lifetime and signature are all under the signature."""
    url = stored(simulator, {})
    for changed in (
        url.replace("/parse/", "/extract/"),
        url.replace("X-Amz-Expires=3600", "X-Amz-Expires=9999"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url + "é",
    ):
        answer = fetch(simulator, changed)
        assert answer.status == 403
        assert b"<Code>SignatureDoesNotMatch</Code>" in answer.body
    assert fetch(simulator, url.partition("?")[0]).status == 403
    assert fetch(Simulator(VirtualClock()), url).status == 403


def test_storage_refuses_a_second_credential(simulator: Simulator) -> None:
    """As S3 does when a presigned URL comes with ``Authorization``."""
    answer = fetch(simulator, stored(simulator, {}), authorization="Bearer x")
    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body


def test_the_wrong_method_and_path_are_refused_in_xml(simulator: Simulator) -> None:
    """Storage speaks XML, also when it has nothing to say."""
    path = stored(simulator, {}).removeprefix(simulator.storage_origin).partition("?")[0]
    wrong = simulator.handle(Request("storage", "POST", path))
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET")
    nowhere = simulator.handle(Request("storage", "GET", "/x"))
    assert (nowhere.status, nowhere.headers["content-type"]) == (404, "application/xml")


def test_outputs_go_when_retention_is_over(simulator: Simulator, clock: VirtualClock) -> None:
    """Even while the URL is still good."""
    script = ExecutionScript([StepScript("parse", ends=10)], kept_for=60)
    execution_id = simulator.start(script)
    clock.advance(10)
    url = output_url(simulator, execution_id)
    clock.advance(59)
    assert fetch(simulator, url).status == 200
    clock.advance(1)
    gone = fetch(simulator, url)
    assert gone.status == 404
    assert b"<Code>NoSuchKey</Code>" in gone.body


def test_a_failed_run_can_have_an_output_of_its_own(simulator: Simulator) -> None:
    """Not by default, but a script may give it one."""
    steps = [StepScript("parse", outcome="FAILED", output={"why": "torn"}, content_type="text/x")]
    answer = fetch(simulator, output_url(simulator, simulator.start(ExecutionScript(steps))))
    assert (answer.body, answer.headers["content-type"]) == (b'{"why":"torn"}', "text/x")


@pytest.mark.parametrize(
    ("byte_range", "content_range", "body"),
    [
        ("bytes=0-3", "bytes 0-3/10", b"0123"),
        ("bytes=4-", "bytes 4-9/10", b"456789"),
        ("bytes=-2", "bytes 8-9/10", b"89"),
        ("bytes=8-99", "bytes 8-9/10", b"89"),
        ("bytes=-99", "bytes 0-9/10", b"0123456789"),
    ],
)
def test_a_range_is_answered_with_its_part(
    carrier: Carrier, byte_range: str, content_range: str, body: bytes
) -> None:
    """206, the part, and where it belongs."""
    outcome = carrier.get(stored(carrier.simulator, b"0123456789"), headers={"Range": byte_range})
    assert (outcome.status, outcome.body) == (206, body)
    assert outcome.headers["content-range"] == content_range
    assert outcome.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("byte_range", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_with_nothing_in_it_is_416(carrier: Carrier, byte_range: str) -> None:
    """And the answer says how long the object is."""
    outcome = carrier.get(stored(carrier.simulator, b"0123456789"), headers={"Range": byte_range})
    assert (outcome.status, outcome.headers["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize(
    "byte_range", ["bytes=0-1,4-5", "bytes=5-4", "lines=1-2", "bytes=-", "nonsense"]
)
def test_any_other_range_gets_the_whole(simulator: Simulator, byte_range: str) -> None:
    """A server may ignore what it does not support, and must ignore what it cannot read."""
    answer = fetch(simulator, stored(simulator, b"0123456789"), range=byte_range)
    assert (answer.status, answer.body) == (200, b"0123456789")


def test_if_range_guards_a_resumed_download(simulator: Simulator) -> None:
    """The part while the object is the same, the whole when it is another."""
    url = stored(simulator, b"0123456789")
    whole = fetch(simulator, url)
    for same in (whole.headers["etag"], whole.headers["last-modified"]):
        assert fetch(simulator, url, range="bytes=4-", if_range=same).status == 206
    assert fetch(simulator, url, range="bytes=4-", if_range='"other"').status == 200


@settings(deadline=None)
@given(body=st.binary(min_size=1, max_size=20), first=st.integers(0, 25), length=st.integers(0, 25))
def test_a_range_is_a_slice(body: bytes, first: int, length: int) -> None:
    """Whatever the body and the range."""
    simulator = Simulator(VirtualClock())
    answer = fetch(simulator, stored(simulator, body), range=f"bytes={first}-{first + length}")
    part = body[first : first + length + 1]
    assert (answer.status, answer.body if part else b"") == (206 if part else 416, part)


def test_a_signed_url_of_a_file_that_is_gone_finds_nothing() -> None:
    simulator = Simulator(VirtualClock())
    file_id = simulator.files.add("report.pdf", b"%PDF-1.7")
    path = f"/api/v1/files/{file_id}/download"
    headers = {"X-API-Key": simulator.api_key}
    answer = simulator.handle(Request("api", "GET", path, headers=headers))
    url = httpx.URL(json.loads(answer.body)["download_url"])
    deleted = simulator.handle(
        Request("api", "DELETE", path.removesuffix("/download"), headers=headers)
    )
    assert deleted.status == 200
    query = url.query.decode()
    found = simulator.handle(
        Request("storage", "GET", url.raw_path.decode().partition("?")[0], query)
    )
    assert found.status == 404


def test_a_run_without_an_output_has_none_in_storage() -> None:
    simulator = Simulator(VirtualClock())
    execution_id = simulator.start(ExecutionScript([StepScript("parse", output=None)]))
    headers = {"X-API-Key": simulator.api_key}
    request = Request("api", "GET", f"/api/v1/workflows/executions/{execution_id}", headers=headers)
    run = json.loads(simulator.handle(request).body)["steps"]["parse"]
    assert run.get("output_url") is None


def test_a_signed_url_of_a_run_that_is_not_there_finds_nothing() -> None:
    simulator = Simulator(VirtualClock())
    script = ExecutionScript([StepScript("parse"), StepScript("tell", output=None)])
    execution_id = simulator.start(script)
    for step in ("parse", "tell", "nothing"):
        file_key = "987" if step == "tell" else "none"
        url = presigned_output(simulator._state, execution_id, step, file_key)
        assert fetch(simulator, url).status == 404


def test_nothing_is_sent_to_the_url_of_a_file_that_is_gone() -> None:
    simulator = Simulator(VirtualClock())
    headers = {"X-API-Key": simulator.api_key}
    body = json.dumps({"filename": "a.pdf", "content_type": "application/pdf"}).encode()
    given_ = simulator.handle(
        Request("api", "POST", "/api/v1/files/upload", headers=headers, body=body)
    )
    ticket = json.loads(given_.body)
    path = f"/api/v1/files/{ticket['file_id']}"
    assert simulator.handle(Request("api", "DELETE", path, headers=headers)).status == 200
    url = httpx.URL(ticket["upload_url"])
    sent = Request(
        "storage",
        "PUT",
        url.raw_path.decode().partition("?")[0],
        url.query.decode(),
        {"Content-Type": "application/pdf", "Content-Length": "1"},
        b"x",
    )
    assert simulator.handle(sent).status == 404
