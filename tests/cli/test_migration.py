"""The commands on the page about the official client: both programs have them, and ours run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from datalab_facade.cli import app
from datalab_facade.testing import (
    ExecutionScript,
    FastClock,
    Simulator,
    SimulatorServer,
    StepScript,
)
from tests.markdown import ROOT, put_documents
from tests.secrets_for_tests import API_KEY

PAGE = (ROOT / "docs" / "from-datalab-sdk.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(datalab [^`]+)` \| `datalab-facade ([^`]+)`", PAGE, flags=re.MULTILINE)

_DEFINITION = {"name": "Text", "steps": [{"step_key": "marker_parse", "unique_name": "parse"}]}


@pytest.fixture
def _served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    simulator = Simulator(FastClock(1_000.0), api_key=API_KEY, first_execution_id=123)
    simulator.start(ExecutionScript([StepScript("parse")]))
    simulator.workflows.add("Text", [])
    monkeypatch.chdir(tmp_path)
    put_documents(tmp_path)
    (tmp_path / "definition.json").write_text(json.dumps(_DEFINITION), encoding="utf-8")
    (tmp_path / "report.docx").write_bytes(b"PK\x03\x04")
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    (tmp_path / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    segments = {"segments": [{"name": "Bill", "description": "a bill"}]}
    (tmp_path / "segments.json").write_text(json.dumps(segments), encoding="utf-8")
    with SimulatorServer(simulator) as server:
        monkeypatch.setenv("DATALAB_HOST", server.api_url)
        monkeypatch.setenv("DATALAB_API_KEY", API_KEY)
        yield


@pytest.mark.parametrize("command", [ours for _, ours in ROWS])
@pytest.mark.usefixtures("_served")
def test_our_command_runs(command: str) -> None:
    assert app.run(shlex.split(command)) == 0


def test_the_official_commands_are_those_of_the_official_client() -> None:
    code = (
        "import json\n"
        "from datalab_sdk.cli import cli\n"
        "print(json.dumps({name: [option for parameter in command.params for option in"
        " parameter.opts] for name, command in cli.commands.items()}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    theirs: dict[str, list[str]] = json.loads(done.stdout)
    shown: set[str] = set()
    for _, name, *arguments in (shlex.split(official) for official, _ in ROWS):
        options = [one for one in arguments if one.startswith("-")]
        assert set(options) <= set(theirs[name])
        shown.add(name)
    # What the others do is a call in Python; tests/faithful/test_official_parity.py runs it.
    assert shown == theirs.keys() - {"create-document", "custom-pipeline"}
