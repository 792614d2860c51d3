"""Spans: one for each wait, one for each request, none with a secret in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from datalab_facade import (
    APIConnectionError,
    APITimeoutError,
    Change,
    DownloadError,
    Execution,
    InternalServerError,
    InvalidResponseError,
    NotFoundError,
    WaitTimeoutError,
)
from datalab_facade.events import ActivityFinished, JobEnded, RequestFinished, TransferFinished
from datalab_facade.opentelemetry import OpenTelemetryListener
from datalab_facade.testing import Fault, Simulator
from tests.conftest import leaks_in
from tests.in_process import FAILS, NEVER_ENDS, SOON, asynchronous, new_simulator
from tests.secrets_for_tests import API_KEY
from tests.ways import Way


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


class Spans(InMemorySpanExporter):
    """Spans that have ended, and where to begin them."""

    def __init__(self) -> None:
        super().__init__()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.listener = OpenTelemetryListener(self.provider, self.meters)
        self.second = OpenTelemetryListener(self.provider, self.meters)

    def points(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """Give what was measured: the labels and the value of each series, by metric."""
        data: Any = self._reader.get_metrics_data()
        [scope] = data.resource_metrics[0].scope_metrics
        assert not leaks_in(data.to_json())
        return {
            metric.name: [(dict(point.attributes), point) for point in metric.data.data_points]
            for metric in scope.metrics
        }

    @property
    def waits(self) -> list[ReadableSpan]:
        return [span for span in self.get_finished_spans() if span.name == "datalab.wait"]

    @property
    def requests(self) -> list[ReadableSpan]:
        return [span for span in self.get_finished_spans() if span.name.startswith("GET")]


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Give a provider of this test's own; none is left when a span tells a secret."""
    spans = Spans()
    yield spans
    for span in spans.get_finished_spans():
        assert not leaks_in(span.to_json())
    spans.provider.shutdown()
    spans.meters.shutdown()


def parents(spans: Sequence[ReadableSpan]) -> set[int | None]:
    return {span.parent.span_id if span.parent is not None else None for span in spans}


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return int(context.span_id)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("method", ["wait", "result"])
def test_a_wait_is_one_span_and_its_requests_are_its_children(
    way: Way, simulator: Simulator, spans: Spans, method: str
) -> None:
    client = way.client(simulator, listeners=[spans.listener])
    execution_id = simulator.start(SOON)
    way.done(getattr(client.executions, method)(execution_id))
    [wait] = spans.waits
    assert len(spans.requests) == len(simulator.requests) > 2
    assert len(spans.get_finished_spans()) == len(spans.requests) + 1
    assert parents(spans.requests) == {id_of(wait)}
    assert wait.parent is None
    assert attributes(wait) == {"datalab.job.kind": "execution", "datalab.job.id": execution_id}
    assert wait.status.status_code is StatusCode.UNSET


def test_a_request_tells_its_method_its_address_and_its_status(
    way: Way, simulator: Simulator, spans: Spans
) -> None:
    client = way.client(simulator, listeners=[spans.listener])
    execution_id = simulator.start(SOON)
    way.done(client.executions.get(execution_id))
    [request] = spans.get_finished_spans()
    assert request.parent is None
    assert attributes(request) == {
        "http.request.method": "GET",
        "url.full": f"https://www.datalab.to/api/v1/workflows/executions/{execution_id}",
        "url.template": "/api/v1/workflows/executions/{execution_id}",
        "server.address": "www.datalab.to",
        "server.port": 443,
        "http.response.status_code": 200,
        "datalab.operation": "get_execution_status",
        "datalab.job.kind": "execution",
        "datalab.job.id": execution_id,
    }
    assert request.name == "GET /api/v1/workflows/executions/{execution_id}"
    assert request.kind is trace.SpanKind.CLIENT
    assert request.status.status_code is StatusCode.UNSET


