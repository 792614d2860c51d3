"""Clients in the places where people use them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from datalab_facade import (
    APIStatusError,
    AsyncDatalab,
    AuthenticationError,
    ClientStateError,
    Datalab,
    ExecutionFailedError,
    InvalidResponseError,
    Output,
    WaitPolicy,
)
from datalab_facade.testing import ExecutionScript, Fault, Simulator, SimulatorServer, StepScript
from tests.secrets_for_tests import API_KEY
from tests.sockets.conftest import Caller

NEVER_ENDS = ExecutionScript([StepScript("parse", ends=None)])
FAST = WaitPolicy(min_interval=0.05)


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_a_whole_execution_is_followed_and_its_outputs_fetched(
    simulator: Simulator, datalab: Datalab, shape: Any
) -> None:
    script = ExecutionScript(
        [
            StepScript("parse", ends=0.1),
            StepScript("extract", starts=0.1, ends=0.3, output={"a": 1}),
        ],
        queued=0.05,
        shape=shape,
    )
    execution_id = simulator.start(script)
    changes = list(datalab.executions.watch(execution_id, policy=FAST, timeout=20))
    final = changes[-1].snapshot
    assert final.succeeded
    outputs = {output.step: datalab.outputs.read_json(output) for output in final.outputs}
    assert outputs["extract"] == {"a": 1}
    for request in simulator.requests.of("storage"):
        assert "x-api-key" not in request.headers
        assert "authorization" not in request.headers


def test_a_failed_execution_is_an_error_with_its_reasons(
    simulator: Simulator, call: Caller
) -> None:
    script = ExecutionScript([StepScript("parse", outcome="FAILED", error="no pages")])
    outcome = call("result", simulator.start(script), timeout=20)
    assert isinstance(outcome.error, ExecutionFailedError)
    assert "parse: no pages" in str(outcome.error)
    assert outcome.error.snapshot.failed


def test_a_revoked_key_ends_a_wait_at_once(simulator: Simulator, call: Caller) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.api_key = "another"
    outcome = call("wait", execution_id, timeout=60)
    assert isinstance(outcome.error, AuthenticationError)
    assert outcome.seconds < 5


def test_one_blocking_client_serves_many_threads(simulator: Simulator, datalab: Datalab) -> None:
    ids = [simulator.start(ExecutionScript([StepScript("p", ends=0.2)])) for _ in range(32)]
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda i: datalab.executions.wait(i, policy=FAST, timeout=30), ids))
    assert [execution.id for execution in done] == ids
    assert all(execution.succeeded for execution in done)


async def test_the_blocking_client_works_inside_a_running_loop(
    simulator: Simulator, datalab: Datalab
) -> None:
    execution_id = simulator.start(ExecutionScript([StepScript("p", ends=0.1)]))
    assert datalab.executions.wait(execution_id, policy=FAST, timeout=20).succeeded


def test_the_async_client_says_so_when_used_in_another_loop(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    client = AsyncDatalab(API_KEY, base_url=server.api_url)
    with asyncio.Runner() as first:
        first.run(client.executions.get(execution_id))

        async def elsewhere() -> None:
            with pytest.raises(ClientStateError, match="another event loop"):
                await client.executions.get(execution_id)
            output = Output(
                execution_id=execution_id,
                step="parse",
                file_key=None,
                url=f"{server.api_url}/object",
            )
            with pytest.raises(ClientStateError, match="another event loop"):
                await client.outputs.read_bytes(output)
            with pytest.raises(ClientStateError, match="another event loop"):
                await client.close()

        # A loop cannot run inside another one, but it can in another thread.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, elsewhere()).result()
        first.run(client.close())


Limit = Callable[[float], contextlib.AbstractAsyncContextManager[Any]]


def _anyio_limit(seconds: float) -> contextlib.AbstractAsyncContextManager[Any]:
    import anyio

    @contextlib.asynccontextmanager
    async def limit() -> AsyncIterator[None]:
        with anyio.fail_after(seconds):
            yield

    return limit()


@pytest.mark.parametrize("limit", [asyncio.timeout, _anyio_limit], ids=["asyncio", "anyio"])
@pytest.mark.parametrize("fault", [Fault.none(), Fault.hang()], ids=["sleeping", "asking"])
async def test_a_timeout_around_a_wait_is_prompt_and_leaks_no_connection(
    simulator: Simulator, server: SimulatorServer, limit: Limit, fault: Fault
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.inject(fault)
    async with AsyncDatalab(API_KEY, base_url=server.api_url) as client:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with limit(0.3):
                await client.executions.wait(execution_id, policy=WaitPolicy(min_interval=10))
        assert time.monotonic() - began < 1
        assert _busy_connections(client._api._pool) == 0
        assert (await client.executions.get(execution_id)).status == "IN_PROGRESS"


async def test_a_cancelled_task_is_prompt_and_leaks_no_connection(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    asked = threading.Event()

    def hang(*_: object) -> Fault:
        asked.set()
        return Fault.hang()

    simulator.inject_with(hang)
    async with AsyncDatalab(API_KEY, base_url=server.api_url) as client:
        waiting = asyncio.create_task(client.executions.wait(execution_id))
        await asyncio.to_thread(asked.wait)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert _busy_connections(client._api._pool) == 0


async def test_leaving_a_watch_early_leaves_nothing_behind(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    async with AsyncDatalab(API_KEY, base_url=server.api_url) as client:
        changes = client.executions.watch(execution_id, policy=FAST)
        assert (await anext(changes)).after == "IN_PROGRESS"
        await changes.aclose()
        assert _busy_connections(client._api._pool) == 0
        assert len(asyncio.all_tasks()) == 1
    with Datalab(API_KEY, base_url=server.api_url) as blocking:
        for _ in blocking.executions.watch(execution_id, policy=FAST):
            break
        assert _busy_connections(blocking._api._pool) == 0


def _busy_connections(pool: Any) -> int:
    return sum(not one._connection.is_idle() for one in pool._idle)


INTERRUPTED = """
import sys
from datalab_facade import Datalab, WaitPolicy
with Datalab(sys.argv[1], base_url=sys.argv[2]) as client:
    try:
        client.executions.wait(int(sys.argv[3]), on_change=lambda change: print(change, flush=True))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        print(client.executions.get(int(sys.argv[3])).status, flush=True)
