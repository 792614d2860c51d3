"""A whole Airflow runs DAGs against the simulator: scheduler, workers, triggerer, database."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
import redis

from benchmarks import deferred
from benchmarks.measuring import table
from datalab_facade import __version__
from datalab_facade.integrations.airflow.settings import ConnectionSettings
from datalab_facade.models import JSON
from datalab_facade.testing import ExecutionScript, Simulator, SimulatorServer, StepScript
from tests.heavy.airflow_world import Airflow, DagRun, Home, eventually
from tests.heavy.conftest import RedisServer
from tests.markdown import ROOT, blocks_of
from tests.secrets_for_tests import API_KEY

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

DAGS = Path(__file__).parent / "airflow_dags"
WRONG_KEY = API_KEY[::-1]
_FAILED = StepScript("parse", ends=0, outcome="FAILED", error="no pages")
SCRIPTS = {
    "tried_fails": ExecutionScript([_FAILED]),
    "tried_takes_too_long": ExecutionScript([StepScript("parse", ends=None)]),
    "short": ExecutionScript([StepScript("parse", ends=1)]),
    "completes": ExecutionScript([StepScript("parse", ends=8)]),
    "fails": ExecutionScript([attrs.evolve(_FAILED, ends=8)]),
    "takes_too_long": ExecutionScript([StepScript("parse", ends=None)]),
    "is_bounded": ExecutionScript([StepScript("parse", ends=None)]),
    "takes_long": ExecutionScript([StepScript("parse", ends=70)]),
    "is_cleared": ExecutionScript([StepScript("parse", ends=70)]),
    "each_of_three": ExecutionScript([StepScript("parse", ends=3)]),
}

PIPELINE: list[JSON] = [
    {"type": "convert", "settings": {}},
    {"type": "extract", "settings": {"page_schema": {"properties": {"total": {"type": "number"}}}}},
]


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

    def posted(self, endpoint: str) -> int:
        wanted = ("POST", f"/api/v1/{endpoint}")
        return sum((one.method, one.path) == wanted for one in self.requests)

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
        connection: dict[str, JSON] = {
            "conn_type": "datalab",
            "host": server.api_url,
            "password": API_KEY,
        }
        wrong: JSON = {"conn_type": "datalab", "host": server.api_url, "password": WRONG_KEY}
        broken: JSON = {**connection, "extra": '{"redis_url": "redis://:hidden@a.example"'}
        address = server.api_url.removeprefix("http://")
        connections: dict[str, JSON] = {
            "datalab_default": connection,
            "wrong_key": wrong,
            "broken_extra": broken,
            "by_uri": f"datalab://:{API_KEY}@{address}/http?requests_per_minute=90&allow_http=True",
        }
        simulator.pipelines.create(PIPELINE, name="Invoices")
        home = Home(tmp_path_factory.mktemp("airflow") / "home", connections)
        home.run("db", "migrate")
        shutil.copy(DAGS / "promises.py", home.dags)
        yield World(simulator, home, tmp_path_factory.mktemp("outputs"), workflows)


@pytest.fixture(scope="module")
def tried(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What ``airflow dags test`` prints of each DAG; no scheduler takes part."""
    [documented] = [
        block.code
        for block in blocks_of(ROOT / "docs" / "airflow.md")
        if block.language == "python" and "@dag" in block.code
    ]

    def tell(dag_id: str) -> str:
        home = world.home.copy(tmp_path_factory.mktemp(dag_id) / "home")
        (home.dags / "invoices.py").write_text(documented)
        shutil.copy(DAGS / "tried.py", home.dags)
        conf, outputs = json.dumps(world.workflows), str(world.folder / dag_id)
        command = ("dags", "test", dag_id, "-c", conf)
        told = home.run(*command, may_fail=True, AIRFLOW_VAR_OUTPUTS=outputs)
        _check_no_secret_in(home)
        return told

    dag_ids = ["invoices", "tried_fails", "tried_takes_too_long"]
    with ThreadPoolExecutor(len(dag_ids)) as pool:
        return dict(zip(dag_ids, pool.map(tell, dag_ids), strict=True))


