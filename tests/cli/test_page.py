"""The page on the command line: each command runs as it stands, and prints what is below it."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import click
import pytest

from datalab_facade.cli.app import program
from datalab_facade.cli.demonstration.scene import invoice
from datalab_facade.cli.exits import MEANINGS
from datalab_facade.testing import (
    ExecutionScript,
    FastClock,
    Simulator,
    SimulatorServer,
    StepScript,
)
from tests.cli.programs import surroundings
from tests.markdown import ROOT, blocks_of
from tests.secrets_for_tests import API_KEY
from tests.warm import program_file

PAGE = ROOT / "docs" / "command-line.md"
TEXT = PAGE.read_text(encoding="utf-8")

_OF_A_FILE = re.compile(r" *✓  \S")

_SCRIPTS = (
    ExecutionScript([StepScript("parse", ends=40), StepScript("fields", starts=40, ends=60)]),
    ExecutionScript(
        [
            StepScript("parse", ends=40),
            StepScript("fields", starts=40, ends=60, outcome="FAILED", error="no pages"),
        ]
    ),
    ExecutionScript([StepScript("parse", ends=None)]),
)


@attrs.frozen
class Example:
    """A command, and what the page says that it prints."""

    command: str
    prints: str


def _examples() -> Iterator[Example]:
    for block in blocks_of(PAGE):
        if block.language == "console":
            for part in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
                command, _, prints = part.partition("\n")
                yield Example(command, prints)


EXAMPLES = list(_examples())


def _by_name(text: str) -> str:
    """Sort the lines on files by name: they are printed in the order in which files end."""
    lines = text.splitlines(keepends=True)
    files = iter(sorted(line for line in lines if _OF_A_FILE.match(line)))
    return "".join(next(files) if _OF_A_FILE.match(line) else line for line in lines)


def _check(example: Example, said: str) -> None:
    wanted, had = _by_name(example.prints), _by_name(said)
    fits = doctest.OutputChecker().check_output(wanted, had, doctest.ELLIPSIS)
    assert fits, f"{example.command} printed:\n{said}"


def _run(example: Example, folder: Path, host: str, programs: Path | None = None) -> str:
    path = f"{programs or Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", example.command],
        cwd=folder,
        env=surroundings({"DATALAB_API_KEY": API_KEY, "DATALAB_HOST": host, "PATH": path}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=50,
    )
    return done.stdout


def _example_of(command: str) -> Example:
    [example] = [one for one in EXAMPLES if one.command.startswith(f"datalab-facade {command}")]
    return example


@pytest.mark.timeout(180)
def test_each_command_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / "in" / name).write_bytes(invoice())
    shutil.copy(ROOT / "examples" / "definitions" / "invoices.json", tmp_path)
    (tmp_path / "programs").mkdir()
    written = program_file(tmp_path / "programs", "datalab-facade", "datalab_facade.cli")
    simulator = Simulator(FastClock(100.0), api_key=API_KEY, first_execution_id=123)
    for script in _SCRIPTS:
        simulator.start(script)
    with SimulatorServer(simulator) as server:
        for example in EXAMPLES:
            if example not in {_example_of("doctor"), _example_of("serve")}:
                _check(example, _run(example, tmp_path, server.api_url, written.parent))


def test_the_doctor_of_the_page_finds_nothing_wrong(tmp_path: Path) -> None:
    example = _example_of("doctor")
    with SimulatorServer(Simulator(api_key=API_KEY)) as server:
        _check(example, _run(example, tmp_path, server.api_url))


def test_the_embedded_datalab_of_the_page_is_served_until_it_is_interrupted(
    tmp_path: Path,
) -> None:
    example = _example_of("serve")
    command = [str(Path(sys.executable).parent / "datalab-facade"), *example.command.split()[1:]]
    with subprocess.Popen(
        command, cwd=tmp_path, env=surroundings({}), stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        _check(example, serving.stdout.readline())
        serving.send_signal(2)
        assert serving.wait(30) == 0


def _paths(group: click.Group, before: str = "datalab-facade") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _paths(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def test_every_command_is_on_the_page() -> None:
    shown = [example.command for example in EXAMPLES]
    missing = [path for path in _paths(program) if not any(path in command for command in shown)]
    assert missing == []


def test_the_page_tells_the_exit_codes_as_the_program_does() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert rows == [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]