"""


@pytest.mark.parametrize("hanging", [False, True], ids=["sleeping", "asking"])
def test_ctrl_c_is_prompt_and_the_client_still_works(
    simulator: Simulator, server: SimulatorServer, hanging: bool
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    asked = threading.Event()

    def hang_once(_: object, count: int) -> Fault | None:
        asked.set()
        return Fault.hang() if hanging and count == 1 else None

    simulator.inject_with(hang_once)
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, API_KEY, server.api_url, str(execution_id)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        if hanging:
            assert asked.wait(20)
        else:
            # Both of its first lines come from one look; after them it sleeps.
            assert "IN_PROGRESS" in child.stdout.readline()
            assert "IN_PROGRESS" in child.stdout.readline()
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert time.monotonic() - sent < 3
    assert (out.splitlines(), err, child.returncode) == (["interrupted", "IN_PROGRESS"], "", 0)


def test_a_handle_is_taken_up_in_another_process(
    simulator: Simulator, server: SimulatorServer, datalab: Datalab, tmp_path: Path
) -> None:
    execution_id = simulator.start(ExecutionScript([StepScript("p", ends=0.1)]))
    handle = datalab.executions.handle(execution_id)
    assert API_KEY not in str(handle.to_dict())
    script = (
        "import json, os, sys\n"
        "from datalab_facade import Datalab\n"
        "client = Datalab()\n"
        "handle = client.executions.handle(json.loads(sys.argv[1]))\n"
        "print(handle.result(timeout=20).status)\n"
        "client.close()\n"
    )
    import json

    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(handle.to_dict())],
        env={**os.environ, "DATALAB_API_KEY": API_KEY, "DATALAB_HOST": server.api_url},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("COMPLETED", "")


def test_a_proxy_of_the_environment_is_used(
    simulator: Simulator, server: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain HTTP proxy is asked with the whole URL, which the server here takes for a path."""
    monkeypatch.setenv("HTTP_PROXY", server.api_url)
    with (
        Datalab(API_KEY, base_url="http://datalab.invalid", allow_http=True) as client,
        pytest.raises(APIStatusError, match=r"datalab\.invalid"),
    ):
        client.executions.get(1, max_retries=0)
    assert len(simulator.requests) == 1


def test_a_client_of_ones_own_is_used_and_left_open(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    asked: list[str] = []
    hooks = {"request": [lambda request: asked.append(str(request.url))]}
    with httpx.Client(headers={"X-Own": "kept away"}, event_hooks=hooks) as own:
        with Datalab(API_KEY, base_url=server.api_url, http_client=own) as client:
            client.executions.get(execution_id)
        assert asked == [f"{server.api_url}/api/v1/workflows/executions/{execution_id}"]
        assert not own.is_closed


def test_a_compressed_answer_is_read(simulator: Simulator, call: Caller) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.inject_always(Fault.gzip(), origin="api")
    assert call("get", execution_id).result.id == execution_id


def test_an_answer_that_does_not_decompress_is_an_error(simulator: Simulator, call: Caller) -> None:
    simulator.inject_always(Fault.status(200, b"not gzip", {"Content-Encoding": "gzip"}))
    outcome = call("get", 1, max_retries=0)
    assert isinstance(outcome.error, InvalidResponseError)
    assert "does not decompress" in str(outcome.error)