def test_the_dag_of_the_documentation_runs_as_it_stands(
    world: World, tried: dict[str, str]
) -> None:
    told = tried["invoices"]
    assert "state=success" in told
    [receipt] = (world.folder / "invoices").glob("invoice/*.result.json")
    files = json.loads(receipt.read_text())["files"]
    assert files
    assert all(f"{file['path']}: {file['bytes']} bytes" in told for file in files)


def test_a_dag_that_is_tried_fails_as_its_execution_does(tried: dict[str, str]) -> None:
    assert "state=failed" in tried["tried_fails"]
    assert "no pages" in tried["tried_fails"]


def test_a_dag_that_is_tried_times_out_though_no_scheduler_takes_part(
    tried: dict[str, str],
) -> None:
    assert "state=failed" in tried["tried_takes_too_long"]
    assert "has not ended after 5.0 s" in tried["tried_takes_too_long"]


def test_what_is_tried_prints_no_key(tried: dict[str, str]) -> None:
    assert API_KEY not in "".join(tried.values())


def test_the_hook_tells_whether_datalab_knows_the_key(world: World) -> None:
    told = world.home.python(
        "import asyncio\n"
        "from datalab_facade.integrations.airflow.hooks import DatalabHook\n"
        "print(DatalabHook().test_connection())\n"
        "print(DatalabHook('wrong_key').test_connection())\n"
        "print(DatalabHook('broken_extra').test_connection())\n"
        "print(DatalabHook('by_uri').settings())\n"
        "async def listed():\n"
        "    async with await DatalabHook().get_async_conn() as client:\n"
        "        return len(await client.workflows.list())\n"
        "print(asyncio.run(listed()), 'workflows')\n"
    )
    many = len(SCRIPTS)
    assert f"(True, 'Datalab accepts the key, which has {many} workflows')" in told
    assert "(False, 'GET " in told
    assert "Check the api_key" in told
    assert f"{many} workflows\n" in told
    assert "(False, \"The extra of the Airflow connection 'broken_extra' cannot be read: " in told
    assert "hidden" not in told
    assert "requests_per_minute=90.0, allow_http=True" in told


def test_a_stored_trigger_with_a_field_more_or_less_still_loads(world: World) -> None:
    told = world.home.python(
        "import asyncio\n"
        "from datalab_facade.integrations.airflow import triggers\n"
        "handle = {'version': 1, 'kind': 'execution', 'id': 7, 'origin': 'https://a.example'}\n"
        "_, arguments = triggers.DatalabJobTrigger(handle, 'id', '2999-01-01').serialize()\n"
        "more = triggers.DatalabJobTrigger(**arguments, later=1)\n"
        "print(more.serialize()[1] == arguments)\n"
        "print(sorted(triggers.DatalabJobTrigger(handle).serialize()[1]))\n"
        "triggers.SETTLE = 0\n"
        "async def run(trigger):\n"
        "    return [event.payload async for event in trigger.run()]\n"
        "print(asyncio.run(run(triggers.DatalabJobTrigger())))\n"
        "unknown = triggers.DatalabJobTrigger({**handle, 'kind': 'parcel'}, 'datalab_default')\n"
        "print(asyncio.run(run(unknown)))\n"
    )
    assert "True\n['datalab_conn_id', 'deadline', 'handle']\n" in told
    assert told.count("'kind': 'InvalidArgumentError', 'permanent': True") == 2
    assert "'parcel'" in told
    assert "Use the release of datalab-facade that created the handle" in told


