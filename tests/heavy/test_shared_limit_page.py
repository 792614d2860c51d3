"""The page on sharing a rate limit: its scripts run as they stand, with a real Redis."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datalab_facade.testing import ExecutionScript, Simulator, SimulatorServer, StepScript
from tests.heavy.conftest import RedisServer
from tests.markdown import ROOT, Block, blocks_of

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]


def _scripts() -> Iterator[Any]:
    for block, printed in itertools.pairwise(blocks_of(ROOT / "docs" / "shared-limit.md")):
        if block.language == "python":
            assert printed.language == "text"
            yield pytest.param(block, printed.code)


@pytest.mark.parametrize(("block", "printed"), list(_scripts()))
def test_the_scripts_of_the_page_run_as_they_stand(
    block: Block, printed: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    simulator = Simulator(first_execution_id=123)
    for _ in range(2):
        simulator.start(ExecutionScript([StepScript("parse")]))
    with SimulatorServer(simulator) as server:
        where = {
            "DATALAB_HOST": server.api_url,
            "DATALAB_API_KEY": simulator.api_key,
            "REDIS_URL": redis_server.url,
        }
        done = subprocess.run(
            [sys.executable, "-c", block.code],
            cwd=tmp_path,
            env={**os.environ, **where},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed
