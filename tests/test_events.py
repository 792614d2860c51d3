"""Events: what listeners hear, of both clients, and what they can and cannot disturb."""

from __future__ import annotations

import json
import logging
import pickle
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest

from datalab_facade import DownloadError, InvalidArgumentError, LocalRateLimiter, NotFoundError
from datalab_facade.events import (
    ActivityFinished,
    ActivityStarted,
    Event,
    JobEnded,
    PollFinished,
    RateLimitWaited,
    RequestFinished,
    RequestSent,
    RetryScheduled,
    TransferFinished,
)
from datalab_facade.testing import ExecutionScript, Fault, Simulator, SimulatorServer, StepScript
from tests.conftest import leaks_in
from tests.in_process import FAILS, NEVER_ENDS, SOON, new_simulator
from tests.secrets_for_tests import API_KEY
from tests.ways import KINDS_ON_SOCKETS, Kind, Way

T = TypeVar("T", bound=Event)


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


class Heard:
    """What a listener heard."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def activities(self) -> list[str]:
        return [event.name for event in self.of(ActivityStarted)]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def check(heard: Heard) -> None:
    """See that all that begins ends, after what is a part of it, and that nothing is secret."""
    begun: dict[int, int | None] = {}
    ended: set[int] = set()
    for event in heard.events:
        assert event.parent_id is None or event.parent_id in begun
        assert event.parent_id not in ended
        if isinstance(event, (ActivityStarted, RequestSent)):
            assert event.id not in begun
            begun[event.id] = event.parent_id
        elif isinstance(event, (ActivityFinished, RequestFinished)):
            assert begun[event.id] == event.parent_id
            ended.add(event.id)
            assert event.seconds >= 0
        assert pickle.loads(pickle.dumps(event)) == event
        assert not leaks_in(json.dumps(attrs.asdict(event)))
    assert ended == set(begun)


def test_a_call_is_a_request_that_is_sent_and_finished(
    way: Way, simulator: Simulator, heard: Heard
) -> None:
    simulator.inject(Fault.delay(1.5))
    client = way.client(simulator, listeners=[heard])
    execution_id = simulator.start(SOON)
    way.done(client.executions.get(execution_id))
    sent, finished = heard.events
    assert isinstance(sent, RequestSent)
    assert isinstance(finished, RequestFinished)
    assert attrs.asdict(finished).items() >= attrs.asdict(sent).items()
    assert (sent.operation, sent.method, sent.attempt) == ("get_execution_status", "GET", 1)
    assert sent.url == f"https://www.datalab.to/api/v1/workflows/executions/{execution_id}"
    assert sent.url_template == "/api/v1/workflows/executions/{execution_id}"
    assert (sent.job_kind, sent.job_id) == ("execution", execution_id)
    assert (sent.server_address, sent.server_port) == ("www.datalab.to", 443)
    assert (finished.status, finished.error, finished.seconds) == (200, None, 1.5)
    check(heard)


def test_what_is_retried_is_told_with_its_reason(
    way: Way, simulator: Simulator, heard: Heard
) -> None:
    simulator.inject(
        Fault.status(503, {"detail": "busy"}, {"X-Request-Id": "req-7"}), Fault.reset()
    )
    client = way.client(simulator, listeners=[heard], random=lambda: 0.5)
    way.done(client.executions.get(simulator.start(SOON)))
    first, second = heard.of(RetryScheduled)
    assert (first.reason, first.status, first.attempt) == ("OverloadedError", 503, 2)
    assert (second.reason, second.status, second.attempt) == ("APIConnectionError", None, 3)
    assert 0 < first.seconds < second.seconds
    assert first.max_retries == 2
    requests = heard.of(RequestFinished)
    assert [one.attempt for one in requests] == [1, 2, 3]
    assert [one.status for one in requests] == [503, None, 200]
    assert [one.error for one in requests] == [None, "APIConnectionError", None]
    assert [one.request_id for one in requests] == ["req-7", None, None]
    check(heard)


@pytest.mark.parametrize("script", [SOON, FAILS], ids=["completed", "failed"])
def test_a_wait_tells_its_polls_and_the_end_of_its_job(
    way: Way, simulator: Simulator, heard: Heard, script: Any
) -> None:
    client = way.client(simulator, listeners=[heard])
    simulator.inject(Fault.status(503))
    execution_id = simulator.start(script)
    execution = way.done(client.executions.wait(execution_id))
    polls = heard.of(PollFinished)
    assert len(polls) == len(simulator.requests)
    assert [poll.is_terminal for poll in polls] == [False] * (len(polls) - 1) + [True]
    assert [poll.error for poll in polls[:2]] == ["OverloadedError", None]
    assert polls[-1].status == execution.status
    [ended] = heard.of(JobEnded)
    assert (ended.status, ended.succeeded) == (execution.status, execution.succeeded)
    assert ended.seconds == (300 if script is SOON else 60)
    [retry] = heard.of(RetryScheduled)
    [started] = heard.of(ActivityStarted)
    [finished] = heard.of(ActivityFinished)
    assert started.name == finished.name == "wait"
    assert finished.seconds >= (ended.seconds or 0) > 0
    for event in heard.events:
        assert (event.job_kind, event.job_id) == ("execution", execution_id)
        assert event.parent_id == (started.id if event not in (started, finished) else None)
    assert retry.attempt == 2
    check(heard)


def test_a_status_is_told_as_it_may_be_shown(way: Way, simulator: Simulator, heard: Heard) -> None:
    odd = "https://bucket.example/a?X-Amz-Signature=5ecre7" + 500 * "x"
    script = ExecutionScript(status=((0, odd), (20, "COMPLETED")))
    client = way.client(simulator, listeners=[heard])
    way.done(client.executions.wait(simulator.start(script)))
    words = {event.status for event in heard.of(PollFinished)}
    assert words == {"https://bucket.example/a?…", "COMPLETED"}


def test_a_wait_for_many_has_a_wait_for_each(way: Way, simulator: Simulator, heard: Heard) -> None:
    client = way.client(simulator, listeners=[heard])
    simulator.inject(Fault.status(503))
    ids = [simulator.start(script) for script in (SOON, FAILS, SOON)]
    outcomes = way.done(client.executions.wait_many([*ids, 404, ids[0]]))
    assert [outcome.succeeded for outcome in outcomes] == [True, False, True, False, True]
    assert sorted(heard.activities()) == ["wait"] * 4 + ["wait_many"]
    [whole] = [one for one in heard.of(ActivityStarted) if one.name == "wait_many"]
    waits = {one.job_id: one for one in heard.of(ActivityStarted) if one.name == "wait"}
    assert set(waits) == {*ids, 404}
    assert {one.parent_id for one in waits.values()} == {whole.id}
    for request in heard.of(RequestSent):
        assert request.parent_id == waits[request.job_id].id
        assert request.url.endswith(f"/{request.job_id}")
    assert sorted(str(one.job_id) for one in heard.of(JobEnded)) == sorted(map(str, ids))
    # All that failed was retried, except for the last poll of the job that is not there.
    failed = [poll.error for poll in heard.of(PollFinished) if poll.error is not None]
    assert len(heard.of(RetryScheduled)) == len(failed) - 1
    ends = {one.job_id: one.error for one in heard.of(ActivityFinished) if one.name == "wait"}
    assert ends == {ids[0]: None, ids[1]: None, ids[2]: None, 404: "NotFoundError"}
    check(heard)


@pytest.mark.parametrize("method", ["watch", "watch_many", "as_completed"])
def test_what_is_left_early_ends_without_error(
    way: Way, simulator: Simulator, heard: Heard, method: str
) -> None:
    client = way.client(simulator, listeners=[heard])
    ids = [simulator.start(SOON), simulator.start(NEVER_ENDS)]
    call = getattr(client.executions, method)
    way.collect(call(ids[0] if method == "watch" else ids), most=1)
    assert heard.of(ActivityFinished)
    assert {one.error for one in heard.of(ActivityFinished)} == {None}
    check(heard)


def test_transfers_tell_their_direction_their_bytes_and_their_parts(
    way: Way, simulator: Simulator, heard: Heard, tmp_path: Path
) -> None:
    client = way.client(simulator, listeners=[heard])
    execution = way.done(client.executions.wait(simulator.start(SOON)))
    heard.events.clear()
    manifest = way.done(client.outputs.save_all(execution, tmp_path))
    assert heard.activities() == ["save_all", "download", "download"]
    downloads = heard.of(TransferFinished)
    assert {one.direction for one in downloads} == {"download"}
    assert sum(one.bytes for one in downloads) == sum(one.bytes for one in manifest.saved)
    [whole] = [one for one in heard.of(ActivityStarted) if one.name == "save_all"]
    assert {one.parent_id for one in downloads} == {whole.id}
    assert {(one.job_kind, one.job_id) for one in downloads} == {("execution", execution.id)}
    assert {one.url for one in heard.of(RequestSent)} == {"https://storage.datalab.invalid/…"}
    check(heard)
    heard.events.clear()
    secret = tmp_path / "salaries of 2025.pdf"
    secret.write_bytes(b"x" * 5_000)
    [outcome] = way.collect(client.files.upload_many([secret]))
    assert outcome.file is not None
    assert heard.activities() == ["upload_many", "upload"]
    [upload] = heard.of(TransferFinished)
    assert (upload.direction, upload.bytes, upload.error) == ("upload", 5_000, None)
    operations = [one.operation for one in heard.of(RequestSent)]
    assert operations == ["request_upload_url", None, "confirm_upload"]
    assert not any("salaries" in json.dumps(attrs.asdict(one)) for one in heard.events)
    check(heard)


def test_a_transfer_that_fails_says_why(way: Way, simulator: Simulator, heard: Heard) -> None:
    client = way.client(simulator, listeners=[heard])
    execution = way.done(client.executions.wait(simulator.start(SOON)))
    simulator.inject_always(Fault.status(404), origin="storage")
    with pytest.raises(DownloadError) as caught:
        way.done(client.outputs.read_bytes(execution.outputs[0]))
    [transfer] = heard.of(TransferFinished)
    assert (transfer.error, transfer.message) == ("DownloadError", str(caught.value))
    assert {one.status for one in heard.of(RetryScheduled)} <= {404, None}
    check(heard)


def test_a_run_is_the_parent_of_all_that_it_does(
    way: Way, simulator: Simulator, heard: Heard, tmp_path: Path
) -> None:
    client = way.client(simulator, listeners=[heard])
    workflow_id = simulator.workflows.add("Any", [])
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("a.pdf", "b.pdf"):
        (scans / name).write_bytes(name.encode())
    simulator.script_for(workflow_id, SOON)
    report = way.done(client.run(workflow_id, scans, output_dir=tmp_path / "results"))
    assert report
    counts = Counter(heard.activities())
    assert counts["run"] == counts["wait_many"] == 1
    assert counts["upload"] == counts["save_all"] == counts["wait"] == 2
    begun: list[ActivityStarted | RequestSent] = [
        *heard.of(ActivityStarted),
        *heard.of(RequestSent),
    ]
    parents = {one.id: one.parent_id for one in begun}
    names = {one.id: one.name for one in heard.of(ActivityStarted)}

    def root(number: int) -> int:
        parent = parents[number]
        return number if parent is None else root(parent)

    assert {names[root(number)] for number in parents} == {"run"}
    check(heard)


def test_waiting_for_the_rate_limit_is_told(way: Way, simulator: Simulator, heard: Heard) -> None:
    limiter = LocalRateLimiter(6, burst=1)
    client = way.client(simulator, listeners=[heard], rate_limiter=limiter)
    execution_id = simulator.start(SOON)
    for _ in range(2):
        way.done(client.executions.get(execution_id))
    [waited] = heard.of(RateLimitWaited)
    assert waited.seconds == pytest.approx(10, abs=0.5)
    assert waited.requests_per_minute == 6
    check(heard)


def test_several_listeners_are_called_and_ends_in_the_opposite_order(
    way: Way, simulator: Simulator
) -> None:
    order: list[str] = []

    def named(name: str) -> Callable[[Event], None]:
        return lambda event: order.append(f"{name} {type(event).__name__}")

    client = way.client(simulator, listeners=(named("a"), named("b")))
    way.done(client.executions.get(simulator.start(SOON)))
    assert order == ["a RequestSent", "b RequestSent", "b RequestFinished", "a RequestFinished"]


def test_a_listener_that_raises_disturbs_nothing_and_is_logged_once(
    way: Way, simulator: Simulator, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Event) -> None:
        raise LookupError(f"https://a.example/x?X-Amz-Signature=abc\nof {type(event).__name__}")

    client = way.client(simulator, listeners=[fail, heard])
    way.done(client.executions.wait(simulator.start(SOON)))
    [record] = [one for one in caplog.records if one.name == "datalab_facade.events"]
    assert record.levelno == logging.ERROR
    assert "LookupError" in record.getMessage()
    assert ".py:" in record.getMessage()
    assert "Signature" not in record.getMessage()
    assert record.getMessage().isprintable()
    assert record.exc_info is None
    check(heard)


def test_a_listeners_error_that_cannot_be_shown_is_logged_all_the_same(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise ValueError

    def fail(_: Event) -> None:
        raise UnprintableError

    client = way.client(simulator, listeners=[fail])
    way.done(client.executions.get(simulator.start(SOON)))
    [record] = [one for one in caplog.records if one.name == "datalab_facade.events"]
    assert "UnprintableError" in record.getMessage()


def test_a_job_that_was_never_polled_has_no_wait(
    way: Way, simulator: Simulator, heard: Heard
) -> None:
    client = way.client(simulator, listeners=[heard])
    outcomes = way.collect(client.executions.as_completed(["wrong", simulator.start(SOON)]))
    assert [outcome.succeeded for outcome in outcomes] == [False, True]
    assert sorted(heard.activities()) == ["wait", "wait_many"]
    check(heard)


@pytest.mark.parametrize("wrong", [print, [5], 5, ["listener"]])
def test_what_cannot_listen_is_refused(way: Way, simulator: Simulator, wrong: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="isten"):
        way.client(simulator, listeners=wrong)


def test_an_async_listener_is_refused(way: Way, simulator: Simulator) -> None:
    async def listen(_: Event) -> None: ...

    class Listens:
        async def __call__(self, _: Event) -> None: ...

    for listener in (listen, Listens()):
        with pytest.raises(InvalidArgumentError, match="plain function"):
            way.client(simulator, listeners=[listener])


def test_a_view_reports_like_its_client(way: Way, simulator: Simulator, heard: Heard) -> None:
    client = way.client(simulator, listeners=[heard]).with_options(max_retries=0)
    with pytest.raises(NotFoundError):
        way.done(client.executions.get(404))
    assert [one.status for one in heard.of(RequestFinished)] == [404]


_CALLER: ContextVar[str] = ContextVar("caller", default="nobody")


def test_listeners_see_the_context_variables_of_the_caller_in_fan_outs_too(
    way: Way, simulator: Simulator, tmp_path: Path
) -> None:
    seen: set[tuple[str, str]] = set()

    def listen(event: Event) -> None:
        seen.add((type(event).__name__, _CALLER.get()))

    client = way.client(simulator, listeners=[listen])
    execution = way.done(client.executions.wait(simulator.start(SOON)))
    seen.clear()

    async def mark() -> None:
        _CALLER.set("tenant 7")

    def call() -> None:
        if way.is_async:
            # All that a runner runs has one context.
            way.done(mark())
        _CALLER.set("tenant 7")
        way.done(client.outputs.save_all(execution, tmp_path))
        way.collect(client.files.upload_many([("a.pdf", b"a"), ("b.pdf", b"b")]))

    copy_context().run(call)
    assert {caller for _, caller in seen} == {"tenant 7"}
    assert ("TransferFinished", "tenant 7") in seen


@pytest.mark.parametrize("kind", KINDS_ON_SOCKETS)
def test_events_come_on_real_connections_too(kind: Kind, heard: Heard) -> None:
    with Way(kind) as way, SimulatorServer(Simulator(api_key=API_KEY)) as server:
        client = way.network_client(base_url=server.api_url, listeners=[heard])
        execution_id = server.simulator.start(ExecutionScript([StepScript("parse")]))
        execution = way.done(client.executions.wait(execution_id))
        way.done(client.outputs.read_json(execution.outputs[0]))
    assert heard.activities() == ["wait", "download"]
    assert [one.status for one in heard.of(RequestFinished)] == [200, 200]
    check(heard)
