"""What runs on the workers of a Dask cluster: fetching an output, and the user's function.

Nothing here knows the API's key. An output comes with its presigned URL; where that has
expired, the task ends with DownloadFailed, and the process that waits for executions, which
has the key and the budget, asks the API for a new one and begins the task anew.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

import attrs

from datalab_facade.client import DEFAULT_BASE_URL
from datalab_facade.clock import SystemClock
from datalab_facade.context import Context
from datalab_facade.drift import DriftLog
from datalab_facade.errors import ConfigurationError
from datalab_facade.models import Output
from datalab_facade.options import Options
from datalab_facade.outputs.outputs import Outputs
from datalab_facade.tracing import NoTracing
from datalab_facade.transport.connecting import Connector
from datalab_facade.transport.exchange import Surroundings
from datalab_facade.transport.lanes import Lanes
from datalab_facade.transport.storage import StorageTransport

if TYPE_CHECKING:
    from datalab_facade.executions.executions import Executions

_T = TypeVar("_T")


@attrs.frozen
class Fetching:
    """How a worker fetches outputs."""

    max_bytes: int
    """The most that one may weigh."""
    timeout: float
    """The seconds for one."""
    allow_http: bool
    """Whether storage without TLS may be on another machine."""


def fetch_and_call(
    function: Callable[[Output, bytes], _T], output: Output, fetching: Fetching
) -> _T:
    """Fetch an output, and give what the function makes of it.

    Raises:
        DownloadFailed: It could not be fetched; ``reason`` tells why.
        Exception: Whatever the function raises.
    """
    outputs = _outputs(allow_http=fetching.allow_http)
    data = outputs.bytes(output, max_bytes=fetching.max_bytes, timeout=fetching.timeout)
    return function(output, data)


def fail(error: Exception) -> NoReturn:
    """Be a task that ends with this error.

    Raises:
        Exception: The error.
    """
    raise error


class _NoExecutions:
    """Stands where outputs have the executions of a client."""

    def get(self, execution_id: int, *, timeout: float) -> NoReturn:  # noqa: ARG002 - as there
        raise ConfigurationError(
            f"A worker has no key to ask for execution {execution_id}; whoever waits for it has"
        )


# Connections are kept for the next task; they end with the worker's process.
@functools.cache
def _outputs(*, allow_http: bool) -> Outputs:
    clock, tracing = SystemClock(), NoTracing()
    context = Context(
        clock=clock,
        random=Random().random,  # noqa: S311 - spreads tries out, hides nothing
        tracing=tracing,
        drift=DriftLog(),
        durations=None,
        options=Options(),
        allow_http=allow_http,
    )
    lanes = Lanes(DEFAULT_BASE_URL, None, Connector())
    storage = StorageTransport(Surroundings(clock, tracing), lanes)
    return Outputs(storage, cast("Executions", _NoExecutions()), context)
