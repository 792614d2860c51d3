"""Process results of documents, and outputs of executions, on a Dask cluster (extra ``dask``).

One process has the API key, submits and waits, with one rate limiter. The workers receive
results and presigned URLs, fetch what is in storage, and run the user's function; they send
nothing to the API. See :func:`map_results` and :func:`map_outputs`.
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
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.sources import DocumentSource
from datalab_facade.documents.submissions import checked_task
from datalab_facade.documents.tasks import Task
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
    from datalab_facade.integrations.dask_results import MappedResult, ResultMapping, ResultTasks
    from datalab_facade.integrations.dask_tasks import MappedOutput, Tasks
except ModuleNotFoundError as missing:
    _message = "This module needs distributed: pip install 'datalab-facade[dask]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

__all__ = ["MappedOutput", "MappedResult", "map_outputs", "map_results"]

_T = TypeVar("_T")
_R = TypeVar("_R", bound=DocumentResult)

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
        ClientStateError: No cluster is connected, or its client is closed; nothing was sent.
        Exception: Any error of reading the executions, after all earlier results; or
            Dask's error if it accepts no more tasks.
    """
    _check_datalab(datalab)
    checked_iterable("executions", executions)
    step_names = _check_steps(steps)
    cluster = _check_client(client)
    _check_function(function, "an output and its bytes")
    tasks = Tasks(
        cluster,
        function,
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


def map_results(
    task: Task[_R],
    sources: Iterable[DocumentSource],
    function: Callable[[_R], _T],
    *,
    datalab: Datalab,
    client: Client | None = None,
    max_in_flight: int | None = None,
    concurrency: int = DEFAULT_CONCURRENCY,
    policy: WaitPolicy | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    timeout: float | timedelta = DEFAULT_TIMEOUT,
) -> Generator[MappedResult[_T], None, None]:
    """Submit a task for each of many documents, and run a function on each result, on a cluster.

    ::

        def words(conversion):
            return len(conversion.markdown.split())

        with Client("scheduler:8786"), Datalab() as datalab:
            for mapped in map_results(Convert(), paths, words, datalab=datalab):
                print(mapped.source, mapped.result())

    The calling process submits and waits, with one rate limiter; each submission costs money.
    A result that is in the answer is sent to a worker; one behind a ``result_url`` is fetched
    by the worker, without the key. The worker reads the result and calls the function.

    Each source has one future. If its submission, its wait or its request fails, or nothing
    came of it, the future has that error, and the other sources go on. The submission of a
    source is never repeated; a task of a worker that dies runs again on another one.

    The scheduler and the workers receive the function, the task without its webhook, the
    result and the limits below, but never the API key. Where storage refuses a URL as expired,
    the calling process asks for a new one.

    Args:
        task: What to do with each document, such as ``Convert()``.
        sources: The documents: whatever ``datalab.documents.submit`` takes. They are read as
            there is room, so they may be many.
        function: Called on a worker with the result. It must pickle. It may be called more
            than once for a result, if a worker dies.
        datalab: The client that submits and waits. It must stay open until the last result.
        client: The client of the cluster; by default the most recent one.
        max_in_flight: The most tasks that may be unfinished, or finished and not taken
            from the iterator; by default four times the current number of threads of
            the cluster, but at least 32.
        concurrency: The most requests to wait for at once. A few more may have been submitted.
        policy: The policy for each wait; by default that of ``datalab``.
        max_bytes: The largest size in bytes of a result that is fetched.
        timeout: Seconds, or a timedelta, for fetching one result.

    Returns:
        An iterator of results, in the order in which they become available. Leaving it
        early ends the wait and releases the tasks that no worker has started; requests that
        were submitted go on.

    Raises:
        InvalidArgumentError: An argument is wrong; nothing was sent.
        ClientStateError: No cluster is connected, or its client is closed; nothing was sent.
        Exception: Any error of reading the sources, after all earlier results; or
            Dask's error if it accepts no more tasks.
    """
    _check_datalab(datalab)
    checked_task(task)
    if isinstance(sources, (str, bytes)):
        raise InvalidArgumentError("sources must be a list of sources, not a single one")
    checked_iterable("sources", sources)
    cluster = _check_client(client)
    _check_function(function, "a result")
    tasks: ResultTasks[_T] = ResultTasks(
        cluster,
        function,
        datalab,
        checked_count("max_bytes", max_bytes, least=0),
        checked_seconds("timeout", timeout),
    )
    limit = _default_max_in_flight(cluster) if max_in_flight is None else max_in_flight
    checked_count("concurrency", concurrency, least=1)
    checked_count("max_in_flight", limit, least=1)

    mapping = ResultMapping(tasks, datalab, limit)
    mapping.wait_for(task, sources, concurrency, policy)
    return mapping.results()


def _check_datalab(datalab: object) -> None:
    if not isinstance(datalab, Datalab):
        raise InvalidArgumentError(
            f"datalab must be a Datalab, the blocking client, not a {type(datalab).__name__}"
        )


def _check_function(function: object, arguments: str) -> None:
    if not callable(function):
        raise InvalidArgumentError(
            f"function must be a function of {arguments}, not a {type(function).__name__}"
        )
    try:
        dumps(function)
    except Exception as error:
        raise InvalidArgumentError(
            f"The function cannot be sent to workers ({type(error).__name__}): it must not hold "
            f"what does not pickle, such as a client or a lock"
        ) from error


def _check_client(client: Client | None) -> Client:
    try:
        client = default_client(client)
    except ValueError:
        raise ClientStateError(
            "There is no Dask client; create a distributed.Client first, or pass client=..."
        ) from None
    if client.asynchronous:
        raise InvalidArgumentError(
            "The mapping blocks, so client must not be asynchronous; pass a blocking Dask client"
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
