"""What is logged: little, at the right level, and nothing secret."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from datalab_facade import (
    AsyncDatalab,
    Datalab,
    InternalServerError,
    LocalRateLimiter,
    WaitPolicy,
)
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Simulator,
    SimulatorServer,
    SimulatorTransport,
    StepScript,
)
from tests.in_process import FAILS, NEVER_ENDS, SOON, asynchronous, new_simulator
from tests.secrets_for_tests import API_KEY, COOKIE
from tests.ways import Way

COOKIES = {"Set-Cookie": f"wos-session={COOKIE}; Path=/"}


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture(autouse=True)
def everything_is_listened_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def lines(caplog: pytest.LogCaptureFixture, logger: str, level: int | None = None) -> list[str]:
    """Give what a logger and those below it said, at one level or at any."""
    return [
        record.getMessage()
        for record in caplog.records
        if f"{record.name}.".startswith(f"{logger}.") and level in (None, record.levelno)
    ]


def test_a_request_is_one_line_at_debug(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = simulator.start(ExecutionScript())
    way.done(way.client(simulator).executions.get(execution_id))
    [line] = lines(caplog, "datalab_facade.transport", logging.DEBUG)
    url = f"https://www.datalab.to/api/v1/workflows/executions/{execution_id}"
    assert line.startswith(f"GET {url} -> 200 in 0.000 s, ")
    assert "'content-type': 'application/json'" in line


def test_a_wait_tells_each_request_and_each_decision_once(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = simulator.start(SOON)
    way.done(way.client(simulator).executions.wait(execution_id))
    asked = len(simulator.requests)
    assert len(lines(caplog, "datalab_facade.transport", logging.DEBUG)) == asked > 2
    decisions = lines(caplog, "datalab_facade.jobs", logging.DEBUG)
    assert len(decisions) == asked - 1
    assert all(line.startswith(f"execution {execution_id}: next poll in ") for line in decisions)


@pytest.mark.parametrize("script", [SOON, FAILS], ids=["completed", "failed"])
def test_a_wait_that_goes_well_is_quiet_above_debug(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture, script: ExecutionScript
) -> None:
    execution = way.done(way.client(simulator).executions.wait(simulator.start(script)))
    for output in execution.outputs:
        way.done(way.client(simulator).outputs.read_bytes(output))
    loud = [
        record
        for record in caplog.records
        if record.levelno >= logging.INFO and record.name != "asyncio"
    ]
    assert not loud


@pytest.mark.parametrize(
    "fault", [Fault.status(503), Fault.reset(), Fault.html()], ids=["503", "reset", "HTML"]
)
def test_a_failure_that_is_retried_is_a_warning(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    execution_id = simulator.start(SOON)
    simulator.inject(fault)
    way.done(way.client(simulator).executions.wait(execution_id))
    [line] = lines(caplog, "datalab_facade", logging.WARNING)
    assert line.startswith(f"execution {execution_id}: retrying in ")
    assert f"executions/{execution_id}" in line
    assert len(line.splitlines()) == 1


def test_the_error_that_is_raised_is_not_logged_as_well(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.inject_always(Fault.status(503))
    with pytest.raises(InternalServerError):
        way.done(way.client(simulator).executions.get(7))
    assert len(simulator.requests) == 3
    assert len(lines(caplog, "datalab_facade", logging.WARNING)) == 2
    assert not lines(caplog, "datalab_facade", logging.ERROR)


def test_a_request_without_an_answer_is_a_line_too(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = simulator.start(ExecutionScript())
    simulator.inject(Fault.reset(), Fault.hang(), Fault.status(500))
    way.done(way.client(simulator, max_retries=3, timeout=900).executions.get(execution_id))
    told = lines(caplog, "datalab_facade.transport", logging.DEBUG)
    assert [line.split(" -> ")[1].split()[0] for line in told] == [
        "APIConnectionError",
        "APITimeoutError",
        "500",
        "200",
    ]


def test_new_drift_is_a_warning_the_first_time(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    client = way.client(simulator)
    execution_id = simulator.start(ExecutionScript(extra={"novel": 1, "status": "UNHEARD_OF"}))
    for _ in range(3):
        way.done(client.executions.get(execution_id))
    warned = lines(caplog, "datalab_facade.drift", logging.WARNING)
    assert warned == [
        "The API answered something new: field novel in execution",
        "The API answered something new: status status=UNHEARD_OF in execution",
    ]


def test_a_time_without_a_zone_is_as_documented_and_no_warning(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    way.done(way.client(simulator).executions.get(simulator.start(SOON)))
    assert not lines(caplog, "datalab_facade", logging.WARNING)
    assert any("zone" in line for line in lines(caplog, "datalab_facade.drift", logging.DEBUG))


def test_what_the_server_says_cannot_forge_a_line(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    forged = "x\nCRITICAL root: all is lost\x1b[2J"
    script = ExecutionScript([StepScript(forged)], extra={forged: 1, "status": forged})
    execution_id = simulator.start(script)
    simulator.inject(
        Fault.status(503, {"detail": forged}),
        Fault.status(502, forged.encode(), {"Content-Type": "text/html"}),
        Fault.status(200, forged.encode()),
    )
    way.done(way.client(simulator, max_retries=3).executions.get(execution_id))
    told = lines(caplog, "datalab_facade")
    assert len(told) >= 8
    assert all(line.isprintable() for line in told)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Give the fields that a record of ours has besides those of all records."""
    return {name: value for name, value in vars(record).items() if name.startswith("datalab_")}


