"""Every Python block of the README runs as it stands, against an embedded Datalab."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.markdown import (
    ROOT,
    Block,
    blocks_of,
    lead_clients_here,
    put_documents,
    python_blocks,
    run_script,
)

_README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCKS = python_blocks(ROOT / "README.md")


@pytest.mark.parametrize("block", _BLOCKS)
def test_a_block_of_the_readme_runs(
    block: Block,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lead_clients_here(monkeypatch)
    monkeypatch.chdir(tmp_path)
    put_documents(tmp_path)
    run_script(block)
    # Whatever went wrong is printed by the block about errors, so look at it, too.
    assert "Error" not in capsys.readouterr().out


def test_the_readme_has_its_blocks() -> None:
    assert len(_BLOCKS) >= 6


def test_the_commands_of_the_readme_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", _README, flags=re.MULTILINE)
    named = {first or second for first, second in commands}
    assert {"demo", "test", "check"} <= named
    for command in named:
        assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE), command


def test_what_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)", _README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_page_for_users_is_linked_from_the_readme() -> None:
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} - {"docs/index.md"}
    assert {page for page in pages if f"]({page})" not in _README} == set()


def test_the_first_code_takes_ten_lines() -> None:
    first = next(iter(blocks_of(ROOT / "README.md")))
    assert len(first.code.splitlines()) <= 10
