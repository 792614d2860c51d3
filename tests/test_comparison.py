"""What the README says of Datalab's own client and of this one, tried with both."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from benchmarks.__main__ import BENCHMARKS
from datalab_facade import APIStatusError, Datalab, ExecutionFailedError, WaitTimeoutError
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Simulator,
    SimulatorServer,
    StepScript,
    VirtualClock,
    connect,
)
from tests.markdown import ROOT

_README = (ROOT / "README.md").read_text(encoding="utf-8")
_ROWS = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| `(test_\w+|--only \w+)` \|$", _README, re.MULTILINE
)

Waited: TypeAlias = dict[str, Any]


def _theirs(
    server: SimulatorServer, execution: int, *, in_a_loop: bool = False, **options: Any
) -> Waited:
    given = {
        "key": server.simulator.api_key,
        "url": server.api_url,
        "execution": execution,
        "in_a_loop": in_a_loop,
        "options": {"max_polls": 5, "poll_interval": 0, **options},
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.faithful.official_wait"],
        input=json.dumps(given),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    told: Waited = json.loads(done.stdout)
    return told


def _both(
    script: ExecutionScript, *faults: Fault, origin: Any = "api", **options: Any
) -> tuple[Waited, Datalab, int]:
    """Let their client wait; give what came of it, and a client of ours that is to do the same."""
    simulators = Simulator(), Simulator(VirtualClock())
    first, second = (one.start(script) for one in simulators)
    for simulator in simulators:
        simulator.inject(*faults, origin=origin)
    with SimulatorServer(simulators[0]) as server:
        return _theirs(server, first, **options), connect(simulators[1]), second


NESTED = ExecutionScript([StepScript("parse", output={"pages": 2})], shape="nested")
FLAT = ExecutionScript([StepScript("parse", output={"pages": 2})], shape="flat")


def test_one_answer_of_503_ends_their_wait_and_not_ours() -> None:
    theirs, client, execution_id = _both(NESTED, Fault.status(503))
    assert theirs == {"raised": "DatalabAPIError"}
    with client:
        assert client.executions.wait(execution_id).succeeded


def test_when_time_is_up_they_give_what_they_saw_last_and_we_raise() -> None:
    endless = ExecutionScript([StepScript("parse", ends=None)])
    theirs, client, execution_id = _both(endless)
    assert (theirs["raised"], theirs["status"]) == (None, "IN_PROGRESS")
    with client, pytest.raises(WaitTimeoutError) as raised:
        client.executions.wait(execution_id, timeout=60)
    assert raised.value.id == execution_id


def test_a_failed_execution_is_a_result_there_and_an_error_with_its_reason_here() -> None:
    failing = ExecutionScript([StepScript("parse", outcome="FAILED", error="no pages")])
    theirs, client, execution_id = _both(failing)
    assert (theirs["raised"], theirs["status"], theirs["error"]) == (None, "FAILED", None)
    with client, pytest.raises(ExecutionFailedError, match="parse: no pages"):
        client.executions.result(execution_id)


def test_outputs_of_the_documented_shape_are_fetched_only_here(tmp_path: Path) -> None:
    theirs, client, execution_id = _both(FLAT, download_results=True)
    assert theirs["status"] == "COMPLETED"
    assert "downloaded_data" not in json.dumps(theirs)
    with client:
        assert len(client.outputs.save_all(execution_id, tmp_path).saved) == 1


def test_an_output_that_fails_once_is_a_note_in_their_result_and_tried_again_here() -> None:
    theirs, client, execution_id = _both(
        NESTED, Fault.status(503), origin="storage", download_results=True
    )
    [run] = theirs["steps"]["parse"].values()
    assert (theirs["raised"], theirs["status"]) == (None, "COMPLETED")
    assert run["error"] == "Failed to download: HTTP 503"
    assert "downloaded_data" not in run
    with client:
        [output] = client.executions.result(execution_id).outputs
        assert client.outputs.read_json(output) == {"pages": 2}


def _keys_at_another_origin(wait: Callable[[SimulatorServer, int], None]) -> list[str]:
    simulator = Simulator()
    execution_id = simulator.start(NESTED)
    with SimulatorServer(simulator) as server:
        simulator.inject(Fault.redirect(f"{server.storage_url}/elsewhere"))
        wait(server, execution_id)
    elsewhere = [one for one in simulator.requests if one.path == "/elsewhere"]
    return [one.headers["x-api-key"] for one in elsewhere if "x-api-key" in one.headers]


def test_a_redirect_takes_the_key_to_another_host_only_there() -> None:
    def theirs(server: SimulatorServer, execution_id: int) -> None:
        assert _theirs(server, execution_id)["raised"] == "DatalabAPIError"

    def ours(server: SimulatorServer, execution_id: int) -> None:
        key = server.simulator.api_key
        with Datalab(key, base_url=server.api_url) as client, pytest.raises(APIStatusError):
            client.executions.wait(execution_id)

    assert len(_keys_at_another_origin(theirs)) == 1
    assert _keys_at_another_origin(ours) == []


def test_the_blocking_client_works_in_a_running_loop_only_here() -> None:
    theirs, client, execution_id = _both(NESTED, in_a_loop=True)
    assert theirs == {"raised": "RuntimeError"}

    async def cell() -> bool:
        return client.executions.wait(execution_id).succeeded

    with client:
        assert asyncio.run(cell())


def test_every_row_of_the_comparison_names_what_shows_it() -> None:
    table = _README.partition("## Beside the official client")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(_ROWS) >= 8
    for _, shown_by in _ROWS:
        name = shown_by.removeprefix("--only ")
        assert name in BENCHMARKS if shown_by != name else name in globals(), name
