"""The programs in ``examples/programs/``: whole uses of the package, each run as it stands."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import attrs
import httpx
import nbformat
import pytest
from nbclient import NotebookClient

from datalab_facade.testing import (
    ExecutionScript,
    FastClock,
    Fault,
    Simulator,
    SimulatorServer,
    StepScript,
)
from tests.markdown import ROOT
from tests.secrets_for_tests import API_KEY
from tests.sockets.tls import CERTIFICATE, fronted

PROGRAMS = ROOT / "examples" / "programs"
WORKFLOW = 456

_FIELDS = StepScript("fields", output={"vendor": "Example Ltd", "total": 12.5})
DONE = ExecutionScript([StepScript("parse"), _FIELDS], shape="nested")
FAILED = ExecutionScript([StepScript("parse", outcome="FAILED", error="no pages")])
LONG = ExecutionScript([StepScript("parse", ends=100_000), _FIELDS])


@attrs.frozen
class World:
    """An embedded Datalab, and a folder with documents in which programs run."""

    simulator: Simulator
    environment: dict[str, str]
    folder: Path

    def start(
        self, name: str, *arguments: object, stdin: IO[str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a program."""
        # The official client warns of itself.
        warnings = "ignore" if name == "port/before.py" else "error"
        return subprocess.Popen(
            [sys.executable, "-W", warnings, PROGRAMS / name, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, name: str, *arguments: object) -> tuple[int, str, str]:
        """Run a program to its end; return its exit code and what it says."""
        with self.start(name, *arguments) as process:
            output, errors = process.communicate(timeout=50)
        return process.returncode, output, errors


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    simulator = Simulator(
        FastClock(1_000), api_key=API_KEY, more_keys=["key-of-bob"], first_execution_id=123
    )
    simulator.workflows.add("Invoices", [], workflow_id=WORKFLOW)
    simulator.script_for(WORKFLOW, DONE)
    (tmp_path / "scans").mkdir()
    for name in ("march.pdf", "april.pdf"):
        (tmp_path / "scans" / name).write_bytes(name.encode())
    with SimulatorServer(simulator) as server:
        where = {"DATALAB_HOST": server.api_url, "DATALAB_API_KEY": API_KEY}
        yield World(simulator, {**os.environ, **where}, tmp_path)


def _until(holds: Any) -> None:
    for _ in range(2_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to hold")


def _submitted_in(journal: Path) -> int:
    text = journal.read_text(encoding="utf-8") if journal.exists() else ""
    return len(set(re.findall(r'"job_id": ?(\d+)[,}]', text)))


@contextmanager
def _served(world: World) -> Iterator[httpx.Client]:
    """Serve the service until it is asked to stop, as a platform does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def listens() -> bool:
        assert process.poll() is None, process.communicate()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    process = world.start("service.py", WORKFLOW, port)
    try:
        _until(listens)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            yield http
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
        assert (output, errors) == ("", "")
    finally:
        process.kill()
        process.communicate()


def test_the_service_executes_answers_and_goes_on_after_a_restart(world: World) -> None:
    results, notes = world.folder / "results", world.folder / "running"
    with _served(world) as http:
        submitted = http.post("/jobs", json={"url": "https://a.example/1.pdf"})
        assert (submitted.status_code, submitted.json()) == (202, {"id": 123})
        _until((results / "execution-123" / "manifest.json").exists)
        assert http.get("/jobs/123").json()["status"] == "COMPLETED"
        events = http.get("/jobs/123/events").text.split("\n\n")
        assert '"what": "execution 123: COMPLETED"' in events[-2]
        assert http.get("/jobs/999").status_code == 404
        assert http.post("/jobs", json={"url": "not a url"}).status_code == 422
        world.simulator.inject(Fault.status(400, {"detail": "no"}), path="*/execute")
        refused = http.post("/jobs", json={"url": "https://a.example/1.pdf"})
        assert (refused.status_code, refused.json()) == (502, {"detail": "no"})
        world.simulator.script_for(WORKFLOW, LONG)
        assert http.post("/jobs", json={"url": "https://a.example/2.pdf"}).json() == {"id": 124}
        _until(lambda: http.get("/jobs/124").json()["status"] == "IN_PROGRESS")
    assert [note.name for note in notes.iterdir()] == ["124.json"]
    clock = world.simulator.clock
    assert isinstance(clock, FastClock)
    clock.advance(100_000)
    with _served(world):
        _until((results / "execution-124" / "manifest.json").exists)
        _until(lambda: not list(notes.iterdir()))
    assert len(world.simulator.execution_ids) == 2


def test_the_batch_is_done_once_and_reports(world: World) -> None:
    first = world.run("nightly_batch.py", WORKFLOW, "scans", "results")
    assert first[0] == 0, first
    (world.folder / "scans" / "may.pdf").write_bytes(b"may")
    world.simulator.script_for(WORKFLOW, FAILED)
    code, _, errors = world.run("nightly_batch.py", WORKFLOW, "scans", "results")
    assert code == 1, errors
    assert len(world.simulator.execution_ids) == 3
    with (world.folder / "results" / "report.csv").open(newline="") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "march.pdf": "COMPLETED",
        "april.pdf": "COMPLETED",
        "may.pdf": "FAILED",
    }
    assert "no pages" in rows["may.pdf"]["reason"]


def test_the_batch_that_is_stopped_goes_on_where_it_was(world: World) -> None:
    world.simulator.script_for(WORKFLOW, LONG)
    process = world.start("nightly_batch.py", WORKFLOW, "scans", "results")
    journal = world.folder / "results" / "run.jsonl"
    # An execution whose id has not come back would be uncertain, and not be submitted again.
    _until(lambda: _submitted_in(journal) == 2)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "stopped; the executions go on" in errors
    assert "Traceback" not in errors
    clock = world.simulator.clock
    assert isinstance(clock, FastClock)
    clock.advance(100_000)
    code, _, errors = world.run("nightly_batch.py", WORKFLOW, "scans", "results")
    assert code == 0, errors
    assert len(world.simulator.execution_ids) == 2


def test_the_batch_says_when_it_cannot_work(world: World) -> None:
    code, _, errors = world.run("nightly_batch.py", 999, "scans", "results")
    assert code == 3
    assert errors.startswith("CRITICAL nightly: ")
    assert "999" in errors
    assert "Traceback" not in errors


def test_the_notebook_runs_and_runs_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROGRAMS / "invoices.ipynb").read_text(encoding="utf-8")
    for name in ("DATALAB_HOST", "DATALAB_API_KEY"):
        monkeypatch.setenv(name, world.environment[name])
    monkeypatch.setenv("WORKFLOW_ID", str(WORKFLOW))
    for _ in range(2):
        notebook: Any = nbformat.reads(text, as_version=4)
        assert all(not cell.get("outputs") for cell in notebook.cells)
        folder = {"metadata": {"path": world.folder}}
        NotebookClient(notebook, timeout=50, resources=folder).execute()
        outputs = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
        assert "2/2 finished" in outputs
        assert outputs.count("'vendor': 'Example Ltd'") == 2
        assert "<svg" in outputs
        assert API_KEY not in json.dumps(notebook)
    assert len(world.simulator.execution_ids) == 2


def test_the_suite_of_a_project_passes(tmp_path: Path) -> None:
    plugins = ("-p", "_datalab_facade_pytest", "-p", "pytest_asyncio.plugin")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins),
            *("-c", os.devnull, "--rootdir", tmp_path, "-W", "error"),
            *("-o", "asyncio_default_fixture_loop_scope=function"),
            PROGRAMS / "tested" / "test_invoices.py",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed in " in done.stdout


def test_the_port_says_what_the_program_said_before(world: World) -> None:
    paths = ("scans/march.pdf", "scans/april.pdf")
    before = world.run("port/before.py", WORKFLOW, *paths)
    after = world.run("port/after.py", WORKFLOW, *paths)
    assert before == (0, before[1], "")
    assert "uploaded ['march.pdf', 'april.pdf']\n123 COMPLETED\n" in before[1]
    assert after == (0, before[1].replace("123", "124"), "")
    for name in ("port/before.py", "port/after.py"):
        assert world.run(name, 999, *paths)[::2] == (1, "status 404\n")


def test_the_platform_serves_tenants_whose_keys_change_through_a_proxy(
    world: World,
) -> None:
    keys = world.folder / "keys"
    keys.mkdir()
    for tenant, key in {"platform": API_KEY, "ada": API_KEY, "bob": "key-of-bob"}.items():
        (keys / tenant).write_text(f"{key}\n")
    world.simulator.script_for(WORKFLOW, LONG)
    orders = [
        {"tenant": tenant, "workflow": workflow, "url": f"https://a.example/{tenant}.pdf"}
        for tenant, workflow in (("ada", WORKFLOW), ("ada", WORKFLOW), ("bob", 999))
    ]
    port = urlsplit(world.environment["DATALAB_HOST"]).port
    assert port is not None
    with fronted(port) as front, fronted(tls=False, proxy=True) as proxy:
        world.environment.update(
            DATALAB_HOST=f"https://localhost:{front.port}",
            HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
            SSL_CERT_FILE=str(CERTIFICATE),
        )
        (world.folder / "orders.jsonl").write_text("\n".join(map(json.dumps, orders)))
        with (world.folder / "orders.jsonl").open() as given:
            process = world.start("tenants.py", "keys", "metrics.prom", stdin=given)
        _until(lambda: len(world.simulator.execution_ids) == 2)
        # The key is rotated while both are waited for.
        (keys / "ada").write_text("next-key-of-ada\n")
        world.simulator.api_key = "next-key-of-ada"
        _until(lambda: 401 in [request.status for request in world.simulator.requests])
        clock = world.simulator.clock
        assert isinstance(clock, FastClock)
        clock.advance(100_000)
        output, errors = process.communicate(timeout=50)
        assert proxy.accepted == front.accepted > 0
    assert (process.returncode, errors) == (1, "")
    outcomes = [json.loads(line) for line in output.splitlines()]
    assert sorted(outcomes[1:], key=lambda outcome: outcome["id"]) == [
        {"tenant": "ada", "id": execution_id, "status": "COMPLETED"} for execution_id in (123, 124)
    ]
    assert outcomes[0].items() >= {"tenant": "bob", "error": "NotFoundError"}.items()
    metrics = (world.folder / "metrics.prom").read_text()
    assert 'datalab_jobs_total{status="COMPLETED",tenant="ada"} 2\n' in metrics
    for status, tenant in ((200, "ada"), (401, "ada"), (404, "bob")):
        assert re.search(
            rf'^datalab_requests_total{{.*tenant="{tenant}",to="{status}"}}', metrics, re.MULTILINE
        )
    assert API_KEY not in output + metrics


SCRIPTS = sorted(path for path in PROGRAMS.rglob("*.py") if path.name != "invoices.py")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_program_is_short_and_says_how_to_start_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 140
    said = ast.get_docstring(ast.parse(text)) or ""
    assert f"{path.relative_to(ROOT).as_posix()}" in said