def test_a_connection_that_names_a_redis_shares_its_rate_limiter_there(
    redis_server: RedisServer,
) -> None:
    simulator = Simulator(api_key=API_KEY)
    with SimulatorServer(simulator) as server:
        settings = ConnectionSettings(
            API_KEY,
            server.api_url,
            redis_url=redis_server.url,
            rate_limiter_name="of-airflow",
        )
        with settings.client() as first, settings.client() as second:
            first.workflows.list()
            second.workflows.list()
    with redis.Redis(port=redis_server.port) as kept:
        names = [str(name) for name in kept.scan_iter("*")]
    assert any("of-airflow" in name for name in names)
    assert API_KEY not in "".join(names)


def test_airflow_lists_the_provider_and_its_connection_type(world: World) -> None:
    told = world.home.python(
        "from airflow.providers_manager import ProvidersManager\n"
        "manager = ProvidersManager()\n"
        "print(manager.providers['datalab-facade'].version)\n"
        "hook = manager.hooks['datalab']\n"
        "print(hook.hook_class_name, hook.connection_id_attribute_name)\n"
        "print(*sorted(name for name in manager.connection_form_widgets if 'datalab' in name))\n"
        "print(manager.field_behaviours['datalab']['relabeling'])\n"
    )
    assert told.splitlines()[-4:] == [
        __version__,
        "datalab_facade.integrations.airflow.hooks.DatalabHook datalab_conn_id",
        " ".join(
            f"extra__datalab__{name}"
            for name in ("allow_http", "rate_limiter_name", "redis_url", "requests_per_minute")
        ),
        "{'password': 'API key', 'host': 'Address'}",
    ]


def test_a_thousand_waits_in_one_triggerer_stay_within_memory_and_rate_limit() -> None:
    [section] = deferred.measure(deferred.Scale(many=1_000))
    assert section.quantities
    assert section.met, table(section, judged=True)


@pytest.fixture(scope="module")
def airflow(world: World) -> Iterator[Airflow]:
    with Airflow(world.home).running() as running:
        yield running


@pytest.fixture(scope="module")
def run(world: World, airflow: Airflow) -> DagRun:
    simulator = world.simulator
    executions = {
        "failed": simulator.start(ExecutionScript([_FAILED])),
        "never_ends": simulator.start(SCRIPTS["takes_too_long"]),
    }
    (document := world.folder / "letter.pdf").write_bytes(b"%PDF-1.7\n")
    places = {"folder": str(world.folder / "promises"), "document": str(document)}
    return airflow.begin("promises", {**world.workflows, **executions, **places})


@pytest.fixture(scope="module")
def cleared(world: World, run: DagRun) -> JSON:
    """The handle of a task that is cleared in the middle of its wait."""
    run.until("is_cleared", "deferred")
    handle: dict[str, Any] = run.xcoms("is_cleared")["datalab_handle"]
    eventually(lambda: world.looks_at(handle["id"]), "it is looked at", seconds=60)
    run.clear("is_cleared")
    eventually(
        lambda: (task := run.task("is_cleared"))["state"] == "deferred" and task["try_number"] == 2,
        "it waits again",
        seconds=60,
    )
    return handle


@pytest.mark.usefixtures("cleared")
def test_a_wait_goes_on_in_another_triggerer_when_its_own_is_killed(
    world: World, airflow: Airflow, run: DagRun
) -> None:
    deferred = run.until("takes_long", "deferred")
    handle = run.xcoms("takes_long")["datalab_handle"]
    classpath, arguments = world.home.trigger(deferred["trigger"]["id"])
    assert classpath.endswith(".triggers.DatalabJobTrigger")
    assert arguments.keys() == {"handle", "datalab_conn_id", "deadline"}
    assert arguments["handle"] == handle
    eventually(lambda: world.looks_at(handle["id"]), "it is looked at", seconds=60)
    airflow.kill("triggerer")
    looks = world.looks_at(handle["id"])
    assert run.task("takes_long")["state"] == "deferred"
    airflow.start("triggerer")
    done = run.until("takes_long", "success", "failed")
    assert (done["state"], done["try_number"]) == ("success", 1)
    assert run.xcoms("takes_long")["return_value"] == {
        "job_id": handle["id"],
        "handle": handle,
        "status": "COMPLETED",
        "partially_failed": False,
        "manifest": None,
    }
    assert world.looks_at(handle["id"]) > looks
    assert world.submitted("takes_long") == 1