def test_each_try_of_a_look_is_a_span(way: Way, simulator: Simulator, spans: Spans) -> None:
    simulator.inject(Fault.status(503), Fault.reset())
    client = way.client(simulator, listeners=[spans.listener])
    way.done(client.executions.get(simulator.start(SOON)))
    first, second, third = spans.get_finished_spans()
    codes = [attributes(span).get("http.response.status_code") for span in (first, second, third)]
    assert codes == [503, None, 200]
    failed = [span.status.status_code is StatusCode.ERROR for span in (first, second, third)]
    assert failed == [True, True, False]
    resent = [attributes(span).get("http.request.resend_count") for span in (first, second, third)]
    assert resent == [None, 1, 2]


@pytest.mark.parametrize("most", [1, None])
def test_a_watch_is_a_span_that_ends_without_error_also_when_it_is_left_early(
    way: Way, simulator: Simulator, spans: Spans, most: int | None
) -> None:
    client = way.client(simulator, listeners=[spans.listener])
    watched = client.executions.watch(simulator.start(SOON))
    assert not spans.get_finished_spans()
    way.changes(watched, most=most)
    [wait] = spans.waits
    assert wait.status.status_code is StatusCode.UNSET
    assert parents(spans.requests) == {id_of(wait)}
    assert len(spans.requests) == len(simulator.requests)
    assert (len(simulator.requests) == 1) == (most == 1)


def test_what_is_done_between_two_changes_belongs_to_whoever_does_it(
    simulator: Simulator, spans: Spans
) -> None:
    """A span of the caller's that begins while a watch is open is not the wait's child."""
    client = Way("sync").client(simulator, listeners=[spans.listener])
    tracer = spans.provider.get_tracer("test")
    with tracer.start_as_current_span("job") as job:
        for _ in client.executions.watch(simulator.start(SOON)):
            with tracer.start_as_current_span("inside"):
                pass
        assert trace.get_current_span() is job
    [outer] = [span for span in spans.get_finished_spans() if span.name == "job"]
    inside = [span for span in spans.get_finished_spans() if span.name == "inside"]
    assert parents(inside) == {id_of(outer)} == parents(spans.waits)


async def test_waits_side_by_side_do_not_mix_up_their_requests(spans: Spans) -> None:
    simulator = new_simulator()
    client = asynchronous(simulator, listeners=[spans.listener])
    ids = [simulator.start(SOON) for _ in range(5)]
    await asyncio.gather(*[client.executions.wait(number) for number in ids])
    waits = {id_of(wait): attributes(wait)["datalab.job.id"] for wait in spans.waits}
    assert sorted(waits.values()) == ids
    for request in spans.requests:
        assert request.parent is not None
        asked = attributes(request)["url.full"].rpartition("/")[2]
        assert waits[request.parent.span_id] == int(asked)


def test_a_callback_that_raises_ends_the_span(way: Way, simulator: Simulator, spans: Spans) -> None:
    def fail(change: Change[Execution]) -> None:
        raise LookupError

    client = way.client(simulator, listeners=[spans.listener])
    with pytest.raises(LookupError):
        way.done(client.executions.wait(simulator.start(NEVER_ENDS), on_change=fail))
    assert len(spans.waits) == len(spans.requests) == 1


def test_a_wait_that_times_out_says_so(way: Way, simulator: Simulator, spans: Spans) -> None:
    client = way.client(simulator, listeners=[spans.listener])
    with pytest.raises(WaitTimeoutError) as caught:
        way.done(client.executions.wait(simulator.start(NEVER_ENDS), timeout=60))
    [wait] = spans.waits
    assert wait.status.status_code is StatusCode.ERROR
    assert wait.status.description == str(caught.value)
    assert attributes(wait)["error.type"] == "WaitTimeoutError"
    assert {span.status.status_code for span in spans.requests} == {StatusCode.UNSET}