def records(caplog: pytest.LogCaptureFixture, logger: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == f"datalab_facade.{logger}"]


def test_a_download_and_an_upload_are_logged_like_other_requests(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    client = way.client(simulator)
    execution = way.done(client.executions.wait(simulator.start(SOON)))
    caplog.clear()
    body = way.done(client.outputs.read_bytes(execution.outputs[0]))
    [line] = lines(caplog, "datalab_facade.transport", logging.DEBUG)
    where = f"https://storage.datalab.invalid/datalab-outputs/executions/{execution.id}/parse"
    assert line.startswith(f"GET {where}/987.json?… -> 200 in 0.000 s, {len(body)} bytes {{")
    caplog.clear()
    simulator.inject(Fault.reset(5), Fault.status(403), origin="storage")
    way.done(client.outputs.read_bytes(execution.outputs[0]))
    told = [line for line in lines(caplog, "datalab_facade.transport") if "storage" in line]
    outcomes = [line.split(" -> ")[1].split()[0] for line in told]
    assert outcomes[0] == "APIConnectionError"
    assert "403" in outcomes
    assert outcomes[-1] in {"200", "206"}
    assert len(outcomes) == 3
    caplog.clear()
    way.done(client.files.upload(b"x" * 99, name="a.pdf"))
    told = lines(caplog, "datalab_facade.transport", logging.DEBUG)
    assert [line.split()[0] for line in told] == ["POST", "PUT", "GET"]
    assert all("?…" in line or "datalab.to/api" in line for line in told)


class JsonFormatter(logging.Formatter):
    """A formatter as services have it: everything of ours in one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"message": record.getMessage(), **fields_of(record)}, allow_nan=False)


def test_records_have_fields_for_json(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    client = way.client(simulator, requests_per_minute=None)
    execution_id = simulator.start(SOON)
    simulator.inject(Fault.status(503, None, {"X-Request-Id": "req-7"}), Fault.reset())
    way.done(client.executions.wait(execution_id))
    formatter = JsonFormatter()
    told = [json.loads(formatter.format(record)) for record in caplog.records]
    job = {"datalab_job_kind": "execution", "datalab_job_id": execution_id}
    assert all(job.items() <= row.items() for row in told if "datalab_url" in row)
    sent = [fields_of(record) for record in records(caplog, "transport")]
    url = f"https://www.datalab.to/api/v1/workflows/executions/{execution_id}"
    assert sent[0].pop("datalab_bytes") > 0
    assert sent[0] == {
        **job,
        "datalab_attempt": 1,
        "datalab_method": "GET",
        "datalab_url": url,
        "datalab_operation": "get_execution_status",
        "datalab_seconds": 0.0,
        "datalab_status": 503,
        "datalab_request_id": "req-7",
    }
    assert (sent[1]["datalab_error"], sent[1]["datalab_attempt"]) == ("APIConnectionError", 2)
    assert [row["datalab_attempt"] for row in sent[:4]] == [1, 2, 3, 1]
    retries = [row for row in map(fields_of, records(caplog, "jobs")) if "datalab_error" in row]
    assert [row["datalab_attempt"] for row in retries] == [2, 3]
    assert (retries[0]["datalab_error"], retries[0]["datalab_status"]) == ("OverloadedError", 503)
    assert all(row["datalab_delay"] > 0 for row in map(fields_of, records(caplog, "jobs")))


def test_fields_do_not_clash_with_those_of_a_programs_own_record_factory(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    before = logging.getLogRecordFactory()

    def make(*args: Any, **more: Any) -> logging.LogRecord:
        record = before(*args, **more)
        for name in ("request_id", "job_id", "job", "status", "operation", "url", "attempt"):
            setattr(record, name, "the program's")
        return record

    logging.setLogRecordFactory(make)
    try:
        way.done(way.client(simulator).executions.wait(simulator.start(SOON)))
    finally:
        logging.setLogRecordFactory(before)
    assert fields_of(records(caplog, "transport")[0])["datalab_status"] == 200


def test_a_failure_that_is_retried_in_a_wait_for_many_is_a_warning_too(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [simulator.start(SOON) for _ in range(2)]
    simulator.inject(Fault.status(503))
    way.done(way.client(simulator).executions.wait_many(ids))
    [line] = lines(caplog, "datalab_facade", logging.WARNING)
    assert line.startswith(f"execution {ids[0]}: retrying in ")
    assert "(1 of 10)" in line


def test_a_long_wait_for_the_rate_limit_is_one_line_for_each_call(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    client = way.client(simulator, rate_limiter=LocalRateLimiter(6, burst=1))
    execution_id = simulator.start(SOON)
    way.done(client.executions.get(execution_id))
    assert not lines(caplog, "datalab_facade.rate_limiting")
    way.done(client.executions.get(execution_id))
    [line] = lines(caplog, "datalab_facade.rate_limiting", logging.INFO)
    assert re.fullmatch(
        rf"execution {execution_id}: waiting 10\.\d s for the rate limit "
        r"\(6 per minute\)",
        line,
    )
    [record] = records(caplog, "rate_limiting")
    assert fields_of(record)["datalab_requests_per_minute"] == 6
    assert fields_of(record)["datalab_delay"] > 9
    caplog.clear()
    way.done(client.executions.wait(simulator.start(SOON)))
    assert len(lines(caplog, "datalab_facade.rate_limiting", logging.INFO)) <= 1
    caplog.clear()
    way.done(client.executions.wait_many([simulator.start(SOON) for _ in range(5)]))
    [line] = lines(caplog, "datalab_facade.rate_limiting", logging.INFO)
    assert line.startswith("wait for many executions: waiting ")


def test_a_short_wait_for_the_rate_limit_is_no_line(
    way: Way, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    client = way.client(simulator, requests_per_minute=100)
    for _ in range(10):
        way.done(client.executions.get(simulator.start(SOON)))
    assert not lines(caplog, "datalab_facade.rate_limiting")


# Over real sockets, with the logs of httpx and of what is below it.


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(Simulator(api_key=API_KEY)) as server:
        yield server


def start(server: SimulatorServer) -> int:
    """Start an execution whose status sets a cookie, and which has one output."""
    execution_id = server.simulator.start(ExecutionScript([StepScript("parse")]))
    with Datalab(API_KEY, base_url=server.api_url) as client:
        body = dict(client.executions.get(execution_id).raw)
    server.simulator.inject_always(Fault.status(200, body, COOKIES), origin="api")
    return execution_id


def assert_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """See that our requests left lines of httpcore, but none that tells a secret."""
    below = lines(caplog, "httpcore")
    assert any("connect_tcp" in line for line in below)
    assert not lines(caplog, "httpx")
    told = "\n".join(f"{record.name} {record.getMessage()}" for record in caplog.records)
    for secret in ("X-Amz-", "Set-Cookie", COOKIE, API_KEY):
        assert secret.lower() not in told.lower()


def test_the_logs_of_httpx_tell_no_query_and_no_cookie_of_ours(
    server: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = start(server)
    caplog.clear()
    with Datalab(API_KEY, base_url=server.api_url) as client:
        [output] = client.executions.get(execution_id).outputs
        assert client.outputs.read_json(output)
    assert "X-Amz-Signature" in output.url
    assert_quiet(caplog)


async def test_the_logs_of_httpx_tell_no_query_and_no_cookie_of_ours_in_async_code(
    server: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = start(server)
    caplog.clear()
    async with AsyncDatalab(API_KEY, base_url=server.api_url) as client:
        [output] = (await client.executions.get(execution_id)).outputs
        assert await client.outputs.read_json(output)
    assert_quiet(caplog)


def as_ever(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what httpx logs of the test's own requests, query and all."""
    [line] = lines(caplog, "httpx", logging.INFO)
    heads = [line for line in lines(caplog, "httpcore") if "headers.complete" in line]
    return [line, *heads]


def test_the_requests_of_the_user_are_logged_as_ever(
    server: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = server.simulator.start(NEVER_ENDS)
    with Datalab(API_KEY, base_url=server.api_url) as client:
        client.executions.get(execution_id)
        caplog.clear()
        httpx.get(f"{server.api_url}/own?page=1")
        client.executions.get(execution_id)
    line, *heads = as_ever(caplog)
    assert f"{server.api_url}/own?page=1" in line
    assert any("content-length" in head.lower() for head in heads)


def test_the_requests_of_the_user_are_logged_as_ever_while_ours_run_in_another_thread(
    server: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    asked, go_on = threading.Event(), threading.Event()
    simulator = new_simulator()

    def wait_for_the_user(*_: object) -> None:
        asked.set()
        assert go_on.wait(30)

    simulator.inject_with(wait_for_the_user)
    client = Way("sync").client(simulator)
    with ThreadPoolExecutor(1) as pool:
        ours = pool.submit(client.executions.get, simulator.start(SOON))
        try:
            assert asked.wait(30)
            httpx.get(f"{server.api_url}/own?page=1")
            line, *heads = as_ever(caplog)
        finally:
            go_on.set()
        assert ours.result().status == "IN_PROGRESS"
    assert f"{server.api_url}/own?page=1" in line
    assert heads
    assert len(lines(caplog, "httpx")) == 1


async def test_the_requests_of_the_user_are_logged_as_ever_while_ours_run_in_another_task(
    server: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()
    # On real time, so that ours is still under way when the user's is answered.
    simulator = Simulator(api_key=API_KEY)

    def hang(*_: object) -> Fault:
        asked.set()
        return Fault.hang()

    simulator.inject_with(hang)
    client = asynchronous(simulator)
    ours = asyncio.create_task(client.executions.get(simulator.start(SOON)))
    await asked.wait()
    async with httpx.AsyncClient() as own:
        await own.get(f"{server.api_url}/own?page=1")
    line, *heads = as_ever(caplog)
    assert not ours.done()
    ours.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ours
    assert f"{server.api_url}/own?page=1" in line
    assert heads
    assert len(lines(caplog, "httpx")) == 1


def test_between_two_changes_of_a_watch_the_user_is_logged_as_ever(
    server: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = server.simulator.start(NEVER_ENDS)
    with Datalab(API_KEY, base_url=server.api_url) as client:
        watched = client.executions.watch(execution_id, policy=WaitPolicy(min_interval=0.1))
        next(watched)
        httpx.get(f"{server.api_url}/own?page=1")
        watched.close()
    assert "own?page=1" in as_ever(caplog)[0]


class Talkative(httpx.BaseTransport):
    """Logs all that it knows, under names known and unknown, and streams its answer so, too."""

    def __init__(self, simulator: Simulator) -> None:
        self._inner = SimulatorTransport(simulator)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.tell(request)
        answer = self._inner.handle_request(request)
        body = answer.read()

        def streamed() -> Iterator[bytes]:
            self.tell(request)
            yield body

        return httpx.Response(answer.status_code, headers=answer.headers, content=streamed())

    @staticmethod
    def tell(request: httpx.Request) -> None:
        for name in TALKERS:
            logger = logging.getLogger(name)
            told = f"{request.url} {request.headers} {API_KEY}"
            logger.debug("setup_socks5_connection.started auth=%s", told)
            logger.critical(told)
            logger.error("connect", exc_info=ValueError(told), stack_info=True)
            logger.debug("connect_tcp.started host='a.example' port=443")


TALKERS = (
    "httpx",
    "httpcore.socks",
    "httpcore.connection",
    "httpcore.whatever",
    "h2.connection",
    "hpack.hpack",
    "socksio",
    "urllib3.connectionpool",
    "aiohttp.client",
    "anyio",
    "nobody.ever.heard.of.this",
    "root",
)


def test_only_what_is_known_to_be_harmless_is_logged_of_our_requests(
    caplog: pytest.LogCaptureFixture,
) -> None:
    simulator = new_simulator()
    http = httpx.Client(transport=Talkative(simulator))
    client = Datalab(API_KEY, http_client=http, clock=simulator.clock)
    execution = client.executions.wait(simulator.start(SOON))
    assert client.outputs.read_json(execution.outputs[0])
    told = {
        f"{record.name} {record.getMessage()}"
        for record in caplog.records
        if not record.name.startswith("datalab_facade")
    }
    assert told == {"httpcore.connection connect_tcp.started host='a.example' port=443"}
    logging.getLogger("socksio").debug("of the user's own")
    assert lines(caplog, "socksio") == ["of the user's own"]


def test_whoever_else_makes_the_records_of_logs_goes_on_to_do_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = logging.getLogRecordFactory()

    def make(*args: Any, **more: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **more)
        record.marked = True
        return record

    logging.setLogRecordFactory(make)
    try:
        test_only_what_is_known_to_be_harmless_is_logged_of_our_requests(caplog)
        assert all(vars(record)["marked"] for record in caplog.records)
    finally:
        logging.setLogRecordFactory(before)


def test_many_requests_change_the_making_of_records_only_once() -> None:
    simulator = new_simulator()
    execution_id = simulator.start(SOON)
    makers = set()
    for _ in range(3):
        Way("sync").client(simulator).executions.get(execution_id)
        makers.add(logging.getLogRecordFactory())
    assert len(makers) == 1


_WARNS = """
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript
from datalab_facade.testing import VirtualClock, connect
simulator = Simulator(VirtualClock())
simulator.inject(Fault.status(503))
with connect(simulator) as client:
    client.executions.wait(simulator.start(ExecutionScript([StepScript("parse", ends=60)])))
"""


def test_a_program_that_sets_up_no_logging_sees_no_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WARNS], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("", "")
