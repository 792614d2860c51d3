"""A whole Airflow runs DAGs against the simulator: scheduler, workers, triggerer, database."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import __version__
from datalab_facade.models import JSON
from datalab_facade.testing import ExecutionScript, Simulator, SimulatorServer, StepScript
from tests.heavy.airflow_world import Airflow, DagRun, Home, eventually
from tests.markdown import ROOT, blocks_of
from tests.secrets_for_tests import API_KEY

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

DAGS = Path(__file__).parent / "airflow_dags"
SCRIPTS = {
    "documented": ExecutionScript([StepScript("parse", ends=1)]),
    "short": ExecutionScript([StepScript("parse", ends=1)]),
    "completes": ExecutionScript([StepScript("parse", ends=8)]),
    "fails": ExecutionScript([StepScript("parse", ends=8, outcome="FAILED", error="no pages")]),
    "takes_too_long": ExecutionScript([StepScript("parse", ends=None)]),
    "takes_long": ExecutionScript([StepScript("parse", ends=60)]),
}


@attrs.frozen
class World:
    """What there is: the simulator, and a home for Airflow whose connection leads to it."""

    simulator: Simulator
    home: Home
    folder: Path
    workflows: dict[str, int]

    def submitted(self, name: str) -> int:
        path = f"/api/v1/workflows/workflows/{self.workflows[name]}/execute"
        return sum(one.path == path for one in self.simulator.requests)

    def looks_at(self, execution_id: int) -> int:
        return sum(one.path.endswith(f"/executions/{execution_id}") for one in self.requests)

    @property
    def requests(self) -> list[Any]:
        return list(self.simulator.requests)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    simulator = Simulator(api_key=API_KEY)
    workflows = {name: simulator.workflows.add(name, []) for name in SCRIPTS}
    for name, script in SCRIPTS.items():
        simulator.script_for(workflows[name], script)
    with SimulatorServer(simulator) as server:
        connection: JSON = {"conn_type": "datalab", "host": server.api_url, "password": API_KEY}
        wrong: JSON = {"conn_type": "datalab", "host": server.api_url, "password": "another"}
        connections: dict[str, JSON] = {"datalab_default": connection, "wrong_key": wrong}
        home = Home(tmp_path_factory.mktemp("airflow") / "home", connections)
        home.run("db", "migrate")
        shutil.copy(DAGS / "promises.py", home.dags)
        yield World(simulator, home, tmp_path_factory.mktemp("outputs"), workflows)


def test_the_dag_of_the_documentation_runs_as_it_stands(world: World, tmp_path: Path) -> None:
    """It has a database of its own, where no scheduler takes part."""
    [block] = [
        block
        for block in blocks_of(ROOT / "docs" / "airflow.md")
        if block.language == "python" and "@dag" in block.code
    ]
    home = tmp_path / "home"
    shutil.copytree(
        world.home.folder, home, ignore=shutil.ignore_patterns("promises.py", "airflow.cfg")
    )
    (home / "dags" / "invoices.py").write_text(block.code)
    told = world.home.run(
        "dags", "test", "invoices", AIRFLOW_HOME=str(home), AIRFLOW_VAR_OUTPUTS=str(tmp_path)
    )
    [execution_id] = world.simulator.execution_ids
    assert "state=success" in told
    manifest = json.loads((tmp_path / f"execution-{execution_id}" / "manifest.json").read_text())
    [saved] = manifest["saved"]
    assert f"{saved['path']}: {saved['bytes']} bytes" in told
    assert API_KEY not in told


def test_the_hook_tells_whether_datalab_knows_the_key(world: World) -> None:
    told = world.home.python(
        "import asyncio\n"
        "from datalab_facade.integrations.airflow.hooks import DatalabHook\n"
        "print(DatalabHook().test_connection())\n"
        "print(DatalabHook('wrong_key').test_connection())\n"
        "async def listed():\n"
        "    async with await DatalabHook().get_async_conn() as client:\n"
        "        return len(await client.workflows.list())\n"
        "print(asyncio.run(listed()), 'workflows')\n"
    )
    many = len(SCRIPTS)
    assert f"(True, 'Datalab knows the key, which has {many} workflows')" in told
    assert "(False, 'GET " in told
    assert "Check the api_key" in told
    assert f"{many} workflows\n" in told


def test_airflow_lists_the_provider_and_its_connection_type(world: World) -> None:
    told = world.home.python(
        "from airflow.providers_manager import ProvidersManager\n"
        "manager = ProvidersManager()\n"
        "print(manager.providers['datalab-facade'].version)\n"
        "hook = manager.hooks['datalab']\n"
        "print(hook.hook_class_name, hook.connection_id_attribute_name)\n"
        "print(sorted(name for name in manager.connection_form_widgets if 'datalab' in name))\n"
        "print(manager.field_behaviours['datalab']['relabeling'])\n"
    )
    assert told.splitlines()[-4:] == [
        __version__,
        "datalab_facade.integrations.airflow.hooks.DatalabHook datalab_conn_id",
        "['extra__datalab__allow_http', 'extra__datalab__requests_per_minute']",
        "{'password': 'API key', 'host': 'Address'}",
    ]


def test_a_thousand_waits_in_one_triggerer_stay_within_memory_and_budget() -> None:
    command = [sys.executable, "-m", "benchmarks.airflow_waits", "--many", "1000"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def airflow(world: World) -> Iterator[Airflow]:
    with Airflow(world.home).running() as running:
        yield running


@pytest.fixture(scope="module")
def run(world: World, airflow: Airflow) -> DagRun:
    return airflow.begin("promises", {**world.workflows, "folder": str(world.folder)})


def test_a_wait_goes_on_in_another_triggerer_when_its_own_is_killed(
    world: World, airflow: Airflow, run: DagRun
) -> None:
    deferred = run.until("takes_long", "deferred")
    handle = run.xcoms("takes_long")["datalab_handle"]
    classpath, arguments = world.home.trigger(deferred["trigger"]["id"])
    assert classpath.endswith(".triggers.DatalabExecutionTrigger")
    assert arguments.keys() == {"handle", "datalab_conn_id", "deadline"}
    assert arguments["handle"] == handle
    eventually(lambda: world.looks_at(handle["execution_id"]), "it is looked at", seconds=60)
    airflow.kill("triggerer")
    looks = world.looks_at(handle["execution_id"])
    assert run.task("takes_long")["state"] == "deferred"
    airflow.start("triggerer")
    done = run.until("takes_long", "success", "failed")
    assert (done["state"], done["try_number"]) == ("success", 1)
    assert run.xcoms("takes_long")["return_value"] == {
        "execution_id": handle["execution_id"],
        "handle": handle,
        "status": "COMPLETED",
        "partially_failed": False,
        "manifest": None,
    }
    assert world.looks_at(handle["execution_id"]) > looks
    assert world.submitted("takes_long") == 1


def test_a_task_that_completes_leaves_its_outputs_and_a_manifest(world: World, run: DagRun) -> None:
    assert run.until("completes", "success", "failed")["state"] == "success"
    result = run.xcoms("completes")["return_value"]
    [saved] = result["manifest"]["saved"]
    assert (world.folder / f"execution-{result['execution_id']}" / saved["path"]).is_file()
    assert run.until("senses", "success", "failed", "upstream_failed")["state"] == "success"
    assert run.xcoms("senses")["return_value"] == {**result, "manifest": None}


def test_a_failed_execution_fails_its_task_for_good_with_its_reason(
    world: World, run: DagRun
) -> None:
    failed = run.until("fails", "failed", "success")
    assert (failed["state"], failed["try_number"]) == ("failed", 1)
    assert "no pages" in _logs_of(world, "fails")
    assert world.submitted("fails") == 1


def test_a_task_that_times_out_waits_for_the_same_execution_in_its_next_try(
    world: World, run: DagRun
) -> None:
    failed = run.until("takes_too_long", "failed", "success")
    assert (failed["state"], failed["try_number"]) == ("failed", 2)
    assert "has not ended after 5.0 s" in _logs_of(world, "takes_too_long")
    assert world.submitted("takes_too_long") == 1


def test_a_task_that_is_cleared_finds_its_execution_and_pays_for_no_other(
    world: World, run: DagRun
) -> None:
    before = run.until("completes", "success")
    result = run.xcoms("completes")["return_value"]
    submitted = world.submitted("completes")
    run.clear("completes")
    eventually(
        lambda: run.task("completes")["try_number"] > before["try_number"],
        "it is begun again",
        seconds=60,
    )
    assert run.until("completes", "success", "failed")["state"] == "success"
    assert run.xcoms("completes")["return_value"]["handle"] == result["handle"]
    assert world.submitted("completes") == submitted


def test_a_task_can_wait_in_the_worker_or_not_at_all(world: World, run: DagRun) -> None:
    assert run.until("waits_in_the_worker", "success", "failed")["state"] == "success"
    assert run.xcoms("waits_in_the_worker")["return_value"]["status"] == "COMPLETED"
    assert run.until("pokes", "success", "failed", "upstream_failed")["state"] == "success"
    started = run.xcoms("only_starts")["return_value"]
    assert started["status"] is None
    assert run.xcoms("pokes")["return_value"] == {**started, "status": "COMPLETED"}


def test_xcom_and_airflows_files_hold_no_key_and_no_url_of_an_output(
    world: World, run: DagRun
) -> None:
    told = json.dumps([run.xcoms(task) for task in ("completes", "senses", "takes_long")])
    assert "X-Amz" not in told
    assert world.simulator.storage_origin not in told
    for path in world.home.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert API_KEY.encode() not in content, path
            assert b"X-Amz-Signature" not in content, path


def _logs_of(world: World, task_id: str) -> str:
    logs = (world.home.folder / "logs").rglob(f"task_id={task_id}/*.log")
    return "\n".join(path.read_text() for path in logs)
