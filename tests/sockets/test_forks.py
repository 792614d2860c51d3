"""After a fork, parent and children have connections, locks and limiters of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from datalab_facade.testing import ExecutionScript, Simulator, SimulatorServer, StepScript
from tests.secrets_for_tests import API_KEY
from tests.sockets.tls import CERTIFICATE, fronted

needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
pytestmark = needs_fork

PRELUDE = """
import asyncio, json, os, signal, sys, threading, traceback
import httpx
from datalab_facade import AsyncDatalab, ClientStateError, Datalab, RequestPriority

key, url, ids = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
signal.alarm(40)

def forked(work):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(30)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child

def ended(children):
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

def right(client, execution_id):
    execution = client.executions.get(execution_id)
    assert execution.id == execution_id, (execution.id, execution_id)
    [output] = execution.outputs
    assert client.outputs.read_json(output) == {"of": ids.index(execution_id)}
"""

ALL_AT_ONCE = """
with Datalab(key, base_url=url, requests_per_minute=None) as client:
    right(client, ids[0])
    def work(mine):
        for execution_id in mine:
            right(client, execution_id)
    children = [forked(lambda n=n: work(ids[n::4])) for n in range(1, 4)]
    work(ids[::4])
    print(json.dumps(ended(children)))
"""

A_CLIENT_OF_ONES_OWN_SAYS_SO = """
with httpx.Client() as own, Datalab(key, base_url=url, http_client=own) as client:
    # What was not used before has no connections that a child could share.
    unused = Datalab(key, base_url=url, http_client=httpx.Client())
    right(client, ids[0])
    def work():
        try:
            right(client, ids[1])
        except ClientStateError as error:
            assert "before this process was forked" in str(error)
        else:
            raise AssertionError("it was not refused")
        right(unused, ids[1])
    children = [forked(work) for _ in range(3)]
    right(client, ids[2])
    print(json.dumps(ended(children)))
