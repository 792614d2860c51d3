"""Process the outputs of many executions on a Dask cluster (extra ``dask``).

One process has the API key and waits for all executions, with one rate limiter. The workers
receive presigned URLs, fetch outputs from storage, and run the user's function; they send
nothing to the API. See :func:`map_outputs`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar, cast

from datalab_facade.arguments import (
    checked_count,
    checked_iterable,
    checked_seconds,
    checked_text,
    named,
)
from datalab_facade.client import Datalab
from datalab_facade.errors import ClientStateError, InvalidArgumentError
from datalab_facade.executions.kind import ExecutionLike
from datalab_facade.jobs.scheduling import DEFAULT_CONCURRENCY
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import Output
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.sinks import DEFAULT_MAX_BYTES

try:
    from distributed import Client, default_client
    from distributed.protocol.pickle import dumps

    from datalab_facade.integrations.dask_mapping import OutputMapping
    from datalab_facade.integrations.dask_tasks import MappedOutput, Tasks
except ModuleNotFoundError as missing:
    _message = "map_outputs needs distributed: pip install 'datalab-facade[dask]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

__all__ = ["MappedOutput", "map_outputs"]

_T = TypeVar("_T")

_MIN_IN_FLIGHT = 32
_IN_FLIGHT_PER_THREAD = 4


def map_outputs(
    executions: Iterable[ExecutionLike],
    function: Callable[[Output, bytes], _T],
    *,
    datalab: Datalab,
    client: Client | None = None,
    steps: Iterable[str] | None = None,
    max_in_flight: int | None = None,
    concurrency: int = DEFAULT_CONCURRENCY,
    policy: WaitPolicy | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    timeout: float | timedelta = DEFAULT_TIMEOUT,
) -> Generator[MappedOutput[_T], None, None]:
    """Run a function on each output of many executions, on a Dask cluster, as they end.

    ::

        def pages(output, data):
            return len(json.loads(data)["pages"])

        with Client("scheduler:8786"), Datalab() as datalab:
            for mapped in map_outputs(ids, pages, datalab=datalab, steps=["parse"]):
                print(mapped.execution_id, mapped.result())

    The calling process waits, with ``datalab.executions.as_completed``. Each output of
    an execution that has completed becomes a task: a worker fetches the output and
    calls the function. An execution that failed has one future, with
    ExecutionFailedError. So has an execution whose wait failed, with the error of the
    wait, and one that completed without an output of these steps, with DownloadError.
    A failed step run of a completed execution has no future; see
    ``mapped.execution.failures``.

    Tasks of a worker that dies run again on other workers. If workers are slower than
    the API, the wait pauses, and no more executions are read.

    The scheduler and the workers receive the function, the output with its presigned
    URL, and the limits below, but never the API key. The calling process renews expired
    URLs.

    Args:
        executions: The executions: ids, snapshots, handles or their JSON forms. They
            are read as there is room, so they may be many, or still being produced.
        function: Called on a worker with the output and its bytes. It must pickle. It
            may be called more than once for an output, if a worker dies.
        datalab: The client that waits. It must stay open until the last result.
        client: The client of the cluster; by default the most recent one.
        steps: The names of the steps whose outputs to process; by default all.
        max_in_flight: The most tasks that may be unfinished, or finished and not taken
            from the iterator; by default four times the current number of threads of
            the cluster, but at least 32.
        concurrency: The most executions to wait for at once.
        policy: The policy for each wait; by default that of ``datalab``.
        max_bytes: The largest size of an output in bytes, unpacked.
        timeout: Seconds, or a timedelta, for fetching one output.

    Returns:
        An iterator of results, in the order in which they become available. Leaving it
        early ends the wait and releases the tasks that no worker has started.

    Raises:
        InvalidArgumentError: An argument is wrong; nothing was sent.
        ClientStateError: There is no cluster, or its client is closed; nothing was sent.
        Exception: Any error of reading the executions, after all earlier results; or
            Dask's error if it accepts no more tasks.
    """
    if not isinstance(datalab, Datalab):
        raise InvalidArgumentError(
            f"datalab must be a Datalab, the blocking client, not a {type(datalab).__name__}"
        )
    checked_iterable("executions", executions)
    step_names = _check_steps(steps)
    cluster = _check_client(client)
    tasks = Tasks(
        cluster,
        _check_function(function),
        datalab,
        checked_count("max_bytes", max_bytes, least=0),
        checked_seconds("timeout", timeout),
    )
    limit = _default_max_in_flight(cluster) if max_in_flight is None else max_in_flight
    checked_count("concurrency", concurrency, least=1)
    checked_count("max_in_flight", limit, least=1)

    mapping = OutputMapping(tasks, datalab.executions, step_names, limit)
    mapping.wait_for(executions, concurrency, policy)
    return mapping.results()


def _check_function(function: Callable[[Output, bytes], _T]) -> Callable[[Output, bytes], _T]:
    if not callable(function):
        raise InvalidArgumentError(
            f"function must be a function of an output and its bytes, not a "
            f"{type(function).__name__}"
        )
    try:
        dumps(function)
    except Exception as error:
        raise InvalidArgumentError(
            f"The function cannot be sent to workers ({type(error).__name__}): it must not hold "
            f"what does not pickle, such as a client or a lock"
        ) from error
    return function


def _check_client(client: Client | None) -> Client:
    try:
        client = default_client(client)
    except ValueError:
        raise ClientStateError(
            "There is no Dask client; create a distributed.Client first, or pass client=..."
        ) from None
    if client.asynchronous:
        raise InvalidArgumentError(
            "map_outputs blocks, so client must not be asynchronous; pass a blocking Dask client"
        )
    if client.status != "running":
        raise ClientStateError(f"The Dask client is {client.status}; create a new one")
    return client


def _check_steps(steps: Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(steps, str):
        raise InvalidArgumentError(f"steps must be a list of step names, such as [{named(steps)}]")
    if steps is None:
        return None
    names = list(checked_iterable("steps", steps))
    for name in names:
        checked_text("a name in steps", name)
    return frozenset(names)


def _default_max_in_flight(client: Client) -> int:
    threads = cast("Mapping[str, int]", client.nthreads())
    return max(_MIN_IN_FLIGHT, _IN_FLIGHT_PER_THREAD * sum(threads.values()))
