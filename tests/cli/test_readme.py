"""The README's section on the command line, run as it stands, and its picture."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from datalab_facade.cli.demonstration.scene import invoice
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

README = ROOT / "README.md"
CONSOLE = [block for block in blocks_of(README) if block.language == "console"]


def test_the_commands_of_the_readme_do_what_they_say(tmp_path: Path) -> None:
    [block] = CONSOLE
    commands = [line.removeprefix("$ ") for line in block.code.splitlines()]
    assert len(commands) >= 8
    (tmp_path / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / "in" / name).write_bytes(invoice())
    shutil.copy(ROOT / "examples" / "definitions" / "invoices.json", tmp_path)
    simulator = Simulator(FastClock(100.0), api_key=API_KEY, first_execution_id=123)
    for _ in range(2):
        simulator.start(ExecutionScript([StepScript("parse", ends=5)]))
    with SimulatorServer(simulator) as server:
        environment = {"DATALAB_API_KEY": API_KEY, "DATALAB_HOST": server.api_url}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
            cwd=tmp_path,
            env={**surroundings(environment), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=55,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 files done, in results" in done.stdout
    assert (tmp_path / "run.svg").exists()
    assert (tmp_path / "results" / "execution-123" / "manifest.json").exists()


def test_the_readme_opens_with_a_picture_of_a_run() -> None:
    first = README.read_text(encoding="utf-8").split("\n\n")[1]
    assert re.fullmatch(r"!\[[^\]]+\]\(docs/pictures/timeline\.svg\)", first)
