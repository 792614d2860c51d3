"""Spans and metrics of OpenTelemetry, made of the events of a client.

It needs the extra ``datalab-facade[otel]``, which is OpenTelemetry's API alone.

>>> from datalab_facade import Datalab
>>> from datalab_facade.opentelemetry import OpenTelemetryListener
>>> client = Datalab("your-key", listeners=[OpenTelemetryListener()])
"""

from __future__ import annotations

from contextvars import Token
from typing import TYPE_CHECKING, TypeAlias

from datalab_facade._version import __version__
from datalab_facade.events import (
    ActivityFinished,
    ActivityStarted,
    Event,
    JobEnded,
    RateLimitWaited,
    RequestFinished,
    RequestSent,
    RetryScheduled,
    TransferFinished,
)

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

_Attributes: TypeAlias = dict[str, str | int | float | bool]

# What the conventions advise for http.client.request.duration, and what fits waits and jobs.
_SHORT = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)


class OpenTelemetryListener:
    """A listener that makes spans and metrics.

    A span for each wait, run and transfer (``datalab.wait``, ``datalab.wait_many``,
    ``datalab.run``, ``datalab.save_all``, ``datalab.upload_many``, ``datalab.download``,
    ``datalab.upload``), and one for each request, its child. What begins outside any of them is a
    child of the current span. During a request its span is the current one.

    Metrics: ``http.client.request.duration``, as the conventions for HTTP clients have it, and
    ``datalab.client.retries``, ``datalab.client.rate_limit.wait.duration``,
    ``datalab.client.transfer.duration``, ``datalab.client.transfer.io``, ``datalab.jobs.ended``
    and ``datalab.job.duration``.

    Args:
        tracer_provider: Where spans go; the global provider if left out.
        meter_provider: Where metrics go; the global provider if left out.

    Raises:
        ImportError: The package ``opentelemetry-api`` is not there; install
            ``datalab-facade[otel]``.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        from opentelemetry import metrics, trace

        self._tracer = trace.get_tracer("datalab_facade", __version__, tracer_provider)
        meter = metrics.get_meter("datalab_facade", __version__, meter_provider)
        # By the numbers of activities and requests that go on.
        self._spans: dict[int, Span] = {}
        self._tokens: dict[int, Token[Context]] = {}
        self._requests = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_SHORT,
        )
        self._retries = meter.create_counter(
            "datalab.client.retries", unit="{retry}", description="Failures that were retried."
        )
        self._queued = meter.create_histogram(
            "datalab.client.rate_limit.wait.duration",
            unit="s",
            description="Time that requests waited for the rate limit.",
            explicit_bucket_boundaries_advisory=_LONG,
        )
        self._transfers = meter.create_histogram(
            "datalab.client.transfer.duration",
            unit="s",
            description="Duration of downloads and uploads.",
            explicit_bucket_boundaries_advisory=_LONG,
        )
        self._bytes = meter.create_counter(
            "datalab.client.transfer.io", unit="By", description="Bytes downloaded and uploaded."
        )
        self._ended = meter.create_counter(
            "datalab.jobs.ended", unit="{job}", description="Jobs that waits saw end."
        )
        self._jobs = meter.create_histogram(
            "datalab.job.duration",
            unit="s",
            description="Duration of jobs, by the server's times.",
            explicit_bucket_boundaries_advisory=_LONG,
        )

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, RequestSent):
            self._begin_request(event)
        elif isinstance(event, RequestFinished):
            self._end_request(event)
        elif isinstance(event, ActivityStarted):
            name = f"datalab.{event.name}"
            self._spans[event.id] = self._start(name, _job(event), event.parent_id)
        elif isinstance(event, ActivityFinished):
            self._end_activity(event)
        elif isinstance(event, RetryScheduled):
            self._retry(event)
        elif isinstance(event, RateLimitWaited):
            self._queued.record(event.seconds)
        elif isinstance(event, JobEnded):
            labels: _Attributes = {
                "datalab.job.kind": event.job_kind or "",
                "datalab.job.status": event.status,
            }
            self._ended.add(1, labels)
            if event.seconds is not None:
                self._jobs.record(event.seconds, labels)

    def _start(
        self, name: str, attributes: _Attributes, parent_id: int | None, *, client: bool = False
    ) -> Span:
        from opentelemetry.trace import SpanKind, set_span_in_context

        parent = self._parent(parent_id)
        return self._tracer.start_span(
            name,
            # Without a parent of ours, the current span is the parent.
            None if parent is None else set_span_in_context(parent),
            SpanKind.CLIENT if client else SpanKind.INTERNAL,
            attributes,
        )

    def _begin_request(self, event: RequestSent) -> None:
        from opentelemetry.context import attach
        from opentelemetry.trace import set_span_in_context

        attributes = {**_request(event), **_job(event), "url.full": event.url}
        if event.operation is not None:
            attributes["datalab.operation"] = event.operation
        if event.attempt > 1:
            attributes["http.request.resend_count"] = event.attempt - 1
        name = f"{event.method} {event.url_template}" if event.url_template else event.method
        span = self._spans[event.id] = self._start(name, attributes, event.parent_id, client=True)
        self._tokens[event.id] = attach(set_span_in_context(span))

    def _end_request(self, event: RequestFinished) -> None:
        from opentelemetry.context import detach

        labels, error = _request(event), event.error
        if event.status is not None:
            labels["http.response.status_code"] = event.status
            if event.status >= 400:
                # The conventions call this a failed request.
                error = str(event.status)
        if error is not None:
            labels["error.type"] = error
        self._requests.record(event.seconds, labels)
        span = self._spans.pop(event.id, None)
        if span is None:
            return
        if event.status is not None:
            span.set_attribute("http.response.status_code", event.status)
        if event.request_id is not None:
            span.set_attribute("datalab.request_id", event.request_id)
        _end(span, error, event.message)
        detach(self._tokens.pop(event.id))

    def _end_activity(self, event: ActivityFinished) -> None:
        span = self._spans.pop(event.id, None)
        if isinstance(event, TransferFinished):
            labels: _Attributes = {"datalab.transfer.direction": event.direction}
            self._bytes.add(event.bytes, labels)
            if span is not None:
                span.set_attribute("datalab.transfer.bytes", event.bytes)
            if event.error is not None:
                labels["error.type"] = event.error
            self._transfers.record(event.seconds, labels)
        if span is not None:
            _end(span, event.error, event.message)

    def _retry(self, event: RetryScheduled) -> None:
        reason = event.reason if event.status is None else str(event.status)
        self._retries.add(1, {"error.type": reason})
        span = self._parent(event.parent_id)
        if span is not None:
            span.add_event("retry", {"error.type": reason, "datalab.retry.delay": event.seconds})

    def _parent(self, number: int | None) -> Span | None:
        return None if number is None else self._spans.get(number)


def _job(event: Event) -> _Attributes:
    if event.job_kind is None or event.job_id is None:
        return {}
    return {"datalab.job.kind": event.job_kind, "datalab.job.id": event.job_id}


def _request(event: RequestSent | RequestFinished) -> _Attributes:
    """Return the attributes of a request that take few values, so that they suit metrics."""
    attributes: _Attributes = {
        "http.request.method": event.method,
        "server.address": event.server_address,
        "server.port": event.server_port,
    }
    if event.url_template is not None:
        attributes["url.template"] = event.url_template
    return attributes


def _end(span: Span, error: str | None, message: str | None) -> None:
    from opentelemetry.trace import StatusCode

    if error is not None:
        span.set_attribute("error.type", error)
        # The message only: a recorded traceback could hold what it should not.
        span.set_status(StatusCode.ERROR, message)
    span.end()
