"""Each family saves the outputs of one job, as Airflow asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datalab_facade import Datalab, DatalabError
from datalab_facade.executions.family import EXECUTION_FAMILY
from datalab_facade.pipelines.family import PIPELINE_FAMILY
from datalab_facade.testing import (
    DocumentScript,
    ExecutionScript,
    Fault,
    Simulator,
    StepScript,
)
from tests.in_process import blocking, new_simulator
from tests.runs.test_document_runs import STEPS


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


def ended(client: Datalab, execution_id: int) -> Any:
    """Wait for an execution; give the JSON form of its handle."""
    client.executions.wait(execution_id)
    return client.executions.handle(execution_id).to_dict()


def test_the_outputs_of_an_execution_are_saved_and_named(
    simulator: Simulator, tmp_path: Path
) -> None:
    number = simulator.start(ExecutionScript([StepScript("parse", ends=5, output=b"text")]))
    with blocking(simulator) as client:
        manifest: Any = EXECUTION_FAMILY.save(client, ended(client, number), str(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    [saved] = [path for path in files if path.read_bytes() == b"text"]
    assert saved.is_relative_to(tmp_path / f"execution-{number}" / "parse")
    assert manifest["execution_id"] == number


def test_an_output_that_is_gone_is_said_and_the_others_are_saved(
    simulator: Simulator, tmp_path: Path
) -> None:
    steps = [StepScript(name, ends=5, output=name.encode()) for name in ("parse", "extract")]
    number = simulator.start(ExecutionScript(steps))
    simulator.inject_always(Fault.status(403), path="*parse*", origin="storage")
    with blocking(simulator) as client:
        handle = ended(client, number)
        with pytest.raises(DatalabError, match="parse"):
            EXECUTION_FAMILY.save(client, handle, str(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent.name for path in files if path.read_bytes() == b"extract"] == ["extract"]
    assert not [path for path in files if path.read_bytes() == b"parse"]


def test_of_a_pipeline_the_steps_that_have_a_result_are_saved(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.documents.script(
        DocumentScript(markdown="# Invoice"), DocumentScript(error="No page could be read")
    )
    pipeline_id = simulator.pipelines.create(STEPS)
    with blocking(simulator) as client:
        handle = client.pipelines.run(pipeline_id, b"%PDF-1.7", name="a.pdf")
        handle.wait()
        manifest: Any = PIPELINE_FAMILY.save(client, handle.to_dict(), str(tmp_path))
    assert [(step["index"], step["type"]) for step in manifest["steps"]] == [(0, "convert")]
    [text] = tmp_path.rglob("*.md")
    assert text.read_text() == "# Invoice"
    assert text.is_relative_to(tmp_path / handle.id / "0-convert")
    assert [path.name for path in (tmp_path / handle.id).iterdir()] == ["0-convert"]
