"""Blocks of code in Markdown, and a place where they run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

import datalab_facade
from datalab_facade.testing import (
    ExecutionScript,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
)
from tests.secrets_for_tests import API_KEY

ROOT = Path(__file__).parents[1]

HEAVY_PAGES = frozenset(
    ROOT / "docs" / name for name in ("airflow.md", "dask.md", "shared-limit.md")
)
"""Pages whose blocks need what only the heavy environment has; tests/heavy runs them."""

_FENCE_OR_HEADING = re.compile(
    r"^#+ (?P<heading>[^\n]+)\n|^```(?P<language>[^\n]*)\n(?P<code>.*?)^```",
    flags=re.MULTILINE | re.DOTALL,
)

_SCRIPT = ExecutionScript(
    [
        StepScript("parse", ends=120),
        StepScript("extract", starts=120, ends=180),
        StepScript("segment", starts=120, ends=200, outcome="FAILED", error="no pages"),
    ],
    queued=1,
    status=((0, "QUEUED"), (1, "IN_PROGRESS"), (200, "COMPLETED")),
)


@attrs.frozen
class Block:
    """One fenced block."""

    page: str
    section: str
    language: str
    code: str

    @property
    def holds_tests(self) -> bool:
        """Whether it is a file for pytest."""
        return re.search(r"^(async )?def test_", self.code, flags=re.MULTILINE) is not None

    def __str__(self) -> str:
        return f"{self.page}: {self.section}"


def blocks_of(page: Path) -> Iterator[Block]:
    """Give the blocks of a page, in their order."""
    section = "first"
    for found in _FENCE_OR_HEADING.finditer(page.read_text(encoding="utf-8")):
        section = found["heading"] or section
        if found["code"] is not None:
            yield Block(page.name, section, found["language"], found["code"])


def python_blocks(*pages: Path) -> list[Any]:
    """Give the Python blocks of some pages, as parameters of a test."""
    blocks = [block for page in pages for block in blocks_of(page)]
    return [pytest.param(block, id=str(block)) for block in blocks if block.language == "python"]


TENANTS = ("key-of-ada", "key-of-bob")
"""The keys of tenants on a page."""


def lead_clients_here(monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """Put an embedded Datalab, on virtual time, where the clients of a page look for the API."""
    clock = VirtualClock()
    simulator = Simulator(clock, API_KEY, more_keys=TENANTS, first_execution_id=123)

    def known(api_key: str | Callable[[], object]) -> Any:
        # A function of a page is called, and what it gives is taken for the key.
        return (lambda: (api_key(), API_KEY)[1]) if callable(api_key) else API_KEY

    for _ in range(3):
        simulator.start(_SCRIPT)

    class Datalab(datalab_facade.Datalab):
        def __init__(self, api_key: str | Callable[[], object] = "", **options: Any) -> None:
            options["http_client"] = httpx.Client(transport=SimulatorTransport(simulator))
            super().__init__(known(api_key), clock=clock, **options)

    class AsyncDatalab(datalab_facade.AsyncDatalab):
        def __init__(self, api_key: str | Callable[[], object] = "", **options: Any) -> None:
            options["http_client"] = httpx.AsyncClient(transport=SimulatorTransport(simulator))
            super().__init__(known(api_key), clock=clock, **options)

    monkeypatch.setattr(datalab_facade, "Datalab", Datalab)
    monkeypatch.setattr(datalab_facade, "AsyncDatalab", AsyncDatalab)
    return simulator


def put_documents(folder: Path) -> None:
    """Put the documents into a folder that the blocks of a page work on."""
    (folder / "report.pdf").write_bytes(b"%PDF-1.7")
    (folder / "scans").mkdir()
    for name in ("1.png", "2.png"):
        (folder / "scans" / name).write_bytes(name.encode())


def run_script(block: Block, names: dict[str, Any] | None = None) -> None:
    """Run a block as it stands, or after others whose names it goes on with."""
    space = {} if names is None else names
    space["__name__"] = "page"
    exec(compile(block.code, str(block), "exec", dont_inherit=True), space)


def run_tests(blocks: list[Block], folder: Path) -> str:
    """Run blocks as files of tests in a project of their own; how pytest sums it up."""
    for number, block in enumerate(blocks):
        (folder / f"test_block_{number}.py").write_text(block.code, encoding="utf-8")
    plugins = ("-p", "_datalab_facade_pytest", "-p", "pytest_asyncio.plugin")
    ini = ("-o", "asyncio_default_fixture_loop_scope=function", "-W", "error")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins, *ini],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1].rpartition(" in ")[0]
