"""Every block of code in docs/ runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.markdown import ROOT, Block, blocks_of, lead_clients_here, run_script, run_tests

_TEST = re.compile(r"^(?:async )?def test_", flags=re.MULTILINE)
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCKS = {page: list(blocks_of(page)) for page in PAGES}
SCRIPTS = [
    pytest.param(block, id=str(block))
    for blocks in BLOCKS.values()
    for block in blocks
    if not block.holds_tests
]
WITH_TESTS = [page for page in PAGES if any(block.holds_tests for block in BLOCKS[page])]


@pytest.mark.parametrize("block", SCRIPTS)
def test_a_block_of_the_documentation_runs(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert block.language == "python", "nobody runs a block of this language yet"
    lead_clients_here(monkeypatch)
    monkeypatch.chdir(tmp_path)
    run_script(block)


@pytest.mark.parametrize("page", WITH_TESTS, ids=lambda page: page.name)
def test_the_tests_in_the_documentation_pass(page: Path, tmp_path: Path) -> None:
    blocks = [block for block in BLOCKS[page] if block.holds_tests]
    assert {block.language for block in blocks} == {"python"}
    tests = sum(len(_TEST.findall(block.code)) for block in blocks)
    assert run_tests(blocks, tmp_path) == f"{tests} passed"


def test_testing_takes_ten_lines() -> None:
    first = BLOCKS[ROOT / "docs" / "testing-your-code.md"][0]
    assert len([line for line in first.code.splitlines() if line.strip()]) <= 10