def test_a_failed_execution_is_no_failed_wait(way: Way, simulator: Simulator, spans: Spans) -> None:
    client = way.client(simulator, listeners=[spans.listener])
    assert way.done(client.executions.wait(simulator.start(FAILS))).failed
    assert {span.status.status_code for span in spans.get_finished_spans()} == {StatusCode.UNSET}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.status(404), NotFoundError),
        (Fault.status(503), InternalServerError),
        (Fault.hang(), APITimeoutError),
        (Fault.reset(), APIConnectionError),
        (Fault.truncate(10), APIConnectionError),
    ],
    ids=["404", "503", "hang", "reset", "cut"],
)
def test_a_request_that_fails_says_so_as_the_conventions_want_it(
    way: Way, simulator: Simulator, spans: Spans, fault: Fault, kind: type[Exception]
) -> None:
    simulator.inject_always(fault)
    client = way.client(simulator, listeners=[spans.listener], max_retries=0)
    with pytest.raises(kind) as caught:
        way.done(client.executions.get(simulator.start(SOON)))
    [request] = spans.get_finished_spans()
    assert request.status.status_code is StatusCode.ERROR
    code = getattr(caught.value, "status", None)
    assert attributes(request).get("http.response.status_code") == code
    assert attributes(request)["error.type"] == (str(code) if code else kind.__name__)
    assert not request.events


def test_an_error_that_ends_a_wait_is_told_by_its_span(
    way: Way, simulator: Simulator, spans: Spans
) -> None:
    simulator.inject_always(Fault.html())
    client = way.client(simulator, listeners=[spans.listener])
    with pytest.raises(InvalidResponseError):
        way.done(client.executions.wait(simulator.start(SOON), max_retries=1))
    [wait] = spans.waits
    assert wait.status.status_code is StatusCode.ERROR
    assert attributes(wait)["error.type"] == "InvalidResponseError"
    assert parents(spans.requests) == {id_of(wait)}


def test_an_output_that_is_fetched_is_a_span_without_its_signature(
    way: Way, simulator: Simulator, spans: Spans
) -> None:
    client = way.client(simulator, listeners=[spans.listener])
    execution = way.done(client.executions.wait(simulator.start(SOON)))
    spans.clear()
    [output, _] = execution.outputs
    assert "X-Amz-Signature" in output.url
    way.done(client.outputs.read_bytes(output))
    simulator.inject(Fault.reset(), Fault.status(403), origin="storage")
    way.done(client.outputs.read_bytes(output))
    simulator.inject_always(Fault.status(410), origin="storage")
    with pytest.raises(DownloadError):
        way.done(client.outputs.read_bytes(output))
    downloads = [span for span in spans.get_finished_spans() if span.name == "datalab.download"]
    assert len(downloads) == 3
    fetched = [span for span in spans.requests if span.name == "GET"]
    assert parents(fetched) == {id_of(download) for download in downloads}
    # The path may hold the name of a document.
    assert {attributes(span)["url.full"] for span in fetched} == {
        "https://storage.datalab.invalid/…"
    }
    assert attributes(downloads[0])["datalab.transfer.bytes"] > 0
    assert downloads[-1].status.status_code is StatusCode.ERROR
    codes = [span.status.status_code for span in fetched]
    assert codes[:4] == [StatusCode.UNSET, StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET]
    assert len(codes) >= 5


def test_an_echoed_key_is_not_told(way: Way, simulator: Simulator, spans: Spans) -> None:
    client = way.client(simulator, listeners=[spans.listener], max_retries=0)
    simulator.inject(
        Fault.status(401, {"detail": f"{API_KEY} is wrong"}, {"Server": API_KEY}),
        Fault.status(200, f"<html>{API_KEY}".encode()),
    )
    for _ in range(2):
        with pytest.raises(Exception, match=r"401|html"):
            way.done(client.executions.wait(7, max_retries=0))
    assert len(spans.waits) == 2  # what they tell is looked at as the fixture ends


