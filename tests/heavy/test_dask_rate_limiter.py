"""One rate limiter for the processes of a Dask cluster, kept by its scheduler."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from distributed import Client, LocalCluster, Scheduler

from datalab_facade import Datalab, InvalidArgumentError
from datalab_facade.integrations.dask_rate_limiter import DaskRateLimiter, DaskRateLimiterStore
from datalab_facade.rate_limiting.slot_queue import (
    SlotQueue,
    SlotRequest,
    StoreUnavailableError,
)
from tests.heavy.conftest import until
from tests.heavy.waiters import (
    IN_SIX_SECONDS,
    NEVER_ENDS,
    PER_MINUTE,
    Waiters,
    check_what_an_outage_does,
    served,
    statuses,
)
from tests.secrets_for_tests import API_KEY

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]


class SchedulerProcess:
    """A scheduler of its own, on a port of its own."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        where = ["--host", "127.0.0.1", "--port", str(self._port), "--dashboard-address", ":0"]
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *where]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(self._takes_connections)

    def stop(self) -> None:
        """End it at once, as a crash would; nothing when it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _takes_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True


@pytest.fixture
def scheduler() -> Iterator[SchedulerProcess]:
    process = SchedulerProcess()
    process.start()
    yield process
    process.stop()


@pytest.fixture
def dask() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def poll_often(
    url: str, execution_id: int, rate_limiter: DaskRateLimiter, until_then: float
) -> int:
    """Poll as often as the limiter allows, with the key of the worker's environment."""
    polls = 0
    with Datalab(base_url=url, rate_limiter=rate_limiter) as client:
        while time.time() < until_then:
            client.executions.get(execution_id, max_retries=0)
            polls += 1
    return polls


def test_two_workers_that_share_a_limiter_see_no_429() -> None:
    with (
        served(limit=(IN_SIX_SECONDS, 6.0)) as server,
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=":0",
            env={"DATALAB_API_KEY": API_KEY},
        ) as cluster,
        Client(cluster) as client,
    ):
        execution_id = server.simulator.start(NEVER_ENDS)
        end = time.time() + 8
        # Single calls may burst within a minute, and this server counts six seconds.
        what = server.api_url, execution_id, DaskRateLimiter(PER_MINUTE, burst=1), end
        tasks = [
            client.submit(poll_often, *what, workers=[worker], pure=False)
            for worker in cast("dict[str, int]", client.nthreads())
        ]
        polls = cast("list[int]", client.gather(tasks))
        seen = statuses(server)
    assert 429 not in seen
    # Each gets some, and together nearly all there is.
    assert min(polls) >= 5
    assert sum(polls) == len(seen) >= 0.8 * PER_MINUTE * 8 / 60


def test_the_scheduler_may_stop_and_start_meanwhile(scheduler: SchedulerProcess) -> None:
    with served(limit=(IN_SIX_SECONDS, 6.0)) as server:
        waiters = Waiters(server, {"dask": scheduler.address}, seconds=19)
        check_what_an_outage_does(waiters, server, scheduler)


def ask(member: str = "a", limit: float = 200.0, **more: Any) -> SlotRequest:
    return SlotRequest(member=member, limit=limit, **more)


def test_a_scheduler_and_a_queue_in_memory_give_the_same_slots(dask: Client) -> None:
    store, queue = DaskRateLimiterStore("same", dask), SlotQueue()
    for count in (1, 3, 2, 4, 1, 6, 2):
        kept, like = store.acquire(ask(count=count)), queue.acquire(ask(count=count), 0.0)
        assert kept.delays == pytest.approx(like.delays, abs=0.3)
        assert kept.next_delay == pytest.approx(like.next_delay, abs=0.3)
    assert len(kept.delays) == 2


def test_a_brake_holds_for_all_who_share_the_limiter_and_for_no_other(dask: Client) -> None:
    DaskRateLimiterStore("brake", dask).acquire(ask(brake=30.0))
    reply = DaskRateLimiterStore("brake", dask).acquire(ask("b", count=1, within=2.0))
    assert reply.delays == ()
    assert reply.pause == pytest.approx(30, abs=1)
    assert reply.next_delay == pytest.approx(30, abs=1)
    assert DaskRateLimiterStore("another", dask).acquire(ask(count=1)).delays == (0.0,)


def test_what_the_scheduler_answers_is_said(dask: Client) -> None:
    store = DaskRateLimiterStore("odd", dask)
    assert store.acquire(ask(count=1)).delays

    def break_it(dask_scheduler: Scheduler) -> None:
        def broken(**_: object) -> None:
            raise ImportError("no module of that name")

        dask_scheduler.handlers["datalab_rate_limiter_acquire"] = broken

    dask.run_on_scheduler(break_it)
    with pytest.raises(StoreUnavailableError, match="answers: ImportError: no module of that name"):
        store.acquire(ask(count=1))


def test_threads_and_clients_of_one_process_share_it_without_naming_a_client_of_dask(
    dask: Client,
) -> None:
    with served() as server:
        execution_id = server.simulator.start(NEVER_ENDS)
        rate_limiter = DaskRateLimiter(600)
        with Datalab(API_KEY, base_url=server.api_url, rate_limiter=rate_limiter) as client:
            for _ in range(10):
                client.executions.get(execution_id)
        assert rate_limiter.remaining(time.monotonic()) == 590
    plugins = dask.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.plugins))
    assert "datalab-facade-rate-limiter" in cast("list[str]", plugins)


def test_without_dask_the_store_is_lost_and_waits_go_on_slowly() -> None:
    with pytest.raises(StoreUnavailableError, match="neither a Dask worker nor a Dask client"):
        DaskRateLimiterStore("x", None).acquire(ask())
    with served() as server:
        execution_id = server.simulator.start(NEVER_ENDS)
        rate_limiter = DaskRateLimiter(60_000)
        with Datalab(API_KEY, base_url=server.api_url, rate_limiter=rate_limiter) as client:
            assert client.executions.get(execution_id).id == execution_id


def test_a_scheduler_that_takes_no_plugins_is_as_good_as_lost(dask: Client) -> None:
    forbidden = ["register_scheduler_plugin"]
    dask.run_on_scheduler(lambda dask_scheduler: dask_scheduler.blocked_handlers.extend(forbidden))
    with pytest.raises(StoreUnavailableError, match="ValueError"):
        DaskRateLimiterStore("x", dask).acquire(ask())


def test_a_limiter_of_dask_pickles() -> None:
    rate_limiter = pickle.loads(pickle.dumps(DaskRateLimiter(60, name="a")))
    assert repr(rate_limiter) == "DaskRateLimiter(60, 'a')"
    assert rate_limiter.requests_per_minute == 60


def test_a_limit_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="requests_per_minute"):
        DaskRateLimiter(0)
