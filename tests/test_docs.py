"""Every block of code in docs/ runs as it stands, and prints what the page says."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import draw
import pytest

import datalab_facade
from datalab_facade import rate_limiting, testing
from datalab_facade.testing import (
    DocumentScript,
    ExecutionScript,
    Simulator,
    SimulatorServer,
    StepScript,
)
from tests.markdown import (
    HEAVY_PAGES,
    ROOT,
    Block,
    blocks_of,
    lead_clients_here,
    put_documents,
    run_script,
    run_tests,
)
from tests.pictures.checking import check_svg
from tests.warm import warm

_TEST = re.compile(r"^(?:async )?def test_", flags=re.MULTILINE)
_DOCS = ROOT / "docs"
ALL_PAGES = sorted(_DOCS.rglob("*.md"))
PAGES = [page for page in ALL_PAGES if page not in HEAVY_PAGES]
BLOCKS = {page: list(blocks_of(page)) for page in PAGES}
WITH_TESTS = [page for page in PAGES if any(block.holds_tests for block in BLOCKS[page])]

# Each block goes on where the one before it ended.
_STORIES = frozenset({"tutorial.md"})
# Other clients have a part in these, so each needs a server and a process of its own.
_OVER_SOCKETS = frozenset({"from-datalab-sdk.md", "from-requests.md"})
# They show code of programs that are not installed here, under a title that says whose it is.
_SHOWS_OTHERS = frozenset({"from-marker.md", "from-llamaparse.md"})
_OF_ANOTHER = re.compile(r'(python|sh) title="[a-z-]+"')
# Its commands are run by tests/cli/test_page.py.
_PROGRAM = "command-line.md"


@attrs.frozen
class Script:
    """Blocks that run in one go, each with what it prints, where the page tells that."""

    page: Path
    steps: tuple[tuple[Block, str | None], ...]

    def __str__(self) -> str:
        return str(self.steps[0][0])


def _scripts() -> Iterator[Script]:
    for page, blocks in BLOCKS.items():
        # What is printed stands right below the block that prints it.
        steps = [
            (block, after.code if after is not None and after.language == "text" else None)
            for block, after in pairwise([*blocks, None])
            if block is not None and block.language == "python" and not block.holds_tests
        ]
        if page.name in _STORIES:
            yield Script(page, tuple(steps))
        else:
            yield from (Script(page, (step,)) for step in steps)


SCRIPTS = list(_scripts())


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    """Start an embedded Datalab that has executions which are over, and a workflow."""
    simulator = Simulator(first_execution_id=123)
    simulator.workflows.add("Text", [])
    document = DocumentScript(seconds=0.2, extraction={"total": 12.5})
    simulator.documents.script_always(document, endpoint="extract")
    simulator.documents.script_always(attrs.evolve(document, extraction=None), endpoint="convert")
    for _ in range(3):
        steps = [StepScript("parse"), StepScript("extract", output={"total": 12.5})]
        simulator.start(ExecutionScript(steps, shape="nested"))
    with SimulatorServer(simulator) as running:
        yield running


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Take back what a page did to the logging of this process."""
    loggers = [logging.getLogger(name) for name in (None, "datalab_facade", "httpx")]
    before = [(one, one.level, one.handlers[:], one.filters[:]) for one in loggers]
    yield
    for one, level, handlers, filters in before:
        one.setLevel(level)
        one.handlers[:], one.filters[:] = handlers, filters


