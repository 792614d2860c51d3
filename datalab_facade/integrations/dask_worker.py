"""The tasks on the workers of a Dask cluster: fetch what is there, and call the user's function.

Workers do not have the API key. An output comes with its presigned URL. If the URL has
expired, the task ends with DownloadError; the process that waits for executions has the
key and the rate limiter, polls for a new URL, and starts the task again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

import attrs

from datalab_facade.clock import SystemClock
from datalab_facade.context import Context
from datalab_facade.documents.kind import KnownRequest
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.result_reading import ResultReader
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.drift import DriftLog
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.listeners import SILENT
from datalab_facade.models import Output
from datalab_facade.options import Options
from datalab_facade.outputs.resource import Outputs
from datalab_facade.transport.exchange import Surroundings
from datalab_facade.transport.network.connection_pool import ConnectionPool
from datalab_facade.transport.network.connector import Connector
from datalab_facade.transport.storage import StorageTransport

if TYPE_CHECKING:
    from datalab_facade.executions.resource import Executions

_T = TypeVar("_T")


@attrs.frozen
class Fetching:
    """The limits for fetching an output or a result on a worker."""

    max_bytes: int
    """The largest size in bytes."""
    timeout: float
    """The seconds for fetching it."""
    allow_http: bool
    """Whether storage on another machine may be used without TLS."""


def fetch_and_call(
    function: Callable[[Output, bytes], _T], output: Output, fetching: Fetching
) -> _T:
    """Fetch an output, and return the function's result for it.

    Raises:
        DownloadError: The output could not be fetched; ``reason`` says why.
        Exception: Any error of the function.
    """
    outputs = _outputs(allow_http=fetching.allow_http)
    data = outputs.read_bytes(output, max_bytes=fetching.max_bytes, timeout=fetching.timeout)
    return function(output, data)


def read_and_call(
    function: Callable[[DocumentResult], _T],
    request: DocumentRequest,
    known: KnownRequest,
    fetching: Fetching,
) -> _T:
    """Read the result of a request, from where it says if need be, and call the function with it.

    Raises:
        DownloadError: The result could not be fetched; ``reason`` says why.
        DatalabError: The answer is not a result, or not what was asked for.
        Exception: Any error of the function.
    """
    storage, context = _network(allow_http=fetching.allow_http)

    def poll_again(_: float) -> NoReturn:
        raise InvalidArgumentError(f"A worker has no API key, so it cannot poll {request.id}")

    result = ResultReader(storage, context).read(
        request,
        known,
        poll_again,
        deadline=context.clock.monotonic() + fetching.timeout,
        max_bytes=fetching.max_bytes,
    )
    return function(result)


def fail(error: Exception) -> NoReturn:
    """Raise an error, as a task.

    Raises:
        Exception: The error.
    """
    raise error


class _NoExecutions:
    """Takes the place of a client's executions, which a worker does not have."""

    def get(self, execution_id: int, *, timeout: float) -> NoReturn:  # noqa: ARG002 - the signature of Executions.get
        raise InvalidArgumentError(
            f"A worker has no API key, so it cannot poll execution {execution_id}; poll it in the "
            f"process that waits for it"
        )


# Connections stay open for the next task; they close with the worker's process.
@functools.cache
def _network(*, allow_http: bool) -> tuple[StorageTransport, Context]:
    clock = SystemClock()
    context = Context(
        clock=clock,
        random=Random().random,  # noqa: S311 - jitter for retries, not a secret
        reporter=SILENT,
        drift=DriftLog(),
        duration_model=None,
        options=Options(),
        allow_http=allow_http,
    )
    connections = ConnectionPool(None, Connector())
    return StorageTransport(Surroundings(clock, SILENT), connections), context


@functools.cache
def _outputs(*, allow_http: bool) -> Outputs:
    storage, context = _network(allow_http=allow_http)
    return Outputs(storage, cast("Executions", _NoExecutions()), context)