def test_a_task_that_completes_leaves_its_outputs_and_a_manifest(world: World, run: DagRun) -> None:
    assert run.until("completes", "success", "failed")["state"] == "success"
    result = run.xcoms("completes")["return_value"]
    [saved] = result["manifest"]["saved"]
    folder = world.folder / "promises" / f"execution-{result['job_id']}"
    assert (folder / saved["path"]).is_file()
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
    looks = world.looks_at(result["job_id"])
    run.clear("completes")
    eventually(
        lambda: run.task("completes")["try_number"] > before["try_number"],
        "it is begun again",
        seconds=60,
    )
    assert run.until("completes", "success", "failed")["state"] == "success"
    assert world.looks_at(result["job_id"]) > looks
    assert run.xcoms("completes")["return_value"]["handle"] == result["handle"]
    assert world.submitted("completes") == submitted


def test_a_task_that_is_cleared_while_it_waits_goes_on_waiting_for_its_execution(
    world: World, run: DagRun, cleared: JSON
) -> None:
    done = run.until("is_cleared", "success", "failed")
    assert (done["state"], done["try_number"]) == ("success", 2)
    assert run.xcoms("is_cleared")["return_value"]["handle"] == cleared
    assert world.submitted("is_cleared") == 1


def test_each_task_of_a_mapped_one_has_an_execution_of_its_own(world: World, run: DagRun) -> None:
    states = eventually(
        lambda: (
            (found := [one["state"] for one in run.mapped("each_of_three")])
            and {*found} <= {"success", "failed"}
            and found
        ),
        "all have ended",
        seconds=60,
    )
    assert states == ["success"] * 3
    assert world.submitted("each_of_three") == 3


def test_a_task_can_wait_in_the_worker_or_not_at_all(world: World, run: DagRun) -> None:
    assert run.until("waits_in_the_worker", "success", "failed")["state"] == "success"
    assert run.xcoms("waits_in_the_worker")["return_value"]["status"] == "COMPLETED"
    assert run.until("pokes", "success", "failed", "upstream_failed")["state"] == "success"
    started = run.xcoms("only_starts")["return_value"]
    assert started["status"] is None
    assert run.xcoms("pokes")["return_value"] == {**started, "status": "COMPLETED"}


def test_a_key_that_is_refused_fails_the_task_and_is_in_no_traceback(
    world: World, run: DagRun
) -> None:
    failed = run.until("is_refused", "failed", "success")
    assert (failed["state"], failed["try_number"]) == ("failed", 1)
    logs = _logs_of(world, "is_refused")
    assert "AuthenticationError" in logs
    assert "Check the api_key" in logs
    assert WRONG_KEY not in logs


def test_a_sensor_fails_or_is_skipped_with_what_it_senses(world: World, run: DagRun) -> None:
    states = ("success", "failed", "skipped")
    assert run.until("senses_in_vain", *states)["state"] == "failed"
    assert "no pages" in _logs_of(world, "senses_in_vain")
    assert run.until("is_skipped", *states)["state"] == "skipped"
    assert run.until("senses_too_long", *states)["state"] == "failed"
    assert "has not ended before the deadline" in _logs_of(world, "senses_too_long")