"""

BUSY_THREADS = """
with Datalab(key, base_url=url, requests_per_minute=None) as client:
    right(client, ids[0])
    over = threading.Event()
    def busy(n):
        while not over.is_set():
            right(client, ids[n])
    threads = [threading.Thread(target=busy, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    children = [forked(lambda: right(client, ids[5])) for _ in range(5)]
    print(json.dumps(ended(children)))
    over.set()
    for thread in threads:
        thread.join()
"""

LOCKS_HELD = """
with Datalab(key, base_url=url) as client:
    right(client, ids[0])
    held, over = threading.Event(), threading.Event()
    api, context = client._api, client._context
    def hold():
        with api._rate_limiter._lock, context.drift._lock, context.duration_model._lock:
            for _ in range(64):
                api.admission.enter(float("inf"), RequestPriority.CALL)
            held.set()
            over.wait()
            for _ in range(64):
                api.admission.leave()
    holder = threading.Thread(target=hold)
    # 64 slots of the rate limiter would take long.
    class Now:
        def delay(self, now, deadline):
            return 0.0
    api._rate_limiter.reserve = lambda priority: Now()
    holder.start()
    held.wait()
    del api._rate_limiter.reserve
    def work():
        right(client, ids[1])
        client.executions.wait(ids[2])
        assert client.duration_model.to_dict() is not None
    children = [forked(work)]
    print(json.dumps(ended(children)))
    over.set()
    holder.join()
"""

CHILDREN_LEAVE_THE_PARENTS_CONNECTION = """
with Datalab(key, base_url=url) as client:
    right(client, ids[0])
    [connection] = client._api._pool._idle
    [stream] = connection.network.streams
    before = stream.get_extra_info("client_addr")
    def work():
        right(client, ids[1])
        client.close()
    children = [forked(work), forked(client.close), forked(lambda: None)]
    codes = ended(children)
    right(client, ids[2])
    assert client._api._pool._idle[0] is connection
    assert stream.get_extra_info("client_addr") == before
    print(json.dumps(codes))
"""

LEAVING_TLS = """
with Datalab(key, base_url=url) as client:
    def get(execution_id):
        assert client.executions.get(execution_id).id == execution_id
    get(ids[0])
    def work():
        get(ids[1])
        client.close()
    children = [forked(work), forked(client.close), forked(lambda: None)]
    codes = ended(children)
    get(ids[2])
    print(json.dumps(codes))
"""

THE_ASYNC_CLIENT_SAYS_SO = """
async def ask(client, execution_id):
    return (await client.executions.get(execution_id)).id
client = AsyncDatalab(key, base_url=url)
with asyncio.Runner() as runner:
    assert runner.run(ask(client, ids[0])) == ids[0]
    def work():
        try:
            threading_run(ask(client, ids[1]))
        except ClientStateError as error:
            assert "another event loop" in str(error)
        else:
            raise AssertionError("it was not refused")
    def threading_run(coroutine):
        # The parent's loop is still there, but does not run.
        asyncio.run(coroutine)
    children = [forked(work)]
    codes = ended(children)
    assert runner.run(ask(client, ids[2])) == ids[2]
    runner.run(client.close())
print(json.dumps(codes))
"""

A_KEY_IS_ASKED_FOR = """
asked, over = threading.Event(), threading.Event()
def give():
    if not asked.is_set():
        asked.set()
        over.wait()
    return key
with Datalab(give, base_url=url) as client:
    holder = threading.Thread(target=right, args=(client, ids[0]))
    holder.start()
    asked.wait()
    # Whoever asks holds a lock, and is not there in the child.
    children = [forked(lambda: right(client, ids[1]))]
    print(json.dumps(ended(children)))
    over.set()
    holder.join()
"""

A_POOL = """
import multiprocessing
client = Datalab(key, base_url=url, requests_per_minute=None)
right(client, ids[0])
def work(execution_id):
    right(client, execution_id)
    return 0
with multiprocessing.get_context("fork").Pool(3) as pool:
    codes = pool.map(work, ids)
client.close()
print(json.dumps(sorted(set(codes))))
"""

SCRIPTS = {
    "all at once": ALL_AT_ONCE,
    "an HTTP client of one's own says so": A_CLIENT_OF_ONES_OWN_SAYS_SO,
    "busy threads": BUSY_THREADS,
    "locks held": LOCKS_HELD,
    "a key is asked for": A_KEY_IS_ASKED_FOR,
    "children leave the parent's connection": CHILDREN_LEAVE_THE_PARENTS_CONNECTION,
    "the async client says so": THE_ASYNC_CLIENT_SAYS_SO,
    "a pool": A_POOL,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_parent_and_children_get_their_own_answers(
    simulator: Simulator, server: SimulatorServer, script: str
) -> None:
    scripts = [ExecutionScript([StepScript("parse", output={"of": n})]) for n in range(24)]
    ids = [simulator.start(script) for script in scripts]
    assert set(_codes(server.api_url, script, ids)) == {0}


def test_children_leave_a_connection_with_tls_to_their_parent(
    simulator: Simulator, server: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not say goodbye on it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    ids = [simulator.start(ExecutionScript([StepScript("parse")])) for _ in range(3)]
    with fronted(urlsplit(server.api_url).port or 0) as front:
        assert _codes(f"https://localhost:{front.port}", LEAVING_TLS, ids) == [0, 0, 0]
        assert front.accepted == 2


def _codes(url: str, script: str, ids: list[int]) -> list[int]:
    # From 3.12 on Python warns of forks in a process with threads, as it should.
    options = ["-W", "error", "-W", "ignore:.*multi-threaded.*:DeprecationWarning"]
    done = subprocess.run(
        [
            sys.executable,
            *options,
            "-c",
            PRELUDE + script,
            API_KEY,
            url,
            json.dumps(ids),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    codes: list[int] = json.loads(done.stdout)
    return codes
