"""The scripts and the notebook in ``examples/`` run as they stand, against an embedded Datalab."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import nbformat
import pytest
from nbclient import NotebookClient

from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Request,
    Simulator,
    SimulatorServer,
    StepScript,
)
from datalab_facade.testing.jsonvalue import JSON
from tests.markdown import ROOT
from tests.secrets_for_tests import API_KEY

EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
NOTEBOOKS = sorted(path.name for path in EXAMPLES.glob("*.ipynb"))

_INVOICE: dict[str, JSON] = {"vendor": "Example Ltd", "total": 12.5, "currency": "EUR"}
_DONE = ExecutionScript([StepScript("parse"), StepScript("fields", output=_INVOICE)])
_FAILED = ExecutionScript([StepScript("parse", outcome="FAILED", error="no pages")])


@attrs.frozen
class World:
    """An embedded Datalab, and a folder with documents in which examples run."""

    simulator: Simulator
    environment: dict[str, str]
    folder: Path

    def run(self, name: str, *arguments: str, told: str = "") -> subprocess.CompletedProcess[str]:
        """Run an example, with what it is told on its standard input."""
        return subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
            cwd=self.folder,
            env=self.environment,
            input=told,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    simulator = Simulator(api_key=API_KEY, first_execution_id=123)
    simulator.start(_DONE)
    simulator.start(_FAILED)

    def let_it_end_at_once(request: Request, _count: int) -> None:
        if request.path.endswith("/execute"):
            for workflow_id in simulator.workflows:
                simulator.script_for(workflow_id, _DONE)

    simulator.inject_with(let_it_end_at_once)
    (tmp_path / "scans").mkdir()
    for name in ("march.pdf", "april.pdf"):
        (tmp_path / "scans" / name).write_bytes(name.encode())
    with SimulatorServer(simulator) as server:
        where = {"DATALAB_HOST": server.api_url, "DATALAB_API_KEY": API_KEY}
        yield World(simulator, {**os.environ, **where}, tmp_path)


def _wait_for_one(world: World) -> None:
    done = world.run("wait_for_one.py", "123")
    assert (done.returncode, done.stderr) == (0, "")
    assert "execution 123: COMPLETED" in done.stdout
    failed = world.run("wait_for_one.py", "124")
    assert failed.returncode == 1
    assert "parse failed: no pages" in failed.stdout


def _save_outputs(world: World) -> None:
    for _ in range(2):
        done = world.run("save_outputs.py", "123", "results")
        assert (done.returncode, done.stderr) == (0, "")
        assert "parse/output.json" in done.stdout
    saved = world.folder / "results" / "execution-123" / "fields" / "output.json"
    assert json.loads(saved.read_bytes()) == _INVOICE
    assert len(world.simulator.requests.of("storage")) == 2


def _run_folder(world: World) -> None:
    definition = str(EXAMPLES / "definitions" / "invoice_fields.json")
    for _ in range(2):
        done = world.run("run_folder.py", definition, "scans", "results")
        assert (done.returncode, done.stderr) == (0, "")
        assert "2 of 2 done" in done.stdout
    assert len(world.simulator.execution_ids) == 4
    assert len(list((world.folder / "results").rglob("output.json"))) == 4


def _many_async(world: World) -> None:
    done = world.run("many_async.py", "123", "999")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"id": 123, "step": "fields", "output": _INVOICE} in lines
    assert done.stderr.startswith("999: ")


def _extract_typed(world: World) -> None:
    done = world.run("extract_typed.py", "scans/march.pdf")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "vendor='Example Ltd' total=12.5 currency='EUR'"


def _draw_timeline(world: World) -> None:
    done = world.run("draw_timeline.py", "123", "timeline.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Execution 123" in done.stdout
    assert "<svg" in (world.folder / "timeline.html").read_text(encoding="utf-8")


def _split_and_resume(world: World) -> None:
    workflow_id = world.simulator.workflows.add("Any", [])
    url = "https://a.example/1.pdf"
    submitted = world.run("split_and_resume.py", "submit", str(workflow_id), url)
    assert (submitted.returncode, submitted.stderr) == (0, "")
    collected = world.run("split_and_resume.py", "collect", "results", told=submitted.stdout)
    assert (collected.returncode, collected.stderr) == (0, "")
    assert "Execution 125 (COMPLETED): 2 outputs saved" in collected.stdout


_PROMETHEUS = '''
import atexit


class Metric:
    """Stands in for metrics of prometheus_client; prints what they hold at the end."""

    def __init__(self, name, documentation, labelnames=()):
        self.name, self.labelnames, self.values = name, labelnames, {}
        atexit.register(lambda: print(self.name, self.values))

    def labels(self, *values):
        assert len(values) == len(self.labelnames) and all(isinstance(one, str) for one in values)
        child = Metric.__new__(Metric)
        child.key, child.values = values, self.values
        return child

    def inc(self, amount=1):
        self.values[self.key] = self.values.get(self.key, 0) + amount

    def observe(self, amount):
        assert amount >= 0
        self.inc()


Counter = Histogram = Metric


def start_http_server(port):
    assert port == 9464
'''


def _prometheus_metrics(world: World) -> None:
    # The package is not among those that tests have.
    (world.folder / "prometheus_client.py").write_text(_PROMETHEUS, encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(world.folder), os.environ.get("PYTHONPATH")]))
    world.environment["PYTHONPATH"] = path
    world.simulator.inject(Fault.status(503))
    done = world.run("prometheus_metrics.py", "123", "124")
    assert (done.returncode, done.stderr) == (0, "")
    assert "('get_execution_status', '503'): 1" in done.stdout
    assert "('get_execution_status', '200'): 2" in done.stdout
    assert "datalab_retries {('OverloadedError',): 1}" in done.stdout
    assert "('execution', 'COMPLETED'): 1" in done.stdout
    assert "('execution', 'FAILED'): 1" in done.stdout


CHECKS: dict[str, Callable[[World], None]] = {
    "draw_timeline.py": _draw_timeline,
    "extract_typed.py": _extract_typed,
    "many_async.py": _many_async,
    "prometheus_metrics.py": _prometheus_metrics,
    "run_folder.py": _run_folder,
    "save_outputs.py": _save_outputs,
    "split_and_resume.py": _split_and_resume,
    "wait_for_one.py": _wait_for_one,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_does_what_it_says(name: str, world: World) -> None:
    CHECKS[name](world)


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_short_and_says_how_to_start_it(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    assert f"python examples/{name}" in (ast.get_docstring(ast.parse(text)) or "")


def _notebook(name: str) -> Any:
    return nbformat.reads((EXAMPLES / name).read_text(encoding="utf-8"), as_version=4)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_its_first_cell_to_its_last(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = _notebook(name)
    for key in ("DATALAB_HOST", "DATALAB_API_KEY"):
        monkeypatch.setenv(key, world.environment[key])
    NotebookClient(notebook, timeout=50, resources={"metadata": {"path": world.folder}}).execute()
    outputs = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "text/html" in outputs
    assert "Example Ltd" in outputs
    assert API_KEY not in json.dumps(notebook)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(name: str) -> None:
    notebook = _notebook(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert sum(len(cell.source.splitlines()) for cell in code) < 40
