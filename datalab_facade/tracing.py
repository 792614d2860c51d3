"""OpenTelemetry spans: one for each wait and one for each request, if asked for.

The core knows only the two small protocols here. :class:`OpenTelemetryTracing`
needs the extra ``otel``.

>>> from datalab_facade import Datalab
>>> from datalab_facade.tracing import OpenTelemetryTracing
>>> client = Datalab("your-key", tracing=OpenTelemetryTracing())
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import TracerProvider

Attributes: TypeAlias = Mapping[str, str | int | float]


class Span(Protocol):
    """Something that takes time and is recorded."""

    def active(self) -> AbstractContextManager[None]:
        """Make it the parent of whatever begins inside."""
        ...

    def record(self, attributes: Attributes) -> None:
        """Add what became known."""
        ...

    def end(self, error: BaseException | None) -> None:
        """Tell that it is over, and how."""
        ...


class Tracing(Protocol):
    """Begins spans."""

    def begin(self, name: str, attributes: Attributes) -> Span:
        """Begin a span, child of the active one."""
        ...


@contextlib.contextmanager
def span_around(tracing: Tracing, name: str, attributes: Attributes) -> Iterator[Span]:
    """Record what happens inside, and the error with which it ends."""
    span = tracing.begin(name, attributes)
    try:
        yield span
    except BaseException as error:
        span.end(None if isinstance(error, GeneratorExit) else error)
        raise
    else:
        span.end(None)


class NoTracing:
    """The default: records nothing, costs next to nothing."""

    def begin(self, name: str, attributes: Attributes) -> Span:  # noqa: ARG002
        """Give a span that records nothing."""
        return NO_SPAN


class _NoSpan:
    def active(self) -> AbstractContextManager[None]:
        return _NO_CONTEXT

    def record(self, attributes: Attributes) -> None:
        pass

    def end(self, error: BaseException | None) -> None:
        pass


NO_SPAN: Span = _NoSpan()
_NO_CONTEXT: AbstractContextManager[None] = contextlib.nullcontext()


class OpenTelemetryTracing:
    """Records spans with OpenTelemetry.

    Args:
        provider: Where spans go; the global provider if left out.

    Raises:
        ImportError: The package ``opentelemetry-api`` is not there; install
            ``datalab-facade[otel]``.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        from opentelemetry import trace

        from datalab_facade._version import __version__

        self._tracer = trace.get_tracer("datalab_facade", __version__, provider)

    def begin(self, name: str, attributes: Attributes) -> Span:
        """Begin a span, child of the active one."""
        return _OpenTelemetrySpan(self._tracer.start_span(name, attributes=dict(attributes)))


class _OpenTelemetrySpan:
    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        from opentelemetry import trace

        with trace.use_span(
            self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False
        ):
            yield

    def record(self, attributes: Attributes) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_attributes(dict(attributes))
        status = attributes.get("http.response.status_code", 0)
        if isinstance(status, int) and status >= 400:
            # OpenTelemetry's conventions call this a failed request.
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(StatusCode.ERROR)

    def end(self, error: BaseException | None) -> None:
        from opentelemetry.trace import StatusCode

        if error is not None:
            # The message only: a recorded traceback could hold what it should not.
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(StatusCode.ERROR, str(error))
        self._span.end()