def test_a_document_is_converted_and_saved_once_however_often_its_task_is_cleared(
    world: World, run: DagRun
) -> None:
    before = run.until("converts", "success", "failed")
    assert before["state"] == "success"
    result = run.xcoms("converts")["return_value"]
    assert result["job_id"].startswith("convert/")
    assert (result["status"], result["handle"]["source"]) == ("COMPLETED", "letter.pdf")
    folder = Path(result["manifest"]["folder"])
    assert {"letter.md", "letter.html"} <= {one["path"] for one in result["manifest"]["files"]}
    assert folder == world.folder / "promises" / "letter"
    assert (folder / "letter.md").read_text()
    assert (
        run.until("senses_document", "success", "failed", "upstream_failed")["state"] == "success"
    )
    assert run.xcoms("senses_document")["return_value"] == {**result, "manifest": None}
    run.clear("converts")
    eventually(
        lambda: run.task("converts")["try_number"] > before["try_number"],
        "it is begun again",
        seconds=60,
    )
    assert run.until("converts", "success", "failed")["state"] == "success"
    assert run.xcoms("converts")["return_value"]["job_id"] == result["job_id"]
    assert world.posted("convert") == 1


def test_data_is_extracted_and_any_other_task_is_done(
    world: World, tried: dict[str, str], run: DagRun
) -> None:
    assert run.until("extracts", "success", "failed")["state"] == "success"
    saved = run.xcoms("extracts")["return_value"]["manifest"]
    [data] = [one["path"] for one in saved["files"] if one["path"].endswith("extraction.json")]
    assert "total" in json.loads(Path(saved["folder"], data).read_text())
    assert run.until("segments", "success", "failed")["state"] == "success"
    assert run.xcoms("segments")["return_value"]["job_id"].startswith("segment/")
    # The DAG of the documentation extracts once too.
    assert "state=success" in tried["invoices"]
    assert (world.posted("extract"), world.posted("segment")) == (2, 1)


def test_a_pipeline_runs_on_a_document_and_the_results_of_its_steps_are_saved(
    world: World, run: DagRun
) -> None:
    assert run.until("runs_pipeline", "success", "failed")["state"] == "success"
    result = run.xcoms("runs_pipeline")["return_value"]
    first, second = result["manifest"]["steps"]
    assert (first["type"], second["type"]) == ("convert", "extract")
    for step in (first, second):
        folder = Path(step["folder"])
        assert folder.is_relative_to(world.folder / "promises" / result["job_id"])
        assert all((folder / file["path"]).is_file() for file in step["files"])


def test_a_wrong_setting_uses_up_no_retries_and_says_what_is_wrong(
    world: World, run: DagRun
) -> None:
    for task, words in (("has_wrong_option", "mod"), ("has_wrong_connection", "cannot be read")):
        failed = run.until(task, "failed", "success")
        assert (failed["state"], failed["try_number"]) == ("failed", 1)
        assert words in _logs_of(world, task)


def test_the_execution_timeout_of_airflow_bounds_a_wait_in_the_triggerer(
    world: World, run: DagRun
) -> None:
    assert run.until("is_bounded", "failed", "success")["state"] == "failed"
    assert "has not ended after 6.0 s" in _logs_of(world, "is_bounded")


def test_xcom_and_airflows_files_hold_no_key_and_no_url_of_an_output(
    world: World, run: DagRun
) -> None:
    tasks = ("completes", "senses", "takes_long", "converts", "extracts", "runs_pipeline")
    told = json.dumps([run.xcoms(task) for task in tasks])
    assert "X-Amz" not in told
    assert world.simulator.storage_origin not in told
    _check_no_secret_in(world.home)


def _check_no_secret_in(home: Home) -> None:
    """The files are the logs, and a database with all XComs, triggers and rendered templates."""
    paths = [path for path in home.folder.rglob("*") if path.is_file()]
    assert home.folder / "airflow.db" in paths
    for path in paths:
        content = path.read_bytes()
        for secret in (API_KEY, WRONG_KEY, "X-Amz-Signature"):
            assert secret.encode() not in content, path


def _logs_of(world: World, task_id: str) -> str:
    logs = (world.home.folder / "logs").rglob(f"task_id={task_id}/*.log")
    return "\n".join(path.read_text() for path in logs)
