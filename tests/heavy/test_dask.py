"""Outputs that are worked on by a real Dask cluster of two processes."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from distributed import Client, LocalCluster, Worker

from benchmarks import mapped as benchmark
from datalab_facade import (
    AsyncDatalab,
    BadRequestError,
    ClientStateError,
    Datalab,
    DownloadError,
    ExecutionFailedError,
    LocalRateLimiter,
    Output,
    RateLimiter,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.integrations.dask import MappedOutput, map_outputs
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    RunScript,
    Simulator,
    SimulatorServer,
    StepScript,
)
from tests.conftest import leaks_in
from tests.heavy.conftest import until
from tests.markdown import ROOT, Block, blocks_of, put_documents
from tests.secrets_for_tests import API_KEY

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]

OVER = ExecutionScript([StepScript("parse")])
SOON = WaitPolicy(min_interval=0.1, max_interval=0.1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as running:
        yield cast("LocalCluster", running)


@pytest.fixture
def dask(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(Simulator(api_key=API_KEY)) as running:
        yield running


@pytest.fixture
def datalab(server: SimulatorServer) -> Iterator[Datalab]:
    with client_of(server) as client:
        yield client


def client_of(server: SimulatorServer, rate_limiter: RateLimiter | None = None) -> Datalab:
    return Datalab(
        API_KEY,
        base_url=server.api_url,
        rate_limiter=rate_limiter or LocalRateLimiter(None),
        policy=SOON,
        duration_model=None,
    )


def where_and_what(output: Output, data: bytes) -> tuple[int, int, bytes]:
    return os.getpid(), output.execution_id, data


def slowly(output: Output, data: bytes) -> tuple[int, int]:
    time.sleep(0.02)
    return os.getpid(), output.execution_id


def failing(output: Output, data: bytes) -> int:
    raise LookupError(f"nothing in {output}")


def on_workers(dask: Client, function: Callable[..., Any], *given: object) -> dict[str, Any]:
    return cast("dict[str, Any]", dask.run(function, *given))


def holder_of(dask: Client, mapped: MappedOutput[Any]) -> str | None:
    held = cast("dict[object, list[str]]", dask.who_has([mapped.future]))
    return next(iter(held.get(mapped.future.key, ())), None)


def tasks_of(cluster: LocalCluster) -> dict[Any, Any]:
    assert cluster.scheduler is not None
    tasks: dict[Any, Any] = cluster.scheduler.tasks
    return tasks


def running_tasks(dask_worker: Worker) -> int:
    return len(dask_worker.state.all_running_tasks)


def looks(server: SimulatorServer) -> int:
    return len(server.simulator.requests.of("api"))


def fetched(server: SimulatorServer) -> int:
    return len(server.simulator.requests.of("storage"))


def test_each_output_is_fetched_and_worked_on_by_a_worker(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    runs = tuple(RunScript(key, output=key) for key in ("one", "two", "three"))
    steps = [StepScript("parse", runs=runs), StepScript("extract", output="extracted")]
    execution_id = server.simulator.start(ExecutionScript(steps, shape="nested"))
    found = {}
    for mapped in map_outputs([execution_id], where_and_what, datalab=datalab, steps=["parse"]):
        assert mapped.execution is not None
        assert mapped.output in mapped.execution.outputs
        found[mapped.output.file_key] = mapped.result()
    workers = set(on_workers(dask, os.getpid).values())
    assert {key: data.decode() for key, (_, _, data) in found.items()} == {
        key: f'"{key}"' for key in ("one", "two", "three")
    }
    assert {pid for pid, _, _ in found.values()} <= workers
    assert os.getpid() not in workers


def test_results_come_while_other_executions_go_on(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    never = server.simulator.start(ExecutionScript([StepScript("parse", ends=None)]))
    over = server.simulator.start(OVER)
    results = map_outputs([never, over], where_and_what, datalab=datalab)
    assert next(results).result()[1] == over
    results.close()


def test_whatever_fails_is_a_typed_error_on_its_future_and_none_is_lost(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    start = server.simulator.start
    failed = start(ExecutionScript([StepScript("parse", outcome="FAILED", error="no pages")]))
    never = start(ExecutionScript([StepScript("parse", ends=None)]))
    without = start(ExecutionScript([StepScript("other")]))
    over = start(OVER)
    refused = start(OVER)
    path = f"/api/v1/workflows/executions/{refused}"
    server.simulator.inject_always(Fault.status(400), path=path)
    wanted: list[Any] = [failed, never, without, over, refused, "123", {"version": 9}]
    policy = WaitPolicy(min_interval=0.1, max_interval=0.1, timeout=1)
    errors = {}
    for mapped in map_outputs(wanted, failing, datalab=datalab, steps=["parse"], policy=policy):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is looked at below
            mapped.result()
        errors[str(mapped.execution_id)] = caught.value
        assert str(mapped.future.exception()) == str(caught.value)
    assert {name: type(error) for name, error in errors.items()} == {
        str(failed): ExecutionFailedError,
        str(never): WaitTimeoutError,
        str(without): DownloadError,
        str(over): LookupError,
        str(refused): BadRequestError,
        "123": InvalidArgumentError,
        "{'version': 9}": InvalidArgumentError,
    }
    assert "no pages" in str(errors[str(failed)])
    assert "no output of parse" in str(errors[str(without)])


def test_a_worker_that_is_killed_half_way_loses_nothing(dask: Client) -> None:
    simulator = Simulator(api_key=API_KEY)
    workflow = simulator.workflows.add("every page", [])
    simulator.script_for(workflow, ExecutionScript([StepScript("parse", ends=0.2)]))
    # A hundred a second, and a burst of sixty polls; without a burst of its own for calls.
    rate_limiter = LocalRateLimiter(6_000, burst=1)
    with SimulatorServer(simulator) as server, client_of(server, rate_limiter) as datalab:

        def submitted() -> Iterator[int]:
            for _ in range(200):
                yield datalab.workflows.execute(workflow, "https://a.test/b.pdf").id

        before = set(on_workers(dask, os.getpid).values())
        began = time.monotonic()
        killed = 0
        taken = []
        for mapped in map_outputs(submitted(), slowly, datalab=datalab, concurrency=20):
            taken.append(mapped)
            if len(taken) == 100:
                killed, _ = mapped.result()
                os.kill(killed, signal.SIGKILL)
        results = [mapped.result() for mapped in taken]
        seconds = time.monotonic() - began
        requests = simulator.requests.of("api")
    assert sorted(execution_id for _, execution_id in results) == sorted(simulator.execution_ids)
    assert len({execution_id for _, execution_id in results}) == 200
    assert sum(request.method == "POST" for request in requests) == 200
    # All in all, since a machine that stands still for a moment lets requests arrive together.
    assert len(requests) <= 60 + 100 * seconds
    # What it had computed was computed again, elsewhere.
    assert killed in before
    assert killed not in {pid for pid, _ in results}


def test_slow_workers_and_slow_takers_hold_back_reading_looking_and_fetching(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    def ids() -> Iterator[int]:
        while True:
            yield server.simulator.start(OVER)

    results = map_outputs(ids(), slowly, datalab=datalab, max_in_flight=4, concurrency=10)
    for taken in range(1, 21):
        next(results).result()
        assert fetched(server) <= taken + 4
        assert looks(server) <= taken + 4 + 1
        assert len(server.simulator.execution_ids) <= taken + 4 + 1 + 10
    # With nobody to take results, all comes to a rest; it is the fifth one that waits.
    until(lambda: looks(server) == 20 + 4 + 1)
    until(lambda: fetched(server) == 20 + 4)
    results.close()


def test_an_execution_that_ended_while_waiting_paused_has_not_timed_out(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    ids = [
        server.simulator.start(ExecutionScript([StepScript("parse", ends=ends)]))
        for ends in (0, 0, 0.5)
    ]
    policy = WaitPolicy(min_interval=0.1, max_interval=0.1, timeout=1)
    began = time.monotonic()
    results = map_outputs(ids, slowly, datalab=datalab, max_in_flight=1, policy=policy)
    # Nothing is taken, and so nothing looked at, until all deadlines are over.
    first = next(results)
    until(lambda: time.monotonic() > began + 1.2)
    assert [mapped.result()[1] for mapped in (first, *results)] == ids


def test_an_expired_url_is_renewed_where_the_key_and_the_rate_limiter_are(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    ids = [server.simulator.start(OVER) for _ in range(3)]
    server.simulator.inject(Fault.status(403), Fault.status(403), origin="storage")
    results = [mapped.result()[1] for mapped in map_outputs(ids, slowly, datalab=datalab)]
    assert sorted(results) == ids
    assert looks(server) == 3 + 2
    assert set(on_workers(dask, os.environ.get, "DATALAB_API_KEY").values()) == {None}


def test_a_url_that_is_refused_again_and_again_ends_as_an_error(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    server.simulator.inject_always(Fault.status(403), origin="storage")
    [mapped] = map_outputs([server.simulator.start(OVER)], slowly, datalab=datalab)
    with pytest.raises(DownloadError) as caught:
        mapped.result()
    assert caught.value.reason == "expired"
    assert looks(server) == 1 + 3


def test_an_output_that_was_deleted_is_gone(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    execution_id = server.simulator.start(OVER)
    path = f"/api/v1/workflows/executions/{execution_id}"
    server.simulator.inject_always(Fault.status(403), origin="storage")
    server.simulator.inject(Fault.none(), Fault.status(404), path=path)
    [mapped] = map_outputs([execution_id], slowly, datalab=datalab)
    with pytest.raises(DownloadError) as caught:
        mapped.result()
    assert caught.value.reason == "gone"


def test_a_result_that_died_with_its_worker_is_had_again_after_its_url_expired(
    dask: Client,
) -> None:
    simulator = Simulator(api_key=API_KEY, url_lifetime=1)
    with SimulatorServer(simulator) as server, client_of(server) as datalab:
        execution_id = simulator.start(OVER)
        [mapped] = map_outputs([execution_id], slowly, datalab=datalab)
        at = time.monotonic()
        holder = holder_of(dask, mapped)
        assert holder is not None
        until(lambda: time.monotonic() > at + 2.1)
        os.kill(on_workers(dask, os.getpid)[holder], signal.SIGKILL)
        until(lambda: holder_of(dask, mapped) != holder)
        assert mapped.result()[1] == execution_id


def test_the_key_stays_here_and_no_log_holds_a_signature(
    cluster: LocalCluster, dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    failed = ExecutionScript([StepScript("parse", outcome="FAILED", error="no pages")])
    ids = [server.simulator.start(script) for script in (OVER, OVER, failed)]
    mapped = list(map_outputs(ids, failing, datalab=datalab))
    tasks = [tasks_of(cluster)[one.future.key] for one in mapped]
    assert len(tasks) == 3
    shown = repr(mapped)
    for task in tasks:
        assert API_KEY.encode() not in pickle.dumps(task.run_spec)
        shown += repr(task) + repr(task.run_spec) + str(task.key)
    logs = str(dask.get_worker_logs()) + str(dask.get_scheduler_logs())
    assert "nothing in Output" in logs
    assert not leaks_in(shown + logs)


def test_leaving_early_ends_the_wait_and_what_is_under_way(
    cluster: LocalCluster, dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    never = ExecutionScript([StepScript("parse", ends=None)])
    ids = [server.simulator.start(script) for script in (OVER, OVER, OVER, never)]
    results = map_outputs(ids, slowly, datalab=datalab)
    next(results)
    results.close()
    until(lambda: "datalab-map" not in {thread.name for thread in threading.enumerate()})
    until(lambda: not tasks_of(cluster))
    # What runs already runs to its end, which it would not find without its storage.
    until(lambda: not any(on_workers(dask, running_tasks).values()))


def test_what_reading_the_executions_raises_comes_after_the_results(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    def ids() -> Iterator[int]:
        yield server.simulator.start(OVER)
        yield server.simulator.start(OVER)
        raise ZeroDivisionError

    results = map_outputs(ids(), slowly, datalab=datalab, concurrency=1)
    taken = sorted(next(results).result()[1] for _ in range(2))
    assert taken == list(server.simulator.execution_ids)
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_cluster_that_is_closed_meanwhile_is_told(
    server: SimulatorServer, datalab: Datalab
) -> None:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as own:
        client = Client(own)
        ids = (server.simulator.start(OVER) for _ in itertools.count())
        results = map_outputs(ids, slowly, datalab=datalab, client=client, max_in_flight=2)
        next(results)
        client.close()
        with pytest.raises(Exception, match=r"(?i)clos"):
            list(results)


def test_handles_name_executions_as_well(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    ids = [server.simulator.start(OVER) for _ in range(2)]
    handles = [datalab.executions.handle(execution_id) for execution_id in ids]
    wanted = [pickle.loads(pickle.dumps(handles[0])), handles[1].to_dict()]
    results = map_outputs(wanted, slowly, datalab=datalab)
    assert sorted(mapped.result()[1] for mapped in results) == ids


def _holding(what: object) -> Callable[[Output, bytes], str]:
    return lambda output, data: str(what)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"function": "parse"}, "function must be a function"),
        ({"function": _holding(threading.Lock())}, "cannot be sent to workers"),
        ({"steps": "parse"}, "list of step names"),
        ({"steps": 5}, "steps must be"),
        ({"steps": [5]}, "a name in steps"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"concurrency": 0}, "concurrency"),
        ({"max_bytes": -1}, "max_bytes"),
        ({"timeout": 0}, "timeout"),
        ({"datalab": AsyncDatalab("key")}, "the blocking client"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_sent(
    change: dict[str, Any], told: str, dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    given: dict[str, Any] = {"function": slowly, "datalab": datalab, "client": dask} | change
    with pytest.raises(InvalidArgumentError, match=told):
        map_outputs([1], given.pop("function"), **given)
    assert not server.simulator.requests


def test_executions_that_cannot_be_read_are_refused(dask: Client, datalab: Datalab) -> None:
    wrong: Any = 5
    with pytest.raises(InvalidArgumentError, match="executions must be a list"):
        map_outputs(wrong, slowly, datalab=datalab, client=dask)


def test_whatever_stands_for_an_execution_is_mapped(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    number = server.simulator.start(OVER)
    handle = datalab.executions.handle(number)
    for execution in (number, handle, handle.to_dict()):
        [mapped] = map_outputs([execution], where_and_what, datalab=datalab, client=dask)
        assert mapped.execution_id == mapped.result()[1] == number


def test_a_function_that_holds_a_client_does_not_travel(dask: Client, datalab: Datalab) -> None:
    with pytest.raises(InvalidArgumentError, match="such as a client"):
        map_outputs([1], _holding(datalab), datalab=datalab)


def test_without_a_cluster_there_is_an_error_that_says_so(datalab: Datalab) -> None:
    with pytest.raises(ClientStateError, match=r"create a distributed\.Client first"):
        map_outputs([1], slowly, datalab=datalab)


def test_a_result_that_is_shown_names_execution_output_and_future(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    [mapped] = map_outputs([server.simulator.start(OVER)], slowly, datalab=datalab)
    assert isinstance(mapped, MappedOutput)
    assert cast("str", mapped.future.key).startswith(f"slowly-{mapped.execution_id}-")
    assert f"execution_id={mapped.execution_id}" in repr(mapped)


def test_the_benchmark_runs_and_tells_how_much_faster_two_workers_are() -> None:
    [section] = benchmark.measure(benchmark.QUICK)
    assert section.unmeasured == ()
    for quantity in section.quantities:
        assert min(quantity.sides["two workers"]) > 0


def _scripts() -> Iterator[Any]:
    for block, printed in itertools.pairwise(blocks_of(ROOT / "docs" / "dask.md")):
        if block.language == "python":
            assert printed.language == "text"
            yield pytest.param(block, printed.code, id=block.section)


@pytest.mark.parametrize(("block", "printed"), list(_scripts()))
def test_the_scripts_of_the_page_run_as_they_stand(
    block: Block, printed: str, tmp_path: Path
) -> None:
    simulator = Simulator(first_execution_id=123)
    for outcome in ("COMPLETED", "COMPLETED", "FAILED"):
        error = "no pages" if outcome == "FAILED" else None
        extract = StepScript("extract", output={"total": 12.5}, outcome=outcome, error=error)
        simulator.start(ExecutionScript([StepScript("parse"), extract]))
    put_documents(tmp_path)
    script = tmp_path / "script.py"
    script.write_text(block.code, encoding="utf-8")
    with SimulatorServer(simulator) as server:
        where = {"DATALAB_HOST": server.api_url, "DATALAB_API_KEY": simulator.api_key}
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=tmp_path,
            env={**os.environ, **where},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
