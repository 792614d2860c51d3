"""The fixtures that pytest finds once the package is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeAlias

import pytest

from datalab_facade import Datalab
from datalab_facade.testing import ExecutionScript, Simulator, StepScript

Run: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest in a project of its own, with few plugins; warnings are errors there, too."""

    def run(source: str, *options: str, ini: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(textwrap.dedent(source), encoding="utf-8")
        ini = f"[pytest]\naddopts = -W error\n{ini}\n"
        (tmp_path / "pytest.ini").write_text(ini, encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options],
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


OURS = ("-p", "_datalab_facade_pytest")


def outcome(done: subprocess.CompletedProcess[str]) -> str:
    """Give the last line, such as ``3 passed in 0.1s``, without the time."""
    assert done.stderr == ""
    return done.stdout.strip().splitlines()[-1].rpartition(" in ")[0]


BLOCKING = """
    import pytest, threading
    from datalab_facade import OverloadedError, APITimeoutError, WaitPolicy
    from datalab_facade.testing import ExecutionScript, Fault, StepScript

    SLOW = ExecutionScript([StepScript("parse", ends=3600)])

    pytestmark = pytest.mark.datalab(SLOW, first_execution_id=77)

    def test_a_script_of_the_module_has_begun(datalab, datalab_simulator, datalab_clock):
        [execution_id] = datalab_simulator.execution_ids
        assert execution_id == 77
        assert datalab.executions.wait(execution_id).succeeded
        assert 3600 <= datalab_clock.monotonic() < 3700

    @pytest.mark.datalab(SLOW, faults=[Fault.status(529), Fault.hang()], client={"max_retries": 0})
    def test_markers_add_up(datalab, datalab_simulator):
        assert datalab_simulator.execution_ids == (77, 78)
        with pytest.raises(OverloadedError):
            datalab.executions.get(77)
        with pytest.raises(APITimeoutError):
            datalab.executions.get(77)

    @pytest.mark.datalab(first_execution_id=5, rate_limit=(1, 60), api_key="of-my-own-choice")
    def test_options_of_the_test_go_first(datalab, datalab_simulator):
        assert datalab_simulator.execution_ids == (5,)
        assert datalab.executions.get(5).status == "IN_PROGRESS"
        [request] = datalab_simulator.requests
        assert request.headers["x-api-key"] == "of-my-own-choice"

    @pytest.mark.datalab(client={"policy": WaitPolicy(jitter=0.5, timeout=7200)}, seed=3)
    @pytest.mark.parametrize("again", [1, 2])
    def test_every_run_is_the_same(datalab, datalab_simulator, again, record):
        datalab.executions.wait(77)
        record.append([request.at for request in datalab_simulator.requests])
        assert record[0] == record[-1]
        assert len(record) == again

    @pytest.fixture(scope="module")
    def record():
        return []

    def test_without_a_server_there_is_no_thread(datalab):
        assert threading.active_count() == 1
"""


def test_a_test_gets_a_client_a_datalab_and_a_clock(run: Run) -> None:
    assert outcome(run(BLOCKING, *OURS)) == "6 passed"


def test_the_fixtures_work_in_several_processes_at_once(run: Run) -> None:
    """Where the order of tests is another, so only those that stand alone."""
    done = run(BLOCKING, *OURS, "-p", "xdist.plugin", "-n", "2", "-k", "not same")
    assert outcome(done) == "4 passed"


ASYNC = """
    import asyncio, pytest
    from datalab_facade.testing import ExecutionScript, StepScript

    pytestmark = [
        MARKS
        pytest.mark.datalab(*(ExecutionScript([StepScript("p", ends=60 * n)]) for n in range(9))),
    ]

    async def test_waits_pass_side_by_side(async_datalab, datalab_simulator, datalab_clock):
        ids = datalab_simulator.execution_ids
        found = await asyncio.gather(*map(async_datalab.executions.wait, ids))
        assert all(execution.succeeded for execution in found)
        assert 480 <= datalab_clock.monotonic() < 600

    async def test_both_clients_share_a_datalab(async_datalab, datalab, datalab_simulator):
        [first, *_] = datalab_simulator.execution_ids
        assert datalab.executions.get(first).id == (await async_datalab.executions.get(first)).id
        assert len(datalab_simulator.requests) == 2
"""


RUNNERS = {
    "pytest-asyncio auto": ("", ("-p", "pytest_asyncio.plugin"), "asyncio_mode = auto"),
    "pytest-asyncio strict": ("pytest.mark.asyncio,", ("-p", "pytest_asyncio.plugin"), ""),
    "anyio": ("pytest.mark.anyio,", ("-p", "anyio.pytest_plugin"), ""),
}
ON_ASYNCIO = """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""


@pytest.mark.parametrize("runner", RUNNERS)
def test_async_tests_run_whatever_runs_them(run: Run, runner: str) -> None:
    marks, plugin, ini = RUNNERS[runner]
    source = ASYNC.replace("MARKS", marks) + ON_ASYNCIO
    if "asyncio" in runner:
        ini += "\nasyncio_default_fixture_loop_scope = function"
    assert outcome(run(source, *OURS, *plugin, ini=ini)) == "2 passed"


SERVED = """
    import os, socket, threading
    from urllib.parse import urlsplit
    import pytest
    from datalab_facade import Datalab, WaitPolicy
    from datalab_facade.testing import ExecutionScript, StepScript

    left = {}

    @pytest.mark.datalab(ExecutionScript([StepScript("parse", ends=0.1)]))
    def test_code_that_makes_its_own_client_is_led_here(datalab_server, datalab_simulator):
        left["url"] = datalab_server.api_url
        with Datalab(policy=WaitPolicy(min_interval=0.05)) as client:
            [execution_id] = datalab_simulator.execution_ids
            assert client.executions.wait(execution_id, timeout=20).succeeded

    @pytest.mark.datalab(speed=3600)
    def test_its_clock_can_run_faster(datalab_server, datalab_clock):
        assert datalab_clock.speed == 3600

    def test_no_thread_port_or_variable_is_left():
        assert threading.active_count() == 1
        assert "DATALAB_HOST" not in os.environ and "DATALAB_API_KEY" not in os.environ
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((urlsplit(left["url"]).hostname, urlsplit(left["url"]).port))
"""


def test_a_server_is_there_for_one_test_and_leaves_nothing_behind(run: Run) -> None:
    assert outcome(run(SERVED, *OURS)) == "3 passed"


WRONG = """
    import pytest
    from datalab_facade.testing import Fault

    @pytest.mark.datalab(rate_limt=(1, 60))
    def test_a(datalab_simulator): pass

    @pytest.mark.datalab(clock=None)
    def test_b(datalab_simulator): pass

    @pytest.mark.datalab({"steps": 3})
    def test_c(datalab_clock): pass

    @pytest.mark.datalab(faults=["hang"])
    def test_d(datalab_simulator): pass

    @pytest.mark.datalab(faults=Fault.hang())
    def test_e(datalab_simulator): pass

    @pytest.mark.datalab(client="async")
    def test_f(datalab): pass
"""


def test_an_invalid_marker_says_which_and_why(run: Run) -> None:
    done = run(WRONG, *OURS)
    assert outcome(done) == "6 errors"
    for test, message in {
        "a": "unknown option 'rate_limt'",
        "b": "unknown option 'clock'",
        "c": "a script must be an ExecutionScript or a DocumentScript, not {'steps': 3}",
        "d": "faults must be a list of faults such as [Fault.hang()], not ['hang']",
        "e": "faults must be a list of faults such as [Fault.hang()], not Fault(",
        "f": "client must be a dict of options, not 'async'",
    }.items():
        assert f"test_it.py::test_{test}: @pytest.mark.datalab: {message}" in done.stdout


def test_the_marker_and_the_fixtures_are_documented(run: Run) -> None:
    assert "@pytest.mark.datalab(*scripts" in run("", *OURS, "--markers").stdout
    output = run("", *OURS, "--fixtures").stdout
    for name in ("datalab", "async_datalab", "datalab_simulator", "datalab_clock"):
        assert f"{name} -- " in output


def test_it_is_found_by_its_entry_point(datalab: Datalab, datalab_simulator: Simulator) -> None:
    """As in this very test, which imports no fixture."""
    execution_id = datalab_simulator.start(ExecutionScript([StepScript("parse", ends=3600)]))
    assert datalab.executions.wait(execution_id, timeout=4000).succeeded
    [found] = entry_points(group="pytest11", name="datalab")
    assert found.value == "_datalab_facade_pytest"


UNUSED = """
    import sys

    def test_nothing():
        heavy = {"datalab_facade", "datalab_api_client", "httpx", "asyncio", "h11", "attr", "attrs"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


def test_it_costs_nothing_in_a_project_that_does_not_use_it(run: Run) -> None:
    """Nothing is imported: other plugins, which import some of it, are left out."""
    done = run(UNUSED, *OURS)
    assert outcome(done) == "1 passed"
