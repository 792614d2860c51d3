"""Every Python block of the README runs as it stands, against an embedded Datalab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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

_README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(
    r"^## ([^\n]+)\n|^```python\n(.*?)^```", _README, flags=re.MULTILINE | re.DOTALL
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


def _named_blocks() -> list[Any]:
    blocks, section = [], "first"
    for heading, code in _BLOCKS:
        section = heading or section
        if code:
            blocks.append(pytest.param(code, id=section))
    return blocks


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """Put an embedded Datalab, on virtual time, where the README's clients look for the API."""
    clock = VirtualClock()
    simulator = Simulator(clock, API_KEY, first_execution_id=123)
    for _ in range(3):
        simulator.start(_SCRIPT)

    class Datalab(datalab_facade.Datalab):
        def __init__(self, api_key: str = "", **options: Any) -> None:
            options["http_client"] = httpx.Client(transport=SimulatorTransport(simulator))
            super().__init__(API_KEY, clock=clock, **options)

    class AsyncDatalab(datalab_facade.AsyncDatalab):
        def __init__(self, api_key: str = "", **options: Any) -> None:
            options["http_client"] = httpx.AsyncClient(transport=SimulatorTransport(simulator))
            super().__init__(API_KEY, clock=clock, **options)

    monkeypatch.setattr(datalab_facade, "Datalab", Datalab)
    monkeypatch.setattr(datalab_facade, "AsyncDatalab", AsyncDatalab)
    return simulator


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("code", _named_blocks())
def test_a_block_of_the_readme_runs(
    code: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    # Whatever went wrong is printed by the block about errors, so look at it, too.
    assert "Error" not in capsys.readouterr().out


def test_the_readme_has_its_blocks() -> None:
    assert len(_named_blocks()) >= 7


def test_the_commands_of_the_readme_are_those_of_the_makefile() -> None:
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", _README, flags=re.MULTILINE)
    named = {first or second for first, second in commands}
    assert {"demo", "test", "check"} <= named
    for command in named:
        assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE), command