def test_by_default_there_are_no_spans(
    way: Way, simulator: Simulator, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", spans.provider)
    assert trace.get_tracer_provider() is spans.provider
    client = way.client(simulator)
    way.done(client.executions.wait(simulator.start(SOON)))
    assert not spans.get_finished_spans()


def test_the_global_provider_is_used_when_none_is_named(
    simulator: Simulator, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", spans.provider)
    client = Way("sync").client(simulator, listeners=[OpenTelemetryListener()])
    client.executions.get(simulator.start(SOON))
    [request] = spans.get_finished_spans()
    assert request.instrumentation_scope is not None
    assert request.instrumentation_scope.name == "datalab_facade"


def test_a_view_traces_like_its_client(simulator: Simulator, spans: Spans) -> None:
    client = Way("sync").client(simulator, listeners=[spans.listener]).with_options(max_retries=1)
    client.executions.get(simulator.start(SOON))
    assert len(spans.requests) == 1


def test_a_request_that_is_cut_off_by_a_cancelled_task_ends_its_spans(spans: Spans) -> None:
    async def cancelled() -> None:
        asked = asyncio.Event()
        # On real time, so that the answer is still awaited when the task is cancelled.
        simulator = Simulator(api_key=API_KEY)

        def hang(*_: object) -> Fault:
            asked.set()
            return Fault.hang()

        simulator.inject_with(hang)
        client = asynchronous(simulator, listeners=[spans.listener])
        waiting = asyncio.create_task(client.executions.wait(simulator.start(NEVER_ENDS)))
        await asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelled())
    assert len(spans.waits) == len(spans.requests) == 1
    assert attributes(spans.waits[0])["error.type"] == "CancelledError"


def test_what_went_on_before_the_listener_came_has_no_span_but_is_measured(spans: Spans) -> None:
    request = {"id": 2, "method": "GET", "operation": "list_files", "url_template": "/api/v1/files"}
    where = {"url": "https://a.example/…", "server_address": "a.example", "server_port": 443}
    finished: Any = RequestFinished
    spans.listener(finished(**request, **where, attempt=1, seconds=2.0, status=200))
    for direction in ("download", "upload"):
        transfer: Any = TransferFinished
        spans.listener(
            transfer(id=1, name=direction, direction=direction, bytes=5, seconds=1.0, parent_id=7)
        )
    spans.listener(ActivityFinished(id=3, name="wait", seconds=1.0, error="WaitTimeoutError"))
    spans.listener(
        JobEnded(job_kind="toast", job_id="a1", status="complete", succeeded=True, seconds=None)
    )
    assert not spans.get_finished_spans()
    points = spans.points()
    assert set(points) == {
        "http.client.request.duration",
        "datalab.client.transfer.duration",
        "datalab.client.transfer.io",
        "datalab.jobs.ended",
    }


def test_a_retry_is_an_event_of_its_wait_and_the_id_of_the_answer_is_told(
    way: Way, simulator: Simulator, spans: Spans
) -> None:
    simulator.inject(Fault.status(503, None, {"X-Request-Id": "req-7"}))
    client = way.client(simulator, listeners=[spans.listener])
    way.done(client.executions.wait(simulator.start(SOON)))
    [wait] = spans.waits
    [event] = wait.events
    assert event.name == "retry"
    assert dict(event.attributes or {})["error.type"] == "503"
    assert attributes(spans.requests[0])["datalab.request_id"] == "req-7"


def test_waits_for_many_saving_and_runs_have_spans_with_parents(
    way: Way, simulator: Simulator, spans: Spans, tmp_path: Path
) -> None:
    client = way.client(simulator, listeners=[spans.listener])
    executions = [simulator.start(SOON) for _ in range(2)]
    way.done(client.executions.wait_many(executions))
    workflow_id = simulator.workflows.add("Any", [])
    simulator.script_for(workflow_id, SOON)
    (tmp_path / "a.pdf").write_bytes(b"a")
    way.done(client.run(workflow_id, tmp_path / "a.pdf", output_dir=tmp_path / "results"))
    found = {id_of(span): span for span in spans.get_finished_spans()}

    def path(span: ReadableSpan) -> str:
        parent = None if span.parent is None else found[span.parent.span_id]
        name = span.name if span.name.startswith("datalab.") else span.name.split()[0]
        return name if parent is None else f"{path(parent)} {name}"

    many = "datalab.wait_many datalab.wait"
    assert {path(span) for span in found.values()} == {
        "datalab.wait_many",
        many,
        f"{many} GET",
        "datalab.run",
        "datalab.run GET",
        "datalab.run POST",
        "datalab.run datalab.upload",
        "datalab.run datalab.upload POST",
        "datalab.run datalab.upload PUT",
        "datalab.run datalab.upload GET",
        "datalab.run datalab.wait_many",
        f"datalab.run {many}",
        f"datalab.run {many} GET",
        "datalab.run datalab.save_all",
        "datalab.run datalab.save_all datalab.download",
        "datalab.run datalab.save_all datalab.download GET",
    }


def test_spans_of_the_caller_are_the_parents_in_threads_too(
    simulator: Simulator, spans: Spans, tmp_path: Path
) -> None:
    client = Way("sync").client(simulator, listeners=[spans.listener])
    execution = client.executions.wait(simulator.start(SOON))
    spans.clear()
    seen: set[trace.Span] = set()
    tracer = spans.provider.get_tracer("test")
    with tracer.start_as_current_span("nightly") as job:
        client.outputs.save_all(
            execution, tmp_path, on_progress=lambda _: seen.add(trace.get_current_span())
        )
        list(client.files.upload_many([("a.pdf", b"a"), ("b.pdf", b"b")]))
    assert seen == {job}
    tops = [
        span
        for span in spans.get_finished_spans()
        if span.name in {"datalab.save_all", "datalab.upload_many"}
    ]
    assert parents(tops) == {job.get_span_context().span_id}
    assert len(tops) == 2


def test_a_request_is_the_current_span_while_it_is_under_way(
    way: Way, simulator: Simulator, spans: Spans
) -> None:
    seen: list[trace.Span] = []

    def look(*_: object) -> None:
        seen.append(trace.get_current_span())

    simulator.inject_with(look)
    client = way.client(simulator, listeners=[spans.listener, spans.second])
    way.done(client.executions.get(simulator.start(SOON)))
    first, second = sorted(spans.requests, key=lambda span: span.start_time or 0)
    [current] = seen
    # Of two listeners the second is inside the first, and both are taken down.
    assert current.get_span_context().span_id == id_of(second)
    assert parents([second]) == {id_of(first)}
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_metrics_are_those_of_the_conventions_and_a_few_more(
    way: Way, simulator: Simulator, spans: Spans, tmp_path: Path
) -> None:
    client = way.client(simulator, listeners=[spans.listener], requests_per_minute=6)
    simulator.inject(Fault.status(503), Fault.reset())
    execution = way.done(client.executions.wait(simulator.start(SOON)))
    manifest = way.done(client.outputs.save_all(execution, tmp_path))
    way.done(client.files.upload(b"x" * 99, name="a.pdf"))
    with pytest.raises(NotFoundError):
        way.done(client.executions.get(404))
    points = spans.points()
    where = {
        "http.request.method": "GET",
        "server.address": "www.datalab.to",
        "server.port": 443,
        "url.template": "/api/v1/workflows/executions/{execution_id}",
    }
    requests = {
        tuple(sorted(labels.items())): point.count
        for labels, point in points["http.client.request.duration"]
    }

    answered = tuple(sorted({**where, "http.response.status_code": 200}.items()))
    assert requests[answered] == len(simulator.requests.of("api")) - 5
    refused = {**where, "http.response.status_code": 503, "error.type": "503"}
    missing = {**where, "http.response.status_code": 404, "error.type": "404"}
    broken = {**where, "error.type": "APIConnectionError"}
    for labels in (refused, missing, broken):
        assert requests[tuple(sorted(labels.items()))] == 1
    retries = {
        labels["error.type"]: point.value for labels, point in points["datalab.client.retries"]
    }
    assert retries == {"503": 1, "APIConnectionError": 1}
    moved = {
        labels["datalab.transfer.direction"]: point.value
        for labels, point in points["datalab.client.transfer.io"]
    }
    assert moved == {"download": sum(saved.bytes for saved in manifest.saved), "upload": 99}
    job = {"datalab.job.kind": "execution", "datalab.job.status": "COMPLETED"}
    [(labels, ended)] = points["datalab.jobs.ended"]
    assert (labels, ended.value) == (job, 1)
    [(labels, lasted)] = points["datalab.job.duration"]
    assert (labels, lasted.sum) == (job, 300)
    [(_, waited)] = points["datalab.client.rate_limit.wait.duration"]
    assert waited.count > 1
    assert {
        labels["datalab.transfer.direction"]
        for labels, _ in points["datalab.client.transfer.duration"]
    } == {"download", "upload"}