@pytest.mark.parametrize(
    "script", [one for one in SCRIPTS if one.page.name in _OVER_SOCKETS], ids=str
)
def test_a_block_with_another_client_runs_and_prints_what_stands_below_it(
    script: Script, server: SimulatorServer, tmp_path: Path
) -> None:
    [(block, printed)] = script.steps
    put_documents(tmp_path)
    (tmp_path / "block.py").write_text(block.code, encoding="utf-8")
    where = {"DATALAB_HOST": server.api_url, "DATALAB_API_KEY": server.simulator.api_key}
    done = subprocess.run(
        warm("block"),
        cwd=tmp_path,
        env={**os.environ, **where, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip() == (printed or "").rstrip()


@pytest.mark.parametrize(
    "script", [one for one in SCRIPTS if one.page.name not in _OVER_SOCKETS], ids=str
)
def test_a_block_of_the_documentation_runs_and_prints_what_stands_below_it(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    logging_as_before: None,
) -> None:
    lead_clients_here(monkeypatch)
    monkeypatch.chdir(tmp_path)
    put_documents(tmp_path)
    names: dict[str, Any] = {}
    for block, printed in script.steps:
        run_script(block, names)
        said = capsys.readouterr().out
        assert "Error" not in said
        if printed is not None:
            assert said.rstrip() == printed.rstrip()


@pytest.mark.parametrize("page", WITH_TESTS, ids=lambda page: page.name)
def test_the_tests_in_the_documentation_pass(page: Path, tmp_path: Path) -> None:
    blocks = [block for block in BLOCKS[page] if block.holds_tests]
    assert {block.language for block in blocks} == {"python"}
    tests = sum(len(_TEST.findall(block.code)) for block in blocks)
    assert run_tests(blocks, tmp_path) == f"{tests} passed"


def test_every_block_is_run_is_printed_or_is_a_command() -> None:
    for page, blocks in BLOCKS.items():
        for before, block in pairwise([None, *blocks]):
            printed = before is not None and before.language == "python"
            assert (
                block is None
                or block.language in {"python", "sh"}
                or (block.language == "console" and page.name == _PROGRAM)
                or (block.language == "text" and printed)
                or (_OF_ANOTHER.fullmatch(block.language) and page.name in _SHOWS_OTHERS)
            ), f"{page.name}: nobody runs {block}"


def test_code_of_others_is_python_at_least() -> None:
    shown = [block for page in PAGES if page.name in _SHOWS_OTHERS for block in BLOCKS[page]]
    theirs = [block for block in shown if block.language.startswith("python title=")]
    assert theirs
    for block in theirs:
        compile(block.code, str(block), "exec", dont_inherit=True)


def test_the_commands_of_the_documentation_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = "|".join(project["optional-dependencies"])
    shell = [block for blocks in BLOCKS.values() for block in blocks if block.language == "sh"]
    for line in (line for block in shell for line in block.code.splitlines()):
        command = line.partition("  #")[0].strip()
        target = re.fullmatch(r"make ([a-z-]+)", command)
        assert (
            re.search(rf"^{target[1]}:", makefile, flags=re.MULTILINE)
            if target
            else re.fullmatch(rf"pip install '?(\.|datalab-facade)(\[({extras})\])?'?", command)
        ), command


def test_every_page_is_in_the_navigation_and_the_other_way_round() -> None:
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    found: list[str] = []

    def collect(entries: list[dict[str, Any]]) -> None:
        for value in (value for entry in entries for value in entry.values()):
            collect(value) if isinstance(value, list) else found.append(value)

    collect(tomllib.loads(text)["project"]["nav"])
    assert sorted(found) == sorted(page.relative_to(_DOCS).as_posix() for page in ALL_PAGES)


@pytest.mark.parametrize(
    "module", [datalab_facade, rate_limiting, testing], ids=lambda module: module.__name__
)
def test_every_public_name_has_its_place_in_the_reference(module: ModuleType) -> None:
    pages = [page.read_text(encoding="utf-8") for page in (_DOCS / "reference").glob("*.md")]
    shown = {
        name.rpartition(".")[2]
        for page in pages
        for name in re.findall(r"^::: ([\w.]+)", page, flags=re.MULTILINE)
    }
    assert set(module.__all__) - {"__version__"} - shown == set()


def test_testing_takes_ten_lines() -> None:
    first = BLOCKS[ROOT / "docs" / "testing-your-code.md"][0]
    assert len([line for line in first.code.splitlines() if line.strip()]) <= 10


def test_the_pictures_are_what_our_own_tools_draw_today() -> None:
    for name, drawing in draw.pictures().items():
        assert (_DOCS / "pictures" / name).read_text(encoding="utf-8") == drawing
        check_svg(drawing)


def test_each_picture_is_on_a_page() -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in ALL_PAGES)
    assert {path.name for path in (_DOCS / "pictures").iterdir()} == set(draw.pictures())
    assert all(f"pictures/{name}" in shown for name in draw.pictures())
